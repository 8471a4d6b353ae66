"""`duban portal` as a process of its own, for what only a real server shows."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from adapters.settings import child_environment
from tests.conftest import ROOT
from tests.support.portal_client import Person


class Served:
    """`duban portal` as a process, with everybody's log at its loudest."""

    def __init__(self, log: Path, port: int) -> None:
        self.log = log
        self.at = f"http://127.0.0.1:{port}"
        self.port = port

    def person(self) -> Person:
        # A line each: the client has an event loop for each request, and a line lives in one.
        return Person(transport=httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0)), at=self.at)

    def says(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def raw(self, line: bytes) -> int:
        """The status of the answer to bytes that no client would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(line)
            answer = b""
            while b"\r\n" not in answer:
                piece = connection.recv(65536)
                assert piece, f"no answer to {line!r}"
                answer += piece
        return int(answer.split(b" ", 2)[1])


LOUD = """
import logging
logging.basicConfig(level=logging.DEBUG)
logging.Logger.setLevel = lambda logger, level: None
"""


@contextmanager
def served(tmp_path: Path, **environment: str) -> Iterator[Served]:
    loud = tmp_path / "loud"
    loud.mkdir(parents=True)
    (loud / "sitecustomize.py").write_text(LOUD, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    portal = Served(tmp_path / "portal.log", port)
    with portal.log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "portal", "--port", str(port)],
            env=child_environment(PYTHONPATH=f"{loud}{os.pathsep}{ROOT}", **environment),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(portal, process)
        yield portal
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def wait_for(portal: Served, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        assert process.poll() is None, portal.says()
        try:
            if httpx.get(f"{portal.at}/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    pytest.fail(portal.says())
