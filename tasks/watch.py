"""The watchdog's work, shown in the Prefect UI."""

import datetime as dt

from prefect import task
from prefect.artifacts import create_markdown_artifact

from adapters.language import Language
from adapters.settings import settings
from rendering.watchdog_text import FOUND, alerts_markdown
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
    text = alerts_markdown(watched.alerts, watched.notes, language)
    create_markdown_artifact(text, key="watchdog", description=language.gettext(FOUND))
