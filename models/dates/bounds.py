"""The days that people may name: those that a plan's work may be due on, and those that can be asked about at all."""

import dataclasses
import datetime as dt

from models.common.errors import Reason

# Within these every day has a next working day, and every step a date.
FIRST_DAY, LAST_DAY = dt.date(1990, 1, 1), dt.date(2200, 12, 31)
YEARS_BEYOND = 1  # so that an office that decides in the last weeks of a plan can still set a date


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """The first and the last day that people may set for the work of a plan."""

    first: dt.date
    last: dt.date

    @classmethod
    def of(cls, starts: int, ends: int) -> "Bounds":
        """From the plan's first day to the end of the year after its last."""
        return cls(dt.date(starts, 1, 1), dt.date(ends + YEARS_BEYOND, 12, 31))

    def reasons_outside(self, day: dt.date | None) -> list[Reason]:
        """Why that day cannot be set; empty where it can, or where none is given."""
        if day is None or self.first <= day <= self.last:
            return []
        far = Reason(
            "{day} is too far away; this plan takes dates from {first} to {last}",
            day=day,
            first=self.first,
            last=self.last,
        )
        return [far]
