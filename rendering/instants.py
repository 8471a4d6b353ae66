"""Instants, days and periods as people read them."""

import datetime as dt
import re

from adapters.language import N_, Language
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


_PARTS = {
    "Q1": N_("first quarter of {year}"),
    "Q2": N_("second quarter of {year}"),
    "Q3": N_("third quarter of {year}"),
    "Q4": N_("fourth quarter of {year}"),
    "H1": N_("first half of {year}"),
    "H2": N_("second half of {year}"),
    "T1": N_("spring term of {year}"),
    "T2": N_("autumn term of {year}"),
}
_PERIOD = re.compile(r"(?P<year>[0-9]{4})(?:(?P<part>[QHT][1-4])|-[0-9]{2}(?P<day>-[0-9]{2})?)?")
_YEARS = re.compile(r"(?P<first>[0-9]{4})-(?P<last>[0-9]{4})")


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def period_words(period: str, language: Language) -> str:
    """The period of what is asked, in words: `2023Q1` is 2023年第一季度, and the first quarter of 2023.

    What is no period is said as it is.
    """
    if years := _YEARS.fullmatch(period):
        return language.gettext(N_("{first} to {last}")).format(**years.groupdict())
    found = _PERIOD.fullmatch(period)
    if found is None:
        return period
    if part := found["part"]:
        return language.gettext(_PARTS[part]).format(year=found["year"]) if part in _PARTS else period
    if found["day"]:
        day = _day(period)
        return plain_day(day, language) if day else period
    known = Period.read(period)
    return period_name(known, language) if known else period
