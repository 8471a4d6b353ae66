"""Inspection of files that are handed in, before anything of them is stored.

Nothing here writes, and memory stays flat whatever the file holds: everything is read in pieces.
"""

import io
import math
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from models.common.errors import RefusedError

MIB = 1024 * 1024
LONGEST_NAME = 200  # characters

_CHUNK = 256 * 1024
_HEAD = 8192  # bytes: what tells the types apart stands in them
_OLE2 = bytes.fromhex("D0CF11E0A1B11AE1")
# An entry, an empty archive, one of several parts (APPNOTE 4.3).
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_JPEG = b"\xff\xd8\xff"
_OLE2_MACROS = "_VBA_PROJECT".encode("utf-16-le")
# Repetitive tables pack very well, and a few MiB harm nobody: the ratio is judged only above this.
_RATIO_FREE_BYTES = 10 * MIB
_DIRECTORY_BYTES_PER_ENTRY = 512
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes; `ratio` is unpacked to packed size, judged for more than 10 MiB unpacked."""

    file_bytes: int = 50 * MIB
    unpacked_bytes: int = 500 * MIB
    entries: int = 10_000
    ratio: int = 200


@dataclass(frozen=True)
class FileFacts:
    """What is known of a sound file: the name as it will be shown, its type, its size in bytes."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class _Suspect:
    path: Path
    name: str
    suffix: str
    size: int
    limits: Limits


def inspect(path: Path, name: str, limits: Limits) -> FileFacts:
    """Look at the local file `path` that a unit calls `name`.

    `name` may carry folders, which are dropped; otherwise it is kept as it is, in NFC.
    Raises RefusedError, and nothing else, when the file may not be handed in.
    """
    name = clean_name(name)
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix not in ALLOWED:
        raise RefusedError(
            '{name}: files of the type "{suffix}" are not accepted; expected one of {allowed}',
            name=name,
            suffix=suffix,
            allowed=", ".join(sorted(ALLOWED)),
        )
    media_type, check = ALLOWED[suffix]
    try:
        size = _size_of(path, name, limits)
        check(_Suspect(path, name, suffix, size, limits))
    except OSError as failure:
        raise RefusedError("{name}: cannot be read ({why})", name=name, why=failure.strerror) from failure
    return FileFacts(name, media_type, size)


def clean_name(raw: str) -> str:
    """What a file will be called: `raw` without folders, in NFC.

    Raises RefusedError where that is no name, too long, or holds what cannot be seen.
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", raw)[-1])
    if any(_is_unsafe(char) for char in name):
        raise RefusedError("{name}: the name holds invisible control characters; rename the file", name=_visible(name))
    if name in {"", ".", ".."}:
        raise RefusedError('"{raw}": is not the name of a file', raw=_visible(raw))
    if len(name) > LONGEST_NAME:
        raise RefusedError(
            "{name}…: the name has {length} characters, at most {limit} are accepted",
            name=name[:40],
            length=len(name),
            limit=LONGEST_NAME,
        )
    return name


def _is_unsafe(char: str) -> bool:
    # Surrogates come from file names that are not UTF-8; the database cannot hold them.
    return char in _BIDI or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def _visible(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if _is_unsafe(char) else char for char in text[:LONGEST_NAME])


def _size_of(path: Path, name: str, limits: Limits) -> int:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as failure:
        raise RefusedError("{name}: there is no such file", name=name) from failure
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("{name}: is not a file; hand in files, no folders or devices", name=name)
    if status.st_size == 0:
        raise RefusedError("{name}: is empty", name=name)
    if status.st_size > limits.file_bytes:
        raise RefusedError(
            "{name}: is {size_mb} MB, at most {limit_mb} MB may be handed in",
            name=name,
            size_mb=_mb(status.st_size),
            limit_mb=_mb(limits.file_bytes),
        )
    return status.st_size


def _mb(size: int) -> str:
    # Rounded up, so that one byte too many never reads "is 50 MB, at most 50 MB".
    return f"{math.ceil(size / MIB * 10) / 10:g}"


def _refuse_mismatch(file: _Suspect) -> NoReturn:
    raise RefusedError(
        "{name}: the content is not that of a {suffix} file; save it again as {suffix} or correct its ending",
        name=file.name,
        suffix=file.suffix,
    )


def _refuse_broken(file: _Suspect) -> NoReturn:
    raise RefusedError("{name}: is damaged and cannot be unpacked; save or pack it again", name=file.name) from None


def _refuse_macros(file: _Suspect) -> NoReturn:
    raise RefusedError("{name}: holds macros; save it without macros", name=file.name)


def _head(file: _Suspect) -> bytes:
    with file.path.open("rb") as source:
        return source.read(_HEAD)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(_CHUNK):
            yield piece


# ---- one check per family of types


def _magic(*beginnings: bytes) -> Callable[[_Suspect], None]:
    def check(file: _Suspect) -> None:
        if not _head(file).startswith(beginnings):
            _refuse_mismatch(file)

    return check


def _iso_media(is_ours: Callable[[str, set[str]], bool]) -> Callable[[_Suspect], None]:
    """By the brands of its first box (ISO/IEC 14496-12, 4.3): the major one, and those that it is compatible with."""

    def check(file: _Suspect) -> None:
        head = _head(file)
        size = int.from_bytes(head[:4])
        if head[4:8] != b"ftyp" or not 16 <= size <= len(head):  # noqa: PLR2004  (the box's head, brand and version)
            _refuse_mismatch(file)
        brands = {head[place : place + 4].decode("latin-1") for place in range(16, size, 4)}
        if not is_ours(head[8:12].decode("latin-1"), brands):
            _refuse_mismatch(file)

    return check


def _is_heic(major: str, compatible: set[str]) -> bool:
    return major == "heic" or (major in {"mif1", "msf1"} and "heic" in compatible)


def _is_mp4(major: str, compatible: set[str]) -> bool:
    return bool({major, *compatible} & {"mp41", "mp42", "isom"})


def _text(file: _Suspect) -> None:
    if not any(_decodes(file.path, encoding) for encoding in ("utf-8", "gb18030")):
        raise RefusedError("{name}: is not plain text in UTF-8 or GB18030", name=file.name)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as source:
            while piece := source.read(_CHUNK):
                if "\0" in piece:
                    return False
    except UnicodeDecodeError:
        return False
    return True


def _ole2(file: _Suspect) -> None:
    if not _head(file).startswith(_OLE2):
        _refuse_mismatch(file)
    tail = b""
    for piece in _pieces(file.path):
        if _OLE2_MACROS in tail + piece:
            _refuse_macros(file)
        tail = piece[-len(_OLE2_MACROS) :]


def _zip(file: _Suspect) -> None:
    with _opened(file):
        pass


def _zip_with(member: str) -> Callable[[_Suspect], None]:
    def check(file: _Suspect) -> None:
        with _opened(file) as archive:
            if member not in archive.namelist():
                _refuse_mismatch(file)

    return check


def _open_document(media_type: str) -> Callable[[_Suspect], None]:
    def check(file: _Suspect) -> None:
        with _opened(file) as archive:
            info = archive.NameToInfo.get("mimetype")
            # Only after `_opened` is the declared size known to be true, and so small enough to read.
            if info is None or info.file_size > _CHUNK:
                _refuse_mismatch(file)
            if b"".join(_unpacked(file, info)).strip() != media_type.encode():
                _refuse_mismatch(file)

    return check


# ---- zip files


class _CappedFile(io.FileIO):
    """`zipfile` reads the whole directory at once and counts later; this refuses a huge one first."""

    cap = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.cap:
            raise zipfile.BadZipFile
        return super().read(-1 if size is None else size) or b""


def _opened(file: _Suspect) -> zipfile.ZipFile:
    """The ZIP file, after every entry of its directory was checked; only this directory may be used afterwards."""
    head = _head(file)
    if head.startswith(_OLE2):
        raise RefusedError(
            "{name}: is protected by a password or in an older format; save it as {suffix} without a password",
            name=file.name,
            suffix=file.suffix,
        )
    if not head.startswith(_ZIP):
        _refuse_mismatch(file)
    try:
        archive = _directory(file)
        _check_directory(file, archive.infolist())
        for info in archive.infolist():
            for _ in _unpacked(file, info):
                pass
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, zlib.error):
        _refuse_broken(file)
    return archive


def _directory(file: _Suspect) -> zipfile.ZipFile:
    with _CappedFile(file.path) as source:
        # 128 KiB: the longest comment at the end of a zip file has to fit as well.
        source.cap = max(128 * 1024, file.limits.entries * _DIRECTORY_BYTES_PER_ENTRY)
        return zipfile.ZipFile(source)


def _check_directory(file: _Suspect, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > file.limits.entries:
        raise RefusedError(
            "{name}: holds {count} files, at most {limit} are accepted",
            name=file.name,
            count=len(entries),
            limit=file.limits.entries,
        )
    if not any(entry.file_size for entry in entries):
        raise RefusedError("{name}: there is nothing in it", name=file.name)
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise RefusedError("{name}: is protected by a password; hand it in without one", name=file.name)
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
        _refuse_macros(file)
    _check_paths(file, entries)
    _check_sizes(file, entries)


def _check_paths(file: _Suspect, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        path = entry.orig_filename
        if re.match(r"[/\\]|[A-Za-z]:", path) or ".." in re.split(r"[/\\]", path) or "\0" in path:
            raise RefusedError(
                "{name}: the path {entry} inside it leads outside; pack it again with relative paths",
                name=file.name,
                entry=_visible(path),
            )


def _check_sizes(file: _Suspect, entries: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > file.limits.unpacked_bytes:
        raise RefusedError(
            "{name}: unpacks to {size_mb} MB, at most {limit_mb} MB are accepted",
            name=file.name,
            size_mb=_mb(unpacked),
            limit_mb=_mb(file.limits.unpacked_bytes),
        )
    if unpacked > max(_RATIO_FREE_BYTES, file.size * file.limits.ratio):
        raise RefusedError(
            "{name}: unpacks to {ratio} times its size, at most {limit} times is accepted",
            name=file.name,
            ratio=math.ceil(unpacked / file.size),
            limit=file.limits.ratio,
        )
    # Entries that share their bytes would make us unpack the same ones thousands of times.
    if sum(entry.compress_size for entry in entries) > file.size:
        _refuse_broken(file)


def _unpacked(file: _Suspect, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of an entry, which must be what the directory says, not a byte more.

    `zipfile` itself stops at the declared size and would never notice what lies behind it.
    """
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise NotImplementedError
    packed = _packed(file.path, info)
    size = checksum = 0
    for piece in packed if info.compress_type == zipfile.ZIP_STORED else _inflated(packed):
        size += len(piece)
        checksum = zlib.crc32(piece, checksum)
        if size > info.file_size:
            raise RefusedError(
                "{name}: unpacks to more than it declares; pack it again with another program", name=file.name
            )
        yield piece
    if (size, checksum) != (info.file_size, info.CRC):
        raise zipfile.BadZipFile


def _packed(path: Path, info: zipfile.ZipInfo) -> Iterator[bytes]:
    if info.header_offset < 0:
        raise zipfile.BadZipFile
    with path.open("rb") as source:
        source.seek(info.header_offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
        if magic != b"PK\x03\x04":
            raise zipfile.BadZipFile
        source.seek(name_length + extra_length, io.SEEK_CUR)
        left = info.compress_size
        while left and (piece := source.read(min(left, _CHUNK))):
            left -= len(piece)
            yield piece


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in packed:
        rest = piece
        while rest and not inflater.eof:
            yield inflater.decompress(rest, _CHUNK)
            rest = inflater.unconsumed_tail
        if inflater.eof:
            break
    # The decompressor may still hold output when all input was given to it.
    while not inflater.eof and (waiting := inflater.decompress(b"", _CHUNK)):
        yield waiting
    if not inflater.eof:
        raise zipfile.BadZipFile


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

# What may be handed in: ending -> (media type, check of the content).
ALLOWED: dict[str, tuple[str, Callable[[_Suspect], None]]] = {
    "pdf": ("application/pdf", _magic(b"%PDF", b"\xef\xbb\xbf%PDF")),
    "ofd": ("application/ofd", _zip_with("OFD.xml")),
    "docx": (_OOXML + "wordprocessingml.document", _zip_with("word/document.xml")),
    "xlsx": (_OOXML + "spreadsheetml.sheet", _zip_with("xl/workbook.xml")),
    "pptx": (_OOXML + "presentationml.presentation", _zip_with("ppt/presentation.xml")),
    "doc": ("application/msword", _ole2),
    "xls": ("application/vnd.ms-excel", _ole2),
    "ppt": ("application/vnd.ms-powerpoint", _ole2),
    "wps": ("application/wps-office.wps", _ole2),
    "et": ("application/wps-office.et", _ole2),
    "dps": ("application/wps-office.dps", _ole2),
    "odt": (_ODF + "text", _open_document(_ODF + "text")),
    "ods": (_ODF + "spreadsheet", _open_document(_ODF + "spreadsheet")),
    "jpg": ("image/jpeg", _magic(_JPEG)),
    "jpeg": ("image/jpeg", _magic(_JPEG)),
    "png": ("image/png", _magic(b"\x89PNG")),
    "heic": ("image/heic", _iso_media(_is_heic)),
    "mp4": ("video/mp4", _iso_media(_is_mp4)),
    "txt": ("text/plain", _text),
    "md": ("text/markdown", _text),
    "csv": ("text/csv", _text),
    "zip": ("application/zip", _zip),
}
