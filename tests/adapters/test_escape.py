"""Each channel sends text as text: what it would take for markup or for a call of people does not arrive as such."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from adapters.channels.addresses import MAILBOX, Address
from adapters.channels.registry import Channels
from adapters.channels.robots import ROBOTS
from adapters.channels.types import Outcome, Post
from adapters.settings import Settings
from tests.support.robots import lead_here
from tests.support.slack_server import SlackServer

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

LINK = "https://duban.example/enter/Aa-_9"
HOSTILE = (
    '<at user_id="all">所有人</at> <@all> <!channel> <!here|x> <#C1|y> <https://evil|看> <a href="//evil">看</a> '
    "[看](https://evil) 3 < 5 > 2 & 4"
)
LETTER = Post(key="m-1", subject=f"督办 {HOSTILE}", body=f"{LINK}\n{HOSTILE}")
# What would be obeyed, wherever it stands in what a service is sent.
TAGS = ("<at", "</at", "<@", "<!", "<#", "<https", "<a ", "](")
TOKEN = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"


class Robot(ThreadingHTTPServer):
    """Takes any post and says that all is well."""

    daemon_threads = False

    def __init__(self) -> None:
        self.texts: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Robot

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.texts.append("\n".join(_strings(body)))
        answer = b'{"errcode": 0, "code": 0}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Silent."""


def _strings(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    for one in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        yield from _strings(one)


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    with Robot() as server:
        lead_here(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(address: Address, slack_url: str = "") -> None:
    settings = Settings(slack_api_url=slack_url, slack_token=SecretStr("xoxb-1"), send_timeout_s=5)

    async def sent() -> Outcome:
        async with Channels.from_settings(settings) as channels:
            return (await channels.send(address, LETTER)).outcome

    assert asyncio.run(sent()) is Outcome.SENT


@pytest.mark.parametrize("service", [*sorted(ROBOTS), "json"])
def test_a_service_behind_apprise_is_told_text(robot: Robot, service: str) -> None:
    address = f"json://127.0.0.1:{robot.server_port}/" if service == "json" else f"{service}://{TOKEN}/"
    send(Address("apprise", address))
    [text] = robot.texts
    assert [tag for tag in TAGS if tag in text] == []
    assert LINK in text, "our own link works"
    assert "3 < 5 > 2 & 4" in text, "it is not escaped twice, and not where nothing would be obeyed"


def test_slack_is_told_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackServer() as server:
        send(Address("slack", "C01"), server.url)
        [post] = server.posts["C01"]
    shown = [block["text"]["text"] for block in post["blocks"] if block["text"]["type"] == "mrkdwn"] + [post["text"]]
    assert len(shown) == 2
    for text in shown:
        assert [tag for tag in TAGS[:-1] if tag in text] == []
        assert "3 &lt; 5 &gt; 2 &amp; 4" in text, "escaped, and once"


def test_every_kind_of_address_has_a_channel_that_escapes() -> None:
    """One that is added without it is found here, whatever tests it has of its own."""
    channels = Channels.from_settings(Settings())
    for kind in get_args(Address.__annotations__["kind"]):
        escaped = channels._of(Address(kind)).escape(HOSTILE)
        told_as_it_is = escaped == HOSTILE
        assert told_as_it_is is (Address(kind) == MAILBOX), f"{kind} has to say how its service is told text"
        if not told_as_it_is:
            assert [tag for tag in TAGS[:-1] if tag in escaped] == []
