"""Delivery: one digest for each recipient and tick, sent outside the transaction, settled after it.

The order is what makes it safe: an attempt is committed as `sending` before anything leaves, so that
after a crash somebody knows that it may have gone out, and looks before it is sent again.
"""

import dataclasses
import datetime as dt
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, cast, exists, func, select, text, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.common.base import AnyRow, AnySelect, any_of_ids, as_recordset
from models.common.message_kinds import MessageKind, OrderColour
from models.common.status import CLOSED, Status
from models.delivery.compose import Letters
from models.delivery.letter import Letter
from models.delivery.rate_limit import Destination, reserve
from models.finding import Finding
from models.outbox.message import AttemptOutcome, Message, MessageStatus
from models.patrol.escalation import Escalation
from models.plan.ladder import HOLDS, Condition
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

LEASE = dt.timedelta(minutes=10)  # how long a claimed digest may take before somebody else looks into it
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
}


@dataclasses.dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A letter in words."""

    subject: str
    body: str


NO_WORDS = RenderedLetter("", "")


@dataclasses.dataclass(frozen=True, slots=True)
class OutgoingLetter:
    """An attempt that was begun and has to be sent now, or from `starts` on; what follows a post of ours has none."""

    attempt_id: int
    recipient_id: int
    recipient_code: str
    key: str
    text: RenderedLetter
    asks_to_sign: bool
    lane: Destination
    starts: dt.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim yields: digests to send, and what was settled at once (the mailbox needs no sending).

    `recipients`: how many were looked at, 0 when nothing is due. `unwritten`: letters that could not be put into
    words. `waiting`: recipients whose channel is not free yet, with their turn. `held`: until when each channel
    is reserved for these. `full`: recipients whose letter holds all that it may, and who have more.
    """

    digests: list[OutgoingLetter]
    recipients: int = 0
    letters: int = 0
    messages: int = 0
    dropped: int = 0
    unwritten: int = 0
    waiting: Mapping[int, dt.datetime] = dataclasses.field(default_factory=dict)
    held: Mapping[str, dt.datetime] = dataclasses.field(default_factory=dict)
    full: AbstractSet[int] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class _Due:
    """What one recipient is to be told, on which channel, and from when on; `more` messages wait for another letter."""

    unit: Unit
    messages: Sequence[AnyRow]
    lane: Destination
    more: int
    starts: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Draft:
    """A digest in words; `fault` says why there are none."""

    due: _Due
    channel: str
    text: RenderedLetter
    fault: str = ""

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.due.messages]

    @property
    def key(self) -> str:
        """The same messages make the same key, so that a digest can be recognised after a crash."""
        return hashlib.sha256(",".join(map(str, self.ids)).encode()).hexdigest()[:32]

    @property
    def outcome(self) -> AttemptOutcome:
        if self.fault:
            return AttemptOutcome.PERMANENT
        return AttemptOutcome.SENT if self.channel == MAILBOX else AttemptOutcome.SENDING


def claim_letters(
    session: Session,
    plan: Plan,
    *,
    at: dt.datetime,
    write: Callable[[Letter], RenderedLetter],
    channel_of: Callable[[str], str],
    lane_of: Callable[[str], Destination] = lambda _: NO_DESTINATION,
    held: Mapping[str, dt.datetime] | None = None,
    units: Sequence[int] | None = None,
    full: AbstractSet[int] = frozenset(),
    only_red: bool = False,
    limit: int = BATCH,
) -> Claimed:
    """Claim due messages of this plan (of some units, if named), a digest a recipient, and begin its attempt.

    At most `limit` recipients, who has waited longest first, and on each channel no more than can leave soon:
    the others' turn comes later. `held` is what earlier claims of the same delivery have reserved, and `full` whom
    they have told as much as a letter holds: one letter a recipient and tick.
    """
    claimed = _claim_recipients(session, plan, at, units, limit, full=full, only_red=only_red)
    rows = _claimed_messages(session, claimed, at, only_red=only_red)
    dropped = [row.id for row in rows if not _is_still_true(row)]
    _set_messages(session, dropped, MessageStatus.DROPPED)
    dues = _dues(session, claimed, [row for row in rows if _is_still_true(row)], lane_of)
    now, waiting, reserved = _reserve_turns(session, dues, held or {}, at)
    parcels = _written(session, plan, now, write, channel_of, at)
    ids = _begin_attempts(session, parcels, at)
    digests = [
        OutgoingLetter(
            attempt_id,
            parcel.due.unit.id,
            parcel.due.unit.code,
            parcel.key,
            parcel.text,
            asks_to_sign=any(row.kind is MessageKind.ISSUED for row in parcel.due.messages),
            lane=parcel.due.lane,
            starts=parcel.due.starts,
        )
        for attempt_id, parcel in zip(ids, parcels, strict=True)
        if parcel.outcome is AttemptOutcome.SENDING
    ]
    readable = [parcel for parcel in parcels if not parcel.fault]
    return Claimed(
        digests,
        recipients=len(claimed),
        letters=len(readable) - len(digests),
        messages=sum(len(parcel.ids) for parcel in readable),
        dropped=len(dropped),
        unwritten=len(parcels) - len(readable),
        waiting=waiting,
        held=reserved,
        full={due.unit.id for due in now if due.more},
    )


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
    limit: int,
    *,
    full: AbstractSet[int],
    only_red: bool,
) -> Mapping[int, int]:
    """Recipients with due messages that no other delivery is working on, and how many: two would send two digests."""
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
    return dict(session.execute(select(due.c.recipient_id, due.c.messages).where(free).limit(limit)).all())


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


# A step of the ladder was said for the date that was in force then; another one has steps of its own.
_said_for_the_date = case(
    (
        Message.kind.in_((MessageKind.REMINDER, MessageKind.OVERDUE)),
        exists().where(
            Escalation.assignment_id == Message.assignment_id,
            Escalation.fell_on == Message.for_date,
            Escalation.anchor_on == Assignment.due_on,
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


def _dues(
    session: Session, claimed: Mapping[int, int], rows: Sequence[AnyRow], lane_of: Callable[[str], Destination]
) -> list[_Due]:
    """What is due by recipient, who has waited longest first."""
    messages: dict[int, list[AnyRow]] = defaultdict(list)
    for row in rows:
        messages[row.recipient_id].append(row)
    units = {unit.id: unit for unit in session.scalars(select(Unit).where(any_of_ids(Unit.id, messages)))}
    return [
        _Due(
            units[recipient],
            messages[recipient],
            lane_of(units[recipient].code),
            max(count - MAX_MESSAGES_IN_LETTER, 0),
        )
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


def _reserve_turns(
    session: Session, dues: Sequence[_Due], held: Mapping[str, dt.datetime], at: dt.datetime
) -> tuple[list[_Due], dict[int, dt.datetime], dict[str, dt.datetime]]:
    """Who is served now; when the others look again, shortly before their turn; and what is reserved for this."""
    turns = reserve(session, Counter(due.lane for due in dues), held, at=at, ahead=AHEAD)
    now, later, places = [], {}, Counter[Destination]()
    for due in dues:
        turn, place = turns[due.lane], places[due.lane]
        places[due.lane] += 1
        if place < turn.count:
            now.append(due if turn.follows else dataclasses.replace(due, starts=turn.starts))
        else:
            later[due.unit.id] = max(turn.starts + place * due.lane.apart - AHEAD, at + RECHECK)
    rows = [(row.id, later[due.unit.id]) for due in dues if due.unit.id in later for row in due.messages]
    if rows:
        session.execute(WAIT, as_recordset(("id", "turn"), rows))
    return now, later, {lane.channel: turn.until for lane, turn in turns.items() if lane.apart and turn.count}


def _written(
    session: Session,
    plan: Plan,
    dues: Sequence[_Due],
    write: Callable[[Letter], RenderedLetter],
    channel_of: Callable[[str], str],
    at: dt.datetime,
) -> list[_Draft]:
    if not dues:
        return []
    letters = Letters(session, plan, plan.day_of(at), [row for due in dues for row in due.messages])

    def parcel(due: _Due) -> _Draft:
        return _Draft(due, channel_of(due.unit.code), write(letters.of(due.unit, due.messages, due.more)))

    def parcels(due: _Due) -> Iterator[_Draft]:
        """One, or where something cannot be put into words, that aside and the rest in one."""
        try:
            yield parcel(due)
        except SQLAlchemyError:  # the transaction is lost
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter stops no other: a person sees it
            fault = f"it could not be put into words: {type(error).__name__}: {error}"
            if len(due.messages) == 1:
                yield _Draft(due, channel_of(due.unit.code), NO_WORDS, fault)
                return
            alone = [one for row in due.messages for one in parcels(dataclasses.replace(due, messages=[row]))]
            yield from (one for one in alone if one.fault)
            rest = [row for one in alone if not one.fault for row in one.due.messages]
            if 0 < len(rest) < len(due.messages):
                yield from parcels(dataclasses.replace(due, messages=rest))
            elif rest:  # each can be written, and all together cannot
                yield _Draft(due, channel_of(due.unit.code), NO_WORDS, fault)

    return [one for due in dues for one in parcels(due)]


def _begin_attempts(session: Session, parcels: Sequence[_Draft], at: dt.datetime) -> Sequence[int]:
    """Write the attempts with their messages, and return their ids in the order of the parcels.

    What is in a mailbox is sent with that, the rest is claimed, and what has no words is given up.
    """
    if not parcels:
        return []
    rows = [
        (
            parcel.due.unit.id,
            parcel.key,
            parcel.channel,
            parcel.due.lane.channel,
            at,
            parcel.outcome.value,
            parcel.fault,
            parcel.text.subject,
            parcel.text.body,
        )
        for parcel in parcels
    ]
    begun = {row.key: row.id for row in session.execute(ATTEMPT, as_recordset(ATTEMPT_COLUMNS, rows))}
    ids = [begun[parcel.key] for parcel in parcels]
    carried = [(attempt_id, one) for attempt_id, parcel in zip(ids, parcels, strict=True) for one in parcel.ids]
    session.execute(CARRY, as_recordset(("attempt_id", "message_id"), carried))
    for outcome, (status, values) in {
        AttemptOutcome.SENT: (MessageStatus.SENT, {}),
        AttemptOutcome.SENDING: (MessageStatus.SENDING, {"next_try_at": at + LEASE}),
        AttemptOutcome.PERMANENT: (MessageStatus.DEAD, {}),
    }.items():
        those = [one for parcel in parcels if parcel.outcome is outcome for one in parcel.ids]
        _set_messages(session, those, status, tries=Message.tries + 1, **values)
    return ids


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
