"""Viruses: what clamd of ClamAV says of a file. Without its address in the settings nothing is scanned."""

import contextlib
import socket
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from adapters.language import N_
from adapters.settings import settings
from models.common.errors import RefusedError

UNSCANNED = N_("Files that are handed in are not scanned for viruses: DUBAN_CLAMD is not set.")

# Seconds without a sign of life; clamd itself gives a file up after two minutes.
TIMEOUT_S = 150.0

_CHUNK = 256 * 1024
_LONGEST_REPLY = 4096


def warning() -> str:
    """What whoever starts the portal should know, as a text of the catalogue; empty where files are scanned."""
    return "" if settings().clamd else UNSCANNED


def scan(path: Path, name: str) -> bool:
    """Have the file `path`, which a unit calls `name`, looked at; returns whether it was: not without a scanner in the
    settings.

    Raises RefusedError when a virus is found, and also when the file could not be scanned: nothing is let
    through that was not looked at.
    """
    if not settings().clamd:
        return False
    try:
        verdict = _verdict(path)
    except OSError as failure:
        _refuse_unscanned(name, failure.strerror or str(failure))
    if verdict.endswith(" FOUND"):
        raise RefusedError(
            "{name}: holds a virus ({virus}) and was not taken; have your computer checked",
            name=name,
            virus=verdict.removesuffix(" FOUND"),
        )
    if verdict != "OK":
        _refuse_unscanned(name, verdict or N_("the scanner broke off"))
    return True


def _refuse_unscanned(name: str, why: str) -> NoReturn:
    raise RefusedError(
        "{name}: could not be scanned for viruses and was not taken ({why}); "
        "try again later, or tell the leading-group office",
        name=name,
        why=why,
    )


def _verdict(path: Path) -> str:
    """`OK`, `<virus> FOUND`, `<reason> ERROR`, or nothing when the connection was closed without an answer."""
    with _connected() as line, path.open("rb") as source:
        # For a file over its limit clamd answers and closes the connection before all of it is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(b"zINSTREAM\0")
            while piece := source.read(_CHUNK):
                line.sendall(len(piece).to_bytes(4) + piece)
            line.sendall(bytes(4))
        return _reply(line).removeprefix("stream: ")


def _connected() -> socket.socket:
    address = urlsplit(settings().clamd)
    if address.scheme == "tcp":
        return socket.create_connection((address.hostname or "", address.port or 0), TIMEOUT_S)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(TIMEOUT_S)
        line.connect(address.path)
    except OSError:
        line.close()
        raise
    return line


def _reply(line: socket.socket) -> str:
    reply = b""
    with contextlib.suppress(ConnectionResetError):
        while not reply.endswith(b"\0") and len(reply) < _LONGEST_REPLY:
            if not (piece := line.recv(_LONGEST_REPLY)):
                break
            reply += piece
    # An incomplete answer does not count: more may have followed "stream: OK".
    return reply.removesuffix(b"\0").decode("utf-8", "replace") if reply.endswith(b"\0") else ""
