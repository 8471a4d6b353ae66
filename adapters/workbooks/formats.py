"""Excel's number formats, as far as they change what a figure is.

Source: ECMA-376 part 1, 18.8.31 (numFmts): a `%` multiplies by a hundred, unless it stands in quotes, after a
backslash, after `_` (a gap as wide as that sign) or `*` (fill with that sign), or in brackets; `;` parts the formats of
numbers above zero, below it, and zero. A comma behind the last place for a digit before the point shows thousandths;
in China `0!.0,"万"` shows ten-thousandths so.
"""

import re

_NO_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_THOUSANDTHS = re.compile(r"[0#?],+(?![0#?,])")
_CONDITION = re.compile(r"\[[<>=]")


def percents(number_format: str, value: float) -> int | None:
    """How often a cell of this format is multiplied by a hundred to be shown.

    None where conditions of the format's own (`[<1]0%;0`) decide which part counts, and the parts differ in it; and
    where any part shows thousandths.
    """
    code = _NO_CODE.sub("", number_format)
    if _THOUSANDTHS.search(code):
        return None
    parts = [part.count("%") for part in code.split(";")]
    if len(set(parts)) == 1:
        return parts[0]
    if _CONDITION.search(re.sub(r'"[^"]*"|\\.', "", number_format)):
        return None
    wanted = 0 if value > 0 else 1 if value < 0 else 2
    return parts[wanted] if wanted < len(parts[:3]) else parts[0]
