"""Makes text fit for office files."""

import re

# Characters that XML 1.0 does not allow; text copied from another program may contain them.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text with every character that XML does not allow replaced by a visible mark."""
    return _UNWRITABLE.sub("\ufffd", text)
