"""Reviews (审核): accept or return, with a reason, by a named person who is not the submitter."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments import opinion
from models.assignments.assignment import Assignment, move, reasons_not_acceptable
from models.assignments.evidence import Submission, SubmissionItem, latest_items, under_review
from models.assignments.messages import message_about
from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import is_same_person, said
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
    assignments: Sequence[Assignment],
    *,
    actor: Actor,
    at: dt.datetime,
    reason: str = "",
    version: int | None = None,
) -> None:
    """办结: the reviewer accepts the versions in force.

    Raises BlockedError where a co-lead is waited for or another unit's part of a joint item is open, RefusedError
    where a co-lead objects and no reason is given, and what `_reviewed` raises.
    """
    reviewed = _reviewed(session, assignments, actor, version)
    opinion.refuse_unheard(session, plan, assignments, reason=reason, today=plan.day_of(at))
    for assignment, item in reviewed:
        open_parts = reasons_not_acceptable(session, assignment)
        if open_parts:
            raise BlockedError("{ref} waits for its responsible units: {reasons}", open_parts, ref=assignment.ref)
        _decide(session, item, Decision.ACCEPT, reason, actor, at)
        move(session, plan, assignment, Status.ACCEPTED, actor=actor, at=at, why=reason)
    _tell(session, plan, assignments, MessageKind.ACCEPTED, reason, actor, at)


def send_back(
    session: Session,
    plan: Plan,
    assignments: Sequence[Assignment],
    *,
    reason: str,
    actor: Actor,
    at: dt.datetime,
    version: int | None = None,
) -> None:
    """退回: the unit hands in again, within the plan's working days for rework where its date is nearer.

    Raises RefusedError without a reason, and what `_reviewed` raises.
    """
    if not said(reason):
        refs = ", ".join(one.ref for one in assignments)
        raise RefusedError("{ref}: say why it is returned; the unit has to know what to change", ref=refs)
    rework_by = plan.work_calendar.add(plan.day_of(at), plan.rework_working_days)
    for assignment, item in _reviewed(session, assignments, actor, version):
        _decide(session, item, Decision.RETURN, reason, actor, at)
        due_on = max(rework_by, assignment.due_on)
        move(session, plan, assignment, Status.RETURNED, actor=actor, at=at, why=reason, due_on=due_on)
    _tell(session, plan, assignments, MessageKind.RETURNED, reason, actor, at)


def _reviewed(
    session: Session, assignments: Sequence[Assignment], actor: Actor, version: int | None
) -> list[tuple[Assignment, SubmissionItem]]:
    """Each with its version under review.

    Raises IllegalMoveError where one has none, RefusedError where `version` is another or the person may not review it.
    """
    items = latest_items(session, assignments)
    handed_in = {item.submission_id for item in items.values()}
    people = dict(session.execute(select(Submission.id, Submission.by_name).where(Submission.id.in_(handed_in))).all())
    found = []
    for assignment in assignments:
        item = under_review(items, assignment, version)
        if is_same_person(people[item.submission_id], actor.name):
            raise RefusedError(
                "{ref} was handed in by {name}; somebody else has to review it",
                ref=assignment.ref,
                name=actor.name,
            )
        found.append((assignment, item))
    return found


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
    if not said(reason):
        raise RefusedError("{ref}: say why it is waived", ref=assignment.ref)
    move(session, plan, assignment, Status.WAIVED, actor=actor, at=at, why=reason)
    _tell(session, plan, [assignment], MessageKind.WAIVED, reason, actor, at)


def _tell(
    session: Session,
    plan: Plan,
    assignments: Sequence[Assignment],
    kind: MessageKind,
    reason: str,
    actor: Actor,
    at: dt.datetime,
) -> None:
    post(
        session,
        plan,
        [message_about(one, kind, one.unit_id, at, by_name=actor.name, reason=reason) for one in assignments],
    )
