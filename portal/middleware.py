"""Runs before every page: limits before anything is read, headers on every answer, and a log without secrets."""

import logging
import time
from typing import Any

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.language import N_
from adapters.settings import settings
from models.common.errors import DubanError
from portal.context import CAPABILITIES, COOKIE, address_of, is_known, page

MIB = 1024 * 1024
FORM_BYTES = 256 * 1024
UPLOADS = ("/hand-in", "/readings/import")
TOO_LARGE, TOO_MANY = 413, 429
_DIGITS = 19  # digits of Content-Length; any longer number is too large

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
log = logging.getLogger("duban.portal")


class TooLargeError(DubanError):
    """More was sent than this page takes."""


class RequestGuard:
    """The outermost layer. Counts live in this process: the limits are for one portal, not for a farm of them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pages = RateLimitItemPerMinute(settings().requests_per_minute)
        self._entries = RateLimitItemPerMinute(settings().entries_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        try:
            await self._answer(Request(scope), receive, answer.send)
        finally:
            answer.log()

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        if not self._may_ask(request):
            refused = DubanError(N_("too many requests; wait a minute and try again"))
            await page(request, "problem.html", status=TOO_MANY, refused=refused)(request.scope, receive, send)
        elif _declared(request) > _most_bytes(request):
            await _too_large(request)(request.scope, receive, send)
        else:
            try:
                await self.app(request.scope, _bounded(receive, _most_bytes(request)), send)
            finally:
                self._charge(request)

    def _may_ask(self, request: Request) -> bool:
        """Limits by link, by web session and by address. People who share an address are counted by their sessions."""
        path, who = request.url.path, address_of(request)
        if path.startswith("/static/"):
            return True
        if path.startswith(CAPABILITIES) and not self._may_open(path, who):
            return False
        stay = request.cookies.get(COOKIE)
        if stay is None:
            return self._hit(self._pages, "address", who)
        return self._limiter.test(self._pages, "address", who) and self._hit(self._pages, "stay", stay)

    def _may_open(self, path: str, who: str) -> bool:
        return self._hit(self._entries, "entry", who) and self._hit(self._entries, "link", path)

    def _charge(self, request: Request) -> None:
        """A cookie without a valid session counts as none: anybody can invent a new one for each request."""
        if COOKIE in request.cookies and not is_known(request):
            self._hit(self._pages, "address", address_of(request))

    def _hit(self, limit: RateLimitItem, *identifiers: str) -> bool:
        return self._limiter.hit(limit, *identifiers)


class _Answer:
    """Adds the headers on the way out, and remembers what the log says."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._started = time.monotonic()
        self._status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            is_static = self._scope["path"].startswith("/static/")
            headers.setdefault("Cache-Control", "public, max-age=3600" if is_static else "no-store")
        await self._send(message)

    def log(self) -> None:
        """By the route's pattern: the address itself may hold a token."""
        route: Any = self._scope.get("route")
        took_ms = (time.monotonic() - self._started) * 1000
        pattern = getattr(route, "path", "-")
        log.info("%s %s %s %.0f ms", self._scope["method"], pattern, self._status, took_ms)


def _most_bytes(request: Request) -> int:
    return settings().upload_max_mb * MIB if request.url.path.startswith(UPLOADS) else FORM_BYTES


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length[:_DIGITS]) if length.isdecimal() else 0


def _bounded(receive: Receive, most: int) -> Receive:
    """Counts what comes in without a declared length, and stops there."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise TooLargeError(N_("too much was sent at once; at most {limit} are accepted"), limit=_readable(most))
        return message

    return bounded


def _too_large(request: Request) -> Any:
    template = N_("too much was sent at once; at most {limit} are accepted")
    refused = TooLargeError(template, limit=_readable(_most_bytes(request)))
    return page(request, "problem.html", status=TOO_LARGE, refused=refused)


def _readable(size: int) -> str:
    return f"{size // MIB} MB" if size >= MIB else f"{size // 1024} KB"
