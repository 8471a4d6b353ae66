"""Slack's buttons: a press that Slack signed signs for what its letter brought, once; nothing else does anything."""

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
from fastapi import FastAPI
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import func, select

from adapters import clock as clocks
from adapters.channels.slack_buttons import SIGN
from adapters.channels.types import Labels, Outcome, Post, Trace
from adapters.database.sessions import forget_engine, transaction
from adapters.language import Language
from adapters.settings import settings
from models.access import IdempotencyKey
from models.assignments.assignment import Assignment, by_refs
from models.assignments.messages import message_about
from models.common.event import Actor, Event, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.delivery.claim import OutgoingLetter
from models.delivery.letter import Letter, RenderedLetter
from models.delivery.outcome import AttemptResult, SendResult, record_outcomes
from models.delivery.signature import letter_of
from models.outbox.message import post
from models.plan.plan import plan_of
from models.plan.unit import Unit, unit_of
from portal.routes import slack as route
from services.assignments import sign_all_of_letter
from services.scope import Scope
from tests.conftest import Clock
from tests.support import slack_server as play
from tests.support.outbox import begin
from tests.support.slack_caller import SlackCaller
from tests.support.slack_server import SlackServer
from tests.support.story import CLERK, Story, moment

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
LINK = "https://duban.example/enter/a-token-that-nobody-may-see"
CHANNELS = {"edu": "CEDU", "finance": "CFINANCE", "office": "COFFICE"}
WANG, LI = "U0WANG", "U0LI"
MINE = ("2022/liaison/edu", "2022/scheme/T1/edu")


@pytest.fixture
def addresses(tmp_path: Path) -> Path:
    file = tmp_path / "addresses.yaml"
    file.write_text("\n".join(f"{unit}: slack:{channel}" for unit, channel in CHANNELS.items()), encoding="utf-8")
    return file


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch, addresses: Path) -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.users = {WANG: "王芳", LI: "李四"}
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SLACK_TOKEN", "xoxb-not-to-be-seen")
        monkeypatch.setenv("DUBAN_SLACK_API_URL", server.url)
        monkeypatch.setenv("DUBAN_SLACK_SIGNING_SECRET", SECRET)
        monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(addresses))
        settings.cache_clear()
        yield server


class Caller:
    """Asks the route alone, without a server around it; comes back when the work after the answer is done too."""

    def __init__(self) -> None:
        app = FastAPI()
        app.include_router(route.router)
        self._transport = httpx.ASGITransport(app)

    def post(self, content: bytes | list[bytes], headers: Any = None) -> httpx.Response:
        """`content` goes as one body of declared length, or in pieces without one."""
        return asyncio.run(self._ask("POST", content, headers))

    def get(self) -> httpx.Response:
        return asyncio.run(self._ask("GET", b"", None))

    async def _ask(self, method: str, content: bytes | list[bytes], headers: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://portal") as client:
            body = content if isinstance(content, bytes) else _pieces(content)
            return await client.request(method, "/slack/interactions", content=body, headers=headers)


async def _pieces(content: list[bytes]) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


@pytest.fixture
def client() -> Caller:
    return Caller()


@pytest.fixture
def opened(story: Story, slack: SlackServer) -> Story:
    """The launch was opened; edu was asked for two things, and was told so in Slack, with both buttons."""
    story.at("2022-11-01")
    story.open("launch")
    send(story)
    story.at("2022-11-02 09:12")
    return story


def words(letter: Letter) -> RenderedLetter:
    return RenderedLetter(f"{letter.recipient.zh}：{len(letter.lines)} 件", "请 <签收> & 办理")


def send(story: Story, write: Callable[[Letter], RenderedLetter] = words) -> None:
    """Deliver what is due, with buttons."""
    with transaction() as session:
        plan = plan_of(session, story.plan)
        begun = begin(session, plan, channel_of=lambda code: "slack" if code in CHANNELS else "mailbox", write=write)
    for letter in begun:
        if letter.channel == "slack":
            send_one(letter)


def send_one(letter: OutgoingLetter) -> None:
    labels = Labels.of(Language.of("zh"))
    one = Post(letter.key, letter.text.subject, letter.text.body, link=LINK, sign=letter.key, labels=labels)
    receipt = client_of().send(CHANNELS[letter.recipient_code], one)
    assert receipt.outcome == Outcome.SENT, receipt
    with transaction() as session:
        assert letter.attempt_id is not None
        ended = AttemptResult(letter.attempt_id, SendResult.SENT, external_id=receipt.external_id)
        record_outcomes(session, [ended], at=clocks.now())


def client_of() -> SlackCaller:
    return SlackCaller("xoxb-not-to-be-seen", settings().slack_api_url, timeout_s=5)


# What Slack does


def pressed(slack: SlackServer, *, under: str = "CEDU", by: str = WANG, **changes: Any) -> bytes:
    """The body that Slack sends when somebody presses *Sign for all* under the channel's last post."""
    shown = slack.posts[under][-1]
    with_ids = [block | {"block_id": f"b{number}"} for number, block in enumerate(shown["blocks"])]
    elements = [one for block in shown["blocks"] for one in block.get("elements", [])]
    found = next((one for one in elements if one.get("action_id") == SIGN), {"action_id": SIGN, "value": "?"})
    payload = {
        "type": "block_actions",
        "user": {"id": by, "username": by.lower(), "name": by.lower(), "team_id": "T1"},
        "api_app_id": "A1",
        "token": "the-old-way",
        "container": {"type": "message", "message_ts": shown["ts"], "channel_id": under, "is_ephemeral": False},
        "trigger_id": "1.2.3",
        "channel": {"id": under, "name": "general"},
        "message": {**shown, "type": "message", "user": "UBOT", "blocks": with_ids},
        "response_url": "https://hooks.slack.example/actions/secret",
        "actions": [{**found, "type": "button", "block_id": "b2", "action_ts": "1.1"}],
    }
    return form(payload | changes)


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def key_of(slack: SlackServer, channel: str = "CEDU") -> str:
    return slack.keys(channel)[-1]


def action(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "button", "block_id": "b", "action_ts": "1.1"} | fields]


def signed(body: bytes, *, secret: str = SECRET, late: float = 0) -> dict[str, str]:
    """The headers, by Slack's client; `late` seconds ago."""
    timestamp = str(int(clocks.now().timestamp() - late))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    assert signature
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }


def sent(client: Caller, body: bytes, **how: Any) -> int:
    response = client.post(body, headers=signed(body, **how))
    assert response.content == b"", "whoever asks learns nothing from the answer"
    return response.status_code


# What came of it


def signatures() -> list[tuple[Any, ...]]:
    """Who signed for what, from where and for whom, from the journal."""
    with transaction() as session:
        rows = session.execute(
            select(Assignment, Event.actor, Event.address, Unit.code)
            .join(Assignment, Assignment.id == Event.assignment_id)
            .outerjoin(Unit, Unit.id == Event.actor_unit_id)
            .where(Event.kind == EventKind.MOVED, Event.status_after == Status.ACKNOWLEDGED)
            .order_by(Event.id)
        )
        return [(row.ref, *who) for row, *who in rows]


def count(of: Any) -> int:
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(of)).one()


def buttons_in(post: dict[str, Any]) -> list[str]:
    return [one["action_id"] for block in post["blocks"] if block["type"] == "actions" for one in block["elements"]]


def notes_in(post: dict[str, Any]) -> list[str]:
    return [one["text"] for block in post["blocks"] if block["type"] == "context" for one in block["elements"]]


@pytest.fixture
def untouched(opened: Story, slack: SlackServer) -> Iterator[None]:
    """Nothing that the test does changes anything, here or in Slack."""
    before = json.dumps(slack.posts["CEDU"]), count(Event), count(IdempotencyKey)
    yield
    assert (json.dumps(slack.posts["CEDU"]), count(Event), count(IdempotencyKey)) == before
    assert not [one for one in slack.answers if one[0] == play.UPDATE]


# The letter


def test_a_letter_has_both_buttons(opened: Story, slack: SlackServer) -> None:
    [letter] = slack.posts["CEDU"]

    assert [block["type"] for block in letter["blocks"]] == ["header", "section", "actions"]
    sign, link = letter["blocks"][-1]["elements"]
    assert (sign["text"]["text"], sign["value"], sign["style"]) == ("全部签收", key_of(slack), "primary")
    assert (link["text"]["text"], link["url"]) == ("打开", LINK)
    assert "url" not in sign
    assert LINK not in letter["text"]


def test_where_there_is_nothing_to_sign_for_a_letter_only_opens(slack: SlackServer) -> None:
    client_of().send("CEDU", Post("k", "s", "b", link=LINK))
    client_of().send("CEDU", Post("k", "s", "", link=LINK, sign="k"))

    assert [buttons_in(post) for post in slack.posts["CEDU"]] == [["open"], [SIGN, "open"]]
    assert slack.posts["CEDU"][0]["blocks"][-1]["elements"][0]["text"]["text"] == "Open"


@pytest.mark.parametrize("link", [LINK, ""])
@pytest.mark.parametrize("subject", ["教育局：500 件", "很长的标题" * 60])
def test_an_over_long_letter_keeps_its_buttons(slack: SlackServer, link: str, subject: str) -> None:
    body = "\n".join(f"第{n}件：按时报送佐证材料 & <其他>。" for n in range(3000))
    labels = Labels.of(Language.of("zh"))

    assert (
        client_of().send("CEDU", Post("k", subject, body, link=link, sign="k", labels=labels)).outcome == Outcome.SENT
    )

    [post] = slack.posts["CEDU"]
    assert buttons_in(post) == [SIGN, *(["open"] if link else [])]
    [section] = [block["text"]["text"] for block in post["blocks"] if block["type"] == "section"]
    first = section if len(subject) <= 150 else section.removeprefix(f"{subject}\n")
    assert first.startswith("第0件：按时报送佐证材料 &amp; &lt;其他&gt;。\n第1件")
    assert section.endswith("（内容过长，此处截断；请点“打开”查看全文）" if link else "in Duban）")
    assert len(pressed(slack)) < route.BODY_MAX


def test_the_longest_letter_can_be_pressed(slack: SlackServer) -> None:
    client_of().send("CEDU", Post("k" * 32, "题" * 150, "办" * 9_850, link=LINK, sign="k" * 32))

    assert len(slack.posts["CEDU"][0]["blocks"]) > 4, "it goes in full"
    as_text = quote_plus(json.dumps(slack.posts["CEDU"][0], ensure_ascii=False))
    assert max(len(pressed(slack)), len(as_text) + 10_000) < route.BODY_MAX


def test_the_link_is_not_shown() -> None:
    assert LINK not in repr(Post("k", "s", "b", link=LINK))


# A press


def test_a_press_signs_for_all(opened: Story, slack: SlackServer, client: Caller) -> None:
    before = slack.posts["CEDU"][0]["blocks"]

    assert sent(client, pressed(slack)) == 200

    assert signatures() == [(ref, "王芳", "slack:U0WANG", "edu") for ref in MINE]
    [letter] = slack.posts["CEDU"]
    assert letter["blocks"][:2] == before[:2]
    assert [block["type"] for block in letter["blocks"]] == ["header", "section", "context", "actions"]
    assert notes_in(letter) == ["已签收 2 件 · 王芳 · 2022-11-02 09:12"]
    assert letter["blocks"][-1]["elements"] == before[-1]["elements"][1:]
    assert "已签收 2 件" in letter["text"]
    assert "请 &lt;签收&gt; &amp; 办理" in letter["text"]
    assert client_of().look_up("CEDU", key_of(slack), None) is Trace.SENT, "it can still be looked up"
    assert slack.tokens == {"xoxb-not-to-be-seen"}


def test_the_signature_is_the_one_that_slack_documents(opened: Story, slack: SlackServer, client: Caller) -> None:
    body = pressed(slack)
    timestamp = str(int(clocks.now().timestamp()))
    mac = hmac.new(SECRET.encode(), b":".join((b"v0", timestamp.encode(), body)), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={mac}"}

    assert client.post(body, headers=headers).status_code == 200
    assert len(signatures()) == 2


@pytest.mark.parametrize("late", [-299, 299])
def test_a_clock_may_be_a_little_off(opened: Story, slack: SlackServer, client: Caller, late: float) -> None:
    assert sent(client, pressed(slack), late=late) == 200
    assert len(signatures()) == 2


@pytest.mark.usefixtures("untouched")
class TestRefused:
    @pytest.mark.parametrize(
        "how", [{"secret": "0" * 32}, {"late": 360}, {"late": -360}], ids=["wrong secret", "old", "from the future"]
    )
    def test_what_slack_did_not_sign_now(self, slack: SlackServer, client: Caller, how: dict[str, Any]) -> None:
        assert sent(client, pressed(slack), **how) == 401

    def test_a_tampered_body(self, slack: SlackServer, client: Caller) -> None:
        body = pressed(slack)
        for other in (body.replace(b"U0WANG", b"U0LIAN"), body + b"&x=1", body + b"\xff", b""):
            assert client.post(other, headers=signed(body)).status_code == 401

    def test_headers_that_are_none(self, slack: SlackServer, client: Caller) -> None:
        body = pressed(slack)
        good = signed(body)
        now, signature = good["X-Slack-Request-Timestamp"], good["X-Slack-Signature"]
        for timestamp, one in [
            *((wrong, signature) for wrong in ("", "soon", f"-{now}", f" {now}0", "1e9", "9" * 5000, "²", f"{now}.0")),
            *((now, wrong) for wrong in ("", "v0=", signature[:-1], signature.upper(), signature[3:], "v0=é" * 16)),
        ]:
            headers = [(b"X-Slack-Request-Timestamp", timestamp.encode()), (b"X-Slack-Signature", one.encode())]
            assert client.post(body, headers=httpx.Headers(headers)).status_code == 401
        assert client.post(body).status_code == 401

    def test_too_much(self, slack: SlackServer, client: Caller) -> None:
        body = pressed(slack) + b"&x=" + b"x" * route.BODY_MAX
        assert sent(client, body) == 413
        assert client.post([body[:1000], body[1000:]], headers=signed(body)).status_code == 413

    @pytest.mark.parametrize("change", ["channel", "unit's address", "mailbox", "nobody"])
    def test_another_channel(
        self, slack: SlackServer, client: Caller, addresses: Path, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        body = pressed(slack)
        if change == "channel":
            body = pressed(slack, under="CFINANCE", actions=action(action_id=SIGN, value=key_of(slack)))
        elif change == "nobody":
            monkeypatch.delenv("DUBAN_ADDRESSES_FILE")
            settings.cache_clear()
        else:
            addresses.write_text("edu: mailbox" if change == "mailbox" else "edu: slack:CNEW", encoding="utf-8")
        assert sent(client, body) == 404

    @pytest.mark.parametrize("key", ["", "0" * 32, "k' OR '1'='1", "教育局", "a\nb", "\x01\x7f\u202e", "k" * 3000])
    def test_an_unknown_letter(self, slack: SlackServer, client: Caller, key: str) -> None:
        assert sent(client, pressed(slack, actions=action(action_id=SIGN, value=key))) == 404

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"payload=",
            b"payload=%7B",
            b"x=1",
            b"payload=" + b"[" * 100_000,
            form({"type": "block_actions"}),
            form({"type": "block_actions", "actions": [{"action_id": SIGN}]}),
            b"&".join(b"x=1" for _ in range(1000)),
        ],
    )
    def test_what_cannot_be_read(self, client: Caller, body: bytes) -> None:
        assert sent(client, body) == 400

    @pytest.mark.parametrize(
        "changes",
        [
            {"user": {"id": "nobody"}},
            {"user": {"id": "U1 or 1=1"}},
            {"channel": None},
            {"channel": {"id": "../x"}},
            {"message": {"ts": "now", "blocks": []}},
            {"message": None},
            {"actions": action(action_id=SIGN, value="\x00")},
            {"actions": action(action_id=SIGN, value=f"{'0' * 31}\x00")},
            {"user": {"id": "U1\x00"}},
            {"message": {"ts": "1.1\x00", "blocks": []}},
        ],
    )
    def test_a_press_that_says_too_little(self, slack: SlackServer, client: Caller, changes: dict[str, Any]) -> None:
        assert sent(client, pressed(slack, **changes)) == 400

    @pytest.mark.parametrize(
        "changes",
        [
            {"actions": action(action_id="open", url=LINK)},
            {"actions": action(action_id="something_new")},
            {"actions": []},
            {"type": "view_submission"},
            {"type": None},
        ],
    )
    def test_everything_else_is_taken_and_does_nothing(
        self, slack: SlackServer, client: Caller, changes: dict[str, Any]
    ) -> None:
        assert sent(client, pressed(slack, **changes)) == 200
        assert sent(client, form([1])) == 200

    @pytest.mark.parametrize("secret", [None, "", " "])
    def test_without_a_secret_there_is_no_such_page(
        self, slack: SlackServer, client: Caller, monkeypatch: pytest.MonkeyPatch, secret: str | None
    ) -> None:
        body = pressed(slack)
        if secret is None:
            monkeypatch.delenv("DUBAN_SLACK_SIGNING_SECRET")
        else:
            monkeypatch.setenv("DUBAN_SLACK_SIGNING_SECRET", secret)
        settings.cache_clear()
        assert sent(client, body) == 404

    def test_only_post(self, client: Caller) -> None:
        assert client.get().status_code == 405

    def test_a_refused_press_is_not_spent(self, slack: SlackServer, client: Caller, addresses: Path) -> None:
        kept = addresses.read_text(encoding="utf-8")
        addresses.write_text("edu: mailbox", encoding="utf-8")
        body = pressed(slack)
        assert [sent(client, body), sent(client, body)] == [404, 404]
        addresses.write_text(kept, encoding="utf-8")


def test_a_replay_changes_nothing(opened: Story, slack: SlackServer, client: Caller) -> None:
    body = pressed(slack)
    headers = signed(body)

    statuses = [client.post(body, headers=headers).status_code for _ in range(3)]

    assert statuses == [200, 409, 409]
    assert (len(signatures()), count(IdempotencyKey)) == (2, 1)
    assert slack.answers[play.UPDATE, "CEDU", 200] == 1


def test_of_two_replays_at_once_one_signs(opened: Story, slack: SlackServer, client: Caller) -> None:
    body = pressed(slack)
    headers = signed(body)

    with ThreadPoolExecutor(4) as pool:
        statuses = [one.status_code for one in pool.map(lambda _: client.post(body, headers=headers), range(4))]

    assert sorted(statuses) == [200, 409, 409, 409]
    assert len(signatures()) == 2


def test_a_second_press_says_who_signed_first(opened: Story, slack: SlackServer, client: Caller, clock: Clock) -> None:
    first, second = pressed(slack), pressed(slack, by=LI)
    assert sent(client, first) == 200
    after_first = json.dumps(slack.posts["CEDU"])
    clock.set(moment("2022-11-02 09:20"))

    assert sent(client, second) == 200

    assert [one[1] for one in signatures()] == ["王芳", "王芳"]
    assert json.dumps(slack.posts["CEDU"]) == after_first
    assert slack.answers[play.UPDATE, "CEDU", 200] == 2


def test_two_who_press_at_once(opened: Story, slack: SlackServer, client: Caller) -> None:
    bodies = [pressed(slack, by=user) for user in (WANG, LI)]

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda body: sent(client, body), bodies))

    assert statuses == [200, 200]
    assert sorted(one[0] for one in signatures()) == sorted(MINE)
    assert len({one[1] for one in signatures()}) == 1
    assert notes_in(slack.posts["CEDU"][0])[0].startswith(f"已签收 2 件 · {signatures()[0][1]}")


def test_a_press_after_the_message_was_updated(opened: Story, slack: SlackServer, client: Caller) -> None:
    assert sent(client, pressed(slack)) == 200
    assert sent(client, pressed(slack, by=LI, actions=action(action_id=SIGN, value=key_of(slack)))) == 200

    assert len(notes_in(slack.posts["CEDU"][0])) == 1


def test_what_was_signed_for_before_is_told_apart(opened: Story, slack: SlackServer, client: Caller) -> None:
    opened.at("2022-11-01 15:00")
    opened.submit(MINE[0])
    opened.at("2022-11-02 09:12")

    assert sent(client, pressed(slack)) == 200

    assert [one[0] for one in signatures()] == [MINE[1]]
    assert notes_in(slack.posts["CEDU"][0]) == [
        f"已签收 1 件 · {CLERK} · 2022-11-01 15:00",
        "已签收 1 件 · 王芳 · 2022-11-02 09:12",
    ]


def test_other_units_and_later_work_are_not_signed_for(opened: Story, slack: SlackServer, client: Caller) -> None:
    late = issue_late(opened, slack)

    assert sent(client, pressed(slack)) == 200

    assert [one[0] for one in signatures()] == list(MINE)
    assert opened.row(late).status == Status.ISSUED
    assert opened.row("2022/liaison/finance").status == Status.ISSUED


def test_a_letter_about_one_assignment_signs_for_that_one(opened: Story, slack: SlackServer, client: Caller) -> None:
    late = issue_late(opened, slack)
    with transaction() as session:
        plan = plan_of(session, opened.plan)
        row = by_refs(session, plan, [late])[0]
        post(session, plan, [message_about(row, MessageKind.ISSUED, row.unit_id, clocks.now())])
    send(opened)

    assert sent(client, pressed(slack)) == 200

    assert [one[0] for one in signatures()] == [late]
    assert notes_in(slack.posts["CEDU"][-1]) == ["已签收 1 件 · 王芳 · 2022-11-02 09:12"]
    assert buttons_in(slack.posts["CEDU"][0]) == [SIGN, "open"], "the other letter waits"


def issue_late(story: Story, slack: SlackServer) -> str:
    """One more requirement of the same phase for edu, handed out after the letter was written."""
    with transaction() as session:
        plan = plan_of(session, story.plan)
        like = by_refs(session, plan, ["2022/scheme/S1/finance"])[0]
        columns = [column.name for column in Assignment.__table__.columns if column.name not in {"id", "unit_id"}]
        row = Assignment(unit_id=unit_of(session, plan.id, "edu").id, **{name: getattr(like, name) for name in columns})
        session.add(row)
        session.flush()
        record(
            session,
            EventKind.ISSUED,
            Actor("duban"),
            clocks.now(),
            plan_id=plan.id,
            assignment_id=row.id,
            status_after=Status.ISSUED,
            due_after=row.due_on,
        )
    return "2022/scheme/S1/edu"


def test_a_letter_with_nothing_to_sign_for(opened: Story, slack: SlackServer, client: Caller) -> None:
    opened.submit(MINE[0])
    send(opened)
    assert slack.posts["COFFICE"], "something came in"

    assert sent(client, pressed(slack, under="COFFICE")) == 200

    assert signatures() == []
    assert notes_in(slack.posts["COFFICE"][-1]) == ["此处没有需要签收的交办件。"]
    assert buttons_in(slack.posts["COFFICE"][-1]) == ["open"]


def test_what_is_no_longer_asked_is_not_signed_for(opened: Story, slack: SlackServer, client: Caller) -> None:
    for ref in MINE:
        opened.waive(ref)

    assert sent(client, pressed(slack)) == 200

    assert signatures() == []
    assert notes_in(slack.posts["CEDU"][0]) == ["此处没有需要签收的交办件。"]


def test_the_counts(opened: Story, slack: SlackServer) -> None:
    opened.sign(MINE[0])
    with transaction() as session:
        letter = letter_of(session, key_of(slack))
        actor = Actor("王芳", letter.unit.id, address="slack:U1")
        first, second = (
            sign_all_of_letter(Scope(letter.plan.code, actor, clocks.now(), session), letter) for _ in range(2)
        )

    assert (first.now, first.before, second.now, second.before) == (1, 1, 0, 2)
    assert (first.unit_code, first.unit_name.zh) == ("edu", "教育局")
    assert {one.name: one.count for one in second.signatures} == {CLERK: 1, "王芳": 1}


def test_a_letter_that_was_tried_twice_is_one_letter(
    story: Story, slack: SlackServer, client: Caller, clock: Clock
) -> None:
    story.at("2022-11-01")
    story.open("launch")
    with transaction() as session:
        plan = plan_of(session, story.plan)
        edu = unit_of(session, plan.id, "edu").id
        [letter] = begin(session, plan, channel_of=lambda _: "slack", units=[edu])
    with transaction() as session:
        assert letter.attempt_id is not None
        record_outcomes(session, [AttemptResult(letter.attempt_id, SendResult.TEMPORARY)], at=clocks.now())
    clock.set(clocks.now() + dt.timedelta(hours=1))
    send(story)

    assert sent(client, pressed(slack)) == 200
    assert len(signatures()) == 2


def test_an_over_long_letter_is_signed_for(story: Story, slack: SlackServer, client: Caller) -> None:
    story.at("2022-11-01")
    story.open("launch")
    send(story, lambda _: RenderedLetter("很长", "\n".join(f"第{n}件：按时报送佐证材料。" for n in range(3000))))

    assert sent(client, pressed(slack)) == 200

    assert len(signatures()) == 2
    assert notes_in(slack.posts["CEDU"][0]) == ["已签收 2 件 · 王芳 · 2022-11-01 09:00"]
    assert len(pressed(slack)) < route.BODY_MAX


# Names


@pytest.mark.parametrize(
    ("real", "journal"),
    [
        ("<!channel> & *王*", "<!channel> & *王*"),
        ("王\x00芳\u202e\u200b", "王芳"),
        ("  王 \n\t 芳 ", "王 芳"),
        ("名" * 200, "名" * 80),
        ("{count} {0.x} %s", "{count} {0.x} %s"),
        ("\u200b", "u0wang"),
        (None, "u0wang"),
    ],
)
def test_a_name_is_only_a_name(
    opened: Story, slack: SlackServer, client: Caller, real: str | None, journal: str
) -> None:
    slack.users = {} if real is None else {WANG: real}

    assert sent(client, pressed(slack)) == 200

    assert [one[1] for one in signatures()] == [journal, journal]
    [letter] = slack.posts["CEDU"]
    [context] = [block for block in letter["blocks"] if block["type"] == "context"]
    assert [one["type"] for one in context["elements"]] == ["plain_text"], "in mrkdwn it could call everybody"
    assert notes_in(letter) == [f"已签收 2 件 · {journal} · 2022-11-02 09:12"]
    assert "<!" not in letter["text"]


def test_a_name_holds_nothing_that_no_text_may_hold(opened: Story, slack: SlackServer, client: Caller) -> None:
    slack.script(WANG, *[play.error("missing_scope")] * 2, method=play.USER)
    odd = {"id": WANG, "name": "王\x00芳\x1b\u202e", "username": "w\x00"}
    assert sent(client, pressed(slack, user=odd)) == 200
    assert {name for _, name, _, _ in signatures()} == {"王芳"}


@pytest.mark.parametrize("act", [play.error("missing_scope"), play.limited(), play.malformed(), play.dropped()])
def test_without_a_name_from_slack_its_user_name_is_taken(
    opened: Story, slack: SlackServer, client: Caller, act: play.Act
) -> None:
    slack.script(WANG, act, act, method=play.USER)  # what only reads may be asked again on a new line
    assert sent(client, pressed(slack)) == 200
    assert {one[1] for one in signatures()} == {"u0wang"}


def test_somebody_without_any_name(opened: Story, slack: SlackServer, client: Caller) -> None:
    slack.users = {}
    assert sent(client, pressed(slack, user={"id": WANG})) == 200
    assert {one[1] for one in signatures()} == {WANG}


def test_in_english(opened: Story, slack: SlackServer, client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_LANGUAGE", "en")
    settings.cache_clear()
    assert sent(client, pressed(slack)) == 200
    assert notes_in(slack.posts["CEDU"][0]) == ["2 items signed for · 王芳 · 2022-11-02 09:12"]


# When something fails


@pytest.mark.parametrize(
    "act", [play.status(500), play.limited(), play.error("message_not_found"), play.dropped(), play.malformed()]
)
def test_a_failing_update_is_no_error_to_slack(
    opened: Story, slack: SlackServer, client: Caller, caplog: pytest.LogCaptureFixture, act: play.Act
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.script("CEDU", act, method=play.UPDATE)

    assert sent(client, pressed(slack)) == 200

    assert len(signatures()) == 2
    assert "does not show that it was signed for" in caplog.text
    assert_discreet(caplog, slack)


def test_blocks_that_nobody_expects(
    opened: Story, slack: SlackServer, client: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    message = {"ts": slack.posts["CEDU"][0]["ts"], "blocks": [{"type": "actions", "elements": [None]}]}
    assert sent(client, pressed(slack, message=message)) == 200
    assert "AttributeError" in caplog.text
    assert_discreet(caplog, slack)


def test_without_a_token_it_still_signs(
    opened: Story, slack: SlackServer, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUBAN_SLACK_TOKEN")
    settings.cache_clear()
    assert sent(client, pressed(slack)) == 200
    assert {one[1] for one in signatures()} == {"u0wang"}


def test_without_a_database_nothing_is_given_away(
    opened: Story,
    slack: SlackServer,
    client: Caller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    body = pressed(slack)
    address = settings().database_url
    monkeypatch.setenv("DUBAN_DATABASE_URL", "postgresql://duban:pass-not-to-be-seen@127.0.0.1:1/duban")
    settings.cache_clear()
    forget_engine()
    assert sent(client, body) == 500
    assert address
    monkeypatch.setenv("DUBAN_DATABASE_URL", address)
    settings.cache_clear()
    forget_engine()

    assert "OperationalError" in caplog.text
    assert_discreet(caplog, slack)
    assert sent(client, body) == 200, "what failed may be sent again"


def test_a_broken_file_of_addresses(
    opened: Story, slack: SlackServer, client: Caller, addresses: Path, caplog: pytest.LogCaptureFixture
) -> None:
    addresses.write_text("edu: [", encoding="utf-8")
    assert sent(client, pressed(slack)) == 500
    assert signatures() == []
    assert_discreet(caplog, slack)


def test_refusals_are_logged_without_what_was_sent(
    opened: Story, slack: SlackServer, client: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent(client, pressed(slack), secret="x")
    sent(client, pressed(slack, actions=action(action_id=SIGN, value="k-not-to-be-seen")))
    sent(client, pressed(slack, user={"id": "u-not-to-be-seen"}))

    assert caplog.text.count("was refused") == 3
    assert_discreet(caplog, slack)


def assert_discreet(caplog: pytest.LogCaptureFixture, slack: SlackServer) -> None:
    """No trace, and nothing that is not for everybody's eyes."""
    assert not [one for one in caplog.records if one.exc_info]
    for hidden in ("Traceback", "not-to-be-seen", SECRET, "a-token-that", "the-old-way", key_of(slack), "v0="):
        assert hidden not in caplog.text
