"""What lies in packed documents, of whatever program: nothing that is a program, or swells when it is opened."""

import io
import re
import zipfile
from typing import NoReturn

from adapters.archive.verify import PROGRAM_NAMES, ending_of
from adapters.evidence.pixels import check_size
from adapters.evidence.suspect import Suspect, inside, visible
from adapters.evidence.xml_parts import root_of
from adapters.evidence.zips import OLE2, is_folder, unpacked
from models.common.errors import RefusedError

_PROGRAM_NAMES = PROGRAM_NAMES - {"bin"}  # which Office gives to settings of printers
_ELF = b"\x7fELF"
_XML_NAME = re.compile(r".*\.(xml|rels|vml)", re.IGNORECASE | re.DOTALL)
# Also in two bytes a character.
_XML = re.compile(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<\0?[?!]")


def check_parts(file: Suspect, archive: zipfile.ZipFile) -> None:
    """Refuses programs, OLE objects (what Office embeds, and all macros are kept in) document types, and
    pictures with too many pixels.
    """
    for info in archive.infolist():
        if is_folder(info):
            continue
        beginning = beginning_of(file, info)
        if _is_program(beginning) or ending_of(info.filename) in _PROGRAM_NAMES:
            refuse_embedded(file, info.filename)
        # A frame that stands behind its first hundred kilobytes is found when the picture is handed in alone.
        check_size(inside(file, info.filename), io.BytesIO(beginning))
        if is_xml(info.filename, beginning):
            root_of(file, info.filename, unpacked(file, info))


def beginning_of(file: Suspect, info: zipfile.ZipInfo) -> bytes:
    """Some hundred kilobytes at most."""
    return next(unpacked(file, info), b"")


def is_xml(name: str, beginning: bytes) -> bool:
    return bool(beginning and (_XML_NAME.fullmatch(name) or _XML.match(beginning)))


def refuse_embedded(file: Suspect, part: str) -> NoReturn:
    raise RefusedError(
        "{name}: is embedded and could run a program; remove it, or hand in its content as a file of its own",
        name=inside(file, part),
    )


def refuse_fetching(file: Suspect, target: str) -> NoReturn:
    raise RefusedError(
        "{name}: fetches {target} when it is opened; break the link, or put what it leads to into the file",
        name=file.name,
        target=visible(target),
    )


def _is_program(beginning: bytes) -> bool:
    # Two letters alone may be chance.
    is_windows = beginning.startswith(b"MZ") and b"PE\0\0" in beginning[:4096]
    return is_windows or beginning.startswith((OLE2, _ELF))
