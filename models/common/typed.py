"""What people type or paste, made comparable: what nobody sees dropped, one form for what looks alike."""

import re
import unicodedata

# Neither shown nor a space, though Unicode counts some of them as letters: combining grapheme joiner, blanks of Hangul
# and Braille, variation selectors. Those of the category Cf (zero-width space, byte order mark, direction marks …) come
# besides. Source: Unicode's property Default_Ignorable_Code_Point.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def plain(text: str) -> str:
    """Without what nobody sees, and with one form of what looks alike (Unicode's NFKC): `（Ａ）` becomes `(A)`."""
    shown = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return "".join(sign for sign in shown if unicodedata.category(sign) != "Cf").strip()


def word(text: str) -> str:
    """The same for comparison: without regard to case, and one space for several."""
    return re.sub(r"\s+", " ", plain(text)).casefold()
