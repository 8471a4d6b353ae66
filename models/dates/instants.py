"""Instants in the plan's time zone. Only aware datetimes are used."""

import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

FIRST_ROUND = dt.time(8, 30)  # patrol's first round of the day: what is due on a day is due from here on


@dataclasses.dataclass(frozen=True, slots=True)
class LocalInstant:
    """An instant as the clocks of a time zone show it: `2023-03-01 09:05` in every language, a fact of errors too."""

    at: dt.datetime
    timezone: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(ZoneInfo(self.timezone)):%Y-%m-%d %H:%M}"


def first_round_on(day: dt.date, timezone: str) -> dt.datetime:
    """The instant from which what is dated `day` has to be looked at."""
    import pendulum  # noqa: PLC0415  (the pages, which have to start fast, seldom need it)

    return pendulum.datetime(day.year, day.month, day.day, FIRST_ROUND.hour, FIRST_ROUND.minute, tz=timezone)


def end_of(day: dt.date, timezone: str) -> dt.datetime:
    import pendulum  # noqa: PLC0415

    return pendulum.datetime(day.year, day.month, day.day, tz=timezone).end_of("day")


def day_of(at: dt.datetime, timezone: str) -> dt.date:
    # This is called for every entry of a journal; pendulum's conversion takes forty times as long.
    return at.astimezone(ZoneInfo(timezone)).date()
