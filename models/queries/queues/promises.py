"""What units promised: the promises in force, broken ones first, and how many of each unit were broken so far."""

import dataclasses
import datetime as dt

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.common.base import AnySelect
from models.common.text import Text
from models.dialogue.explanation import Explanation
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.worklist import WorkItem, paged, work_items


@dataclasses.dataclass(frozen=True, slots=True)
class Promised:
    """A promise in force. `is_broken`: its day has passed and nothing was handed in.

    `made` and `broken`: how many there were of the item.
    """

    work: WorkItem
    why: str
    until: dt.date
    answers: str
    needs: str
    by_name: str
    at: dt.datetime
    is_broken: bool
    made: int
    broken: int


@dataclasses.dataclass(frozen=True, slots=True)
class UnitPromises:
    """How many promises a unit has made so far, and how many of them it broke."""

    code: str
    unit: Text
    made: int
    broken: int


def is_broken(today: dt.date) -> ColumnElement[bool]:
    """As `Explanation.is_broken` has it, for what is known today."""
    return Explanation.until < func.coalesce(Explanation.ended_on, today)


def promises(
    session: Session, plan: Plan, today: dt.date, page: int = 1, *, unit: str = "", only_broken: bool = False
) -> list[Promised]:
    """One page of the promises in force, the earliest day first: so those come first that were broken."""
    query = in_force(plan, today, only_broken=only_broken)
    if unit:
        query = query.where(Unit.code == unit)
    rows = session.execute(paged(query.order_by(Explanation.until, Explanation.id), page)).all()
    shown = {work.id: work for work in work_items(session, plan, [row[0].assignment_id for row in rows], today)}
    return [
        Promised(
            shown[one.assignment_id],
            one.why,
            one.until,
            one.answers,
            one.needs,
            one.by_name,
            one.at,
            one.is_broken(today),
            made,
            broken,
        )
        for one, made, broken in rows
    ]


def in_force(plan: Plan, today: dt.date, *, only_broken: bool = False) -> AnySelect:
    """The promises of work that is owed still; with how many were made of it, and how many broken."""
    earlier = Explanation.__table__.alias("earlier")
    of_same = earlier.c.assignment_id == Explanation.assignment_id
    passed = earlier.c.until < func.coalesce(earlier.c.ended_on, today)
    made = select(func.count()).select_from(earlier).where(of_same)
    query = _of_plan(select(Explanation, made.scalar_subquery(), made.where(passed).scalar_subquery()), plan).where(
        Explanation.ended_on.is_(None)
    )
    return query.where(Explanation.until < today) if only_broken else query


def by_unit(session: Session, plan: Plan, today: dt.date) -> list[UnitPromises]:
    """The units that have promised anything, with most broken promises first."""
    broken = func.sum(cast(is_broken(today), Integer))
    query = _of_plan(select(Unit.code, Unit.name_zh, Unit.name_en, func.count(), broken), plan)
    rows = session.execute(query.group_by(Unit.id).order_by(broken.desc(), Unit.code))
    return [UnitPromises(code, Text(zh, en), made, missed) for code, zh, en, made, missed in rows]


def _of_plan(query: AnySelect, plan: Plan) -> AnySelect:
    return (
        query.select_from(Explanation)
        .join(Assignment, Assignment.id == Explanation.assignment_id)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id)
    )
