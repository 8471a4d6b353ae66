"""Whether targets are met: on any date, by what was known then. Pure rules; a forecast is arithmetic only."""

import dataclasses
import datetime as dt
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.common.errors import Reason
from models.common.kinds import Comparator, PhaseKind, Rollup, UnitKind
from models.common.text import Text
from models.dates.period import Period, last_day, recurring
from models.dates.spans import Span
from models.indicators.reading import Figure, Reading, newest, plain
from models.plan.indicator import Indicator, indicators_of
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.unit import Unit, names_of, units_of

FULL = 100.0  # per cent: what `full` means where the plan gives no number
ROUNDING = 0.05  # a published percentage has one decimal: less than this is no contradiction
DECIMALS = 9  # further digits are rounding errors of floating point
NOTHING = 1e-9  # tolerance for sums of decimal fractions
CITY = ""  # the code that stands for the whole city
MAX_NAMED = 10  # of the units that are short of their quota: the others are counted


class Outcome(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NO_DATA = "no_data"


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """A reading as the rules see it; `unit` is a code, "" for the whole city; `order` grows with every entry."""

    unit: str
    period: Period
    value: float
    reference: float | None = None
    weight: float | None = None
    order: int = 0
    on: dt.date | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """What an indicator came to in one period.

    `parts` is the roll-up of the units' readings where the city's own reading counts instead.
    `reported` of `expected` units have a reading; `waiting` are the codes of the others.
    """

    period: Period
    value: float
    reference: float | None
    outcome: Outcome
    distance: float
    reported: int
    expected: int
    waiting: tuple[str, ...]
    is_citys_own: bool
    parts: float | None
    read_on: dt.date | None

    @property
    def is_complete(self) -> bool:
        return self.is_citys_own or not self.waiting


@dataclasses.dataclass(frozen=True, slots=True)
class Conflict:
    """Another target for the same matter. `contradiction` says where the readings of the two exclude each other."""

    other: Indicator
    is_stricter: bool  # this target asks for more than the other one
    contradiction: Reason | None


@dataclasses.dataclass(frozen=True, slots=True)
class Attainment:
    """How an indicator stands on a date, by the readings that were entered until its end.

    `period` is that of the reading that counts, or the one that is asked for where there is none. `distance` is zero
    or more where the target is reached, and below zero by what is missing, in the indicator's unit. `trend` is the
    change a year (`slope`). `is_over`: the time for it is up, so that not met is final. `course` are all periods,
    `of_units` the units that have a quota, `missing` the periods that passed without a figure.
    """

    indicator: Indicator
    period: str
    outcome: Outcome
    value: float | None
    target: Text
    distance: float | None
    trend: float | None
    read_on: dt.date | None
    reference: float | None = None
    is_over: bool = False
    point: Point | None = None
    course: tuple[Point, ...] = ()
    forecast: Reason | None = None
    remarks: tuple[Reason, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    of_units: tuple["UnitStanding", ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_off_course(self) -> bool:
        """Whether somebody has to answer for it: it is not met, or its time is up and nobody knows."""
        is_unknown = self.outcome is Outcome.NO_DATA and (self.is_over or bool(self.missing))
        return self.outcome is Outcome.NOT_MET or is_unknown

    @property
    def target_levels(self) -> list[float]:
        """Where the target lies on the scale of the figures: one number, two of a range, none beside a reference."""
        if self.indicator.value:
            return list(self.indicator.value)
        return {Comparator.FULL: [100.0], Comparator.STATUS: [1.0]}.get(self.indicator.comparator, [])


@dataclasses.dataclass(frozen=True, slots=True)
class UnitStanding:
    """How one unit stands against its own quota, by its own readings; `unit` is its code."""

    unit: str
    name: Text
    attained: Attainment


# ---- one figure against its target


def target_of(indicator: Indicator) -> Text:  # noqa: PLR0911  (a comparator a return)
    """The target in words."""
    unit, reference = indicator.unit_words, indicator.reference_words
    match indicator.comparator, [plain(one) for one in indicator.value]:
        case Comparator.AT_LEAST, [least]:
            return _measured("≥ ", least, unit)
        case Comparator.EQUAL, [wanted]:
            return _measured("= ", wanted, unit)
        case Comparator.EACH, [least]:
            return Text(f"每个 ≥ {least} {unit.zh}".rstrip(), f"each ≥ {least} {unit.en}".rstrip())
        case Comparator.RANGE, [low, high]:
            return _measured("", f"{low}–{high}", unit)
        case Comparator.FULL, [wanted]:
            return Text(f"全部 {wanted} {unit.zh}", f"all {wanted} {unit.en}")
        case Comparator.FULL, _:
            return Text("全覆盖 100%", "full coverage 100%")
        case Comparator.ABOVE_REFERENCE, _:
            return Text(f"> {reference.zh}", f"> {reference.en}")
    return Text("完成", "done")


def _measured(sign: str, number: str, unit: Text) -> Text:
    gap = "" if unit.zh == "%" else " "
    return Text(f"{sign}{number}{gap}{unit.zh}".rstrip(), f"{sign}{number}{gap}{unit.en}".rstrip())


def distance(
    indicator: Indicator, value: float, reference: float | None, quota: Sequence[float] | None = None
) -> float:
    """Zero or more where the target is reached, or the quota in its place; below zero by what is missing.

    More than an equal target asks for reaches it too: a school too many is none too few.
    """
    wanted = indicator.value if quota is None else quota
    match indicator.comparator:
        case Comparator.RANGE:
            low, high = wanted
            return min(value - low, high - value, 0.0)
        case Comparator.ABOVE_REFERENCE:
            return value - (math.nan if reference is None else reference)
        case Comparator.STATUS:
            return value - 1
        case Comparator.FULL if not wanted:
            return value - FULL
    return value - wanted[0]


def is_met(indicator: Indicator, away: float) -> bool:
    """A target above a reference has to be exceeded; every other target is met when it is reached."""
    tolerance = NOTHING * max(1.0, 1.0, *map(abs, indicator.value))
    return away > tolerance if indicator.comparator is Comparator.ABOVE_REFERENCE else away >= -tolerance


# ---- from units to the city


def roll_up(indicator: Indicator, reads: Sequence[Read]) -> tuple[float, float | None]:
    """Of the units' readings of one period: value and reference of the city. There has to be one reading at least."""
    match indicator.rollup:
        case Rollup.SUM:
            return _joint(reads, [1.0] * len(reads), 1.0)
        case Rollup.WEIGHTED_MEAN:
            weights = [read.weight or 0.0 for read in reads]
            if not sum(weights):  # they were entered when the plan asked for none
                weights = [1.0] * len(reads)
            return _joint(reads, weights, sum(weights))
        case Rollup.LATEST:
            last = max(reads, key=lambda read: read.order)
            return last.value, last.reference
    lowest = _lowest(indicator, reads)
    return lowest.value, lowest.reference


def _lowest(indicator: Indicator, reads: Sequence[Read]) -> Read:
    """Who comes last where each has to reach the target for itself, or its own quota."""
    return min(reads, key=lambda read: _own_distance(indicator, read))


def _own_distance(indicator: Indicator, read: Read) -> float:
    return distance(indicator, read.value, read.reference, (indicator.quotas or {}).get(read.unit))


def _joint(reads: Sequence[Read], weights: Sequence[float], whole: float) -> tuple[float, float | None]:
    value = math.fsum(read.value * weight for read, weight in zip(reads, weights, strict=True)) / whole
    given = [(read.reference, weight) for read, weight in zip(reads, weights, strict=True)]
    if any(reference is None for reference, _ in given):
        return value, None
    return value, math.fsum((reference or 0.0) * weight for reference, weight in given) / whole


def point_of(indicator: Indicator, reads: Sequence[Read], expected: Collection[str]) -> Point:
    """What one period came to. The city's own reading takes precedence over the roll-up of its units."""
    own = max((read for read in reads if read.unit == CITY), key=lambda read: read.order, default=None)
    of_units = [read for read in reads if read.unit != CITY]
    parts = roll_up(indicator, of_units) if of_units else None
    value, reference = (own.value, own.reference) if own else parts or (math.nan, None)
    by_quotas = own is None and bool(of_units) and _each_has_its_own(indicator)
    lowest = _lowest(indicator, of_units) if by_quotas else None
    away = round(_own_distance(indicator, lowest) if lowest else distance(indicator, value, reference), DECIMALS)
    waiting = tuple(code for code in expected if code not in {read.unit for read in of_units})
    met = is_met(indicator, away)
    unknown = not own and waiting and _may_turn(indicator, met=met)
    return Point(
        period=reads[0].period,
        value=value,
        reference=reference,
        outcome=Outcome.NO_DATA if unknown else Outcome.MET if met else Outcome.NOT_MET,
        distance=away,
        reported=len(of_units),
        expected=len(set(expected) | {read.unit for read in of_units}),
        waiting=waiting,
        is_citys_own=own is not None,
        parts=parts[0] if own and parts else None,
        read_on=max((read.on for read in reads if read.on), default=None),
    )


def _each_has_its_own(indicator: Indicator) -> bool:
    """Whether each unit has to reach a target of its own: the figures of two units are then not to be compared."""
    return bool(indicator.quotas) and indicator.rollup is Rollup.ALL


def _may_turn(indicator: Indicator, *, met: bool) -> bool:
    """Whether units that have not reported can change the outcome: where each has to reach it one miss is final; a sum
    only grows; a mean goes either way.
    """
    if indicator.rollup is Rollup.ALL:
        return met
    if indicator.rollup is Rollup.SUM:
        return not met or indicator.comparator in {Comparator.RANGE, Comparator.ABOVE_REFERENCE}
    return indicator.rollup is Rollup.WEIGHTED_MEAN


def course_of(indicator: Indicator, reads: Iterable[Read], counties: Sequence[str]) -> tuple[Point, ...]:
    """All periods in order. Whose reading is waited for: see `_expected`."""
    by_period: dict[Period, list[Read]] = defaultdict(list)
    for read in reads:
        by_period[read.period].append(read)
    expected = _expected(indicator, [read for each in by_period.values() for read in each], counties)
    periods = sorted(by_period, key=lambda period: period.position)
    return tuple(point_of(indicator, by_period[period], expected) for period in periods)


def _expected(indicator: Indicator, reads: Sequence[Read], counties: Sequence[str]) -> Sequence[str]:
    """Units of which a reading is expected in each period: those that the plan names; where every unit has to reach
    the target, and where a county makes a part of a mean, all counties; otherwise whoever has reported before.
    """
    if indicator.reporters:
        return indicator.reporters
    if indicator.rollup is Rollup.LATEST:
        return ()
    if indicator.quotas:
        return list(indicator.quotas)
    reporters = {read.unit for read in reads} - {CITY}
    if indicator.rollup is Rollup.ALL and counties:
        return counties
    if indicator.rollup is Rollup.WEIGHTED_MEAN and reporters & set(counties):
        return sorted(reporters | set(counties))
    return sorted(reporters)


# ---- over the years


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The change a year: of two points the line through them, of more the line of least squares; None of fewer."""
    if len(points) < 2:  # noqa: PLR2004
        return None
    middle = math.fsum(x for x, _ in points) / len(points)
    level = math.fsum(y for _, y in points) / len(points)
    spread = math.fsum((x - middle) ** 2 for x, _ in points)
    return round(math.fsum((x - middle) * (y - level) for x, y in points) / spread, DECIMALS)


def _fitting(course: Sequence[Point]) -> list[Point]:
    """Periods that can be compared: in one with half of the units reporting, a sum is half as large."""
    return [point for point in course if point.is_complete] or list(course)


def _trend(indicator: Indicator, course: Sequence[Point]) -> float | None:
    if indicator.comparator is Comparator.STATUS or _each_has_its_own(indicator):
        return None
    return slope([(point.period.position, point.value) for point in _fitting(course)])


def forecast(indicator: Indicator, course: Sequence[Point]) -> Reason | None:
    """What it comes to when it is due if it goes on like this, from the newest figure at the change a year.

    None for what recurs, for a yes or no, where each unit has a quota to reach, with one figure alone, and when the
    year is there. Where a reference is to be exceeded, it is the lead over it that goes on.
    """
    fitting, until = _fitting(course), last_day(indicator.due)
    if not fitting or until is None or indicator.comparator is Comparator.STATUS or _each_has_its_own(indicator):
        return None
    leads = indicator.comparator is Comparator.ABOVE_REFERENCE
    pace = slope([(one.period.position, one.distance if leads else one.value) for one in fitting])
    last, due = fitting[-1], until.year
    if pace is None or last.period.position >= due:
        return None
    if leads:
        return _lead_then(pace, last, due)
    value = last.value + pace * (due - last.period.position)
    if indicator.unit == "%" and indicator.comparator in {Comparator.EQUAL, Comparator.FULL}:
        value = min(value, FULL)
    return _value_then(indicator, pace, value, due)


def _signed(number: float) -> str:
    text = plain(number)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def _lead_then(pace: float, last: Point, due: int) -> Reason:
    lead = last.distance + pace * (due - last.period.position)
    facts = {"pace": _signed(pace), "lead": _signed(lead), "year": str(due)}
    if lead > 0:
        return Reason("at {pace} a year its lead over the reference comes to {lead} in {year}: that is enough", **facts)
    return Reason("at {pace} a year its lead over the reference comes to {lead} in {year}: that is too little", **facts)


def _value_then(indicator: Indicator, pace: float, value: float, due: int) -> Reason:
    away = distance(indicator, value, None)
    facts = {"pace": _signed(pace), "value": plain(value), "year": str(due), "target": target_of(indicator)}
    if is_met(indicator, away):
        return Reason("at {pace} a year it comes to {value} in {year}, which meets {target}", **facts)
    short = plain(-away)
    if indicator.comparator is Comparator.RANGE:
        return Reason("at {pace} a year it comes to {value} in {year}, {short} outside {target}", short=short, **facts)
    if pace > 0:
        later = due + math.ceil(-away / pace - NOTHING)
        return Reason(
            "at {pace} a year it comes to {value} in {year}, {short} short of {target}; so not until {later}",
            short=short,
            later=str(later),
            **facts,
        )
    return Reason("at {pace} a year it comes to {value} in {year}, {short} short of {target}", short=short, **facts)


# ---- one indicator


def attain(
    indicator: Indicator,
    reads: Iterable[Read],
    on: dt.date,
    years: tuple[int, int],
    counties: Sequence[str],
    names: Mapping[str, Text] = MappingProxyType({}),
) -> Attainment:
    """How an indicator stands on that day, without its conflicts. `years` are the first and last of the work.

    `names` are those of the units, in the order in which those with a quota are shown.
    """
    known = list(reads)
    one = _attain(indicator, known, on, years, counties)
    of_units = tuple(_of_units(indicator, known, on, years, names))
    remarks = (*one.remarks, *_behind(of_units), *_who_answers(one, names))
    return dataclasses.replace(one, of_units=of_units, remarks=remarks)


def _attain(
    indicator: Indicator, reads: Iterable[Read], on: dt.date, years: tuple[int, int], counties: Sequence[str]
) -> Attainment:
    course, until = course_of(indicator, reads, counties), last_day(indicator.due)
    return _recurrent(indicator, course, on, years) if until is None else _due_once(indicator, course, on, until)


def _of_units(
    indicator: Indicator, reads: Sequence[Read], on: dt.date, years: tuple[int, int], names: Mapping[str, Text]
) -> Iterator[UnitStanding]:
    """Each unit with a quota by its own readings, as if it were the whole."""
    quotas = indicator.quotas or {}
    own: dict[str, list[Read]] = defaultdict(list)
    for read in reads:
        own[read.unit].append(dataclasses.replace(read, unit=CITY))
    for code in [*(one for one in names if one in quotas), *(one for one in quotas if one not in names)]:
        if (alone := indicator.of_unit(code)) is not None:
            yield UnitStanding(code, names.get(code) or Text(code, code), _attain(alone, own[code], on, years, ()))


def _behind(of_units: Sequence[UnitStanding]) -> Iterator[Reason]:
    behind = [one.name for one in of_units if one.attained.outcome is Outcome.NOT_MET]
    more = len(behind) - MAX_NAMED
    if more > 0:
        yield Reason("short of their own quota: {units} and {count} more", units=behind[:MAX_NAMED], count=more)
    elif behind:
        yield Reason("short of their own quota: {units}", units=behind)


def _who_answers(one: Attainment, names: Mapping[str, Text]) -> Iterator[Reason]:
    """The lead that the target itself names, where it is off its course; the first of several answers."""
    leads = one.indicator.leads or []
    if leads and one.is_off_course:
        yield Reason("{unit} answers for it", unit=names.get(leads[0]) or leads[0])


def _due_once(indicator: Indicator, course: tuple[Point, ...], on: dt.date, until: dt.date) -> Attainment:
    """The newest period counts of which the outcome is known; where there is none, the newest."""
    known = [point for point in course if point.outcome is not Outcome.NO_DATA] or course
    point = known[-1] if known else None
    over, asked = on > until, str(until.year)
    if point and over and point.period.year < until.year:
        remarks = [Reason("the newest figure is of {period}", period=point.period.text)]
        return _stands(indicator, course, point, Outcome.NO_DATA, asked, over, remarks)
    outcome = point.outcome if point else Outcome.NO_DATA
    is_day = indicator.due != asked
    if is_day and point and point.read_on and point.read_on > until:
        remarks = [Reason("entered on {day}, after {until} by which it was due", day=point.read_on, until=until)]
        return _stands(indicator, course, point, outcome, asked, over, remarks)
    return _stands(indicator, course, point, outcome, asked, over, [])


def _recurrent(indicator: Indicator, course: tuple[Point, ...], on: dt.date, years: tuple[int, int]) -> Attainment:
    """Every period that is over has to be met, and the newest figure as it stands: one miss, and it is not met."""
    periods = recurring(indicator.due, *years)
    asked = {period.text for period in periods}
    of_plan = {point.period.text: point for point in course if point.period.text in asked}
    # In a period that still runs, figures of only some of the units say nothing yet.
    known = {
        text: point
        for text, point in of_plan.items()
        if _until(indicator, point.period) < on or point.outcome is not Outcome.NO_DATA
    }
    points = known or of_plan
    over = [period for period in periods if _until(indicator, period) < on]
    missing = [period.text for period in over if period.text not in points]
    missed = [text for text, point in points.items() if point.outcome is Outcome.NOT_MET]
    unknown = missing or [text for text, point in points.items() if point.outcome is Outcome.NO_DATA]
    outcome = Outcome.NOT_MET if missed else Outcome.NO_DATA if unknown or not points else Outcome.MET
    point = list(points.values())[-1] if points else None
    begun = [period.text for period in periods if period.first <= on] or [period.text for period in periods[:1]]
    remarks = []
    if missed:
        remarks.append(Reason("not met in {periods}", periods=missed))
    if missing:
        remarks.append(Reason("no figure for {periods}", periods=missing))
    is_over = point is not None and _until(indicator, point.period) < on
    stands = _stands(indicator, course, point, outcome, begun[-1] if begun else "", is_over, remarks)
    return dataclasses.replace(stands, missing=tuple(missing))


def _until(indicator: Indicator, period: Period) -> dt.date:
    """The last day for the figure of a period: its end, or the day in it or after it that the plan names."""
    rule, span = indicator.recurrence, Span.read(period.text)
    return rule.due_in(span) if rule and span else period.last


def _stands(
    indicator: Indicator,
    course: tuple[Point, ...],
    point: Point | None,
    outcome: Outcome,
    asked: str,
    is_over: bool,  # noqa: FBT001  (called here only)
    remarks: Sequence[Reason],
) -> Attainment:
    return Attainment(
        indicator=indicator,
        period=point.period.text if point else asked,
        outcome=outcome,
        value=point.value if point else None,
        target=target_of(indicator),
        distance=point.distance if point else None,
        trend=_trend(indicator, course),
        read_on=point.read_on if point else None,
        reference=point.reference if point else None,
        is_over=is_over,
        point=point,
        course=course,
        forecast=forecast(indicator, course),
        remarks=(*remarks, *_remarks(indicator, course, point)),
    )


def _remarks(indicator: Indicator, course: Sequence[Point], point: Point | None) -> Iterable[Reason]:
    """What a reader has to know about the figure before relying on it."""
    if point is None:
        return
    later = course[-1]
    if not later.is_complete and later.period.position > point.period.position:
        yield Reason(
            "{period} is not complete: {reported} of {expected} units have reported",
            period=later.period.text,
            reported=later.reported,
            expected=later.expected,
        )
    if not point.is_complete:
        yield Reason("{reported} of {expected} units have reported", reported=point.reported, expected=point.expected)
    if point.parts is not None and _differ(indicator, point.value, point.parts):
        yield Reason(
            "the city's own figure is {own}, its units' together {parts}",
            own=plain(point.value),
            parts=plain(point.parts),
        )
    if indicator.comparator is Comparator.EQUAL and point.distance > NOTHING:
        yield Reason("{more} more than the plan says", more=plain(point.distance))


def _differ(indicator: Indicator, own: float, parts: float) -> bool:
    tolerance = 0.0 if indicator.rollup is Rollup.SUM else ROUNDING
    return abs(own - parts) > tolerance + NOTHING * abs(own)


# ---- all of a plan


def attainments(session: Session, plan: Plan, on: dt.date) -> list[Attainment]:
    """How every indicator of the plan stood at the end of that day, by their codes."""
    indicators = indicators_of(session, plan.id)
    units = {unit.id: unit for unit in units_of(session, plan.id)}
    counties = [unit.code for unit in units.values() if unit.kind is UnitKind.COUNTY]
    reads: dict[int, list[Read]] = defaultdict(list)
    for row in newest(session, plan, on):
        reads[row.indicator_id].append(_read(plan, row, units))
    years = _years(session, plan)
    names = {unit.code: unit.name for unit in units.values()}
    if any(one.leads for one in indicators):  # the office may be one of them
        names |= names_of(session, plan.id)
    found = [attain(one.as_of(on), reads[one.id], on, years, counties, names) for one in indicators]
    return with_conflicts(found)


def unit_standings(
    session: Session, plan: Plan, unit: Unit, on: dt.date, indicators: Iterable[Indicator]
) -> dict[int, Attainment]:
    """How one unit stood at the end of that day against each quota that it has, by the id of the indicator."""
    shares = {one.id: own for one in indicators if (own := one.as_of(on).of_unit(unit.code))}
    if not shares:
        return {}
    reads: dict[int, list[Read]] = defaultdict(list)
    for row in newest(session, plan, on, unit=unit):
        reads[row.indicator_id].append(dataclasses.replace(_read(plan, row, {unit.id: unit}), unit=CITY))
    years = _years(session, plan)
    return {key: _attain(own, reads[key], on, years, ()) for key, own in shares.items()}


def own_target(figure: Figure) -> Indicator | None:
    """What the figure of a unit is judged by for itself: its quota, as an indicator; None where it has none."""
    return figure.indicator.of_unit(figure.unit.code) if figure.unit else None


def reaches_quota(figure: Figure) -> bool | None:
    """Whether the figure of a unit reaches its own quota; None where it has none, or where it is withdrawn."""
    own = own_target(figure)
    if own is None or figure.value is None:
        return None
    return is_met(own, round(distance(own, figure.value, figure.reference), DECIMALS))


def _read(plan: Plan, row: Reading, units: Mapping[int, Unit]) -> Read:
    period = Period.read(row.period)
    assert period is not None
    assert row.value is not None
    unit = CITY if row.unit_id is None else units[row.unit_id].code
    return Read(unit, period, row.value, row.reference, row.weight, row.id, plan.day_of(row.at))


def _years(session: Session, plan: Plan) -> tuple[int, int]:
    """The years in which a recurring target has to hold: from the implementation to the plan's end."""
    query = select(func.min(Phase.starts_on)).where(Phase.plan_id == plan.id, Phase.kind == PhaseKind.IMPLEMENTATION)
    first = session.scalar(query)
    return (first.year if first else plan.starts, plan.ends)


def with_conflicts(attained: Sequence[Attainment]) -> list[Attainment]:
    """The same, each with the targets that contradict it."""
    by_code = {one.indicator.code: one for one in attained}
    conflicts: dict[str, list[Conflict]] = defaultdict(list)
    for stricter in attained:
        for code in stricter.indicator.conflicts_with:
            if (weaker := by_code.get(code)) is None:
                continue
            found = contradiction(stricter, weaker)
            conflicts[stricter.indicator.code].append(Conflict(weaker.indicator, is_stricter=True, contradiction=found))
            conflicts[code].append(Conflict(stricter.indicator, is_stricter=False, contradiction=found))
    return [dataclasses.replace(one, conflicts=tuple(conflicts[one.indicator.code])) for one in attained]


def contradiction(stricter: Attainment, weaker: Attainment) -> Reason | None:
    """Where the stricter target is met and the less strict one is not, one of the two figures must be wrong."""
    unmet = {point.period.text for point in weaker.course if point.outcome is Outcome.NOT_MET}
    periods = [
        point.period.text for point in stricter.course if point.outcome is Outcome.MET and point.period.text in unmet
    ]
    if not periods:
        return None
    return Reason(
        "in {periods} {stricter} is met and {weaker}, which asks for less, is not: one of the two figures is wrong",
        periods=periods,
        stricter=stricter.indicator.code,
        weaker=weaker.indicator.code,
    )
