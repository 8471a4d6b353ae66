"""Inspection of files that are handed in, before anything of them is stored.

Memory stays flat whatever the file holds: everything is read in pieces, and what lies in a ZIP file is unpacked into a
temporary file, one at a time.
"""

import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipInfo

from adapters.evidence import legacy, office, open_document, pdf
from adapters.evidence.dde import has_dde_cell, refuse_dde
from adapters.evidence.media import film, picture, quicktime
from adapters.evidence.parts import check_parts
from adapters.evidence.pixels import check_jpeg, check_png
from adapters.evidence.suspect import (
    CHUNK,
    LONGEST_NAME,
    MIB,
    Budget,
    Limits,
    Suspect,
    inside,
    is_unsafe,
    mb,
    refuse_broken,
    refuse_mismatch,
    visible,
)
from adapters.evidence.zips import OLE2, is_folder, opened, paths_of, unpacked
from models.common.errors import RefusedError

__all__ = ["ALLOWED", "MIB", "Budget", "FileFacts", "Limits", "clean_name", "inspect"]

_LEFT_BY_SYSTEMS = {".ds_store": b"\0\0\0\x01Bud1", "thumbs.db": OLE2}


@dataclass(frozen=True)
class FileFacts:
    """What is known of a sound file: the name as it will be shown, its type, its size in bytes."""

    name: str
    media_type: str
    size: int


def inspect(path: Path, name: str, limits: Limits, budget: Budget | None = None) -> FileFacts:
    """Look at the local file `path` that a unit calls `name`. Files that come in together share one `budget`.

    `name` may carry folders, which are dropped; otherwise it is kept as it is, in NFC.
    Raises RefusedError, and nothing else, when the file may not be handed in.
    """
    name = clean_name(name)
    try:
        media_type, size = _look(path, name, _suffix_of(name), limits, budget or Budget(limits.unpacked_bytes))
    except OSError as failure:
        raise RefusedError("{name}: cannot be read ({why})", name=name, why=failure.strerror) from failure
    return FileFacts(name, media_type, size)


def _look(path: Path, name: str, suffix: str, limits: Limits, budget: Budget) -> tuple[str, int]:
    """The media type and the size of what is sound."""
    if suffix not in ALLOWED:
        raise RefusedError(
            '{name}: files of the type "{suffix}" are not accepted; expected one of {allowed}',
            name=name,
            suffix=suffix,
            allowed=", ".join(sorted(ALLOWED)),
        )
    media_type, check = ALLOWED[suffix]
    size = _size_of(path, name)
    _check_size(name, size, limits)
    check(Suspect(path, name, suffix, size, limits, budget))
    return media_type, size


def _suffix_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def clean_name(raw: str) -> str:
    """What a file will be called: `raw` without folders, in NFC.

    Raises RefusedError where that is no name, too long, or holds what cannot be seen.
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", raw)[-1])
    if any(is_unsafe(char) for char in name):
        raise RefusedError("{name}: the name holds invisible control characters; rename the file", name=visible(name))
    if name in {"", ".", ".."}:
        raise RefusedError('"{raw}": is not the name of a file', raw=visible(raw))
    if len(name) > LONGEST_NAME:
        raise RefusedError(
            "{name}…: the name has {length} characters, at most {limit} are accepted",
            name=name[:40],
            length=len(name),
            limit=LONGEST_NAME,
        )
    return name


def _size_of(path: Path, name: str) -> int:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as failure:
        raise RefusedError("{name}: there is no such file", name=name) from failure
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("{name}: is not a file; hand in files, no folders or devices", name=name)
    return status.st_size


def _check_size(name: str, size: int, limits: Limits) -> None:
    if size == 0:
        raise RefusedError("{name}: is empty", name=name)
    if size > limits.file_bytes:
        raise RefusedError(
            "{name}: is {size_mb} MB, at most {limit_mb} MB may be handed in",
            name=name,
            size_mb=mb(size),
            limit_mb=mb(limits.file_bytes),
        )


# ---- one check per family of types


def _text(file: Suspect) -> None:
    if not any(_decodes(file.path, encoding) for encoding in ("utf-8", "gb18030")):
        raise RefusedError("{name}: is not plain text in UTF-8 or GB18030", name=file.name)
    if file.suffix == "csv" and has_dde_cell(file.path):
        refuse_dde(file)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as source:
            while piece := source.read(CHUNK):
                if "\0" in piece:
                    return False
    except UnicodeDecodeError:
        return False
    return True


def _zip(file: Suspect) -> None:
    """What may be handed in may be handed in together: each file inside is looked at like one of its own."""
    with opened(file) as archive, TemporaryDirectory(prefix="duban-") as folder:
        for info in archive.infolist():
            if not is_folder(info):
                _look_inside(file, info, Path(folder) / "entry")


def _look_inside(file: Suspect, info: ZipInfo, copy: Path) -> None:
    path, *others = paths_of(info)
    name, suffix = inside(file, path), _suffix_of(_last(path))
    if any(_suffix_of(_last(other)) != suffix for other in others):
        refuse_broken(file)
    if suffix == "zip":
        raise RefusedError("{name}: a ZIP file inside a ZIP file is not accepted; pack its files directly", name=name)
    _check_size(name, info.file_size, file.limits)
    with copy.open("wb") as target:
        for piece in unpacked(file, info):
            target.write(piece)
    if not _is_left_by_system(_last(path).lower(), copy):
        clean_name(path)
        _look(copy, name, suffix, file.limits, file.budget)


def _last(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _is_left_by_system(name: str, copy: Path) -> bool:
    """What macOS and Windows put into ZIP files unasked."""
    beginning = b"\0\x05\x16\x07" if name.startswith("._") else _LEFT_BY_SYSTEMS.get(name)
    if beginning is None:
        return False
    with copy.open("rb") as source:
        return source.read(len(beginning)) == beginning


def _zip_with(member: str) -> Callable[[Suspect], None]:
    def check(file: Suspect) -> None:
        with opened(file) as archive:
            if member not in archive.namelist():
                refuse_mismatch(file)
            check_parts(file, archive)

    return check


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

# What may be handed in: ending -> (media type, check of the content).
ALLOWED: dict[str, tuple[str, Callable[[Suspect], None]]] = {
    "pdf": ("application/pdf", pdf.check),
    "ofd": ("application/ofd", _zip_with("OFD.xml")),
    "docx": (_OOXML + "wordprocessingml.document", office.check),
    "xlsx": (_OOXML + "spreadsheetml.sheet", office.check),
    "pptx": (_OOXML + "presentationml.presentation", office.check),
    "doc": ("application/msword", legacy.check),
    "xls": ("application/vnd.ms-excel", legacy.check),
    "ppt": ("application/vnd.ms-powerpoint", legacy.check),
    "wps": ("application/wps-office.wps", legacy.check),
    "et": ("application/wps-office.et", legacy.check),
    "dps": ("application/wps-office.dps", legacy.check),
    "odt": (_ODF + "text", open_document.check_of(_ODF + "text")),
    "ods": (_ODF + "spreadsheet", open_document.check_of(_ODF + "spreadsheet")),
    "jpg": ("image/jpeg", check_jpeg),
    "jpeg": ("image/jpeg", check_jpeg),
    "png": ("image/png", check_png),
    "heic": ("image/heic", picture),
    "heif": ("image/heif", picture),
    "avif": ("image/avif", picture),
    "mp4": ("video/mp4", film),
    "mov": ("video/quicktime", quicktime),
    "txt": ("text/plain", _text),
    "md": ("text/markdown", _text),
    "csv": ("text/csv", _text),
    "zip": ("application/zip", _zip),
}
