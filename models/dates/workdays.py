"""Working days. China's calendar moves weekends; a year that is not published yet is provisional.

So is the last week of the last year that is published: the notice on a year begins with its New Year, and has moved
days of the December before it (the 31st of 2018 became a day off, the 29th a day of work).
"""

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Self

import chinese_calendar

from models.common.kinds import OnDayOff

ONE_DAY = dt.timedelta(days=1)
SATURDAY = 5
LAST_WEEK = (12, 25)  # from here on a year hangs on the next one's notice; none since 2004 reached back beyond the 29th


class CalendarName(StrEnum):
    CHINA = "china"
    WEEKENDS = "weekends"


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """A date moved to a working day. `provisional`: a notice that is not published yet may move it."""

    on: dt.date
    provisional: bool


@dataclasses.dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Knows which days are working days.

    Source: for China the yearly notice of the State Council's General Office on public holidays,
    as `chinesecalendar` holds it (2004 to the last year published).
    """

    name: CalendarName

    def knows(self, year: int) -> bool:
        return self.name is CalendarName.WEEKENDS or _is_published(year)

    def known(self, years: Iterable[int]) -> dict[str, str]:
        """What is published of these years, to be kept and compared: a bit for each day, set on working days."""
        return {str(year): f"{self._bits(year):x}" for year in years if self.is_published(year)}

    def is_published(self, year: int) -> bool:
        """Whether there is a notice on that year; no calendar of mere weekends has any."""
        return self.name is CalendarName.CHINA and _is_published(year)

    def _bits(self, year: int) -> int:
        first = dt.date(year, 1, 1)
        days = (dt.date(year + 1, 1, 1) - first).days
        return sum(1 << number for number in range(days) if self.is_working(first + ONE_DAY * number))

    def is_certain(self, day: dt.date) -> bool:
        """Whether all notices are published that say whether it is a working day."""
        return self.knows(day.year) and (day < dt.date(day.year, *LAST_WEEK) or self.knows(day.year + 1))

    def last_certain_day(self, years: Iterable[int]) -> dt.date | None:
        """The last day of these years, that is certain; None where no day is."""
        days = [
            dt.date(year, 12, 31) if self.knows(year + 1) else dt.date(year, *LAST_WEEK) - ONE_DAY
            for year in years
            if self.knows(year)
        ]
        return max(days, default=None)

    def is_working(self, day: dt.date) -> bool:
        if self.name is CalendarName.CHINA and _is_published(day.year):
            return _is_worked_in_china(day)
        return day.weekday() < SATURDAY

    def settle(self, day: dt.date, on_day_off: OnDayOff = OnDayOff.LATER) -> Settled:
        """The first working day on or after `day`, or on or before it."""
        settled = self.last_on_or_before(day) if on_day_off is OnDayOff.EARLIER else self.first_on_or_after(day)
        return Settled(settled, provisional=not (self.is_certain(day) and self.is_certain(settled)))

    def first_on_or_after(self, day: dt.date) -> dt.date:
        while not self.is_working(day):
            day += ONE_DAY
        return day

    def last_on_or_before(self, day: dt.date) -> dt.date:
        while not self.is_working(day):
            day -= ONE_DAY
        return day

    def add(self, day: dt.date, count: int) -> dt.date:
        """The `count`-th working day after `day` (before it, where `count` is negative)."""
        step = ONE_DAY if count > 0 else -ONE_DAY
        remaining = abs(count)
        while remaining:
            day += step
            remaining -= self.is_working(day)
        return day

    def count(self, start: dt.date, end: dt.date) -> int:
        """Working days after `start` up to and with `end`; negative where `end` is earlier."""
        return -_count(self, end, start) if end < start else _count(self, start, end)


@dataclasses.dataclass(frozen=True, slots=True)
class EarlierCalendar(WorkCalendar):
    """A calendar as it was known once. `years`: each with its days, as `known` gives them; of others the weekends."""

    years: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, name: CalendarName, known: Mapping[str, str]) -> Self:
        return cls(name, tuple(sorted((int(year), int(days, 16)) for year, days in known.items())))

    def is_working(self, day: dt.date) -> bool:
        for year, days in self.years:
            if year == day.year:
                return bool(days >> (day.timetuple().tm_yday - 1) & 1)
        return day.weekday() < SATURDAY


# Cached: each line of a letter counts between the same days.
@functools.lru_cache(maxsize=20_000)
def _count(calendar: WorkCalendar, start: dt.date, end: dt.date) -> int:
    days = (start + ONE_DAY * n for n in range(1, (end - start).days + 1))
    return sum(map(calendar.is_working, days))


@functools.cache
def _published_years() -> range:
    return range(min(chinese_calendar.holidays).year, max(chinese_calendar.holidays).year + 1)


def _is_published(year: int) -> bool:
    return year in _published_years()


def _is_worked_in_china(day: dt.date) -> bool:
    # From its tables: its own function goes through all of them for each day that it is asked for.
    if day.weekday() < SATURDAY:
        return day not in chinese_calendar.holidays
    return day in chinese_calendar.workdays
