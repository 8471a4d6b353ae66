"""How large pictures become when they are shown, read from their heads: nothing is unpacked."""

import re
import struct
from collections.abc import Callable
from typing import BinaryIO, Literal

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
_OLD_BMP = 12  # bytes of its head
_TIFF: dict[bytes, "_Order"] = {b"II*\0": "little", b"MM\0*": "big"}
_WIDTH, _LENGTH, _SHORT = 256, 257, 3
_MOST_PAGES, _MOST_FACTS = 100, 1_000

Size = tuple[int, int]
_Order = Literal["little", "big"]


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
    else:
        _judge(name, _size_in_head(source))


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


def _size_in_head(source: BinaryIO) -> Size | None:
    """Of what cannot be handed in alone and documents hold all the same: GIF, BMP, WebP and TIFF pictures."""
    source.seek(0)
    head = source.read(_HEAD)
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return _two(head, 6, 2, "little")
    if head[:2] == b"BM" and head[6:10] == bytes(4):  # reserved: two letters alone may be chance
        length = int.from_bytes(head[14:18], "little")
        return _two(head, 18, 2 if length == _OLD_BMP else 4, "little")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    if head[:4] in _TIFF:
        return _tiff_size(head, _TIFF[head[:4]])
    return None


def _two(head: bytes, place: int, length: int, order: _Order) -> Size:
    """Two numbers of so many bytes that follow each other; a negative height of BMP says that it begins at the top."""
    width, height = (
        int.from_bytes(head[at : at + length], order, signed=length > 2)  # noqa: PLR2004  (of the older form none is)
        for at in (place, place + length)
    )
    return abs(width), abs(height)


def _webp_size(head: bytes) -> Size | None:
    """By the first chunk (RFC 9649): extended, lossless, or lossy, which has its frame's head before the size."""
    match head[12:16]:
        case b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":
            packed = int.from_bytes(head[21:25], "little")
            return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = _two(head, 26, 2, "little")
            return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff_size(head: bytes, order: _Order) -> Size | None:
    """The largest of the pictures whose lists of facts stand in the head (TIFF 6.0, section 2)."""
    sizes: list[Size] = []
    place = int.from_bytes(head[4:8], order)
    for _ in range(_MOST_PAGES):
        count = min(int.from_bytes(head[place : place + 2], order), _MOST_FACTS)
        facts = [head[at : at + 12] for at in range(place + 2, place + 2 + 12 * count, 12)]
        said = {int.from_bytes(one[:2], order): _tiff_number(one, order) for one in facts if len(one) == 12}  # noqa: PLR2004  (a fact)
        sizes.append((said.get(_WIDTH, 0), said.get(_LENGTH, 0)))
        behind = place + 2 + 12 * count
        place = int.from_bytes(head[behind : behind + 4], order)
        if not place:
            break
    return max(sizes, key=_pixels, default=None)


def _tiff_number(fact: bytes, order: _Order) -> int:
    """Its value where that is one short or long number."""
    return int.from_bytes(fact[8:10] if int.from_bytes(fact[2:4], order) == _SHORT else fact[8:12], order)


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
