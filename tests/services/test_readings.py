"""Readings: entered, corrected, withdrawn, brought in from Excel, and asked for on any past date."""

import dataclasses
import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont
from openpyxl import Workbook, load_workbook
from sqlalchemy import select, text

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import Language
from adapters.plan_files.reader import read_plan
from deploy.cli.operation.access import unit_scope
from models.assignments.evidence import Evidence
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import Rollup, UnitKind
from models.indicators.attainment import Attainment, Outcome, attainments
from models.indicators.reading import Change, Reading, plain
from models.loading import load_plan
from models.plan.indicator import Indicator
from models.plan.plan import plan_of
from models.plan.unit import unit_of, units_of
from rendering import charts
from services.indicators import readings
from services.indicators.reading_workbook import read_figures
from services.indicators.readings import FigureInput
from services.sheet_problems import SheetProblemsError
from tests.conftest import LOADED_AT, REAL, TINY, Clock
from tests.deploy.test_cli import done, refused
from tests.support.owner import owners_transaction
from tests.support.portal_client import Person, enter
from tests.support.workbooks import HEAD, figures, workbook

SPRING = dt.datetime(2024, 3, 1, 1, 0, tzinfo=dt.UTC)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def real(real_plan: str, clock: Clock) -> str:
    """The real plan, in spring 2024."""
    clock.set(SPRING)
    return real_plan


def put(*rows: tuple[Any, ...], by: str = "office") -> list[Change]:
    """Enter rows of code, period, unit, value, and perhaps reference and weight."""
    figures = []
    for code, period, unit, value, *more in rows:
        reference, weight = (*more, None, None)[:2]
        figures.append(FigureInput(code, period, unit or None, value, reference, weight, "统计年报"))
    return [one.change for one in readings.enter(unit_scope(None, by, "张三"), figures)]


def stands(code: str, on: dt.date | None = None) -> Attainment:
    with transaction() as session:
        plan = plan_of(session)
        day = on or plan.day_of(clock.now())
        return next(one for one in attainments(session, plan, day) if one.indicator.code == code)


# ---- the plan


def test_every_indicator_of_the_plan_says_how_units_add_up() -> None:
    real = {one.code: one for one in read_plan(REAL).indicators}
    assert {one.rollup_basis for one in real.values()} == {"inferred"}
    assert (real["I05"].rollup, real["I38"].rollup) == (Rollup.WEIGHTED_MEAN, Rollup.SUM)
    assert (real["I26"].rollup, real["I04"].rollup) == (Rollup.ALL, Rollup.LATEST)
    assert {code: one.conflicts_with for code, one in real.items() if one.conflicts_with} == {
        "I04": ("I01",),
        "I35": ("I23",),
    }
    assert real["I29"].reporters == ("jianhua", "fuyu")


def test_a_plan_that_says_nothing_of_it_is_read_by_what_is_usual() -> None:
    assert [one.rollup for one in read_plan(TINY).indicators] == [Rollup.WEIGHTED_MEAN, Rollup.ALL]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (94.998, "94.998"),  # two decimals would say 95, which it has not reached
        (95.0, "95"),
        (0.1 + 0.2, "0.3"),
        (200 / 3, "66.67"),
        (-0.001, "-0.001"),
        (1_234_567.5, "1,234,567.5"),
        (89.99999, "89.99999"),
    ],
)
def test_no_number_is_shown_rounder_than_it_is(number: float, shown: str) -> None:
    assert plain(number) == shown


def test_an_indicator_with_readings_cannot_vanish(tiny_plan: str, clock: Clock) -> None:
    clock.set(SPRING)
    put(("I01", "2023", None, 90))
    document = read_plan(TINY)
    smaller = dataclasses.replace(document, indicators=document.indicators[1:])
    with pytest.raises(BlockedError, match="I01"), transaction() as session:
        load_plan(session, smaller, actor=Actor("test"), at=LOADED_AT)


# ---- entering


def test_a_reading_a_correction_and_any_past_date(real: str, clock: Clock) -> None:
    assert put(("I05", "2023", None, 93.0)) == [Change.NEW]
    clock.set(SPRING + dt.timedelta(days=30))
    assert put(("I05", "2023", None, 93.6)) == [Change.CHANGED]
    assert put(("I05", "2023", None, 93.6)) == [Change.SAME]
    clock.set(SPRING + dt.timedelta(days=60))
    assert put(("I05", "2023", None, None)) == [Change.CHANGED]  # withdrawn

    known = {
        day: (stands("I05", dt.date.fromisoformat(day)).value, stands("I05", dt.date.fromisoformat(day)).outcome)
        for day in ("2024-02-29", "2024-03-01", "2024-03-31", "2024-04-30")
    }
    assert known == {
        "2024-02-29": (None, Outcome.NO_DATA),
        "2024-03-01": (93.0, Outcome.NOT_MET),
        "2024-03-31": (93.6, Outcome.NOT_MET),
        "2024-04-30": (None, Outcome.NO_DATA),
    }
    with transaction() as session:
        entries = session.scalars(select(Event).where(Event.kind == EventKind.READING_ENTERED).order_by(Event.id)).all()
        told = [(one.actor, (one.detail or {})["ref"], one.detail and one.detail.get("before")) for one in entries]
    assert told == [("张三", "I05/2023", None), ("张三", "I05/2023", 93.0), ("张三", "I05/2023", 93.6)]


def test_another_target_counts_from_its_day_on(tiny_plan: str, clock: Clock) -> None:
    clock.set(SPRING)
    put(("I01", "2023", "", 95.5))
    clock.set(SPRING + dt.timedelta(days=10))
    plan = read_plan(TINY)
    [first, *others] = plan.indicators
    for value in (97.0, 96.0):  # what was changed twice on a day was never in force at the end of one
        changed = dataclasses.replace(plan, indicators=(dataclasses.replace(first, value=(value,)), *others))
        with transaction() as session:
            load_plan(session, changed, actor=Actor("王五"), at=SPRING + dt.timedelta(days=10))
    before, after = stands("I01", dt.date(2024, 3, 10)), stands("I01", dt.date(2024, 3, 11))
    assert (str(before.target), before.outcome) == ("≥ 95%", Outcome.MET)
    assert (str(after.target), after.outcome) == ("≥ 96%", Outcome.NOT_MET)


def test_readings_are_never_changed(real: str) -> None:
    put(("I05", "2023", None, 93.0))
    for statement in ("UPDATE reading SET value = 99", "DELETE FROM reading", "TRUNCATE reading"):
        with pytest.raises(RefusedError, match="append-only"), owners_transaction() as session:
            session.execute(text(statement))


def test_units_make_up_the_city(real: str) -> None:
    put(("I05", "2023", "longsha", 96.0, None, 3000), ("I05", "2023", "nehe", 92.0, None, 1000))
    one = stands("I05")
    assert (one.value, one.outcome, one.read_on) == (95.0, Outcome.NO_DATA, dt.date(2024, 3, 1))
    assert [str(remark) for remark in one.remarks] == ["2 of 16 units have reported"]
    with transaction() as session:
        counties = [unit.code for unit in units_of(session, plan_of(session).id) if unit.kind is UnitKind.COUNTY]
    put(*(("I05", "2023", code, 95.0, None, 1) for code in counties if code not in {"longsha", "nehe"}))
    assert (stands("I05").outcome, stands("I05").remarks) == (Outcome.MET, ())
    put(("I27", "2023", "longsha", 1), ("I27", "2023", "nehe", 1))
    each = stands("I27")
    assert each.outcome is Outcome.NO_DATA
    assert [str(remark) for remark in each.remarks] == ["2 of 16 units have reported"]
    put(("I29", "2023", "jianhua", 1), ("I29", "2023", "fuyu", 1))
    assert stands("I29").outcome is Outcome.MET


def test_what_has_to_hold_every_year_has_to_after_the_implementation_as_well(real: str, clock: Clock) -> None:
    clock.set(dt.datetime(2026, 1, 5, 2, tzinfo=dt.UTC))
    put(*(("I14", year, "", value) for year, value in (("2023", 96.0), ("2024", 96.0))))
    assert stands("I14").outcome is Outcome.NO_DATA  # 2025 is over, and the plan with it
    put(("I14", "2025", "", 80.0))
    one = stands("I14")
    assert (one.outcome, [str(remark) for remark in one.remarks]) == (Outcome.NOT_MET, ["not met in 2025"])


def test_two_targets_for_one_matter_are_held_against_each_other(real: str) -> None:
    put(("I01", "2023", None, 70, 71), ("I04", "2023", None, 73, 72))
    one = stands("I04")
    [conflict] = one.conflicts
    assert (one.outcome, conflict.other.code, conflict.is_stricter) == (Outcome.MET, "I01", True)
    assert "one of the two figures is wrong" in str(conflict.contradiction)


WRONG: dict[str, tuple[tuple[Any, ...], str]] = {
    "no period": (("I05", "23", None, 93), "expected a period such as 2023"),
    "a month of a year": (("I05", "2023-05", None, 93), "expected a period such as 2023"),
    "a year of a month": (("I49", "2023", None, 1), "expected a period such as 2023-05"),
    "a year of a term": (("I51", "2023", None, 2), "expected a period such as 2023T1"),
    "too early": (("I05", "2011", None, 93), "expected a year from 2012 to 2025"),
    "the future": (("I05", "2025", None, 93), "expected a period that has begun"),
    "neither yes nor no": (("I24", "2023", None, 2), "expected yes or no"),
    "negative": (("I05", "2023", None, -1), "not negative"),
    "more than all": (("I12", "2023", None, 100.5), "from 0 to 100"),
    "half a school": (("I38", "2023", None, 3.5), "whole number"),
    "no number": (("I05", "2023", None, float("nan")), "within"),
    "endless": (("I05", "2023", None, float("inf")), "within"),
    "no reference": (("I15", "2023", None, 500), "expected what it is compared with: the province's average"),
    "no weight": (("I05", "2023", "longsha", 93), "expected what units are weighed by"),
    "weightless": (("I05", "2023", "longsha", 93, None, 0), "greater than 0"),
    "not asked": (("I29", "2023", "longsha", 1), "expected one of the units that this is asked of"),
}


@pytest.mark.parametrize("matter", WRONG)
def test_what_cannot_be_is_refused_and_nothing_is_entered(real: str, matter: str) -> None:
    row, why = WRONG[matter]
    with pytest.raises(BlockedError, match=re.escape(why)):
        put(("I06", "2023", None, 99), row)
    assert stands("I06").outcome is Outcome.NO_DATA


def test_a_gross_rate_may_be_more_than_all(real: str) -> None:
    assert put(("I05", "2023", None, 103.4)) == [Change.NEW]


def test_a_unit_enters_its_own_alone(real: str) -> None:
    assert put(("I05", "2023", "longsha", 93, None, 100), by="longsha") == [Change.NEW]
    for unit in ("nehe", None):
        with pytest.raises(BlockedError, match="a unit enters its own alone"):
            put(("I05", "2023", unit, 93, None, 100), by="longsha")


def test_one_figure_is_given_once(real: str) -> None:
    with pytest.raises(BlockedError, match="I05/2023: it is given twice"):
        put(("I05", "2023", None, 93), ("I05", "2023", None, 94))


# ---- Excel


@pytest.fixture
def read(real: str, tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Reads a workbook as the office, or as a unit; figures as code, period, unit, value, reference, weight."""

    def read(content: bytes, by: str = "office", name: str = "数据.xlsx") -> list[tuple[Any, ...]]:
        path = tmp_path / "in.xlsx"
        path.write_bytes(content)
        with transaction() as session:
            plan = plan_of(session)
            context = readings.context_of(session, plan, unit_of(session, plan.id, by), plan.day_of(clock.now()))
            found = read_figures(path, name, context)
            return [
                (
                    one.indicator.code,
                    one.period,
                    one.unit.code if one.unit else "",
                    one.value,
                    one.reference,
                    one.weight,
                )
                for one in found
            ]

    return read


Read = Callable[..., list[tuple[Any, ...]]]


def test_a_sheet_with_a_row_for_each_figure(read: Read) -> None:
    content = figures(
        ("I05", 2023, "", 93.6),
        ("I15", "2023", "全市", "512.5", 510),
        ("i05", 2023.0, "龙沙区", "９５．２％", None, "1,200"),
        ("I24", "2023年", "city", "是"),
        ("I49", dt.date(2023, 5, 1), None, 1),  # Excel makes a date of 2023-05
        ("I06", "2023", None, None),  # not filled in
    )
    assert read(content) == [
        ("I05", "2023", "", 93.6, None, None),
        ("I15", "2023", "", 512.5, 510.0, None),
        ("I05", "2023", "longsha", 95.2, None, 1200.0),
        ("I24", "2023", "", 1.0, None, None),
        ("I49", "2023-05", "", 1.0, None, None),
    ]


def test_a_sheet_with_a_column_for_each_year(read: Read) -> None:
    rows: list[list[Any]] = [
        ["齐齐哈尔市教育统计"],
        [],
        ["指标编号", "单位编号", 2022, "2023年", "权重", "数据来源"],
        ["I05", "longsha", 90.1, 91.5, 1200, "年报"],
        ["I05", "nehe", None, 92.0, 800, "年报"],
    ]
    assert read(workbook([["说明"], ["只填数值"]], rows)) == [
        ("I05", "2022", "longsha", 90.1, None, 1200.0),
        ("I05", "2023", "longsha", 91.5, None, 1200.0),
        ("I05", "2023", "nehe", 92.0, None, 800.0),
    ]


def test_a_percentage_counts_as_excel_shows_it(read: Read) -> None:
    book = Workbook()
    page = book.worksheets[0]
    page.append(HEAD)
    page.append(["I05", "", "2023", "", 0.952, None, None, "年报"])
    page.append(["I23", "", "2023", "", 1, None, None, "年报"])  # full coverage, which has no number of its own
    page["E2"].number_format, page["E3"].number_format = "0.0%", "0%"
    output = io.BytesIO()
    book.save(output)
    assert [row[3] for row in read(output.getvalue())] == [95.2, 100]


@pytest.mark.usefixtures("real")
def test_no_unit_sets_the_figure_of_the_whole_city() -> None:
    with pytest.raises(BlockedError, match="there is one figure for the whole city, which the office enters"):
        put(("I03", "2023", "longsha", 6), by="longsha")
    assert put(("I03", "2023", "", 6)) == [Change.NEW]


def test_a_unit_leaves_its_own_code_out(read: Read) -> None:
    assert read(figures(("I05", 2023, None, 93, None, 100)), by="longsha") == [
        ("I05", "2023", "longsha", 93.0, None, 100.0)
    ]


def test_everything_wrong_is_told_at_once_each_with_its_cell(read: Read) -> None:
    content = figures(
        ("I99", 2023, "", 93),
        ("I05", "明年", "", 93),
        ("I05", 2023, "火星", 93),
        ("I05", 2023, "", "很高"),
        ("I05", 2022, "", "=1+1"),
        ("I15", 2023, "", 500),
        ("I06", 2023, "", 98),
        ("I06", 2023, "", 97),
        ("I24", 2023, "", "也许"),
    )
    with pytest.raises(SheetProblemsError) as caught:
        read(content)
    told = [(one.row, one.column, one.found) for one in caught.value.problems]
    assert told == [
        (2, "A", "I99"),
        (3, "C", "明年"),
        (4, "D", "火星"),
        (5, "E", "很高"),
        (6, "E", "=1+1"),
        (7, "F", ""),
        (9, "", "I06/2023"),
        (10, "E", "也许"),
    ]
    chinese = Language.of("zh").say(caught.value.problems[4].reason)
    assert chinese == "表1 E6：“=1+1”——应为数值而不是公式：请复制该单元格并“粘贴为数值”"


def test_in_a_wide_sheet_the_cell_is_the_one_under_its_year(read: Read) -> None:
    rows: list[list[Any]] = [
        ["指标编号", "单位编号", "2022", "2023", "权重", "数据来源"],
        ["I38", "longsha", 1, 1.5, None, "年报"],
    ]
    with pytest.raises(SheetProblemsError) as caught:
        read(workbook(rows))
    assert [(one.row, one.column, one.found) for one in caught.value.problems] == [(2, "D", "1.5")]


def bomb() -> bytes:
    """Eighty megabytes in eighty kilobytes."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 80 * 1024 * 1024)
    return output.getvalue()


def repacked(name: str, content: bytes) -> bytes:
    """A good workbook with one of its parts replaced."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(figures(("I05", 2023, "", 93)))) as good, zipfile.ZipFile(output, "w") as bad:
        for entry in good.namelist():
            bad.writestr(entry, content if entry == name else good.read(entry))
    return output.getvalue()


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s]><x>&j;</x>' % b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
FAR = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no workbook": (lambda: b"code,value\nI05,93\n", "in.xlsx|数据.xlsx"),
    "a bomb": (bomb, "unpacks to"),
    "broken XML": (
        lambda: repacked("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>"),
        "not a sound Excel workbook",
    ),
    "entities that grow": (lambda: repacked("xl/worksheets/sheet1.xml", LAUGHS), "holds a document type"),
    "no workbook within": (lambda: repacked("xl/workbook.xml", b"<x/>"), "no sheet has the columns"),
    "a row far down": (
        lambda: repacked("xl/worksheets/sheet1.xml", FAR % b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>'),
        "more than 20000 rows|no sheet has the columns",
    ),
    "nothing of ours": (lambda: workbook([["姓名", "电话"], ["张三", "1"]]), "no sheet has the columns"),
    "too many sheets": (lambda: workbook(*[[HEAD]] * 51), "at most 50 sheets"),
}


@pytest.mark.parametrize("matter", HOSTILE)
def test_hostile_workbooks_are_refused_in_one_line(read: Read, matter: str) -> None:
    make, why = HOSTILE[matter]
    with pytest.raises(RefusedError, match=why) as caught:
        read(make())
    assert "\n" not in str(caught.value)


def test_what_the_workbook_calls_itself_does_not_matter_but_its_kind_does(read: Read) -> None:
    with pytest.raises(RefusedError, match=r"expected an Excel workbook \(\.xlsx\)"):
        read(figures(), name="数据.xls")


# ---- the command


def test_set_import_and_show(real: str, tmp_path: Path) -> None:
    assert "93.6" in done("indicator", "set", "I05", "2023", "93.6", "--source", "年报", "--by", "王芳")
    late = ("indicator", "set", "I05", "2031", "93", "--source", "年报", "--by", "王芳")
    refused(*late, because="I05/2031")

    template = tmp_path / "模板.xlsx"
    done("indicator", "import", template, "--template")
    book = load_workbook(template)
    assert book.worksheets[0].max_row == 55
    book.close()

    file = tmp_path / "数据.xlsx"
    file.write_bytes(figures(("I05", 2023, "", 94), ("I06", 2023, "", 98.9), ("I05", 2022, "", 92)))
    preview = done("indicator", "import", file, "--preview")
    assert "I05/2023" in preview
    assert stands("I06").outcome is Outcome.NO_DATA
    done("indicator", "import", file, "--by", "王芳")
    assert done("indicator", "import", file, "--by", "王芳").count("\n") == 1  # all the same
    with transaction() as session:
        kept = session.scalars(select(Evidence.file_name).join(Reading, Reading.evidence_id == Evidence.id)).all()
    assert set(kept) == {"数据.xlsx"}

    [one] = json.loads(done("indicator", "show", "I05", "--json"))
    assert (one["value"], one["outcome"], one["trend"], one["period"]) == (94.0, "not_met", 2.0, "2023")
    assert one["forecast"] == "at +2 a year it comes to 98 in 2025, which meets ≥ 95%"
    assert "94" in done("indicator", "show", "I05")
    assert "I54" in done("indicator", "show")


def test_what_is_wrong_in_a_workbook_is_told_line_by_line(real: str, tmp_path: Path) -> None:
    file = tmp_path / "数据.xlsx"
    file.write_bytes(figures(("I05", 2023, "", 94), ("I99", 2023, "", 1), ("I05", 2022, "", "?")))
    assert len(refused("indicator", "import", file, "--by", "王芳").splitlines()) == 3
    assert stands("I05").outcome is Outcome.NO_DATA


def test_what_goes_out_comes_in_again_unchanged(real: str, tmp_path: Path) -> None:
    put(("I05", "2023", None, 93.6), ("I05", "2023", "longsha", 91.25, None, 1200), ("I15", "2023", None, 512, 510))
    out = tmp_path / "out.xlsx"
    done("indicator", "show", "--output", out)
    told = done("indicator", "import", out, "--preview")
    assert re.findall(r"\d+", told) == ["0", "0", "3"]


# ---- charts


def test_charts_are_drawn_with_characters_that_are_there(real: str, tmp_path: Path) -> None:
    put(("I05", "2022", None, 90.5), ("I05", "2023", None, 93.6))
    for name in ("一项.png", "一项.svg"):
        done("indicator", "show", "I05", "--chart", tmp_path / name)
    done("indicator", "show", "--chart", tmp_path / "全部.png")
    assert (tmp_path / "一项.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "全部.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "一项.svg").read_bytes()

    family = charts.font_for("学前三年毛入园率≥95%")
    path, face = next((path, face) for name, path, face in charts._fonts() if name == family)
    with TTFont(path, fontNumber=face) as font:
        glyphs = {font.getBestCmap()[ord(char)] for char in "学前三年毛入园率≥"}
    assert len(glyphs) == 9
    assert ".notdef" not in glyphs


def test_without_a_font_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = [font for font in charts._fonts() if font[0] == "DejaVu Sans"]
    monkeypatch.setattr(charts, "_fonts", lambda: latin)
    with pytest.raises(charts.MissingFontError, match="install the package fonts-noto-cjk"):
        charts.font_for("毛入园率")


# ---- the pages


@pytest.fixture
def office(tiny_plan: str, clock: Clock) -> Person:
    clock.set(SPRING)
    return enter(tiny_plan, "office")


def id_of(code: str) -> int:
    with transaction() as session:
        return session.scalars(select(Indicator.id).where(Indicator.code == code)).one()


def test_the_office_enters_corrects_and_looks_back(office: Person, clock: Clock, tiny_plan: str) -> None:
    page = f"/indicators/{id_of('I01')}"
    office.get(page)
    office.post(page, period="2023", value="93.6", words="年报")
    assert office.notice == "I01/2023 is entered"
    clock.set(SPRING + dt.timedelta(days=10))
    office = enter(tiny_plan, "office")
    office.get(page)
    office.post(page, period="2023", value="96%", words="核实后更正")
    assert "is corrected" in office.notice
    office.get("/indicators?outcome=met")
    assert "I01" in office.words
    office.get("/indicators?outcome=met&on=2024-03-01")
    assert "No indicator is of this kind." in office.words
    office.get(f"{page}?on=2024-03-01")
    assert "93.6" in office.words
    assert "96" not in office.words.partition("Readings")[2]


def test_a_past_day_is_shown_with_the_target_of_then(office: Person, clock: Clock, tiny_plan: str) -> None:
    page = f"/indicators/{id_of('I01')}"
    office.get(page)
    office.post(page, period="2023", value="96", words="年报")
    clock.set(SPRING + dt.timedelta(days=10))
    document = read_plan(TINY)
    first, *rest = document.indicators
    higher = dataclasses.replace(document, indicators=(dataclasses.replace(first, value=(97.0,)), *rest))
    with transaction() as session:
        load_plan(session, higher, actor=Actor("王五"), at=SPRING + dt.timedelta(days=10))
    office = enter(tiny_plan, "office")
    office.get(page)
    assert "≥ 97%" in office.words
    assert "not met" in office.words
    office.get(f"{page}?on=2024-03-05")
    assert "≥ 95%" in office.words
    assert "≥ 97%" not in office.words
    assert "not met 96" not in office.words
    (then,) = json.loads(done("indicator", "show", "I01", "--on", "2024-03-05", "--json"))
    assert (then["outcome"], then["target"]) == ("met", "≥ 95%")


def test_a_slip_is_told_and_what_was_typed_stays(office: Person) -> None:
    page = f"/indicators/{id_of('I01')}"
    office.get(page)
    answer = office.post(page, status=422, period="2023", value="很高", words="年报")
    assert "expected a number" in office.refusal
    assert "很高" in answer.text
    office.post(page, status=422, period="2030", value="93", words="年报")
    assert "expected a year" in office.refusal


def upload(person: Person, content: bytes, status: int = 200, **fields: Any) -> None:
    person.get("/readings/import")
    person.post("/readings/import", status=status, files=[("files", ("数据.xlsx", content, EXCEL))], **fields)


def confirm(person: Person, status: int = 200) -> None:
    fields: dict[str, Any] = {name: _hidden(person, name) for name in ("kept", "name", "shown")}
    person.post("/readings/import", status=status, step="enter", files=[("files", ("", b"", EXCEL))], **fields)


def _hidden(person: Person, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', person.page.text)
    assert found
    return found[1]


def test_a_workbook_is_previewed_and_then_entered(office: Person) -> None:
    upload(office, figures(("I01", 2023, "", 93.6), ("I01", 2022, "north", 90, None, 10)))
    assert "2 new, 0 corrected, 0 the same. Nothing is entered yet." in office.words
    assert stands("I01").outcome is Outcome.NO_DATA
    confirm(office)
    assert office.notice == "2 readings are new, 0 corrected, 0 were the same"
    assert stands("I01").value == 93.6


def test_a_preview_that_is_no_longer_true_is_not_entered(office: Person) -> None:
    upload(office, figures(("I01", 2023, "", 93.6)))
    put(("I01", "2023", None, 94.0))
    confirm(office, status=422)
    assert "somebody entered readings since the preview" in office.refusal
    assert stands("I01").value == 94.0


def test_errors_of_a_workbook_are_listed_by_cell(office: Person) -> None:
    upload(office, figures(("I01", 2023, "", "很高"), ("I09", 2023, "", 1)), status=422)
    assert "2 errors" in office.words
    assert "E2" in office.words
    assert "A3" in office.words


def test_a_unit_sees_and_enters_its_own(office: Person, tiny_plan: str) -> None:
    put(("I01", "2023", "south", 71.5, None, 10))
    north = enter(tiny_plan, "north")
    page = f"/indicators/{id_of('I01')}"
    north.get(page)
    assert "71.5" not in north.words
    north.post(page, period="2023", value="93.6", weight="100", words="年报")
    north.get("/indicators")
    assert "93.6" in north.words
    assert "71.5" not in north.words
    upload(north, figures(("I01", 2023, "south", 80, None, 10)), status=422)
    assert "a unit enters its own alone" in north.words


def test_the_figures_of_the_page_are_those_of_the_download(office: Person) -> None:
    put(("I01", "2023", None, 93.6))
    book = load_workbook(io.BytesIO(office.get("/indicators.xlsx").content))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    assert rows[1][0] == "I01"
    assert 93.6 in rows[1]
