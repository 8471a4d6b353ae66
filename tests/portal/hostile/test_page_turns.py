"""Nobody takes all threads in which pages are made: a unit has so many at once, and so have all strangers together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from portal import turns
from portal.middleware import PAGES_OF_ONE, RequestGuard

MOMENT_S = 0.1
NORTH, SOUTH = b"of-north", b"of-south"
UNITS = {NORTH: 1, b"also-of-north": 1, SOUTH: 2}


class Pages:
    """Pages that are made until they are let go; who is at it, by the cookie."""

    def __init__(self) -> None:
        self.at_work: Counter[bytes] = Counter()
        self.free = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        cookie = request.cookies.get("duban", "").encode()
        if cookie in UNITS:
            request.state.stay, request.state.unit = 1, UNITS[cookie]
        if request.url.path == "/download":
            await StreamingResponse(self._slowly())(scope, receive, send)
        elif request.url.path != "/quick":
            self.at_work[cookie] += 1
            await self.free.wait()
            self.at_work[cookie] -= 1
        await PlainTextResponse("done")(scope, receive, send)

    async def _slowly(self) -> Any:
        yield b"first"
        await self.free.wait()


async def ask(
    guard: RequestGuard, cookie: bytes, path: str = "/work", method: str = "GET", receive: Receive | None = None
) -> int:
    """The status of the answer."""
    found: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    async def nothing() -> Any:
        await asyncio.Event().wait()

    headers = [(b"host", b"x"), *([(b"cookie", b"duban=" + cookie)] if cookie else [])]
    where = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http"}
    line = {"http_version": "1.1", "client": ("192.0.2.1", 1), "server": ("portal.test", 80)}
    scope = {"type": "http", "method": method, "headers": headers, **where, **line}
    await guard(scope, receive or nothing, send)
    return found[0]


def play(story: Callable[[RequestGuard, Pages], Awaitable[None]]) -> None:
    async def told() -> None:
        pages = Pages()
        guard = RequestGuard(pages)
        for cookie in UNITS:  # from now on it knows them
            await ask(guard, cookie, "/quick")
        async with asyncio.timeout(30):
            await story(guard, pages)

    asyncio.run(told())


def test_a_unit_has_so_many_at_once_however_often_it_came_in() -> None:
    async def story(guard: RequestGuard, pages: Pages) -> None:
        asked = [asyncio.create_task(ask(guard, cookie)) for cookie in (NORTH, b"also-of-north") * 4]
        await asyncio.sleep(MOMENT_S)
        assert pages.at_work.total() == PAGES_OF_ONE
        assert await ask(guard, SOUTH, "/quick") == 200
        pages.free.set()
        assert await asyncio.gather(*asked) == [200] * 8
        assert await ask(guard, NORTH, "/quick") == 200

    play(story)


def test_strangers_have_so_many_together() -> None:
    async def story(guard: RequestGuard, pages: Pages) -> None:
        asked = [asyncio.create_task(ask(guard, b"invented-%d" % number)) for number in range(8)]
        await asyncio.sleep(MOMENT_S)
        assert pages.at_work.total() == PAGES_OF_ONE
        assert await ask(guard, SOUTH, "/quick") == 200
        pages.free.set()
        assert await asyncio.gather(*asked) == [200] * 8

    play(story)


def test_a_slow_line_takes_nobodys_turn() -> None:
    async def story(guard: RequestGuard, pages: Pages) -> None:
        async def slow() -> Any:
            await pages.free.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        sent = [asyncio.create_task(ask(guard, NORTH, "/quick", "POST", slow)) for _ in range(4)]
        read = [asyncio.create_task(ask(guard, NORTH, "/download")) for _ in range(4)]
        await asyncio.sleep(MOMENT_S)
        assert await ask(guard, NORTH, "/quick") == 200
        pages.free.set()
        await asyncio.gather(*sent, *read)

    play(story)


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 0.05)

    async def story(guard: RequestGuard, pages: Pages) -> None:
        asked = [asyncio.create_task(ask(guard, NORTH)) for _ in range(PAGES_OF_ONE)]
        await asyncio.sleep(MOMENT_S)
        assert await ask(guard, NORTH) == 429
        pages.free.set()
        await asyncio.gather(*asked)

    play(story)
