"""How large pictures become when they are shown, read from their heads: nothing is unpacked."""

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from adapters.evidence.suspect import MIB, Suspect, refuse_mismatch
from models.common.errors import RefusedError

MOST_MEGAPIXELS = 300  # A3 at 1,200 dpi; phones have 200 at most

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_SIZE = re.compile(rb"IHDR(.{8})", re.DOTALL)
_HEIF_SIZE = re.compile(rb"ispe\0{4}(.{8})", re.DOTALL)  # ISO/IEC 23008-12, 6.5.3
# Frames of JPEG, baseline to lossless (ITU-T T.81, table B.1).
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_MOST_SEGMENTS = 20_000
_HEAD = MIB

Size = tuple[int, int]


def check_png(file: Suspect) -> None:
    """Refuses what is no PNG picture, or has too many pixels."""
    _check(file, png_size)


def check_jpeg(file: Suspect) -> None:
    """Refuses what is no JPEG picture, or has too many pixels."""
    _check(file, jpeg_size)


def check_size(name: str, source: BinaryIO) -> None:
    """Refuses a picture of whatever type with too many pixels; what is none passes."""
    beginning = source.read(len(_PNG))
    if beginning == _PNG:
        _judge(name, png_size(source))
    elif beginning.startswith(_JPEG):
        _judge(name, jpeg_size(source))
    elif beginning[4:8] == b"ftyp":
        _judge(name, heif_size(source))


def png_size(source: BinaryIO) -> Size | None:
    """Width and height in pixels, None where it is no PNG picture."""
    source.seek(0)
    beginning = source.read(1024)
    found = _PNG_SIZE.search(beginning) if beginning.startswith(_PNG) else None
    return struct.unpack(">II", found[1]) if found else None


def jpeg_size(source: BinaryIO) -> Size | None:
    """Width and height in pixels, None where it is no JPEG picture or says neither within reason."""
    source.seek(0)
    if source.read(2) != _JPEG[:2]:
        return None
    for _ in range(_MOST_SEGMENTS):
        marker = _next_marker(source)
        if marker in _ALONE:
            continue
        length = int.from_bytes(source.read(2))
        if marker is None or length < 2:  # noqa: PLR2004  (the length counts itself)
            return None
        if marker in _FRAMES:
            height, width = struct.unpack(">xHH", source.read(5).ljust(5, b"\0"))
            # A height of nought is told behind the first scan (B.2.5), and may be anything.
            return width, height or 0xFFFF
        source.seek(length - 2, 1)
    return None


def heif_size(source: BinaryIO) -> Size | None:
    """The largest width and height that a HEIF or AVIF picture names, None where it names none."""
    source.seek(0)
    sizes: list[Size] = [struct.unpack(">II", found[1]) for found in _HEIF_SIZE.finditer(source.read(_HEAD))]
    return max(sizes, key=_pixels, default=None)


def _next_marker(source: BinaryIO) -> int | None:
    """Markers begin with FF, and may have any number of these before them."""
    byte = source.read(1)
    for _ in range(_MOST_SEGMENTS):
        if byte != b"\xff":
            return None
        if (byte := source.read(1)) != b"\xff":
            return byte[0] if byte else None
    return None


def _check(file: Suspect, size_of: Callable[[BinaryIO], Size | None]) -> None:
    with file.path.open("rb") as source:
        size = size_of(source)
    if size is None or not _pixels(size):
        refuse_mismatch(file)
    _judge(file.name, size)


def _judge(name: str, size: Size | None) -> None:
    if size is not None and _pixels(size) > MOST_MEGAPIXELS * 1_000_000:
        raise RefusedError(
            "{name}: has {width} × {height} pixels, at most {limit} million are accepted; scan or save it smaller",
            name=name,
            width=size[0],
            height=size[1],
            limit=MOST_MEGAPIXELS,
        )


def _pixels(size: Size) -> int:
    return size[0] * size[1]
