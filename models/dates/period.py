"""What a reading is for: a year `2023`, a half `2023H1`, a quarter `2023Q1`, a month `2023-05`, or a term `2023T1`."""

import calendar
import dataclasses
import datetime as dt
import re
from typing import Self

from models.dates.spans import Span

YEARLY, MONTHLY, EACH_TERM = "yearly", "monthly", "each_term"
HALF_YEARLY, QUARTERLY = "half_yearly", "quarterly"

_YEAR = "(?P<year>(?:19|20|21)[0-9]{2})"
FORMS = {
    MONTHLY: re.compile(rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])"),
    EACH_TERM: re.compile(rf"{_YEAR}T(?P<term>[12])"),
    QUARTERLY: re.compile(rf"{_YEAR}Q(?P<part>[1-4])"),
    HALF_YEARLY: re.compile(rf"{_YEAR}H(?P<part>[12])"),
}
YEAR = re.compile(_YEAR)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EXAMPLES = {MONTHLY: "2023-05", EACH_TERM: "2023T1", QUARTERLY: "2023Q1", HALF_YEARLY: "2023H1"}
PARTS = {QUARTERLY: 4, HALF_YEARLY: 2}  # of a year


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """`T1` is the spring term, February to July; `T2` the autumn term, August to January of the next year.

    `position` is its end as a number of years: slopes and forecasts are computed over it.
    """

    text: str
    first: dt.date
    last: dt.date
    position: float

    @property
    def year(self) -> int:
        return self.first.year

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None where that is no period."""
        if found := YEAR.fullmatch(text):
            year = int(found["year"])
            return cls(text, dt.date(year, 1, 1), dt.date(year, 12, 31), year)
        if found := FORMS[MONTHLY].fullmatch(text):
            year, month = int(found["year"]), int(found["month"])
            last = calendar.monthrange(year, month)[1]
            return cls(text, dt.date(year, month, 1), dt.date(year, month, last), year + month / 12)
        if found := FORMS[EACH_TERM].fullmatch(text):
            year, term = int(found["year"]), int(found["term"])
            if term == 1:
                return cls(text, dt.date(year, 2, 1), dt.date(year, 7, 31), year + 0.5)
            return cls(text, dt.date(year, 8, 1), dt.date(year + 1, 1, 31), year + 1)
        for form, count in PARTS.items():
            if (found := FORMS[form].fullmatch(text)) and (span := Span.read(text)):
                return cls(text, span.first, span.last, span.first.year + int(found["part"]) / count)
        return None


def example(due: str) -> str:
    """An example of a period, in the form that fits an indicator with this `due`."""
    return EXAMPLES.get(due, "2023")


def fits(period: Period, due: str) -> bool:
    """Whether this kind of period fits an indicator with this `due`."""
    return bool(FORMS.get(due, YEAR).fullmatch(period.text))


def recurring(due: str, first: int, last: int) -> list[Period]:
    """Every period from year to year in which a recurring target has to hold, in order."""
    endings = {
        MONTHLY: [f"-{month:02}" for month in range(1, 13)],
        EACH_TERM: ["T1", "T2"],
        QUARTERLY: ["Q1", "Q2", "Q3", "Q4"],
        HALF_YEARLY: ["H1", "H2"],
    }.get(due, [""])
    found = (Period.read(f"{year}{ending}") for year in range(first, last + 1) for ending in endings)
    return [one for one in found if one is not None]


def current(due: str, today: dt.date) -> str:
    """The period that contains a day; for an indicator that is due once, at the latest the year in which it is due."""
    if due in FORMS:
        periods = recurring(due, today.year - 1, today.year)
        return next(one.text for one in periods if one.first <= today <= one.last)
    last = last_day(due)
    return str(min(today.year, last.year) if last else today.year)


def last_day(due: str) -> dt.date | None:
    """The last day for what is due once: the end of its year, or the day that it names. None for what recurs."""
    if YEAR.fullmatch(due):
        return dt.date(int(due), 12, 31)
    return dt.date.fromisoformat(due) if DAY.fullmatch(due) else None
