"""The sheets of a workbook that have the headings that are asked for.

Whoever made the file decides what reading it costs. So a process of its own reads it (`reading`), with limits of time
and memory that the system keeps, and at low priority; what it answers is bounded as well.
"""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.evidence.apart import inspect_all
from adapters.evidence.inspection import MIB, Limits
from adapters.workbooks.budget import MAX_SECONDS, Budget
from models.common.errors import RefusedError
from models.common.typed import plain

# What a sheet of figures is far below. Whatever exceeds this is something else, or an attack.
LIMITS = Limits(file_bytes=10 * MIB, unpacked_bytes=64 * MIB, entries=1_000)
MAX_AT_ONCE = 2  # processes, on top of those that serve pages
WAIT_S = 20  # for a place among them

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell. `kind` is openpyxl's: n, s, b, d, f, e.

    `percent`: how often Excel multiplies it by a hundred to show it; None where that cannot be told.
    """

    value: Any
    kind: str = "s"
    percent: int | None = 0

    @property
    def text(self) -> str:
        return "" if self.value is None else plain(str(self.value))


EMPTY = Cell(None)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """The number that Excel shows, and the cells by the positions of their columns, the first of which is 0."""

    number: int
    is_hidden: bool
    cells: dict[int, Cell]


@dataclasses.dataclass(frozen=True, slots=True)
class Merged:
    """Cells that are shown as one: first and last row by Excel's numbers, and column by position."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int


@dataclasses.dataclass(frozen=True, slots=True)
class SheetCells:
    """The rows with content of one sheet, beginning with the headings."""

    title: str
    is_hidden: bool
    rows: Sequence[Row]
    merged: Sequence[Merged]


def sheets_with(path: Path, name: str, heads: Collection[str]) -> list[SheetCells]:
    """The sheets in which a row has at least two of these headings (as `heads.word` gives them).

    Raises RefusedError for what is no sound workbook, or asks for more than a person fills in.
    """
    if not name.lower().endswith(".xlsx"):
        raise RefusedError("{name}: expected an Excel workbook (.xlsx)", name=name)
    inspect_all([(path, name)], LIMITS)
    asked = {"path": str(path.absolute()), "heads": sorted(heads)} | dataclasses.asdict(Budget())
    with _place(name):
        answer = _read(json.dumps(asked), name)
    if "refused" in answer:
        raise RefusedError(answer["refused"], name=name, **answer["facts"])
    return [_sheet(one) for one in answer["sheets"]]


@contextmanager
def _place(name: str) -> Iterator[None]:
    if not _places.acquire(timeout=WAIT_S):
        raise RefusedError("{name}: other workbooks are being read just now; try again in a minute", name=name)
    try:
        yield
    finally:
        _places.release()


def _read(asked: str, name: str) -> dict[str, Any]:
    # Its own modules count, whatever lies in the folder in which the command was called (-P).
    command = [sys.executable, "-P", "-m", "adapters.workbooks.reading"]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)  # noqa: S603  (our own arguments)
    except subprocess.TimeoutExpired as late:
        raise RefusedError("{name}: takes too long to read; save the sheet in a new workbook", name=name) from late
    if done.returncode:
        raise RefusedError("{name}: is not a sound Excel workbook; save it anew in Excel", name=name)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _sheet(one: dict[str, Any]) -> SheetCells:
    rows = [
        Row(number, hidden, {position: Cell(value, kind, percent) for position, kind, value, percent in cells})
        for number, hidden, cells in one["rows"]
    ]
    return SheetCells(one["title"], one["hidden"], rows, [Merged(*place) for place in one["merged"]])
