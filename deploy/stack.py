"""The stack on one machine: embedded PostgreSQL, Prefect server, worker, portal. Started and stopped together."""

import contextlib
import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import psycopg

from adapters.database import embedded
from adapters.database import sessions as database
from adapters.folders import data_folder, locked, private_folder, private_log
from adapters.prefect_server import prefect_api, prefect_secret
from adapters.settings import child_environment, override, reach_this_machine_directly, settings
from deploy.ports import LOOPBACK, listen, listen_somewhere, port_of
from deploy.prefect_server import own_pages
from models.common.errors import DubanError, RefusedError
from models.migrations.upgrading import upgrade
from services.evidence import claim_new_store
from services.monitoring.watchdog import FLOWS

POOL = "duban"
PREFECT_FILE = Path(__file__).parent / "prefect.yaml"
SERVER_FILE = Path(__file__).parent / "prefect-server.env"
POOL_FILE = Path(__file__).parent / "work-pool.json"
READY_S = 120  # a cold start on a slow disk; usually five seconds
STOP_S = 20
KNOCK_S = 5
BY_SCHEDULE = ("patrol", "watchdog", "bulletin")
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # by it a worker tells a process which run it is to conduct
ACTED_OUT = "acted-out"  # this file says that what Prefect keeps there is of rehearsals alone


class StackError(DubanError):
    """A part of the stack did not start."""


class _Part(NamedTuple):
    module: Sequence[str]
    keeps: Collection[int]
    process: subprocess.Popen[bytes]


class Parts:
    """The processes of a stack, each in a process group of its own: Ctrl-C reaches only us. Logs: in the data folder.

    `embedded_in` is the folder of the embedded PostgreSQL, None where the database is another's business.
    """

    def __init__(self, embedded_in: Path | None) -> None:
        self._embedded_in = embedded_in
        self._parts: dict[str, _Part] = {}

    def start(self, name: str, *module: str, keeps: Collection[int] = ()) -> subprocess.Popen[bytes]:
        """Start a part; `keeps` are descriptors of ours that it has as well."""
        with private_log(_log_of(name)) as output:
            process = subprocess.Popen(  # noqa: S603  (our own arguments)
                [sys.executable, "-m", *module],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=True,
                pass_fds=keeps,
            )
        self._parts[name] = _Part(module, keeps, process)
        return process

    def tend(self) -> list[str]:
        """Start again what was killed or fell over; returns the names of these parts."""
        fallen = [name for name, part in self._parts.items() if part.process.poll() is not None]
        if self._embedded_in and not _is_open(database.url()):
            embedded.url(self._embedded_in)
            fallen.append("postgres")
        for name in fallen:
            if name == "worker":
                _end_runs_of_dead()
            if part := self._parts.get(name):
                self.start(name, *part.module, keeps=part.keeps)
        return fallen

    def stop(self) -> None:
        """Stop all parts, the last one started first."""
        for part in reversed(self._parts.values()):
            _stop(part.process)


def _log_of(name: str) -> Path:
    return settings().data_dir / f"{name}.log"


@contextmanager
def running(*, by_schedule: bool, portal: bool = False, on_any_port: bool = False) -> Iterator[Parts]:
    """Run server, worker and portal over the data folder of the settings; on leaving, everything is stopped.

    `by_schedule` false pauses the schedules of patrol, watchdog and bulletin: a rehearsal moves the clock itself.
    `on_any_port`: another port is taken where the one in the settings is taken, and the settings say which.
    Raises RefusedError where another stack is at work in the folder, or a port cannot be had.
    """
    if settings().prefect_url:
        raise RefusedError(
            "DUBAN_PREFECT_URL names a Prefect server elsewhere, and this starts one of its own; leave that setting out"
        )
    home = data_folder(settings().data_dir.absolute())
    with _alone_in(home) as lock, _doors(portal=portal, on_any_port=on_any_port) as doors:
        for name in ("prefect", "evidence"):
            private_folder(home / name)
        parts = Parts(None if settings().database_url else home)
        _export(home, portal=portal)
        upgrade(database.engine())
        claim_new_store()
        if by_schedule:
            # What runs from now on may be real work, which no rehearsal throws away.
            (home / "prefect" / ACTED_OUT).unlink(missing_ok=True)
        try:
            _start(parts, doors, lock, by_schedule=by_schedule)
            yield parts
        finally:
            parts.stop()


def _start(parts: Parts, doors: Mapping[str, int], lock: int, *, by_schedule: bool) -> None:
    """One after the other; each is ready when the next one starts."""
    door = doors["server"]
    # The lock is the server's as well: one that outlives us is still at work on its store.
    _wait_until_ready(parts.start("server", "deploy.prefect_server", str(door), keeps=(door, lock)))
    _deploy(by_schedule=by_schedule)
    _end_runs_of_dead()
    parts.start("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process")
    if door := doors.get("portal", 0):
        _wait_until_served(parts.start("portal", "deploy", "portal", "--listening", str(door), keeps=(door,)))
    if by_schedule:
        _wait_until_scheduled()


@contextmanager
def _alone_in(home: Path) -> Iterator[int]:
    """One stack at a time: two servers would write to one SQLite. The descriptor of the lock."""
    with contextlib.ExitStack() as held:
        try:
            lock = held.enter_context(locked(home / "stack.lock", fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as taken:
            raise RefusedError(
                "another stack is at work in {folder}, or the Prefect server that one left behind; stop it first",
                folder=str(home),
            ) from taken
        yield lock.fileno()


@contextmanager
def _doors(*, portal: bool, on_any_port: bool) -> Iterator[dict[str, int]]:
    """The descriptors of the sockets that listen for server and portal."""
    take = listen_somewhere if on_any_port else listen
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(take(LOOPBACK, settings().prefect_port, "DUBAN_PREFECT_PORT"))
        override(DUBAN_PREFECT_PORT=str(port_of(server)))
        found = {"server": server.fileno()}
        if portal:
            pages = opened.enter_context(take(settings().portal_host, settings().portal_port, "DUBAN_PORTAL_PORT"))
            override(DUBAN_PORTAL_PORT=str(port_of(pages)))
            found["portal"] = pages.fileno()
        yield found


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
        PREFECT_WORKER_QUERY_SECONDS="0.5",
        **of_any_server(),
    )
    if portal:
        override(DUBAN_PORTAL_URL=settings().portal_address)


def of_any_server() -> dict[str, str]:
    """The settings of Prefect that its server needs, ours or one elsewhere."""
    lines = SERVER_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


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
    while not prefect_api.is_healthy():
        if server.poll() is not None or time.monotonic() > deadline:
            raise StackError("the Prefect server did not start; see {log}", log=_log_of("server"))
        time.sleep(0.2)


def _wait_until_served(portal: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(f"{settings().portal_at}/health"):
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
        return httpx.get(address, timeout=KNOCK_S, trust_env=False).is_success
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


def _end_runs_of_dead() -> None:
    """Before a worker starts: what the one before it took and nobody conducts any more has crashed.

    Otherwise no patrol sets out until the place that the last one holds is given up, after five minutes, and for two
    hours it says that it is running.
    """
    # A server that does not answer now has its places given up in time, and the watchdog ends the runs.
    with contextlib.suppress(prefect_api.PrefectUnreachableError):
        prefect_api.end_runs_of_dead(FLOWS, _conducted())


def _conducted() -> set[str]:
    """The ids of the runs that processes of this machine conduct; they outlive a worker that is killed."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.add(process.environ().get(RUN_VARIABLE, ""))
    return found


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
