"""Reviews (审核): accept or return, with a reason, by a named person who is not the submitter."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, move, reasons_not_acceptable
from models.assignments.evidence import Submission, SubmissionItem, latest_item
from models.assignments.notices import notice_about
from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import BlockedError, IllegalMoveError, RefusedError
from models.common.event import Actor
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.outbox.message import post
from models.plan.plan import Plan


class Decision(StrEnum):
    ACCEPT = "accept"
    RETURN = "return"


class Review(Base):
    """One decision on one version."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("submission_item_id"),)

    id: Mapped[Key]
    submission_item_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("submission_item.id"), doc="the version that was reviewed (submission_item)"
    )
    decision: Mapped[Decision] = mapped_column(text_enum(Decision, "decision"), doc="what was decided")
    reason: Mapped[str] = mapped_column(doc="why")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


def accept(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    actor: Actor,
    at: dt.datetime,
    reason: str = "",
    version: int | None = None,
) -> None:
    """办结: the reviewer accepts the version in force.

    Raises BlockedError where a responsible unit's part of the joint item is open, and what `_reviewed` raises.
    """
    item = _reviewed(session, assignment, actor, version)
    open_parts = reasons_not_acceptable(session, assignment)
    if open_parts:
        raise BlockedError("{ref} waits for its responsible units: {reasons}", open_parts, ref=assignment.ref)
    _decide(session, item, Decision.ACCEPT, reason, actor, at)
    move(session, plan, assignment, Status.ACCEPTED, actor=actor, at=at, why=reason)
    post(
        session,
        plan,
        [notice_about(assignment, MessageKind.ACCEPTED, assignment.unit_id, at, by_name=actor.name, reason=reason)],
    )


def send_back(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    reason: str,
    actor: Actor,
    at: dt.datetime,
    version: int | None = None,
) -> None:
    """退回: the unit hands in again, within the plan's working days for rework where its date is nearer.

    Raises RefusedError without a reason, and what `_reviewed` raises.
    """
    if not reason.strip():
        raise RefusedError("{ref}: say why it is returned; the unit has to know what to change", ref=assignment.ref)
    item = _reviewed(session, assignment, actor, version)
    _decide(session, item, Decision.RETURN, reason, actor, at)
    rework_by = plan.work_calendar.add(plan.day_of(at), plan.rework_working_days)
    move(
        session,
        plan,
        assignment,
        Status.RETURNED,
        actor=actor,
        at=at,
        why=reason,
        due_on=max(rework_by, assignment.due_on),
    )
    notice = notice_about(assignment, MessageKind.RETURNED, assignment.unit_id, at, by_name=actor.name, reason=reason)
    post(session, plan, [notice])


def _reviewed(session: Session, assignment: Assignment, actor: Actor, version: int | None) -> SubmissionItem:
    """The version under review. Raises where there is none, it is stale, or the person may not review it."""
    item = latest_item(session, assignment)
    if assignment.status is not Status.SUBMITTED or item is None:
        raise IllegalMoveError(
            "{ref} has nothing to review: it is {status}", ref=assignment.ref, status=assignment.status
        )
    if version is not None and version != item.version:
        raise RefusedError(
            "{ref}: version {version} was looked at, but version {newest} came in since",
            ref=assignment.ref,
            version=version,
            newest=item.version,
        )
    submission = session.get_one(Submission, item.submission_id)
    if submission.by_name == actor.name:
        raise RefusedError(
            "{ref} was handed in by {name}; somebody else has to review it",
            ref=assignment.ref,
            name=actor.name,
        )
    return item


def _decide(
    session: Session, item: SubmissionItem, decision: Decision, reason: str, actor: Actor, at: dt.datetime
) -> None:
    session.add(
        Review(
            submission_item_id=item.id,
            decision=decision,
            reason=reason.strip(),
            by_name=actor.name,
            unit_id=actor.unit_id,
            at=at,
        )
    )


def waive(session: Session, plan: Plan, assignment: Assignment, *, reason: str, actor: Actor, at: dt.datetime) -> None:
    """The office no longer asks for it. Raises RefusedError without a reason."""
    if not reason.strip():
        raise RefusedError("{ref}: say why it is waived", ref=assignment.ref)
    move(session, plan, assignment, Status.WAIVED, actor=actor, at=at, why=reason)
    notice = notice_about(assignment, MessageKind.WAIVED, assignment.unit_id, at, by_name=actor.name, reason=reason)
    post(session, plan, [notice])
