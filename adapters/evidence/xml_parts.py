"""The XML inside of files, read in pieces by expat; nothing in it is resolved or fetched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from xml.parsers import expat

from adapters.evidence.suspect import MIB, Suspect, inside, refuse_broken
from models.common.errors import RefusedError

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]

# A tag is held in memory as a whole, and no program writes more than this before the first.
_LONGEST_TAG = MIB
_BYTES_PER_ELEMENT = 64  # that is looked at: it takes as long as reading so much else
# OpenOffice wrote this name, and nothing else of a document type, until 2008.
_HARMLESS = "Manifest.dtd"


class Watch(Protocol):
    """What is told of the elements of the names `wanted`, without their namespaces, and of what stands in them."""

    @property
    def wanted(self) -> frozenset[str]: ...

    def start(self, tag: str, given: Attributes) -> None: ...

    def text(self, text: str) -> None: ...

    def end(self, tag: str) -> None: ...


def read(file: Suspect, part: str, pieces: Iterable[bytes], watch: Watch) -> None:
    """Tell `watch` what stands in a part.

    Raises RefusedError where the part is no sound XML, has a document type, or where all that was read for this
    request would be too much.
    """
    parser = _parser(file, part)
    wanted = watch.wanted

    def start(tag: str, given: Attributes) -> None:
        if (name := _local(tag)) in wanted:
            _charge(file, part, _BYTES_PER_ELEMENT)
            parser.CharacterDataHandler = watch.text
            watch.start(name, {_local(key): value for key, value in given.items()})

    def end(tag: str) -> None:
        if (name := _local(tag)) in wanted:
            parser.CharacterDataHandler = None
            watch.end(name)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    _feed(file, parser, _charged(file, part, pieces))


@dataclass(frozen=True)
class Elements:
    """Watches for elements of some names alone, whatever stands in them."""

    wanted: frozenset[str]
    start: Start

    def text(self, text: str) -> None:
        pass

    def end(self, tag: str) -> None:
        pass


def root_of(file: Suspect, part: str, pieces: Iterable[bytes]) -> str:
    """The name of the first element, without a namespace; nothing behind it is read.

    Raises RefusedError where there is none, or a document type before it.
    """
    found: list[str] = []

    def until_found() -> Iterable[bytes]:
        for piece in pieces:
            yield piece
            if found:
                return

    parser = _parser(file, part)
    parser.StartElementHandler = lambda tag, _given: found.append(_local(tag)) if not found else None
    _feed(file, parser, until_found(), is_whole=False)
    return found[0] if found else refuse_broken(file)


def _parser(file: Suspect, part: str) -> Any:
    def refuse(_name: str, address: str | None, _public: str | None, has_more: bool) -> None:  # noqa: FBT001  (expat's)
        if has_more or address != _HARMLESS:
            raise RefusedError(
                "{name}: holds a document type (DTD), which could fetch things or swell; save it again with Office",
                name=inside(file, part),
            )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _feed(file: Suspect, parser: Any, pieces: Iterable[bytes], *, is_whole: bool = True) -> None:
    fed = 0
    try:
        for piece in pieces:
            parser.Parse(piece)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > _LONGEST_TAG:
                refuse_broken(file)
        if is_whole:
            parser.Parse(b"", True)  # noqa: FBT003  (its last argument says that this is the end)
    except (expat.ExpatError, LookupError, ValueError):  # the latter two: an encoding that nobody knows
        refuse_broken(file)


def _charged(file: Suspect, part: str, pieces: Iterable[bytes]) -> Iterable[bytes]:
    for piece in pieces:
        _charge(file, part, len(piece))
        yield piece


def _charge(file: Suspect, part: str, cost: int) -> None:
    file.budget.xml -= cost
    if file.budget.xml < 0:
        raise RefusedError(
            "{name}: is too large to be looked through; divide the document, or hand it in as a PDF",
            name=inside(file, part),
        )


@lru_cache(maxsize=1024)
def _local(name: str) -> str:
    return name.rpartition(":")[2]
