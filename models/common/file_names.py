"""Names of files that every system can write. Linux takes 255 bytes for a name, and a Chinese character has three."""

from collections.abc import Callable
from itertools import count
from pathlib import PurePosixPath

LONGEST_NAME = 255  # bytes of UTF-8


def fitting(name: str, most: int = LONGEST_NAME) -> str:
    """`name`, without a folder, cut to `most` bytes; its ending stays, and no character is split."""
    return _joined(PurePosixPath(name).stem, PurePosixPath(name).suffix, most)


def distinct(name: str, is_taken: Callable[[str], bool]) -> str:
    """`name` so that it fits, and with a number where that one is taken."""
    pure = PurePosixPath(name)
    free, numbers = fitting(name), count(2)
    while is_taken(free):
        free = _joined(pure.stem, f" ({next(numbers)}){pure.suffix}", LONGEST_NAME)
    return free


def _joined(stem: str, ending: str, most: int) -> str:
    room = most - len(ending.encode())
    # What is as long as that is no ending, but a sentence with a full stop in it.
    return _cut(stem, room) + ending if room > 0 else _cut(stem + ending, most)


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
