"""The stack on one machine: embedded PostgreSQL, Prefect server, worker, portal. Started and stopped together."""

import contextlib
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from adapters.database import embedded
from adapters.database import sessions as database
from adapters.folders import data_folder, private_folder, private_log
from adapters.prefect_server import prefect_api, prefect_secret
from adapters.settings import child_environment, override, reach_this_machine_directly, settings
from deploy.prefect_server import own_pages
from models.common.errors import DubanError
from models.migrations.upgrading import upgrade
from services.evidence import claim_new_store

POOL = "duban"
PREFECT_FILE = Path(__file__).parent / "prefect.yaml"
POOL_FILE = Path(__file__).parent / "work-pool.json"
READY_S = 120  # a cold start on a slow disk; usually five seconds
STOP_S = 20
KNOCK_S = 5
BY_SCHEDULE = ("patrol", "watchdog", "bulletin")
RUNS_KEPT_S = 90 * 24 * 60 * 60
ACTED_OUT = "acted-out"  # this file says that what Prefect keeps there is of rehearsals alone


class StackError(DubanError):
    """A part of the stack did not start."""


class Parts:
    """The processes of a stack, each in a process group of its own: Ctrl-C reaches only us. Logs: in the data folder.

    `embedded_in` is the folder of the embedded PostgreSQL, None where the database is another's business.
    """

    def __init__(self, embedded_in: Path | None) -> None:
        self._embedded_in = embedded_in
        self._parts: dict[str, tuple[Sequence[str], subprocess.Popen[bytes]]] = {}

    def start(self, name: str, *module: str) -> subprocess.Popen[bytes]:
        with private_log(_log_of(name)) as output:
            process = subprocess.Popen(  # noqa: S603  (our own arguments)
                [sys.executable, "-m", *module],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=True,
            )
        self._parts[name] = module, process
        return process

    def tend(self) -> list[str]:
        """Start again what was killed or fell over; returns the names of these parts."""
        fallen = [name for name, (_, process) in self._parts.items() if process.poll() is not None]
        if self._embedded_in and not _is_open(database.url()):
            embedded.url(self._embedded_in)
            fallen.append("postgres")
        for name in fallen:
            if name in self._parts:
                self.start(name, *self._parts[name][0])
        return fallen

    def stop(self) -> None:
        """Stop all parts, the last one started first."""
        for _, process in reversed(self._parts.values()):
            _stop(process)


def _log_of(name: str) -> Path:
    return settings().data_dir / f"{name}.log"


@contextmanager
def running(*, by_schedule: bool, portal: bool = False) -> Iterator[Parts]:
    """Run server, worker and portal over the data folder of the settings; on leaving, everything is stopped.

    `by_schedule` false pauses the schedules of patrol, watchdog and bulletin: a rehearsal moves the clock itself.
    """
    home = data_folder(settings().data_dir.absolute())
    for name in ("prefect", "evidence"):
        private_folder(home / name)
    parts = Parts(None if settings().database_url else home)
    _export(home, portal=portal)
    if prefect_api.is_healthy():
        raise StackError(
            "something already answers at {address}; stop it, or set DUBAN_PREFECT_PORT to a free port",
            address=settings().prefect_api,
        )
    upgrade(database.engine())
    claim_new_store()
    if by_schedule:
        # What runs from now on may be real work, which no rehearsal throws away.
        (home / "prefect" / ACTED_OUT).unlink(missing_ok=True)
    try:
        server = parts.start("server", "deploy.prefect_server")
        _wait_until_ready(server)
        _deploy(by_schedule=by_schedule)
        parts.start("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process")
        if portal:
            _wait_until_served(parts.start("portal", "deploy", "portal"))
        if by_schedule:
            _wait_until_scheduled()
        yield parts
    finally:
        parts.stop()


def _export(home: Path, *, portal: bool) -> None:
    """Say to this process and its children where things are; Prefect reads its settings from the environment."""
    reach_this_machine_directly()
    address = f"http://127.0.0.1:{settings().prefect_port}"
    secret = prefect_secret.for_own_server(home)
    override(
        DUBAN_DATA_DIR=str(home),
        # Processes of flow runs then need no lock on the embedded server: this process holds it for them.
        DUBAN_DATABASE_URL=database.url(),
        PREFECT_HOME=str(home / "prefect"),
        PREFECT_API_URL=settings().prefect_api,
        # In the environment, which other accounts cannot read, and never on a command line, which they can.
        PREFECT_API_AUTH_STRING=secret,
        PREFECT_SERVER_API_AUTH_STRING=secret,
        PREFECT_SERVER_API_HOST="127.0.0.1",
        PREFECT_SERVER_API_PORT=str(settings().prefect_port),
        PREFECT_SERVER_CORS_ALLOWED_ORIGINS=",".join(own_pages(settings().prefect_port, settings().prefect_ui_url)),
        PREFECT_SERVER_UI_API_URL=f"{settings().prefect_ui_url or address}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT="false",
        PREFECT_WORKER_QUERY_SECONDS="0.5",
        # In memory, the slots that runs hold under a concurrency limit would be lost and never given back when the
        # server stops beside a run: no patrol would ever start again.
        PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE="prefect.server.concurrency.lease_storage.filesystem",
        # Finished runs with their artifacts, after a quarter; what they did is in the journal.
        PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED="events,flow_runs",
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD=str(RUNS_KEPT_S),
        DO_NOT_TRACK="1",
    )
    if portal:
        override(DUBAN_PORTAL_URL=settings().portal_address)


def _is_open(address: str) -> bool:
    """Whether the database takes connections."""
    try:
        psycopg.connect(address, connect_timeout=KNOCK_S).close()
    except psycopg.OperationalError:
        return False
    return True


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
    while not (_listens(server.pid, settings().prefect_port) and prefect_api.is_healthy()):
        if server.poll() is not None or time.monotonic() > deadline:
            raise StackError("the Prefect server did not start; see {log}", log=_log_of("server"))
        time.sleep(0.2)


def _listens(process: int, port: int) -> bool:
    """Whether this process has the port: of two that start at once the other may, and would be told our secret."""
    with contextlib.suppress(psutil.Error):
        lines = psutil.Process(process).net_connections("tcp")
        return any(line.status == psutil.CONN_LISTEN and line.laddr.port == port for line in lines)
    return False


def _wait_until_served(portal: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(f"http://{settings().portal_host}:{settings().portal_port}/health"):
        if portal.poll() is not None or time.monotonic() > deadline:
            raise StackError("the portal did not start; see {log}", log=_log_of("portal"))
        time.sleep(0.2)


def _wait_until_scheduled() -> None:
    """A server whose scheduler fails looks healthy, and nobody would ever be reminded of anything."""
    deadline = time.monotonic() + READY_S
    while not all(prefect_api.runs_ahead(flow) for flow in BY_SCHEDULE):
        if time.monotonic() > deadline:
            raise StackError("the Prefect server does not schedule the patrol; see {log}", log=_log_of("server"))
        time.sleep(0.5)


def _answers(address: str) -> bool:
    try:
        # Never through a proxy, whichever address of this machine the portal listens on.
        return httpx.get(address, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _deploy(*, by_schedule: bool) -> None:
    prefect_api.put_work_pool(POOL, "process", _job_template())
    _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE))
    for flow in BY_SCHEDULE:
        prefect_api.pause_deployment(flow, flow, paused=not by_schedule)


def _job_template() -> dict[str, Any]:
    """The pool's, with a command: without one, a second Python first looks for the folder of each run's flow."""
    template: dict[str, Any] = json.loads(POOL_FILE.read_text(encoding="utf-8"))
    template["job_configuration"]["command"] = f"{shlex.quote(sys.executable)} -m prefect.engine"
    return template


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
            command=" ".join(arguments[:2]),
            output=result.stdout[-2000:] + result.stderr[-2000:],
        )
