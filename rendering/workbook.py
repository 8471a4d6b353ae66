"""Rows as an Excel workbook, written one by one: with a frozen head, filters and columns of fitting width.

What a person typed is always written as text. Otherwise a note such as `=HYPERLINK(…)` would be run as a formula by the
reader's Excel.
"""

import dataclasses
import datetime as dt
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from rendering.printable import is_formula, printable

Cell = str | int | float | dt.date | dt.datetime | None

# Limits of Excel itself (support.microsoft.com, "Excel specifications and limits").
MAX_ROWS = 1_048_576
LONGEST_TEXT = 32_767
LONGEST_TITLE = 31

_NOT_IN_TITLE = re.compile(r"[\[\]:*?/\\]")
_CUT = "…"
_NARROWEST, _WIDEST = 6, 60  # in characters
_MEASURED = 200  # rows by which the widths are set: they have to be known before the other rows are read


@dataclasses.dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. `rows` are read once, as they are written; rows beyond Excel's limit go on in a further sheet."""

    title: str
    head: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def write_workbook(sheets: Iterable[Sheet], output: BinaryIO) -> None:
    """Write the sheets as an .xlsx. Memory does not grow with the rows.

    Instants are written as local time of their own zone, as Excel knows no time zones. A text that is too long for a
    cell of Excel is cut and ends in `…`.
    """
    book = Workbook(write_only=True)
    taken: set[str] = set()
    for sheet in sheets:
        for rows in _portions(iter(sheet.rows)):
            _write(book.create_sheet(_title(sheet.title, taken)), sheet.head, rows)
    book.save(output)


def _portions(rows: Iterator[Sequence[Cell]]) -> Iterator[Iterator[Sequence[Cell]]]:
    """The rows in portions that each fit into a sheet below its head; at least one portion, even if it is empty."""
    yield itertools.islice(rows, MAX_ROWS - 1)
    for following in rows:
        yield itertools.chain([following], itertools.islice(rows, MAX_ROWS - 2))


def _write(page: Any, head: Sequence[str], rows: Iterator[Sequence[Cell]]) -> None:
    first = list(itertools.islice(rows, _MEASURED))
    # In the file both come before the rows, so they have to be written first.
    page.freeze_panes = "A2"
    for column, width in enumerate(_widths([head, *first]), start=1):
        page.column_dimensions[get_column_letter(column)].width = width
    page.append([_head_cell(page, text) for text in head])
    count = 1
    for row in itertools.chain(first, rows):
        page.append([_cell(page, value) for value in row])
        count += 1
    page.auto_filter.ref = f"A1:{get_column_letter(len(head))}{count}"


def _head_cell(page: Any, text: str) -> Any:
    cell = WriteOnlyCell(page, printable(text))
    cell.data_type = "s"
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", start_color="F2F2F2")
    cell.alignment = Alignment(wrap_text=True, vertical="center")
    return cell


def _cell(page: Any, value: Cell) -> Any:
    if isinstance(value, str):
        return _text(page, value)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    return value


def _text(page: Any, value: str) -> Any:
    text = printable(value)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + _CUT
    if not (may_run := is_formula(text)) and text not in ERROR_CODES:
        return text
    cell = WriteOnlyCell(page, text)
    cell.data_type = "s"
    # Without this Excel makes it a formula as soon as somebody edits the cell.
    cell.quotePrefix = may_run
    return cell


def _widths(rows: Sequence[Sequence[Cell]]) -> Iterator[int]:
    """The width of each column in characters; a Chinese one takes two."""
    for column in itertools.zip_longest(*rows):
        widest = max(_width(value) for value in column)
        yield min(max(widest + 2, _NARROWEST), _WIDEST)


def _width(value: Cell) -> int:
    if value is None:
        return 0
    text = str(value)[:_WIDEST]
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _title(wanted: str, taken: set[str]) -> str:
    """A name that Excel allows and that no other sheet has; Excel ignores case there."""
    base = _NOT_IN_TITLE.sub(" ", printable(wanted)).strip(" '") or "Sheet"
    title = base[:LONGEST_TITLE]
    for number in itertools.count(2):
        if title.casefold() not in taken:
            break
        mark = f" ({number})"
        title = base[: LONGEST_TITLE - len(mark)] + mark
    taken.add(title.casefold())
    return title
