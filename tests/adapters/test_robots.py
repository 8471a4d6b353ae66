"""Group robots refuse with status 200: the real services of Apprise's addresses, answered by a local server."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import apprise.plugins.dingtalk
import apprise.plugins.feishu
import apprise.plugins.lark
import apprise.plugins.wecombot
import pytest

from adapters.channels.apprise_channel import AppriseChannel
from adapters.channels.robots import CONTINUED, bounded
from adapters.channels.types import Outcome, Post, Receipt
from tests.support.robots import lead_here

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"
NOTICE = Post(key="m-1", subject="督办", body="第一行\n第二行")
URLS = {
    "dingtalk": f"dingtalk://{TOKEN}/",
    "wecombot": f"wecombot://{TOKEN}/",
    "feishu": f"feishu://{TOKEN}/",
    "lark": "lark://a1b2c3d4-e5f6-a7b8-c9d0-e1f2a3b4c5d6/",
}


class Service(ThreadingHTTPServer):
    """Takes a post, keeps it, and answers with `answer`, as it is or as JSON."""

    daemon_threads = False

    def __init__(self) -> None:
        self.answer: Any = {}
        self.status = 200
        self.posts: list[tuple[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def answer_to(self, _body: dict[str, Any]) -> Any:
        return self.answer


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append((self.path, body))
        answer = self.server.answer_to(body)
        said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service() as server:
        lead_here(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(url: str, post: Post = NOTICE) -> Receipt:
    return asyncio.run(AppriseChannel(timeout_s=5).send(url, post))


@pytest.mark.parametrize(
    ("kind", "answer", "outcome", "too_many"),
    [
        ("dingtalk", {"errcode": 0, "errmsg": "ok"}, Outcome.SENT, False),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, Outcome.TEMPORARY, True),
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}, Outcome.PERMANENT, False),
        ("dingtalk", {"errcode": -1, "errmsg": "busy"}, Outcome.TEMPORARY, False),
        ("wecombot", {"errcode": 0, "errmsg": "ok"}, Outcome.SENT, False),
        ("wecombot", {"errcode": 45009, "errmsg": "freq out of limit"}, Outcome.TEMPORARY, True),
        ("wecombot", {"errcode": 93000, "errmsg": "invalid webhook url"}, Outcome.PERMANENT, False),
        ("feishu", {"code": 0, "msg": "success"}, Outcome.SENT, False),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}, Outcome.SENT, False),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, Outcome.TEMPORARY, True),
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, Outcome.PERMANENT, False),
        ("lark", {"code": 0, "msg": "success"}, Outcome.SENT, False),
        ("lark", {"code": 19021, "msg": "sign match fail"}, Outcome.PERMANENT, False),
        ("lark", b"<html>", Outcome.AMBIGUOUS, False),
        ("dingtalk", {}, Outcome.AMBIGUOUS, False),
    ],
)
def test_what_counts_is_the_code_in_the_answer(
    service: Service, kind: str, answer: Any, outcome: Outcome, *, too_many: bool
) -> None:
    service.answer = answer
    receipt = send(URLS[kind])
    assert (receipt.outcome, receipt.too_many) == (outcome, too_many)
    assert TOKEN not in receipt.detail
    [(_, body)] = service.posts
    assert "督办\n第一行\n第二行" in (body.get("text") or {}).get("content", body.get("content", {}).get("text", ""))


@pytest.mark.parametrize(
    ("status", "outcome", "too_many"),
    [(429, Outcome.TEMPORARY, True), (404, Outcome.TEMPORARY, False), (502, Outcome.AMBIGUOUS, False)],
)
def test_other_statuses_say_what_they_say(service: Service, status: int, outcome: Outcome, *, too_many: bool) -> None:
    service.status = status
    receipt = send(URLS["wecombot"])
    assert (receipt.outcome, receipt.too_many) == (outcome, too_many)


def test_dingtalk_is_signed_once(service: Service) -> None:
    service.answer = {"errcode": 0}
    assert send(f"dingtalk://SECabcdef@{TOKEN}/13800138000").outcome is Outcome.SENT
    [(path, body)] = service.posts
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    mark = hmac.new(b"SECabcdef", f"{asked['timestamp']}\nSECabcdef".encode(), hashlib.sha256).digest()
    assert asked["sign"] == base64.b64encode(mark).decode()
    assert asked["access_token"] == TOKEN
    assert body["at"] == {"atMobiles": ["13800138000"], "isAtAll": False}


class SigningService(Service):
    """Feishu's check of a robot with a signing secret, as its manual has it."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.secret = secret

    def answer_to(self, body: dict[str, Any]) -> Any:
        key = f"{body.get('timestamp', '')}\n{self.secret}".encode()
        right = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
        in_time = abs(int(body.get("timestamp", "0")) - time.time()) < 3600
        return {"code": 0} if in_time and body.get("sign") == right else {"code": 19021, "msg": "sign match fail"}


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> Iterator[SigningService]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SigningService("Sec+ret/1=") as server:
        here = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(apprise.plugins.feishu.NotifyFeishu, "notify_url", here + "/hook/{token}")
        monkeypatch.setattr(apprise.plugins.lark.NotifyLark, "notify_url", here + "/hook/")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["feishu", "lark"])
@pytest.mark.parametrize(
    ("secret", "outcome"),
    [("Sec%2Bret%2F1%3D@", Outcome.SENT), ("Sec%2Bret@", Outcome.PERMANENT), ("", Outcome.PERMANENT)],
)
def test_feishu_and_lark_are_signed_with_the_secret_before_the_token(
    signing: SigningService, kind: str, secret: str, outcome: Outcome
) -> None:
    receipt = send(URLS[kind].replace("://", f"://{secret}"))
    assert receipt.outcome is outcome
    assert "Sec" not in receipt.detail
    [(path, body)] = signing.posts
    assert "Sec" not in path + json.dumps(body)


def test_a_robot_without_a_secret_is_not_signed(service: Service) -> None:
    service.answer = {"code": 0}
    send(URLS["feishu"])
    [(_, body)] = service.posts
    assert set(body) == {"msg_type", "content"}


def test_a_text_is_cut_by_bytes_and_says_so(service: Service) -> None:
    service.answer = {"errcode": 0}
    send(URLS["wecombot"], Post("k", "督办", "事项" * 1000))
    [(_, body)] = service.posts
    content = body["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith(CONTINUED)
    assert bounded("short", 10) == "short"


def test_nobody_there_is_tried_again(service: Service) -> None:
    service.shutdown()
    service.server_close()
    assert send(URLS["feishu"]).outcome is Outcome.TEMPORARY


def test_no_address_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.answer = {"errcode": 0}
    with caplog.at_level(logging.DEBUG):
        send(URLS["dingtalk"])
    assert TOKEN not in caplog.text
