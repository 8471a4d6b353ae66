"""The office puts a change set together on a page, looks at what would happen, and carries it out."""

import html
import re
from typing import Any

import pytest

from adapters.database.sessions import transaction
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.plan import plan_of
from tests.portal.changes.drafting import NORTH, REFUSED, SAID, Drafter, drafting, running
from tests.support.portal_client import enter
from tests.support.story import Story

__all__ = ["running"]  # a fixture


@pytest.fixture
def office(running: Story) -> Drafter:
    return drafting(running)


def stored() -> PlanDocument:
    with transaction() as session:
        return document_of(plan_of(session, "tiny").content)


def test_a_date_is_moved_once_it_was_seen_what_that_does(running: Story, office: Drafter) -> None:
    office.preview(move_what="2023/delivery", move_day="2023-11-30")
    assert "What would happen" in office.words
    assert "North County" in office.words
    assert str(running.row(NORTH).due_on) == "2023-12-20", "looking changes nothing"
    office.carry_out()
    assert office.path == "/plan/changes/1"
    assert office.notice == "Change set 1 is carried out; each unit concerned gets one letter."
    assert str(running.row(NORTH).due_on) == "2023-11-30"
    assert "办发〔2023〕7号" in office.words
    office.get("/plan/changes")
    assert "1 机构调整" in office.words


def test_a_change_set_of_several_orders_is_put_together_line_by_line(running: Story, office: Drafter) -> None:
    office.add(move_what="2023/delivery", move_item="T1.1", move_day="2023-11-30")
    office.add(withdraw_what="T1.2")
    assert office.lines == 2
    office.add(rename_unit="south", rename_zh="南新县")
    assert "South County is called 南新县 from now on" in office.words
    office.take_out(0)
    assert office.lines == 2
    assert "Another date:" not in office.words
    office.preview(move_what="2023Q1/progress", move_unit="北县", move_day="2023-04-07")
    assert office.lines >= 3, "what is typed and not added yet counts as well"
    office.carry_out()
    assert running.row("2023/delivery/T1.2/north").status == "waived"
    assert str(running.row("2023Q1/progress/north").due_on) == "2023-04-07"
    assert str(running.row("2023Q1/progress/finance").due_on) == "2023-03-31"
    assert str(running.row(NORTH).due_on) == "2023-12-20", "what was taken out is not done"
    south = next(one for one in stored().units if one.code == "south")
    assert (south.name.zh, south.aliases) == ("南新县", ("南县",))


def test_all_that_one_unit_owes_under_a_requirement_gets_another_date(running: Story, office: Drafter) -> None:
    running.settle("2023/delivery/T1.2/north")
    office.preview(move_what="2023/delivery", move_unit="北县", move_day="2023-12-27")
    office.carry_out()
    moved = {ref: str(running.row(f"2023/delivery/{ref}").due_on) for ref in ("T1.1/north", "S1/north", "T1.1/south")}
    assert moved == {"T1.1/north": "2023-12-27", "S1/north": "2023-12-27", "T1.1/south": "2023-12-20"}
    assert str(running.row("2023/delivery/T1.2/north").due_on) == "2023-12-20", "finished work keeps its date"
    office.get("/plan/changes/new")
    office.preview(move_what="2023Q1/progress", move_unit="edu", move_day="2023-04-07", status=REFUSED)
    assert "nothing of it is open at the unit" in office.words


def test_the_preview_shows_what_changes_by_name_and_each_units_letter(office: Drafter) -> None:
    office.preview(move_what="2023/delivery", move_item="T1.1", move_unit="北县", move_day="2023-11-30")
    assert "What was delivered (2023) · T1.1 Measure one" in office.words
    assert "The letter to North County" in office.words
    letter = re.search(r'<div class="letter">(.*?)</div>', office.page.text, re.DOTALL)
    assert letter is not None
    assert "办发〔2023〕7号" in html.unescape(letter[1])
    assert "November 2023" in html.unescape(letter[1]) or "2023年11月30日" in html.unescape(letter[1])
    assert office.page.text.count('<div class="letter">') == 1, "one unit, one letter"


def test_a_unit_is_split(running: Story, office: Drafter) -> None:
    office.add(unit_zh="新区", unit_en="New District", unit_kind="county")
    office.preview(end_unit="北县", end_to=["south", "xinqu"])
    assert "North County is split: its work goes to South County, New District" in office.words
    office.carry_out()
    assert running.row(NORTH).status == "waived"
    assert running.row("2023/delivery/T1.1/xinqu").status == "issued"
    office.get("/links")
    assert "North County" not in re.findall(r"<option[^>]*>([^<]*)", office.page.text)


def test_others_answer_for_a_measure(running: Story, office: Drafter) -> None:
    office.preview(answer_item="举措一", answer_leads=["finance"], answer_responsible=["south"])
    assert "T1.1 Measure one: led by Finance Bureau from now on; responsible: South County" in office.words
    office.carry_out()
    assert running.row("2023/delivery/T1.1/finance").role == "lead"
    assert running.row(NORTH).status == "waived"
    assert running.row("2023/delivery/T1.2/north").status == "issued"


def test_a_measure_and_a_requirement_are_added(running: Story, office: Drafter) -> None:
    office.add(measure_area="T1", measure_zh="新举措", measure_proof_zh="清单")
    office.preview(
        ask_zh="专项报告",
        ask_why="上级要求",
        ask_proof_zh="报告",
        ask_of="units",
        ask_units=["counties"],
        ask_day="2023-06-15",
    )
    office.carry_out()
    assert running.row("2023/delivery/T1.3/north").status == "issued"
    assert str(running.row("2023/zhuanxiangbaogao/south").due_on) == "2023-06-15"
    area = next(one for one in stored().areas if one.code == "T1")
    assert area.measures[-1].source == "办发〔2023〕7号", "it stands where the change stands"
    assert stored().declared[0].enumerated == 3


def test_words_change_for_open_items_where_that_is_ticked(running: Story, office: Drafter) -> None:
    north = enter(running.plan, "north")
    office.preview(words_what="delivery", words_zh="落实情况", words_en="How it went", open_items_too="true")
    office.carry_out()
    north.get(f"/assignments/{running.row(NORTH).id}")
    assert "How it went" in north.words


def test_a_date_that_is_to_come_moves_in_the_plan(running: Story, office: Drafter) -> None:
    office.preview(move_what="2024/self-check", move_day="2024-08-30")
    assert "once it is issued" in office.words
    office.carry_out()
    assert str(next(one for one in stored().requirements if one.code == "self-check").due["2024"]) == "2024-08-30"
    office.get("/plan/changes/new")
    office.preview(move_what="2024/self-check", move_day="2023-08-30", status=REFUSED)
    assert "expected a date of the phase" in office.words
    office.preview(move_what="2024/self-check", move_unit="north", move_day="2024-08-30", status=REFUSED)
    assert "until then its date moves for all" in office.words


def test_the_page_of_an_item_leads_to_its_date_and_says_what_changed_it(running: Story, office: Drafter) -> None:
    office.get(f"/assignments/{running.row(NORTH).id}")
    (to,) = re.findall(r'href="(/plan/changes/new[^"]*)"', office.page.text)
    office.get(html.unescape(to))
    assert f'value="{NORTH}"' in office.page.text
    office.preview(move_ref=NORTH, move_day="2023-12-27")
    office.carry_out()
    north = enter(running.plan, "north")
    north.get(f"/assignments/{running.row(NORTH).id}")
    assert "under version 1 of the plan" in north.words
    assert "1 机构调整 (办发〔2023〕7号): Date moved" in north.words
    assert "/plan/changes/" not in north.page.text, "units do not see what others are told"


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"move_what": "2023/delivery"}, "move_day", "give the date"),
    ({"move_day": "2023-11-30"}, "move_what", "choose what gets another date"),
    (
        {"move_what": "2023Q1/progress", "move_item": "T1.1", "move_day": "2023-11-30"},
        "move_item",
        "is not asked of it",
    ),
    ({"withdraw_what": "nothing of it"}, "withdraw_what", "nothing is called “nothing of it”"),
    ({"withdraw_what": "举措"}, "withdraw_what", "“举措” may be T1.1 Measure one, T1.2 Measure two"),
    ({"end_to": ["south"]}, "end_unit", "choose the unit that ends"),
    ({"end_unit": "north", "end_to": ["north"]}, "end_to", "cannot take over its own work"),
    ({"rename_unit": "north"}, "rename_zh", "write what it is called"),
    ({"rename_unit": "north", "rename_zh": "南县"}, "rename_zh", "South County is called 南县 already"),
    ({"answer_item": "T1.1"}, "answer_leads", "say who leads it"),
    ({"answer_item": "T1.1", "answer_leads": ["edu"], "answer_nobody": "true"}, "answer_leads", "not both"),
    (
        {"answer_item": "S1", "answer_leads": ["edu"], "answer_responsible": ["edu"]},
        "answer_item",
        "leads it, and is not",
    ),
    ({"unit_zh": "新区"}, "unit_kind", "a bureau or a county"),
    ({"measure_area": "T1", "measure_zh": "新举措"}, "measure_proof_zh", "what proves it"),
    ({"ask_zh": "报告", "ask_day": "2030-01-01"}, "ask_day", "lies in no phase"),
    ({"words_what": "delivery"}, "words_zh", "from now on"),
    ({"why": ""}, "why", "say why the plan changes"),
    ({"authority": ""}, "authority", "by what authority"),
    ({"from_on": "2023-02-01"}, "from_on", "still to come"),
]


@pytest.mark.parametrize(
    ("typed", "field", "fault"), FAULTS, ids=[f"{one[1]}-{place}" for place, one in enumerate(FAULTS)]
)
def test_what_is_wrong_stands_at_its_field(office: Drafter, typed: dict[str, Any], field: str, fault: str) -> None:
    office.preview(**{"withdraw_what": "T1.2"} | typed, status=REFUSED)
    said = re.search(rf'<p class="error" id="{field}-error">(.*?)</p>', office.page.text)
    assert said is not None, office.words
    assert fault in html.unescape(said[1])
    for value in typed.values():
        assert isinstance(value, list) or html.escape(value) in office.page.text or not value, "what was typed is kept"


def test_what_cannot_be_is_said_by_name_and_with_what_to_do(office: Drafter) -> None:
    office.preview(end_unit="edu", status=REFUSED)
    assert "Education Bureau leads T1 Quality; say which unit leads it from now on" in office.refusal
    assert "Others answer for it" in office.refusal
    (line,) = re.findall(r"<li><p>([^<]*)</p>\s*<p class=\"error\">([^<]*)", office.page.text)
    assert line[0] == "Education Bureau ends, and nobody takes its work over"
    assert line[1].startswith("Education Bureau leads T1 Quality"), "it stands at its line as well"
    office.take_out(0)
    office.preview(
        move_what="2023/delivery", move_item="T1.1", move_unit="north", move_day="2022-12-01", status=REFUSED
    )
    assert "What was delivered (2023) · T1.1 Measure one · North County" in office.refusal
    assert "tick “Dates that have passed are meant”" in office.refusal
    assert "--past" not in office.page.text
    office.preview(past="true")
    assert "What would happen" in office.words
    office.post("/plan/changes", lines=["no line"], **SAID, step="preview", status=REFUSED)
    assert "this line cannot be read" in office.words


def test_what_was_seen_and_is_no_longer_so_is_not_carried_out(running: Story, office: Drafter) -> None:
    office.preview(move_what="2023/delivery", move_day="2023-11-30")
    running.settle(NORTH)
    office.carry_out(status=REFUSED)
    assert "look again" in office.refusal
    assert str(running.row("2023/delivery/T1.1/south").due_on) == "2023-12-20"


def test_a_form_that_is_sent_again_changes_nothing_more(running: Story, office: Drafter) -> None:
    office.preview(withdraw_what="T1.2")
    seen = office.page
    office.carry_out()
    office.carry_out(seen=seen)
    assert office.path == "/plan/changes/1"
    office.get("/plan/changes/2", status=404)
