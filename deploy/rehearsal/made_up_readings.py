"""What the units of a rehearsal report for the targets: seeded, on the way up, and in the end mostly there."""

import dataclasses
import datetime as dt
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from models.common.kinds import Comparator, Rollup
from models.dates.period import Period, last_day, recurring
from models.indicators.reading import Figure
from models.plan.indicator import Indicator
from models.plan.plan import Plan
from models.plan.unit import Unit

AFTER = dt.timedelta(days=8)  # a figure is known so long after its period
FORGOTTEN = 0.002  # of all figures
MISSED = 0.1  # of all targets
SOURCE = "年度统计(演练)"
PERCENT = "%"
HUNDRED = 100.0
REFERENCE = 90.0  # what a target above a reference is compared with


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """How a target comes along: the share of it that is reached in its first period and in its last."""

    first: float
    last: float

    def share(self, done: float) -> float:
        """`done` grows from 0 in the first period to 1 in the last."""
        return self.first + (self.last - self.first) * done


def course(seed: int, indicator: Indicator) -> Course:
    dice = _dice(seed, indicator.code)
    misses = dice.random() < MISSED
    last = dice.uniform(0.95, 0.985) if misses else dice.uniform(1.01, 1.04)
    # What has to hold each year is no way to go.
    first = dice.uniform(0.8, 0.93) if last_day(indicator.due) else last
    return Course(first, last)


def reports(
    seed: int, plan: Plan, indicator: Indicator, counties: Sequence[Unit], since: dt.date, until: dt.date
) -> Iterator[tuple[dt.date, Unit | None, Figure]]:
    """Days on which figures are entered, by whom (None: the office, for the whole city), and the figures.

    Each some days after its period, from one day on, and what would come after the other day is entered on that.
    """
    due = last_day(indicator.due)
    last = due.year if due else plan.ends
    periods = [one for one in recurring(indicator.due, plan.starts, last) if since <= one.last and one.first <= until]
    way = course(seed, indicator)
    for number, period in enumerate(periods, 1):
        share = way.share(number / len(periods))
        on = min(period.last + AFTER, until)
        for unit, figure in _of_period(seed, indicator, period, share, _reporters(indicator, counties)):
            yield on, unit, figure


def _reporters(indicator: Indicator, counties: Sequence[Unit]) -> Sequence[Unit]:
    """Nobody where there is one figure for the whole city."""
    if indicator.rollup is Rollup.LATEST:
        return ()
    named = indicator.reporters or indicator.quotas
    return [unit for unit in counties if not named or unit.code in named]


def _of_period(
    seed: int, indicator: Indicator, period: Period, share: float, units: Sequence[Unit]
) -> Iterable[tuple[Unit | None, Figure]]:
    if not units:
        value, reference = _value(indicator, share)
        yield None, Figure(indicator, period.text, None, value, reference, None, SOURCE)
        return
    sizes = [_size(seed, indicator, unit) for unit in units]
    counted = _shared_out(round(indicator.value[0] * share), sizes) if indicator.rollup is Rollup.SUM else None
    for place, unit in enumerate(units):
        dice = _dice(seed, f"{indicator.code}/{period.text}/{unit.code}")
        if dice.random() < FORGOTTEN:
            continue
        own = indicator.of_unit(unit.code) or indicator
        value, reference = _value(own, share * dice.uniform(0.995, 1.005))
        weight = sizes[place] * HUNDRED if indicator.rollup is Rollup.WEIGHTED_MEAN else None
        value = value if counted is None else float(counted[place])
        yield unit, Figure(indicator, period.text, unit, value, reference, weight, SOURCE)


def _value(indicator: Indicator, share: float) -> tuple[float, float | None]:
    """A figure, and what it is compared with where the target is above a reference."""
    if indicator.comparator is Comparator.STATUS:
        return float(share >= 1), None
    if indicator.comparator is Comparator.ABOVE_REFERENCE:
        return round(REFERENCE * share, 1), REFERENCE
    wanted = indicator.value[0] if indicator.value else HUNDRED
    if indicator.unit == PERCENT or not indicator.value:
        return min(round(wanted * share, 1), HUNDRED), None
    if indicator.comparator in {Comparator.EACH, Comparator.RANGE}:  # the mean of many schools or pupils
        return round(wanted * share, 2), None
    return float(round(wanted * share)), None


def _size(seed: int, indicator: Indicator, unit: Unit) -> int:
    """How large a unit is beside the others: as its quota has it, where it has one."""
    size = _dice(seed, f"{indicator.code}/{unit.code}").randint(20, 200)
    quota = (indicator.quotas or {}).get(unit.code)
    return max(round(quota[0]), 1) if quota else size


def _shared_out(whole: int, sizes: Sequence[int]) -> list[int]:
    """A whole number in parts as large as these, and nothing lost in rounding."""
    ends = [round(whole * size / sum(sizes)) for size in itertools.accumulate(sizes)]
    return [end - start for start, end in itertools.pairwise([0, *ends])]


def _dice(seed: int, what: str) -> random.Random:
    return random.Random(f"{seed}/reported/{what}")  # noqa: S311  (a rehearsal, not a secret)
