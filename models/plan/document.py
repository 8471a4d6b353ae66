"""A plan as it is written down: what `plans/<code>/` holds, checked and typed, before it reaches the database.

`adapters.plan_files.reader.read_plan` makes it from YAML; `models.loading.load_plan` stores it.
"""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from models.common.kinds import AreaKind, Basis, Comparator, NoLead, OnDayOff, PhaseKind, Rollup, Scope, UnitKind
from models.common.text import Text
from models.dates.recurrence import Recurrence


@dataclasses.dataclass(frozen=True, slots=True)
class UnitEntry:
    """`aliases` are other names by which plans and people call it."""

    code: str
    name: Text
    kind: UnitKind
    full_name: str | None = None
    basis: Basis = Basis.STATED
    source: str = ""
    aliases: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class CollectiveEntry:
    """A named set of units; `members` are unit codes, already resolved."""

    code: str
    name: Text
    members: tuple[str, ...]
    basis: Basis = Basis.STATED
    source: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """A part of a measure with a day of its own, such as the start of building."""

    by: dt.date
    what: Text


@dataclasses.dataclass(frozen=True, slots=True)
class MeasureDue:
    """When a measure is due. Of the fields one is given: a day, stages, a recurrence, or `is_open` for no end."""

    day: dt.date | None = None
    stages: tuple[Stage, ...] = ()
    recurrence: Recurrence | None = None
    is_open: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class MeasureEntry:
    """`lead` and `responsible` are as an area's; None where the measure names none of its own and its area's hold.

    `due` counts for the requirements that take it; None where the plan gives the measure no date of its own. `leader`:
    the post of the leader in charge (责任领导), who owes nothing; None where its area's holds.
    """

    code: str
    name: Text
    proof: Text
    source: str
    basis: Basis = Basis.STATED
    due: MeasureDue | None = None
    lead: str | None = None
    co_leads: tuple[str, ...] = ()
    unsettled_lead: str = ""
    responsible: tuple[str, ...] | None = None
    unsettled: tuple[str, ...] = ()
    leader: Text | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AreaEntry:
    """`lead` is a unit code, "" where there is none or where it is not settled; `co_leads` are those after the first.

    `responsible` are codes of units or collectives, in the order of the plan. `unsettled_lead` and `unsettled` are the
    plan's words for parties that are not known yet.
    """

    code: str
    kind: AreaKind
    name: Text
    lead: str
    responsible: tuple[str, ...]
    measures: tuple[MeasureEntry, ...]
    source: str
    basis: Basis = Basis.STATED
    co_leads: tuple[str, ...] = ()
    unsettled_lead: str = ""
    unsettled: tuple[str, ...] = ()
    leader: Text | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class QuotaEntry:
    """The target of one unit by its `code`: as many numbers as that of the whole."""

    code: str
    value: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class IndicatorEntry:
    """`value` is a number, or two numbers for a range; `due` a year ("2025"), a day or a recurrence ("yearly").

    `due_day`: the day of each period, where the plan names one. `conflicts_with` are codes of indicators that ask for
    the same less strictly: this one is the stricter. `reporters` are the units whose readings make up the city's;
    where none is named, those with `quotas`, or the counties. `lead` and `responsible` are as a measure's: None where
    the indicator names none of its own.
    """

    code: str
    name: Text
    comparator: Comparator
    value: tuple[float, ...]
    unit: Text
    reference: Text
    due: str
    due_basis: Basis
    soft: bool
    source: str
    note: str = ""
    basis: Basis = Basis.STATED
    rollup: Rollup = Rollup.LATEST
    rollup_basis: Basis = Basis.INFERRED
    conflicts_with: tuple[str, ...] = ()
    reporters: tuple[str, ...] = ()
    lead: str | None = None
    co_leads: tuple[str, ...] = ()
    responsible: tuple[str, ...] | None = None
    quotas: tuple[QuotaEntry, ...] = ()
    due_day: Recurrence | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseEntry:
    """One phase. `period`: the year, years or part of one that it lies in. `of_kind`: None where the code says it."""

    code: str
    period: str
    name: Text
    starts_on: dt.date
    ends_on: dt.date
    issue_on: dt.date
    source: str
    basis: Basis = Basis.STATED
    of_kind: PhaseKind | None = None

    @property
    def kind(self) -> PhaseKind:
        return self.of_kind or PhaseKind(self.code)


def items_named(areas: Iterable[AreaEntry]) -> Iterator[AreaEntry | MeasureEntry]:
    """Each area, and its measures after it."""
    for area in areas:
        yield area
        yield from area.measures


def phase_refs(phases: Sequence[PhaseEntry]) -> dict[tuple[str, str], str]:
    """How people name each phase, by code and period: the code, with the period where several have that code.

    The years of an implementation carry their year, also where there is one.
    """
    counts = Counter(one.code for one in phases)
    is_bare = {one.code: counts[one.code] == 1 and one.code != PhaseKind.IMPLEMENTATION for one in phases}
    return {(one.code, one.period): one.code if is_bare[one.code] else f"{one.code}-{one.period}" for one in phases}


@dataclasses.dataclass(frozen=True, slots=True)
class RequirementEntry:
    """What is asked. `due` maps a period ("2023", "2023Q1", "2025H1") to the last day.

    With `by_measure` it is empty and each measure has its own; one without an end is asked for at the `rhythm`.
    `ladder`: the steps of this requirement alone; those of the plan, where it is None.

    `audience` holds, for the scope `plan`, codes of units and collectives, and otherwise the
    roles "lead" and "responsible". `on_day_off`: where a date on a day off moves; as the plan says, where it is
    None.
    """

    code: str
    phase: str
    scope: Scope
    audience: tuple[str, ...]
    due: dict[str, dt.date]
    title: Text
    why: Text
    proof: Text
    basis: Basis = Basis.INFERRED
    on_day_off: OnDayOff | None = None
    by_measure: bool | None = None
    rhythm: Recurrence | None = None
    ladder: tuple[dict[str, Any], ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeclaredCount:
    """What the plan declares about an area beside what it enumerates."""

    area: str
    name: Text
    declared: int
    enumerated: int
    note: Text


class Counted(StrEnum):
    """Of what the plan as a whole declares how many there are."""

    MEASURES = "measures"
    INDICATORS = "indicators"


@dataclasses.dataclass(frozen=True, slots=True)
class WholeCount:
    """What the plan declares as a whole, of measures or of indicators by `code`, beside what it enumerates."""

    code: Counted
    name: Text
    declared: int
    enumerated: int
    note: Text


@dataclasses.dataclass(frozen=True, slots=True)
class PlanDocument:
    """A whole plan that has passed all checks: every code that is named exists, every date lies in its phase."""

    code: str
    title: Text
    city: Text
    timezone: str
    calendar: str  # "china" or "weekends"
    starts: int
    ends: int
    go_live_on: dt.date | None
    near_limit_days: int
    unsigned_working_days: int
    rework_working_days: int
    source: str
    organisation: dict[str, Any]
    declared: tuple[DeclaredCount, ...]
    units: tuple[UnitEntry, ...]
    collectives: tuple[CollectiveEntry, ...]
    areas: tuple[AreaEntry, ...]
    indicators: tuple[IndicatorEntry, ...]
    phases: tuple[PhaseEntry, ...]
    requirements: tuple[RequirementEntry, ...]
    ladder: tuple[dict[str, Any], ...] = dataclasses.field(default=())
    on_day_off: OnDayOff | None = None  # later, where it is None
    no_lead: NoLead | None = None  # the office, where it is None
    co_lead_working_days: int | None = None  # CO_LEAD_WORKING_DAYS, where it is None
    declared_in_all: tuple[WholeCount, ...] = ()

    @property
    def names(self) -> dict[str, Text]:
        """The names of units and of sets of units, by code."""
        return {one.code: one.name for one in self.units} | {one.code: one.name for one in self.collectives}

    def declared_count(self, of: Counted) -> int | None:
        """How many the plan declares as a whole; of measures else area by area. None where it declares nothing."""
        whole = next((one.declared for one in self.declared_in_all if one.code is of), None)
        if whole is not None or of is Counted.INDICATORS or not self.declared:
            return whole
        return sum(one.declared for one in self.declared)
