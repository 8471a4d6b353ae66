"""What people type finds what they mean: by code, name, alias or a part of a name; else it is said what is near."""

import pytest

from adapters.language import Language
from adapters.plan_files.reader import read_plan
from models.common.errors import RefusedError
from models.common.text import Text
from models.plan.amending import renamed
from portal.pages import environment
from portal.routes.plans.names import MOST_IN_A_LIST, MOST_TO_TICK, Choice, Entry, Names
from tests.conftest import TINY

EN, ZH = Language.of("en"), Language.of("zh")
FEW = Choice(
    [
        Entry("edu", "教育局", ("教育局", "市教育局")),
        Entry("edusport", "教体局"),
        Entry("finance", "财政局", ("市财政局",)),
    ]
)


@pytest.mark.parametrize(
    ("words", "code"),
    [("edu", "edu"), ("教育局", "edu"), ("市教育局", "edu"), ("财政", "finance"), ("EDUSPORT", "edusport")],
)
def test_it_is_found(words: str, code: str) -> None:
    assert FEW.find(words) == code


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("局", "“局” may be 教育局, 教体局, 财政局"),
        ("教育司", "do you mean 教育局"),
        ("wholly other", "nothing is called"),
    ],
)
def test_it_is_said_what_is_near(words: str, why: str) -> None:
    with pytest.raises(RefusedError) as refused:
        FEW.find(words)
    assert why in EN.say(refused.value)


def test_several_are_apart_by_commas_or_lines_and_stand_once() -> None:
    assert FEW.find_all(["教育局、财政局，edu", "edusport\n财政局"]) == ("edu", "finance", "edusport")
    assert FEW.find_all(["", " "]) == ()


def test_a_name_with_a_comma_is_one_name() -> None:
    assert Choice([Entry("a", "文化，体育局"), Entry("b", "体育局")]).find_all(["文化，体育局"]) == ("a",)


@pytest.mark.parametrize(
    ("count", "list_", "boxes"), [(3, True, True), (MOST_TO_TICK + 1, True, False), (MOST_IN_A_LIST + 1, False, False)]
)
def test_of_thousands_nobody_gets_a_list(count: int, *, list_: bool, boxes: bool) -> None:
    choice = Choice(Entry(f"u{number}", f"单位{number}") for number in range(count))
    macros = environment("zh").get_template("macros.html").module
    assert ("<select" in str(macros.pick("unit", "单位", choice))) is list_  # type: ignore[attr-defined]
    assert ('type="checkbox"' in str(macros.picks("units", "单位", choice))) is boxes  # type: ignore[attr-defined]


def test_references_are_said_by_name_and_period() -> None:
    names = Names([read_plan(TINY)], EN)
    assert names.ref("2023Q1/progress/north") == "Progress report (first quarter of 2023) · North County"
    assert names.ref("2023/delivery/T1.1/north") == "What was delivered (2023) · T1.1 Measure one · North County"
    assert names.ref("2023/delivery") == "What was delivered (2023)"
    assert names.ref("F-1/north") == "F-1/north", "what the plan does not know has its reference"
    assert Names([read_plan(TINY)], ZH).ref("2023Q1/progress") == "进展报告（2023年第一季度）"


def test_a_unit_that_is_renamed_is_called_as_it_was_until_then() -> None:
    before = read_plan(TINY)
    names = Names([before, renamed(before, "north", Text("新北", "New North"))], EN)
    assert (names.called_until_now("north"), names.units["north"]) == ("North County", "New North")
