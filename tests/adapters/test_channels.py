"""Addresses, the choice of a channel, and Apprise against a real local HTTP server."""

import asyncio
import dataclasses
import datetime as dt
import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.channels import addresses as module
from adapters.channels.addresses import MAILBOX, MAX_BYTES, MAX_UNITS, Address, Addresses, read_addresses
from adapters.channels.apprise_channel import AppriseChannel
from adapters.channels.rate_limits import Limit, read_limits
from adapters.channels.registry import Channels, Mailbox
from adapters.channels.types import Outcome, Post, Receipt, Trace
from adapters.settings import Settings
from models.common.errors import RefusedError
from tests.support.slack_server import SlackServer

# Apprise's mail plugin imports a module that Python 3.13 drops, and has a replacement for it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOTICE = Post(key="m-1", subject="督办", body="第一行 <b> & *x*\n第二行")
SECRET = "hunter2token"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "addresses.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_a_file_all_is_mailbox() -> None:
    assert read_addresses(None).of("edu") == MAILBOX


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_means_mailbox(tmp_path: Path, text: str) -> None:
    assert read_addresses(written(tmp_path, text)).of("edu") == MAILBOX


def test_each_kind_of_address(tmp_path: Path) -> None:
    url = f"dingtalk://{SECRET}@robot/?x=1"
    addresses = read_addresses(
        written(tmp_path, f"\ufeffdefault: slack:C0123ABC\nedu: mailbox\nno: '{url}'\n007: slack:G09\n")
    )
    assert addresses.of("edu") == MAILBOX
    assert addresses.of("no") == Address("apprise", url)
    assert addresses.of("007") == Address("slack", "G09")
    assert addresses.of("longsha") == Address("slack", "C0123ABC")


def test_a_secret_is_not_shown() -> None:
    address = Address("apprise", f"slack://{SECRET}/x")
    for shown in (repr(address), str(address), repr(Addresses({"edu": address})), f"{address}"):
        assert SECRET not in shown
    assert str(address) == "apprise:slack://****"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("edu: mailbox\nfin: post", 2, "fin has no usable address (****)"),
        (f"edu: slack:{SECRET}", 1, "slack:****"),
        ("edu: slack:#general", 1, "expected mailbox, slack:C0123ABC"),
        (f"edu: {SECRET}", 1, "edu has no usable address"),
        (f"edu: dingtalk:// {SECRET}", 1, "dingtalk://****"),
        ("edu:", 1, "(empty)"),
        ("edu: [mailbox]", 1, "edu has no usable address"),
        ("edu: mailbox\n\nedu: mailbox", 3, "edu is there twice"),
        ("? [a]\n: mailbox", 1, "not a unit's code"),
        ("教育局: mailbox", 1, "not a unit's code"),
        ("- mailbox", 1, "not a list of units"),
        ("mailbox", 1, "not a list of units"),
        (f"edu: mailbox\nfin: *{SECRET}", 2, "not readable as YAML"),
        (f'edu: mailbox\nfin: "{SECRET}', 2, "not readable as YAML"),
        (f"edu: mailbox\nfin: {SECRET}: x", 2, "not readable as YAML"),
        ("a: mailbox\n---\nb: mailbox", 2, "not readable as YAML"),
        ("a: " + "[" * 5000, 1, "not readable as YAML"),
        ("a: \x07", 1, "not readable as YAML"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RefusedError) as refused:
        read_addresses(path)
    said = str(refused.value)
    assert said.startswith(f"{path}, line {line}: ")
    assert says in said
    assert "expected" in said
    assert SECRET not in "".join(traceback.format_exception(refused.value)).replace(text, "")


@pytest.mark.parametrize("robot", ["feishu", "lark", "Feishu"])
@pytest.mark.parametrize(
    "rest",
    [f"tok/{SECRET}", f"tok/?secret={SECRET}", f"tok?sign={SECRET}", f"tok:{SECRET}@x", f"tok/?x=1&key={SECRET}"],
)
def test_a_robots_secret_in_the_wrong_place_is_refused(tmp_path: Path, robot: str, rest: str) -> None:
    path = written(tmp_path, f'edu: mailbox\nfin: "{robot}://{rest}"')
    with pytest.raises(RefusedError, match=r"line 2: fin has no usable address") as refused:
        read_addresses(path)
    assert "feishu://SECRET@TOKEN" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["feishu://tok", "feishu://sec@tok/", "lark://sec%2F1@tok/?format=text", "json://h/p"]
)
def test_a_robots_address_as_it_should_be(tmp_path: Path, address: str) -> None:
    assert read_addresses(written(tmp_path, f'fin: "{address}"')).of("fin") == Address("apprise", address)


def test_files_that_are_not_text(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "gone.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (written(tmp_path, b"\xb6\xbd\xb0\xec: mailbox"), "not text in UTF-8"),
    ):
        with pytest.raises(RefusedError, match=says):
            read_addresses(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("#" * (MAX_BYTES + 1), f"too long; expected at most {MAX_BYTES} bytes"),
        ("".join(f"u{number}: mailbox\n" for number in range(MAX_UNITS + 1)), "too many entries"),
        ("{" + ",".join(f"u{number}: mailbox" for number in range(MAX_UNITS + 2)) + "}", "too many entries"),
        ("a:\n" + " - x\n" * MAX_UNITS, "too many entries"),
        ("a: [" + "x," * (MAX_UNITS + 1) + "]", "too many entries"),
    ],
)
def test_a_file_that_is_too_much_is_refused_before_it_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, says: str
) -> None:
    monkeypatch.setattr(module, "compose", _not_to_be_called)
    with pytest.raises(RefusedError) as refused:
        read_addresses(written(tmp_path, content))
    assert says in str(refused.value)
    assert len(str(refused.value)) < 300


def _not_to_be_called(_: str) -> None:
    raise AssertionError


def test_a_file_that_never_ends_is_too_long() -> None:
    with pytest.raises(RefusedError, match="too long"):
        read_addresses(Path("/dev/zero"))


def test_a_country_of_townships_with_remarks_is_not_too_much(tmp_path: Path) -> None:
    lines = (f"# township {number}\n\nu{number}: slack:C{number:08}\n" for number in range(38_600))
    assert len(read_addresses(written(tmp_path, "".join(lines))).by_unit) == 38_600


def test_the_address_chooses_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackServer() as server:
        slack = Address("slack", "C01")
        settings = Settings(slack_api_url=server.url, slack_token=SecretStr("xoxb-1"), send_timeout_s=5)

        async def send_all() -> list[Receipt]:
            async with Channels.from_settings(settings) as channels:
                return [await channels.send(one, NOTICE) for one in (MAILBOX, slack, Address("apprise", "nosuch://x"))]

        mailed, posted, refused = asyncio.run(send_all())
        assert server.keys("C01") == ["m-1"]
    assert (mailed.outcome, posted.outcome) == (Outcome.SENT, Outcome.SENT)
    assert "Apprise" in refused.detail


def test_the_mailbox_always_takes_it() -> None:
    assert asyncio.run(Mailbox().send("", NOTICE)).outcome == Outcome.SENT
    assert asyncio.run(Mailbox().look_up("", "m-1", None)) is Trace.SENT


class _Robot(ThreadingHTTPServer):
    """A service that keeps what is posted and answers with the next of `statuses`, or by title, else 200."""

    daemon_threads = False  # so that closing waits for them

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.statuses: list[int] = []
        self.answers: dict[str, int] = {}
        self.cut = False
        super().__init__(("127.0.0.1", 0), _RobotHandler)

    def url(self, query: str = "") -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}/{query}"


class _RobotHandler(BaseHTTPRequestHandler):
    server: _Robot

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        if self.server.cut:
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(self.server.answers.get(body["title"], status))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Robot]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _Robot() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_apprise_sends(robot: _Robot) -> None:
    channel = AppriseChannel(timeout_s=5)
    assert asyncio.run(channel.send(robot.url(), NOTICE)).outcome == Outcome.SENT
    [body] = robot.bodies
    assert (body["title"], body["message"]) == (NOTICE.subject, NOTICE.body.replace("<b>", "\uff1cb>"))
    assert asyncio.run(channel.look_up(robot.url(), "m-1", None)) is Trace.UNTRACEABLE


def test_apprise_fails_once_and_says_so(robot: _Robot) -> None:
    robot.statuses = [500, 500]
    # The address asks for retries and to call a failure a success: the outbox decides on both.
    receipt = asyncio.run(AppriseChannel(timeout_s=5).send(robot.url("?retry=3&wait=0&optional=yes"), NOTICE))
    assert receipt.outcome == Outcome.AMBIGUOUS, "it may have arrived all the same"
    assert len(robot.bodies) == 1


@pytest.mark.parametrize(
    ("status", "outcome", "too_many"),
    [
        (400, Outcome.TEMPORARY, False),
        (403, Outcome.TEMPORARY, False),
        (429, Outcome.TEMPORARY, True),
        (502, Outcome.AMBIGUOUS, False),
    ],
)
def test_apprise_tells_what_the_service_refused(
    robot: _Robot, status: int, outcome: Outcome, *, too_many: bool
) -> None:
    robot.statuses = [status]
    receipt = asyncio.run(AppriseChannel(timeout_s=5).send(robot.url(), NOTICE))
    assert (receipt.outcome, receipt.too_many) == (outcome, too_many)
    assert SECRET not in receipt.detail


def test_a_service_that_takes_it_and_says_nothing(robot: _Robot) -> None:
    robot.cut = True
    receipt = asyncio.run(AppriseChannel(timeout_s=5).send(robot.url(), NOTICE))
    assert receipt.outcome == Outcome.AMBIGUOUS
    assert len(robot.bodies) == 1


def test_sends_at_once_do_not_mix_up_their_ends(robot: _Robot) -> None:
    channel = AppriseChannel(timeout_s=5)
    robot.answers = {"refused": 400, "failed": 503}

    async def send_all(subjects: list[str]) -> list[Receipt]:
        return await asyncio.gather(*(channel.send(robot.url(), Post("k", subject, "b")) for subject in subjects))

    receipts = asyncio.run(send_all(["refused", "taken", "failed", "taken"] * 8))
    assert [one.outcome for one in receipts] == [Outcome.TEMPORARY, Outcome.SENT, Outcome.AMBIGUOUS, Outcome.SENT] * 8


def test_apprise_finds_nobody() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        receipt = asyncio.run(AppriseChannel(timeout_s=1).send(f"json://127.0.0.1:{closed.getsockname()[1]}/", NOTICE))
    assert receipt.outcome == Outcome.TEMPORARY


@pytest.mark.parametrize("url", ["nosuchservice://x/y", "slack://", "not a url", "", "dingtalk://!!"])
def test_an_address_that_apprise_does_not_know(url: str) -> None:
    assert asyncio.run(AppriseChannel(timeout_s=1).send(url, NOTICE)).outcome == Outcome.PERMANENT


def test_apprise_logs_no_address(robot: _Robot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    robot.statuses = [500]
    channel = AppriseChannel(timeout_s=1)
    urls = (robot.url(), robot.url(), f"nosuch://{SECRET}/")
    details = [asyncio.run(channel.send(url, NOTICE)).detail for url in urls]
    assert SECRET not in caplog.text + "".join(details)


LIMITS = """
[default]
apart_s = 0
[slack]
apart_s = 0.05
"""


def test_each_service_has_its_limit(tmp_path: Path) -> None:
    limits = read_limits()
    apart = {
        url: limits.of(Address("apprise", f"{url}://{SECRET}/")).apart.total_seconds()
        for url in ("dingtalk", "WeComBot", "feishu", "lark", "slack", "json")
    }
    assert apart == {"dingtalk": 3.3, "WeComBot": 3.5, "feishu": 0.7, "lark": 0.7, "slack": 1.0, "json": 0.5}
    assert limits.of(Address("slack", "C01")).apart == dt.timedelta(seconds=1)
    assert limits.of(Address("apprise", "dingtalk://x")).rest > dt.timedelta(minutes=10), "it is blocked for so long"
    own = read_limits(written(tmp_path, LIMITS))
    assert own.of(Address("slack", "C01")) == Limit(dt.timedelta(milliseconds=50), dt.timedelta(seconds=30))
    assert own.of(Address("apprise", "dingtalk://x")).apart.total_seconds() == 3.3


def test_the_limits_fit_what_apprise_calls_the_services() -> None:
    import apprise  # noqa: PLC0415  (it loads its plugins)

    known = set(apprise.plugins.N_MGR.schemas())  # type: ignore[no-untyped-call]
    assert set(read_limits().by_service) - {"default"} <= known


def test_a_service_that_never_comes_to_its_end_holds_nobody_up() -> None:
    class Dripping:
        def escape(self, text: str) -> str:
            return text

        async def send(self, target: str, post: Post) -> Receipt:  # noqa: ARG002
            await asyncio.sleep(60)
            raise AssertionError

        async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:  # noqa: ARG002
            await asyncio.sleep(60)
            raise AssertionError

    usual = Channels.from_settings(Settings())
    channels = dataclasses.replace(usual, apprise=Dripping(), longest_s=0.05)
    address = Address("apprise", "dingtalk://token/")
    sent = asyncio.run(channels.send(address, Post("key", "subject", "body")))
    assert (sent.outcome, sent.detail) == (Outcome.AMBIGUOUS, "no whole answer within 0.05 s")
    assert asyncio.run(channels.look_up(address, "key", None)) is Trace.LATER


def test_a_channel_is_known_by_a_name_that_gives_nothing_away() -> None:
    limits = read_limits()
    one, same, other = (Address("apprise", f"dingtalk://{SECRET}{end}/") for end in ("a", "a", "b"))
    assert limits.destination_of(one) == limits.destination_of(same) != limits.destination_of(other)
    assert SECRET not in str(limits.destination_of(one))
    assert not limits.destination_of(MAILBOX).apart


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[slack", "at the end of a table declaration"),
        ("slack = 1", "[slack]"),
        ("[slack]\napart_s = -1", "[slack]"),
        ("[slack]\napart_s = true", "[slack]"),
        ("[slack]\nrate = 1", "[slack]"),
        ("[slack]\nrest_s = 4000", "[slack]"),
        (b"\xff", "utf-8"),
    ],
)
def test_bad_limits_are_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RefusedError, match="expected tables such as") as refused:
        read_limits(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    with pytest.raises(RefusedError, match="cannot be read"):
        read_limits(tmp_path / "gone.toml")
