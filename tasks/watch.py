"""The watchdog's work, shown in the Prefect UI."""

import datetime as dt

from prefect import task
from prefect.artifacts import create_markdown_artifact

from adapters.language import N_, Language
from adapters.settings import settings
from services.monitoring import watchdog
from services.monitoring.watchdog import Watched
from tasks.options import OPTIONS


# No retries: it comes again in 15 minutes, and what it could not see by then is news by itself.
@task(name="watch", **OPTIONS | {"retries": 0})
def watch(plans: list[str], on: dt.date | None) -> Watched:
    """Look after the plans, tell the office, send the heartbeat."""
    return watchdog.watch_over(plans, on)


def publish(watched: Watched) -> None:
    """Show the list. Not a task run of its own: the artifact would belong to that."""
    language = Language.of(settings().language)
    lines = [f"| {plan} | {line} |" for plan, line in watchdog.lines_of(watched, language)]
    head = f"| {language.gettext(N_('plan'))} | {language.gettext(N_('what the watchdog found'))} |\n| --- | --- |"
    well = language.gettext(N_("All is well.")) if watched.all_is_well else ""
    text = "\n\n".join(filter(None, (well, "\n".join([head, *lines]) if lines else "")))
    create_markdown_artifact(text, key="watchdog", description="自查结果 what the watchdog found")
