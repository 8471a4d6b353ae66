"""The days that a period of work takes: a year, a part of one, or several: `2023`, `2023Q1`, `2025H1`, `2016-2017`."""

import calendar
import dataclasses
import datetime as dt
import re
from typing import Self

from models.dates.workdays import ONE_DAY

_YEAR = "(?P<year>(?:19|20|21)[0-9]{2})"
_PARTS = re.compile(
    rf"{_YEAR}(?:Q(?P<quarter>[1-4])|H(?P<half>[12])|T(?P<term>[12])|-(?P<month>0[1-9]|1[0-2])|-(?P<last>(?:19|20|21)"
    r"[0-9]{2}))?"
)
EXAMPLES = "2023, 2023H1, 2023Q1, 2023T1, 2023-05, 2023-2024"


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A period with its first and its last day. `T1` is the spring term, `T2` the autumn term, to the next January."""

    text: str
    first: dt.date
    last: dt.date

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None where that is no period of work."""
        found = _PARTS.fullmatch(text)
        if found is None:
            return None
        year = int(found["year"])
        if found["last"]:
            last = int(found["last"])
            return cls(text, dt.date(year, 1, 1), dt.date(last, 12, 31)) if last > year else None
        if found["term"]:
            return cls._months(text, year, *((2, 6) if found["term"] == "1" else (8, 6)))
        if found["quarter"]:
            return cls._months(text, year, int(found["quarter"]) * 3 - 2, 3)
        if found["half"]:
            return cls._months(text, year, int(found["half"]) * 6 - 5, 6)
        return cls._months(text, year, *((int(found["month"]), 1) if found["month"] else (1, 12)))

    @classmethod
    def _months(cls, text: str, year: int, month: int, count: int) -> Self:
        years, last = divmod(month + count - 2, 12)
        end = dt.date(year + years, last + 1, calendar.monthrange(year + years, last + 1)[1])
        return cls(text, dt.date(year, month, 1), end)

    @classmethod
    def of_years(cls, first: dt.date, last: dt.date) -> Self:
        """The year, or the years, in which these days lie."""
        text = str(first.year) if first.year == last.year else f"{first.year}-{last.year}"
        return cls(text, dt.date(first.year, 1, 1), dt.date(last.year, 12, 31))

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    def touches(self, other: "Span") -> bool:
        return self.first <= other.last and other.first <= self.last

    @property
    def next_day(self) -> dt.date:
        return self.last + ONE_DAY
