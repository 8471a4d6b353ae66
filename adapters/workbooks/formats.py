"""Excel's number formats, as far as they change what a figure is.

Source: ECMA-376 part 1, 18.8.31 (numFmts): a `%` multiplies by a hundred, unless it stands in quotes, after a
backslash, after `_` (a gap as wide as that sign) or `*` (fill with that sign), or in brackets; `;` parts the formats of
numbers above zero, below it, and zero. A comma behind the last place for a digit before the point shows thousandths;
in China `0!.0,"万"` shows ten-thousandths so.

What a format writes itself may make another figure of what the cell holds: `0"."0` shows 95 as 9.5, and `"9"0` as 995.
"""

import re

_NO_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_THOUSANDTHS = re.compile(r"[0#?],+(?![0#?,])")
_CONDITION = re.compile(r"\[[<>=]")


_TOKEN = re.compile(r'"([^"]*)"|[\\!](.)|_.|\*.|\[[^\]]*\]|(.)', re.DOTALL)
# What the format itself writes: digits, points and commas, minuses, and anything else.
_DIGIT, _POINT, _MINUS, _WORD = "\1", "\2", "\3", "\4"
_MAKES_ANOTHER = re.compile("\1[0#?]|[0#?]\1|[0#?]\2[0#?]|(?:\3|(?<![Ee])-)[0#?]")


def percents(number_format: str, value: float) -> int | None:
    """How often a cell of this format is multiplied by a hundred to be shown.

    None where conditions of the format's own (`[<1]0%;0`) decide which part counts, and the parts differ in it; and
    where any part shows thousandths, or writes digits, points or a minus of its own. So it is also with what programs
    read in two ways: a `%` behind `!`, which is a backslash in China and nowhere else, and an open quotation.
    """
    code = _NO_CODE.sub("", number_format)
    if _THOUSANDTHS.search(code) or '"' in code or "!%" in code or _makes_another(number_format, value):
        return None
    parts = [part.count("%") for part in code.split(";")]
    if len(set(parts)) == 1:
        return parts[0]
    if _CONDITION.search(re.sub(r'"[^"]*"|\\.', "", number_format)):
        return None
    wanted = 0 if value > 0 else 1 if value < 0 else 2
    return parts[wanted] if wanted < len(parts[:3]) else parts[0]


def _makes_another(number_format: str, value: float) -> bool:
    """Whether what is shown has other digits than the cell, or another sign, in the part for this value."""
    parts = [""]
    for token in _TOKEN.finditer(number_format):
        written, plain = token[1] or token[2] or "", token[3] or ""
        if plain == ";":
            parts.append("")
        else:
            parts[-1] += plain + "".join(map(_kind, written))
    if value < 0 and len(parts) > 1:  # that part writes the minus
        return _MAKES_ANOTHER.search(parts[1].replace("-", "").replace(_MINUS, "")) is not None
    return _MAKES_ANOTHER.search(parts[0]) is not None


def _kind(sign: str) -> str:
    if sign.isdigit():
        return _DIGIT
    return _POINT if sign in ".,．，" else _MINUS if sign in "-−" else _WORD
