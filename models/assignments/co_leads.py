"""Who is asked before work is accepted: the leads after the first, about what others hand in on their item."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.messages import message_about
from models.assignments.reviewer import HAS_LEAD_OVER, lead_over
from models.common.base import any_of_ids
from models.common.message_kinds import MessageKind
from models.outbox.message import NewMessage
from models.plan.requirement import CoLead
from models.plan.unit import Unit


def co_leads_asked(session: Session, assignments: Iterable[Assignment]) -> Mapping[int, Sequence[Unit]]:
    """Who is asked about each, by its id: nobody about their own work, nor where no lead reviews it."""
    led = [one for one in assignments if lead_over(one.role, one.unit_id, one.requirement.lead_id) is not None]
    if not led:
        return {}
    rows = session.execute(
        select(CoLead.requirement_id, Unit)
        .join(Unit, Unit.id == CoLead.unit_id)
        .where(any_of_ids(CoLead.requirement_id, {one.requirement_id for one in led}))
        .order_by(CoLead.requirement_id, CoLead.position)
    )
    units: dict[int, list[Unit]] = defaultdict(list)
    for requirement_id, unit in rows:
        units[requirement_id].append(unit)
    asked = {one.id: [unit for unit in units[one.requirement_id] if unit.id != one.unit_id] for one in led}
    return {one: found for one, found in asked.items() if found}


def is_asked(session: Session, unit: Unit, assignment: Assignment) -> bool:
    """Whether this unit is asked about the assignment."""
    if unit.id in {assignment.unit_id, assignment.requirement.lead_id}:
        return False
    return unit in co_leads_asked(session, [assignment]).get(assignment.id, ())


def is_asked_about(unit_id: int) -> ColumnElement[bool]:
    """As `is_asked`, of an assignment and its requirement."""
    leads = exists().where(CoLead.requirement_id == Assignment.requirement_id, CoLead.unit_id == unit_id)
    return and_(HAS_LEAD_OVER, Assignment.unit_id != unit_id, leads.correlate(Assignment))


def asking(session: Session, assignments: Sequence[Assignment], at: dt.datetime, by_name: str) -> list[NewMessage]:
    """What tells the co-leads that something waits for their word."""
    asked = co_leads_asked(session, assignments)
    return [
        message_about(one, MessageKind.OPINION_ASKED, unit.id, at, by_name=by_name)
        for one in assignments
        for unit in asked.get(one.id, ())
    ]
