"""The XML inside of files, read in pieces by expat; nothing in it is resolved or fetched."""

from collections.abc import Callable, Iterable
from xml.parsers import expat

from adapters.evidence.suspect import Suspect, refuse_broken

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]

# A tag is held in memory as a whole.
_LONGEST_TAG = 1024 * 1024


def read(file: Suspect, pieces: Iterable[bytes], *, start: Start) -> None:
    """Tell `start` of each element its name, without a namespace, and its attributes.

    Raises RefusedError where the part is no sound XML.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda tag, given: start(_local(tag), {_local(k): v for k, v in given.items()})
    fed = 0
    try:
        for piece in pieces:
            parser.Parse(piece)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > _LONGEST_TAG:
                refuse_broken(file)
        parser.Parse(b"", True)  # noqa: FBT003  (its last argument says that this is the end)
    except (expat.ExpatError, LookupError, ValueError):  # the latter: an encoding that nobody knows
        refuse_broken(file)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
