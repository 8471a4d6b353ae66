"""Which entries of the journal change how an assignment stands, asked in SQL."""

import datetime as dt

from sqlalchemy import (
    CTE,
    ColumnElement,
    Exists,
    Subquery,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy import Date as SqlDate
from sqlalchemy.dialects.postgresql import distinct_on

from models.assignments.assignment import Assignment
from models.common.event import Event, EventKind
from models.common.status import OWED, Status
from models.dates.instants import end_of
from models.plan.area import Role
from models.plan.plan import Plan

# The kinds of entries that a light can depend on.
CHANGES = (EventKind.ISSUED, EventKind.MOVED, EventKind.DUE_MOVED, EventKind.EXCUSED)


def changed_since(plan: Plan, on: dt.date) -> Exists:
    """Whether the journal has entries after that day: then the rows no longer show how things stood on it."""
    # The instant is a literal: a query plan prepared for any instant would read the whole journal to find nothing.
    end = literal(end_of(on, plan.timezone), literal_execute=True)
    kinds = (*CHANGES, EventKind.PLAN_CHANGED)
    return exists().where(Event.plan_id == plan.id, Event.at > end, Event.kind.in_(kinds))


def earlier_roles(plan: Plan, on: dt.date) -> Subquery:
    """Of the assignments whose role a change set moved after that day, the role at its end."""
    end = literal(end_of(on, plan.timezone), literal_execute=True)
    return (
        select(Event.assignment_id, Event.detail["role_before"].astext.label("role"))
        .ext(distinct_on(Event.assignment_id))
        .where(
            Event.plan_id == plan.id,
            Event.kind == EventKind.PLAN_CHANGED,
            Event.at > end,
            Event.detail.has_key("role_before"),
        )
        .order_by(Event.assignment_id, Event.id)
        .subquery()
    )


def role_on(earlier: Subquery) -> ColumnElement[Role]:
    """The role of an assignment on the day of `earlier_roles`, which is joined to it from without."""
    return type_coerce(func.coalesce(earlier.c.role, Assignment.role), Assignment.role.type).label("role")


def in_force(plan: Plan, on: dt.date, unit_id: int | None = None) -> CTE:
    """For each assignment the entries of the journal that say its status and its date, and whether it was late."""
    day = cast(func.timezone(plan.timezone, Event.at), SqlDate)
    handed_in_late = and_(Event.status_after == Status.SUBMITTED, Event.status_before.in_(OWED), day > Event.due_before)
    last_late = func.max(Event.id).filter(handed_in_late)
    last_excuse = func.max(Event.id).filter(Event.kind == EventKind.EXCUSED)
    query = (
        select(
            Event.assignment_id,
            func.max(Event.id).filter(Event.status_after.is_not(None)).label("status_id"),
            func.max(Event.id).filter(Event.due_after.is_not(None)).label("due_id"),
            (last_late > func.coalesce(last_excuse, 0)).label("was_late"),
        )
        .where(Event.plan_id == plan.id, Event.kind.in_(CHANGES), Event.at <= end_of(on, plan.timezone))
        .group_by(Event.assignment_id)
    )
    if unit_id is not None:
        query = query.where(Event.assignment_id.in_(select(Assignment.id).where(Assignment.unit_id == unit_id)))
    return query.cte("known")
