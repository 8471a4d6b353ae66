"""Deliver what the outbox holds."""

import datetime as dt

from prefect import task

from models.delivery.outcome import MAX_FIRST_RETRY_WAIT
from services.letters import delivery
from services.letters.delivery import Delivered
from services.patrol import instant_of
from tasks.options import OPTIONS
from tasks.runs import this_run

# Longer than the outbox waits: an earlier retry would find nothing due, send nothing, and count as a success.
NOTIFY_RETRIES_S = [MAX_FIRST_RETRY_WAIT.total_seconds() * 2**tries + 5 for tries in range(3)]
NOTIFY_OPTIONS = OPTIONS | {"retries": len(NOTIFY_RETRIES_S), "retry_delay_seconds": NOTIFY_RETRIES_S}


@task(name="deliver", task_run_name="deliver-{plan}", **OPTIONS)
def deliver_due(plan: str, on: dt.date | None) -> Delivered:
    """Send every message that is due, now or on another day. A letter that fails is counted and tried again later."""
    # Each retry reads the time anew: turns and leases count from it.
    return delivery.deliver(this_run(plan, instant_of(plan, on)))


@task(name="notify", task_run_name="notify-{label}", **NOTIFY_OPTIONS)
def notify(plan: str, units: list[str], label: str) -> int:  # noqa: ARG001  (the label names the run)
    """Send these units their notices. Prefect retries while a channel does not take one; after that, patrol does."""
    return delivery.notify(this_run(plan), units)
