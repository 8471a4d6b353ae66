"""How the portal speaks HTTP: no connection stays open that asks for nothing, and no head that can be read two ways."""

import asyncio
import re
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.settings import settings
from portal import security_log
from portal.addresses import neighbourhood

HEAD_S = 15  # seconds in which the head of a request has to be there
OF_AN_ADDRESS, OF_A_PROXY = 64, 1024  # connections at once

_open: Counter[str] = Counter()  # connections by the place that they come from
_AMBIGUOUS = "the head of the request can be read in two ways"
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_END = 4
_LENGTH = re.compile(rb"^content-length:(.*?)\r$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(rb"[ \t]*[0-9]+[ \t]*")
_CODING = re.compile(rb"^transfer-encoding:", re.IGNORECASE | re.MULTILINE)


class StrictConnection(h11.Connection):
    """Refuses what another program between us and the client may read otherwise (RFC 9112, sections 2.2 and 6.3)."""

    _looked_through = 0  # bytes of a head whose end has not come

    def next_event(self) -> Any:
        """As h11's. Raises h11.RemoteProtocolError, whereupon the server answers 400 and closes."""
        if self.their_state is h11.IDLE and self._has_head() and is_ambiguous(self.trailing_data[0]):
            raise h11.RemoteProtocolError(_AMBIGUOUS)
        return super().next_event()

    def _has_head(self) -> bool:
        """Each byte is looked at once: a long head may come byte by byte."""
        received = self.trailing_data[0]
        ended = _END_OF_HEAD.search(received, max(self._looked_through - _LONGEST_END, 0))
        self._looked_through = 0 if ended else len(received)
        return ended is not None


def is_ambiguous(received: bytes) -> bool:
    """Whether the head, as far as it is there, has lines that end with LF alone, or two lengths of the body."""
    head = _END_OF_HEAD.split(received, maxsplit=1)[0] + b"\r\n"
    ended = _END_OF_HEAD.search(received)
    if head.count(b"\n") != head.count(b"\r\n") or (ended and ended[0] != b"\r\n\r\n"):
        return True
    lengths = _LENGTH.findall(head)
    return len(lengths) > 1 or not all(map(_NUMBER.fullmatch, lengths)) or bool(lengths and _CODING.search(head))


class PortalProtocol(H11Protocol):
    """One connection of a client."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.conn = StrictConnection(h11.SERVER)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _open[self._place] += 1
        if _open[self._place] > _most(self._address):
            security_log.note("too many connections", address=self._address)
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        _open[self._place] -= 1
        if not _open[self._place]:
            del _open[self._place]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._patience is None:
            self._wait_for_head()

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else "-"

    @property
    def _place(self) -> str:
        return neighbourhood(self._address)

    def _wait_for_head(self) -> None:
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        security_log.note("slow head", address=self._address)
        self.transport.close()


def _most(address: str) -> int:
    return OF_A_PROXY if address in settings().trusted_proxies.split(",") else OF_AN_ADDRESS
