"""A unit's dates as a calendar that its own programs subscribe to (iCalendar, RFC 5545)."""

import datetime as dt
from collections.abc import Iterable

from icalendar import Alarm, Calendar, Event

from adapters.language import N_, Language
from models.common.text import Text
from models.plan.plan import Plan
from models.queries.worklist import DatedWork, WorkItem
from rendering.instants import period_words
from rendering.typed_text import one_line, quoted

REFRESH = dt.timedelta(hours=1)
# An all-day event begins at midnight: the alarm is for nine in the morning, three days before.
WARN = dt.timedelta(days=-3, hours=9)


def feed(dates: Iterable[DatedWork], *, unit: Text, plan: Plan, language: Language, portal: str) -> bytes:
    """One all-day event for each assignment. Its id stays when the date moves; what is handed in is left out.

    As long as nothing has changed it is the same to the byte, and a program need not take it for news.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Duban//work of a unit//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", language.gettext("Duban: {unit}").format(unit=one_line(language.text(unit))))
    calendar.add("x-wr-timezone", plan.timezone)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for dated in dates:
        calendar.add_component(_event(dated, plan, language, portal))
    content: bytes = calendar.to_ical()
    return content


def _event(dated: DatedWork, plan: Plan, language: Language, portal: str) -> Event:
    work = dated.work
    page = f"{portal}/assignments/{work.id}"
    event = Event()
    event.add("uid", f"{plan.code}-{work.id}@duban")
    for changed in ("dtstamp", "last-modified"):  # without a method both mean the last change (RFC 5545, 3.8.7.2)
        event.add(changed, dated.dated_at.astimezone(dt.UTC))
    event.add("sequence", dated.moves)
    event.add("dtstart", work.due_on)
    event.add("dtend", work.due_on + dt.timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    summary = language.gettext("Due: {title} · {item}").format(
        title=one_line(language.text(work.title)), item=_item(dated, language)
    )
    event.add("summary", summary)
    event.add("description", _description(work, language))
    event.add("url", page)
    event.add_component(_alarm(summary))
    return event


def _item(dated: DatedWork, language: Language) -> str:
    """What tells it from others with its title: the period in words, and the item where it is asked of one."""
    item, period = dated.work.item, period_words(dated.work.period, language)
    return f"{period} · {one_line(language.text(item))}" if item else period


def _description(work: WorkItem, language: Language) -> str:
    lines = [
        language.gettext("Reference: {ref}").format(ref=work.ref),
        language.gettext("Proof: {proof}").format(proof=quoted(language.text(work.proof))),
    ]
    if work.provisional:
        lines.append(language.gettext(N_("provisional, it may still move")))
    return "\n".join(lines)


def _alarm(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", WARN)
    return alarm
