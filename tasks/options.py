"""Options that all tasks share, and which failures are retried."""

from typing import Any

from prefect.cache_policies import NO_CACHE

from models.common.errors import DubanError, UnavailableError


def is_passing(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether to retry: an error of Duban's own comes again the next time, unless something is unavailable just now."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnavailableError) or not isinstance(error, DubanError)


# No cache: it could return results of other runs and databases.
OPTIONS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": 10,
    "retry_condition_fn": is_passing,
    "cache_policy": NO_CACHE,
}
