"""A flow's process is killed after it issued and before it told everybody; started again, everybody is told once."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from adapters.database import embedded
from deploy.stack import RUN_VARIABLE
from tests.support.stack import Stack, stack

TINY = Path(__file__).parents[1] / "plans" / "tiny"
AT = dt.datetime(2022, 11, 1, 0, 30, tzinfo=dt.UTC)
WAIT_S = 120

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_a_killed_launch_is_started_again_and_tells_each_unit_once() -> None:
    with stack(TINY, AT) as place, psycopg.connect(place.database, autocommit=True) as connection:
        _start_launch(place)
        _wait_for(connection, "SELECT count(*) FROM phase WHERE status = 'open'", 1)
        _kill_flow_of(place)
        issued = _count(connection, "SELECT count(*) FROM assignment")

        _start_launch(place)
        _wait_for(connection, "SELECT count(*) FROM message WHERE kind = 'issued' AND status <> 'sent'", 0)
        _wait_until_suspended(place)

        told = "SELECT count(*) FROM attempt_message JOIN message ON message.id = message_id WHERE kind = 'issued'"
        assert _count(connection, "SELECT count(*) FROM assignment") == issued
        assert _count(connection, "SELECT count(*) FROM event WHERE kind = 'phase_opened'") == 1
        assert _count(connection, told) == _count(connection, "SELECT count(*) FROM message WHERE kind = 'issued'") == 4


def test_whatever_is_killed_under_duban_up_is_started_again_and_the_launch_comes_to_its_gate() -> None:
    """The database, Prefect's server and the worker."""
    with stack(TINY, AT, tended=True) as place:
        before = {name: place.part(name) for name in ("server", "worker")}
        database = embedded.postmaster(Path(place.folder))
        assert database
        for process in (*before.values(), database):
            process.kill()
        deadline = time.monotonic() + WAIT_S
        while not all(_is_back(place, name, before[name]) for name in before):
            assert time.monotonic() < deadline, "not everything is back"
            time.sleep(0.5)
        _start_launch(place)
        _wait_until_suspended(place)
        with psycopg.connect(place.database) as connection:
            assert _count(connection, "SELECT count(*) FROM message WHERE kind = 'issued' AND status = 'sent'") == 4


def test_what_a_killed_worker_held_is_free_for_the_next_one_but_not_what_still_runs() -> None:
    with stack(TINY, AT, tended=True) as place:
        dead, alive = _taken(place, "patrol"), _taken(place, "bulletin")
        conducts = os.environ | {RUN_VARIABLE: alive}
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=conducts) as process:
            place.part("worker").kill()
            _wait_until(lambda: _state(place, dead) == "CRASHED", "its place is not given back")
            patrol = _start(place, "patrol", {"plan": "tiny"})
            _wait_until(lambda: _state(place, patrol) == "COMPLETED", "the next patrol did not come")
            assert _state(place, alive) == "PENDING"
            process.communicate()


def _taken(place: Stack, flow: str) -> str:
    """A run that a worker took, with its place under the limit, and of which nothing more is heard."""
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    run = _start(place, flow, {}, {"scheduled_time": tomorrow})
    place.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING", "name": "Pending"}})
    assert _state(place, run) == "PENDING"
    return run


def _start(place: Stack, flow: str, parameters: dict[str, Any], details: dict[str, Any] | None = None) -> str:
    deployment = place.ask("GET", f"/deployments/name/{flow}/{flow}")
    body = {"parameters": parameters, "state": {"type": "SCHEDULED", "state_details": details or {}}}
    return str(place.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", body)["id"])


def _state(place: Stack, run: str) -> str:
    return str(place.ask("GET", f"/flow_runs/{run}")["state"]["type"])


def _wait_until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


def _is_back(place: Stack, name: str, before: psutil.Process) -> bool:
    try:
        return place.part(name) != before and place.ask("GET", "/health") is True
    except (StopIteration, psutil.Error, httpx.HTTPError):
        return False


def _start_launch(place: Stack) -> None:
    _start(place, "launch", {"plan": "tiny"})


def _kill_flow_of(place: Stack) -> None:
    for process in psutil.process_iter(["cmdline"]):
        is_flow = "prefect.engine" in (process.info["cmdline"] or [])
        if is_flow and process.environ().get("PREFECT_API_URL") == f"{place.prefect}/api":
            os.kill(process.pid, signal.SIGKILL)


def _count(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _wait_for(connection: psycopg.Connection[Any], query: str, expected: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while _count(connection, query) != expected:
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def _wait_until_suspended(place: Stack) -> None:
    deadline = time.monotonic() + WAIT_S
    query = {"flow_runs": {"state": {"name": {"any_": ["Suspended"]}}}}
    while not place.ask("POST", "/flow_runs/filter", query):
        assert time.monotonic() < deadline, "no run stands at the gate"
        time.sleep(0.2)
