"""The stack on one machine: embedded PostgreSQL, Prefect server, worker. Started together, stopped together."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters import database, prefect_api
from adapters.settings import child_environment, override, settings
from models.errors import DubanError
from models.migrations import upgrade

POOL = "duban"
PREFECT_FILE = Path(__file__).parent / "prefect.yaml"
READY_S = 120  # a cold start on a slow disk; usually five seconds
STOP_S = 20


class StackError(DubanError):
    """A part of the stack did not start."""


@contextmanager
def running(*, patrol_by_schedule: bool, portal: bool = False) -> Iterator[None]:
    """Run server, worker and portal over the data folder of the settings; on leaving, everything is stopped.

    `patrol_by_schedule` false pauses the schedules of patrol and watchdog: a rehearsal moves the clock itself.
    """
    home = settings().data_dir.absolute()
    home.mkdir(parents=True, exist_ok=True)
    _export(home, portal=portal)
    if prefect_api.is_healthy():
        raise StackError(
            "something already answers at {address}; stop it, or set DUBAN_PREFECT_PORT to a free port",
            address=settings().prefect_api,
        )
    upgrade(database.engine())
    with contextlib.ExitStack() as parts:
        server = parts.enter_context(
            _part("server", "prefect", "server", "start", "--port", str(settings().prefect_port))
        )
        _wait_until_ready(server)
        _deploy(patrol_by_schedule=patrol_by_schedule)
        parts.enter_context(_part("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process"))
        if portal:
            _wait_until_served(parts.enter_context(_part("portal", "deploy", "portal")))
        yield


def _export(home: Path, *, portal: bool) -> None:
    """Say to this process and its children where things are; Prefect reads its settings from the environment."""
    port = settings().prefect_port
    override(
        DUBAN_DATA_DIR=str(home),
        # The flows' own processes then need no lease on the embedded server: this process holds it.
        DUBAN_DATABASE_URL=database.url(),
        PREFECT_HOME=str(home / "prefect"),
        PREFECT_API_URL=settings().prefect_api,
        PREFECT_SERVER_API_HOST="127.0.0.1",
        PREFECT_SERVER_UI_API_URL=f"http://127.0.0.1:{port}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT="false",
        PREFECT_WORKER_QUERY_SECONDS="0.5",
        DO_NOT_TRACK="1",
    )
    if portal:
        override(DUBAN_PORTAL_URL=settings().portal_address)


@contextmanager
def _part(name: str, *module: str) -> Iterator[subprocess.Popen[bytes]]:
    """One process with its log in the data folder, in a group of its own: Ctrl-C is ours to handle."""
    log = settings().data_dir / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  (our own arguments)
            [sys.executable, "-m", *module],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not prefect_api.is_healthy():
        if server.poll() is not None or time.monotonic() > deadline:
            raise StackError("the Prefect server did not start; see {log}", log=settings().data_dir / "server.log")
        time.sleep(0.2)


def _wait_until_served(portal: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(f"http://{settings().portal_host}:{settings().portal_port}/health"):
        if portal.poll() is not None or time.monotonic() > deadline:
            raise StackError("the portal did not start; see {log}", log=settings().data_dir / "portal.log")
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False


def _deploy(*, patrol_by_schedule: bool) -> None:
    _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE))
    for flow in ("patrol", "watchdog"):
        prefect_api.pause_deployment(flow, flow, paused=not patrol_by_schedule)


def _prefect(*arguments: str) -> None:
    result = subprocess.run(  # noqa: S603  (our own arguments)
        [sys.executable, "-m", "prefect", *arguments],
        capture_output=True,
        text=True,
        env=child_environment(),
        check=False,
    )
    if result.returncode:
        raise StackError(
            "prefect {command} failed: {output}",
            command=arguments[0],
            output=result.stdout[-2000:] + result.stderr[-2000:],
        )
