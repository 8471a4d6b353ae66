"""The whole stack for a test: embedded PostgreSQL, Prefect server, worker and, if wanted, portal,
in a process and a folder of its own.

`python -m tests.support.stack PLAN [portal] [tended]` starts it, loads the plan, says where it is, and stays until its
input ends: it does not outlive the test that started it, however that ends.
"""

import dataclasses
import datetime as dt
import fcntl
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil

from adapters import clock
from adapters.database import sessions as database
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from adapters.prefect_server import prefect_api, prefect_secret
from adapters.settings import settings
from deploy.cli.operation.running import TEND_EVERY_S
from deploy.stack import Parts, running
from models.common.event import Actor
from models.loading import load_plan

ROOT = Path(__file__).parents[2]
STOP_S = 60
PARTS = {"server": ["deploy.prefect_server"], "worker": ["prefect", "worker"], "portal": ["deploy", "portal"]}
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Stack:
    """Where a stack is: the addresses of Prefect, the database and the portal, its folder and its process."""

    prefect: str
    database: str
    portal: str
    folder: str
    process: int

    @property
    def clock(self) -> Path:
        return Path(self.folder) / "clock"

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Prefect's answer; asked again while its store is busy, as our own requests are."""
        answer = self.answer(method, path, body).raise_for_status()
        return answer.json() if answer.content else None

    def answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The same, whether it is a refusal or not."""
        return prefect_api.request(method, f"{self.prefect}/api{path}", body, self.secret)

    @property
    def secret(self) -> str:
        """What Prefect asks for."""
        secret = prefect_secret.kept_in(Path(self.folder))
        assert secret
        return secret

    def part(self, name: str) -> psutil.Process:
        """The process of that part; raises StopIteration where there is none."""
        parts = psutil.Process(self.process).children()
        return next(part for part in parts if set(PARTS[name]) <= set(part.cmdline()))


@contextmanager
def stack(
    plan: Path, at: dt.datetime, *, portal: bool = False, tended: bool = False, extra: Mapping[str, str] = NO_SETTINGS
) -> Iterator[Stack]:
    """Run the stack with this plan loaded and the clock at this instant; afterwards nothing of it is left.

    `tended`: what is killed is started again, as under `duban up`. `extra`: settings of Duban besides.
    """
    with open_folder() as home, (home / "stack.log").open("w") as log:
        (home / "clock").write_text(at.isoformat(), encoding="ascii")
        _prepare_prefect(home / "prefect")
        with subprocess.Popen(
            [sys.executable, "-m", "tests.support.stack", str(plan), *["portal"] * portal, *["tended"] * tended],
            cwd=ROOT,
            env=environment(home) | dict(extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process:
            try:
                yield _where(process, home)
            finally:
                _stop(process)
                _hang_up()
        assert not (home / "postgres" / "postmaster.pid").exists(), "PostgreSQL was left running"


def _prepare_prefect(store: Path) -> None:
    """Prefect takes seconds to make its tables in an empty store: those of the first one are copied for the others."""
    made = Path(os.environ["PREFECT_HOME"]).with_name("prefect.made")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            subprocess.run(
                command, env=environment(store) | {"PREFECT_HOME": str(store)}, check=True, capture_output=True
            )
            shutil.copytree(store, made)
            return
    shutil.copytree(made, store)


@contextmanager
def open_folder() -> Iterator[Path]:
    # Not pytest's own folder: PostgreSQL gives up root's rights, and nobody else may enter that.
    home = Path(tempfile.mkdtemp(prefix="duban-stack-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    """Ours without what anybody set for Duban or Prefect, and with ports that are free."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DUBAN_", "PREFECT_"))}
    return outside | {
        "DUBAN_DATA_DIR": str(home),
        "DUBAN_PREFECT_PORT": str(free_port()),
        "DUBAN_PORTAL_PORT": str(free_port()),
        "DUBAN_CLOCK_FILE": str(home / "clock"),
    }


def _where(process: subprocess.Popen[str], home: Path) -> Stack:
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said, f"the stack did not start:\n{(home / 'stack.log').read_text()[-4000:]}"
    return Stack(**json.loads(said))


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        assert process.wait(STOP_S) == 0, "the stack did not stop cleanly"
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _hang_up() -> None:
    """Lines that this process still holds to the server that is gone."""
    prefect_api._client().close()
    prefect_api._client.cache_clear()


def main(plan: Path, *, portal: bool, tended: bool) -> None:
    with running(by_schedule=False, portal=portal) as parts:
        with transaction() as session:
            load_plan(session, read_plan(plan), actor=Actor("test"), at=clock.now())
        where = Stack(
            prefect=settings().prefect_api.removesuffix("/api"),
            database=database.url(),
            portal=settings().portal_url,
            folder=str(settings().data_dir),
            process=os.getpid(),
        )
        sys.stdout.write(json.dumps(dataclasses.asdict(where)) + "\n")
        sys.stdout.flush()
        _stay(parts if tended else None)


def _stay(tended: Parts | None) -> None:
    """Until the input ends."""
    with selectors.DefaultSelector() as told:
        told.register(sys.stdin, selectors.EVENT_READ)
        while not told.select(TEND_EVERY_S):
            if tended:
                tended.tend()


if __name__ == "__main__":
    main(Path(sys.argv[1]), portal="portal" in sys.argv[2:], tended="tended" in sys.argv[2:])
