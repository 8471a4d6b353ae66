"""The watchdog's work."""

import datetime as dt

from prefect import task

from services import watchdog
from services.watchdog import Watched
from tasks.options import OPTIONS


# No retries: it comes again in 15 minutes, and what it could not see by then is news by itself.
@task(name="watch", **OPTIONS | {"retries": 0})
def watch(plans: list[str], on: dt.date | None) -> Watched:
    return watchdog.watch_over(plans, on)
