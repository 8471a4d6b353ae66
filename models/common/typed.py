"""What people type or paste, made comparable: what nobody sees dropped, one form for what looks alike."""

import functools
import re
import unicodedata
from typing import Any

# Neither shown nor a space, though Unicode counts some of them as letters: combining grapheme joiner, blanks of Hangul
# and Braille, variation selectors, and places that are kept for more of their like or for no sign at all. Those of the
# category Cf (zero-width space, byte order mark, direction marks …) come besides. Source: Unicode's properties
# Default_Ignorable_Code_Point and Noncharacter_Code_Point.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufdd0-\ufdef\ufe00-\ufe0f\ufff0-\ufff8"
    f"\U000e0000-\U000e0fff{''.join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))}]"
)
# Parts of characters that look like whole ones, as text copied out of a PDF has them; NFKC leaves these alone. Source:
# Unicode's EquivalentUnifiedIdeograph.txt.
_RADICALS = str.maketrans(
    "⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻱",
    "民虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龜",
)
# Capitals of Cyrillic and Greek that nobody tells from those of Latin.
_LIKE_LATIN = str.maketrans("АВЕЅІЈКМНОРСТУХԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTYXQWABEZHIKMNOPTYX")


def plain(text: str) -> str:
    """Without what nobody sees, and with one form of what looks alike (Unicode's NFKC): `（Ａ）` becomes `(A)`."""
    shown = _UNSEEN.sub("", unicodedata.normalize("NFKC", text).translate(_RADICALS))
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
    return text.strip() if any(sign.isalnum() and not _is_mark(sign) for sign in plain(text)) else ""


def person_name(text: str) -> str:
    """A name on one line; empty where nobody can be known by it, as fewer than two letters can be seen."""
    name = re.sub(r"\s+", " ", plain(text))
    letters = [sign for sign in name if _is_letter(sign)]
    return name if len(letters) > 1 and not all(map(_is_mark, letters)) else ""


def _is_mark(sign: str) -> bool:
    """Whether it only belongs to a letter beside it, as a mark of length or of repetition does (ー, 々)."""
    return unicodedata.category(sign) == "Lm"


def _is_letter(sign: str) -> bool:
    # Some rare characters of names have places of private use, or none in this version of Unicode.
    return sign.isalpha() or unicodedata.category(sign) in {"Co", "Cn"}


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are written: spaces, points, case, simplified or not, or with
    letters of other scripts that look alike.
    """
    return _skeleton(one) == _skeleton(other)


def _skeleton(name: str) -> str:
    letters = "".join(sign for sign in plain(name) if sign.isdigit() or _is_letter(sign)).upper()
    return str(_to_simplified().convert(letters.translate(_LIKE_LATIN).casefold()))


@functools.cache
def _to_simplified() -> Any:
    from opencc import OpenCC  # noqa: PLC0415  (it reads its tables, and most never compare names)

    return OpenCC("t2s")
