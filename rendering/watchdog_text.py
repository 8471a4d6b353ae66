"""What the watchdog says: its letters to the office, and its list in the Prefect UI."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from adapters.language import N_, Language
from models.common.errors import DubanError, Reason
from models.delivery.letter import RenderedLetter
from models.monitoring.alerts import Alert
from models.plan.plan import Plan
from rendering.instants import local_minute
from rendering.typed_text import in_markdown, one_line


def alerts_letter(plan: Plan, found: Sequence[Alert], at: dt.datetime, language: Language) -> RenderedLetter:
    """What was found in a plan, or that all is well again."""
    subject = N_("Duban: the watchdog found {count} things") if found else N_("Duban: all is well again")
    head = f"{one_line(language.text(plan.title))} ({plan.code}), {local_minute(at, plan.timezone)}"
    lines = [f"- {language.say(one.reason)}" for one in found]
    return RenderedLetter(language.gettext(subject).format(count=len(found)), "\n".join([head, *lines]))


def blind_letter(error: Exception, language: Language) -> RenderedLetter:
    """The watchdog cannot look at the plans at all."""
    why = language.say(error) if isinstance(error, DubanError) else f"{type(error).__name__}: {error}".splitlines()[0]
    todo = N_("Until somebody mends it, nobody is reminded and nothing is escalated: {why}")
    return RenderedLetter(
        language.gettext(N_("Duban: the watchdog cannot look at the plans")), language.gettext(todo).format(why=why)
    )


def sees_again_letter(language: Language) -> RenderedLetter:
    """The watchdog can look at the plans again."""
    return RenderedLetter(
        language.gettext(N_("Duban: the watchdog sees the plans again")),
        language.gettext(N_("What it finds is told as before.")),
    )


def alert_lines(
    alerts: Mapping[str, Sequence[Alert]], notes: Iterable[Reason], language: Language
) -> list[tuple[str, str]]:
    """Plan and sentence, one for each alert; notes, on what hindered the telling, stand at the end without a plan."""
    found = [(plan, language.say(one.reason)) for plan, listed in alerts.items() for one in listed]
    return [*found, *(("", language.say(note)) for note in notes)]


def alerts_markdown(alerts: Mapping[str, Sequence[Alert]], notes: Iterable[Reason], language: Language) -> str:
    """The list as the Prefect UI shows it."""
    rows = [f"| {in_markdown(plan)} | {in_markdown(line)} |" for plan, line in alert_lines(alerts, notes, language)]
    head = f"| {language.gettext(N_('plan'))} | {language.gettext(FOUND)} |\n| --- | --- |"
    well = "" if any(alerts.values()) else language.gettext(N_("All is well."))
    return "\n\n".join(filter(None, (well, "\n".join([head, *rows]) if rows else "")))


FOUND = N_("what the watchdog found")
