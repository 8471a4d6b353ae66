"""Signing for all that one letter brought, by its key: for a reader who has the letter and no page before them."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment, acknowledge
from models.changes.change_set import ChangeItem, ChangeSet, number_in
from models.common.errors import NotFoundError
from models.common.event import Actor, Event, EventKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.text import Text
from models.delivery.changes import TOLD_BY_A_CHANGE
from models.outbox.message import Attempt, AttemptMessage, Message
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class PostedLetter:
    """A letter as it was last written, the unit that it went to, and the unit's plan."""

    attempt: Attempt
    unit: Unit
    plan: Plan

    def refs(self, session: Session) -> list[str]:
        """References of the unit's own assignments that the letter told as issued, alone or with their phase."""
        return _told_as_issued(session, self)


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """A person who signed, for how many of a letter's assignments; `at` is the first time."""

    name: str
    at: dt.datetime
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Signed:
    """How a letter stands after somebody signed for it: how many were signed for now, and how many before.

    `signatures` covers both, the earliest first; none where the letter brought nothing to sign for.
    """

    unit_code: str
    unit_name: Text
    timezone: str
    now: int
    before: int
    signatures: tuple[Signature, ...]


def letter_of(session: Session, key: str) -> PostedLetter:
    """The newest letter with this key. Raises NotFoundError."""
    row = session.execute(
        select(Attempt, Unit, Plan)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .join(Plan, Plan.id == Unit.plan_id)
        .where(Attempt.key == key)
        .order_by(Attempt.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFoundError("this letter does not exist")
    return PostedLetter(*row)


def sign_letter(
    session: Session, letter: PostedLetter, assignments: Sequence[Assignment], *, actor: Actor, at: dt.datetime
) -> Signed:
    """Sign for these, which the letter told its unit as issued (`refs`). Doing it twice changes nothing."""
    now = acknowledge(session, letter.plan, assignments, actor=actor, at=at)
    signatures = _signatures(session, [assignment.id for assignment in assignments])
    return Signed(
        unit_code=letter.unit.code,
        unit_name=letter.unit.name,
        timezone=letter.plan.timezone,
        now=now,
        before=sum(signature.count for signature in signatures) - now,
        signatures=signatures,
    )


def _told_as_issued(session: Session, letter: PostedLetter) -> list[str]:
    """References of the unit's own assignments that the letter was about, alone or with their phase."""
    messages = session.execute(
        select(Message.assignment_id, Message.phase_id)
        .join(AttemptMessage, AttemptMessage.message_id == Message.id)
        .where(AttemptMessage.attempt_id == letter.attempt.id, Message.kind == MessageKind.ISSUED)
    ).all()
    by_changes = _issued_by_changes(session, letter)
    # What was issued after the letter was written does not stand in it.
    stood_in_it = (
        select(Event.id)
        .where(Event.assignment_id == Assignment.id, Event.kind == EventKind.ISSUED, Event.at <= letter.attempt.at)
        .exists()
    )
    phases = {row.phase_id for row in messages if row.assignment_id is None}
    refs = session.scalars(
        select(Requirement.ref)
        .join(Assignment, Assignment.requirement_id == Requirement.id)
        .where(
            Assignment.unit_id == letter.unit.id,
            or_(
                Assignment.id.in_(
                    {row.assignment_id for row in messages if row.assignment_id is not None} | by_changes
                ),
                and_(Requirement.phase_id.in_(phases), stood_in_it, Assignment.id.not_in(TOLD_BY_A_CHANGE)),
            ),
        )
        .order_by(Requirement.ref)
    )
    return [f"{ref}/{letter.unit.code}" for ref in refs]


def _issued_by_changes(session: Session, letter: PostedLetter) -> set[int]:
    """Ids of the unit's assignments that change sets issued, of which the letter told."""
    subjects = session.scalars(
        select(Message.subject)
        .join(AttemptMessage, AttemptMessage.message_id == Message.id)
        .where(AttemptMessage.attempt_id == letter.attempt.id, Message.kind == MessageKind.PLAN_CHANGED)
    ).all()
    if not subjects:
        return set()
    return set(
        session.scalars(
            TOLD_BY_A_CHANGE.join(ChangeSet, ChangeSet.id == ChangeItem.change_set_id).where(
                ChangeSet.plan_id == letter.plan.id,
                ChangeSet.number.in_([number_in(one) for one in subjects]),
                ChangeItem.unit_id == letter.unit.id,
            )
        )
    )


def _signatures(session: Session, assignment_ids: Sequence[int]) -> tuple[Signature, ...]:
    """From the journal; handing in implies signing. No assignment is issued twice, so each is counted once."""
    first = func.min(Event.at)
    rows = session.execute(
        select(Event.actor, first, func.count())
        .where(
            Event.assignment_id.in_(assignment_ids),
            Event.kind == EventKind.MOVED,
            Event.status_before == Status.ISSUED,
            Event.status_after != Status.WAIVED,
        )
        .group_by(Event.actor)
        .order_by(first, Event.actor)
    )
    return tuple(Signature(*row) for row in rows)
