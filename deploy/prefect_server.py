"""Prefect's server as our stack starts it, behind a door that lets in by Host and Origin: `python -m
deploy.prefect_server`, with Prefect's own settings in its environment.

Prefect asks for the password. What it does not look at is by which name it was called, and from whose page.
"""

from collections.abc import Collection

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OWN_NAMES = ("127.0.0.1", "localhost")  # neither is looked up in a DNS that somebody else might answer
MISDIRECTED, FORBIDDEN, UNKNOWN = 421, 403, 404
# Pages that describe the API: Prefect gives them to anybody, and they load scripts from elsewhere.
MANUAL = {"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}


def own_pages(port: int) -> list[str]:
    """The origins of the server's own pages."""
    return [f"http://{name}:{port}" for name in OWN_NAMES]


class Door:
    """Answers who calls the server by its own name, and no page but its own.

    Otherwise a page anywhere might have its name lead to 127.0.0.1 and count as the server's own in the browser, and
    a page of another server on this machine might have requests sent whose answers it need not read.
    """

    def __init__(self, app: ASGIApp, pages: Collection[str]) -> None:
        self._app = app
        self._pages = frozenset(pages)
        self._names = frozenset(page.removeprefix("http://") for page in pages)

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


def main() -> None:
    """As `prefect server start` does it, for one process."""
    from prefect.server.api.server import create_app  # noqa: PLC0415  (who asks for the names need not wait for it)
    from prefect.settings import get_current_settings  # noqa: PLC0415

    said = get_current_settings().server
    assert said.api.auth_string is not None, "the server would answer anybody"
    uvicorn.run(
        Door(create_app(final=True), own_pages(said.api.port)),
        host=said.api.host,
        port=said.api.port,
        timeout_keep_alive=said.api.keepalive_timeout,
        ws_ping_interval=said.api.websocket_ping_interval,
        ws_ping_timeout=said.api.websocket_ping_timeout,
        log_level=said.logging_level.lower(),
        # Nothing stands before it whose word on a caller's address would count.
        proxy_headers=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
