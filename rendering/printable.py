"""Text as office files can hold it."""

import re

# What XML 1.0 has no way to write; a note copied out of another program may carry it.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text with every character that XML cannot hold replaced by a visible mark: it was there."""
    return _UNWRITABLE.sub("\ufffd", text)
