"""Delivery: one letter for each recipient and tick, sent outside the transaction, settled after it.

The order is what makes it safe: an attempt is committed as `sending` before anything leaves, so that
after a crash somebody knows that it may have gone out, and looks before it is sent again. In one transaction
`claim_letters` says what is due, `reserve_turns` what of it leaves now, and `begin_attempts` writes it down.
"""

import dataclasses
import datetime as dt
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Self

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, cast, exists, func, select, text, true, update
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.common.base import AnyRow, AnySelect, any_of_ids, as_recordset
from models.common.message_kinds import MessageKind, OrderColour
from models.common.status import CLOSED, Status
from models.delivery.changes import TOLD_BY_A_CHANGE
from models.delivery.letter import RenderedLetter
from models.delivery.rate_limit import Destination, reserve
from models.finding import Finding
from models.outbox.message import AttemptOutcome, Message, MessageStatus
from models.patrol.escalation import Escalation
from models.plan.ladder import HOLDS, Condition
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

LEASE = dt.timedelta(minutes=10)  # how long a claimed letter may take before another delivery looks it up
AHEAD = dt.timedelta(seconds=10)  # what cannot leave by then is not claimed yet: it would lie in memory
RECHECK = dt.timedelta(seconds=1)
BATCH = 1000  # recipients a transaction: what they are told is all that lies in memory at once
MAX_MESSAGES_IN_LETTER = 500  # messages: more nobody reads, and the office of a national plan may have a million
MAILBOX = "mailbox"
NO_DESTINATION = Destination("")

# Asked again at the moment of sending: what was settled meanwhile is not chased.
STILL_TRUE: dict[MessageKind, frozenset[Status]] = {
    MessageKind.REMINDER: HOLDS[Condition.OPEN],
    MessageKind.OVERDUE: HOLDS[Condition.OPEN],
    MessageKind.UNSIGNED: HOLDS[Condition.UNSIGNED],
    MessageKind.UNREVIEWED: HOLDS[Condition.UNREVIEWED],
    MessageKind.TO_REVIEW: HOLDS[Condition.UNREVIEWED],
    MessageKind.DUE_MOVED: HOLDS[Condition.OPEN],
    MessageKind.PRESSED: HOLDS[Condition.OPEN],
}


@dataclasses.dataclass(frozen=True, slots=True)
class DueLetter:
    """What one recipient is to be told, and where; `more` messages wait for another letter.

    `starts`: when it may leave; None where it follows a letter of the same delivery.
    """

    unit: Unit
    messages: Sequence[AnyRow]
    more: int = 0
    destination: Destination = NO_DESTINATION
    starts: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """Letters that are due, who has waited longest first.

    `recipients`: how many were looked at, 0 when nothing is due. `dropped`: messages that are no longer true.
    """

    letters: list[DueLetter]
    recipients: int
    dropped: int


@dataclasses.dataclass(frozen=True, slots=True)
class Turns:
    """Whose letter leaves `now`. `later`: recipients whose channel is not free yet, and when to look again.

    `held`: until when each channel is reserved for these letters.
    """

    now: list[DueLetter]
    later: Mapping[int, dt.datetime]
    held: Mapping[str, dt.datetime]


@dataclasses.dataclass(frozen=True, slots=True)
class OutgoingLetter:
    """A letter in words, on its way to its recipient; `fault` says why there are no words.

    `channel` is the kind of its address, `destination` the address itself as the rate limits know it. It has to leave
    from `starts` on and by `latest`. `attempt_id` is known once its attempt is written; `link` holds a secret.
    """

    recipient_id: int
    recipient_code: str
    message_ids: tuple[int, ...]
    asks_to_sign: bool
    channel: str
    destination: Destination
    starts: dt.datetime | None
    text: RenderedLetter
    fault: str = ""
    attempt_id: int | None = None
    latest: dt.datetime | None = None
    link: str = dataclasses.field(default="", repr=False)

    @classmethod
    def of(cls, due: DueLetter, channel: str, text: RenderedLetter, fault: str = "") -> Self:
        return cls(
            due.unit.id,
            due.unit.code,
            tuple(row.id for row in due.messages),
            any(row.kind is MessageKind.ISSUED for row in due.messages),
            channel,
            due.destination,
            due.starts,
            text,
            fault,
        )

    @property
    def key(self) -> str:
        """The same messages make the same key, so that a letter can be recognised after a crash."""
        return hashlib.sha256(",".join(map(str, self.message_ids)).encode()).hexdigest()[:32]

    @property
    def outcome(self) -> AttemptOutcome:
        """With which its attempt begins."""
        if self.fault:
            return AttemptOutcome.PERMANENT
        return AttemptOutcome.SENT if self.channel == MAILBOX else AttemptOutcome.SENDING


def claim_letters(
    session: Session,
    plan: Plan,
    *,
    at: dt.datetime,
    units: Sequence[int] | None = None,
    full: AbstractSet[int] = frozenset(),
    only_red: bool = False,
) -> Claimed:
    """Claim due messages of this plan (of some units, if named), a letter a recipient, until the transaction ends.

    At most `BATCH` recipients, who has waited longest first. `full`: whom the same delivery has told as much as a
    letter holds, for there is one letter a recipient and tick. What is no longer true is dropped.
    """
    claimed = _claim_recipients(session, plan, at, units, full=full, only_red=only_red)
    rows = _claimed_messages(session, claimed, at, only_red=only_red)
    dropped = [row.id for row in rows if not _is_still_true(row)]
    _set_messages(session, dropped, MessageStatus.DROPPED)
    letters = _letters(session, claimed, [row for row in rows if _is_still_true(row)])
    return Claimed(letters, len(claimed), len(dropped))


def hold_back(
    session: Session,
    plan: Plan,
    *,
    at: dt.datetime,
    until: dt.datetime,
    units: Sequence[int] | None = None,
    but_red: bool = False,
) -> set[int]:
    """What is due at an hour at which nothing leaves waits until then, red orders too unless `but_red`.

    Returns the recipients.
    """
    waits = update(Message).where(
        Message.recipient_id.in_(select(Unit.id).where(Unit.plan_id == plan.id)),
        Message.status == MessageStatus.PENDING,
        Message.next_try_at <= at,
    )
    if units is not None:
        waits = waits.where(Message.recipient_id.in_(units))
    if but_red:
        waits = waits.where(Message.order.is_distinct_from(OrderColour.RED))
    waits = waits.values(next_try_at=until).execution_options(synchronize_session=False)
    return set(session.scalars(waits.returning(Message.recipient_id)))


def _claim_recipients(
    session: Session,
    plan: Plan,
    at: dt.datetime,
    units: Sequence[int] | None,
    *,
    full: AbstractSet[int],
    only_red: bool,
) -> Mapping[int, int]:
    """Recipients with due messages that no other delivery is working on, and how many: two would send two letters."""
    query = (
        select(Message.recipient_id, func.count().label("messages"))
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.status == MessageStatus.PENDING, Message.next_try_at <= at)
        .group_by(Message.recipient_id)
        .order_by(func.min(Message.next_try_at), Message.recipient_id)
    )
    if units is not None:
        query = query.where(any_of_ids(Message.recipient_id, units))
    if only_red:
        query = query.where(Message.order == OrderColour.RED)
    if full:
        query = query.where(Message.recipient_id.not_in(full))
    # Materialized, or PostgreSQL asks for the locks of all that are due before it sorts them, and runs out of memory.
    due = query.cte("due").prefix_with("MATERIALIZED")
    free = func.pg_try_advisory_xact_lock(func.hashtext("duban.delivery"), cast(due.c.recipient_id, Integer))
    return dict(session.execute(select(due.c.recipient_id, due.c.messages).where(free).limit(BATCH)).all())


def _claimed_messages(session: Session, claimed: Mapping[int, int], at: dt.datetime, *, only_red: bool) -> list[AnyRow]:
    """What is due to them, a letter's worth each."""
    few = [recipient for recipient, count in claimed.items() if count <= MAX_MESSAGES_IN_LETTER]
    rows = (
        list(session.execute(_due_messages(any_of_ids(Message.recipient_id, few), at, only_red=only_red)))
        if few
        else []
    )
    for recipient in claimed.keys() - set(few):
        most_urgent = _due_messages(Message.recipient_id == recipient, at, only_red=only_red).order_by(None)
        most_urgent = most_urgent.order_by((Message.order == OrderColour.RED).desc().nulls_last(), Message.id)
        rows += session.execute(most_urgent.limit(MAX_MESSAGES_IN_LETTER))
    return rows


# At most one of each kind waits for a decision.
_undecided_extension = (
    select(Extension.id)
    .where(Extension.assignment_id == Message.assignment_id, Extension.granted.is_(None))
    .scalar_subquery()
)
_undecided_objection = (
    select(Objection.id)
    .where(Objection.assignment_id == Message.assignment_id, Objection.upheld.is_(None))
    .scalar_subquery()
)


# A step of the ladder was said for the date that was in force then; another one, which is later, has steps of its own.
# What comes again counts from the day on which it came before, after the date.
_said_for_the_date = case(
    (
        Message.kind.in_((MessageKind.REMINDER, MessageKind.OVERDUE)),
        exists().where(
            Escalation.assignment_id == Message.assignment_id,
            Escalation.fell_on == Message.for_date,
            Escalation.anchor_on >= Assignment.due_on,
        ),
    ),
    else_=true(),
)
_handed_out = aliased(Assignment)
_anything_left = case(
    (
        and_(Message.kind == MessageKind.ISSUED, Message.assignment_id.is_(None)),
        exists().where(
            _handed_out.unit_id == Message.recipient_id,
            _handed_out.requirement_id == Requirement.id,
            Requirement.phase_id == Message.phase_id,
            Requirement.id.not_in(select(Finding.requirement_id)),  # these have notices of their own
            _handed_out.id.not_in(TOLD_BY_A_CHANGE),  # and so have these
            _handed_out.status.not_in(CLOSED),
        ),
    ),
    else_=true(),
)


def _due_messages(whose: ColumnElement[bool], at: dt.datetime, *, only_red: bool) -> AnySelect:
    due = (
        select(
            Message.id,
            Message.recipient_id,
            Message.kind,
            Message.subject,
            Message.order,
            Message.reason,
            Message.by_name,
            Message.assignment_id,
            Message.phase_id,
            Message.unsure,
            Assignment.status.label("assignment_status"),
            Assignment.needs_attention,
            Phase.status.label("phase_status"),
            and_(_said_for_the_date, _anything_left).label("is_asked_still"),
            _undecided_extension.label("extension_id"),
            _undecided_objection.label("objection_id"),
        )
        .outerjoin(Assignment, Assignment.id == Message.assignment_id)
        .outerjoin(Phase, Phase.id == Message.phase_id)
        .where(
            whose,
            Message.status == MessageStatus.PENDING,
            Message.next_try_at <= at,
        )
        .order_by(Message.recipient_id, Message.id)
        .with_for_update(of=Message)
    )
    return due.where(Message.order == OrderColour.RED) if only_red else due


def _is_still_true(row: AnyRow) -> bool:
    match row.kind:
        case MessageKind.EXTENSION_ASKED:
            return bool(row.subject.endswith(f"+{row.extension_id}"))
        case MessageKind.OBJECTION:
            return bool(row.subject.endswith(f"+{row.objection_id}"))
        case MessageKind.SET_ASIDE:
            return bool(row.needs_attention)
        case MessageKind.GATE_DUE | MessageKind.GATE_READY:
            return bool(row.phase_status is PhaseStatus.OPEN)
    allowed = STILL_TRUE.get(row.kind)
    return row.is_asked_still and (allowed is None or row.assignment_status in allowed)


def _set_messages(session: Session, ids: Sequence[int], status: MessageStatus, **values: Any) -> None:
    if ids:
        session.execute(
            update(Message)
            .where(any_of_ids(Message.id, ids))
            .values(status=status, **values)
            .execution_options(synchronize_session=False)
        )


def _letters(session: Session, claimed: Mapping[int, int], rows: Sequence[AnyRow]) -> list[DueLetter]:
    """What is due by recipient, who has waited longest first."""
    messages: dict[int, list[AnyRow]] = defaultdict(list)
    for row in rows:
        messages[row.recipient_id].append(row)
    units = {unit.id: unit for unit in session.scalars(select(Unit).where(any_of_ids(Unit.id, messages)))}
    return [
        DueLetter(units[recipient], messages[recipient], max(count - MAX_MESSAGES_IN_LETTER, 0))
        for recipient, count in claimed.items()
        if recipient in messages
    ]


WAIT = text("""
UPDATE message SET next_try_at = waits.turn
FROM json_to_recordset(CAST(:rows AS json)) AS waits (id bigint, turn timestamptz)
WHERE message.id = waits.id
""")
ATTEMPT_COLUMNS = ("recipient_id", "key", "channel", "lane", "at", "outcome", "detail", "subject", "body")
# One statement of one shape: with a row of parameters for each letter, compiling it takes longer than writing it.
ATTEMPT = text("""
INSERT INTO attempt (recipient_id, key, channel, lane, at, outcome, detail, subject, body)
SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS begun (
    recipient_id bigint, key text, channel text, lane text, at timestamptz, outcome text, detail text, subject text,
    body text
)
RETURNING id, key
""")
CARRY = text("""
INSERT INTO attempt_message (attempt_id, message_id)
SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS carried (attempt_id bigint, message_id bigint)
""")


def reserve_turns(
    session: Session, letters: Sequence[DueLetter], held: Mapping[str, dt.datetime], *, at: dt.datetime
) -> Turns:
    """Of the letters for each channel no more than can leave soon; the others' turn comes later.

    `held` is what the same delivery has reserved before.
    """
    turns = reserve(session, Counter(one.destination for one in letters), held, at=at, ahead=AHEAD)
    now, later, places = [], {}, Counter[Destination]()
    for one in letters:
        turn, place = turns[one.destination], places[one.destination]
        places[one.destination] += 1
        if place < turn.count:
            now.append(one if turn.follows else dataclasses.replace(one, starts=turn.starts))
        else:
            later[one.unit.id] = max(turn.starts + place * one.destination.apart - AHEAD, at + RECHECK)
    rows = [(row.id, later[one.unit.id]) for one in letters if one.unit.id in later for row in one.messages]
    if rows:
        session.execute(WAIT, as_recordset(("id", "turn"), rows))
    reserved = {where.channel: turn.until for where, turn in turns.items() if where.apart and turn.count}
    return Turns(now, later, reserved)


def begin_attempts(session: Session, letters: Sequence[OutgoingLetter], *, at: dt.datetime) -> list[OutgoingLetter]:
    """Write the attempts with their messages, and return the letters with the ids of their attempts.

    What is in a mailbox is sent with that, the rest is claimed, and what has no words is given up.
    """
    if not letters:
        return []
    rows = [
        (
            one.recipient_id,
            one.key,
            one.channel,
            one.destination.channel,
            at,
            one.outcome.value,
            one.fault,
            one.text.subject,
            one.text.body,
        )
        for one in letters
    ]
    begun = {row.key: row.id for row in session.execute(ATTEMPT, as_recordset(ATTEMPT_COLUMNS, rows))}
    written = [dataclasses.replace(one, attempt_id=begun[one.key]) for one in letters]
    carried = [(one.attempt_id, message_id) for one in written for message_id in one.message_ids]
    session.execute(CARRY, as_recordset(("attempt_id", "message_id"), carried))
    for outcome, (status, values) in {
        AttemptOutcome.SENT: (MessageStatus.SENT, {}),
        AttemptOutcome.SENDING: (MessageStatus.SENDING, {"next_try_at": at + LEASE}),
        AttemptOutcome.PERMANENT: (MessageStatus.DEAD, {}),
    }.items():
        those = [message_id for one in written if one.outcome is outcome for message_id in one.message_ids]
        _set_messages(session, those, status, tries=Message.tries + 1, **values)
    return written


def retry_dead(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """The office has mended what was wrong: try every dead message of the plan again."""
    of_plan = select(Unit.id).where(Unit.plan_id == plan.id)
    revived = session.execute(
        update(Message)
        .where(Message.status == MessageStatus.DEAD, Message.recipient_id.in_(of_plan))
        .values(status=MessageStatus.PENDING, tries=0, next_try_at=bindparam("at"))
        .returning(Message.id)
        .execution_options(synchronize_session=False),
        {"at": at},
    )
    return len(revived.all())
