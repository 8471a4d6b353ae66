"""The door of Prefect's server repeats what the store was too busy for, and nothing else."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from deploy import prefect_server
from deploy.prefect_server import BUSY_WAITS_S, Patience

BUSY = "busy\n"


class Server:
    """Answers with these statuses in their order, as Prefect does: what went wrong comes up once it has answered."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = iter(statuses)
        self.heard: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard.append(await Request(scope, receive).body())
        status = next(self.statuses)
        await PlainTextResponse(BUSY if status == 503 else self.heard[-1], status)(scope, receive, send)
        if status >= 500:
            raise RuntimeError(status)


async def pieces() -> AsyncIterator[bytes]:
    for piece in (b"created ", b"in ", b"pieces"):
        yield piece


def ask(server: Server) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Patience(server), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://prefect") as client:
            return await client.post("/api/flow_runs/", content=pieces())

    return asyncio.run(asked())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_server, "BUSY_WAITS_S", [0.0] * len(BUSY_WAITS_S))


def test_what_the_store_was_too_busy_for_is_done_with_the_next_try() -> None:
    server = Server(503, 503, 201)
    answer = ask(server)
    assert (answer.status_code, answer.text) == (201, "created in pieces")
    assert server.heard == [b"created in pieces"] * 3


def test_where_it_stays_busy_the_caller_is_told() -> None:
    server = Server(*[503] * 100)
    answer = ask(server)
    assert (answer.status_code, answer.text) == (503, BUSY)
    assert len(server.heard) == len(BUSY_WAITS_S) + 2


@pytest.mark.parametrize("status", [200, 404, 409, 500])
def test_any_other_answer_is_the_answer(status: int) -> None:
    server = Server(status, 201)
    assert ask(server).status_code == status
    assert len(server.heard) == 1
