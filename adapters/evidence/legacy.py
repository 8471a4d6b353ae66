"""Files of Office before 2007 and of WPS: compound files ([MS-CFB]), in which streams have names in UTF-16."""

import re

from adapters.evidence.dde import refuse_dde
from adapters.evidence.parts import refuse_embedded, refuse_fetching
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
# The code of a field of Word ([MS-DOC] 2.8.25), in a byte or two a character.
_DDE = re.compile(rb"\x13\s*DDE|\x13\0(?:\s\0)*D\0D\0E\0", re.IGNORECASE)
_FETCHES = re.compile(rb"\x13\s*INCLUDE(?:TEXT|PICTURE)\s+\"?((?:https?:|file:|ftp:|\\\\)[!-~]{1,100})", re.IGNORECASE)
# What a workbook links to ([MS-XLS] 2.4.271, SupBook): length, sheets, characters, a byte or two each; the program and
# its subject of DDE are parted by the character 3.
_LINK = re.compile(rb"\xae\x01(..)..(.)\0([\0\1])", re.DOTALL)
_OVERLAP = 1024  # bytes: more than anything that is looked for


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
        if _DDE.search(content) or _has_dde_link(content):
            refuse_dde(file)
        if found := _FETCHES.search(content.replace(b"\0", b"")):
            refuse_fetching(file, found[1].decode("ascii").rstrip('"'))
        tail = content[-_OVERLAP:]


def _has_macro_sheet(content: bytes) -> bool:
    for found in _MACRO_SHEET.finditer(content):
        length, characters = found[1][0], found[2][0]
        # A byte or two a character; Excel 95 has one field less.
        if length in {7 + characters, 8 + characters, 8 + 2 * characters}:
            return True
    return False


def _has_dde_link(content: bytes) -> bool:
    for found in _LINK.finditer(content):
        length, wide = int.from_bytes(found[1], "little"), found[3][0]
        size = found[2][0] << wide
        if length == 5 + size and b"\x03" in content[found.end() : found.end() + size]:
            return True
    return False
