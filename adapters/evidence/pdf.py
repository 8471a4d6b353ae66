"""PDF files (ISO 32000-1): that they can be read, and that nothing in them acts or is carried along."""

import re
from collections.abc import Iterable

from adapters.archive.verify import PDF_OVERLAP, Pdf, pdf_fault
from adapters.evidence.parts import refuse_embedded
from adapters.evidence.suspect import MIB, Suspect, refuse_mismatch, refuse_password
from models.common.errors import RefusedError

UNPACKED = 256 * MIB  # of objects that lie packed; pictures and texts do not
_BETWEEN = rb"(?=[\x00\t\n\x0c\r ()<>\[\]{}/%])"  # what ends a name (7.2.2)


def _name(name: str) -> bytes:
    """A name in whichever way it is written: any sign may stand as its number (7.3.5)."""
    signs = (rb"(?:%b|#(?i:%02x))" % (re.escape(sign.encode()), ord(sign)) for sign in name)
    return b"/" + b"".join(signs) + _BETWEEN


# Actions (12.6.4) that run something or send something away; links and places in the file are none of them.
_ACTS = re.compile(b"|".join(map(_name, ("JavaScript", "Launch", "SubmitForm", "ImportData", "RichMedia"))))
_CARRIED = re.compile(_name("EmbeddedFile"))
_PACKED = re.compile(_name("ObjStm"))
_ENCODED = re.compile(b"|".join(map(_name, ("ASCIIHexDecode", "ASCII85Decode", "LZWDecode", "RunLengthDecode"))))


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
    for place in pdf.ends_of(_PACKED):
        if _ENCODED.search(_dictionary(pdf, place)):
            raise _too_much(file)
        tail, left = b"", left - PDF_OVERLAP
        for piece in pdf.unpacked(place):
            yield tail + piece
            tail, left = piece[-PDF_OVERLAP:], left - len(piece)
            if left < 0:
                raise _too_much(file)


def _dictionary(pdf: Pdf, place: int) -> bytes:
    """What is said of the stream in whose dictionary this place lies."""
    first = max(place - PDF_OVERLAP, 0)
    before, behind = pdf.at(first, place - first), pdf.at(place, PDF_OVERLAP)
    return before.rpartition(b"obj")[2] + behind.partition(b"stream")[0]


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
