"""A file that is being looked at, and the words with which it is refused."""

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from models.common.errors import RefusedError

MIB = 1024 * 1024
LONGEST_NAME = 200  # characters
CHUNK = 256 * 1024

_HEAD = 8192  # bytes: what tells the types apart stands in them
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes; `ratio` is unpacked to packed size, judged for more than 10 MiB unpacked."""

    file_bytes: int = 50 * MIB
    unpacked_bytes: int = 500 * MIB
    entries: int = 10_000
    ratio: int = 200


@dataclass
class Budget:
    """What is left, in bytes, of what all files that come in together may unpack to, and of what is read of XML.

    What is read takes some seconds in all.
    """

    unpacked: int
    xml: int = 32 * MIB


@dataclass(frozen=True)
class Suspect:
    """The local file `path`, called `name` by whoever hands it in; sizes in bytes."""

    path: Path
    name: str
    suffix: str
    size: int
    limits: Limits
    budget: Budget
    depth: int = 0  # how many documents it is embedded in


def is_unsafe(char: str) -> bool:
    # Surrogates come from file names that are not UTF-8; the database cannot hold them.
    return char in _BIDI or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if is_unsafe(char) else char for char in text[:LONGEST_NAME])


def inside(file: Suspect, path: str) -> str:
    """How a file inside of `file` is called where something is said of it."""
    return f"{file.name} › {visible(path)}"


def mb(size: int) -> str:
    # Rounded up, so that one byte too many never reads "is 50 MB, at most 50 MB".
    return f"{math.ceil(size / MIB * 10) / 10:g}"


def refuse_mismatch(file: Suspect) -> NoReturn:
    raise RefusedError(
        "{name}: the content is not that of a {suffix} file; save it again as {suffix} or correct its ending",
        name=file.name,
        suffix=file.suffix,
    )


def refuse_broken(file: Suspect) -> NoReturn:
    raise RefusedError("{name}: is damaged and cannot be unpacked; save or pack it again", name=file.name) from None


def refuse_password(file: Suspect) -> NoReturn:
    raise RefusedError("{name}: is protected by a password; hand it in without one", name=file.name)


def refuse_macros(file: Suspect) -> NoReturn:
    raise RefusedError("{name}: holds macros; save it without macros", name=file.name)


def head(file: Suspect) -> bytes:
    with file.path.open("rb") as source:
        return source.read(_HEAD)


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            yield piece
