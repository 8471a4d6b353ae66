"""Folders of the data folder, in which other accounts of this machine have no business."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Others may pass through, and see nothing of what lies in it: the embedded PostgreSQL of root runs as another user.
PASSABLE = 0o711
PRIVATE = 0o700
OF_OTHERS = 0o007
TO_LOOK, TO_PASS = 0o006, 0o011
ALL = 0o7777


def keep_to_ourselves() -> None:
    """Whatever this process and those that it starts write from now on, others of this machine cannot read."""
    os.umask(~PRIVATE & 0o777)


def data_folder(path: Path) -> Path:
    """Make the data folder, or take from others what lets them look into the one that is there."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(PASSABLE)
    _take(path, TO_LOOK)
    return path


def private_folder(path: Path) -> Path:
    """Make a folder for ourselves alone, or take from others whatever they may do with the one that is there."""
    path.mkdir(mode=PRIVATE, exist_ok=True)
    _take(path, OF_OTHERS)
    return path


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
    """Opened to write at its end, for ourselves alone."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


def _take(path: Path, rights: int) -> None:
    """A group's rights stay: an operator may have given them to whoever makes backups."""
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & rights:
        path.chmod(found.st_mode & ALL & ~rights)
