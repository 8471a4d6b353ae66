"""Figures out of workbooks as people really fill them in: read as their author meant them, or refused by their cell."""

import io
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from adapters import clock
from adapters.database.sessions import transaction
from adapters.workbooks import formats, sheets
from adapters.workbooks.budget import Budget
from models.common.errors import RefusedError
from models.indicators.reading import Figure, number_of
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services.indicators import readings
from services.indicators.reading_workbook import read_figures
from services.sheet_problems import SheetProblemsError
from tests.support.workbooks import HEAD, figures, workbook

CODE, NAME, PERIOD, UNIT, VALUE, REFERENCE, WEIGHT, WORDS = "ABCDEFGH"

Read = Callable[[bytes], list[Figure]]


@pytest.fixture
def read(tiny_plan: str, tmp_path: Path) -> Read:
    def read(content: bytes) -> list[Figure]:
        path = tmp_path / "in.xlsx"
        path.write_bytes(content)
        with transaction() as session:
            plan = plan_of(session, tiny_plan)
            office = unit_of(session, plan.id, "office")
            return read_figures(path, "数据.xlsx", readings.context_of(session, plan, office, plan.day_of(clock.now())))

    return read


def one_figure(change: Callable[[Worksheet], object], value: Any = 95.2) -> bytes:
    """A workbook with one figure, and what somebody did to its sheet."""
    book = Workbook()
    page = book.worksheets[0]
    page.append(HEAD)
    page.append(["I01", "", "2022", "", value, None, None, "年报"])
    change(page)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def problems(read: Read, content: bytes) -> list[str]:
    with pytest.raises(SheetProblemsError) as caught:
        read(content)
    return [f"{one.column}{one.row} {one.expected}" for one in caught.value.problems]


# ---- figures


@pytest.mark.parametrize(
    ("number_format", "value", "counts"),
    [
        ("0.0%", 0.952, 1),
        ("0%;-0%;0%", 0.952, 1),
        ('[Red]0.0%;0.0"%"', 0.952, 1),
        ('[Red]0.0%;0.0"%"', -95.2, 0),
        ("0.0%;0.0", 0, 1),
        ("0.00%%", 0.00952, 2),
        ('0.0"%"', 95.2, 0),
        (r"0.0\%", 95.2, 0),
        ("0.0_%", 95.2, 0),
        ("0.0*%", 95.2, 0),
        ("0.0[$%-804]", 95.2, 0),
        ('0.0"per ; cent %"', 95.2, 0),
        ("General", 95.2, 0),
        ("[<1]0.0%;0.0", 0.952, None),
        ("[<1]0.0%;0.0%", 0.952, 1),
    ],
)
def test_only_a_percent_sign_that_excel_reckons_with_counts(number_format: str, value: float, counts: int) -> None:
    assert formats.percents(number_format, value) == counts


@pytest.mark.parametrize(
    "number_format",
    ["#,##0,", "0.0,,", '0!.0,"万"', '0,"千"', "#,##0,;-0", '[>=10000]0!.0,"万";0', "0,.0", "0,_ "],
)
def test_a_format_that_shows_thousandths_is_refused(number_format: str, read: Read) -> None:
    """Excel shows 1,235 or 123.5万 where the cell holds 1234567: which of them was meant cannot be known."""
    assert formats.percents(number_format, 1234567) is None
    told = problems(read, one_figure(lambda page: setattr(page["E2"], "number_format", number_format), 1234567))
    assert told == ["E2 expected a plain number format: Excel shows another figure than the cell holds"]


@pytest.mark.parametrize(
    "number_format", ["#,##0", "#,##0.00_ ", '0","', r"0\,", "#,##0;-#,##0", "General", "[$¥,]#,##0"]
)
def test_commas_that_only_part_digits(number_format: str) -> None:
    assert formats.percents(number_format, 1234567) == 0


@pytest.mark.parametrize(
    "number_format",
    [
        *('0"."0', r"0\.0", "0!.0", '"9"0', '0"0"', '0"5" "%"', '"-"0', r"\-0", "-0", '0","000', '"1"0%'),
        *("0.0!%", '0.0"%'),  # Excel in China and elsewhere, and no Excel at all, read these
    ],
)
def test_what_a_format_writes_itself_into_a_figure_is_refused(read: Read, number_format: str) -> None:
    told = problems(read, one_figure(lambda page: setattr(page["E2"], "number_format", number_format), 95))
    assert told == ["E2 expected a plain number format: Excel shows another figure than the cell holds"]


@pytest.mark.parametrize(
    "number_format",
    [
        '"约"0',
        '0"万元"',
        '0.0"."',
        '0_-"."',
        "0.00E-00",
        "0;-0",
        '0;"-"0',
        '0" (2023)"',
        '"共 "0',
        "# ?/?",
        '"2023年"0',
        "[<=-1]0",
    ],
)
def test_words_that_a_format_writes_beside_a_figure(number_format: str) -> None:
    assert formats.percents(number_format, 95) == 0


def test_a_minus_that_the_part_below_zero_writes() -> None:
    assert [formats.percents(one, -95) for one in ("0;-0", '0;"-"0', "0;(0)", "0;0")] == [0, 0, 0, 0]
    assert formats.percents('0;"9"0', -95) is None


@pytest.mark.parametrize("text", ["95.2①", "95²", "1,200³", "95.2⑴", "１２₁"])
def test_the_number_of_a_note_is_no_digit(text: str, read: Read) -> None:
    assert number_of(text) is None
    told = problems(read, figures(("I01", "2022", "", text)))
    assert told == ["E2 expected a number"]


@pytest.mark.parametrize(("number_format", "value"), [("0.0%", 0.952), ('0.0"%"', 95.2), (r"0.0\%", 95.2)])
def test_a_percentage_is_what_the_person_saw(read: Read, number_format: str, value: float) -> None:
    [found] = read(one_figure(lambda page: setattr(page["E2"], "number_format", number_format), value))
    assert found.value == 95.2


def test_a_format_that_goes_by_the_value_is_refused(read: Read) -> None:
    told = problems(read, one_figure(lambda page: setattr(page["E2"], "number_format", "[<1]0.0%;0.0"), 0.952))
    assert told == ["E2 expected a plain number format: Excel shows another figure than the cell holds"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,200", 1200.0),
        ("1，200", 1200.0),
        ("12,345,678.5", 12345678.5),
        ("1 200", 1200.0),
        ("95.2 %", 95.2),
        ("95.2\u200b", 95.2),
        ("\ufeff95.2", 95.2),
        ("+5", 5.0),
        ("95,2", None),
        ("9,5,2", None),
        ("95 2", None),
        ("1,200 300", None),
        ("1,2000", None),
        ("1200,300", None),
        (",200", None),
        ("1.200.300", None),
        ("95.2 %%", None),
        ("", None),
    ],
)
def test_commas_and_spaces_part_groups_of_three(text: str, number: float | None) -> None:
    assert number_of(text) == number


def test_other_commas_are_refused_by_their_cell(read: Read) -> None:
    assert problems(read, figures(("I01", 2022, "", "95,2"))) == ["E2 expected a number"]


def test_true_is_no_number(read: Read) -> None:
    assert problems(read, figures(("I01", 2022, "", True))) == ["E2 expected a number"]


@pytest.mark.parametrize("word", ["是", "yes", "TRUE", "完成", "否", "no"])
def test_yes_is_no_number_either(read: Read, word: str) -> None:
    assert problems(read, figures(("I01", 2022, "", word))) == ["E2 expected a number"]


def test_a_percentage_of_what_is_not_in_per_cent_is_refused(read: Read) -> None:
    told = ["E2 expected a figure without %: this indicator is not in per cent"]
    assert problems(read, figures(("I02", 2022, "", "2%"))) == told
    assert problems(read, figures(("I02", 2022, "", "2％"))) == told

    def of_two(page: Worksheet) -> None:
        page["A2"], page["C2"] = "I02", "2022"

    def in_per_cent(page: Worksheet) -> None:
        of_two(page)
        page["E2"].number_format = "0%"

    assert read(one_figure(of_two, 0.02))[0].value == 0.02
    assert problems(read, one_figure(in_per_cent, 0.02)) == told


def test_two_columns_with_one_heading_are_named(read: Read) -> None:
    twice: list[list[Any]] = [[*HEAD[:5], "数值 *", *HEAD[6:]], ["I01", "", "2022", "", 94, 96.5, None, "年报"]]
    assert problems(read, workbook(twice)) == ["F1 expected each heading once; it also stands in column E"]
    years: list[list[Any]] = [["指标编号", "2022年", "2022", "数据来源"], ["I01", 94, 96.5, "年报"]]
    assert problems(read, workbook(years)) == ["C1 expected each heading once; it also stands in column B"]


def test_values_beside_years_can_be_read_in_two_ways(read: Read) -> None:
    both: list[list[Any]] = [["指标编号", "期间", "数值", "2022", "数据来源"], ["I01", "2022", 94, 96.5, "年报"]]
    assert problems(read, workbook(both)) == ["D1 expected a column of values or columns of periods, not both"]


@pytest.mark.parametrize("place", ["E2:E3", "A2:A3", "E2:F2", "D2:H3"])
def test_a_merged_cell_is_no_cell_for_each(read: Read, place: str) -> None:
    def merge(page: Worksheet) -> None:
        page.append(["I01", "", "2022", "north", 95, None, 100, "年报"])
        page.merge_cells(place)

    told = problems(read, one_figure(merge))
    assert told[0].startswith(f"{place[:2]} expected a cell for each figure; this one is merged with others")


def test_what_is_merged_elsewhere_does_not_matter(read: Read) -> None:
    def entitle(page: Worksheet) -> None:
        page.insert_rows(1)
        page["A1"] = "全市教育指标"
        page.merge_cells("A1:H1")
        page.merge_cells("J3:J9")

    assert [one.value for one in read(one_figure(entitle))] == [95.2]


def test_what_is_hidden_is_read_and_said_to_be(read: Read) -> None:
    def hide(page: Worksheet) -> None:
        page.append(["I01", "", "2022", "north", 95, None, 100, "年报"])
        page.row_dimensions[3].hidden = True

    assert [one.is_hidden for one in read(one_figure(hide))] == [False, True]


# ---- sound, though odd


def test_a_format_far_down_is_no_content(read: Read) -> None:
    far = one_figure(lambda page: setattr(page["E1048576"], "number_format", "0.0"))
    assert [one.value for one in read(far)] == [95.2]


def test_only_rows_of_sheets_with_the_headings_count(read: Read) -> None:
    raw: list[list[Any]] = [["姓名", "电话"], *([["张三", n] for n in range(Budget().rows + 100)])]
    filled: list[list[Any]] = [HEAD, ["I01", "", "2022", "", 95.2, None, None, "年报"]]
    assert [one.value for one in read(workbook(raw, filled))] == [95.2]


@pytest.mark.parametrize(
    ("code", "period", "unit"),
    [
        ("I01\u200b", "2022", "north"),
        ("\ufeffI01", "2022\u200b", "north\u00ad"),
        ("Ｉ０１", "2022\u2060", "ＮＯＲＴＨ"),
        ("I01\ufe0f", "\u200e2022", " 北县\u3000"),
    ],
)
def test_what_nobody_sees_changes_nothing(read: Read, code: str, period: str, unit: str) -> None:
    [found] = read(figures((code, period, unit, 95.2, None, 100)))
    assert found.ref == "I01/2022/north"


@pytest.mark.parametrize("heading", ["数值 *", "数值＊", "数值：", "数值（必填）", "Value (%)", "VALUE *"])
def test_marks_beside_a_heading_do_not_matter(read: Read, heading: str) -> None:
    rows: list[list[Any]] = [[*HEAD[:4], heading, *HEAD[5:]], ["I01", "", "2022", "", 95.2, None, None, "年报"]]
    assert [one.value for one in read(workbook(rows))] == [95.2]


def test_a_column_in_per_cent_is_for_figures_in_per_cent(read: Read) -> None:
    rows: list[list[Any]] = [[*HEAD[:4], "数值（%）", *HEAD[5:]], ["I02", "", "2022", "", 2, None, None, "年报"]]
    assert problems(read, workbook(rows)) == [
        "E2 expected a figure that is in per cent, as the heading says; this one is not"
    ]


def test_a_missing_column_is_named(read: Read) -> None:
    rows: list[list[Any]] = [[*HEAD[:4], "数值（万元）", *HEAD[5:]], ["I01", "", "2022", "", 95.2, None, None, "年报"]]
    with pytest.raises(RefusedError, match="in row 1 of the sheet 表1 these columns are missing: Value"):
        read(workbook(rows))


# ---- small files that ask for a lot


def with_sheets(sheet: bytes, count: int = 1, name: str = "xl/worksheets/sheet{}.xml") -> bytes:
    """A sound workbook whose sheets are replaced."""
    whole = workbook(*[[HEAD]] * count)
    output = io.BytesIO()
    replaced = {name.format(number) for number in range(1, count + 1)}
    with zipfile.ZipFile(io.BytesIO(whole)) as sound, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in sound.namelist():
            made.writestr(entry, sheet if entry in replaced else sound.read(entry))
    return output.getvalue()


def sheet(rows: bytes, after: bytes = b"") -> bytes:
    heads = b"".join(
        b'<c r="%s1" t="inlineStr"><is><t>%s</t></is></c>' % (column.encode(), head.encode())
        for column, head in zip("ABCDEFGH", HEAD, strict=True)
    )
    start = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return start + b'<row r="1">' + heads + b"</row>" + rows + b"</sheetData>" + after + b"</worksheet>"


SHARED_STRINGS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def with_one_text_everywhere(cells: int = 24_000, characters: int = 4_000) -> bytes:
    """A text that stands in the file once, and in very many cells."""
    row = b"<row>" + b'<c t="s"><v>0</v></c>' * 60 + b"</row>"
    texts = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>%s</t></si></sst>'
    parts = with_sheets(sheet(row * (cells // 60)))
    output, name = io.BytesIO(), "/xl/sharedStrings.xml"
    said = b'<Override PartName="%s" ContentType="%s"/></Types>' % (name.encode(), SHARED_STRINGS.encode())
    with zipfile.ZipFile(io.BytesIO(parts)) as sound, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in sound.namelist():
            made.writestr(entry, sound.read(entry).replace(b"</Types>", said))
        made.writestr(name[1:], texts % ("国".encode() * characters))
    return output.getvalue()


ASKS_FOR_A_LOT: dict[str, Callable[[], bytes]] = {
    "one text in all cells": with_one_text_everywhere,
    "cells far down in many sheets": lambda: with_sheets(sheet(b'<row r="20000"><c r="A20000"><v>1</v></c></row>'), 25),
    "cells far to the right": lambda: with_sheets(sheet(b'<row r="2"><c r="XFD2"><v>1</v></c></row>' * 100), 25),
    "many rows": lambda: with_sheets(sheet(b"<row><c><v>1</v></c></row>" * 200_000)),
    "many cells": lambda: with_sheets(sheet((b"<row>" + b"<c><v>1</v></c>" * 50 + b"</row>") * 15_000)),
    "many empty cells": lambda: with_sheets(sheet(b"<row>" + b"<c/>" * 8_000_000 + b"</row>")),
    "many merged cells": lambda: with_sheets(
        sheet(b"", b"<mergeCells>" + b'<mergeCell ref="A2:B3"/>' * 1_500_000 + b"</mergeCells>")
    ),
    "a long text": lambda: with_sheets(sheet(b'<row><c t="str"><v>' + b"9" * 40_000_000 + b"</v></c></row>")),
    "deep elements": lambda: with_sheets(sheet(b"<a>" * 4_000_000)),
}


@pytest.mark.parametrize("matter", ASKS_FOR_A_LOT)
def test_reading_takes_no_more_than_its_budget(read: Read, matter: str) -> None:
    """In computing time of processes of its own, which the system ends; ours hardly works, and keeps nothing."""
    content = ASKS_FOR_A_LOT[matter]()
    assert len(content) < 1024 * 1024
    own, before = psutil.Process().cpu_times(), psutil.Process().memory_info().rss
    began = time.process_time()

    with suppress(RefusedError):
        assert read(content) == []

    spent = psutil.Process().cpu_times()
    assert spent.children_user + spent.children_system - own.children_user - own.children_system < 12
    assert time.process_time() - began < 3
    assert psutil.Process().memory_info().rss - before < 200 * 1024 * 1024


def test_a_text_counts_in_each_cell_where_it_stands(read: Read) -> None:
    with pytest.raises(RefusedError) as caught:
        read(with_one_text_everywhere())
    assert str(caught.value) == "数据.xlsx: its cells hold more than 10000000 characters in all"
    assert len(problems(read, with_one_text_everywhere(cells=600, characters=400))) > 1  # it is read


def test_two_are_read_at_once_and_who_comes_later_is_told(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "WAIT_S", 0)
    for _ in range(sheets.MAX_AT_ONCE):
        assert sheets._places.acquire(timeout=0)
    try:
        with pytest.raises(RefusedError, match="try again in a minute"):
            read(figures(("I01", 2022, "", 95.2)))
    finally:
        sheets._places.release(sheets.MAX_AT_ONCE)
    assert [one.value for one in read(figures(("I01", 2022, "", 95.2)))] == [95.2]
