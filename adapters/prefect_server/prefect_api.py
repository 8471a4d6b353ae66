"""Prefect's HTTP API, as far as the command line and the pages need it; importing Prefect itself takes seconds."""

import dataclasses
import datetime as dt
import functools
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import httpx

from adapters import clock
from adapters.prefect_server import prefect_secret
from adapters.settings import settings
from models.common.errors import DubanError
from models.phases.gate import Answer, GateDecision
from models.plan.phase import RunName

TIMEOUT_S = 30
KNOCK_S = 5  # while a server starts, who calls it waits
ARRIVES_S = 3600  # a run on its way to a gate stands there within minutes
SUSPENDED = "PAUSED"
ON_THEIR_WAY = ("SCHEDULED", "PENDING", "RUNNING")
PAGE = 200  # the most that the server gives at once
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


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseRun:
    """A run of a phase that has not ended. `phase`: the kind, whose flow it is of; `named`: as it was told of it.

    `round`: of the gate at which it is suspended.
    """

    id: str
    plan: str | None
    phase: str
    year: int | None
    kind: str
    state_id: str
    since: dt.datetime
    round: int | None
    named: str = ""

    @property
    def name(self) -> RunName:
        return RunName(self.year, self.named)

    @property
    def age_s(self) -> float:
        """Seconds since it came into its state."""
        return _seconds_since(self.since)


def start_phase(plan: str, kind: str, year: int | None, phase: str = "") -> str:
    """Start a phase as the button in the Prefect UI does; returns the run's id.

    Raises PrefectUnreachableError.
    """
    parameters: dict[str, Any] = {"plan": plan}
    if year is not None:
        parameters["year"] = year
    if phase:
        parameters["phase"] = phase
    deployment = _call("GET", f"/deployments/name/{kind}/{kind}")
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


def message_of(run_id: str) -> str:
    """What a run's state says besides its name."""
    return _call("GET", f"/flow_runs/{run_id}")["state"]["message"] or "-"


def suspended_run(plan: str, kind: str, names: Collection[RunName], gate_round: int) -> str | None:
    """The run that stands at this round of the gate, None where none does. `names`: all that mean the phase."""
    standing = _standing(_runs_of_phase(plan, kind, names, [SUSPENDED]), [gate_round])
    return standing.id if standing else None


def run_at_gate(plan: str, kind: str, names: Collection[RunName], rounds: Collection[int]) -> str | None:
    """The run of the phase that is suspended at one of these rounds, or else one on its way there; None without one.

    Raises PrefectUnreachableError.
    """
    runs = _runs_of_phase(plan, kind, names, [SUSPENDED, *ON_THEIR_WAY])
    # A run whose worker died with the machine stays RUNNING for ever.
    arriving = (run for run in runs if run.kind != SUSPENDED and run.age_s < ARRIVES_S)
    found = _standing(runs, rounds) or next(arriving, None)
    return found.id if found else None


def suspended_runs(plan: str, phases: Collection[str]) -> list[PhaseRun]:
    """The runs of these phases of a plan that are suspended, the one that came first to its gate first.

    Raises PrefectUnreachableError.
    """
    return [run for run in _phase_runs(phases, [SUSPENDED]) if run.plan == plan]


def end_suspended(run: PhaseRun, why: str) -> bool:
    """End a run that nobody waits for; whether it was still as it was found, and not just answered.

    Raises PrefectUnreachableError.
    """
    if state_of(run.id)[2] != run.state_id:
        return False
    ended = {"type": "CANCELLED", "name": "Superseded", "message": why}
    answer = _call("POST", f"/flow_runs/{run.id}/set_state", {"state": ended})
    return bool(answer["status"] == "ACCEPT")


def _standing(runs: Sequence[PhaseRun], rounds: Collection[int]) -> PhaseRun | None:
    return next((run for run in runs if run.round in rounds), None)


def _runs_of_phase(plan: str, kind: str, names: Collection[RunName], states: Collection[str]) -> list[PhaseRun]:
    return [run for run in _phase_runs([kind], states) if run.plan == plan and run.name in names]


def _phase_runs(phases: Collection[str], kinds: Collection[str]) -> list[PhaseRun]:
    """Those in states of these kinds, the one that came first into its state first."""
    found = [_phase_run(phase, run) for phase in phases for run in _runs(_in_state([phase], kinds))]
    return sorted(found, key=lambda run: (run.since, run.id))


def _phase_run(phase: str, run: dict[str, Any]) -> PhaseRun:
    given, state = run["parameters"], run["state"]
    gate, _, number = ((state.get("state_details") or {}).get("pause_key") or "").partition("-")
    return PhaseRun(
        id=run["id"],
        plan=given.get("plan"),
        phase=phase,
        year=given.get("year"),
        kind=state["type"],
        state_id=state["id"],
        since=dt.datetime.fromisoformat(state["timestamp"]),
        round=int(number) if state["type"] == SUSPENDED and gate == "gate" and number.isdecimal() else None,
        named=given.get("phase") or "",
    )


def _in_state(flows: Collection[str], kinds: Collection[str]) -> dict[str, Any]:
    return {"flows": {"name": {"any_": list(flows)}}, "flow_runs": {"state": {"type": {"any_": list(kinds)}}}}


def _runs(query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All runs that a query finds; the server gives so many at once."""
    offset = 0
    while True:
        page = {**query, "limit": PAGE, "offset": offset, "sort": "ID_DESC"}
        runs = _call("POST", "/flow_runs/filter", page)
        yield from runs
        if len(runs) < PAGE:
            return
        offset += PAGE


def _seconds_since(instant: dt.datetime) -> float:
    """By the clock that the server goes by."""
    return (clock.of_machine() - instant).total_seconds()


def _is_older(run: dict[str, Any], age: dt.timedelta) -> bool:
    """Whether a run came into its state longer ago."""
    return _seconds_since(dt.datetime.fromisoformat(run["state"]["timestamp"])) > age.total_seconds()


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
    names = Counter(run["state"]["name"] if run["state"] else "Pending" for run in _runs({}))
    return dict(sorted(names.items()))


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
    named = _call("POST", "/artifacts/latest/filter", {"artifacts": {"key": {"any_": list(keys)}}})
    kept = _kept([one["latest_id"] for one in named])
    found = [one for one in named if one["latest_id"] in kept]
    return {
        one["key"]: Artifact(
            one["latest_id"], one["data"], one["description"] or "", one["flow_run_id"], one["metadata_"] or {}
        )
        for one in found
    }


def _kept(ids: Sequence[str]) -> set[str]:
    """Those that are there. Old ones are removed with their runs, and may go on being named as the newest."""
    wanted = {"artifacts": {"id": {"any_": list(ids)}}}
    if not ids or _call("POST", "/artifacts/count", wanted) == len(ids):  # so it is but once a quarter
        return set(ids)
    return {one["id"] for one in _call("POST", "/artifacts/filter", wanted)}


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
        set_tags(run_id, wanted)


def set_tags(run_id: str, tags: Collection[str]) -> None:
    """Give a run these tags and no others. Raises PrefectUnreachableError."""
    _call("PATCH", f"/flow_runs/{run_id}", {"tags": list(tags)})


def end_lost_runs(flows: Collection[str], older_than: dt.timedelta) -> list[str]:
    """Mark runs of these flows as crashed that have been on their way for so long; returns their names.

    A run whose worker died with its machine says for ever that it is running, and nothing else changes that.
    Raises PrefectUnreachableError.
    """
    return _crashed([run for run in _at_work(flows) if _is_older(run, older_than)])


def end_runs_of_dead(flows: Collection[str], alive: Collection[str]) -> list[str]:
    """Mark runs of these flows as crashed that a worker took, all but those with these ids; returns their names.

    The place that a run holds under a concurrency limit is free then. Raises PrefectUnreachableError.
    """
    return _crashed([run for run in _at_work(flows) if run["deployment_id"] and run["id"] not in alive])


def _at_work(flows: Collection[str]) -> Iterator[dict[str, Any]]:
    return _runs(_in_state(flows, ["PENDING", "RUNNING", "CANCELLING"]))


def _crashed(runs: Sequence[dict[str, Any]]) -> list[str]:
    state = {"type": "CRASHED", "name": "Crashed", "message": "no sign of its end: its process or machine died"}
    for run in runs:
        _call("POST", f"/flow_runs/{run['id']}/set_state", {"state": state})
    return [run["name"] for run in runs]


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
        return _client().get(f"{settings().prefect_api}/health", timeout=KNOCK_S).is_success
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
