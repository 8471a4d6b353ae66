"""The register goes out to Excel, is changed there as people do, and comes back; what is wrong is told by its cell."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from adapters.database.sessions import read_session
from adapters.language import Language
from models.common.errors import NotFoundError, RefusedError
from models.indicators.reading import Change
from models.people.person import Entry, people_of
from models.plan.plan import plan_of
from rendering.workbook import write_workbook
from services.people.workbook import Wanted, enter_rows, import_file, mark_of, preview_file, sheet_for
from services.sheet_problems import SheetProblemsError
from tests.services.people.people import LI, WANG, entries_of_journal, registered, row, scope_of
from tests.support.story import Story
from tests.support.workbooks import PEOPLE, people, workbook

Put = Callable[[bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(content: bytes) -> Path:
        path = tmp_path / "people.xlsx"
        path.write_bytes(content)
        return path

    return put


@pytest.fixture
def november(story: Story) -> Story:
    story.at("2022-11-01")
    return story


def exported(unit: str, language: str = "zh") -> bytes:
    scope, output = scope_of(unit), io.BytesIO()
    with read_session() as session:
        plan = plan_of(session, "tiny")
        said = Language.of("en" if language == "en" else "zh")
        write_workbook([sheet_for(session, plan, scope.actor, plan.day_of(scope.at), said)], output)
    return output.getvalue()


def rows_of(content: bytes) -> list[list[str]]:
    page = load_workbook(io.BytesIO(content)).worksheets[0]
    return [["" if cell is None else str(cell) for cell in one] for one in page.iter_rows(values_only=True)]


def found(unit: str) -> dict[str, list[tuple[str, Entry]]]:
    with read_session() as session:
        plan = plan_of(session, "tiny")
        by_unit = people_of(session, plan, plan.day_of(scope_of(unit).at))
        return {of[0].unit.code: [(one.post.value, one.entry) for one in of] for of in by_unit.values()}


def problems(put: Put, content: bytes, unit: str = "office") -> list[tuple[str, str]]:
    before = len(entries_of_journal())
    with pytest.raises(SheetProblemsError) as caught:
        import_file(scope_of(unit), put(content), "people.xlsx")
    assert len(entries_of_journal()) == before
    return [(f"{one.column}{one.row}", str(one.expected)) for one in caught.value.problems]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_goes_out_comes_back_as_the_same(november: Story, put: Put, language: str) -> None:
    registered("north")
    registered("north", "handler", LI)
    registered("office", "contact", Entry("刘洋", telephone="+86 452 2310000"))
    content = exported("office", language)
    assert "token1" not in str(rows_of(content)), "what is secret in an address does not leave"
    compared = preview_file(scope_of("office"), put(content), "people.xlsx")
    assert {one.change for one in compared} == {Change.SAME}
    assert sorted(one.entry.name for one in compared) == ["刘洋", "李强", "王丽"]
    before = len(entries_of_journal())
    import_file(scope_of("office"), put(content), "people.xlsx")
    assert len(entries_of_journal()) == before


def test_the_office_brings_in_all_at_once_and_whom_it_does_not_name_stays(november: Story, put: Put) -> None:
    one = registered("north")
    registered("south", "handler", LI)
    content = people(
        ("北县", "联络员", "李强", "副主任", "0452-2311002"),
        ("south", "liaison", "钱进", "主任", 13800000001, None, "slack:C0SOUTH"),
        ("leader", "组长", "周市长", "副市长"),
        ("leader", "成员", "孙局长", "教育局局长"),
    )
    done = import_file(scope_of("office", "王五"), put(content), "people.xlsx")
    assert [(one.unit.code, one.change.value) for one in done] == [
        ("north", "changed"),
        ("south", "new"),
        ("leader", "new"),
        ("leader", "new"),
    ]
    assert found("office") == {
        "north": [("liaison", Entry("李强", "副主任", "0452-2311002"))],
        "south": [("liaison", Entry("钱进", "主任", "13800000001", "", ("slack:C0SOUTH",))), ("handler", LI)],
        "leader": [("head", Entry("周市长", "副市长")), ("member", Entry("孙局长", "教育局局长"))],
    }
    assert row(one.id).ended_by == "王五"


def test_a_unit_brings_in_its_own_and_nobody_elses(november: Story, put: Put) -> None:
    registered("south")
    heads, *own = rows_of(exported("north"))
    assert heads == PEOPLE
    assert [(one[0], one[2], one[3]) for one in own] == [("north", "分管领导", ""), ("north", "联络员", "")]
    import_file(scope_of("north"), put(people(("", "联络员", "王丽"))), "people.xlsx")
    assert found("north")["north"] == [("liaison", Entry("王丽"))]
    [(cell, expected)] = problems(put, people(("south", "联络员", "王丽")), "north")
    assert cell == "A2"
    assert "whose people you keep" in expected


def test_everything_that_is_wrong_is_told_by_its_cell_and_nothing_is_entered(november: Story, put: Put) -> None:
    content = people(
        ("north", "联络员", "王", "主任", "见墙上"),
        ("nowhere", "联络员", "王丽"),
        ("south", "书记", "王丽"),
        ("south", "组长", "王丽"),
        ("south", "联络员", "王丽", "", 4522311001),
        ("edu", "联络员", "王丽", "", "", "", "json://10.0.0.1/x"),
        ("edu", "承办人", "钱进"),
        ("edu", "承办人", "钱 进"),
        ("finance", "联络员", "=A1"),
        ("finance", "联络员", "王丽", "", "", "", "dingtalk://****"),
    )
    told = problems(put, content)
    assert [cell for cell, _ in told] == ["D2", "F2", "A3", "C4", "C5", "F6", "H7", "D9", "D10", "H11"]
    assert "dropped a 0" in dict(told)["F6"]
    assert "10.0.0.1" not in dict(told)["H7"]


def test_what_is_no_register_is_said(november: Story, put: Put) -> None:
    with pytest.raises(RefusedError, match="columns of the register"):
        preview_file(scope_of("office"), put(workbook([["a", "b"], [1, 2]])), "people.xlsx")
    with pytest.raises(RefusedError, match="nobody is named"):
        preview_file(scope_of("office"), put(exported("office")), "people.xlsx")
    with pytest.raises(RefusedError):
        preview_file(scope_of("office"), put(b"PK\x03\x04 no workbook"), "people.xlsx")
    with pytest.raises(RefusedError, match="Excel workbook"):
        preview_file(scope_of("office"), put(b"a,b"), "people.csv")


def test_what_a_preview_showed_is_entered_unless_the_register_changed_meanwhile(november: Story, put: Put) -> None:
    registered("north")
    content = people(("north", "联络员", "王丽", "科长", "0452-2311001", "138 0000 0001", "dingtalk://****"))
    compared = preview_file(scope_of("north"), put(content), "people.xlsx")
    rows, shown = [one.wanted for one in compared], mark_of(compared)
    assert "token1" not in str(rows), "the page that asks for consent holds no secret"
    other = [Wanted("south", rows[0].post, rows[0].entry)]
    with pytest.raises(NotFoundError):
        enter_rows(scope_of("north"), other, shown)
    registered("north", "handler", LI)
    enter_rows(scope_of("north"), rows, shown)
    assert found("north")["north"][0] == (
        "liaison",
        Entry("王丽", "科长", WANG.telephone, WANG.mobile, WANG.addresses),
    )
    with pytest.raises(RefusedError, match="since the preview"):
        enter_rows(scope_of("north"), rows, shown)
