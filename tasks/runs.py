"""The flow run in which a task is called: the scope in which it acts, and the time for which it was scheduled."""

import datetime as dt
import time

from prefect.runtime import flow_run

from adapters import clock
from services.scope import Scope, by_program

ROUNDING = dt.timedelta(seconds=1)


def this_run(plan: str, at: dt.datetime | None = None) -> Scope:
    """The scope of Duban itself in this flow run, now or at another instant. The journal names the run."""
    return by_program(plan, at, run=flow_run.id)


def keep_to_the_hour() -> None:
    """Wait for the instant that the run was scheduled for.

    Prefect starts a run up to half a second early. What is due at half past eight would not be due yet then, and
    would have to wait for the next round.
    """
    early: dt.timedelta = flow_run.scheduled_start_time - clock.of_machine()
    if dt.timedelta(0) < early < ROUNDING:
        time.sleep(early.total_seconds())
