"""A change set as it is stored: what was changed, why, by what authority, and each item that it touched."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.assignments.assignment import Assignment
from models.common.base import Base, Instant, Json, Key, append_only, text_enum
from models.common.errors import NotFoundError
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit


class Touch(StrEnum):
    """What happened to an item, or to a unit."""

    ISSUED = "issued"
    DUE_MOVED = "due_moved"
    ROLE_MOVED = "role_moved"
    REVIEWER_MOVED = "reviewer_moved"
    REWORDED = "reworded"
    WITHDRAWN = "withdrawn"
    LEADS = "leads"  # the unit leads from now on, and reviews what is open
    LEADS_NO_MORE = "leads_no_more"
    RENAMED = "renamed"
    CLOSED = "closed"  # the unit: nothing new is asked of it


class ChangeSet(Base):
    """One change of a plan that runs. `orders` are those that came beside the document."""

    __tablename__ = "change_set"
    __table_args__ = (UniqueConstraint("plan_id", "number"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    number: Mapped[int] = mapped_column(doc="its number in the plan")
    title: Mapped[str] = mapped_column(doc="what it is called")
    why: Mapped[str] = mapped_column(doc="why")
    authority: Mapped[str] = mapped_column(doc="by what authority, such as the number of a document")
    from_on: Mapped[dt.date] = mapped_column(doc="the day from which it counts")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    version_before: Mapped[int] = mapped_column(doc="the version of the plan until then")
    version_after: Mapped[int] = mapped_column(doc="the version of the plan from then on")
    orders: Mapped[Json] = mapped_column(doc="what was ordered beside the document")


class ChangeItem(Base):
    """What a change set did to one item, or to one unit where it names no item."""

    __tablename__ = "change_item"

    id: Mapped[Key]
    change_set_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("change_set.id"), index=True, doc="the change set (change_set)"
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    requirement_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), doc="the requirement (requirement)"
    )
    assignment_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), index=True, doc="the assignment (assignment)"
    )
    what: Mapped[Touch] = mapped_column(text_enum(Touch, "what"), doc="what happened")
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), doc="how it was before")
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), doc="how it was afterwards")

    change: Mapped[ChangeSet] = relationship()
    unit: Mapped[Unit] = relationship()
    requirement: Mapped[Requirement | None] = relationship()
    assignment: Mapped[Assignment | None] = relationship()

    @property
    def unit_code(self) -> str:
        return self.unit.code

    @property
    def ref(self) -> str:
        """Of the item or the requirement; of the unit where it is about neither."""
        if self.requirement is None:
            return self.unit.code
        return f"{self.requirement.ref}/{self.unit.code}" if self.assignment_id else self.requirement.ref


append_only(ChangeSet, "change sets are")
append_only(ChangeItem, "what change sets did is")


def changes_of(session: Session, plan: Plan) -> Sequence[tuple[ChangeSet, int]]:
    """The change sets of a plan with how many items each touched, the newest first."""
    touched = (
        select(func.count(ChangeItem.assignment_id.distinct()))
        .where(ChangeItem.change_set_id == ChangeSet.id)
        .scalar_subquery()
    )
    query = select(ChangeSet, touched).where(ChangeSet.plan_id == plan.id).order_by(ChangeSet.number.desc())
    return [(one, count) for one, count in session.execute(query)]


def change_of(session: Session, plan: Plan, number: int) -> ChangeSet:
    """Raises NotFoundError where the plan has none of that number."""
    found = session.scalar(select(ChangeSet).where(ChangeSet.plan_id == plan.id, ChangeSet.number == number))
    if found is None:
        raise NotFoundError("the plan {plan} has no change set {number}", plan=plan.code, number=number)
    return found


def touched_by(session: Session, change: ChangeSet) -> Sequence[ChangeItem]:
    """All that a change set did, unit by unit."""
    query = (
        select(ChangeItem)
        .join(ChangeItem.unit)
        .outerjoin(ChangeItem.requirement)
        .where(ChangeItem.change_set_id == change.id)
        .order_by(Unit.code, ChangeItem.what, Requirement.ref, ChangeItem.id)
    )
    return session.scalars(query).all()


def changes_of_item(session: Session, assignment_id: int) -> Sequence[ChangeItem]:
    """What change sets did to one item, the oldest first."""
    query = select(ChangeItem).where(ChangeItem.assignment_id == assignment_id).order_by(ChangeItem.id)
    return session.scalars(query).all()


def subject(plan: Plan, number: int) -> str:
    """What the messages of a change set are about."""
    return f"{plan.code}~{number}"


def number_in(subject: str) -> int:
    """The number of the change set that a message is about."""
    return int(subject.rpartition("~")[2])
