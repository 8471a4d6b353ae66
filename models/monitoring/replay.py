"""The replay: a journal held against the ladder. Each step that was due fired exactly once, or it is said why not.

The replay knows an assignment by its journal alone and asks the same rule as patrol, `ladder.due_steps`. What it finds
is then held against the escalations, the messages and the assignment's own row: what was taken out of one of
them by hand is missing there, and what was put in is too much.
"""

import dataclasses
import datetime as dt
import functools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum

from models.common.errors import Reason
from models.common.event import EventKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.dates.instants import LocalInstant, day_of, first_round_on
from models.dates.workdays import WorkCalendar
from models.monitoring.alerts import GRACE, last_round
from models.plan.ladder import Audience, DueSteps, Fired, LadderState, Step, due_steps, next_look

MAX_ROUNDS_PASSED_BY = 2  # rounds that may skip an assignment, because a person holds its row or is changing it
JUDGED = frozenset({Status.ACCEPTED, Status.RETURNED})
CHANGES = frozenset(
    {EventKind.MOVED, EventKind.DUE_MOVED, EventKind.SET_ASIDE, EventKind.TAKEN_UP, EventKind.EXPLAINED}
)


class Outcome(StrEnum):
    """What became of a step that fell due."""

    FIRED = "fired"
    COLLAPSED = "collapsed"  # fired together with a later step, and that one spoke
    HISTORIC = "historic"  # it fell before the office wanted notices
    OVERTAKEN = "overtaken"  # a status or a date changed before patrol came
    WAITS = "waits"  # patrol's next round fires it, or the row is set aside
    MISSED = "missed"


class Discrepancy(StrEnum):
    """What the audit can find."""

    NOT_FIRED = "not_fired"
    LATE = "late"
    TWICE = "twice"
    NOT_ASKED = "not_asked"  # it fired, and the ladder asks for no such step on that day
    NO_ESCALATION = "no_escalation"  # the journal has it, the escalations do not
    NO_ENTRY = "no_entry"  # the escalations have it, the journal does not
    NOT_TOLD = "not_told"
    TOLD_IN_VAIN = "told_in_vain"
    NOT_SENT = "not_sent"
    SENT_TWICE = "sent_twice"
    JOURNAL = "journal"  # two entries do not fit together: one between them is gone
    ROW = "row"  # the assignment's row is not what the journal says
    ROLE = "role"  # who leads, who answers and who judged do not fit together


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal; `step`, `fell_on` and `historic` where it is a step that fired.

    `promised_on` where the unit explained why it is late.
    """

    at: dt.datetime
    kind: EventKind
    status_before: Status | None = None
    status_after: Status | None = None
    due_before: dt.date | None = None
    due_after: dt.date | None = None
    step: str = ""
    fell_on: dt.date | None = None
    historic: bool = False
    by_unit_id: int | None = None
    promised_on: dt.date | None = None
    id: int = 0


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Moved:
    """The entry of the journal by which a change set moved a lead or a role."""

    id: int
    at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class EscalationRow:
    """One row of the escalations."""

    step: str
    anchor_on: dt.date
    fell_on: dt.date
    historic: bool
    at: dt.datetime


Told = tuple[int, MessageKind, dt.date]  # recipient, kind, the day that it is for


@dataclasses.dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of the ladder; `letters` are those that were sent and hold it."""

    recipient_id: int
    kind: MessageKind
    on: dt.date
    is_sent: bool
    letters: int
    may_be_a_repeat: bool

    @property
    def told(self) -> Told:
        return self.recipient_id, self.kind, self.on


@dataclasses.dataclass(frozen=True, slots=True)
class AssignmentHistory:
    """All that is stored of one assignment. `lead_id`: who reviews it and hears of it, None where `body_over` does.

    `lead_since`: since when, where the lead was not settled at first and `body_over` did so before.
    `leads_before`: who that was earlier, each with the entry by which a change set moved it, the oldest first.
    `leads`: it was issued to the unit as the lead of its item, which another unit leads by now where `is_led` is false.
    """

    ref: str
    unit_id: int
    lead_id: int | None
    lead_since: dt.datetime | None
    leads_before: Sequence[tuple[Moved, int | None]]
    body_over: Audience
    leads: bool
    is_led: bool
    ladder: tuple[Step, ...]
    issued_on: dt.date
    status: Status
    due_on: dt.date
    done_until: dt.date
    promised_on: dt.date | None
    next_action_at: dt.datetime | None
    is_aside: bool
    entries: Sequence[Entry]
    traces: Sequence[EscalationRow]
    told: Sequence[SentMessage]


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What all assignments of a plan share. `rounds`: the instants of patrols that got to their end, in order.

    `earlier`: calendars that dates went by before, each with the instant at which it gave way to the next.
    """

    calendar: WorkCalendar
    timezone: str
    live_from: dt.date
    office_id: int
    leader_id: int
    rounds: Sequence[dt.datetime]
    earlier: Sequence[tuple[dt.datetime, WorkCalendar]] = ()

    def passed(self, since: dt.datetime, until: dt.datetime) -> int:
        """How many patrols ran to their end in that time."""
        return bisect_left(self.rounds, until) - bisect_left(self.rounds, since)

    def tick(self, day: dt.date) -> dt.datetime:
        return _tick(day, self.timezone)

    def calendars(self, on: dt.date) -> Sequence[WorkCalendar]:
        """The calendar of today, and as it may have been that day: amended since, or a year or the next unpublished."""
        amended = (one for until, one in self.earlier if day_of(until, self.timezone) >= on)
        return self.calendar, *amended, *(_Unpublished(self.calendar.name, year) for year in (on.year, on.year - 1))


@dataclasses.dataclass(frozen=True, slots=True)
class _Unpublished(WorkCalendar):
    """A calendar that knows the years up to `last`, and of later ones only their weekends."""

    last: int

    def is_working(self, day: dt.date) -> bool:
        return day.isoweekday() < 6 if day.year > self.last else WorkCalendar.is_working(self, day)  # noqa: PLR2004


@dataclasses.dataclass(frozen=True, slots=True)
class StepSeen:
    """One step that fell due on `on`, counted from `anchor_on`; `at` is when it fired, or when it was overtaken.

    `is_late`: patrol should have come for it and had not, and that is nobody's omission but the patrol's.
    """

    step: str
    anchor_on: dt.date
    on: dt.date
    outcome: Outcome
    at: dt.datetime | None
    why: Reason | None = None
    is_late: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `step` and `on` where it is about a step."""

    ref: str
    kind: Discrepancy
    reason: Reason
    step: str = ""
    on: dt.date | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Audited:
    """What the replay of one assignment came to."""

    ref: str
    steps: Sequence[StepSeen]
    problems: Sequence[Problem]


_Key = tuple[str, dt.date]  # a step and the day on which it fell
NO_STEP: tuple[str, None] = ("", None)


@dataclasses.dataclass(slots=True)
class _Look:
    """One look of patrol at an assignment: what the journal and the escalations say that it fired."""

    at: dt.datetime
    entries: list[Entry] = dataclasses.field(default_factory=list)
    traces: list[EscalationRow] = dataclasses.field(default_factory=list)

    @property
    def signs(self) -> Sequence[Entry | EscalationRow]:
        return [*self.entries, *self.traces]

    def is_before(self, moved: Moved) -> bool:
        """By the order of the journal; where it has no entry of this look, by the time."""
        return self.entries[0].id < moved.id if self.entries else self.at < moved.at

    @property
    def keys(self) -> set[_Key]:
        return {(one.step, one.fell_on) for one in self.signs if one.fell_on}


def replay(life: AssignmentHistory, rules: Rules, until: dt.datetime) -> Audited:
    """Live through an assignment's journal up to an instant, and say of every step that was due what became of it."""
    lived = _Replay(life, rules)
    try:
        for moment in _moments(life):
            lived.live(moment)
        lived.end(until)
    except (ArithmeticError, ValueError) as error:  # a date at the limit of the calendar; patrol quarantines such rows
        lived.give_up(error)
    return Audited(life.ref, lived.steps, lived.problems)


def _moments(life: AssignmentHistory) -> Sequence[Entry | _Look]:
    """The journal in its order, with the steps that fired at one instant taken together.

    An escalation that the journal does not know is put where its time says.
    """
    known = defaultdict(list)
    for trace in life.traces:
        known[trace.step, trace.fell_on, trace.at].append(trace)
    moments: list[Entry | _Look] = []
    for entry in life.entries:
        if entry.kind is not EventKind.ESCALATED:
            moments.append(entry)
            continue
        look = moments[-1] if moments else None
        if not isinstance(look, _Look) or look.at != entry.at:
            look = _Look(entry.at)
            moments.append(look)
        look.entries.append(entry)
        if entry.fell_on is not None:
            look.traces += known.pop((entry.step, entry.fell_on, entry.at), [])
    for traces in known.values():
        _put_in(moments, traces)
    return moments


def _put_in(moments: list[Entry | _Look], traces: list[EscalationRow]) -> None:
    at = traces[0].at
    same = next((one for one in moments if isinstance(one, _Look) and one.at == at), None)
    if same is None:
        same = _Look(at)
        place = next((index for index, one in enumerate(moments) if one.at > at), len(moments))
        moments.insert(place, same)
    same.traces += traces


class _Replay:
    """The state of one assignment as its journal tells it, and what was seen on the way."""

    def __init__(self, life: AssignmentHistory, rules: Rules) -> None:
        self.life, self.rules = life, rules
        self.steps: list[StepSeen] = []
        self.problems: list[Problem] = []
        self.status: Status | None = None
        self.due_on = life.due_on
        self.submitted_on: dt.date | None = None
        self.promised_on: dt.date | None = None
        self.done_until = life.issued_on
        self.is_aside = False
        self.watched_since = dt.datetime.min.replace(tzinfo=dt.UTC)
        self.fired: set[_Key] = set()
        self.fired_for: set[tuple[str, dt.date]] = set()  # steps, and the dates that they counted from
        self.told: set[Told] = set()

    def live(self, moment: Entry | _Look) -> None:
        if isinstance(moment, _Look):
            self.look(moment)
        else:
            self.change(moment)

    def give_up(self, error: Exception) -> None:
        self._wrong(Discrepancy.ROW, Reason("its journal cannot be judged: {why}", why=str(error)))

    def change(self, entry: Entry) -> None:
        """A status or a date changed: steps that were due and are no longer asked were overtaken, or missed."""
        if entry.kind is EventKind.ISSUED:
            self._issue(entry)
            return
        if entry.kind not in CHANGES:
            return
        if self.status is None:
            self._wrong(Discrepancy.JOURNAL, Reason("the journal does not say that it was issued"))
            self.status, self.due_on = entry.status_before or self.life.status, entry.due_before or self.due_on
        pending = self._pending(entry.at)
        self._apply(entry)
        still = self._pending(entry.at)
        for key, fired in pending.items():
            if key not in still:
                self._settle(fired, entry)
        if entry.kind is EventKind.TAKEN_UP:
            self.watched_since = entry.at

    def _issue(self, entry: Entry) -> None:
        if self.status is not None:
            self._wrong(Discrepancy.JOURNAL, Reason("the journal says twice that it was issued"))
            return
        self.status, self.due_on, self.watched_since = Status.ISSUED, entry.due_after or self.due_on, entry.at

    def _apply(self, entry: Entry) -> None:
        if entry.kind in {EventKind.SET_ASIDE, EventKind.TAKEN_UP}:
            self.is_aside = entry.kind is EventKind.SET_ASIDE
            return
        if entry.kind is EventKind.EXPLAINED:
            # As `explanation` has it: what the ladder asked for up to this day is asked for still.
            self.promised_on = entry.promised_on
            return
        self._check_chain(entry)
        today = day_of(entry.at, self.rules.timezone)
        after = entry.status_after if entry.kind is EventKind.MOVED else None
        self.status, self.due_on = after or self.status, entry.due_after or self.due_on
        if after is Status.SUBMITTED:
            self.submitted_on = today
        if after and not after.is_owed:
            self.promised_on = None
        # As `assignment.move` has it: who signs on the morning of a reminder or an order still gets it.
        if after is not Status.ACKNOWLEDGED:
            self.done_until = max(self.done_until, today)

    def _check_chain(self, entry: Entry) -> None:
        """Each entry says how things stood before it; where that differs, an entry in between is gone."""
        assert self.status
        for before, stood in ((entry.status_before, self.status), (entry.due_before, self.due_on)):
            if before is not None and before != stood:
                gap = Reason(
                    "the entry of {at} begins with {before}, and those before it end with {stood}",
                    at=self._local(entry.at),
                    before=before,
                    stood=stood,
                )
                self._wrong(Discrepancy.JOURNAL, gap)

    def _settle(self, fired: Fired, entry: Entry) -> None:
        """A step was due, had not fired, and is no longer asked."""
        if self._was_missed(fired, entry.at):
            self._miss(fired, entry.at)
            return
        why = Reason("a status or a date changed before the patrol came")
        self.steps.append(_seen(fired, Outcome.OVERTAKEN, entry.at, why))

    def look(self, look: _Look) -> None:
        """Patrol looked: hold what fired against what the ladder asked for at that moment."""
        if self.status is None:
            self._wrong(Discrepancy.JOURNAL, Reason("the journal does not say that it was issued"))
            self.status = self.life.status
        verdict = self._verdict(look)
        asked = {(one.step.code, one.on): one for one in verdict.fired}
        for key in sorted(look.keys - asked.keys()):
            self._too_much(key, look.at)
        if not look.keys & asked.keys():
            return  # none of this was done by a patrol, so no step is settled by it
        for key, fired in asked.items():
            if key in look.keys:
                self._fire(fired, look)
            else:
                self._miss(fired, look.at)
        self._expect_messages([one for key, one in asked.items() if key in look.keys], look)
        self.done_until = day_of(look.at, self.rules.timezone)

    def _verdict(self, look: _Look) -> DueSteps:
        """What the ladder asked for; of several calendars that may have been in force the one that explains it."""
        on = day_of(look.at, self.rules.timezone)
        verdicts = [self._judged(calendar, on) for calendar in self.rules.calendars(on)]
        fits = (one for one in verdicts if {(fired.step.code, fired.on) for fired in one.fired} == look.keys)
        return next(fits, verdicts[0])

    def _fire(self, fired: Fired, look: _Look) -> None:
        key = (fired.step.code, fired.on)
        self.fired.add(key)
        self.fired_for.add((fired.step.code, fired.anchor_on))
        is_late = not fired.historic and self._is_late(fired, look.at)
        why = self._no_patrol(fired, look.at) if is_late else None
        self.steps.append(_seen(fired, _outcome(fired), look.at, why, is_late=is_late))
        entries = [one for one in look.entries if (one.step, one.fell_on) == key]
        traces = [one for one in look.traces if (one.step, one.fell_on) == key]
        if not traces:
            self._wrong(Discrepancy.NO_ESCALATION, Reason("the journal says that it fired; no escalation does"), key)
        elif not entries:
            self._wrong(Discrepancy.NO_ENTRY, Reason("an escalation says that it fired; the journal does not"), key)
        if max(len(entries), len(traces)) > 1:
            self._wrong(Discrepancy.TWICE, Reason("it fired twice on {at}", at=self._local(look.at)), key)
        for one in traces:
            if one.anchor_on != fired.anchor_on:
                asked = Reason(
                    "it fired for the date {found}; {anchor} was in force", found=one.anchor_on, anchor=fired.anchor_on
                )
                self._wrong(Discrepancy.NOT_ASKED, asked, key)
        if any(one.historic is not fired.historic for one in look.signs if (one.step, one.fell_on) == key):
            self._wrong(
                Discrepancy.NOT_ASKED, Reason("whether it was history does not fit the first day of notices"), key
            )
        if self._was_missed(fired, look.at):
            self._wrong(Discrepancy.LATE, self._passed_by(fired, look.at), key)

    def _too_much(self, key: _Key, at: dt.datetime) -> None:
        if key in self.fired:
            self._wrong(Discrepancy.TWICE, Reason("it fired again on {at}", at=self._local(at)), key)
        else:
            unasked = Reason("it fired on {at}; the ladder asks for no such step on that day", at=self._local(at))
            self._wrong(Discrepancy.NOT_ASKED, unasked, key)

    def _miss(self, fired: Fired, until: dt.datetime) -> None:
        key = (fired.step.code, fired.on)
        self.steps.append(_seen(fired, Outcome.MISSED, None))
        self._wrong(Discrepancy.NOT_FIRED, self._passed_by(fired, until), key)

    def _expect_messages(self, fired: Iterable[Fired], look: _Look) -> None:
        # As `escalation` has it: by recipient and kind the latest step speaks.
        speaks = {(recipient, one.step.kind): one.on for one in fired for recipient in self._recipients(one, look)}
        self.told |= {(recipient, kind, on) for (recipient, kind), on in speaks.items()}

    def _recipients(self, fired: Fired, look: _Look) -> Iterable[int]:
        rules = self.rules
        was_led = self.life.lead_since is None or self.life.lead_since < look.at
        lead_id = next((lead for moved, lead in self.life.leads_before if look.is_before(moved)), self.life.lead_id)
        lead_id = lead_id if was_led else None
        bodies = {Audience.OFFICE: rules.office_id, Audience.LEADER: rules.leader_id}
        who = {
            Audience.UNIT: self.life.unit_id,
            Audience.LEAD: lead_id,
            Audience.REVIEWER: lead_id or bodies[self.life.body_over],
            **bodies,
        }
        return {who[one] for one in fired.speaks_to} - {None}  # type: ignore[return-value]

    def end(self, until: dt.datetime) -> None:
        """The journal is at its end: what is due now, and whether row and messages say the same."""
        if self.status is None:
            self._wrong(Discrepancy.JOURNAL, Reason("the journal does not say that it was issued"))
            return
        self._check_row()
        self._check_roles()
        self._check_messages()
        self._check_letters()
        missed = self._settled_unseen() | {
            key: one for key, one in self._pending(until).items() if self._was_missed(one, until)
        }
        for fired in missed.values():
            self._miss(fired, until)
        for key, fired in self._pending(until).items():
            if key not in missed:
                is_late = self._is_late(fired, until)
                self.steps.append(_seen(fired, Outcome.WAITS, None, self._waits_for(fired, until), is_late=is_late))
        if not missed:
            self._check_next_look()

    def _waits_for(self, fired: Fired, until: dt.datetime) -> Reason:
        if self.is_aside:
            return Reason("it is set aside; a person has to look")
        return self._no_patrol(fired, until) if self._is_late(fired, until) else Reason("the patrol is to come")

    def _settled_unseen(self) -> dict[_Key, Fired]:
        """Steps that the row counts as done, without an entry, an escalation or a message."""
        day = self.life.done_until
        if day <= self.done_until:
            return {}
        return self._agreed(day)

    def _check_row(self) -> None:
        assert self.status
        for found, told in (
            (self.life.status, self.status),
            (self.life.due_on, self.due_on),
            (self.life.promised_on, self.promised_on),
        ):
            if found != told:
                differs = Reason("its row says {found}, the journal {told}", found=found or "—", told=told or "—")
                self._wrong(Discrepancy.ROW, differs)

    def _check_roles(self) -> None:
        """Nobody judges their own work, and who was asked as the lead of an item is its lead."""
        if self.life.leads and not self.life.is_led:
            self._wrong(Discrepancy.ROLE, Reason("it was issued to the lead unit, and another unit leads by now"))
        for entry in self.life.entries:
            judged = entry.status_before is Status.SUBMITTED and entry.status_after in JUDGED
            if judged and entry.by_unit_id == self.life.unit_id:
                own = Reason("on {at} the unit judged its own work", at=self._local(entry.at))
                self._wrong(Discrepancy.ROLE, own)

    def _check_messages(self) -> None:
        written = {one.told for one in self.life.told}
        missing, extra = self.told - written, written - self.told
        # The plan may name another lead by now.
        elsewhere = {one[1:] for one in extra}
        moved = {one[1:] for one in missing if one[0] == self.life.lead_id and one[1:] in elsewhere}
        for _, kind, on in sorted(one for one in missing if one[1:] not in moved):
            self._wrong(
                Discrepancy.NOT_TOLD, Reason("no message “{kind}” for {on} was written", kind=kind, on=on), on=on
            )
        for _, kind, on in sorted(one for one in extra if one[1:] not in moved):
            vain = Reason("a message “{kind}” for {on} was written, and no step asked for it", kind=kind, on=on)
            self._wrong(Discrepancy.TOLD_IN_VAIN, vain, on=on)

    def _check_letters(self) -> None:
        """What is called sent stands in one letter, or in two where nobody could say whether the first arrived."""
        for one in self.life.told:
            if one.is_sent and not one.letters:
                unsent = Reason(
                    "the message “{kind}” for {on} is called sent and stands in no letter", kind=one.kind, on=one.on
                )
                self._wrong(Discrepancy.NOT_SENT, unsent, on=one.on)
            elif one.letters > 1 + one.may_be_a_repeat:
                twice = Reason(
                    "the message “{kind}” for {on} went out {count} times",
                    kind=one.kind,
                    on=one.on,
                    count=one.letters,
                )
                self._wrong(Discrepancy.SENT_TWICE, twice, on=one.on)

    def _check_next_look(self) -> None:
        """An open assignment with a step ahead must have a wake-up that is early enough."""
        assert self.status
        if not self.status.is_open or self.is_aside or self.life.is_aside:
            return
        done_until = max(self.done_until, self.life.done_until)
        standing = dataclasses.replace(self._standing(), done_until=done_until)
        looks = [
            next_look(self.life.ladder, standing, one, self.rules.live_from) for one in self.rules.calendars(done_until)
        ]
        if not all(looks):
            return
        latest = max(self.rules.tick(look) for look in looks if look)
        found = self.life.next_action_at
        if found is None or found > max(latest, self.watched_since):
            late = Reason(
                "the patrol is to look at it on {at}, and will on {found}",
                at=self._local(latest),
                found=self._local(found) if found else "-",
            )
            self._wrong(Discrepancy.ROW, late)

    # Means

    def _standing(self) -> LadderState:
        assert self.status
        dates = (self.life.issued_on, self.due_on, self.submitted_on, self.done_until, self.promised_on)
        return LadderState(self.status, *dates)

    def _judged(self, calendar: WorkCalendar, on: dt.date) -> DueSteps:
        verdict = _judged(self.life.ladder, self._standing(), calendar, on, self.rules.live_from)
        # As patrol has it: a step that a later calendar moves to a day yet to come has fired for its date.
        fired = tuple(one for one in verdict.fired if (one.step.code, one.anchor_on) not in self.fired_for)
        return dataclasses.replace(verdict, fired=fired)

    def _pending(self, at: dt.datetime) -> dict[_Key, Fired]:
        """Steps that are due at that instant and have not fired."""
        fired = self._judged(self.rules.calendar, day_of(at, self.rules.timezone)).fired
        return {(one.step.code, one.on): one for one in fired if self.rules.tick(one.on) <= at}

    def _agreed(self, on: dt.date) -> dict[_Key, Fired]:
        """Steps that are due on that day by each calendar that may have been in force."""
        by_calendar = [self._judged(calendar, on).fired for calendar in self.rules.calendars(on)]
        codes = set.intersection(*({one.step.code for one in fired} for fired in by_calendar))
        return {(one.step.code, one.on): one for one in by_calendar[0] if one.step.code in codes}

    def _was_missed(self, fired: Fired, until: dt.datetime) -> bool:
        """Whether more patrols passed a step by than can be explained."""
        if self.is_aside or self.rules.passed(self._due_at(fired), until) <= MAX_ROUNDS_PASSED_BY:
            return False
        days = [fired.step.date(fired.anchor_on, one) for one in self.rules.calendars(fired.on)]
        latest = max(self.rules.tick(day) for day in days)
        return self.rules.passed(max(latest, self.watched_since), until) > MAX_ROUNDS_PASSED_BY

    def _due_at(self, fired: Fired) -> dt.datetime:
        return max(self.rules.tick(fired.on), self.watched_since)

    def _is_late(self, fired: Fired, at: dt.datetime) -> bool:
        """Whether a round should have found it by then that had its time."""
        due_at = self._due_at(fired)
        return at - due_at > GRACE and last_round(at - GRACE, self.rules.timezone) >= due_at

    def _no_patrol(self, fired: Fired, until: dt.datetime) -> Reason:
        return Reason(
            "late: due on {since}, and by {until} no patrol had come to it",
            since=self._local(self._due_at(fired)),
            until=self._local(until),
        )

    def _passed_by(self, fired: Fired, until: dt.datetime) -> Reason:
        return Reason(
            "due on {since}; until {until} it had not fired, although the patrol came {count} times",
            since=self._local(self._due_at(fired)),
            until=self._local(until),
            count=self.rules.passed(self._due_at(fired), until),
        )

    def _local(self, at: dt.datetime) -> LocalInstant:
        return LocalInstant(at, self.rules.timezone)

    def _wrong(
        self, kind: Discrepancy, reason: Reason, key: _Key | tuple[str, None] = NO_STEP, *, on: dt.date | None = None
    ) -> None:
        step, day = key
        self.problems.append(Problem(self.life.ref, kind, reason, step, on or day))


def _seen(
    fired: Fired, outcome: Outcome, at: dt.datetime | None, why: Reason | None = None, *, is_late: bool = False
) -> StepSeen:
    return StepSeen(fired.step.code, fired.anchor_on, fired.on, outcome, at, why, is_late)


def _outcome(fired: Fired) -> Outcome:
    if fired.historic:
        return Outcome.HISTORIC
    return Outcome.FIRED if fired.speaks_to else Outcome.COLLAPSED


# Cached: many assignments have the same state.
@functools.lru_cache(maxsize=8192)
def _judged(
    ladder: tuple[Step, ...], standing: LadderState, calendar: WorkCalendar, on: dt.date, live_from: dt.date
) -> DueSteps:
    return due_steps(ladder, standing, calendar, on=on, live_from=live_from)


@functools.lru_cache(maxsize=8192)
def _tick(day: dt.date, timezone: str) -> dt.datetime:
    return first_round_on(day, timezone)
