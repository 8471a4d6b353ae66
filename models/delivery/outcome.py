"""How sends end: sent, tried again with growing waits, given up; and what nobody knows is looked up before that."""

import dataclasses
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, aliased

from models.common.base import AnyRow, AnySelect, any_of_ids, as_recordset
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.plan.plan import Plan
from models.plan.unit import Unit

FIRST_RETRY_WAIT = dt.timedelta(minutes=1)
MAX_RETRY_WAIT = dt.timedelta(hours=1)
JITTER = 0.25  # of a wait, at most, on top of it: what failed together does not come back together
MAX_FIRST_RETRY_WAIT = FIRST_RETRY_WAIT * (1 + JITTER)
MAX_TRIES = 12  # with these waits five hours at least
UNSETTLED = frozenset({AttemptOutcome.SENDING, AttemptOutcome.AMBIGUOUS})
TWICE = "sent twice, and the channel can tell of neither whether it arrived; not sent a third time"


class SendResult(StrEnum):
    """How a send ended, or what a look-up said of one whose end nobody knows."""

    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"
    ABSENT = "absent"  # looked up: it did not arrive
    UNTRACEABLE = "untraceable"  # the channel cannot tell, today or later
    LATER = "later"  # the channel cannot tell now
    UNASKED = "unasked"  # the channel wants no question for now
    HELD = "held"  # the channel wants no post for so long that it was not tried

    @property
    def outcome(self) -> AttemptOutcome:
        """What the attempt keeps of it."""
        if self in {SendResult.ABSENT, SendResult.HELD}:
            return AttemptOutcome.TEMPORARY
        is_unsure = self in {SendResult.UNTRACEABLE, SendResult.LATER, SendResult.UNASKED}
        return AttemptOutcome.AMBIGUOUS if is_unsure else AttemptOutcome(self.value)


@dataclasses.dataclass(frozen=True, slots=True)
class UncertainAttempt:
    """An attempt of which nobody knows whether it went out."""

    attempt_id: int
    recipient_code: str
    key: str
    channel: str
    lane: str
    at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class AttemptResult:
    """The end of one attempt. `retry_after`: how long the channel wants no post."""

    attempt_id: int
    ending: SendResult
    detail: str = ""
    external_id: str = ""
    retry_after: dt.timedelta | None = None


def record_outcomes(session: Session, ended: Sequence[AttemptResult], *, at: dt.datetime) -> None:
    """Write how these sends ended, and what becomes of their messages: sent, tried again later, or dead.

    Where somebody else has settled one, only the news that it was sent after all counts.
    """
    ends = {one.attempt_id: one for one in ended}
    # Each in one order, so that two that settle the same do not wait for each other for ever.
    attempts = session.execute(
        select(Attempt.id, Attempt.key, Attempt.outcome)
        .where(any_of_ids(Attempt.id, ends))
        .order_by(Attempt.id)
        .with_for_update()
    ).all()
    messages: dict[int, list[AnyRow]] = defaultdict(list)
    for row in session.execute(_carried(ends)):
        messages[row.attempt_id].append(row)
    moves: list[_Move] = []
    notes: list[tuple[int, str, str, str]] = []
    for attempt in attempts:
        end = ends[attempt.id]
        if attempt.outcome not in UNSETTLED and end.ending is not SendResult.SENT:
            continue
        ours = [_move(end, attempt.key, row, at) for row in messages[attempt.id] if _concerns(end, row)]
        is_unsure = end.ending in {SendResult.UNTRACEABLE, SendResult.LATER}
        given_up = is_unsure and any(move.status == MessageStatus.DEAD for move in ours)
        said = TWICE if given_up else end.detail
        notes.append((attempt.id, end.ending.outcome.value, said, end.external_id))
        moves += ours
    if notes:
        session.execute(NOTE, as_recordset(("id", "outcome", "detail", "external_id"), notes))
    if moves:
        session.execute(MOVE, as_recordset(_Move._fields, moves))


NOTE = text("""
UPDATE attempt SET outcome = noted.outcome, detail = noted.detail, external_id = noted.external_id
FROM json_to_recordset(CAST(:rows AS json)) AS noted (id bigint, outcome text, detail text, external_id text)
WHERE attempt.id = noted.id
""")
MOVE = text("""
UPDATE message SET status = moved.status, next_try_at = moved.next_try_at, tries = moved.tries, unsure = moved.unsure
FROM json_to_recordset(CAST(:rows AS json))
    AS moved (message_id bigint, status text, next_try_at timestamptz, tries bigint, unsure bigint)
WHERE message.id = moved.message_id
""")


class _Move(NamedTuple):
    """What becomes of one message."""

    message_id: int
    status: str
    next_try_at: dt.datetime
    tries: int
    unsure: int


_of_message = aliased(AttemptMessage)
_latest = (
    select(func.max(_of_message.attempt_id))
    .where(_of_message.message_id == Message.id)
    .correlate(Message)
    .scalar_subquery()
)


def _carried(attempts: Iterable[int]) -> AnySelect:
    return (
        select(
            AttemptMessage.attempt_id,
            Message.id,
            Message.status,
            Message.tries,
            Message.unsure,
            _latest.label("latest"),
        )
        .join(Message, Message.id == AttemptMessage.message_id)
        .where(any_of_ids(AttemptMessage.attempt_id, attempts))
        .order_by(Message.id)
        .with_for_update(of=Message)
    )


def _concerns(end: AttemptResult, message: AnyRow) -> bool:
    """A message that is on its way again is no matter of an earlier attempt, unless that one arrived after all."""
    is_ours = message.status is MessageStatus.SENDING and message.latest == end.attempt_id
    return is_ours or end.ending is SendResult.SENT


def _move(end: AttemptResult, key: str, message: AnyRow, at: dt.datetime) -> _Move:
    ending, tries = end.ending, message.tries + (end.ending is SendResult.LATER) - (end.ending is SendResult.HELD)
    if ending is SendResult.LATER and tries >= MAX_TRIES:
        # Nobody could tell for hours, and it may never have left: it is sent once more, and says so.
        ending, tries = SendResult.UNTRACEABLE, 0
    uncertain_attempts = message.unsure + (ending is SendResult.UNTRACEABLE)
    wait = max(backoff(tries, key), end.retry_after or dt.timedelta(0))
    if ending in {SendResult.ABSENT, SendResult.UNTRACEABLE}:
        wait = dt.timedelta(0)  # it has waited for the look-up
    if ending in {SendResult.HELD, SendResult.UNASKED}:
        wait = end.retry_after or dt.timedelta(0)
    return _Move(
        message.id, status_after(ending, tries, uncertain_attempts).value, at + wait, tries, uncertain_attempts
    )


def status_after(ending: SendResult, tries: int, uncertain_attempts: int) -> MessageStatus:
    """What becomes of a message after so many tries, of which so many may have arrived and nobody can tell.

    An ambiguous one stays claimed until somebody has looked. What may have arrived is sent once more and no third
    time: losing a notice is worse than sending it twice.
    """
    match ending:
        case SendResult.SENT:
            return MessageStatus.SENT
        case SendResult.PERMANENT:
            return MessageStatus.DEAD
        case SendResult.AMBIGUOUS | SendResult.UNASKED:
            return MessageStatus.SENDING
        case SendResult.UNTRACEABLE if uncertain_attempts > 1:
            return MessageStatus.DEAD
    if tries >= MAX_TRIES:
        return MessageStatus.DEAD
    return MessageStatus.SENDING if ending is SendResult.LATER else MessageStatus.PENDING


def backoff(tries: int, key: str) -> dt.timedelta:
    """The wait before the next try: a minute, doubled each time, at most an hour; up to a quarter of it by chance.

    The same key and try wait equally long.
    """
    longest = MAX_RETRY_WAIT / (1 + JITTER)
    wait = min(FIRST_RETRY_WAIT * (1 << min(max(tries - 1, 0), 10)), longest)
    chance = int.from_bytes(hashlib.sha256(f"{key}/{tries}".encode()).digest()[:4]) / 2**32
    return wait * (1 + JITTER * chance)


def uncertain_attempts(
    session: Session, plan: Plan, *, at: dt.datetime, units: Sequence[int] | None = None
) -> list[UncertainAttempt]:
    """Attempts that were begun and never settled, or ended ambiguously, and may be looked up now."""
    query = (
        select(Attempt.id, Unit.code, Attempt.key, Attempt.channel, Attempt.lane, Attempt.at)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
        .join(Message, Message.id == AttemptMessage.message_id)
        .where(
            Unit.plan_id == plan.id,
            Message.status == MessageStatus.SENDING,
            Message.next_try_at <= at,
            Attempt.id == _latest,
        )
        .distinct()
        .order_by(Attempt.id)
    )
    if units is not None:
        query = query.where(Attempt.recipient_id.in_(units))
    return [UncertainAttempt(*row) for row in session.execute(query)]
