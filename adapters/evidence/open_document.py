"""OpenDocument files (OASIS OpenDocument 1.3): texts and tables that neither act nor fetch when they are opened."""

import re
import zipfile
from collections.abc import Callable

from adapters.evidence.dde import ELSEWHERE, fetched_by_formula, has_dde_formula, refuse_dde
from adapters.evidence.parts import beginning_of, check_parts, is_xml, refuse_embedded, refuse_fetching
from adapters.evidence.suspect import CHUNK, Suspect, refuse_macros, refuse_mismatch
from adapters.evidence.xml_parts import Attributes, Elements, read
from adapters.evidence.zips import opened, unpacked

# Modules of Basic, beside which LibreOffice keeps lists of them, and scripts in other languages.
_MACROS = re.compile(r"Basic/[^/]+/(?!script-l[bc]\.xml)[^/]|Scripts/.*[^/]$", re.IGNORECASE)
_DDE = {"dde-connection-decl", "dde-source", "dde-link"}
_FETCHED = {"section-source", "table-source", "cell-range-source", "floating-frame"}
_SHOWN = {"image", "object", "object-ole", "fill-image", "background-image"}  # may lie in the package, or elsewhere
_RUN = {"plugin", "applet"}
_CELLS = {"table-cell", "covered-table-cell"}
_CALLS = re.compile(r"vnd\.sun\.star\.script:|macro:|javascript:", re.IGNORECASE)
_WANTED = frozenset(_DDE | _FETCHED | _SHOWN | _RUN | _CELLS | {"event-listener"})
# Without one of these a part neither acts nor fetches, and most tables have none.
_SUSPICIOUS = re.compile(rb"href|dde|plugin|applet|event-listener|\||&#|webservice", re.IGNORECASE)
_OVERLAP = 16


def check_of(media_type: str) -> Callable[[Suspect], None]:
    """Refuses what is no document of this type, or holds what acts or fetches when it is opened."""

    def check(file: Suspect) -> None:
        with opened(file) as archive:
            info = archive.NameToInfo.get("mimetype")
            # Only after `opened` is the declared size known to be true, and so small enough to read.
            if info is None or info.file_size > CHUNK:
                refuse_mismatch(file)
            if b"".join(unpacked(file, info)).strip() != media_type.encode():
                refuse_mismatch(file)
            if any(map(_MACROS.match, archive.namelist())):
                refuse_macros(file)
            check_parts(file, archive)
            for part in archive.infolist():
                if _is_suspicious(file, part):
                    watch = Elements(_WANTED, _judge(file, part.filename))
                    read(file, part.filename, unpacked(file, part), watch)

    return check


def _is_suspicious(file: Suspect, part: zipfile.ZipInfo) -> bool:
    beginning = beginning_of(file, part)
    # What nobody shows: LibreOffice says there from which template a document was made, and does not fetch it.
    if part.filename == "meta.xml" or not is_xml(part.filename, beginning):
        return False
    if b"\0" in beginning[:4]:  # two bytes a character
        return True
    tail = b""
    for piece in unpacked(file, part):
        if _SUSPICIOUS.search(tail + piece):
            return True
        tail = piece[-_OVERLAP:]
    return False


def _judge(file: Suspect, part: str) -> Callable[[str, Attributes], None]:
    def judge(tag: str, given: Attributes) -> None:
        target = given.get("href", "").strip()
        if tag in _DDE or (tag in _CELLS and has_dde_formula(given.get("formula", ""))):
            refuse_dde(file, part)
        elif tag in _CELLS and (function := fetched_by_formula(given.get("formula", ""))):
            refuse_fetching(file, function)
        elif tag == "event-listener" and (_CALLS.match(target) or given.get("macro-name")):
            refuse_macros(file)
        elif tag in _RUN:
            refuse_embedded(file, target or tag)
        elif target and not target.startswith("#") and (tag in _FETCHED or (tag in _SHOWN and _is_outside(target))):
            refuse_fetching(file, target)

    return judge


def _is_outside(target: str) -> bool:
    return bool(ELSEWHERE.match(target)) or target.startswith(("../", "/"))
