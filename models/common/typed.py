"""What people type or paste, made comparable: what nobody sees dropped, one form for what looks alike."""

import functools
import re
import unicodedata
from typing import Any

# Neither shown nor a space, though Unicode counts some of them as letters: combining grapheme joiner, blanks of Hangul
# and Braille, variation selectors. Those of the category Cf (zero-width space, byte order mark, direction marks …) come
# besides. Source: Unicode's property Default_Ignorable_Code_Point.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def plain(text: str) -> str:
    """Without what nobody sees, and with one form of what looks alike (Unicode's NFKC): `（Ａ）` becomes `(A)`."""
    shown = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    # Line breaks and tabs are control characters that part words.
    kept = (" " if sign.isspace() else sign for sign in shown if sign.isspace() or not _is_control(sign))
    return "".join(kept).strip()


def seen(text: str) -> str:
    """Without what nobody sees, and otherwise as it was typed, line breaks included."""
    shown = _UNSEEN.sub("", text)
    if shown.isprintable():  # as nearly all is, and this is many times as fast
        return shown
    return "".join(sign for sign in shown if sign.isspace() or not _is_control(sign))


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cf", "Cs"}


def word(text: str) -> str:
    """The same for comparison: without regard to case, and one space for several."""
    return re.sub(r"\s+", " ", plain(text)).casefold()


def said(text: str) -> str:
    """What somebody said, as it is kept; empty where nothing can be read in it: neither a letter nor a digit."""
    return text.strip() if any(sign.isalnum() for sign in plain(text)) else ""


def person_name(text: str) -> str:
    """A name on one line; empty where nobody can be known by it, as fewer than two letters can be seen."""
    name = re.sub(r"\s+", " ", plain(text))
    return name if sum(_is_letter(sign) for sign in name) > 1 else ""


def _is_letter(sign: str) -> bool:
    # Some rare characters of names have places of private use, or none in this version of Unicode.
    return sign.isalpha() or unicodedata.category(sign) in {"Co", "Cn"}


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are written: spaces, points, case, simplified or not."""
    return _skeleton(one) == _skeleton(other)


def _skeleton(name: str) -> str:
    letters = "".join(sign for sign in plain(name) if sign.isdigit() or _is_letter(sign)).casefold()
    return str(_to_simplified().convert(letters))


@functools.cache
def _to_simplified() -> Any:
    from opencc import OpenCC  # noqa: PLC0415  (it reads its tables, and most never compare names)

    return OpenCC("t2s")
