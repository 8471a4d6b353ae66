"""Headings as people write them: `Value *`, `数值（%）`, `Unit code:`."""

import re

from models.common.typed import word as plain_word

_MARKS = re.compile(r"\s*(?:[*:]+|\(\s*(?P<aside>%|必填|选填|可选|required|optional)\s*\))$")


def word(text: str) -> str:
    """The heading without the marks around it, for comparison. Other asides stay: `Value (yuan)` is not `Value`."""
    found = plain_word(text)
    while marked := _MARKS.search(found):
        found = found[: marked.start()]
    return found


def says_per_cent(text: str) -> bool:
    """Whether an aside says that the figures below are in per cent."""
    return "(%)" in plain_word(text).replace(" ", "")
