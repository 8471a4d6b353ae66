"""The Prefect run that is acting: its name for the journal, its hour, and the instant that counts."""

import datetime as dt
import time
from typing import Any

from prefect.runtime import flow_run

from adapters import clock
from adapters.database.sessions import transaction
from models.common.errors import DubanError, UnavailableError
from models.common.event import Actor
from models.dates.instants import first_round_on
from models.plan.plan import plan_of

PROGRAM = "duban"
ROUNDING = dt.timedelta(seconds=1)


def program() -> Actor:
    """Duban itself; the journal names the flow run in which it acted."""
    return Actor(PROGRAM, run=flow_run.id)


def keep_to_the_hour() -> None:
    """Wait for the instant that the run was scheduled for.

    Prefect rounds what is left until then to whole seconds, and begins up to half a second early: what is due at
    half past eight would not be due yet, and wait for the next round.
    """
    early: dt.timedelta = flow_run.scheduled_start_time - clock.of_machine()
    if dt.timedelta(0) < early < ROUNDING:
        time.sleep(early.total_seconds())


def is_passing(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether a failure may pass by itself: a refusal of ours would be the same the next time."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnavailableError) or not isinstance(error, DubanError)


def instant_of(plan: str, on: dt.date | None) -> dt.datetime:
    """The instant that counts: now, or the first round of another day."""
    now = clock.now()
    with transaction() as session:
        row = plan_of(session, plan)
        return now if on in {None, row.day_of(now)} else first_round_on(on or row.day_of(now), row.timezone)
