"""Recurrences: what is asked each month, quarter, half-year, term or year, by a day in the period or after it."""

import calendar
import dataclasses
import datetime as dt
from collections.abc import Iterator
from enum import StrEnum

from models.dates.spans import Span


class Every(StrEnum):
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half-year"
    TERM = "term"
    YEAR = "year"


class InMonth(StrEnum):
    """The month whose day it is, as seen from the period."""

    FIRST = "first-month"
    LAST = "last-month"
    NEXT = "next-month"  # the one after the period


@dataclasses.dataclass(frozen=True, slots=True)
class Recurrence:
    """By `day` of a month of each period; a day beyond the month's end is its last day."""

    every: Every
    day: int
    month: InMonth = InMonth.LAST

    def due_in(self, period: Span) -> dt.date:
        """The last day for what a period asks."""
        month = {InMonth.FIRST: period.first, InMonth.LAST: period.last, InMonth.NEXT: period.next_day}[self.month]
        return month.replace(day=min(self.day, calendar.monthrange(month.year, month.month)[1]))

    def dues(self, first: dt.date, last: dt.date) -> dict[str, dt.date]:
        """The day by period, for each period that touches these days and whose day is one of them.

        A report in the month after comes later than these days where its period ends with them.
        """
        found = {period: self.due_in(period) for period in _periods(self.every, first, last)}
        is_after = self.month is InMonth.NEXT
        return {
            period.text: day
            for period, day in found.items()
            if first <= day <= last or (is_after and period.last <= last)
        }


def _periods(every: Every, first: dt.date, last: dt.date) -> Iterator[Span]:
    period = _around(every, first)
    while period.first <= last:
        yield period
        period = _around(every, period.next_day)


def _around(every: Every, day: dt.date) -> Span:
    """The period that holds a day."""
    if every is Every.TERM and day.month == 1:
        text = f"{day.year - 1}T2"  # the autumn term lasts until January
    else:
        text = {
            Every.MONTH: f"{day:%Y-%m}",
            Every.QUARTER: f"{day.year}Q{(day.month + 2) // 3}",
            Every.HALF_YEAR: f"{day.year}H{1 + (day.month > 6)}",  # noqa: PLR2004
            Every.TERM: f"{day.year}T{1 + (day.month > 7)}",  # noqa: PLR2004
            Every.YEAR: f"{day.year}",
        }[every]
    period = Span.read(text)
    assert period is not None
    return period
