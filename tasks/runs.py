"""The Prefect run that is acting: its name for the journal, and its hour."""

import datetime as dt
import time

from prefect.runtime import flow_run

from adapters import clock
from services.scope import Scope, by_program

ROUNDING = dt.timedelta(seconds=1)


def this_run(plan: str, at: dt.datetime | None = None) -> Scope:
    """Duban acts in this plan, now or at another instant; the journal names the flow run in which it does."""
    return by_program(plan, at, run=flow_run.id)


def keep_to_the_hour() -> None:
    """Wait for the instant that the run was scheduled for.

    Prefect rounds what is left until then to whole seconds, and begins up to half a second early: what is due at
    half past eight would not be due yet, and wait for the next round.
    """
    early: dt.timedelta = flow_run.scheduled_start_time - clock.of_machine()
    if dt.timedelta(0) < early < ROUNDING:
        time.sleep(early.total_seconds())
