"""A local server that speaks the part of Slack's Web API that Duban uses, and misbehaves on demand."""

import dataclasses
import json
import math
import socket
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

POST = "chat.postMessage"
UPDATE = "chat.update"
HISTORY = "conversations.history"
USER = "users.info"


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    """How the server treats one request: whether it takes it, and what the client then sees."""

    take: bool = True
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # None: the answer that Slack would give
    line: Literal["answer", "cut", "silent"] = "answer"
    seconds: float = 0.0  # of silence


def ok() -> Act:
    return Act()


def limited(retry_after: int | str = 1) -> Act:
    body = b'{"ok":false,"error":"ratelimited"}'
    return Act(take=False, status=429, headers=(("Retry-After", str(retry_after)),), body=body)


def status(code: int, *, take: bool = False) -> Act:
    return Act(take=take, status=code, body=b"<html>upstream error</html>")


def error(name: str) -> Act:
    return Act(take=False, body=json.dumps({"ok": False, "error": name}).encode())


def malformed(body: bytes = b'{"ok":tr', *, take: bool = True) -> Act:
    return Act(take=take, body=body)


def dropped() -> Act:
    """The line is reset before the post is taken."""
    return Act(take=False, line="cut")


def taken_then_cut() -> Act:
    return Act(line="cut")


def taken_then_silent(seconds: float = 30.0) -> Act:
    """No answer for so long, or until the server stops; then the line is closed."""
    return Act(line="silent", seconds=seconds)


class SlackServer:
    """`with SlackServer() as slack:` runs it; `slack.url` is the base URL for the client.

    `posts[channel]` is what arrived, oldest first; `answers` counts (method, channel, status), status 0
    where no answer was given. `rate_per_s` enforces that many posts a second for each channel.
    Channels in `archived` take nothing more, and with `revoked` no channel does; a page of history has at most
    `page_max` posts. `arrived` is what was asked of it, in order: (method, channel).
    `users` are the names that Slack knows, by id; what is asked about a user counts as its channel.
    """

    def __init__(self, rate_per_s: float | None = None) -> None:
        self.rate_per_s = rate_per_s
        self.posts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.arrived: list[tuple[str, str]] = []
        self.unreadable: set[str] = set()  # channels whose history is refused
        self.archived: set[str] = set()
        self.revoked = False
        self.lines = 0  # that were opened to it
        self.page_max = 999
        self.users: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.stopping = threading.Event()
        self._scripts: dict[tuple[str, str], deque[Act]] = defaultdict(deque)
        self._taken_at: dict[str, float] = {}
        self._ts = 0
        self._lock = threading.Lock()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="slack-server")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/api/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def script(self, channel: str, *acts: Act, method: str = POST) -> None:
        """Treat the channel's next requests like this, one act each; afterwards all is well again."""
        with self._lock:
            self._scripts[method, channel].extend(acts)

    def keys(self, channel: str) -> list[str]:
        """The keys in the metadata of what arrived, oldest first."""
        return [post["metadata"]["event_payload"]["key"] for post in self.posts[channel] if post["metadata"]]

    def handle(self, method: str, fields: dict[str, Any], token: str) -> tuple[Act, bytes]:
        """Decide on one request, in the order in which Slack would."""
        channel = str(fields.get("channel") or fields.get("user") or "")
        with self._lock:
            self.tokens.add(token)
            self.arrived.append((method, channel))
            script = self._scripts[method, channel]
            act = script.popleft() if script else self._over_the_limit(method, channel) or ok()
            body = act.body
            if act.take:
                answer = self._answer(method, channel, fields)
                body = json.dumps(answer).encode() if body is None else body
            self.answers[method, channel, act.status if act.line == "answer" else 0] += 1
        return act, body or b""

    def _over_the_limit(self, method: str, channel: str) -> Act | None:
        if self.rate_per_s is None or method != POST:
            return None
        now = time.monotonic()
        wait = self._taken_at.get(channel, float("-inf")) + 1 / self.rate_per_s - now
        if wait > 0:
            return limited(math.ceil(wait))
        self._taken_at[channel] = now
        return None

    def _answer(self, method: str, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
        if self.revoked or not channel:
            return {"ok": False, "error": "token_revoked" if self.revoked else "channel_not_found"}
        match method:
            case "chat.postMessage":
                return self._post(channel, fields)
            case "chat.update":
                return self._update(channel, fields)
            case "conversations.history":
                return self._history(channel, fields)
            case "users.info":
                return self._user(channel)
        return {"ok": False, "error": "unknown_method"}

    def _post(self, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
        wrong = "is_archived" if channel in self.archived else _too_much(fields)
        if wrong:
            return {"ok": False, "error": wrong}
        self._ts += 1
        ts = f"{1_700_000_000 + self._ts}.000100"
        post = {name: fields.get(name) for name in ("text", "blocks", "metadata", "unfurl_links", "unfurl_media")}
        self.posts[channel].append({"type": "message", "ts": ts, **post})
        return {"ok": True, "channel": channel, "ts": ts, "message": {"text": post["text"], "ts": ts}}

    def _update(self, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
        wrong = _too_much(fields)
        if wrong:
            return {"ok": False, "error": wrong}
        for post in self.posts[channel]:
            if post["ts"] == fields.get("ts"):
                # As Slack does: a new text takes the old blocks away, and the metadata stays.
                post.update({"text": fields.get("text"), "blocks": fields.get("blocks")})
                post.update({"metadata": fields["metadata"]} if "metadata" in fields else {})
                return {"ok": True, "channel": channel, "ts": post["ts"], "text": post["text"]}
        return {"ok": False, "error": "message_not_found"}

    def _user(self, user: str) -> dict[str, Any]:
        if user not in self.users:
            return {"ok": False, "error": "user_not_found"}
        profile = {"real_name": self.users[user], "display_name": f"the {self.users[user]}"}
        return {"ok": True, "user": {"id": user, "name": user.lower(), "profile": profile}}

    def _history(self, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
        if channel in self.unreadable:
            return {"ok": False, "error": "missing_scope", "needed": "channels:history"}
        limit = min(int(fields.get("limit") or 100), self.page_max)
        oldest, start = float(fields.get("oldest") or 0), int(fields.get("cursor") or 0)
        newest = [post for post in self.posts[channel][::-1] if float(post["ts"]) > oldest][start:]
        # As Slack does: metadata only for those who ask for it.
        hidden = set() if str(fields.get("include_all_metadata")) in {"1", "true", "True"} else {"metadata"}
        messages = [{k: v for k, v in post.items() if k not in hidden} for post in newest[:limit]]
        has_more = len(newest) > limit
        following = {"next_cursor": str(start + limit) if has_more else ""}
        return {"ok": True, "messages": messages, "has_more": has_more, "response_metadata": following}


def _too_much(fields: dict[str, Any]) -> str | None:
    """Slack's limits on one message, the undocumented one on all blocks together included."""
    blocks = fields.get("blocks") or []
    texts = [(block["type"], block["text"]["text"]) for block in blocks if "text" in block]
    limits = {"header": 150, "section": 3000}
    if len(blocks) > 50 or any(not 0 < len(text) <= limits[kind] for kind, text in texts):
        return "invalid_blocks"
    if sum(len(text) for _, text in texts) > 11_000:
        return "msg_blocks_too_long"
    elements = [one for block in blocks for one in block.get("elements", [])]
    if any(not 0 < len(block.get("elements", ["-"])) <= 10 for block in blocks) or not all(map(_fits, elements)):
        return "invalid_blocks"
    if not fields.get("text") and not blocks:
        return "no_text"
    return "msg_too_long" if len(fields.get("text") or "") > 40_000 else None


def _fits(element: dict[str, Any]) -> bool:
    if element["type"] != "button":
        return 0 < len(element["text"]) <= 3000
    parts = ((element["text"]["text"], 75), (element.get("value", "-"), 2000), (element.get("url", "https://-"), 3000))
    return all(0 < len(part) <= limit for part, limit in parts) and element.get("url", "https://").startswith("http")


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # so that closing the server waits for them and leaks no socket
    request_queue_size = 1024

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> Any:
        self.slack.lines += 1
        return super().get_request()

    def shutdown_request(self, request: Any) -> None:
        # Without the polite end that the base class sends first, which would hide a reset.
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    timeout = 30
    protocol_version = "HTTP/1.1"  # as Slack: the line stays open for the next request

    def do_POST(self) -> None:
        target = urlsplit(self.path)
        fields = dict(parse_qsl(target.query)) | self._body()
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        act, body = self.server.slack.handle(target.path.rpartition("/")[2], fields, token)
        self.close_connection |= act.line != "answer"
        if act.line == "cut":
            # With no time to linger, closing sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif act.line == "silent":
            self.server.slack.stopping.wait(act.seconds)
        else:
            self._reply(act, body)

    do_GET = do_POST  # noqa: N815 - the base class's name

    def _body(self) -> dict[str, Any]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "json" in self.headers.get("Content-Type", ""):
            return dict(json.loads(raw or "{}"))
        form: dict[str, Any] = dict(parse_qsl(raw))
        return form | {name: json.loads(form[name]) for name in ("blocks", "metadata") if form.get(name)}

    def _reply(self, act: Act, body: bytes) -> None:
        self.send_response(act.status)
        for name, value in act.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent: pytest shows what matters."""
