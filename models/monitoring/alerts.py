"""What the watchdog asks of the rows: whether everything that is due was looked at, told, and is in somebody's hands.

Patrol comes every 15 minutes from 08:30 to 17:30 (`deploy/prefect.yaml`). A step is late when a round that should
have found it began more than 15 minutes ago. What became due after that round, or outside patrol's hours, is not:
it waits for the next one. `next_action_at` says when something became due, but for one case: a phase that is opened
late hands out steps of days gone by, and those are due from its opening on. Letters leave on fewer days and in fewer
hours than patrol comes, so for them the last round counts at which they might leave.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.assignments.assignment import OPEN, QUARANTINED, Assignment
from models.common.base import AnySelect
from models.common.errors import Reason
from models.dates.instants import FIRST_ROUND, LocalInstant
from models.dates.workdays import ONE_DAY
from models.outbox.message import DEAD, UNSENT, Message
from models.patrol.rounds import PatrolRound
from models.phases.gate import Gate, Via
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

EVERY = dt.timedelta(minutes=15)
LAST_ROUND = dt.time(17, 30)
GRACE = EVERY  # a round that began no longer ago may still be on its way to a row
LONGEST_ROUND = dt.timedelta(hours=1)  # a round that is not at its end by then was cut short
LOOK_BACK = dt.timedelta(hours=2)  # a missed round is reported for this long, even where a later round did its work
LONGEST_SILENCE = 60  # days that no letter may leave; the longest holidays are shorter
FAILED_TRIES = 3  # of a notice that is still tried again: each wait puts off the time at which it is due
FAILING_FOR = dt.timedelta(hours=1)
MAX_COUNTED = 1000  # above this count, the exact number does not matter
MAX_NAMED = 10
A_ROUND_MINUTES = 15

MayLeave = Callable[[dt.datetime], bool]


class AlertKind(StrEnum):
    """What can be wrong."""

    LATE = "late"
    UNSENT = "unsent"
    FAILING = "failing"
    DEAD = "dead"
    SET_ASIDE = "set_aside"
    NO_PATROL = "no_patrol"
    CUT_SHORT = "cut_short"
    NO_RUN = "no_run"
    NO_PREFECT = "no_prefect"
    ADDRESSES = "addresses"
    CLOCK = "clock"
    UNSEEN = "unseen"


@dataclasses.dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong. `about` names what it is about: two lists are the same where kinds and these are."""

    kind: AlertKind
    reason: Reason
    about: tuple[str, ...] = ()


# Rounds


def last_round(at: dt.datetime, timezone: str) -> dt.datetime:
    """The last instant up to `at` at which patrol should have set out."""
    local = at.astimezone(ZoneInfo(timezone))
    if local.time() < FIRST_ROUND:
        return _at(local.date() - ONE_DAY, LAST_ROUND, timezone)
    time = local.time().replace(minute=local.minute - local.minute % A_ROUND_MINUTES, second=0, microsecond=0)
    return _at(local.date(), min(time, LAST_ROUND), timezone)


def _at(day: dt.date, time: dt.time, timezone: str) -> dt.datetime:
    return dt.datetime.combine(day, time, ZoneInfo(timezone)).astimezone(dt.UTC)


def day_is_over(day: dt.date, timezone: str) -> dt.datetime:
    """When a day's last round should be done."""
    return _at(day, LAST_ROUND, timezone) + GRACE


def last_delivery(at: dt.datetime, timezone: str, may_leave: MayLeave) -> dt.datetime | None:
    """The last round up to `at` at which letters might leave; None where there was none for very long."""
    slot = last_round(at, timezone)
    while at - slot < LONGEST_SILENCE * ONE_DAY:
        if may_leave(slot):
            return slot
        slot = last_round(slot - EVERY, timezone)
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """When a patrol set out, and when it was at its end, if it was."""

    started_at: dt.datetime
    ended_at: dt.datetime | None


def missed_rounds(
    rounds: Sequence[Round], *, since: dt.datetime, until: dt.datetime, timezone: str
) -> list[dt.datetime]:
    """The instants from `since` to `until` at which patrol should have set out and neither did nor was on its way."""
    missed = []
    slot = last_round(until, timezone)
    while slot >= since:
        if not any(_covers(one, slot) for one in rounds):
            missed.append(slot)
        slot = last_round(slot - EVERY, timezone)
    return missed[::-1]


def _covers(one: Round, slot: dt.datetime) -> bool:
    """Whether this round began at that instant, or was still running: no second one starts beside it."""
    still_at_it = one.started_at <= slot < (one.ended_at or one.started_at + LONGEST_ROUND)
    return still_at_it or slot <= one.started_at < slot + EVERY


def cut_short(rounds: Sequence[Round], at: dt.datetime) -> list[dt.datetime]:
    """When rounds set out that cannot be on their way any more and never came to their end."""
    last = max((one.started_at for one in rounds), default=at)
    return [
        one.started_at
        for one in rounds
        if one.ended_at is None and (one.started_at < last or at - one.started_at > LONGEST_ROUND)
    ]


# Questions


def alerts(session: Session, plan: Plan, *, at: dt.datetime, may_leave: MayLeave) -> list[Alert]:
    """All that the rows of a plan show to be wrong at that instant; empty where all is well.

    `may_leave` says whether letters may leave at an instant. Patrol is expected from the day the first phase opens.
    """
    opened_at = session.scalar(select(func.min(Phase.opened_at)).where(Phase.plan_id == plan.id))
    due_by = last_round(at - GRACE, plan.timezone)
    sent_by = last_delivery(at - GRACE, plan.timezone, may_leave)
    found = [
        *_late(session, plan, due_by),
        *(_unsent(session, plan, sent_by, may_leave) if sent_by else _shut_in(session, plan)),
        *_failing(session, plan, at),
        *_dead(session, plan),
        *_set_aside(session, plan),
    ]
    return [*found, *(_patrols(session, plan, at, opened_at) if opened_at else ())]


def _late(session: Session, plan: Plan, due_by: dt.datetime) -> Iterable[Alert]:
    rows = session.execute(late_steps(plan, due_by).limit(MAX_COUNTED)).all()
    if rows:
        yield Alert(
            AlertKind.LATE,
            Reason(
                "{count} assignments wait for the patrol since {since} and later: {refs}",
                count=_count(len(rows)),
                since=_local(plan, rows[0].due_at),
                refs=[row.ref for row in rows[:MAX_NAMED]],
            ),
        )


def late_steps(plan: Plan, due_by: dt.datetime) -> AnySelect:
    """Assignments whose next step was due by that round and that patrol has not looked at, the longest wait first."""
    return (
        select((Requirement.ref + "/" + Unit.code).label("ref"), Assignment.next_action_at.label("due_at"))
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id, Assignment.next_action_at <= due_by, Phase.opened_at <= due_by)
        .order_by(Assignment.next_action_at)
    )


def _unsent(session: Session, plan: Plan, sent_by: dt.datetime, may_leave: MayLeave) -> Iterable[Alert]:
    """Notices that are late. One older than a day on which letters left is late whenever its next try is."""
    aged_by = last_delivery(sent_by - ONE_DAY, plan.timezone, may_leave) or sent_by - LONGEST_SILENCE * ONE_DAY
    should_have_left = func.least(Message.next_try_at, Message.created_at + (sent_by - aged_by))
    rows = session.execute(
        select(Unit.code, should_have_left.label("since"))
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, UNSENT, or_(Message.next_try_at <= sent_by, Message.created_at <= aged_by))
        .order_by(should_have_left)
        .limit(MAX_COUNTED)
    ).all()
    if rows:
        yield Alert(
            AlertKind.UNSENT,
            Reason(
                "{count} notices should have left, the first on {since}; they are for: {units}",
                count=_count(len(rows)),
                since=_local(plan, rows[0].since),
                units=list(dict.fromkeys(row.code for row in rows))[:MAX_NAMED],
            ),
        )


def _shut_in(session: Session, plan: Plan) -> Iterable[Alert]:
    query = select(func.count()).select_from(Message).join(Unit, Unit.id == Message.recipient_id)
    count = session.scalars(query.where(Unit.plan_id == plan.id, UNSENT)).one()
    if count:
        yield Alert(
            AlertKind.UNSENT,
            Reason(
                "{count} notices wait, and at no hour of the patrol may letters leave: see DUBAN_QUIET_HOURS",
                count=_count(count),
            ),
        )


def _failing(session: Session, plan: Plan, at: dt.datetime) -> Iterable[Alert]:
    """What fairly waits for its turn or its hour has not been tried so often."""
    rows = session.execute(
        select(Unit.code, func.count())
        .select_from(Message)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, UNSENT, Message.tries >= FAILED_TRIES, Message.created_at <= at - FAILING_FOR)
        .group_by(Unit.code)
        .order_by(Unit.code)
    ).all()
    if rows:
        units = tuple(code for code, _ in rows)
        yield Alert(
            AlertKind.FAILING,
            Reason(
                "{count} notices were tried {tries} times and more and have not arrived; they are for: {units}",
                count=sum(count for _, count in rows),
                tries=FAILED_TRIES,
                units=list(units[:MAX_NAMED]),
            ),
            units,
        )


def _dead(session: Session, plan: Plan) -> Iterable[Alert]:
    rows = session.execute(
        select(Unit.code, func.count())
        .select_from(Message)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, DEAD)
        .group_by(Unit.code)
        .order_by(Unit.code)
    ).all()
    if rows:
        units = tuple(code for code, _ in rows)
        yield Alert(
            AlertKind.DEAD,
            Reason(
                "{count} notices were given up (`duban dead`); they are for: {units}",
                count=sum(count for _, count in rows),
                units=list(units[:MAX_NAMED]),
            ),
            units,
        )


def _set_aside(session: Session, plan: Plan) -> Iterable[Alert]:
    rows = session.execute(
        select((Requirement.ref + "/" + Unit.code).label("ref"), Assignment.needs_attention)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id, QUARANTINED)
        .order_by(Assignment.id)
        .limit(MAX_COUNTED)
    ).all()
    if rows:
        yield Alert(
            AlertKind.SET_ASIDE,
            Reason(
                "{count} assignments are set aside (`duban attention`): {refs}",
                count=_count(len(rows)),
                refs=[row.ref for row in rows[:MAX_NAMED]],
            ),
            tuple(row.ref for row in rows),
        )


def _patrols(session: Session, plan: Plan, at: dt.datetime, opened_at: dt.datetime) -> Iterable[Alert]:
    due_by = last_round(at - GRACE, plan.timezone)
    # Counted back from the last round that was due, so that a failure in the evening is reported until the morning.
    since = max(min(due_by, at - LOOK_BACK), opened_at)
    rounds = _rounds(session, plan, since)
    missed = missed_rounds(rounds, since=since, until=due_by, timezone=plan.timezone)
    if missed:
        times = [_local(plan, slot) for slot in (missed[0], missed[-1])]
        yield Alert(
            AlertKind.NO_PATROL,
            Reason(
                "the patrol did not come {count} times, from {since} to {until}",
                count=len(missed),
                since=times[0],
                until=times[1],
            ),
        )
    unended = [start for start in cut_short(rounds, at) if start >= since]
    if unended:
        yield Alert(
            AlertKind.CUT_SHORT,
            Reason("the patrol did not come to its end: {starts}", starts=[_local(plan, start) for start in unended]),
        )


def clock_alerts(session: Session, plan: Plan, *, now: dt.datetime) -> Iterable[Alert]:
    """Whether rounds are dated ahead of the present: what was done then was done too early, and stays done."""
    last = session.scalar(select(func.max(PatrolRound.started_at)).where(PatrolRound.plan_id == plan.id))
    if last is None or last <= now + GRACE:
        return
    ahead = session.scalar(
        select(func.count())
        .select_from(Assignment)
        .join(Assignment.requirement)
        .join(Requirement.phase)
        .where(Phase.plan_id == plan.id, OPEN, Assignment.done_until > plan.day_of(now))
    )
    yield Alert(
        AlertKind.CLOCK,
        Reason(
            "the clock was set back: patrols are dated up to {last}; {count} open assignments had their steps "
            "too early then, and are not looked at until that day",
            last=_local(plan, last),
            count=ahead,
        ),
        (last.isoformat(),),
    )


def _rounds(session: Session, plan: Plan, since: dt.datetime) -> list[Round]:
    """Rounds from that instant on, and those that may still have been on their way then."""
    rows = session.execute(
        select(PatrolRound.started_at, PatrolRound.ended_at)
        .where(PatrolRound.plan_id == plan.id, PatrolRound.started_at >= since - LONGEST_ROUND)
        .order_by(PatrolRound.started_at)
    )
    return [Round(*row) for row in rows]


@dataclasses.dataclass(frozen=True, slots=True)
class OpenGate:
    """A phase that is open: its round, and the rounds that were decided and whose run was not told of it yet."""

    phase: Phase
    round: int
    untold: frozenset[int]

    @property
    def rounds(self) -> frozenset[int]:
        """The rounds at which its run may wait."""
        return self.untold | {self.round}


def open_gates(session: Session, plan: Plan) -> list[OpenGate]:
    """The phases at whose gate a run has to stand."""
    rounds: dict[int, list[Gate]] = defaultdict(list)
    query = select(Gate).join(Phase, Phase.id == Gate.phase_id).where(Phase.plan_id == plan.id).order_by(Gate.round)
    for gate in session.scalars(query):
        rounds[gate.phase_id].append(gate)
    phases = session.scalars(
        select(Phase).where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN).order_by(Phase.starts_on)
    )
    return [_open_gate(phase, rounds[phase.id]) for phase in phases]


def _open_gate(phase: Phase, gates: Sequence[Gate]) -> OpenGate:
    # Of an answer in the Prefect UI the run is told there.
    elsewhere = (gate for gate in gates if gate.decided_at and gate.via is not Via.PREFECT_UI)
    untold = frozenset(gate.round for gate in elsewhere if gate.resumed_at is None)
    return OpenGate(phase, gates[-1].round if gates else 1, untold)


def no_run(gate: OpenGate, address: str) -> Alert:
    """No run stood at the gate of an open phase; one was started, to be seen at that address."""
    started = Reason("no run stood at the gate of {phase}; one was started: {url}", phase=gate.phase.ref, url=address)
    return Alert(AlertKind.NO_RUN, started, (gate.phase.ref,))


def no_prefect(error: Exception) -> Alert:
    """Prefect does not answer: whether runs stand at the gates is not known."""
    return Alert(AlertKind.NO_PREFECT, Reason("whether runs stand at the gates cannot be asked: {why}", why=error))


def unreadable_addresses(error: Exception) -> Alert:
    """The file of addresses is refused, and no letter leaves."""
    return Alert(AlertKind.ADDRESSES, Reason("the file of addresses cannot be read: {why}", why=error))


def unknown_codes(codes: Sequence[str]) -> Alert:
    """The file of addresses names codes that no unit has, as after a slip of the keyboard."""
    return Alert(
        AlertKind.ADDRESSES,
        Reason(
            "{count} codes in the file of addresses (DUBAN_ADDRESSES_FILE) are no unit's; `duban units` lists those "
            "that there are: {codes}",
            count=len(codes),
            codes=list(codes[:MAX_NAMED]),
        ),
        tuple(codes),
    )


def unaddressed(units: Sequence[str]) -> Alert:
    """Others are reached by a channel, and of these nobody said that the mailbox is meant."""
    return Alert(
        AlertKind.ADDRESSES,
        Reason(
            "{count} units have no address where others have one, and their letters stay in the mailbox; "
            "`default: mailbox` says that this is meant: {units}",
            count=len(units),
            units=list(units[:MAX_NAMED]),
        ),
        tuple(units),
    )


def refused_addresses(units: Sequence[str]) -> Alert:
    """What was sent last to the registered address of these units was refused for good."""
    return Alert(
        AlertKind.ADDRESSES,
        Reason(
            "{count} registered addresses refused what was sent last; register others, or try them again: {units}",
            count=len(units),
            units=list(units[:MAX_NAMED]),
        ),
        tuple(units),
    )


def untried_addresses(units: Sequence[str]) -> Alert:
    """Nothing that was sent to the registered address of these units is known to have arrived."""
    return Alert(
        AlertKind.ADDRESSES,
        Reason(
            "{count} registered addresses were never tried; the page of the people tries them with one click: {units}",
            count=len(units),
            units=list(units[:MAX_NAMED]),
        ),
        tuple(units),
    )


def unseen(error: Exception) -> Alert:
    """The plan could not be checked at all."""
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    return Alert(AlertKind.UNSEEN, Reason("this plan could not be looked after: {why}", why=why))


def mark_of(found: Sequence[Alert]) -> str:
    """A hash that is equal for lists that name the same things, whatever their counts."""
    return "\n".join(sorted(f"{one.kind} {' '.join(one.about)}".rstrip() for one in found))


def _count(found: int) -> str:
    return str(found) if found < MAX_COUNTED else f"{MAX_COUNTED}+"


def _local(plan: Plan, at: dt.datetime) -> LocalInstant:
    return LocalInstant(at, plan.timezone)
