"""Reads one workbook and answers in JSON: `python -m adapters.workbooks.reading`, with what is asked on its input.

It is started by `sheets`, and computes and holds no more than it was told it may.
"""

import datetime as dt
import json
import os
import resource
import sys
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.worksheet._reader import WorkSheetParser

from adapters.workbooks import formats, heads
from adapters.workbooks.budget import Budget

NICE = 10  # pages go first

Rows = list[list[Any]]


class TooMuchError(Exception):
    """A limit of the budget was passed: the template of what is told, and its facts."""

    def __init__(self, template: str, **facts: Any) -> None:
        super().__init__(template)
        self.template, self.facts = template, facts


def main() -> None:
    asked = json.load(sys.stdin)
    path, wanted = Path(asked.pop("path")), set(asked.pop("heads"))
    budget = Budget(**asked)
    _limit(budget)
    try:
        answer: dict[str, Any] = {"sheets": _Reading(budget, wanted).sheets(path)}
    except TooMuchError as error:
        answer = {"refused": error.template, "facts": error.facts}
    json.dump(answer, sys.stdout)


def _limit(budget: Budget) -> None:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (budget.cpu_seconds, budget.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (budget.memory_bytes, budget.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parser(page: Any, source: Any) -> WorkSheetParser:
    """As openpyxl reads a sheet itself.

    Not by `page.iter_rows`, which makes up cells for every row down to the last one, also where there is nothing, and
    says neither what is merged nor what is hidden.
    """
    book = page.parent
    return WorkSheetParser(
        source,
        page._shared_strings,  # noqa: SLF001
        data_only=book.data_only,
        epoch=book.epoch,
        date_formats=book._date_formats,  # noqa: SLF001
        timedelta_formats=book._timedelta_formats,  # noqa: SLF001
    )


class _Reading:
    def __init__(self, budget: Budget, wanted: set[str]) -> None:
        self.budget, self.wanted = budget, wanted
        self.rows = self.cells = self.characters = 0

    def sheets(self, path: Path) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            # openpyxl warns of features that it does not support, such as drop-down lists; none matters here.
            warnings.simplefilter("ignore")
            # Opened here, as openpyxl leaves a file open that it cannot read.
            with path.open("rb") as source, closing(load_workbook(source, read_only=True, keep_links=False)) as book:
                if len(book.worksheets) > self.budget.sheets:
                    raise TooMuchError("{name}: at most {limit} sheets are read", limit=self.budget.sheets)
                return [found for page in book.worksheets if (found := self._sheet(page))]

    def _sheet(self, page: Any) -> dict[str, Any] | None:
        """None where no row near its top has the headings."""
        with page._get_source() as source:  # noqa: SLF001  (see `_parser`)
            parser = _parser(page, source)
            rows = self._rows(page, parser)
            if rows is None:
                return None
            merged = [self._place(one) for one in parser.merged_cells.mergeCell] if parser.merged_cells else []
            hidden = {number for number, row in parser.row_dimensions.items() if row.get("hidden") in ("1", "true")}
        told = [[number, str(number) in hidden, cells] for number, cells in rows]
        return {"title": page.title, "hidden": page.sheet_state != "visible", "rows": told, "merged": merged}

    def _rows(self, page: Any, parser: WorkSheetParser) -> Rows | None:
        rows: Rows = []
        head, most = None, 1
        for number, row in parser.parse():
            cells = [cell for one in row if (cell := self._cell(page, one))]
            if not cells:
                continue
            self._count_text(cells)
            rows.append([number, cells])
            if len(rows) <= self.budget.head_within:
                known = len({heads.word(str(cell[2])) for cell in cells} & self.wanted)
                head, most = (len(rows) - 1, known) if known > most else (head, most)
            elif head is None:
                return None
            else:
                self._count(page, cells)
        return rows[head:] if head is not None else None

    def _count(self, page: Any, cells: list[Any]) -> None:
        self.rows, self.cells = self.rows + 1, self.cells + len(cells)
        if self.rows > self.budget.rows:
            raise TooMuchError(
                "{name}: the sheet {sheet} has more than {limit} rows", sheet=page.title, limit=self.budget.rows
            )
        if self.cells > self.budget.cells:
            raise TooMuchError("{name}: more than {limit} cells are filled in", limit=self.budget.cells)

    def _count_text(self, cells: list[Any]) -> None:
        """What is told of a workbook goes to the portal as a whole."""
        self.characters += sum(len(cell[2]) for cell in cells if isinstance(cell[2], str))
        if self.characters > self.budget.all_text:
            limit = self.budget.all_text
            raise TooMuchError("{name}: its cells hold more than {limit} characters in all", limit=limit)

    def _cell(self, page: Any, one: dict[str, Any]) -> list[Any] | None:
        value, kind = one["value"], one["data_type"]
        if value is None or value == "" or one["column"] > self.budget.columns:
            return None
        percent = formats.percents(ReadOnlyCell(page, **one).number_format, value) if kind == "n" else 0
        if isinstance(value, str):
            value = value[: self.budget.text]
        elif isinstance(value, dt.date):
            value = f"{value:%Y-%m}"
        elif not isinstance(value, bool | int | float):
            value = str(value)[: self.budget.text]
        return [one["column"] - 1, kind, value, percent]

    @staticmethod
    def _place(one: Any) -> list[int]:
        return [one.min_row, one.max_row, one.min_col - 1, one.max_col - 1]


if __name__ == "__main__":
    main()
