"""How Prefect treats every task of ours, and whether a failure of one may pass by itself."""

from typing import Any

from prefect.cache_policies import NO_CACHE

from models.common.errors import DubanError, UnavailableError


def is_passing(_task: Any, _task_run: Any, state: Any) -> bool:
    """A refusal of ours would be the same the next time; what the outside does may not be."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnavailableError) or not isinstance(error, DubanError)


# Without a cache: it would hand over the results of other runs and databases.
OPTIONS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": 10,
    "retry_condition_fn": is_passing,
    "cache_policy": NO_CACHE,
}
