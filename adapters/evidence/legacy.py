"""Files of Office before 2007 and of WPS: compound files ([MS-CFB]), in which streams have names in UTF-16."""

import re

from adapters.evidence.parts import refuse_embedded
from adapters.evidence.suspect import (
    Suspect,
    head,
    pieces,
    refuse_macros,
    refuse_mismatch,
    refuse_password,
)
from adapters.evidence.zips import OLE2

# Names are compared without regard to case.
_MACROS = "_vba_project".encode("utf-16-le")
_PACKAGE = "\x01ole10native".encode("utf-16-le")
_PASSWORD = "encryptedpackage".encode("utf-16-le")
# PowerPoint packs its macros and says here that there are some ([MS-PPT] 2.4.10, VBAInfoAtom).
_SLIDES_WITH_MACROS = re.compile(rb"\x02\0\0\x04\x0c\0\0\0.{4}\x01\0\0\0\x02\0\0\0", re.DOTALL)
# A sheet of a workbook ([MS-XLS] 2.4.28, BoundSheet8): length, where it begins, whether it is hidden, then 1 for one
# with macros of Excel 4, and the length of its name.
_MACRO_SHEET = re.compile(rb"\x85\0(.)\0.{4}[\0-\x02]\x01(.)", re.DOTALL)
_OVERLAP = 256  # bytes: more than anything that is looked for


def check(file: Suspect) -> None:
    """Refuses what is no compound file, asks for a password, or holds macros or files that Windows would run."""
    if not head(file).startswith(OLE2):
        refuse_mismatch(file)
    tail = b""
    for piece in pieces(file.path):
        content = tail + piece
        names = content.lower()
        if _MACROS in names or _SLIDES_WITH_MACROS.search(content) or _has_macro_sheet(content):
            refuse_macros(file)
        if _PASSWORD in names:
            refuse_password(file)
        if _PACKAGE in names:
            refuse_embedded(file, "Ole10Native")
        tail = content[-_OVERLAP:]


def _has_macro_sheet(content: bytes) -> bool:
    for found in _MACRO_SHEET.finditer(content):
        length, characters = found[1][0], found[2][0]
        # A byte or two a character; Excel 95 has one field less.
        if length in {7 + characters, 8 + characters, 8 + 2 * characters}:
            return True
    return False
