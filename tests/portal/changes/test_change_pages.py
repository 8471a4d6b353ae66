"""The office orders on a page, looks at what would happen, and carries it out; everybody finds it where they look."""

import re
from typing import Any

from adapters.database.sessions import transaction
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from tests.support.portal_client import Person, enter
from tests.support.scenes import scene
from tests.support.story import Story

NORTH = "2023/delivery/T1.1/north"
REFUSED = 422
SAID: dict[str, Any] = {"why": "上级要求", "authority": "办发〔2023〕7号", "title": "机构调整"}


@scene
def running(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")


def office_at_its_form(story: Story) -> Person:
    office = enter(story.plan, "office", name="李主任")
    office.get("/plan/changes/new")
    return office


def unit_id(code: str) -> int:
    with transaction() as session:
        return unit_of(session, plan_of(session, "tiny").id, code).id


def carry_out(office: Person, **order: Any) -> None:
    """What the form below the preview sends: all that was typed, and the mark of what was shown."""
    mark = re.search(r'name="mark" value="([0-9a-f]+)"', office.page.text)
    assert mark is not None
    office.post("/plan/changes", **order, **SAID, step="carry out", mark=mark[1])


def test_a_date_is_moved_once_it_was_seen_what_that_does(running: Story) -> None:
    office = office_at_its_form(running)
    order: dict[str, Any] = {"order": "move", "ref": "2023/delivery", "day": "2023-11-30"}
    office.post("/plan/changes", **order, **SAID, step="preview")
    assert "What would happen" in office.words
    assert NORTH in office.words
    assert str(running.row(NORTH).due_on) == "2023-12-20", "looking changes nothing"
    carry_out(office, **order)
    assert office.path == "/plan/changes/1"
    assert office.notice == "Change set 1 is carried out; each unit concerned gets one letter."
    assert str(running.row(NORTH).due_on) == "2023-11-30"
    assert "办发〔2023〕7号" in office.words
    office.get("/plan/changes")
    assert "1 机构调整" in office.words


def test_the_page_of_an_item_says_under_which_version_it_was_issued_and_what_changed_it(running: Story) -> None:
    office = office_at_its_form(running)
    order: dict[str, Any] = {"order": "move", "ref": NORTH, "day": "2023-12-27"}
    office.post("/plan/changes", **order, **SAID, step="preview")
    carry_out(office, **order)
    north = enter(running.plan, "north")
    north.get(f"/assignments/{running.row(NORTH).id}")
    assert "under version 1 of the plan" in north.words
    assert "1 机构调整 (办发〔2023〕7号): Date moved" in north.words
    assert "/plan/changes/1" not in north.page.text, "units do not see what others are told"


def test_a_measure_is_withdrawn_and_a_unit_hands_over(running: Story) -> None:
    office = office_at_its_form(running)
    order: dict[str, Any] = {"order": "withdraw", "code": "T1.2"}
    office.post("/plan/changes", **order, **SAID, step="preview")
    carry_out(office, **order)
    assert running.row("2023/delivery/T1.2/north").status == "waived"
    office.get("/plan/changes/new")
    order = {"order": "hand", "unit": unit_id("north"), "to": unit_id("south")}
    office.post("/plan/changes", **order, **SAID, step="preview")
    assert "Asked of another unit already: South County" in office.words
    carry_out(office, **order)
    assert running.row(NORTH).status == "waived"
    office.get("/links")
    assert "North County" not in re.findall(r"<option[^>]*>([^<]*)", office.page.text)


def test_what_cannot_be_is_said_with_what_was_typed(running: Story) -> None:
    office = office_at_its_form(running)
    tried: list[tuple[dict[str, Any], str]] = [
        ({"order": "move", "ref": "2023/nothing", "day": "2023-11-30"}, "2023/nothing: nothing was issued"),
        ({"order": "move", "ref": NORTH}, "give the reference and the new date"),
        ({"order": "withdraw"}, "give the code"),
        ({"order": "hand"}, "choose the unit that ends"),
        ({"order": "hand", "unit": unit_id("edu")}, "edu leads T1"),
    ]
    for order, why in tried:
        office.post("/plan/changes", **order, **SAID, step="preview", status=REFUSED)
        assert why in office.refusal
        assert "上级要求" in office.page.text
    office.post("/plan/changes", order="move", ref=NORTH, day="2023-11-30", step="preview", status=REFUSED)
    assert "say why the plan changes" in office.refusal


def test_what_was_seen_and_is_no_longer_so_is_not_carried_out(running: Story) -> None:
    office = office_at_its_form(running)
    order: dict[str, Any] = {"order": "move", "ref": "2023/delivery", "day": "2023-11-30"}
    office.post("/plan/changes", **order, **SAID, step="preview")
    running.settle(NORTH)
    mark = re.search(r'name="mark" value="([0-9a-f]+)"', office.page.text)
    assert mark is not None
    office.post("/plan/changes", **order, **SAID, step="carry out", mark=mark[1], status=REFUSED)
    assert "look again" in office.refusal
    assert str(running.row("2023/delivery/T1.1/south").due_on) == "2023-12-20"
