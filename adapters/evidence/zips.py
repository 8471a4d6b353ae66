"""ZIP files, and what is built like them: looked through without believing a word of what they say of themselves."""

import contextlib
import io
import math
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from adapters.evidence.suspect import (
    CHUNK,
    MIB,
    Suspect,
    head,
    inside,
    is_unsafe,
    mb,
    refuse_broken,
    refuse_macros,
    refuse_mismatch,
    refuse_password,
    visible,
)
from models.common.errors import RefusedError

OLE2 = bytes.fromhex("D0CF11E0A1B11AE1")

# An entry, an empty archive, one of several parts (APPNOTE 4.3).
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Repetitive tables pack very well, and a few MiB harm nobody: the ratio is judged only above this.
_RATIO_FREE_BYTES = 10 * MIB
_DIRECTORY_BYTES_PER_ENTRY = 512
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_EXTRA = struct.Struct("<HH")
_UNICODE_PATH = 0x7075
_UTF8 = 0x800  # the flag of a path in UTF-8


class _CappedFile(io.FileIO):
    """`zipfile` reads the whole directory at once and counts later; this refuses a huge one first."""

    cap = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.cap:
            raise zipfile.BadZipFile
        return super().read(-1 if size is None else size) or b""


def opened(file: Suspect) -> zipfile.ZipFile:
    """The ZIP file, after every entry of its directory was checked; only this directory may be used afterwards."""
    beginning = head(file)
    if beginning.startswith(OLE2):
        raise RefusedError(
            "{name}: is protected by a password or in an older format; save it as {suffix} without a password",
            name=file.name,
            suffix=file.suffix,
        )
    if not beginning.startswith(_ZIP):
        refuse_mismatch(file)
    try:
        archive = _directory(file)
        _check_directory(file, archive.infolist())
        for info in archive.infolist():
            for _ in unpacked(file, info):
                pass
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, zlib.error):
        refuse_broken(file)
    return archive


def _directory(file: Suspect) -> zipfile.ZipFile:
    with _CappedFile(file.path) as source:
        # 128 KiB: the longest comment at the end of a zip file has to fit as well.
        source.cap = max(128 * 1024, file.limits.entries * _DIRECTORY_BYTES_PER_ENTRY)
        return zipfile.ZipFile(source)


def _check_directory(file: Suspect, entries: list[zipfile.ZipInfo]) -> None:
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
        refuse_password(file)
    if any(path.lower().endswith("vbaproject.bin") for entry in entries for path in paths_of(entry)):
        refuse_macros(file)
    _check_paths(file, entries)
    _check_sizes(file, entries)


def paths_of(entry: zipfile.ZipInfo) -> list[str]:
    """The paths under which programs may unpack an entry, the likeliest first; mostly there is but one."""
    return list(dict.fromkeys([*_said_beside(entry), _as_packed(entry), entry.orig_filename]))


def is_folder(entry: zipfile.ZipInfo) -> bool:
    return not entry.file_size and paths_of(entry)[0].endswith(("/", "\\"))


def _as_packed(entry: zipfile.ZipInfo) -> str:
    """Programs that do not say that they write UTF-8 write it nevertheless, or what Windows speaks in China."""
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return _raw_path(entry).decode(encoding)
    return entry.orig_filename


def _raw_path(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437")


def _said_beside(entry: zipfile.ZipInfo) -> Iterator[str]:
    """What the extra field for paths in Unicode says (APPNOTE 4.6.9): kind and size, then version and checksum."""
    extra = entry.extra
    while len(extra) >= _EXTRA.size:
        kind, size = _EXTRA.unpack_from(extra)
        if kind == _UNICODE_PATH:
            yield extra[_EXTRA.size + 5 : _EXTRA.size + size].decode(errors="replace")
        extra = extra[_EXTRA.size + size :]


def _check_paths(file: Suspect, entries: list[zipfile.ZipInfo]) -> None:
    taken: set[str] = set()
    for entry in entries:
        for path in paths_of(entry):
            _check_path(file, path)
        _check_kind(file, entry)
        # Windows and macOS, and the packages of Office, keep names apart without regard to case.
        plain = unicodedata.normalize("NFC", paths_of(entry)[0]).replace("\\", "/").casefold()
        if plain in taken:
            raise RefusedError(
                "{name}: holds {entry} twice; pack it again without the double",
                name=file.name,
                entry=visible(paths_of(entry)[0]),
            )
        taken.add(plain)


def _check_path(file: Suspect, path: str) -> None:
    if re.match(r"[/\\]|[A-Za-z]:", path) or ".." in re.split(r"[/\\]", path) or "\0" in path:
        raise RefusedError(
            "{name}: the path {entry} inside it leads outside; pack it again with relative paths",
            name=file.name,
            entry=visible(path),
        )
    if any(map(is_unsafe, path)):
        raise RefusedError(
            "{name}: the name holds invisible control characters; rename the file", name=inside(file, path)
        )


def _check_kind(file: Suspect, entry: zipfile.ZipInfo) -> None:
    """By the mode of Unix, which other systems leave empty."""
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise RefusedError(
            "{name}: {entry} inside it is a link or a device; pack the file itself",
            name=file.name,
            entry=visible(paths_of(entry)[0]),
        )


def _check_sizes(file: Suspect, entries: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > file.limits.unpacked_bytes:
        raise RefusedError(
            "{name}: unpacks to {size_mb} MB, at most {limit_mb} MB are accepted",
            name=file.name,
            size_mb=mb(unpacked),
            limit_mb=mb(file.limits.unpacked_bytes),
        )
    if unpacked > file.budget.unpacked:
        raise RefusedError(
            "{name}: unpacks, together with the files before it, to more than {limit_mb} MB; hand in fewer at once",
            name=file.name,
            limit_mb=mb(file.limits.unpacked_bytes),
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
        refuse_broken(file)
    file.budget.unpacked -= unpacked


def unpacked(file: Suspect, info: zipfile.ZipInfo) -> Iterator[bytes]:
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
        # Some programs go by the name that stands here.
        if magic != b"PK\x03\x04" or source.read(name_length) != _raw_path(info):
            raise zipfile.BadZipFile
        source.seek(extra_length, io.SEEK_CUR)
        left = info.compress_size
        while left and (piece := source.read(min(left, CHUNK))):
            left -= len(piece)
            yield piece


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in packed:
        rest = piece
        while rest and not inflater.eof:
            yield inflater.decompress(rest, CHUNK)
            rest = inflater.unconsumed_tail
        if inflater.eof:
            break
    # The decompressor may still hold output when all input was given to it.
    while not inflater.eof and (waiting := inflater.decompress(b"", CHUNK)):
        yield waiting
    if not inflater.eof:
        raise zipfile.BadZipFile
