"""Measures in levels: the lowest ones are asked for, and take from above what they do not say."""

import shutil
from pathlib import Path

import pytest

from adapters.language import Language
from adapters.plan_files.codes import number_of
from adapters.plan_files.reader import PlanProblemsError, read_plan
from models.common.text import Text
from models.loading import asked_of
from models.plan.parties import parties_of
from tests.adapters.plan_files.test_plan_shapes import Change, replace
from tests.conftest import TINY

LEVELS = TINY.parent / "levels"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LEVELS, tmp_path / "plan"))


def test_names_and_codes_say_what_stands_above() -> None:
    (area, _) = read_plan(LEVELS).areas
    assert {one.code: one.name.zh for one in area.measures} == {
        "T1.1.1": "（一）师资建设 › 1. 招聘",
        "T1.1.2": "（一）师资建设 › 2. 培训",
        "T1.2.1.1": "（二）校舍 › 1. 新建 › ①选址",
        "site-works": "（二）校舍 › 1. 新建 › 开工",
        "xiushan": "（二）校舍 › 修缮",
        "T1.3": "公开信息",
    }
    assert area.measures[0].name.en == "（一）Teachers › 1. Hiring"


def test_a_leader_in_charge_stands_by_post_at_whatever_level() -> None:
    (area, safeguard) = read_plan(LEVELS).areas
    assert area.leader == Text("分管教育的副市长", "Vice mayor for education")
    assert safeguard.leader is None
    assert {one.code: one.leader.zh for one in area.measures if one.leader} == {
        "T1.2.1.1": "常务副市长",
        "site-works": "常务副市长",
        "xiushan": "常务副市长",
    }


def test_what_a_measure_does_not_name_the_level_above_does() -> None:
    (area, _) = read_plan(LEVELS).areas
    answering = {}
    for one in area.measures:
        of = parties_of(area, one, None)
        answering[one.code] = ((of.lead, *of.co_leads), of.unsettled_lead, of.responsible, of.unsettled)
    assert answering == {
        "T1.1.1": (("finance",), "", ("north",), ()),
        "T1.1.2": (("",), "主管部门", ("north",), ()),
        "T1.2.1.1": (("edu",), "", ("south",), ("有关单位",)),
        "site-works": (("edu", "finance"), "", (), ()),
        "xiushan": (("edu",), "", ("south",), ("有关单位",)),
        "T1.3": (("edu",), "", ("finance", "counties"), ()),
    }


def test_a_date_holds_for_all_below_that_have_none() -> None:
    asked = {one.ref: one.due.on.isoformat() for one in asked_of(read_plan(LEVELS)) if one.entry.code == "delivery"}
    assert asked == {
        "2023/delivery/T1.1.1": "2023-06-30",
        "2023-03/delivery/T1.1.2": "2023-03-31",
        "2023-11/delivery/T1.1.2": "2023-11-30",
        "2023H1/delivery/T1.2.1.1": "2023-06-20",
        "2023H2/delivery/T1.2.1.1": "2023-12-20",
        "2023H1/delivery/site-works": "2023-06-20",
        "2023H2/delivery/site-works": "2023-12-20",
        "2023/delivery/xiushan": "2023-12-31",
        "2023/delivery/T1.3": "2023-12-31",
        "2023/delivery/S1": "2023-12-31",
    }


@pytest.mark.parametrize(
    ("label", "number"),
    [("1.", 1), ("（12）", 12), ("③", 3), ("十二、", 12), ("二是", 2), ("九十九", 99), ("T1", None), ("一流", None)],
)
def test_a_number_is_read_in_any_form(label: str, number: int | None) -> None:
    assert number_of(label) == number


DEEPER = "                measures:\n                  - {name: 一, proof: 一, source: 一}\n"

FAULTS: dict[str, tuple[Change, str]] = {
    "a fourth level": (
        replace(
            "areas.yaml",
            "                proof: {zh: 批复, en: The approval}\n                source: 二·(一)·3\n",
            DEEPER,
        ),
        'areas.yaml:40: areas[0].measures[1].measures[0].measures[0].measures: "[…]" – '
        "expected measures in at most 3 levels",
    ),
    "no measure below": (
        replace("areas.yaml", "      # None\n", "      - {name: 空, measures: []}\n"),
        'areas.yaml:51: areas[0].measures[2].measures: "[…]" – expected at least one item',
    ),
    "a proof of an upper level": (
        replace("areas.yaml", "        responsible: [north]\n", "        proof: 名单\n"),
        'areas.yaml:14: areas[0].measures[0].proof: "名单" – expected one of the keys name, measures, code, due, lead, '
        "responsible, leader",
    ),
    "a date outside of the phase": (
        replace("areas.yaml", "due: 2023-06-30", "due: 2025-06-30"),
        'areas.yaml:15: areas[0].measures[0].due: "2025-06-30" – expected a date in one of the phases '
        "implementation (2023-01-01 – 2023-12-31)",
    ),
    "a code twice": (
        replace("areas.yaml", "code: site-works", "code: S1"),
        'areas.yaml:56: areas[1].code: "S1" – expected a code that no other area or measure has; it is also on line 41',
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_once_with_file_line_and_what_was_expected(folder: Path, fault: str) -> None:
    change, expected = FAULTS[fault]
    change(folder)
    with pytest.raises(PlanProblemsError) as raised:
        read_plan(folder)
    assert [str(one) for one in raised.value.problems].count(expected) == 1, raised.value.problems
    zh = Language.of("zh")
    assert all(zh.gettext(one.expected) != one.expected for one in raised.value.problems)
