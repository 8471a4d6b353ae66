"""The ladder: when to remind, order and escalate. Pure: dates and a status in, steps out."""

import dataclasses
import datetime as dt
import functools
import operator
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from models.common.message_kinds import MessageKind, OrderColour
from models.common.status import OWED, Status
from models.dates.workdays import WorkCalendar


class Anchor(StrEnum):
    """The date that a step counts from."""

    ISSUED = "issued"
    DUE = "due"
    SUBMITTED = "submitted"


class Condition(StrEnum):
    """What must still hold when a step is due, or it does not fire."""

    UNSIGNED = "unsigned"
    OPEN = "open"
    UNREVIEWED = "unreviewed"


class Audience(StrEnum):
    UNIT = "unit"
    LEAD = "lead"
    REVIEWER = "reviewer"
    OFFICE = "office"
    LEADER = "leader"


HOLDS: dict[Condition, frozenset[Status]] = {
    Condition.UNSIGNED: frozenset({Status.ISSUED}),
    Condition.OPEN: OWED,
    Condition.UNREVIEWED: frozenset({Status.SUBMITTED}),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One rung. `offset` counts working days where `working`, else calendar days; negative is before the anchor.

    With `every` it comes again each time that so many working days have passed while its condition holds.
    """

    code: str
    anchor: Anchor
    offset: int
    working: bool
    condition: Condition
    audience: tuple[Audience, ...]
    order: OrderColour | None = None
    every: int | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Step":
        return cls(
            code=data["code"],
            anchor=Anchor(data["anchor"]),
            offset=data["offset"],
            working=data["working"],
            condition=Condition(data["condition"]),
            audience=tuple(Audience(one) for one in data["audience"]),
            order=OrderColour(data["order"]) if data.get("order") else None,
            every=data.get("every"),
        )

    @property
    def kind(self) -> MessageKind:
        if self.condition is Condition.UNSIGNED:
            return MessageKind.UNSIGNED
        if self.condition is Condition.UNREVIEWED:
            return MessageKind.UNREVIEWED
        return MessageKind.OVERDUE if self.offset > 0 else MessageKind.REMINDER

    def date(self, anchor: dt.date, calendar: WorkCalendar) -> dt.date:
        """The day on which the step falls.

        A reminder before the date that would fall on a day off comes on the last working day
        before it, so that it never arrives later than it was meant to.
        """
        if self.working:
            return calendar.add(anchor, self.offset)
        return calendar.last_on_or_before(anchor + dt.timedelta(days=self.offset))

    @property
    def again(self) -> "Step":
        """The step as it comes again: counted from the day on which it came before."""
        return _again(self)

    @property
    def broken(self) -> "Step":
        """The step as it comes again after a promise that was not kept: on the working day after it."""
        return _broken(self)


@functools.cache
def _again(step: Step) -> Step:
    assert step.every is not None
    return dataclasses.replace(step, offset=step.every, working=True)


@functools.cache
def _broken(step: Step) -> Step:
    return dataclasses.replace(step, offset=1, working=True)


def _reminder(days: int, order: OrderColour | None = None) -> Step:
    code = f"T-{days}" if days else "T+0"
    return Step(code, Anchor.DUE, -days, False, Condition.OPEN, (Audience.UNIT,), order)  # noqa: FBT003


def _overdue(days: int, *audience: Audience, every: int) -> Step:
    red = OrderColour.RED
    return Step(f"T+{days}", Anchor.DUE, days, True, Condition.OPEN, audience, red, every)  # noqa: FBT003


def _waiting(code: str, anchor: Anchor, days: int, condition: Condition, audience: Audience) -> Step:
    return Step(code, anchor, days, True, condition, (audience,))  # noqa: FBT003


def never_late(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps for what has no end: none that says it is overdue, and none of the others comes again and again."""
    return tuple(
        dataclasses.replace(step, every=None) if step.condition is Condition.OPEN else step
        for step in steps
        if step.kind is not MessageKind.OVERDUE
    )


A_WEEK = 5  # working days


def default_ladder(unsigned_working_days: int = 3) -> tuple[Step, ...]:
    """The ladder of a plan that states none. A person decides on talks and accountability; no step does.

    While it is late, the unit and its lead hear of it weekly, the office every two weeks, the leader every four.
    """
    return (
        _waiting("unsigned", Anchor.ISSUED, unsigned_working_days, Condition.UNSIGNED, Audience.OFFICE),
        _reminder(30),
        _reminder(7),
        _reminder(3, OrderColour.BLUE),
        _reminder(1),
        _reminder(0),
        _overdue(1, Audience.UNIT, Audience.LEAD, every=A_WEEK),
        _overdue(3, Audience.OFFICE, every=2 * A_WEEK),
        _overdue(10, Audience.LEADER, every=4 * A_WEEK),
        _waiting("review-5", Anchor.SUBMITTED, 5, Condition.UNREVIEWED, Audience.REVIEWER),
        _waiting("review-10", Anchor.SUBMITTED, 10, Condition.UNREVIEWED, Audience.OFFICE),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class LadderState:
    """All that the ladder needs to know of an assignment.

    `done_until`: steps up to and including this day have fired or are void. It is the day of issue,
    of a new deadline or of a return, and patrol moves it on. `promised_on`: the day by which the unit promised it,
    kept when it has passed; None where it promised nothing, or has handed in since.
    """

    status: Status
    issued_on: dt.date
    due_on: dt.date
    submitted_on: dt.date | None
    done_until: dt.date
    promised_on: dt.date | None = None

    def anchor(self, anchor: Anchor) -> dt.date | None:
        return {
            Anchor.ISSUED: self.issued_on,
            Anchor.DUE: self.due_on,
            Anchor.SUBMITTED: self.submitted_on,
        }[anchor]


@dataclasses.dataclass(frozen=True, slots=True)
class Fired:
    """A step that fell due. `speaks_to`: who gets a notice of it; empty for history and where a later step does it."""

    step: Step
    anchor_on: dt.date
    on: dt.date
    speaks_to: tuple[Audience, ...]
    order: OrderColour | None
    historic: bool


@dataclasses.dataclass(frozen=True, slots=True)
class DueSteps:
    """What patrol has to do for assignments with one `LadderState`; `next_on` is None when nothing is left."""

    fired: tuple[Fired, ...]
    next_on: dt.date | None


def due_steps(
    ladder: Iterable[Step], standing: LadderState, calendar: WorkCalendar, *, on: dt.date, live_from: dt.date
) -> DueSteps:
    """What is due and not yet done on `on`, and the next day to look.

    Never "what is due today": after an outage everything missed is found, and what was missed
    for one audience collapses into its latest step. Steps before `live_from` are history.
    """
    timetable = sorted(_timetable(ladder, standing, calendar, on, live_from), key=operator.itemgetter(0))
    due = [entry for entry in timetable if entry[0] <= on]
    later = [day for day, _, _ in timetable if day > on]
    return DueSteps(tuple(_collapse(due, live_from)), min(later, default=None))


@functools.lru_cache(maxsize=8192)
def next_look(
    ladder: tuple[Step, ...], standing: LadderState, calendar: WorkCalendar, live_from: dt.date = dt.date.min
) -> dt.date | None:
    """The first day on which a step will fire if the assignment does not change until then."""
    entries = _timetable(ladder, standing, calendar, standing.done_until, live_from)
    return min((day for day, _, _ in entries), default=None)


_Entry = tuple[dt.date, Step, dt.date]


def _timetable(
    ladder: Iterable[Step], standing: LadderState, calendar: WorkCalendar, on: dt.date, live_from: dt.date
) -> Iterator[_Entry]:
    """What is not done yet: all up to `on`, and of each step the first time after it."""
    for step in ladder:
        anchor = standing.anchor(step.anchor)
        if anchor is None or standing.status not in HOLDS[step.condition]:
            continue
        for entry in _times(step, anchor, calendar, standing, live_from):
            yield entry
            if entry[0] > on:
                break


def _times(
    step: Step, anchor: dt.date, calendar: WorkCalendar, standing: LadderState, live_from: dt.date
) -> Iterator[_Entry]:
    """Each time that a step falls after `done_until`: once, or again and again without an end.

    What fell before `live_from` is history, and does not come again: the office hears of that backlog at once. What had
    come by the promised day is quiet until then, comes on the working day after it, and counts from there.
    """
    done_until, promised_on = standing.done_until, standing.promised_on
    day = step.date(anchor, calendar)
    if day > done_until:
        yield day, step, anchor
    if step.every is None or day < live_from:
        return
    if step.condition is Condition.OPEN and promised_on is not None and day <= promised_on:
        day = calendar.add(promised_on, 1)
        if day > done_until:
            yield day, step.broken, promised_on
    passed = max(0, calendar.count(day, done_until)) // step.every
    anchor = calendar.add(day, passed * step.every) if passed else day
    while True:
        day = calendar.add(anchor, step.every)
        if day > done_until:
            yield day, step.again, anchor
        anchor = day


def _collapse(due: list[_Entry], live_from: dt.date) -> Iterable[Fired]:
    told: dict[tuple[Audience, Condition], tuple[str, dt.date]] = {}
    for day, step, _ in due:
        if day >= live_from:
            told.update(dict.fromkeys(((one, step.condition) for one in step.audience), (step.code, day)))
    for day, step, anchor in due:
        historic = day < live_from
        speaks_to = tuple(one for one in step.audience if told.get((one, step.condition)) == (step.code, day))
        yield Fired(step, anchor, day, () if historic else speaks_to, _strongest(step, due, live_from), historic)


def _strongest(step: Step, due: list[_Entry], live_from: dt.date) -> OrderColour | None:
    """A reminder that stands in for an earlier order with a stronger colour gets that colour."""
    if step.order is not None:
        return step.order
    orders = (
        other.order
        for day, other, _ in due
        if day >= live_from and other.kind is step.kind and set(other.audience) & set(step.audience)
    )
    return max(filter(None, orders), key=list(OrderColour).index, default=None)
