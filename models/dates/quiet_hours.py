"""When letters may be sent: on working days, outside the quiet hours. Patrol works at any time; only sending waits."""

import dataclasses
import datetime as dt
import re
from typing import Self
from zoneinfo import ZoneInfo

from models.common.errors import RefusedError
from models.dates.workdays import ONE_DAY, WorkCalendar

HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclasses.dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` to `ends`, over midnight where it ends earlier than it begins; none where they are the same."""

    begins: dt.time
    ends: dt.time

    @classmethod
    def read(cls, text: str) -> Self:
        """`20:00-08:00`; empty means none. Raises RefusedError."""
        if not text:
            return cls(dt.time(0), dt.time(0))
        found = HOURS.fullmatch(text)
        if found is None:
            raise RefusedError("quiet hours {text!r}; expected such as 20:00-08:00, or nothing", text=text)
        first, second, third, fourth = map(int, found.groups())
        return cls(dt.time(first, second), dt.time(third, fourth))

    def __contains__(self, time: dt.time) -> bool:
        if self.begins <= self.ends:
            return self.begins <= time < self.ends
        return time >= self.begins or time < self.ends


def opens_at(at: dt.datetime, timezone: str, calendar: WorkCalendar, quiet: QuietHours) -> dt.datetime:
    """The first instant from `at` on at which letters may leave; `at` itself where they may now."""
    opens = local = at.astimezone(ZoneInfo(timezone))
    if local.time() in quiet:
        day = local.date() if local.time() < quiet.ends else local.date() + ONE_DAY
        opens = dt.datetime.combine(day, quiet.ends, local.tzinfo)
    if not calendar.is_working(opens.date()):
        opens = dt.datetime.combine(calendar.settle(opens.date()).on, _first(quiet), local.tzinfo)
    # When the clocks are put back an hour comes twice, and the computed end may lie in the past.
    return max(opens.astimezone(dt.UTC), at)


def _first(quiet: QuietHours) -> dt.time:
    """When a day's letters begin to leave."""
    return quiet.ends if dt.time(0) in quiet else dt.time(0)
