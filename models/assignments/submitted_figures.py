"""Figures that a unit hands in: `name = value`, one a line."""

import re
from collections.abc import Iterable

from models.common.errors import RefusedError

MAX_FIGURES = 100
MAX_CHARACTERS = 200  # characters of a name or a value

Figures = dict[str, int | float | str]


def read_figures(lines: Iterable[str]) -> Figures:
    """The figures by name: plain numbers as numbers, anything else (50%, 3/4) as it was written.

    Empty lines are left out; a full-width sign of equality will do. Raises RefusedError.
    """
    figures: Figures = {}
    for text in filter(None, (line.strip() for line in lines)):
        name, sign, value = (part.strip() for part in text.replace("＝", "=").partition("="))
        if not (name and sign and value):
            raise RefusedError("{text}: expected NAME=VALUE", text=text[:MAX_CHARACTERS])
        if len(name) > MAX_CHARACTERS or len(value) > MAX_CHARACTERS:
            raise RefusedError("{text}…: a figure has at most {limit} characters", text=text[:40], limit=MAX_CHARACTERS)
        if name in figures:
            raise RefusedError("{name}: the figure is given twice", name=name)
        figures[name] = _number(value)
    if len(figures) > MAX_FIGURES:
        raise RefusedError(
            "{count} figures at once; at most {limit} are accepted", count=len(figures), limit=MAX_FIGURES
        )
    return figures


def _number(text: str) -> int | float | str:
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text, re.ASCII) else text
