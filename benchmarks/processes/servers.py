"""Servers to be measured: each a process of its own, stopped whatever happens. And how one comes in."""

import contextlib
import dataclasses
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters.settings import child_environment

READY_S = 60
STOP_S = 20
OK, NOT_FOUND = 200, 404
HIDDEN = re.compile(r'name="(csrf|form)" value="([^"]*)"')


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    address: str
    pid: int
    log: Path

    def browser(self, cookie: str = "") -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Cookie": cookie}, timeout=READY_S)

    def get(self, path: str, cookie: str) -> httpx.Response:
        """One answer. Raises RuntimeError, with the end of the server's log, where that is no page."""
        with self.browser(cookie) as browser:
            answer = browser.get(path)
        if answer.status_code not in {OK, NOT_FOUND}:
            raise RuntimeError(f"{path} is answered with {answer.status_code}:\n{self.tail()}")
        return answer

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8")[-4000:]


@contextmanager
def served(log: Path, *module: str) -> Iterator[Server]:
    """Run `python -m module … --port PORT` with the settings of this process, until the block ends."""
    port = free_port()
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", *module, "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C is ours to handle
        ) as process,
    ):
        try:
            server = Server(f"http://127.0.0.1:{port}", process.pid, log)
            _wait_until_served(server, process)
            yield server
        finally:
            _stop(process)


def hidden_fields(html: str) -> dict[str, str]:
    """What our forms carry beside what people type."""
    return dict(HIDDEN.findall(html))


def enter(server: Server, token: str, name: str) -> str:
    """Come in by a link as a browser does; returns the cookie's header."""
    with httpx.Client(base_url=server.address, timeout=READY_S, follow_redirects=True) as browser:
        door = browser.get(f"/enter/{token}")
        browser.post(f"/enter/{token}", data=hidden_fields(door.text) | {"name": name})
        return f"duban={browser.cookies['duban']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_served(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(server):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{server.tail()}")
        time.sleep(0.1)


def _answers(server: Server) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{server.address}/health", timeout=5).is_success
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
