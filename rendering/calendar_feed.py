"""A unit's dates as a calendar that its own programs subscribe to (iCalendar, RFC 5545)."""

import datetime as dt
from collections.abc import Iterable

from icalendar import Alarm, Calendar, Event

from adapters.language import N_, Language
from models.common.text import Text
from models.plan.plan import Plan
from models.queries.worklist import WorkItem

REFRESH = dt.timedelta(hours=1)
WARN = dt.timedelta(days=-3)


def feed(
    dates: Iterable[WorkItem], *, unit: Text, plan: Plan, at: dt.datetime, language: Language, portal: str
) -> bytes:
    """One all-day event for each assignment. Its id stays when the date moves; what is handed in is left out."""
    calendar = Calendar()
    calendar.add("prodid", "-//Duban//work of a unit//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", language.gettext("Duban: {unit}").format(unit=language.text(unit)))
    calendar.add("x-wr-timezone", plan.timezone)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for work in dates:
        calendar.add_component(_event(work, plan, at, language, portal))
    content: bytes = calendar.to_ical()
    return content


def _event(work: WorkItem, plan: Plan, at: dt.datetime, language: Language, portal: str) -> Event:
    page = f"{portal}/assignments/{work.id}"
    about = language.text(work.item) if work.item else language.text(work.title)
    event = Event()
    event.add("uid", f"{plan.code}-{work.id}@duban")
    event.add("dtstamp", at)
    event.add("dtstart", work.due_on)
    event.add("dtend", work.due_on + dt.timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    summary = language.gettext("Due: {title} · {item}").format(title=language.text(work.title), item=about)
    event.add("summary", summary)
    event.add("description", _description(work, language))
    event.add("url", page)
    event.add_component(_alarm(summary))
    return event


def _description(work: WorkItem, language: Language) -> str:
    lines = [
        language.gettext("Reference: {ref}").format(ref=work.ref),
        language.gettext("Proof: {proof}").format(proof=language.text(work.proof)),
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
