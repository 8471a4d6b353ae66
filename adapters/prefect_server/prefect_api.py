"""Prefect's HTTP API, as far as the command line and the pages need it; importing Prefect itself takes seconds."""

import dataclasses
import datetime as dt
import functools
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx

from adapters import clock
from adapters.prefect_server import prefect_secret
from adapters.settings import settings
from models.common.errors import DubanError
from models.phases.gate import Answer, GateDecision

TIMEOUT_S = 30
ARRIVES_S = 3600  # a run on its way to a gate stands there within minutes
REFUSALS = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
BUSY_WAITS_S = (0.25, 0.5, 1, 2, 4, 8)
# The gate's form shows these words; the flow reads them back.
CHOICES = {
    GateDecision.KEEP_OPEN: "保持开放 keep open",
    GateDecision.CLOSE: "关闭 close",
    GateDecision.EXTEND: "延期 extend",
}


class PrefectUnreachableError(DubanError):
    """No Prefect server answers, or it does not know what was asked of it."""


class PrefectRefusedError(PrefectUnreachableError):
    """The server does not know us."""


def start_phase(plan: str, phase: str, year: int | None) -> str:
    """Start a phase as the button in the Prefect UI does; returns the run's id.

    Raises PrefectUnreachableError.
    """
    parameters: dict[str, Any] = {"plan": plan} | ({"year": year} if year is not None else {})
    deployment = _call("GET", f"/deployments/name/{phase}/{phase}")
    run = _call(
        "POST",
        f"/deployments/{deployment['id']}/create_flow_run",
        {"parameters": parameters, "state": {"type": "SCHEDULED"}},
    )
    return str(run["id"])


def state_of(run_id: str) -> tuple[str, str, str]:
    """The type, the name and the id of a run's state, such as ("PAUSED", "Suspended", "…")."""
    run = _call("GET", f"/flow_runs/{run_id}")
    return run["state"]["type"], run["state"]["name"], run["state"]["id"]


def suspended_run(plan: str, phase: str, year: int | None, gate_round: int) -> str | None:
    """The run that stands at this round of the gate, None where none does."""
    query = {
        "flows": {"name": {"any_": [phase]}},
        "flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}},
        "sort": "EXPECTED_START_TIME_DESC",
    }
    for run in _call("POST", "/flow_runs/filter", query):
        same_phase = run["parameters"].get("plan") == plan and run["parameters"].get("year") == year
        key = (run["state"].get("state_details") or {}).get("pause_key")
        if same_phase and key == f"gate-{gate_round}":
            return str(run["id"])
    return None


def stands_at_gate(plan: str, phase: str, year: int | None, rounds: Collection[int]) -> bool:
    """Whether a run of the phase is suspended at one of these rounds, or on its way there.

    Raises PrefectUnreachableError.
    """
    keys = {f"gate-{number}" for number in rounds}
    query = {
        "flows": {"name": {"any_": [phase]}},
        "flow_runs": {"state": {"type": {"any_": ["PAUSED", "SCHEDULED", "PENDING", "RUNNING"]}}},
        "sort": "EXPECTED_START_TIME_DESC",
    }
    for run in _call("POST", "/flow_runs/filter", query):
        if run["parameters"].get("plan") != plan or run["parameters"].get("year") != year:
            continue
        state = run["state"]
        if state["type"] == "PAUSED" and (state.get("state_details") or {}).get("pause_key") in keys:
            return True
        # A run whose worker died with the machine stays RUNNING for ever.
        if state["type"] != "PAUSED" and _age_s(state) < ARRIVES_S:
            return True
    return False


def _age_s(state: dict[str, Any]) -> float:
    """Seconds since a run came into this state, by the clock that the server goes by."""
    return (clock.of_machine() - dt.datetime.fromisoformat(state["timestamp"])).total_seconds()


def answer_gate(run_id: str, answer: Answer, until: dt.date) -> None:
    """Fill in the form of a suspended run, as a person does in the Prefect UI.

    Raises PrefectUnreachableError, also where the run is no longer suspended.
    """
    form = {
        "decision": CHOICES[answer.decision],
        "name": answer.by_name,
        "reason": answer.reason,
        "until": (answer.until or until).isoformat(),
        "override_reason": answer.override_reason,
    }
    result = _call("POST", f"/flow_runs/{run_id}/resume", {"run_input": form})
    if result["status"] != "ACCEPT":
        raise PrefectUnreachableError("the run {run} cannot be resumed: {status}", run=run_id, status=result["status"])


def final_states() -> dict[str, int]:
    """How many flow runs the server knows, by the name of their state."""
    found: dict[str, int] = {}
    offset = 0
    while True:
        query: dict[str, Any] = {"limit": 200, "offset": offset, "sort": "ID_DESC"}
        runs = _call("POST", "/flow_runs/filter", query)
        for run in runs:
            name = run["state"]["name"] if run["state"] else "Pending"
            found[name] = found.get(name, 0) + 1
        if len(runs) < query["limit"]:
            return dict(sorted(found.items()))
        offset += len(runs)


@dataclasses.dataclass(frozen=True, slots=True)
class Artifact:
    """The newest version of an artifact; `marks` is ours to read, the server only keeps it."""

    id: str
    data: Any
    description: str
    run: str | None
    marks: Mapping[str, str]


def newest_artifacts(keys: Sequence[str]) -> dict[str, Artifact]:
    """By their keys, of these, those that there are. Raises PrefectUnreachableError."""
    found = _call("POST", "/artifacts/latest/filter", {"artifacts": {"key": {"any_": list(keys)}}})
    return {
        one["key"]: Artifact(
            one["latest_id"], one["data"], one["description"] or "", one["flow_run_id"], one["metadata_"] or {}
        )
        for one in found
    }


def create_artifact(
    key: str, kind: str, data: Any, description: str, marks: Mapping[str, str], run: str | None
) -> None:
    """A new version, shown with that run. Raises PrefectUnreachableError."""
    facts = {"key": key, "type": kind, "data": data, "description": description}
    _call("POST", "/artifacts/", facts | {"metadata_": dict(marks), "flow_run_id": run})


def change_artifact(artifact_id: str, data: Any, description: str, marks: Mapping[str, str]) -> None:
    """The same version, saying something else. Raises PrefectUnreachableError."""
    _call(
        "PATCH",
        f"/artifacts/{artifact_id}",
        {"data": data, "description": description, "metadata_": dict(marks)},
    )


def tag_run(run_id: str, tags: Collection[str]) -> None:
    """Add tags to a run. Raises PrefectUnreachableError."""
    run = _call("GET", f"/flow_runs/{run_id}")
    wanted = dict.fromkeys([*run["tags"], *tags])
    if len(wanted) > len(run["tags"]):
        _call("PATCH", f"/flow_runs/{run_id}", {"tags": list(wanted)})


def end_lost_runs(flows: Collection[str], older_than: dt.timedelta) -> list[str]:
    """Mark runs of these flows as crashed that have been on their way for so long; returns their names.

    A run whose worker died with its machine says for ever that it is running, and nothing else changes that.
    Raises PrefectUnreachableError.
    """
    on_their_way = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
    query = {"flows": {"name": {"any_": list(flows)}}, "flow_runs": on_their_way}
    lost = [
        run for run in _call("POST", "/flow_runs/filter", query) if _age_s(run["state"]) > older_than.total_seconds()
    ]
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "no sign of its end: its process or machine died"}
    for run in lost:
        _call("POST", f"/flow_runs/{run['id']}/set_state", {"state": crashed})
    return [run["name"] for run in lost]


def put_work_pool(name: str, kind: str, job_template: Mapping[str, Any]) -> None:
    """Make the pool that workers of this kind take runs from, or set what it starts them with.

    Raises PrefectUnreachableError.
    """
    if _call("POST", "/work_pools/filter", {"work_pools": {"name": {"any_": [name]}}}):
        _call("PATCH", f"/work_pools/{name}", {"base_job_template": dict(job_template)})
    else:
        _call("POST", "/work_pools/", {"name": name, "type": kind, "base_job_template": dict(job_template)})


def pause_deployment(flow: str, deployment: str, *, paused: bool) -> None:
    """Stop a deployment's schedules, or let them go on."""
    found = _call("GET", f"/deployments/name/{flow}/{deployment}")
    _call("PATCH", f"/deployments/{found['id']}", {"paused": paused})


def runs_ahead(flow: str) -> int:
    """How many runs of a flow wait for their hour."""
    body = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    return int(_call("POST", "/flow_runs/count", body))


def is_healthy() -> bool:
    try:
        return _client().get(f"{settings().prefect_api}/health").is_success
    except httpx.HTTPError:
        return False


@functools.cache
def _client() -> httpx.Client:
    """One client a process: each new one reads all certificate authorities again, 50 ms of work."""
    return httpx.Client(timeout=TIMEOUT_S)


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    address = settings().prefect_api
    try:
        response = request(method, address + path, body, prefect_secret.for_requests())
        if response.status_code in REFUSALS:
            raise PrefectRefusedError(
                "the Prefect server at {address} refuses us; set DUBAN_PREFECT_AUTH_STRING to the user:password that "
                "it has as PREFECT_SERVER_API_AUTH_STRING",
                address=address,
            )
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise PrefectUnreachableError(
            "the Prefect server at {address} does not answer as expected ({error}); is `duban up` running?",
            address=address,
            error=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from error
    return response.json() if response.content else None


def request(method: str, address: str, body: dict[str, Any] | None, secret: str | None) -> httpx.Response:
    """Ask, and ask again while the server says that its store is busy: it then has done nothing."""
    headers = prefect_secret.header(secret)
    for wait_s in BUSY_WAITS_S:
        response = _client().request(method, address, json=body, headers=headers)
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return response
        time.sleep(wait_s)
    return _client().request(method, address, json=body, headers=headers)
