"""Delivery: one digest for each recipient and tick, sent outside the transaction, settled after it.

The order is what makes it safe: an attempt is committed as `sending` before anything leaves, so that
after a crash somebody knows that it may have gone out, and looks before it is sent again.
"""

import dataclasses
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, cast, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from models.assignment import Assignment
from models.base import AnyRow, AnySelect
from models.complaint import complaint_of
from models.document import Basis, Text, UnitKind
from models.facts import FACTS, item_of
from models.finding import Finding
from models.ladder import HOLDS, Condition
from models.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.notice import Letter, Line, MessageKind
from models.objection import named_in
from models.phase import Phase
from models.plan import Plan
from models.requirement import Requirement
from models.status import CLOSED, Status
from models.unit import Unit, body_of

LEASE = dt.timedelta(minutes=10)  # how long a claimed digest may take before somebody else looks into it
FIRST_RETRY = dt.timedelta(minutes=1)
LONGEST_RETRY = dt.timedelta(hours=1)
MAX_TRIES = 12  # with these waits more than six hours
MAILBOX = "mailbox"
OBJECTIONS = frozenset({MessageKind.OBJECTION, MessageKind.OBJECTION_UPHELD, MessageKind.OBJECTION_DISMISSED})
UNSETTLED = frozenset({AttemptOutcome.SENDING, AttemptOutcome.AMBIGUOUS})

# Asked again at the moment of sending: what was settled meanwhile is not chased.
STILL_TRUE: dict[MessageKind, frozenset[Status]] = {
    MessageKind.REMINDER: HOLDS[Condition.OPEN],
    MessageKind.OVERDUE: HOLDS[Condition.OPEN],
    MessageKind.UNSIGNED: HOLDS[Condition.UNSIGNED],
    MessageKind.UNREVIEWED: HOLDS[Condition.UNREVIEWED],
    MessageKind.TO_REVIEW: HOLDS[Condition.UNREVIEWED],
}


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A letter in words."""

    subject: str
    body: str


@dataclasses.dataclass(frozen=True, slots=True)
class Digest:
    """An attempt that was begun and has to be sent now."""

    attempt_id: int
    recipient_code: str
    key: str
    text: Written
    asks_to_sign: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Unsure:
    """An attempt of which nobody knows whether it went out."""

    attempt_id: int
    recipient_code: str
    key: str
    channel: str


@dataclasses.dataclass(frozen=True, slots=True)
class Begun:
    """What a claim yields: digests to send, and what was settled at once (the mailbox needs no sending)."""

    digests: list[Digest]
    letters: int
    messages: int
    dropped: int


def begin(
    session: Session,
    plan: Plan,
    *,
    at: dt.datetime,
    write: Callable[[Letter], Written],
    channel_of: Callable[[str], str],
    units: Sequence[int] | None = None,
) -> Begun:
    """Claim every due message of this plan (of some units, if named), a digest a recipient, and begin its attempt."""
    recipients = _claim_recipients(session, plan, at, units)
    rows = session.execute(_due_messages(recipients, at)).all() if recipients else []
    dropped = [row.id for row in rows if not _is_still_true(row)]
    _set_messages(session, dropped, MessageStatus.DROPPED)
    by_recipient: dict[int, list[AnyRow]] = defaultdict(list)
    for row in rows:
        if _is_still_true(row):
            by_recipient[row.recipient_id].append(row)
    lines = _Lines(session, plan, plan.day_of(at))
    recipients_due = session.scalars(select(Unit).where(Unit.id.in_(by_recipient)).order_by(Unit.code))
    begun = []
    for unit in recipients_due:
        messages = by_recipient[unit.id]
        text = write(lines.letter(unit, messages))
        begun.append((unit, _attempt(unit, messages, channel_of(unit.code), text, at), [row.id for row in messages]))
    _begin_attempts(session, [(attempt, ids) for _, attempt, ids in begun], at)
    digests = [
        Digest(
            attempt.id,
            unit.code,
            attempt.key,
            Written(attempt.subject, attempt.body),
            asks_to_sign=any(row.kind is MessageKind.ISSUED for row in by_recipient[unit.id]),
        )
        for unit, attempt, _ in begun
        if attempt.channel != MAILBOX
    ]
    sent = sum(len(ids) for _, _, ids in begun)
    return Begun(digests, letters=len(begun) - len(digests), messages=sent, dropped=len(dropped))


def _claim_recipients(session: Session, plan: Plan, at: dt.datetime, units: Sequence[int] | None) -> Sequence[int]:
    """Recipients with due messages that no other delivery is working on: two would send two digests."""
    query = (
        select(Message.recipient_id)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.status == MessageStatus.PENDING, Message.next_try_at <= at)
        .distinct()
    )
    if units is not None:
        query = query.where(Message.recipient_id.in_(units))
    due = query.subquery()
    free = func.pg_try_advisory_xact_lock(func.hashtext("duban.delivery"), cast(due.c.recipient_id, Integer))
    return session.scalars(select(due.c.recipient_id).where(free)).all()


def _due_messages(recipients: Sequence[int], at: dt.datetime) -> AnySelect:
    return (
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
            Assignment.status.label("assignment_status"),
        )
        .outerjoin(Assignment, Assignment.id == Message.assignment_id)
        .where(
            Message.recipient_id.in_(recipients),
            Message.status == MessageStatus.PENDING,
            Message.next_try_at <= at,
        )
        .order_by(Message.recipient_id, Message.id)
        .with_for_update(of=Message)
    )


def _is_still_true(row: AnyRow) -> bool:
    allowed = STILL_TRUE.get(row.kind)
    return allowed is None or row.assignment_status in allowed


def _set_messages(session: Session, ids: Sequence[int], status: MessageStatus, **values: Any) -> None:
    if ids:
        session.execute(
            update(Message)
            .where(Message.id.in_(ids))
            .values(status=status, **values)
            .execution_options(synchronize_session=False)
        )


def _attempt(unit: Unit, messages: Sequence[AnyRow], channel: str, text: Written, at: dt.datetime) -> Attempt:
    # The same messages make the same key, so that a digest can be recognised after a crash.
    key = hashlib.sha256(",".join(str(row.id) for row in messages).encode()).hexdigest()[:32]
    return Attempt(
        recipient_id=unit.id,
        key=key,
        channel=channel,
        at=at,
        outcome=AttemptOutcome.SENT if channel == MAILBOX else AttemptOutcome.SENDING,
        subject=text.subject,
        body=text.body,
    )


def _begin_attempts(session: Session, begun: Sequence[tuple[Attempt, list[int]]], at: dt.datetime) -> None:
    """Write the attempts with their messages; what is in a mailbox is sent with that, the rest is claimed."""
    if not begun:
        return
    session.add_all(attempt for attempt, _ in begun)
    session.flush()
    links = [{"attempt_id": attempt.id, "message_id": one} for attempt, ids in begun for one in ids]
    session.execute(insert(AttemptMessage), links)
    tries = {"tries": Message.tries + 1}
    in_mailbox = [one for attempt, ids in begun if attempt.channel == MAILBOX for one in ids]
    claimed = [one for attempt, ids in begun if attempt.channel != MAILBOX for one in ids]
    _set_messages(session, in_mailbox, MessageStatus.SENT, **tries)
    _set_messages(session, claimed, MessageStatus.SENDING, next_try_at=at + LEASE, **tries)


def settle(
    session: Session,
    attempt_id: int,
    outcome: AttemptOutcome,
    *,
    at: dt.datetime,
    detail: str = "",
    external_id: str = "",
    retry_after: dt.timedelta | None = None,
) -> MessageStatus:
    """Write how a send ended, and what becomes of its messages: sent, tried again later, or dead.

    Where somebody else has settled it, only the news that it was sent after all counts.
    """
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
    ids = session.scalars(select(AttemptMessage.message_id).where(AttemptMessage.attempt_id == attempt_id)).all()
    tries = session.scalar(select(func.max(Message.tries)).where(Message.id.in_(ids))) or 0
    if attempt.outcome not in UNSETTLED and outcome is not AttemptOutcome.SENT:
        return status_after(attempt.outcome, tries)
    attempt.outcome, attempt.detail, attempt.external_id = outcome, detail, external_id
    status = status_after(outcome, tries)
    wait = max(backoff(tries), retry_after or dt.timedelta(0))
    _set_messages(session, ids, status, next_try_at=at + wait)
    return status


def status_after(outcome: AttemptOutcome, tries: int) -> MessageStatus:
    """What becomes of a message. An ambiguous one stays claimed until somebody has looked."""
    if outcome is AttemptOutcome.SENT:
        return MessageStatus.SENT
    if outcome is AttemptOutcome.PERMANENT or tries >= MAX_TRIES:
        return MessageStatus.DEAD
    return MessageStatus.SENDING if outcome is AttemptOutcome.AMBIGUOUS else MessageStatus.PENDING


def backoff(tries: int) -> dt.timedelta:
    """The wait before the next try: one minute, doubled each time, at most an hour."""
    doublings = min(max(tries - 1, 0), 10)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def unsure(session: Session, plan: Plan, *, at: dt.datetime) -> list[Unsure]:
    """Attempts that were begun and never settled, or ended ambiguously, and may be looked up now."""
    carried = aliased(AttemptMessage)
    latest = select(func.max(carried.attempt_id)).where(carried.message_id == Message.id).correlate(Message)
    rows = session.execute(
        select(Attempt.id, Unit.code, Attempt.key, Attempt.channel)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
        .join(Message, Message.id == AttemptMessage.message_id)
        .where(
            Unit.plan_id == plan.id,
            Message.status == MessageStatus.SENDING,
            Message.next_try_at <= at,
            Attempt.id == latest.scalar_subquery(),
        )
        .distinct()
    )
    return [Unsure(*row) for row in rows]


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


class _Lines:
    """Puts the facts behind messages together; reads each assignment and phase once for all recipients."""

    def __init__(self, session: Session, plan: Plan, today: dt.date) -> None:
        self.session, self.plan, self.today = session, plan, today
        self.office = body_of(session, plan.id, UnitKind.OFFICE).name

    def letter(self, unit: Unit, messages: Sequence[AnyRow]) -> Letter:
        facts = self._facts([row.assignment_id for row in messages if row.assignment_id])
        lines: list[Line] = []
        for row in messages:
            if row.assignment_id:
                lines.append(self._line(row, facts[row.assignment_id]))
            elif row.kind is MessageKind.ISSUED:
                lines += [self._line(row, fact) for fact in self._issued(row.phase_id, unit)]
            elif row.phase_id:
                lines.append(self._phase_line(row))
            else:
                lines.append(self._complaint_line(row))
        return Letter(unit.name, unit.code, self.today, self.plan.title, tuple(lines))

    def _facts(self, ids: Sequence[int]) -> dict[int, AnyRow]:
        if not ids:
            return {}
        return {row.id: row for row in self.session.execute(FACTS.where(Assignment.id.in_(ids)))}

    def _issued(self, phase_id: int, unit: Unit) -> Sequence[AnyRow]:
        # What was issued for a finding has a notice of its own.
        mine = FACTS.where(
            Requirement.phase_id == phase_id,
            Assignment.unit_id == unit.id,
            Requirement.id.not_in(select(Finding.requirement_id)),
        )
        return self.session.execute(mine.order_by(Assignment.due_on, Requirement.ref)).all()

    def _line(self, message: AnyRow, fact: AnyRow) -> Line:
        return Line(
            kind=message.kind,
            ref=f"{fact.requirement_ref}/{fact.unit_code}",
            title=Text(fact.title_zh, fact.title_en),
            item=item_of(fact),
            unit=Text(fact.unit_zh, fact.unit_en),
            asked_by=self.office,
            due_on=fact.asked_until if message.kind is MessageKind.EXTENSION_ASKED else fact.due_on,
            planned_due_on=fact.planned_due_on,
            provisional=fact.due_provisional,
            working_days_left=self.plan.work_calendar.count(self.today, fact.due_on),
            order=message.order,
            why=Text(fact.why_zh, fact.why_en),
            proof=Text(fact.proof_zh, fact.proof_en),
            source=fact.source,
            basis=fact.basis,
            reason=message.reason,
            by=message.by_name,
            about=named_in(self.session, message.subject).about if message.kind in OBJECTIONS else "",
        )

    def _phase_line(self, message: AnyRow) -> Line:
        phase = self.session.get_one(Phase, message.phase_id)
        return Line(
            kind=message.kind,
            ref=phase.ref,
            title=phase.name,
            due_on=phase.ends_on,
            planned_due_on=phase.planned_ends_on,
            basis=Basis.STATED,
            reason=message.reason,
            by=message.by_name,
            count=self._count_open(phase, overdue=message.kind is MessageKind.BACKLOG),
        )

    def _complaint_line(self, message: AnyRow) -> Line:
        complaint = complaint_of(self.session, self.plan, message.subject)
        return Line(
            kind=message.kind,
            ref=complaint.ref,
            title=complaint.title,
            unit=complaint.unit.name,
            reason=message.reason,
            by=message.by_name,
        )

    def _count_open(self, phase: Phase, *, overdue: bool) -> int:
        query = (
            select(func.count())
            .select_from(Assignment)
            .join(Assignment.requirement)
            .join(Phase, Phase.id == Requirement.phase_id)
            .where(Phase.plan_id == self.plan.id, Assignment.status.not_in(CLOSED))
        )
        if overdue:
            query = query.where(Assignment.due_on < self.today, Assignment.status != Status.SUBMITTED)
        else:
            query = query.where(Phase.id == phase.id)
        return self.session.scalars(query).one()
