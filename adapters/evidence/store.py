"""Where the bytes of evidence are kept: by the SHA-256 of their content, written once, never changed.

The file comes first and the row that names it second, so that no row ever stands without its file.
"""

import contextlib
import datetime as dt
import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from adapters.folders import PRIVATE
from models.common.errors import NotFoundError, RefusedError

_CHUNK = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = 0o440


@dataclass(frozen=True)
class StoredFile:
    """The address of a stored content (lower-case hexadecimal SHA-256) and its size in bytes."""

    sha256: str
    size: int


class Incoming:
    """A file on its way into the store, of which the bytes come in pieces; `EvidenceStore.receive` gives it.

    What was written lies in the file at `path` at once, so it may be looked at there before it is kept.
    Every method raises RefusedError when the disk is full.
    """

    def __init__(
        self, target: FileIO, path: Path, name: str, settle: Callable[[Path, StoredFile], None], *, is_local: bool
    ) -> None:
        self.path = path
        self.name = name
        self._target = target
        self._settle = settle
        self._is_local = is_local
        self._tally = _Tally()
        self._is_finished = False

    @property
    def size(self) -> int:
        """The bytes that have come so far."""
        return self._tally.size

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Add a piece. Pieces of about 1 MiB are the fastest: each is hashed and written in one go."""
        with _refusing_when_full(self.name):
            rest = memoryview(piece)
            while rest:  # a full disk takes a part of the bytes first, and raises only at the next write
                rest = rest[self._target.write(rest) :]
        self._tally.add(piece)

    def finish(self) -> None:
        """Bring the content safely to the disk: no more will come, and `keep` will only have to move it.

        Of several files, finish all before keeping the first: so a full disk is noticed in time.
        """
        if self._is_local:
            with _refusing_when_full(self.name):
                os.fchmod(self._target.fileno(), _READ_ONLY)
                os.fsync(self._target.fileno())
        self._is_finished = True

    def keep(self) -> StoredFile:
        """Make it a file of the store, as durably as `EvidenceStore.put` does."""
        if not self._is_finished:
            self.finish()
        stored = self._tally.stored
        with _refusing_when_full(self.name):
            self._settle(self.path, stored)
        return stored


class EvidenceStore:
    """A store at any fsspec address: a local folder, `memory://…`, `s3://bucket/folder`.

    Any number of processes may use one store at once.
    """

    def __init__(self, url: str) -> None:
        # Slow to load, and most pages touch no file.
        from fsspec.core import url_to_fs  # noqa: PLC0415
        from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415

        self._fs, root = url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._local = Path(root) if isinstance(self._fs, LocalFileSystem) else None

    def put(self, path: Path) -> StoredFile:
        """Keep the content of the local file `path`; the same content again changes nothing.

        When this returns, the content survives a power cut. Raises RefusedError when the store is
        full, OSError when `path` or the store cannot be read or written; nothing is left behind then.
        """
        if self._local is None:
            return self._put_remote(path)
        with self.receive(path.name) as incoming, path.open("rb") as source:
            _copy(source, incoming.write)
            return incoming.keep()

    @contextmanager
    def receive(self, name: str) -> Iterator[Incoming]:
        """A file that a unit calls `name` comes in, in pieces. What is not kept is gone when the block ends.

        Raises RefusedError when the disk is full.
        """
        incoming = None if self._local is None else self._local / "incoming"
        with _refusing_when_full(name):
            if incoming is not None:
                _make_folder(incoming)
            handle, temporary = tempfile.mkstemp(prefix="put-", dir=incoming)
        path = Path(temporary)
        try:
            # Unbuffered, so that closing has nothing left to write and cannot fail.
            with FileIO(handle, "wb") as target:
                yield Incoming(target, path, name, self._settle, is_local=incoming is not None)
        finally:
            path.unlink(missing_ok=True)

    def open(self, sha256: str) -> BinaryIO:
        """The content as a binary stream. Raises NotFoundError when the store does not hold it."""
        try:
            return cast("BinaryIO", self._fs.open(self.path_of(sha256), "rb"))
        except FileNotFoundError as failure:
            raise NotFoundError("The evidence store holds no file {sha256}", sha256=sha256) from failure

    def path_of(self, sha256: str) -> str:
        """Where the content lies or would lie: a local path, or a key of the object store.

        Raises NotFoundError when `sha256` is not a SHA-256, so no path can lead out of the store.
        """
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise NotFoundError('"{sha256}" is not the address of a stored file', sha256=sha256)
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def has_room_for(self, size: int, floor: int) -> bool:
        """Whether `floor` bytes of the disk stay free when `size` more are stored. An object store has no end."""
        if self._local is None:
            return True
        there = next(folder for folder in (self._local, *self._local.parents) if folder.exists())
        return shutil.disk_usage(there).free - size >= floor

    @property
    def owner(self) -> str:
        """Whose files these are, as `claim` has written it; empty where nobody has."""
        try:
            return bytes(self._fs.cat_file(self._owner_key)).decode(errors="replace")
        except FileNotFoundError:
            return ""

    def claim(self, owner: str) -> None:
        """Write down whose files these are: nobody else may remove any."""
        if self._local is not None:
            _make_folder(self._local)
        self._fs.pipe_file(self._owner_key, owner.encode())

    @property
    def _owner_key(self) -> str:
        return f"{self._root}/owner"

    def contents(self) -> Iterator[tuple[str, dt.datetime]]:
        """The address of every stored file, and when it was stored (aware)."""
        self._fs.invalidate_cache()
        for key, facts in self._fs.find(self._root, detail=True).items():
            address = key.rpartition("/")[2]
            if re.fullmatch("[0-9a-f]{64}", address) and str(key).endswith(self.path_of(address)[len(self._root) :]):
                yield address, _stored_at(facts)

    def remove(self, sha256: str, older_than: dt.datetime) -> bool:
        """Remove a file that nothing names, unless it was stored again meanwhile. Whether it was removed."""
        key = self.path_of(sha256)
        self._fs.invalidate_cache()
        try:
            if _stored_at(self._fs.info(key)) >= older_than:
                return False
            self._fs.rm_file(key)
        except FileNotFoundError:
            return False
        return True

    def exists(self, sha256: str) -> bool:
        return bool(self._fs.isfile(self.path_of(sha256)))

    def verify(self, sha256: str) -> bool:
        """Read the content again: true when it is there and still is what its address says."""
        try:
            with self.open(sha256) as source:
                return _read(source).sha256 == sha256
        except NotFoundError:
            return False

    def sweep(self, older_than: dt.datetime) -> int:
        """Remove what interrupted writers left before `older_than` (aware); how many there were.

        Leave a day, so that no writer at work loses its file. An object store has nothing to sweep:
        its interrupted uploads are the business of the bucket's lifecycle rule.
        """
        incoming = None if self._local is None else self._local / "incoming"
        if incoming is None or not incoming.is_dir():
            return 0
        removed = 0
        for temporary in incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another sweep, or its writer, was faster
                if temporary.stat().st_mtime < older_than.timestamp():
                    temporary.unlink()
                    removed += 1
        return removed

    def _put_remote(self, path: Path) -> StoredFile:
        # An object appears whole or not at all, so it needs no temporary and no rename.
        with path.open("rb") as source:
            stored = _read(source)
        with _refusing_when_full(path.name):
            self._upload(path, stored)
        return stored

    def _upload(self, path: Path, stored: StoredFile) -> None:
        key = self.path_of(stored.sha256)
        self._fs.put_file(str(path), key)
        if self._size(key) != stored.size:
            self._fs.rm_file(key)
            raise OSError(errno.EIO, "the file changed while it was being stored", str(path))

    def _settle(self, path: Path, stored: StoredFile) -> None:
        if self._local is None:
            self._upload(path, stored)
        else:
            _settle(path, Path(self.path_of(stored.sha256)))

    def _size(self, key: str) -> int | None:
        self._fs.invalidate_cache()
        try:
            return int(self._fs.info(key)["size"])
        except FileNotFoundError:
            return None


def _stored_at(facts: Mapping[str, Any]) -> dt.datetime:
    """What fsspec's file systems call by different names; the end of time where none says it: it is never old."""
    found = facts.get("mtime") or facts.get("LastModified") or facts.get("created")
    if isinstance(found, dt.datetime):
        return found
    return dt.datetime.fromtimestamp(found, dt.UTC) if found else dt.datetime.max.replace(tzinfo=dt.UTC)


class _Tally:
    """The address of bytes that come in pieces."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        self._digest.update(piece)
        self.size += len(piece)

    @property
    def stored(self) -> StoredFile:
        return StoredFile(self._digest.hexdigest(), self.size)


@contextmanager
def _refusing_when_full(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno in _FULL:
            raise RefusedError(
                "{name}: was not stored, because the evidence store is full; "
                "make room in it and hand the file in again",
                name=name,
            ) from failure
        raise


def _settle(temporary: Path, final: Path) -> None:
    _make_folder(final.parent)
    # Also where the content is there already: it may be about to be swept, and this one is new.
    temporary.replace(final)
    _sync_folder(final.parent)
    _sync_folder(final.parent.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(source: BinaryIO) -> StoredFile:
    tally = _Tally()
    _copy(source, tally.add)
    return tally.stored


def _copy(source: BinaryIO, write: Callable[[bytes], None]) -> None:
    while piece := source.read(_CHUNK):
        write(piece)
