"""The office works off its list of what was escalated, and sees on an item who was told what."""

from typing import Any

from tests.conftest import NORTH
from tests.support.portal_client import enter
from tests.support.story import Story

REFUSED = 422


def test_the_office_presses_and_calls_and_the_list_is_worked_off(story: Story, north: None) -> None:
    story.patrol("2023-12-27")
    item = story.row(NORTH).id
    office = enter(story.plan, "office", name="王主任")
    office.get("/queues/escalated")
    assert "North County 1" in office.words, "it is grouped by unit"
    chosen: dict[str, Any] = {"ids": [item]}
    office.post("/contacts", what="pressed", words="请于周五前答复", **chosen)
    assert office.notice == "Written to units: 1, about items: 1. Written the same today already: 0."
    assert "No overdue work waits" in office.words
    office.get("/queues/escalated?show=all")
    assert "pressed: 请于周五前答复" in office.words
    story.deliver()
    story.at("2023-12-27 10:00")

    unit = enter(story.plan, "north", name="张三")
    unit.get(f"/assignments/{item}")
    assert "请于周五前答复" in unit.words
    assert "Who was told what" not in unit.words, "that is the office's"
    assert "/contacts" not in unit.page.text

    office.get(f"/assignments/{item}")
    assert "words of the office → North County" in office.words
    assert "they first came in after that on" in office.words
    note: dict[str, Any] = {"ids": [item], "on": "item", "what": "called", "words": "答应周五报"}
    office.post("/contacts", status=REFUSED, **note)
    assert "give the name of the person" in office.words
    assert "答应周五报" in office.page.text
    office.post("/contacts", with_whom="赵主任", **note)
    assert office.path == f"/assignments/{item}"
    assert "called 赵主任" in office.words


def test_a_form_without_a_choice_is_refused_and_what_was_typed_stays(story: Story, north: None) -> None:
    story.patrol("2023-12-27")
    office = enter(story.plan, "office", language="zh", name="王主任")
    office.get("/queues/escalated")
    office.post("/contacts", what="pressed", words="请于周五前答复", status=REFUSED)
    assert "请至少选择一件" in office.words
    assert "请于周五前答复" in office.page.text
