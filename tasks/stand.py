"""Standing at a gate: a suspended run whose state has a name of ours."""

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
    """Prefect did not take the run into the state in which it waits."""


def stand(form: type[Form], *, key: str, name: str, message: str, timeout: dt.timedelta) -> Form:
    """Suspend this run until its form is filled in; then, run again from the top, return what was filled in.

    Prefect's `suspend_flow_run` does the same under the one name `Suspended`, and its states do not survive the
    next one: only this name can say in a list of runs that a phase was extended. Raises NotStandingError.
    """
    # As suspend_flow_run names them: a run that stood before this was written finds its form.
    keyset: Any = keyset_from_base_key(f"suspended-{key}")
    waiting: State[Any] = Suspended(timeout_seconds=int(timeout.total_seconds()), pause_key=key)
    waiting.name, waiting.message, waiting.state_details.run_input_keyset = name, message, keyset
    with get_client(sync_client=True) as client:
        done = client.set_flow_run_state(flow_run.id, waiting)
    if done.status is SetStateStatus.REJECT and done.state and done.state.is_running():
        return cast("Form", form.load(keyset))  # it stood here before, and was resumed
    if done.status is not SetStateStatus.ACCEPT or done.state is None:
        raise NotStandingError("the run cannot wait at its gate: Prefect answers {status}", status=done.status.value)
    form.save(keyset)
    raise Pause(state=done.state)
