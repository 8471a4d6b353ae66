"""What comes over the line before any page sees it: slow and idle connections, too many, heads with two meanings."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import h11
import pytest
import uvicorn

from portal import http_protocol, middleware
from portal.app import make_app
from portal.http_protocol import PortalProtocol, StrictConnection, is_ambiguous
from tests.support.portal_world import World, world

__all__ = ["world"]
WAIT_S = 60  # for what takes a moment: a machine may be busy

pytestmark = pytest.mark.processes


@contextmanager
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return found


def status(connection: socket.socket) -> int:
    return int(answer(connection).split(b" ", 2)[1])


@pytest.fixture
def port(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A portal on a real line, as `duban portal` serves it, which is impatient."""
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.5)
    monkeypatch.setattr(middleware, "READ_S", 0.5)
    monkeypatch.setattr(middleware, "FORM_S", 2)
    monkeypatch.setattr(middleware, "UPLOAD_S", 2)
    config = uvicorn.Config(
        make_app(), host="127.0.0.1", port=0, http=PortalProtocol, ws="none", log_config=None, timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + WAIT_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(WAIT_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("sent", [b"", b"GET /left HT", b"GET /left HTTP/1.1\r\nHost: x\r\nX: y\r\n"])
def test_who_asks_for_nothing_is_cut_off(port: int, sent: bytes) -> None:
    with line(port) as connection:
        connection.sendall(sent)
        assert answer(connection) == b""


def test_who_sends_a_head_byte_by_byte_is_cut_off(port: int) -> None:
    with line(port) as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(int(WAIT_S / 0.05)):
            connection.sendall(b"G")
            time.sleep(0.05)
        pytest.fail("it was listened to for ever")


@pytest.mark.parametrize(
    ("path", "expected"),
    [(b"/work/sign", 408), (b"/hand-in", 422)],  # where there is a form, it comes again with what was typed
)
def test_a_body_that_does_not_come_is_not_waited_for(port: int, world: World, path: bytes, expected: int) -> None:
    with line(port) as connection:
        connection.sendall(
            b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: duban=%b\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b" % (path, world.stays["north"].encode())
        )
        assert status(connection) == expected


@pytest.mark.parametrize("path", [b"/work/sign", b"/hand-in", b"/readings/import", b"/leave"])
def test_a_strangers_body_is_not_read(port: int, path: bytes) -> None:
    with line(port) as connection:
        connection.sendall(
            b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" % path
        )
        assert status(connection) == 401


def test_a_slow_answer_is_no_slow_request(port: int, world: World) -> None:
    """The time that a page takes is not the client's."""
    with line(port) as connection:
        connection.sendall(
            b"GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: duban=%b\r\n\r\n"
            % world.stays["north"].encode()
        )
        assert status(connection) == 200


def test_one_address_cannot_hold_all_connections(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "OF_A_PROXY", 3)
    monkeypatch.setattr(http_protocol, "HEAD_S", WAIT_S)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(line(port)) for _ in range(3)]
        assert answer(stack.enter_context(line(port))) == b"", "it is hung up on"
        held[0].sendall(b"GET /left HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status(held[0]) == 200
    deadline = time.monotonic() + WAIT_S
    while http_protocol._open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not http_protocol._open, "who has left is not counted"


def test_a_head_that_comes_byte_by_byte_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    monkeypatch.setattr(http_protocol, "is_ambiguous", lambda received: looked_at.append(len(received)))
    connection = StrictConnection(h11.SERVER)
    head = b"GET /left HTTP/1.1\r\nHost: x\r\n\r\n"
    for byte in head * 2:
        connection.receive_data(bytes([byte]))
        if isinstance(connection.next_event(), h11.Request):
            connection.next_event()
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
    assert looked_at == [len(head)] * 2


HEAD = b"POST /left HTTP/1.1\r\nHost: x\r\n"
TWO_MEANINGS = {
    "a line that ends with LF": b"GET /left HTTP/1.1\nHost: x\r\n\r\n",
    "a head that ends with LF": b"GET /left HTTP/1.1\r\nHost: x\r\n\n",
    "two ends by LF": b"GET /left HTTP/1.1\nHost: x\n\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": HEAD + b"Transfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("sent", TWO_MEANINGS.values(), ids=TWO_MEANINGS)
def test_a_head_with_two_meanings_is_refused(port: int, sent: bytes) -> None:
    with line(port) as connection:
        connection.sendall(sent)
        assert status(connection) == 400
    with line(port) as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for byte in sent:  # whatever pieces it comes in
            connection.sendall(bytes([byte]))
        assert status(connection) == 400


def test_the_second_request_of_a_line_is_looked_at_as_well(port: int) -> None:
    with line(port) as connection:
        connection.sendall(b"GET /left HTTP/1.1\r\nHost: x\r\n\r\nGET /left HTTP/1.1\nHost: x\r\n\r\n")
        found = answer(connection)
    assert [found.count(b"HTTP/1.1 200"), found.count(b"HTTP/1.1 400")] == [1, 1]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1\r\nHost: x\r",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\n\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na\nb\n\n\r\n",
        b"POST / HTTP/1.1\r\nX-Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_head_with_one_meaning_is_taken(head: bytes) -> None:
    assert not is_ambiguous(head)
