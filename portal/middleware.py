"""Runs before every page: limits before anything is read, headers on every answer, and logs without secrets."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Hashable
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

from cachetools import TTLCache
from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.language import N_
from adapters.settings import settings
from models.access import WEB_SESSION_LASTS
from models.common.errors import DubanError
from portal import cookies, security_log
from portal.addresses import neighbourhood
from portal.context import CAPABILITIES, address_of, known_as, may_come_in, page
from portal.turns import Turns

MIB = 1024 * 1024
FORM_BYTES = 256 * 1024
UPLOADS = ("/hand-in", "/readings/import", "/people/import")
HEALTH = "/health"
# What is sent there by whoever has not come in; everybody else is asked for their cookie before what they send is read.
STRANGERS = "strangers"
OPEN_TO_STRANGERS = (*CAPABILITIES, "/slack/")
WITHOUT_STAY, TOO_SLOW, TOO_LARGE, TOO_MANY, BAD = 401, 408, 413, 429, 400
READ_S, FORM_S, UPLOAD_S = 30, 120, 1800  # for one piece of what is sent, for all of a form, and for all of an upload
MOST_KNOWN = 20_000  # web sessions
UNPROVEN_PER_MINUTE = 60  # cookies that the database is asked about, where an address has asked too often
# Pages that are made at once for one unit, and for all strangers: others then wait three times as long at most.
PAGES_OF_ONE, PAGES_IN_ALL = 2, 1_000
A_YEAR_S = 365 * 24 * 3600
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


class TooSlowError(DubanError):
    """What was sent did not arrive in the time that there is for it."""


class RequestGuard:
    """The outermost layer. Counts live in this process: the limits are for one portal, not for a farm of them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pages = RateLimitItemPerMinute(settings().requests_per_minute)
        self._entries = RateLimitItemPerMinute(settings().entries_per_minute)
        self._unproven = RateLimitItemPerMinute(UNPROVEN_PER_MINUTE)
        # The unit of each, 0 where we do not know it yet.
        self._known: TTLCache[str, int] = TTLCache(MOST_KNOWN, WEB_SESSION_LASTS.total_seconds())
        self._turns = Turns(PAGES_OF_ONE, PAGES_IN_ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        # HEAD asks for what GET would answer, without its content.
        request = Request({**scope, "method": "GET"} if is_head else scope)
        answer = _Answer(request, send, without_content=is_head)
        try:
            await self._answer(request, receive, answer.send)
        finally:
            answer.log()

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(request) or await self._stranger_sends(request)
        if refusal is not None:
            await refusal(request.scope, receive, send)
            return
        try:
            await self._in_turn(request, _bounded(request, receive), send)
        finally:
            self._remember(request)

    async def _in_turn(self, request: Request, receive: Receive, send: Send) -> None:
        """So that nobody takes all threads. Nobody's turn lasts longer for a slow line, neither before nor after."""
        path = request.url.path
        if path.startswith((*UPLOADS, "/static/", HEALTH)) and not (request.method == "GET" and path in UPLOADS):
            await self.app(request.scope, receive, send)
            return
        try:
            whole = await _whole(receive) if request.method != "GET" else receive
        except (TooLargeError, TooSlowError) as refused:
            status = TOO_LARGE if isinstance(refused, TooLargeError) else TOO_SLOW
            await page(request, "problem.html", status=status, refused=refused)(request.scope, receive, send)
            return
        who = self._whose(request)
        if not await self._turns.take(who):
            await _too_many(request)(request.scope, receive, send)
            return
        with ExitStack() as turn:
            turn.callback(self._turns.give_back, who)

            async def answer(message: Message) -> None:
                turn.close()
                await send(message)

            await self.app(request.scope, whole, answer)

    def _whose(self, request: Request) -> Hashable:
        """A unit, however often it came in; a web session whose unit we do not know; or the strangers together.

        Slack, which waits three seconds for an answer, is none of these.
        """
        if request.url.path.startswith("/slack/"):
            return "slack"
        secret = _digest(cookies.stay_of(request))
        unit = self._known.get(secret)
        return STRANGERS if unit is None else unit or secret

    async def _refusal(self, request: Request) -> Any:
        """The page that is answered at once, None where the request may go on."""
        if not (self._may_ask(request) or await self._is_known_after_all(request)):
            return _too_many(request)
        return _too_large(request) if declared(request) > _most_bytes(request) else None

    async def _stranger_sends(self, request: Request) -> Any:
        """What a stranger is told who sends something: nobody reads it. A web session that we know is asked later."""
        is_open = request.method == "GET" or request.url.path.startswith(OPEN_TO_STRANGERS)
        if is_open or self._is_known(request) or await run_in_threadpool(may_come_in, request):
            return None
        return page(request, "come_in.html", status=WITHOUT_STAY)

    def _may_ask(self, request: Request) -> bool:
        """Limits by link and by web session; by address for strangers alone: none shuts out their neighbours."""
        path, who = request.url.path, neighbourhood(address_of(request))
        if path.startswith("/static/") or (path == HEALTH and _is_near(request)):
            return True
        if path.startswith(CAPABILITIES) and not self._may_open(request, who):
            return False
        if self._is_known(request):
            return self._hit(self._pages, "stay", _digest(cookies.stay_of(request)))
        return self._hit(self._pages, "address", who)

    def _may_open(self, request: Request, who: str) -> bool:
        # Looking at a link and coming in by it are counted apart: it takes both.
        asked = request.method
        return self._hit(self._entries, "entry", asked, who) and self._hit(
            self._entries, "link", asked, request.url.path
        )

    async def _is_known_after_all(self, request: Request) -> bool:
        """Whether the database knows a cookie that is new to us, where strangers used up what an address may ask."""
        new = cookies.stay_of(request) and not self._is_known(request)
        if not new or not self._hit(self._unproven, "unproven", neighbourhood(address_of(request))):
            return False
        if found := await run_in_threadpool(may_come_in, request):
            self._meet(cookies.stay_of(request))
        return found

    def _is_known(self, request: Request) -> bool:
        """Whether the cookie was a web session's a short while ago. Anybody can invent a cookie: it counts as none."""
        secret = cookies.stay_of(request)
        return bool(secret) and _digest(secret) in self._known

    def _remember(self, request: Request) -> None:
        if known_as(request) is not None:
            if not self._is_known(request):
                self._meet(cookies.stay_of(request))
            self._known[_digest(cookies.stay_of(request))] = request.state.unit
        if opened := getattr(request.state, "opened", None):
            self._meet(opened)

    def _meet(self, secret: str) -> None:
        self._known[_digest(secret)] = 0
        self._hit(self._pages, "stay", _digest(secret))

    def _hit(self, limit: RateLimitItem, *identifiers: str) -> bool:
        return self._limiter.hit(limit, *identifiers)


class _Answer:
    """Adds the headers on the way out, and remembers what the logs say."""

    def __init__(self, request: Request, send: Send, *, without_content: bool) -> None:
        self._request, self._send = request, send
        self._without_content = without_content
        self._started = time.monotonic()
        self._status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        elif self._without_content:
            message = {**message, "body": b""}
        await self._send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._request.url.scheme == "https":
            headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR_S}")
        is_static = self._request.url.path.startswith("/static/")
        headers.setdefault("Cache-Control", "public, max-age=3600" if is_static else "no-store")

    def log(self) -> None:
        """By the route's pattern: the address itself may hold a token."""
        route: Any = self._request.scope.get("route")
        took_ms = (time.monotonic() - self._started) * 1000
        pattern, method = getattr(route, "path", "-"), self._request.method
        log.info("%s %s %s %.0f ms", method, pattern, self._status, took_ms)
        event = getattr(self._request.state, "event", None) or security_log.BY_STATUS.get(self._status)
        if event is not None:
            security_log.note(
                event,
                address=address_of(self._request),
                method=method,
                route=pattern,
                status=self._status,
                stay=known_as(self._request),
            )


def _most_bytes(request: Request) -> int:
    return settings().upload_max_mb * MIB if request.url.path.startswith(UPLOADS) else FORM_BYTES


def declared(request: Request) -> int:
    """The bytes that the request says it brings; 0 where it does not say."""
    length = request.headers.get("content-length", "0")
    return int(length[:_DIGITS]) if length.isdecimal() else 0


def expected(request: Request) -> int:
    """The bytes that the request brings at most: what it says, and as many as are taken where it does not say."""
    return declared(request) if "content-length" in request.headers else _most_bytes(request)


def _bounded(request: Request, receive: Receive) -> Receive:
    """Counts what comes in and looks at the clock, whatever length was declared, and stops there."""
    most = _most_bytes(request)
    lasts = UPLOAD_S if request.url.path.startswith(UPLOADS) else FORM_S
    deadline = time.monotonic() + lasts
    received, is_complete = 0, False

    async def bounded() -> Message:
        nonlocal received, is_complete
        if is_complete:  # what is waited for is that the client leaves
            return await receive()
        try:
            async with asyncio.timeout(min(READ_S, max(0.0, deadline - time.monotonic()))):
                message = await receive()
        except TimeoutError:
            raise TooSlowError(N_("what you sent took too long to arrive; try again on a better line")) from None
        received += len(message.get("body", b""))
        is_complete = not message.get("more_body", False)
        if received > most:
            raise TooLargeError(N_("too much was sent at once; at most {limit} are accepted"), limit=_readable(most))
        return message

    return bounded


def _is_near(request: Request) -> bool:
    """Whether the machine itself or a proxy of ours asks."""
    who = address_of(request)
    return who in settings().trusted_proxies.split(",") or (who != "-" and ip_address(who).is_loopback)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def _whole(receive: Receive) -> Receive:
    """All of a form, which is small, before it is its turn."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    left = iter(messages)

    async def again() -> Message:
        return next(left, None) or await receive()

    return again


def _too_many(request: Request) -> Any:
    refused = DubanError(N_("too many requests; wait a minute and try again"))
    return page(request, "problem.html", status=TOO_MANY, refused=refused)


def _too_large(request: Request) -> Any:
    template = N_("too much was sent at once; at most {limit} are accepted")
    refused = TooLargeError(template, limit=_readable(_most_bytes(request)))
    return page(request, "problem.html", status=TOO_LARGE, refused=refused)


def _readable(size: int) -> str:
    return f"{size // MIB} MB" if size >= MIB else f"{size // 1024} KB"
