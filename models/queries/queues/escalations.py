"""Overdue work that was taken to the office or to the leader."""

import dataclasses
import datetime as dt

from sqlalchemy import ColumnElement, Date, and_, cast, column, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.common.base import AnySelect
from models.common.status import OWED
from models.dialogue.contact import Contact, last_contacts
from models.patrol.escalation import Escalation
from models.plan.ladder import Audience, Condition
from models.plan.phase import Phase
from models.plan.plan import Ladder, Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.worklist import WorkItem, paged, work_items


@dataclasses.dataclass(frozen=True, slots=True)
class Escalated:
    """Overdue work, since when the office and the leader of the group know of it, and the last contact about it."""

    work: WorkItem
    office_since: dt.date | None
    leader_since: dt.date | None
    contact: Contact | None = None


def escalated(
    session: Session, plan: Plan, today: dt.date, page: int = 1, *, everything: bool = False
) -> list[Escalated]:
    """Overdue work for which a step of the ladder reached the office or the leader, by unit and measure.

    Without what was worked off, unless `everything` is asked for.
    """
    rows = session.execute(paged(reached(plan, today, everything=everything), page)).all()
    ids = [row.id for row in rows]
    shown = {work.id: work for work in work_items(session, plan, ids, today)}
    spoken = last_contacts(session, ids)
    return [Escalated(shown[row.id], row.office_since, row.leader_since, spoken.get(row.id)) for row in rows]


# When somebody last spoke with the unit about it.
_LAST_CONTACT = (
    select(func.max(Contact.at)).where(Contact.assignment_id == Assignment.id).correlate(Assignment).scalar_subquery()
)


def reached(plan: Plan, today: dt.date, *, everything: bool = True) -> AnySelect:
    """Overdue work that was taken to the office or the leader; without `everything` what nobody has seen to since.

    The day on which a step for the date in force reached this audience; historic steps were never sent.
    """
    step = func.jsonb_array_elements(Ladder.steps).table_valued(column("value", JSONB)).lateral("step")
    audience = step.c.value["audience"]

    def since(body: Audience) -> ColumnElement[dt.date]:
        told_on = cast(func.timezone(plan.timezone, Escalation.at), Date)
        return func.min(told_on).filter(audience.contains([body.value]))

    query = (
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
                Escalation.anchor_on >= Assignment.due_on,  # what comes again counts from a later day
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
        .join(Unit, Unit.id == Assignment.unit_id)
        .group_by(Assignment.id, Requirement.id, Unit.code)
        .order_by(Unit.code, Requirement.area_id, Requirement.measure_id, Assignment.due_on, Assignment.id)
    )
    if everything:
        return query
    return query.having(or_(_LAST_CONTACT.is_(None), func.max(Escalation.at) > _LAST_CONTACT))
