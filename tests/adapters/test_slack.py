"""Slack's channel, with the real client, against a real local server."""

import asyncio
import datetime as dt
import logging
import socket
from collections.abc import Iterator

import pytest
from slack_sdk import WebClient

from adapters.channels.slack import CLOCKS_DIFFER, CONTINUED, PAGES, TEXT_MAX, Slack
from adapters.channels.types import Outcome, Post, Receipt, Trace
from tests.support import slack_server as play
from tests.support.slack_caller import SlackCaller
from tests.support.slack_server import Act, SlackServer

C = "C0123ABC"
NOTICE = Post(
    key="m-1",
    subject="教育局：1 件待办",
    body="交办件 edu-2023Q1，3月31日前报送。\nhttps://duban.example/a/1?x=1&y=2",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackServer() as running:
        yield running


@pytest.fixture
def slack(server: SlackServer) -> SlackCaller:
    return SlackCaller("xoxb-secret", server.url, timeout_s=1)


def test_a_post_arrives_with_text_blocks_and_key(server: SlackServer, slack: SlackCaller) -> None:
    receipt = slack.send(C, NOTICE)
    assert (receipt.outcome, receipt.external_id) == (Outcome.SENT, server.posts[C][0]["ts"])
    [post] = server.posts[C]
    assert post["text"].startswith(NOTICE.subject)
    assert [block["type"] for block in post["blocks"]] == ["header", "section"]
    assert post["blocks"][1]["text"]["text"] == NOTICE.body.replace("&", "&amp;")
    assert post["metadata"] == {"event_type": "duban_notice", "event_payload": {"key": "m-1"}}
    assert (post["unfurl_links"], post["unfurl_media"]) == (False, False)
    assert server.tokens == {"xoxb-secret"}


@pytest.mark.parametrize(
    ("act", "outcome", "says", "arrived"),
    [
        (play.status(500), Outcome.AMBIGUOUS, "status 500", 0),
        (play.status(503), Outcome.AMBIGUOUS, "status 503", 0),
        (play.status(502, take=True), Outcome.AMBIGUOUS, "status 502", 1),
        (play.status(404), Outcome.TEMPORARY, "status 404", 0),
        (play.dropped(), Outcome.AMBIGUOUS, "ClientOSError", 0),
        (play.taken_then_cut(), Outcome.AMBIGUOUS, "ClientOSError", 1),
        (play.taken_then_silent(), Outcome.AMBIGUOUS, "TimeoutError", 1),
        (play.malformed(), Outcome.AMBIGUOUS, "cannot be understood", 1),
        (play.malformed(b""), Outcome.AMBIGUOUS, "cannot be understood", 1),
        (play.malformed(b"{}"), Outcome.AMBIGUOUS, "cannot be understood", 1),
        (play.malformed(b"[1]"), Outcome.AMBIGUOUS, "AttributeError", 1),
        (play.malformed(b"<html>sign in</html>", take=False), Outcome.AMBIGUOUS, "cannot be understood", 0),
        (play.malformed(b"\xff\xfe"), Outcome.AMBIGUOUS, "UnicodeDecodeError", 1),
    ],
)
def test_what_goes_wrong_outside(
    server: SlackServer, slack: SlackCaller, *, act: Act, outcome: Outcome, says: str, arrived: int
) -> None:
    server.script(C, act)
    receipt = slack.send(C, NOTICE)
    assert receipt.outcome == outcome
    assert says in receipt.detail
    assert len(server.posts[C]) == arrived
    assert sum(server.answers.values()) == 1, "the client must not retry by itself"
    assert slack.send(C, NOTICE).outcome == Outcome.SENT


def test_posts_share_a_line_and_none_is_lost_with_it(server: SlackServer) -> None:
    async def send_all() -> list[Receipt]:
        async with Slack("xoxb-secret", server.url, timeout_s=5) as slack:
            return [await slack.send(C, Post(f"m-{number}", "s", "b")) for number in range(5)]

    server.script(C, play.ok(), play.ok(), play.taken_then_cut())
    outcomes = [one.outcome for one in asyncio.run(send_all())]
    assert outcomes == [Outcome.SENT, Outcome.SENT, Outcome.AMBIGUOUS, Outcome.SENT, Outcome.SENT]
    assert server.keys(C) == [f"m-{number}" for number in range(5)], "each once: what may have arrived is not repeated"
    assert server.lines == 2


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        *((name, Outcome.PERMANENT) for name in ("invalid_auth", "token_revoked", "account_inactive")),
        *((name, Outcome.PERMANENT) for name in ("not_in_channel", "channel_not_found", "is_archived")),
        *((name, Outcome.PERMANENT) for name in ("no_permission", "missing_scope", "msg_too_long")),
        ("restricted_action", Outcome.PERMANENT),
        *((name, Outcome.AMBIGUOUS) for name in ("internal_error", "fatal_error", "service_unavailable")),
        *((name, Outcome.TEMPORARY) for name in ("request_timeout", "an_error_of_next_year")),
    ],
)
def test_what_slack_refuses(server: SlackServer, slack: SlackCaller, name: str, outcome: Outcome) -> None:
    server.script(C, play.error(name))
    receipt = slack.send(C, NOTICE)
    assert receipt.outcome == outcome
    assert name in receipt.detail
    assert not receipt.too_many
    assert not server.posts[C]


@pytest.mark.parametrize(("given", "waits"), [(7, 7.0), ("2.5", 2.5), ("soon", None), ("", None)])
def test_too_many_posts(server: SlackServer, slack: SlackCaller, given: int | str, waits: float | None) -> None:
    server.script(C, play.limited(given))
    receipt = slack.send(C, NOTICE)
    assert (receipt.outcome, receipt.retry_after_s) == (Outcome.TEMPORARY, waits)
    assert receipt.too_many


def test_too_many_posts_said_with_status_200(server: SlackServer, slack: SlackCaller) -> None:
    server.script(C, play.error("ratelimited"))
    receipt = slack.send(C, NOTICE)
    assert (receipt.outcome, receipt.too_many) == (Outcome.TEMPORARY, True)


def test_the_server_enforces_a_rate_for_each_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlackServer(rate_per_s=0.01) as server:
        slack = SlackCaller("xoxb-secret", server.url, timeout_s=5)
        outcomes = [slack.send(channel, NOTICE).outcome for channel in ("C001", "C001", "C002")]
    assert outcomes == [Outcome.SENT, Outcome.TEMPORARY, Outcome.SENT]
    assert server.answers["chat.postMessage", "C001", 429] == 1


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can have it
        slack = SlackCaller("xoxb-secret", f"http://127.0.0.1:{closed.getsockname()[1]}/api/", timeout_s=1)
        receipt = slack.send(C, NOTICE)
        assert slack.look_up(C, "m-1", None) is Trace.LATER
    assert receipt.outcome == Outcome.TEMPORARY
    assert "cannot be reached" in receipt.detail


def test_no_token(server: SlackServer) -> None:
    slack = SlackCaller("", server.url, timeout_s=1)
    receipt = slack.send(C, NOTICE)
    assert (receipt.outcome, slack.look_up(C, "m-1", None)) == (Outcome.PERMANENT, Trace.UNTRACEABLE)
    assert "DUBAN_SLACK_TOKEN" in receipt.detail


def test_a_broken_token_is_not_shown(server: SlackServer) -> None:
    receipt = SlackCaller("xoxb-se\ncret", server.url, timeout_s=1).send(C, NOTICE)
    assert receipt.outcome != Outcome.SENT
    assert "cret" not in receipt.detail


@pytest.mark.parametrize(
    ("act", "arrived"), [(play.taken_then_cut(), True), (play.dropped(), False), (play.malformed(), True)]
)
def test_the_look_up_tells_what_became_of_it(
    server: SlackServer, slack: SlackCaller, act: Act, *, arrived: bool
) -> None:
    server.script(C, act)
    assert slack.send(C, NOTICE).outcome == Outcome.AMBIGUOUS
    slack.send(C, Post("m-2", "another", "one"))
    assert slack.look_up(C, "m-1", None) is (Trace.SENT if arrived else Trace.ABSENT)
    assert slack.look_up("C0OTHER", "m-1", None) is Trace.ABSENT
    assert server.keys(C) == (["m-1", "m-2"] if arrived else ["m-2"])


def test_the_key_of_another_app_is_not_ours(server: SlackServer, slack: SlackCaller) -> None:
    other = WebClient("xoxb-other", base_url=server.url)
    other.proxy = None
    other.chat_postMessage(channel=C, text="x", metadata={"event_type": "other", "event_payload": {"key": "m-1"}})
    other.chat_postMessage(channel=C, text="no metadata")
    assert slack.look_up(C, "m-1", None) is Trace.ABSENT


def test_where_history_cannot_be_read(server: SlackServer, slack: SlackCaller) -> None:
    slack.send(C, NOTICE)
    # What only reads may be asked a second time by the client, on a new line.
    cut = (play.dropped(), play.dropped())
    server.script(C, play.limited(), play.status(500), play.malformed(), *cut, method=play.HISTORY)
    found = [slack.look_up(C, "m-1", None) for _ in range(5)]
    assert found == [Trace.TOO_MANY, Trace.LATER, Trace.LATER, Trace.LATER, Trace.SENT]
    server.unreadable.add(C)
    assert slack.look_up(C, "m-1", None) is Trace.UNTRACEABLE


def test_the_look_up_reads_as_many_pages_as_it_needs(server: SlackServer, slack: SlackCaller) -> None:
    server.page_max = 2
    for number in range(7):
        slack.send(C, Post(f"m-{number}", "s", "b"))
    server.arrived.clear()
    assert slack.look_up(C, "m-3", None) is Trace.SENT
    assert server.arrived == [(play.HISTORY, C)] * 2
    sent_at = dt.datetime.fromtimestamp(float(server.posts[C][4]["ts"]), dt.UTC)
    assert slack.look_up(C, "m-0", sent_at + CLOCKS_DIFFER) is Trace.ABSENT, "it is not looked for before it was sent"
    assert slack.look_up(C, "m-5", sent_at) is Trace.SENT


def test_where_too_much_was_written_since_nobody_can_tell(server: SlackServer, slack: SlackCaller) -> None:
    server.page_max = 1
    for number in range(PAGES + 1):
        server.posts[C].append({"ts": f"{number + 1}.0", "metadata": None})
    assert slack.look_up(C, "m-1", None) is Trace.UNTRACEABLE
    assert len(server.arrived) == PAGES


def test_the_server_updates_a_post(server: SlackServer, slack: SlackCaller) -> None:
    ts = slack.send(C, NOTICE).external_id
    client = WebClient("xoxb-secret", base_url=server.url)
    client.proxy = None
    client.chat_update(channel=C, ts=ts, text="withdrawn")
    assert server.posts[C][0]["text"] == "withdrawn"
    assert slack.look_up(C, "m-1", None) is Trace.SENT
    form = client.api_call("chat.postMessage", data={"channel": C, "text": "as a form"})
    assert form["ok"]


def test_a_text_cannot_call_everybody(server: SlackServer, slack: SlackCaller) -> None:
    slack.send(C, Post("m-1", "a <!channel>", "b <!here> & c"))
    assert "<!" not in server.posts[C][0]["text"]
    assert server.posts[C][0]["blocks"][1]["text"]["text"] == "b &lt;!here&gt; &amp; c"


def _shown(server: SlackServer) -> str:
    sections = [block["text"]["text"] for block in server.posts[C][-1]["blocks"] if block["type"] == "section"]
    return "\n".join(sections)


def test_a_long_text_is_split_between_lines(server: SlackServer, slack: SlackCaller) -> None:
    body = "\n".join(f"第{n}件：按时报送佐证材料。" for n in range(500))
    assert slack.send(C, Post("m-1", "s", body)).outcome == Outcome.SENT
    assert _shown(server) == body


@pytest.mark.parametrize("shift", range(6))
def test_a_split_does_not_cut_an_escape(server: SlackServer, slack: SlackCaller, shift: int) -> None:
    body = "x" * shift + "&" * 1500
    assert slack.send(C, Post("m-1", "s", body)).outcome == Outcome.SENT
    assert all(line.lstrip("x").count("&amp;") * 5 == len(line.lstrip("x")) for line in _shown(server).split("\n"))


def test_a_very_long_text_goes_without_blocks(server: SlackServer, slack: SlackCaller) -> None:
    body = "\n".join(f"第{n}件：按时报送佐证材料。" for n in range(1500))
    assert slack.send(C, Post("m-1", "s", body)).outcome == Outcome.SENT
    assert server.posts[C][0]["blocks"] is None
    assert server.posts[C][0]["text"] == f"s\n{body}"


def test_the_longest_text_says_that_it_is_cut(server: SlackServer, slack: SlackCaller) -> None:
    assert slack.send(C, Post("m-1", "s", "督办<" * 40_000)).outcome == Outcome.SENT
    text = server.posts[C][0]["text"]
    assert text.endswith(CONTINUED)
    assert len(text) <= TEXT_MAX


@pytest.mark.parametrize("subject", ["", "长" * 151])
def test_subjects_that_fit_no_header(server: SlackServer, slack: SlackCaller, subject: str) -> None:
    assert slack.send(C, Post("m-1", subject, "body")).outcome == Outcome.SENT
    assert _shown(server) == f"{subject}\nbody".strip()


def test_nothing_is_logged(server: SlackServer, slack: SlackCaller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(C, play.malformed(), play.dropped(), play.status(500))
    for _ in range(4):
        slack.send(C, NOTICE)
    assert {record.name for record in caplog.records} <= {"asyncio"}, "its loop says of itself that it begins"
