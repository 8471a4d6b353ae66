"""Overdue work that was taken to the office or to the leader."""

import dataclasses
import datetime as dt

from sqlalchemy import ColumnElement, Date, and_, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.common.base import AnySelect
from models.common.status import OWED
from models.patrol.escalation import Escalation
from models.plan.ladder import Audience, Condition
from models.plan.phase import Phase
from models.plan.plan import Ladder, Plan
from models.plan.requirement import Requirement
from models.queries.worklist import WorkItem, paged, work_items


@dataclasses.dataclass(frozen=True, slots=True)
class Escalated:
    """Overdue work, and since when the office and the leader of the group know of it."""

    work: WorkItem
    office_since: dt.date | None
    leader_since: dt.date | None


def escalated(session: Session, plan: Plan, today: dt.date, page: int = 1) -> list[Escalated]:
    """Overdue work for which a step of the ladder reached the office or the leader; the longest overdue first."""
    rows = session.execute(paged(reached(plan, today), page)).all()
    shown = {work.id: work for work in work_items(session, plan, [row.id for row in rows], today)}
    return [Escalated(shown[row.id], row.office_since, row.leader_since) for row in rows]


def reached(plan: Plan, today: dt.date) -> AnySelect:
    """The day on which a step for the date in force reached this audience; historic steps were never sent."""
    step = func.jsonb_array_elements(Ladder.steps).table_valued(column("value", JSONB)).lateral("step")
    audience = step.c.value["audience"]

    def since(body: Audience) -> ColumnElement[dt.date]:
        told_on = cast(func.timezone(plan.timezone, Escalation.at), Date)
        return func.min(told_on).filter(audience.contains([body.value]))

    return (
        select(
            Assignment.id,
            since(Audience.OFFICE).label("office_since"),
            since(Audience.LEADER).label("leader_since"),
        )
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(
            Escalation,
            and_(
                Escalation.assignment_id == Assignment.id,
                Escalation.anchor_on == Assignment.due_on,
                ~Escalation.historic,
            ),
        )
        .join(Ladder, Ladder.id == func.coalesce(Requirement.ladder_id, Phase.ladder_id, plan.ladder_id))
        .join(
            step,
            and_(
                step.c.value["code"].astext == Escalation.step,
                step.c.value["condition"].astext == Condition.OPEN,
                audience.has_any(array([Audience.OFFICE.value, Audience.LEADER.value])),
            ),
        )
        .where(Phase.plan_id == plan.id, Assignment.status.in_(OWED), Assignment.due_on < today)
        .where(~Requirement.open_ended)
        .group_by(Assignment.id, Requirement.ref)
        .order_by(Assignment.due_on, Requirement.ref, Assignment.id)
    )
