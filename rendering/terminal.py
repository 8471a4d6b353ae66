"""Text as a terminal may be shown it."""

import re

# What a terminal obeys (colours, titles, the place of writing), what turns the direction of reading, and what cannot be
# written. Line breaks and tabs lay text out.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
)


def visible(text: str) -> str:
    """The text with such signs written out as JSON has them, where they mean the same."""
    return _OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
