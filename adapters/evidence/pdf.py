"""PDF files (ISO 32000-1): that they can be read, and that nothing in them acts or is carried along."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from adapters.archive.verify import PDF_OVERLAP, Pdf, pdf_fault
from adapters.evidence.parts import refuse_embedded
from adapters.evidence.pdf_streams import Dictionaries, Said, TooManyWordsError, begins_with_numbers
from adapters.evidence.suspect import MIB, Suspect, refuse_mismatch, refuse_password
from models.common.errors import RefusedError

UNPACKED = 256 * MIB  # of objects that lie packed; pictures and texts do not
_BETWEEN = rb"(?=[\x00\t\n\x0c\r ()<>\[\]{}/%])"  # what ends a name (7.2.2)


def _name(name: str) -> bytes:
    """A name in whichever way it is written: any sign may stand as its number (7.3.5)."""
    signs = (rb"(?:%b|#(?i:%02x))" % (re.escape(sign.encode()), ord(sign)) for sign in name)
    return b"/" + b"".join(signs) + _BETWEEN


# Actions (12.6.4) that run something or send something away; links and places in the file are none of them. `JS` is a
# script in an action of any kind, and forms in XFA (12.7.8) have scripts of their own.
_ACTING = ("JavaScript", "JS", "Launch", "SubmitForm", "ImportData", "RichMedia", "XFA")
_ACTS = re.compile(b"|".join(map(_name, _ACTING)))
_CARRIED = re.compile(_name("EmbeddedFile"))
_PACKED = re.compile(b"|".join(map(_name, ("ObjStm", "First"))))


def check(file: Suspect) -> None:
    """Refuses what is no PDF, cannot be read, acts when it is opened, or has files in it."""
    with file.path.open("rb") as source:
        match pdf_fault(source):
            case "type":
                refuse_mismatch(file)
            case "password":
                refuse_password(file)
            case "cut":
                raise RefusedError("{name}: is cut off or damaged; save or download it again", name=file.name)
            case "pages":
                raise RefusedError("{name}: holds no page; save it again", name=file.name)
        pdf = Pdf(source)
        for pattern in (_ACTS, _CARRIED):
            if next(pdf.ends_of(pattern), None):
                _refuse(file, pattern)
        _look_at(file, _packed(file, pdf))


def _packed(file: Suspect, pdf: Pdf) -> Iterable[bytes]:
    """What lies packed with other objects, in pieces that overlap."""
    left = UNPACKED
    try:
        packed = _streams_of_objects(pdf)
    except TooManyWordsError:
        raise _too_much(file) from None
    for place, said in packed.items():
        if not all(one.can_be_unpacked for one in said):
            raise _too_much(file)
        tail, left = b"", left - PDF_OVERLAP
        for piece in filter(None, pdf.unpacked(place)):
            if not tail and not begins_with_numbers(piece):
                raise _too_much(file)
            yield tail + piece
            tail, left = piece[-PDF_OVERLAP:], left - len(piece)
            if left < 0:
                raise _too_much(file)
        if not tail:  # nothing could be unpacked
            raise _too_much(file)


def _streams_of_objects(pdf: Pdf) -> Mapping[int, Sequence[Said]]:
    """What is said of each, by the place behind it. What is not packed was seen in the file itself."""
    dictionaries = Dictionaries(pdf)
    found: dict[int, list[Said]] = defaultdict(list)
    for place in pdf.ends_of(_PACKED):
        for one in dictionaries.of_streams_around(place):
            if one.holds_objects and one.is_packed and one not in found[one.end]:
                found[one.end].append(one)
    return found


def _look_at(file: Suspect, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        for pattern in (_ACTS, _CARRIED):
            if pattern.search(piece):
                _refuse(file, pattern)


def _refuse(file: Suspect, pattern: re.Pattern[bytes]) -> None:
    if pattern is _CARRIED:
        refuse_embedded(file, "EmbeddedFile")
    raise RefusedError(
        "{name}: runs or sends something when it is opened; print it to a new PDF and hand that in", name=file.name
    )


def _too_much(file: Suspect) -> RefusedError:
    return RefusedError(
        "{name}: is packed in a way that cannot be looked through; print it to a new PDF and hand that in",
        name=file.name,
    )
