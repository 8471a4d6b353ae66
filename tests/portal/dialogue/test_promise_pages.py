"""A unit explains itself on the page of an item; unit, reviewer and office find it where they look."""

import re
from typing import Any

from tests.conftest import NORTH
from tests.support.portal_client import Person, enter
from tests.support.story import Story

REFUSED = 422
SAID: dict[str, Any] = {"why": "施工单位停工", "answers": "赵主任", "needs": "请住建局协调复工"}


def error_at(person: Person, field: str) -> str:
    found = re.search(f'id="explain-{field}-error">([^<]*)<', person.page.text)
    return found[1] if found else ""


def address(story: Story) -> str:
    return f"/assignments/{story.row(NORTH).id}"


def test_a_unit_explains_and_it_stands_wherever_it_is_looked_for(story: Story, north: None) -> None:
    story.patrol("2023-12-29")
    unit = enter(story.plan, "north", language="zh", name="张三")
    unit.get("/work")
    assert f"{address(story)}#explain" in unit.page.text, "the list of work leads to the form"
    unit.get(address(story))
    unit.post(f"{address(story)}/explanation", until="2024-01-12", **SAID)
    assert "承诺2024-01-12前完成；期限仍为2023-12-20" in unit.notice
    for words in ("施工单位停工", "赵主任", "请住建局协调复工", "承诺时限：2024年1月12日", "情况说明及承诺"):
        assert words in unit.words
    unit.get("/work")
    assert "承诺时限：2024年1月12日" in unit.words
    assert "#explain" not in unit.page.text

    lead = enter(story.plan, "edu", name="李四")
    lead.get(address(story))
    assert "施工单位停工" in lead.words
    assert "/explanation" not in lead.page.text, "nobody else explains a unit"

    story.at("2024-01-13")
    office = enter(story.plan, "office", name="王主任")
    office.get("/queues/promises")
    assert "not kept" in office.words
    assert "施工单位停工" in office.words
    office.get("/queues/escalated")
    assert "not kept" in office.words
    office.get("/assignments?light=red")
    assert "not kept" in office.words
    assert "2024-01-12" in office.get("/assignments.csv").text


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(story: Story, north: None) -> None:
    story.at("2023-12-29")
    unit = enter(story.plan, "north", name="张三")
    unit.get(address(story))
    unit.post(f"{address(story)}/explanation", until="2023-12-29", status=REFUSED, **SAID | {"answers": "?"})
    until, answers = (error_at(unit, field) for field in ("until", "answers"))
    assert "is not after today" in until
    assert "give the name of the person" in answers
    assert "explain-why-error" not in unit.page.text
    assert "施工单位停工" in unit.page.text


def test_who_is_not_late_finds_no_form(story: Story, north: None) -> None:
    story.at("2023-03-01")
    unit = enter(story.plan, "north", name="张三")
    unit.get(address(story))
    assert "/explanation" not in unit.page.text
    unit.post(f"{address(story)}/explanation", until="2023-04-28", status=REFUSED, **SAID)
    assert "neither late nor due soon" in unit.words
