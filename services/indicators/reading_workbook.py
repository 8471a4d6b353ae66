"""Readings of the indicators out of an Excel workbook that somebody filled in.

A sheet is long, with a row for each figure and a column `Period`, or wide, with a row for each indicator and unit
and a column for each period (`2023`, `2024` …). What is wrong is told cell by cell, all of it at once.
"""

import dataclasses
import datetime as dt
import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from adapters.evidence.inspection import MIB, Limits, inspect
from adapters.language import N_, Language
from models.common.errors import BlockedError, DubanError, Reason, RefusedError
from models.common.kinds import Comparator
from models.dates.period import Period
from models.indicators.reading import CITY, Figure, number_of, wrong_in
from models.plan.indicator import Indicator
from models.plan.unit import Unit
from rendering.reading_sheets import COLUMNS, Context

# A workbook of readings is small. Whatever exceeds this is something else, or an attack.
LIMITS = Limits(file_bytes=10 * MIB, unpacked_bytes=64 * MIB, entries=1_000)
MOST_SHEETS, MOST_ROWS, MOST_COLUMNS = 50, 20_000, 60
HEAD_WITHIN = 20  # rows: a title and notes may stand above the head

_CITY = {"", CITY.zh, "city", CITY.en.casefold()}


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: `kind` is openpyxl's (n, s, b, d, f, e); `is_percent`: Excel shows it as per cent."""

    value: Any
    kind: str = "s"
    is_percent: bool = False

    @property
    def text(self) -> str:
        return "" if self.value is None else unicodedata.normalize("NFKC", str(self.value)).strip()


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one place; `column` is Excel's letter, "" where the row as a whole is meant."""

    sheet: str
    row: int
    column: str
    found: str
    expected: DubanError

    @property
    def reason(self) -> Reason:
        place = {"sheet": self.sheet, "row": self.row, "column": self.column, "found": self.found or "-"}
        return Reason('{sheet} {column}{row}: "{found}" – {expected}', expected=self.expected, **place)


class SheetProblemsError(BlockedError):
    """The workbook is not sound, and nothing of it was entered; `problems` holds all that is wrong."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        reasons = [one.reason for one in problems]
        super().__init__(
            N_("{name}: {count} errors, and nothing was entered: {reasons}"), reasons, name=name, count=len(reasons)
        )


def read_figures(path: Path, name: str, context: Context) -> list[Figure]:
    """The figures of a workbook; rows without a value are left out.

    Raises SheetProblemsError with everything that is wrong in it, RefusedError where it is no workbook.
    """
    tables = [_Table(title, rows) for title, rows in _sheets(path, name)]
    tables = [table for table in tables if table.is_data]
    if not tables:
        heads = [COLUMNS[key] for key in ("code", "period", "unit", "value", "words")]
        raise RefusedError("{name}: no sheet has the columns of readings, which are: {heads}", name=name, heads=heads)
    problems: list[Problem] = []
    figures: dict[tuple[int, str, int | None], tuple[Figure, str]] = {}
    for table in tables:
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


def _sheets(path: Path, name: str) -> Iterator[tuple[str, list[list[Cell]]]]:
    """Every sheet with its cells. Raises RefusedError for what is no sound workbook, or more than a person fills in."""
    if not name.lower().endswith(".xlsx"):
        raise RefusedError("{name}: expected an Excel workbook (.xlsx)", name=name)
    inspect(path, name, LIMITS)
    try:
        with warnings.catch_warnings():
            # openpyxl warns of features that it does not support, such as drop-down lists; none matters here.
            warnings.simplefilter("ignore")
            yield from _loaded(path, name)
    except RefusedError:
        raise
    except Exception as error:  # parsers raise all kinds of errors for a broken workbook
        raise RefusedError("{name}: is not a sound Excel workbook; save it anew in Excel", name=name) from error


def _loaded(path: Path, name: str) -> Iterator[tuple[str, list[list[Cell]]]]:
    # Opened here, as openpyxl leaves a file open that it cannot read.
    with path.open("rb") as source, closing(load_workbook(source, read_only=True, keep_links=False)) as book:
        if len(book.worksheets) > MOST_SHEETS:
            raise RefusedError("{name}: at most {limit} sheets are read", name=name, limit=MOST_SHEETS)
        for page in book.worksheets:
            # The size that a sheet states may be wrong, and openpyxl would rely on it.
            page.reset_dimensions()
            rows = page.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS)
            cells = [[_cell(one) for one in row] for row in rows]
            if len(cells) > MOST_ROWS:
                facts = {"name": name, "sheet": page.title, "limit": MOST_ROWS}
                raise RefusedError("{name}: the sheet {sheet} has more than {limit} rows", **facts)
            yield page.title, cells


def _cell(cell: Any) -> Cell:
    if cell.value is None:
        return EMPTY
    is_percent = cell.data_type == "n" and "%" in str(cell.number_format)
    return Cell(cell.value, cell.data_type, is_percent)


EMPTY = Cell(None)


class _Table:
    """A sheet as a table with known columns, a row for each figure, in whichever form it was filled in."""

    def __init__(self, title: str, rows: list[list[Cell]]) -> None:
        self.title = title
        self.columns: dict[str, int] = {}
        self.periods: dict[str, int] = {}
        self._rows: list[tuple[int, list[Cell]]] = []
        for number, row in enumerate(rows[:HEAD_WITHIN], start=1):
            self._read_head(row)
            if self.is_data:
                self._rows = list(enumerate(rows[number:], start=number + 1))
                return

    @property
    def is_data(self) -> bool:
        return {"code", "words"} <= self.columns.keys() and ("value" in self.columns or bool(self.periods))

    def _read_head(self, row: list[Cell]) -> None:
        heads = {_word(text): key for key, each in COLUMNS.items() for text in _in_both(each)}
        self.columns, self.periods = {}, {}
        for position, cell in enumerate(row):
            text = _period_text(cell)
            if (key := heads.get(_word(cell.text))) is not None:
                self.columns.setdefault(key, position)
            elif Period.read(text) is not None:
                self.periods.setdefault(text, position)

    def lines(self) -> Iterator[dict[str, Any]]:
        """One for each figure: its row, the cells by the names of their columns, and where each stands."""
        frame = pd.DataFrame(
            [
                {"row": number} | {name: _at(row, position) for name, position in self._places.items()}
                for number, row in self._rows
            ],
            columns=["row", *self._places],
            dtype=object,
        )
        if self.periods and "value" not in self.columns:
            kept = [name for name in frame.columns if name not in self.periods]
            frame = frame.melt(id_vars=kept, value_vars=list(self.periods), var_name="head", value_name="value")
            frame = frame.sort_values("row", kind="stable")
        for line in frame.to_dict("records"):
            if line["value"].text:
                yield {str(name): cell for name, cell in line.items()}

    @property
    def _places(self) -> dict[str, int]:
        return self.columns | ({} if "value" in self.columns else self.periods)

    def letter(self, key: str) -> str:
        place = self._places.get(key)
        return "" if place is None else get_column_letter(place + 1)


def _at(row: Sequence[Cell], position: int) -> Cell:
    return row[position] if position < len(row) else EMPTY


def _word(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def _in_both(msgid: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFKC", Language.of(code).gettext(msgid)) for code in ("zh", "en"))


def _period_text(cell: Cell) -> str:
    """Excel makes a date of 2023-05, and a number of 2023."""
    if isinstance(cell.value, dt.date):
        return f"{cell.value:%Y-%m}"
    return re.sub(r"\.0+$|年$", "", cell.text)


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
        figure = Figure(indicator, self._period(), unit, words=self._cell("words").text, **numbers)
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
        word = self._cell("unit").text.casefold()
        if word in _CITY:
            is_own = word == "" and self.context.by in self.context.units
            return self.context.by if is_own else None
        for unit in self.context.units:
            if word in {unit.code.casefold(), unit.name_zh.casefold(), unit.name_en.casefold()}:
                return unit
        self._problem(
            "unit", Reason("expected the code or the name of a unit of the plan, or nothing for the whole city")
        )
        return None

    def _period(self) -> str:
        if "head" in self.cells:
            return str(self.cells["head"])
        return _period_text(self._cell("period"))

    def _number(self, key: str, indicator: Indicator | None) -> float | None:
        cell = self._cell(key)
        if not cell.text:
            return None
        number = _number_in(cell)
        if number is None:
            self._problem(key, Reason("expected a number") if key != "value" else _expected_value(indicator))
            return None
        is_share = cell.is_percent and cell.kind == "n" and key != "weight" and _in_per_cent(indicator)
        # Excel shows 0.952 as 95.2%: what the person saw counts.
        shown = number * 100 if is_share else number
        return round(shown, 9)


def _in_per_cent(indicator: Indicator | None) -> bool:
    """Where the target is full coverage without a number, figures are in per cent."""
    if indicator is None:
        return False
    return indicator.unit == "%" or (indicator.comparator is Comparator.FULL and not indicator.value)


def _expected_value(indicator: Indicator | None) -> Reason:
    is_status = indicator is not None and indicator.comparator is Comparator.STATUS
    return Reason("expected yes or no (1 or 0)") if is_status else Reason("expected a number")


def _number_in(cell: Cell) -> float | None:
    if isinstance(cell.value, bool | int | float):
        return float(cell.value)
    return number_of(cell.text)
