"""What a plan will ask: of whom, what and when, before any of it is issued. Nothing is looked up but the document."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from models.common.text import Text
from models.dates.workdays import ONE_DAY, CalendarName, Settled, WorkCalendar
from models.loading import asked_of as asked_in
from models.plan.area import Role
from models.plan.document import PhaseEntry, PlanDocument, RequirementEntry, phase_refs
from models.plan.parties import Item, Unknown, addressees, all_parties, is_asked
from models.plan.unit import BODIES

MOST_MONTHS = 24  # beyond so many, months in which nothing is due are left out where people look
MOST_A_WEEK = 10  # things due of one unit from Monday to Sunday, beyond which it is told as a collision


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One thing of one unit. `planned_on` is the date as written, `due` the working day that it moves to."""

    unit: str
    role: Role
    phase: PhaseEntry
    requirement: RequirementEntry
    ref: str
    title: Text
    item: Text | None
    planned_on: dt.date
    due: Settled

    @property
    def month(self) -> str:
        return f"{self.due.on:%Y-%m}"

    @property
    def week(self) -> dt.date:
        """Its Monday."""
        return self.due.on - ONE_DAY * self.due.on.weekday()

    @property
    def is_outside(self) -> bool:
        """Whether the working day lies outside its phase, where nobody would look for it."""
        return not self.phase.starts_on <= self.due.on <= self.phase.ends_on


@dataclasses.dataclass(frozen=True, slots=True)
class Collision:
    """A unit with many things due in one week, which begins on a Monday."""

    unit: str
    week: dt.date
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class MovedDay:
    """A date on a day off, the working day that it moves to, and how many things are due on it."""

    planned_on: dt.date
    due: Settled
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Preview:
    """All that a plan will ask, counted. `load` says how many things are due, by unit and month (`2023-04`).

    `of_nobody` are references of requirements that reach no unit; `outside` those whose date leaves their phase.
    """

    document: PlanDocument
    load: Mapping[str, Mapping[str, int]]
    by_phase: Mapping[str, int]
    by_requirement: Mapping[str, int]
    months: tuple[str, ...]
    collisions: tuple[Collision, ...]
    moved: tuple[MovedDay, ...]
    outside: tuple[str, ...]
    of_nobody: tuple[str, ...]
    most_a_week: int

    def ref_of(self, phase: PhaseEntry) -> str:
        return phase_refs(self.document.phases)[phase.code, phase.period]

    def count_of(self, phase: PhaseEntry) -> int:
        return self.by_phase[self.ref_of(phase)]

    @property
    def total(self) -> int:
        return sum(self.by_phase.values())

    @property
    def unasked(self) -> tuple[str, ...]:
        """Codes of bureaus and counties that nothing is asked of."""
        return tuple(
            unit.code for unit in self.document.units if unit.kind not in BODIES and unit.code not in self.load
        )

    @property
    def busiest(self) -> list[tuple[str, int]]:
        """Units with how much is asked of each, the busiest first."""
        totals = [(unit, sum(by_month.values())) for unit, by_month in self.load.items()]
        return sorted(totals, key=lambda one: (-one[1], one[0]))

    @property
    def crowded_weeks(self) -> dict[dt.date, list[Collision]]:
        """Collisions by the week in which they lie; of each week the worst first."""
        weeks: dict[dt.date, list[Collision]] = defaultdict(list)
        for one in self.collisions:
            weeks[one.week].append(one)
        return dict(sorted(weeks.items()))

    @property
    def unsettled(self) -> tuple[Unknown, ...]:
        """Parties that the document names without saying who they are: what is asked of them is not counted."""
        return tuple(dict.fromkeys(one for parties in all_parties(self.document) for one in parties.unknown))

    @property
    def shown_months(self) -> tuple[str, ...]:
        """The months as people look at them: of many years, only those in which anything is due."""
        if len(self.months) <= MOST_MONTHS:
            return self.months
        return tuple(month for month, count in self.monthly().items() if count)

    def monthly(self) -> dict[str, int]:
        """How many things are due in each month, all months from the first to the last."""
        return {month: sum(load.get(month, 0) for load in self.load.values()) for month in self.months}


def preview(document: PlanDocument, *, most_a_week: int = MOST_A_WEEK) -> Preview:
    """Count what the document asks. `most_a_week`: so many things may be due of a unit in a week."""
    load: dict[str, Counter[str]] = defaultdict(Counter)
    refs = phase_refs(document.phases)
    by_phase: Counter[str] = Counter(dict.fromkeys(refs.values(), 0))
    by_requirement: Counter[str] = Counter()
    weeks: Counter[tuple[str, dt.date]] = Counter()
    moved: Counter[tuple[dt.date, Settled]] = Counter()
    outside: dict[str, None] = {}
    for one in asked_of(document):
        load[one.unit][one.month] += 1
        by_phase[refs[one.phase.code, one.phase.period]] += 1
        by_requirement[one.requirement.code] += 1
        weeks[one.unit, one.week] += 1
        if one.due.on != one.planned_on:
            moved[one.planned_on, one.due] += 1
        if one.is_outside:
            outside[one.ref] = None
    return Preview(
        document=document,
        load=load,
        by_phase=by_phase,
        by_requirement=by_requirement,
        months=_months(load.values()),
        collisions=_collisions(weeks, most_a_week),
        moved=tuple(MovedDay(planned, due, count) for (planned, due), count in sorted(moved.items(), key=_first_day)),
        outside=tuple(outside),
        of_nobody=tuple(each.ref for each in asked_in(document) if not is_asked(each.entry, each.item)),
        most_a_week=most_a_week,
    )


def asked_of(
    document: PlanDocument, *, unit: str | None = None, month: str | None = None, requirement: str | None = None
) -> Iterator[Asked]:
    """Each thing that is asked of each unit, in the order of the plan; of one unit, month or requirement where given.

    A unit that an item names more than once is asked once, as lead where it leads.
    """
    calendar = WorkCalendar(CalendarName(document.calendar))
    members = {entry.code: entry.members for entry in document.collectives}
    for each in asked_in(document):
        entry, planned_on = each.entry, each.due.on
        due = calendar.settle(planned_on, *filter(None, [entry.on_day_off or document.on_day_off]))
        if month not in {None, f"{due.on:%Y-%m}"} or requirement not in {None, entry.code}:
            continue
        for code, role in units_asked(entry, each.item, members).items():
            if unit in {None, code}:
                yield Asked(code, role, each.due.phase, entry, each.ref, each.title, each.item.name, planned_on, due)


def units_asked(entry: RequirementEntry, item: Item, members: Mapping[str, tuple[str, ...]]) -> dict[str, Role]:
    """Codes of the units that a requirement asks of an item, each with its role; `members` are those of collectives."""
    found: dict[str, Role] = {}
    for role, code in addressees(entry, item):  # leads come first, and then co-leads
        for unit in members.get(code, (code,)):
            found.setdefault(unit, role)
    return found


def _months(loads: Iterable[Mapping[str, int]]) -> tuple[str, ...]:
    """All months from the first to the last in which anything is due."""
    known = sorted({month for load in loads for month in load})
    if not known:
        return ()
    first, last = (dt.date.fromisoformat(f"{month}-01") for month in (known[0], known[-1]))
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return tuple(f"{year:04}-{month + 1:02}" for year, month in (_nth(first, number) for number in range(count)))


def _nth(first: dt.date, number: int) -> tuple[int, int]:
    return divmod(first.year * 12 + first.month - 1 + number, 12)


def _collisions(weeks: Mapping[tuple[str, dt.date], int], most: int) -> tuple[Collision, ...]:
    found = (Collision(unit, week, count) for (unit, week), count in weeks.items() if count > most)
    return tuple(sorted(found, key=lambda one: (-one.count, one.week, one.unit)))


def _first_day(one: tuple[tuple[dt.date, Settled], int]) -> tuple[dt.date, dt.date]:
    (planned_on, due), _ = one
    return planned_on, due.on
