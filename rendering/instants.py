"""Instants, days and periods as people read them."""

import datetime as dt

from adapters.language import Language
from models.dates.instants import LocalInstant
from models.dates.period import Period


def local_minute(at: dt.datetime, timezone: str) -> str:
    """`2023-03-01 09:05`, as the clocks of that time zone show it."""
    return str(LocalInstant(at, timezone))


def period_name(period: Period, language: Language) -> str:
    """2023年3月, March 2023; of a year 2023年, 2023."""
    if period.text == str(period.year):
        return f"{period.year}年" if language.code == "zh" else period.text
    return f"{period.year}年{period.first.month}月" if language.code == "zh" else f"{period.first:%B %Y}"


def plain_day(day: dt.date, language: Language) -> str:
    """A date in a sentence."""
    return f"{day.year}年{day.month}月{day.day}日" if language.code == "zh" else f"{day.day} {day:%B} {day.year}"
