"""Prefect's server as our stack starts it, behind a door that lets in by Host and Origin: `python -m
deploy.prefect_server SOCKET`, with Prefect's own settings in its environment. SOCKET is the number of the descriptor
that listens for it.

Prefect asks for the password. What it does not look at is by which name it was called, and from whose page. And what
its store is too busy for it refuses, where a moment's patience is enough.
"""

import asyncio
import sys
from collections.abc import Collection
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.settings import settings
from deploy.ports import handed_on

OWN_NAMES = ("127.0.0.1", "localhost")  # neither is looked up in a DNS that somebody else might answer
MISDIRECTED, FORBIDDEN, UNKNOWN, BUSY = 421, 403, 404, 503
BUSY_WAITS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# Pages that describe the API: Prefect gives them to anybody, and they load scripts from elsewhere.
MANUAL = {"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}


def own_pages(port: int, public: str = "") -> list[str]:
    """The origins of the server's own pages; `public` is the one under which a proxy shows them to other machines."""
    return [*(f"http://{name}:{port}" for name in OWN_NAMES), *filter(None, [public])]


class Door:
    """Answers who calls the server by its own name, and no page but its own.

    Otherwise a page anywhere might have its name lead to 127.0.0.1 and count as the server's own in the browser, and
    a page of another server on this machine might have requests sent whose answers it need not read.
    """

    def __init__(self, app: ASGIApp, pages: Collection[str]) -> None:
        self._app = app
        self._pages = frozenset(pages)
        self._names = frozenset(urlsplit(page).netloc for page in pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] in {"http", "websocket"}
        refusal = self._refusal(Headers(scope=scope), scope["path"]) if is_asked else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers, path: str) -> PlainTextResponse | None:
        called = {name.lower() for name in headers.getlist("host")}
        if not called or called - self._names:
            return PlainTextResponse(f"This server is {' or '.join(sorted(self._names))}.\n", MISDIRECTED)
        if set(headers.getlist("origin")) - self._pages:
            return PlainTextResponse("Only this server's own pages may ask.\n", FORBIDDEN)
        if path in MANUAL:
            return PlainTextResponse("Not here.\n", UNKNOWN)
        return None


class Patience:
    """Repeats, after a moment, what the server is too busy for; the caller hears what the last try came to.

    Where two write to SQLite at once, one of them is refused without waiting, and the server answers 503 with nothing
    done. Prefect's clients would wait two seconds and more before they ask again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turn = asyncio.Lock()  # those who were refused come one after the other, and not in each other's way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        heard: list[Message] = []
        if await self._is_busy(scope, _again(heard, receive), send):
            async with self._turn:
                await self._persist(scope, heard, receive, send)

    async def _persist(self, scope: Scope, heard: list[Message], receive: Receive, send: Send) -> None:
        for wait_s in BUSY_WAITS_S:
            await asyncio.sleep(wait_s)
            if not await self._is_busy(scope, _again(heard, receive), send):
                return
        await self._app(scope, _again(heard, receive), send)

    async def _is_busy(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the answer is that it is busy, which then is not sent; any other is."""
        is_busy = False

        async def unless_busy(message: Message) -> None:
            nonlocal is_busy
            is_busy = is_busy or message.get("status") == BUSY
            if not is_busy:
                await send(message)

        try:
            await self._app(dict(scope), receive, unless_busy)
        except Exception:
            if not is_busy:  # what it was busy with comes up as well, once it has answered
                raise
        return is_busy


def _again(heard: list[Message], receive: Receive) -> Receive:
    """What the caller sent, from its beginning; what has not come in yet is waited for, and noted in `heard`."""
    told = 0

    async def message() -> Message:
        nonlocal told
        if told == len(heard):
            heard.append(await receive())
        told += 1
        return heard[told - 1]

    return message


def main() -> None:
    """As `prefect server start` does it, for one process."""
    from prefect.server.api.server import create_app  # noqa: PLC0415  (who asks for the names need not wait for it)
    from prefect.settings import get_current_settings  # noqa: PLC0415

    said = get_current_settings().server
    assert said.api.auth_string is not None, "the server would answer anybody"
    served = uvicorn.Config(
        Door(Patience(create_app(final=True)), own_pages(said.api.port, settings().prefect_ui_url)),
        timeout_keep_alive=said.api.keepalive_timeout,
        ws_ping_interval=said.api.websocket_ping_interval,
        ws_ping_timeout=said.api.websocket_ping_timeout,
        log_level=said.logging_level.lower(),
        # Nothing stands before it whose word on a caller's address would count.
        proxy_headers=False,
        server_header=False,
    )
    uvicorn.Server(served).run(sockets=[handed_on(int(sys.argv[1]))])


if __name__ == "__main__":
    main()
