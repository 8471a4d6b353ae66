"""Whom the plan asks, issued or not: of a phase, and on what a unit leads."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.plan.area import Role
from models.plan.phase import Phase
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import CollectiveMember, Unit

_NAMED = (
    select(func.coalesce(Addressee.unit_id, CollectiveMember.unit_id))
    .outerjoin(CollectiveMember, CollectiveMember.collective_id == Addressee.collective_id)
    .distinct()
)


def units_led_by(session: Session, unit_id: int) -> set[int]:
    """The ids of the units that do their part on an item that this unit leads, itself left out."""
    co_led = select(CoLead.requirement_id).where(CoLead.unit_id == unit_id)
    led = select(Requirement.id).where(or_(Requirement.lead_id == unit_id, Requirement.id.in_(co_led)))
    named = _NAMED.where(Addressee.requirement_id.in_(led), Addressee.role == Role.RESPONSIBLE)
    return set(session.scalars(named)) - {unit_id, None}


def units_asked_in(session: Session, phase: Phase) -> Sequence[Unit]:
    """The units that a phase asks something of, in the order of the plan; those that ended are left out."""
    asked = select(Requirement.id).where(Requirement.phase_id == phase.id, Requirement.withdrawn_on.is_(None))
    named = _NAMED.where(Addressee.requirement_id.in_(asked))
    query = select(Unit).where(Unit.id.in_(named), Unit.closed_on.is_(None))
    return session.scalars(query.order_by(Unit.kind, Unit.id)).all()
