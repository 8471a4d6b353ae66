"""The Prefect server of our stack: it answers nobody without the secret, from no other page and by no other name, and
no request chooses what the worker runs.
"""

import asyncio
import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from adapters.settings import settings
from deploy.cli.root import duban
from deploy.stack import POOL_FILE
from tests.conftest import TINY
from tests.support.stack import Stack, stack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack-pages")]

AT = dt.datetime(2022, 11, 1, 0, 30, tzinfo=dt.UTC)
WAIT_S = 150
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
READ = ("POST", "/api/flow_runs/filter")
ACTS = [
    READ,
    ("GET", "/api/deployments/name/launch/launch"),
    ("POST", "/api/deployments/"),
    ("POST", "/api/flow_runs/"),
    ("POST", "/api/flow_runs/00000000-0000-0000-0000-000000000000/resume"),
    ("PATCH", "/api/work_pools/duban"),
    ("GET", "/api/admin/settings"),
    ("DELETE", "/api/work_pools/duban"),
    ("GET", "/api/docs"),
    ("GET", "/api/openapi.json"),
]


@pytest.fixture(scope="module")
def place() -> Iterator[Stack]:
    with stack(TINY, AT, portal=True) as started:
        yield started


@pytest.fixture
def inside(place: Stack) -> Iterator[httpx.Client]:
    """Somebody who knows the secret."""
    with httpx.Client(base_url=place.prefect, auth=login(place), timeout=30) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), ACTS)
@pytest.mark.parametrize("said", [None, "", "duban:", "duban:wrong", ":"])
def test_without_the_secret_nobody_is_answered(place: Stack, method: str, path: str, said: str | None) -> None:
    credentials = httpx.BasicAuth(*said.partition(":")[::2]) if said is not None else None
    body: dict[str, Any] | None = None if method in {"GET", "DELETE"} else {}

    assert httpx.request(method, place.prefect + path, json=body, auth=credentials).status_code == 401


@pytest.mark.parametrize("path", ["/docs", "/docs/", "//docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_the_manual_is_closed(place: Stack, path: str) -> None:
    answer = httpx.get(place.prefect + path, follow_redirects=True)
    assert answer.status_code == 404 or '<div id="app">' in answer.text  # the UI's own page for an unknown address
    assert "/deployments/" not in answer.text


@pytest.mark.parametrize("name", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}"])
@pytest.mark.parametrize(
    ("method", "path"), [READ, ("GET", "/api/health"), ("GET", "/dashboard"), ("GET", "/ui-settings")]
)
def test_by_another_name_nobody_is_answered(inside: httpx.Client, name: str, method: str, path: str) -> None:
    host = name.format(port=inside.base_url.port)
    answer = inside.request(method, path, headers={"Host": host}, json={} if method == "POST" else None)
    assert answer.status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:1", "https://127.0.0.1:{port}", "null"])
@pytest.mark.parametrize(("method", "path"), [READ, ("OPTIONS", READ[1]), ("GET", "/api/health")])
def test_from_another_page_nobody_is_answered(inside: httpx.Client, origin: str, method: str, path: str) -> None:
    asks = {"Origin": origin.format(port=inside.base_url.port), "Access-Control-Request-Method": "POST"}
    answer = inside.request(method, path, headers=asks, json={} if method == "POST" else None)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_pages_are_answered_by_either_name(inside: httpx.Client, name: str) -> None:
    own = f"http://{name}:{inside.base_url.port}"
    answer = inside.post(READ[1], json={}, headers={"Origin": own})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, own)


def test_other_accounts_see_nothing_of_the_data(place: Stack) -> None:
    home = Path(place.folder)
    for inner in ("prefect", "evidence", "postgres"):
        assert (home / inner).stat().st_mode & 0o007 == 0, inner
    logs = [home / f"{part}.log" for part in ("server", "worker", "portal")]
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}
    assert home.stat().st_mode & 0o006 == 0


def test_of_many_who_write_at_once_none_is_sent_away(place: Stack) -> None:
    """SQLite refuses one of two who write at once, and Prefect's clients then wait for seconds."""
    flow = place.ask("GET", "/deployments/name/launch/launch")["flow_id"]

    def write(_number: int) -> set[int]:
        made = [
            httpx.post(f"{place.prefect}/api/flow_runs/", json={"flow_id": flow}, auth=login(place)) for _ in range(25)
        ]
        return {one.status_code for one in made}

    with ThreadPoolExecutor(8) as writers:
        assert set().union(*writers.map(write, range(8))) == {201}


def login(place: Stack) -> tuple[str, str]:
    user, _, password = place.secret.partition(":")
    return user, password


def test_a_line_that_stays_open_is_for_its_own_pages_too(place: Stack) -> None:
    address = f"{place.prefect.replace('http', 'ws')}/api/events/out"
    spoken = [Subprotocol("prefect")]
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=Origin("http://evil.example"), subprotocols=spoken, proxy=None)
    assert refused.value.response.status_code == 403
    with connect(address, origin=Origin(place.prefect), subprotocols=spoken, proxy=None) as line:
        line.send('{"type": "auth", "token": "duban:wrong"}')
        with pytest.raises(ConnectionClosed, match="1008"):
            line.recv(10)


@pytest.mark.parametrize(
    "variables",
    [
        {"command": "touch MARKER"},
        {"env": {"PYTHONPATH": "MARKER"}, "command": "touch MARKER"},
        {"env.PYTHONPATH": "MARKER"},
        {"working_dir": "MARKER"},
    ],
)
def test_no_request_chooses_what_is_run(place: Stack, tmp_path: Path, variables: dict[str, Any]) -> None:
    """Not one that makes a deployment, nor one that makes a run, with a deployment or without."""
    given = place.ask("GET", "/deployments/name/launch/launch")
    marker = tmp_path / "ran"
    chosen = json.loads(json.dumps(variables).replace("MARKER", str(marker)))
    deployment = {"name": "another", "flow_id": given["flow_id"], "work_pool_name": "duban", "job_variables": chosen}
    run = {"parameters": {"plan": "tiny"}, "state": {"type": "SCHEDULED"}, "job_variables": chosen}

    assert place.answer("POST", "/deployments/", deployment).status_code == 422
    assert place.answer("POST", f"/deployments/{given['id']}/create_flow_run", run).status_code == 422
    # This one Prefect takes without a look at the pool; its worker has no place to put it.
    bare = place.ask("POST", "/flow_runs/", run | {"flow_id": given["flow_id"], "work_pool_name": "duban"})
    wait_until(lambda: place.ask("GET", f"/flow_runs/{bare['id']}")["state"]["type"] in ENDED, "the run ends")
    assert not marker.exists()


def test_a_template_without_a_place_for_it_takes_nothing_in(place: Stack) -> None:
    """Whatever gets past the server's own look at them, such as by a run without a deployment."""
    from prefect.client.orchestration import PrefectClient  # noqa: PLC0415  (three seconds, for this test only)
    from prefect.workers.process import ProcessJobConfiguration  # noqa: PLC0415

    values = {
        "command": "id",
        "env": {"A": "b"},
        "env.B": "c",
        "working_dir": "/tmp",
        "name": "n",
        "labels": {"a": "b"},
    }
    template = json.loads(POOL_FILE.read_text())

    async def made() -> ProcessJobConfiguration:
        async with PrefectClient(f"{place.prefect}/api", auth_string=place.secret) as client:
            return await ProcessJobConfiguration.from_template_and_values(template, values, client=client)

    assert asyncio.run(made()) == ProcessJobConfiguration(stream_output=True)


def test_the_secret_stands_in_no_log_and_on_no_command_line(place: Stack) -> None:
    password = place.secret.partition(":")[2].encode()
    for log in Path(place.folder).glob("*.log"):
        assert password not in log.read_bytes(), log.name
    for process in psutil.process_iter(["cmdline"]):
        assert password.decode() not in " ".join(process.info["cmdline"] or [])
    for name in ("server", "worker"):
        environment = Path(f"/proc/{place.part(name).pid}/environ")
        assert password in environment.read_bytes()
        assert environment.stat().st_mode & 0o077 == 0


def test_the_command_line_starts_a_phase_with_the_secret_and_says_a_line_without(
    place: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside a server elsewhere: by its address and what it asks for."""
    monkeypatch.setenv("DUBAN_DATABASE_URL", place.database)
    monkeypatch.setenv("DUBAN_CLOCK_FILE", str(place.clock))
    monkeypatch.setenv("DUBAN_PREFECT_URL", place.prefect)
    refused = start_launch(monkeypatch, "duban:wrong")
    assert refused.exit_code == 2
    assert "DUBAN_PREFECT_AUTH_STRING" in refused.stderr
    assert "Traceback" not in refused.output

    assert start_launch(monkeypatch, place.secret).exit_code == 0
    query = {"flow_runs": {"state": {"name": {"any_": ["Suspended"]}}}}
    wait_until(lambda: place.ask("POST", "/flow_runs/filter", query), "a run stands at the gate")


def wait_until(there: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.5)


def start_launch(monkeypatch: pytest.MonkeyPatch, secret: str) -> Any:
    monkeypatch.setenv("DUBAN_PREFECT_AUTH_STRING", secret)
    settings.cache_clear()
    return CliRunner().invoke(duban, ["phase", "start", "launch", "--yes"])
