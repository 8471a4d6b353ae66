"""Figures that a unit hands in: `name = value`, one a line."""

import re
from collections.abc import Iterable

from models.common.errors import RefusedError

MOST = 100
LONGEST = 200  # characters of a name or a value

Figures = dict[str, int | float | str]


def read_figures(lines: Iterable[str]) -> Figures:
    """The figures by name: plain numbers as numbers, anything else (50%, 3/4) as it was written.

    Empty lines are left out; a full-width sign of equality will do. Raises RefusedError.
    """
    figures: Figures = {}
    for text in filter(None, (line.strip() for line in lines)):
        name, sign, value = (part.strip() for part in text.replace("＝", "=").partition("="))
        if not (name and sign and value):
            raise RefusedError("{text}: expected NAME=VALUE", text=text[:LONGEST])
        if len(name) > LONGEST or len(value) > LONGEST:
            raise RefusedError("{text}…: a figure has at most {limit} characters", text=text[:40], limit=LONGEST)
        if name in figures:
            raise RefusedError("{name}: the figure is given twice", name=name)
        figures[name] = _number(value)
    if len(figures) > MOST:
        raise RefusedError("{count} figures at once; at most {limit} are accepted", count=len(figures), limit=MOST)
    return figures


def _number(text: str) -> int | float | str:
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text, re.ASCII) else text
