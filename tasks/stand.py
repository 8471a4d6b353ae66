"""Waiting at a gate: the flow run is suspended, in a state that has a name of its own."""

import datetime as dt
from typing import Any, TypeVar, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Pause
from prefect.input import RunInput, keyset_from_base_key
from prefect.runtime import flow_run
from prefect.states import Suspended

from models.common.errors import DubanError

Form = TypeVar("Form", bound=RunInput)


class NotStandingError(DubanError):
    """Prefect did not accept the state in which the run waits."""


def stood_before(key: str) -> bool:
    """Whether this flow run was suspended there already: it then was resumed, and its form is filled in."""
    with get_client(sync_client=True) as client:
        policy = client.read_flow_run(flow_run.id).empirical_policy
    return key in (policy.pause_keys or ())


def stand(form: type[Form], *, key: str, name: str, message: str, timeout: dt.timedelta) -> Form:
    """Suspend this flow run until its form is filled in. The run then starts again from the top; this returns the form.

    Prefect's `suspend_flow_run` does the same, but always calls the state `Suspended`. Here the state has a `name`, so
    that a list of runs shows which phases were extended. Raises NotStandingError, and Prefect's Pause.
    """
    # Named as suspend_flow_run names them, so that runs that were suspended by it find their form.
    keyset: Any = keyset_from_base_key(f"suspended-{key}")
    waiting: State[Any] = Suspended(timeout_seconds=int(timeout.total_seconds()), pause_key=key)
    waiting.name, waiting.message, waiting.state_details.run_input_keyset = name, message, keyset
    with get_client(sync_client=True) as client:
        done = client.set_flow_run_state(flow_run.id, waiting)
    if done.status is SetStateStatus.REJECT and done.state and done.state.is_running():
        return cast("Form", form.load(keyset))  # it waited here before, and was resumed
    if done.status is not SetStateStatus.ACCEPT or done.state is None:
        raise NotStandingError("the run cannot wait at its gate: Prefect answers {status}", status=done.status.value)
    form.save(keyset)
    raise Pause(state=done.state)
