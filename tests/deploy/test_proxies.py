"""A proxy in the environment is for what is outside: calls to this machine never go through it."""

import datetime as dt
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from adapters.settings import child_environment, proxy_for, reach_this_machine_directly
from tests.conftest import ROOT, TINY
from tests.support.stack import Stack, stack

WAIT_S = 150
# As the command does it first of all; then a call to each address, of which none has to answer.
CALLS = """
import sys
from urllib.request import urlopen
import httpx, requests
from adapters.settings import reach_this_machine_directly
reach_this_machine_directly()
for address in sys.argv[1:]:
    for get in (httpx.get, requests.get, urlopen):
        try:
            get(address, timeout=5)
        except OSError:
            pass
        except httpx.HTTPError:
            pass
"""


class Listener(ThreadingHTTPServer):
    """Takes any request and keeps its first line."""

    daemon_threads = False

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def proxy() -> Iterator[Listener]:
    yield from _listening()


@pytest.fixture
def here() -> Iterator[Listener]:
    yield from _listening()


def _listening() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def called(proxy: Listener, *addresses: str, **said: str) -> None:
    unset = dict.fromkeys(("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"), "")
    environment = child_environment(**unset | {"http_proxy": proxy.url, "HTTP_PROXY": proxy.url} | said)
    subprocess.run([sys.executable, "-c", CALLS, *addresses], cwd=ROOT, env=environment, check=True, timeout=120)


@pytest.mark.parametrize("said", [{}, {"NO_PROXY": "corp.example"}, {"no_proxy": "corp.example"}])
def test_this_machine_is_reached_directly_and_the_outside_by_the_proxy(
    proxy: Listener, here: Listener, said: dict[str, str]
) -> None:
    outside = "http://outside.invalid/x"
    called(proxy, f"{here.url}/a", f"http://localhost:{here.server_port}/b", outside, **said)
    assert proxy.asked == [outside] * 3
    assert sorted(here.asked) == ["/a"] * 3 + ["/b"] * 3


def test_what_was_excepted_stays_excepted_and_nothing_is_said_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "corp.example, 127.0.0.1")
    monkeypatch.setenv("no_proxy", "lan.example")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    for _ in range(2):
        reach_this_machine_directly()
        environment = child_environment()
        assert environment["no_proxy"] == environment["NO_PROXY"]
        assert environment["NO_PROXY"] == "lan.example,corp.example,127.0.0.1,localhost,::1"
    addresses = ("http://corp.example/", "http://lan.example/", "http://127.0.0.1:1/", "http://[::1]:1/")
    assert [proxy_for(one) for one in addresses] == [None] * 4
    assert proxy_for("http://other.example/") == "http://proxy.example:3128"


def test_no_proxy_for_anybody_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    reach_this_machine_directly()
    assert proxy_for("http://other.example/") is None


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
def test_the_stack_starts_with_a_proxy_in_its_environment(proxy: Listener) -> None:
    """Server, worker and portal, and what Prefect's own clients in them ask of the server."""
    through = dict.fromkeys(("http_proxy", "HTTP_PROXY"), proxy.url) | {"NO_PROXY": "", "no_proxy": ""}
    with stack(TINY, dt.datetime(2022, 11, 1, 0, 30, tzinfo=dt.UTC), portal=True, extra=through) as place:
        portal = httpx.get(f"{place.portal}/health", trust_env=False)
        assert _has_worker(place), "it says that it is there"
    assert portal.is_success
    assert proxy.asked == []


def _has_worker(place: Stack) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not (found := place.ask("POST", "/work_pools/duban/workers/filter", {})) and time.monotonic() < deadline:
        time.sleep(0.5)
    return bool(found)
