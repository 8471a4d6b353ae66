"""Folders of the data folder, in which other accounts of this machine have no business."""

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.common.errors import RefusedError

# Others may pass through, and see nothing of what lies in it: the embedded PostgreSQL of root runs as another user.
PASSABLE = 0o711
PRIVATE = 0o700
OF_OTHERS = 0o007
TO_LOOK, TO_PASS = 0o006, 0o011
ALL = 0o7777
ROOT = 0


def keep_to_ourselves() -> None:
    """Whatever this process and those that it starts write from now on, others of this machine cannot read."""
    os.umask(~PRIVATE & 0o777)


def data_folder(path: Path) -> Path:
    """Make the data folder, or take from others what lets them look into the one that is there.

    Raises RefusedError where it is no folder, or another account's, which could change all that lies in it; root has
    its data where it likes.
    """
    if not path.is_dir():
        _make(path, parents=True)
        path.chmod(PASSABLE)
    owner = path.stat().st_uid
    if ROOT not in {os.geteuid(), owner} and owner != os.geteuid():
        raise RefusedError(
            "{folder}: belongs to another account of this machine ({owner}), which could change what lies in it; "
            "set DUBAN_DATA_DIR to a folder of your own",
            folder=str(path),
            owner=owner,
        )
    _take(path, TO_LOOK)
    return path


def private_folder(path: Path) -> Path:
    """Make a folder for ourselves alone, or take from others whatever they may do with the one that is there.

    Raises RefusedError where it is no folder.
    """
    if not path.is_dir():
        _make(path)
    _take(path, OF_OTHERS)
    return path


def _make(path: Path, *, parents: bool = False) -> None:
    try:
        path.mkdir(mode=PRIVATE, parents=parents, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as there:
        # Also a link that leads nowhere, as to a disk that is not there yet: another folder in its place would hide it.
        raise RefusedError(
            "{folder}: is no folder, or a link that leads to none", folder=str(there.filename or path)
        ) from there


@contextmanager
def kept_closed(folders: Sequence[Path]) -> Iterator[None]:
    """Whatever opens these folders to all meanwhile: afterwards others may pass through them, and no more than before.

    Under root the embedded PostgreSQL lets everybody look into all folders on the way to its data, `/root` among them.
    """
    before = {folder: folder.stat().st_mode & ALL for folder in folders}
    try:
        yield
    finally:
        for folder, mode in before.items():
            if folder.stat().st_mode & ALL != mode:
                folder.chmod(mode | TO_PASS)


def private_log(path: Path) -> IO[bytes]:
    """Opened to write at its end, for ourselves alone. Raises RefusedError where it is a folder."""
    with refusing_folders(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    found = os.fstat(handle)
    # Others need what a link may lead to that is no file, such as /dev/null.
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[IO[bytes]]:
    """With a lock on this file of ours, which is made where there is none; `how` as `fcntl.flock` has it.

    Raises BlockingIOError as that does, RefusedError where it is a folder.
    """
    with lock_file(path) as file:
        fcntl.flock(file, how)
        yield file


def lock_file(path: Path) -> IO[bytes]:
    """A file to be locked. What stands in it stays: a link may lead to anything."""
    with refusing_folders(path):
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


@contextmanager
def refusing_folders(path: Path) -> Iterator[None]:
    """Says in a line what is wrong where a folder stands in the place of a file of ours."""
    try:
        yield
    except IsADirectoryError as there:
        raise RefusedError("{file}: is a folder, and a file of ours should be there", file=str(path)) from there


def _take(path: Path, rights: int) -> None:
    """A group's rights stay: an operator may have given them to whoever makes backups."""
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & rights:
        path.chmod(found.st_mode & ALL & ~rights)
