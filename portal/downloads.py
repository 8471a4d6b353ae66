"""Sends files: in pieces, so that memory stays flat, and under the names that they were handed in with."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO
from urllib.parse import quote
from zipfile import ZipFile, ZipInfo

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from models.common.file_names import distinct, fitting

_PIECE = 256 * 1024
# What Windows cannot hold in a name, what nobody sees in it, and what turns the direction of reading around.
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\\:*?"<>|\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]',
)
_NOT_FOR_OLD_CLIENTS = re.compile(r"[^ -~]|%")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"  # of RFC 5987, beside letters and digits

File = tuple[str, int, Callable[[], BinaryIO]]
"""A path inside a bundle, the size in bytes, and what opens the content."""


def attachment(name: str, media_type: str, size: int, source: BinaryIO) -> Response:
    """Send the `size` bytes of `source`, to be saved as `name`; the source is closed afterwards.

    Where the source ends early the line is cut, so that nobody takes what came for the whole.
    """
    return _Stream(name, media_type, size, _pieces(source, size), source.close)


def bundle(name: str, files: Iterable[File]) -> Response:
    """Send `files` as a zip file, to be saved as `name`. Each is opened when its turn comes, and closed.

    Nothing is packed, since most of it is already, so the size is known before the first byte is read.
    Paths that are the same get a number. The line is cut where a file ends early.
    """
    members = _distinct(files)
    pieces = _zipped(members)

    def close() -> None:
        with suppress(ValueError):  # a thread is still at a piece; it closes the file when it is through
            pieces.close()

    return _Stream(name, "application/zip", _zipped_size(members), pieces, close)


class _Stream(StreamingResponse):
    """Pieces of a known size, and what to do in the end, also when nobody wanted a single piece."""

    def __init__(
        self, name: str, media_type: str, size: int, pieces: Iterator[bytes], close: Callable[[], None]
    ) -> None:
        headers = {
            # Set here, because starlette would add a charset, and the charset of a text file is not known.
            "Content-Type": media_type,
            "Content-Length": str(size),
            "Content-Disposition": _disposition(name),
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__(pieces, headers=headers)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


def _disposition(name: str) -> str:
    """For RFC 6266: the name itself, and before it one for clients that do not know RFC 5987."""
    safe = _safe(name.replace("/", "_"))
    plain = _NOT_FOR_OLD_CLIENTS.sub("_", safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, _ATTRIBUTE_CHARACTERS)}"


def _safe(path: str) -> str:
    """A path that stays where it is unpacked, on any system."""
    parts = [fitting(_UNSAFE.sub("_", part)) for part in path.split("/") if part not in {"", ".", ".."}]
    return "/".join(parts) or "_"


def _pieces(source: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise EOFError(f"a stored file ends {left} bytes early")
        left -= len(piece)
        yield piece


# ---- zip files


class _Line:
    """A file for `zipfile` that cannot be rewound, so that it writes sizes and checksums behind the content."""

    def __init__(self) -> None:
        self._position = 0
        self._waiting: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._waiting.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    close = flush

    def skip(self, count: int) -> None:
        self._position += count

    def take(self) -> bytes:
        piece = b"".join(self._waiting)
        self._waiting.clear()
        return piece


def _distinct(files: Iterable[File]) -> list[File]:
    """Also without regard to case, which not every system keeps apart."""
    taken: set[str] = set()
    members = []
    for path, size, opener in files:
        *folders, name = _safe(path).split("/")
        folder = "".join(f"{one}/" for one in folders)
        free = folder + distinct(name, partial(_is_in, taken, folder))
        taken.add(free.casefold())
        members.append((free, size, opener))
    return members


def _is_in(taken: set[str], folder: str, name: str) -> bool:
    return (folder + name).casefold() in taken


def _zipped(members: list[File]) -> Generator[bytes, None, None]:
    line = _Line()
    with ZipFile(line, "w") as archive:
        for path, size, opener in members:
            with opener() as source, archive.open(_info(path, size), "w") as entry:
                for piece in _pieces(source, size):
                    entry.write(piece)
                    yield line.take()
    yield line.take()


def _zipped_size(members: list[File]) -> int:
    """What `_zipped` will come to: the same, without the content."""
    line = _Line()
    with ZipFile(line, "w") as archive:
        for path, size, _ in members:
            info = _info(path, size)
            with archive.open(info, "w"):
                line.skip(size)
            # The directory is written in the end, from these.
            info.file_size = info.compress_size = size
    return line.tell()


def _info(path: str, size: int) -> ZipInfo:
    info = ZipInfo(path)
    info.file_size = size  # decides whether the sizes behind the content take four bytes or eight
    return info
