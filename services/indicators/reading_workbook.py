"""Readings of the indicators out of an Excel workbook that somebody filled in.

A sheet is long, with a row for each figure and a column `Period`, or wide, with a row for each indicator and unit
and a column for each period (`2023`, `2024` …). What is wrong is told cell by cell, all of it at once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl.utils import get_column_letter

from adapters.language import Language
from adapters.workbooks import heads
from adapters.workbooks.sheets import EMPTY, Cell, Merged, Row, SheetCells, sheets_with
from models.common.errors import DubanError, Reason, RefusedError
from models.common.kinds import Comparator
from models.common.typed import word
from models.dates.period import Period
from models.indicators.reading import CITY, Figure, YesOrNo, is_in_per_cent, number_of, says_per_cent, wrong_in
from models.plan.indicator import Indicator
from models.plan.unit import Unit
from rendering.reading_sheets import COLUMNS, Context
from services.sheet_problems import Problem, SheetProblemsError

_CITY = {"", word(CITY.zh), "city", word(CITY.en)}
_HEADS = {heads.word(Language.of(code).gettext(head)): key for key, head in COLUMNS.items() for code in ("zh", "en")}
NEEDED = ("code", "words", "value")


def read_figures(path: Path, name: str, context: Context) -> list[Figure]:
    """The figures of a workbook; rows without a value are left out.

    Raises SheetProblemsError with everything that is wrong in it, RefusedError where it is no workbook.
    """
    tables = [_Table(sheet) for sheet in sheets_with(path, name, _HEADS)]
    if not any(table.is_data for table in tables):
        raise _no_table(name, tables)
    problems: list[Problem] = []
    figures: dict[tuple[int, str, int | None], tuple[Figure, str]] = {}
    for table in tables:
        if not table.is_data:
            continue
        problems += table.problems()
        for line in table.lines():
            figure = _Line(table, line, context, problems).figure()
            if figure is None:
                continue
            _, first = figures.setdefault(figure.key, (figure, place := f"{table.title} {line['row']}"))
            if first != place:
                twice = Reason("expected each figure once; it is also in {place}", place=first)
                problems.append(Problem(table.title, line["row"], "", figure.ref, twice))
    if problems:
        raise SheetProblemsError(name, problems)
    return [figure for figure, _ in figures.values()]


def _no_table(name: str, tables: Sequence["_Table"]) -> RefusedError:
    """Which columns are missing in the sheet that comes nearest, or which there should be where none comes near."""
    nearest = max(tables, key=lambda table: len(table.columns), default=None)
    if nearest is None:
        asked = [COLUMNS[key] for key in ("code", "period", "unit", "value", "words")]
        return RefusedError("{name}: no sheet has the columns of readings, which are: {heads}", name=name, heads=asked)
    missing = [COLUMNS[key] for key in nearest.missing]
    facts = {"name": name, "sheet": nearest.title, "row": nearest.head_row, "heads": missing}
    return RefusedError("{name}: in row {row} of the sheet {sheet} these columns are missing: {heads}", **facts)


class _Table:
    """A sheet as a table with known columns, a row for each figure, in whichever form it was filled in."""

    def __init__(self, sheet: SheetCells) -> None:
        self.title, self._merged, self._is_hidden = sheet.title, sheet.merged, sheet.is_hidden
        head, *self._rows = sheet.rows
        self.head_row = head.number
        self.columns: dict[str, int] = {}
        self.periods: dict[str, int] = {}
        self.in_per_cent: set[str] = set()
        self._twice: list[Problem] = []
        for position, cell in head.cells.items():
            self._read_head(position, cell)

    @property
    def is_data(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """What a table of readings needs and this has not."""
        there = self.columns.keys() | ({"value"} if self.periods else set())
        return [key for key in NEEDED if key not in there]

    def _read_head(self, position: int, cell: Cell) -> None:
        key, period = _HEADS.get(heads.word(cell.text)), _period_text(heads.word(cell.text))
        if key is not None:
            self._place(self.columns, key, position, cell)
        elif Period.read(period) is not None:
            key = period
            self._place(self.periods, key, position, cell)
        if key is not None and heads.says_per_cent(cell.text):
            self.in_per_cent.add(key)

    def _place(self, places: dict[str, int], key: str, position: int, cell: Cell) -> None:
        first = places.setdefault(key, position)
        if first != position:
            other = get_column_letter(first + 1)
            twice = Reason("expected each heading once; it also stands in column {column}", column=other)
            self._twice.append(Problem(self.title, self.head_row, get_column_letter(position + 1), cell.text, twice))

    def problems(self) -> list[Problem]:
        """What is wrong with the table as a whole: what could be read in two ways."""
        found = list(self._twice)
        if "value" in self.columns:
            either = Reason("expected a column of values or columns of periods, not both")
            found += [
                Problem(self.title, self.head_row, get_column_letter(position + 1), period, either)
                for period, position in self.periods.items()
            ]
        return found + [self._joined(one) for one in self._merged if self._joins(one)]

    def _joins(self, one: Merged) -> bool:
        """Whether it covers more than one cell that counts: of several rows, or of several known columns."""
        rows = [row for row in self._rows if one.first_row <= row.number <= one.last_row]
        known = [place for place in self._places.values() if one.first_column <= place <= one.last_column]
        return bool(rows and known) and (one.last_row > one.first_row or len(known) > 1)

    def _joined(self, one: Merged) -> Problem:
        first = next((row.cells.get(one.first_column) for row in self._rows if row.number == one.first_row), None)
        apart = Reason("expected a cell for each figure; this one is merged with others: unmerge it and fill in each")
        column = get_column_letter(one.first_column + 1)
        return Problem(self.title, one.first_row, column, (first or EMPTY).text[:60], apart)

    def lines(self) -> Iterator[dict[str, Any]]:
        """One for each figure: its row, the cells by the names of their columns, and where each stands."""
        frame = pd.DataFrame(
            [self._line(row) for row in self._rows], columns=["row", "is_hidden", *self._places], dtype=object
        )
        if self.periods and "value" not in self.columns:
            kept = [name for name in frame.columns if name not in self.periods]
            frame = frame.melt(id_vars=kept, value_vars=list(self.periods), var_name="head", value_name="value")
            frame = frame.sort_values("row", kind="stable")
        for line in frame.to_dict("records"):
            if line["value"].text:
                yield {str(name): cell for name, cell in line.items()}

    def _line(self, row: Row) -> dict[str, Any]:
        cells = {name: row.cells.get(position, EMPTY) for name, position in self._places.items()}
        return {"row": row.number, "is_hidden": self._is_hidden or row.is_hidden} | cells

    @property
    def _places(self) -> dict[str, int]:
        return self.columns | ({} if "value" in self.columns else self.periods)

    def letter(self, key: str) -> str:
        place = self._places.get(key)
        return "" if place is None else get_column_letter(place + 1)


def _period_text(text: str) -> str:
    """Excel makes a number of 2023."""
    return re.sub(r"\.0+$|年$", "", text)


class _Line:
    """One row that is read. What is wrong is added to `problems`, and reading goes on with the next cell."""

    def __init__(self, table: _Table, cells: Mapping[str, Any], context: Context, problems: list[Problem]) -> None:
        self.table = table
        self.cells = cells
        self.context = context
        self.problems = problems
        self.told = len(problems)

    def figure(self) -> Figure | None:
        """None where a cell cannot be read: the rules for figures need all of them."""
        for key in ("code", "period", "unit", "value", "reference", "weight", "words"):
            self._refuse_what_is_no_value(key)
        if len(self.problems) > self.told:
            return None
        indicator = self._indicator()
        unit = self._unit()
        numbers = {key: self._number(key, indicator) for key in ("value", "reference", "weight")}
        if indicator is None or len(self.problems) > self.told:
            return None
        words, is_hidden = self._cell("words").text, self.cells["is_hidden"]
        figure = Figure(indicator, self._period(), unit, words=words, is_hidden=is_hidden, **numbers)
        for key, reason in wrong_in(self.context.plan, figure, self.context.by, self.context.today):
            self._problem(key, reason)
        return figure

    def _cell(self, key: str) -> Cell:
        cell = self.cells.get(key, EMPTY)
        return cell if isinstance(cell, Cell) else EMPTY

    def _problem(self, key: str, expected: DubanError) -> None:
        head = str(self.cells["head"]) if key in {"value", "period"} and "head" in self.cells else key
        found = self._cell(key).text or (head if key == "period" else "")
        place = self.table.title, self.cells["row"], self.table.letter(head)
        self.problems.append(Problem(*place, found[:60], expected))

    def _refuse_what_is_no_value(self, key: str) -> None:
        match self._cell(key).kind:
            case "f":
                self._problem(key, Reason("expected a value and no formula: copy the cell and paste it as a value"))
            case "e":
                self._problem(key, Reason("expected a value; the cell holds an error of Excel"))

    def _indicator(self) -> Indicator | None:
        found = self.context.indicators.get(self._cell("code").text.upper())
        if found is None:
            self._problem("code", Reason("expected the code of an indicator of the plan, such as I05"))
        return found

    def _unit(self) -> Unit | None:
        """The unit of this code or name. An empty cell is the city for the office, and for a unit the unit itself."""
        said = word(self._cell("unit").text)
        if said in _CITY:
            is_own = said == "" and self.context.by in self.context.units
            return self.context.by if is_own else None
        for unit in self.context.units:
            if said in {word(unit.code), word(unit.name_zh), word(unit.name_en)}:
                return unit
        self._problem(
            "unit", Reason("expected the code or the name of a unit of the plan, or nothing for the whole city")
        )
        return None

    def _period(self) -> str:
        if "head" in self.cells:
            return str(self.cells["head"])
        return _period_text(self._cell("period").text)

    def _number(self, key: str, indicator: Indicator | None) -> float | None:
        cell = self._cell(key)
        if not cell.text:
            return None
        number = _number_in(cell, indicator)
        if number is None:
            self._problem(key, Reason("expected a number") if key != "value" else _expected_value(indicator))
            return None
        if cell.percent is None:
            self._problem(key, Reason("expected a plain number format: Excel shows another figure than the cell holds"))
            return None
        is_share = key != "weight" and indicator is not None and is_in_per_cent(indicator)
        if key != "weight" and indicator is not None and not is_share and (cell.percent or _says_per_cent(cell)):
            self._problem(key, Reason("expected a figure without %: this indicator is not in per cent"))
            return None
        head = str(self.cells.get("head", key)) if key == "value" else key
        if head in self.table.in_per_cent and not is_share:
            self._problem(key, Reason("expected a figure that is in per cent, as the heading says; this one is not"))
            return None
        # Excel shows 0.952 as 95.2%: what the person saw counts.
        shown = number * 100**cell.percent if is_share else number
        return number if isinstance(number, YesOrNo) else round(shown, 9)


def _says_per_cent(cell: Cell) -> bool:
    return isinstance(cell.value, str) and says_per_cent(cell.value)


def _expected_value(indicator: Indicator | None) -> Reason:
    is_status = indicator is not None and indicator.comparator is Comparator.STATUS
    return Reason("expected yes or no (1 or 0)") if is_status else Reason("expected a number")


def _number_in(cell: Cell, indicator: Indicator | None) -> float | None:
    if isinstance(cell.value, bool):
        is_status = indicator is not None and indicator.comparator is Comparator.STATUS
        return float(cell.value) if is_status else None
    if isinstance(cell.value, int | float):
        return float(cell.value)
    return number_of(str(cell.value))
