"""Which Prefect run is acting, for the journal."""

from typing import Any

from prefect.runtime import flow_run

from models.errors import DubanError, UnavailableError
from models.event import Actor

PROGRAM = "duban"


def program() -> Actor:
    """Duban itself; the journal names the flow run in which it acted."""
    return Actor(PROGRAM, run=flow_run.id)


def is_passing(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether a failure may pass by itself: a refusal of ours would be the same the next time."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnavailableError) or not isinstance(error, DubanError)
