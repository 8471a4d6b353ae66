"""Complaints and suggestions: those that wait for an answer, and what a unit has written."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, contains_eager

from models.common.errors import NotFoundError
from models.complaint import Complaint
from models.plan.plan import Plan
from models.plan.unit import Unit
from models.queries.worklist import PAGE


def waiting_complaints(session: Session, plan: Plan, page: int = 1) -> Sequence[Complaint]:
    """What waits for an answer, the longest wait first."""
    query = select(Complaint).join(Complaint.unit).options(contains_eager(Complaint.unit)).where(unanswered(plan))
    return session.scalars(query.order_by(Complaint.id).limit(PAGE).offset((page - 1) * PAGE)).all()


def unanswered(plan: Plan) -> ColumnElement[bool]:
    return and_(Complaint.plan_id == plan.id, Complaint.answered_at.is_(None))


def complaints_of(session: Session, unit: Unit, page: int = 1) -> tuple[Sequence[Complaint], int]:
    """One page of what a unit has written, newest first, and how many there are."""
    own = Complaint.unit_id == unit.id
    count = session.scalars(select(func.count()).where(own)).one()
    query = select(Complaint).where(own).order_by(Complaint.id.desc()).limit(PAGE).offset((page - 1) * PAGE)
    return session.scalars(query).all(), count


def complaint_at(session: Session, plan: Plan, complaint_id: int) -> Complaint:
    """Raises NotFoundError where it is none of the plan's."""
    found = session.scalar(select(Complaint).where(Complaint.id == complaint_id, Complaint.plan_id == plan.id))
    if found is None:
        raise NotFoundError("there is no such complaint or suggestion")
    return found
