"""Excel files: what is written is read back the same, and what a person typed never runs as a formula."""

import datetime as dt
import io
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from rendering import workbook
from rendering.printable import is_formula
from rendering.workbook import LONGEST_TEXT, Cell, Sheet, write_workbook

HEAD = ["编号", "说明"]


def written(*sheets: Sheet) -> Any:
    output = io.BytesIO()
    write_workbook(sheets, output)
    return load_workbook(io.BytesIO(output.getvalue()))


def values(page: Any) -> list[tuple[Any, ...]]:
    return list(page.iter_rows(values_only=True))


def test_rows_are_read_back_as_they_were() -> None:
    day, moment = dt.date(2023, 4, 1), dt.datetime(2023, 4, 1, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    rows: list[list[Cell]] = [["T1", 3], [None, 2.5], [day, moment]]
    page = written(Sheet("各单位", HEAD, iter(rows)))["各单位"]
    assert values(page) == [
        ("编号", "说明"),
        ("T1", 3),
        (None, 2.5),
        (moment.replace(hour=0, minute=0, tzinfo=None), moment.replace(tzinfo=None)),
    ]
    assert page["A4"].number_format == "yyyy-mm-dd"


def test_the_head_stays_in_sight_and_each_column_has_a_filter() -> None:
    page = written(Sheet("各单位", HEAD, [["T1", "加强教育资金投入保障"]]))["各单位"]
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == "A1:B2"
    assert page["A1"].font.bold
    assert page.column_dimensions["B"].width > 20 > page.column_dimensions["A"].width


def test_an_empty_sheet_keeps_its_head() -> None:
    page = written(Sheet("逾期", HEAD, []))["逾期"]
    assert values(page) == [tuple(HEAD)]
    assert page.auto_filter.ref == "A1:B1"


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil.example","点我")']
# Excel in a Chinese system takes full-width signs for the others; some programs drop what comes before them.
ODD_FORMULAS = ["＝1+1", "＋2", "－3", "＠SUM(A1)", "﹦1", " =1", "\u3000＝1", "\u200b=1", "\ufeff＝1", "\t=1", "\n"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    page = written(Sheet(text, [text, "x"], [[text, 1]]))[text.replace("/", " ").replace(":", " ")[:31]]
    for cell in (page["A1"], page["A2"]):
        assert (cell.value, cell.data_type) == (text, "s")
    assert page["A2"].quotePrefix


@pytest.mark.parametrize("text", [*FORMULAS, *ODD_FORMULAS])
def test_what_might_be_run_is_marked_as_text(text: str) -> None:
    assert is_formula(text)
    cell = written(Sheet("a", HEAD, [[text, 1]]))["a"]["A2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)


@pytest.mark.parametrize("text", ["平常", "", "a=1", "（＝1）", "1+1", "'=1", "3-1", "\u200b", "“-”"])
def test_what_is_no_formula_has_no_mark(text: str) -> None:
    assert not is_formula(text)


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!", "#其他"])
def test_what_looks_like_an_error_of_excel_is_text(text: str) -> None:
    page = written(Sheet("a", [text], [[text]]))["a"]
    assert [(page[name].value, page[name].data_type) for name in ("A1", "A2")] == [(text, "s")] * 2


def test_signs_that_no_file_can_hold_leave_a_mark() -> None:
    page = written(Sheet("a", HEAD, [["x\x00y\x0bz", "\ud800"]]))["a"]
    assert values(page)[1] == ("x\ufffdy\ufffdz", "\ufffd")


def test_a_text_too_long_for_excel_ends_in_a_mark() -> None:
    text = values(written(Sheet("a", HEAD, [["字" * (LONGEST_TEXT + 5), ""]]))["a"])[1][0]
    assert len(text) == LONGEST_TEXT
    assert text.endswith("字…")


def test_titles_are_made_fit_and_kept_apart() -> None:
    titles = ["各县/区: 汇总?", "a" * 40, "A" * 40, "", "'"]
    assert written(*(Sheet(title, HEAD, []) for title in titles)).sheetnames == [
        "各县 区  汇总",
        "a" * 31,
        "A" * 27 + " (2)",
        "Sheet",
        "Sheet (2)",
    ]


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_rows_beyond_the_limit_go_on_in_a_further_sheet(
    count: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 4)
    rows: Iterable[list[Cell]] = ([number, ""] for number in range(count))
    pages = written(Sheet("各单位", HEAD, rows)).worksheets
    assert [page.title for page in pages] == ["各单位", "各单位 (2)", "各单位 (3)"][: len(sizes)]
    assert [len(values(page)) - 1 for page in pages] == sizes
    assert [row[0] for page in pages for row in values(page)[1:]] == list(range(count))
