"""What a reading is for: a year `2023`, a month `2023-05`, or a term `2023T1`."""

import calendar
import dataclasses
import datetime as dt
import re
from typing import Self

YEARLY, MONTHLY, EACH_TERM = "yearly", "monthly", "each_term"

_YEAR = "(?P<year>(?:19|20|21)[0-9]{2})"
FORMS = {
    MONTHLY: re.compile(rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])"),
    EACH_TERM: re.compile(rf"{_YEAR}T(?P<term>[12])"),
}
YEAR = re.compile(_YEAR)
EXAMPLES = {MONTHLY: "2023-05", EACH_TERM: "2023T1"}


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
        return None


def example(due: str) -> str:
    """An example of a period, in the form that fits an indicator with this `due`."""
    return EXAMPLES.get(due, "2023")


def fits(period: Period, due: str) -> bool:
    """Whether this kind of period fits an indicator with this `due`."""
    return bool(FORMS.get(due, YEAR).fullmatch(period.text))


def recurring(due: str, first: int, last: int) -> list[Period]:
    """Every period from year to year in which a recurring target has to hold, in order."""
    endings = {MONTHLY: [f"-{month:02}" for month in range(1, 13)], EACH_TERM: ["T1", "T2"]}.get(due, [""])
    found = (Period.read(f"{year}{ending}") for year in range(first, last + 1) for ending in endings)
    return [one for one in found if one is not None]


def current(due: str, today: dt.date) -> str:
    """The year, month or term that contains a day; for an indicator that is due once, at the latest its due year."""
    if due == MONTHLY:
        return f"{today:%Y-%m}"
    if due == EACH_TERM:
        terms = recurring(due, today.year - 1, today.year)
        return next(term.text for term in terms if term.first <= today <= term.last)
    return str(min(today.year, int(due)) if due.isdecimal() else today.year)
