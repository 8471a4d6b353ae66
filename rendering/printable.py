"""Makes text fit for office files, and keeps it text there."""

import re
import unicodedata

from models.common.typed import seen

# Characters that XML 1.0 does not allow; text copied from another program may contain them.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text with every character that XML does not allow replaced by a visible mark."""
    return _UNWRITABLE.sub("\ufffd", text)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might take the text for a formula and carry it out, as some do with full-width signs too.

    It then needs a mark before it that says that it is text.
    """
    begins = unicodedata.normalize("NFKC", seen(text).lstrip()[:1])
    return text.startswith(("\t", "\r", "\n")) or (begins != "" and begins in "=+-@")
