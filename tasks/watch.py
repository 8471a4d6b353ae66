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


# No retries: it runs again in 15 minutes anyway, and a failed run is itself a sign.
@task(name="watch", **OPTIONS | {"retries": 0})
def watch(plans: list[str], on: dt.date | None) -> Watched:
    """Check the plans, tell the office, send the heartbeat. Raises NotFoundError for a plan that does not exist."""
    return watchdog.watch_over(plans, on)


def publish(watched: Watched) -> None:
    """Show the list. Not a task, as the artifact would then belong to the task run."""
    language = Language.of(settings().language)
    text = alerts_markdown(watched.alerts, watched.notes, language)
    create_markdown_artifact(text, key="watchdog", description=language.gettext(FOUND))
