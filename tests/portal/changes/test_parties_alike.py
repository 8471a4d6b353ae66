"""What the plan says in the same words is settled in one go; the head of the group decides on what the office asks."""

import dataclasses
import re

import pytest
from sqlalchemy import Engine

from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.common.event import Actor
from models.loading import load_plan
from tests.conftest import LOADED_AT, ROOT, Clock
from tests.support.portal_client import Person, enter
from tests.support.story import Story

WORDS = "其他相关部门"
OWN = "2023/delivery/T1.6/office"


@pytest.fixture
def year(database: Engine, clock: Clock) -> Story:
    """A plan that names two parties by the same words."""
    document = read_plan(ROOT / "tests" / "plans" / "parties")
    *others, last = document.areas
    areas = (*others, dataclasses.replace(last, unsettled=(WORDS,)))
    with transaction() as session:
        load_plan(session, dataclasses.replace(document, areas=areas), actor=Actor("test"), at=LOADED_AT)
    story = Story("parties", clock.set)
    story.at("2023-01-03")
    story.open("implementation")
    return story


def values(page: Person, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="(\d+)"', page.page.text)


def test_the_same_words_are_settled_in_one_go(year: Story) -> None:
    office = enter(year.plan, "office", name="李主任")
    office.get("/queues/unsettled")
    numbers = re.findall(r'action="/unsettled/(\d+)/settle"', office.page.text)
    assert len(numbers) == 3
    also = values(office, "also")
    assert sorted(also) == sorted([numbers[0], numbers[2]]), "each offers the other, and the third nothing"
    first = numbers[0]
    (health,) = set(re.findall(rf'id="party-{first}-unit-(\d+)"[^>]*>\s*<label[^>]*>Health', office.page.text))
    office.post(f"/unsettled/{first}/settle", also=[numbers[2]], units=[health], page=1, status=422)
    assert f'id="party-{first}-also-{numbers[2]}" name="also" value="{numbers[2]}" checked' in office.page.text
    office.post(f"/unsettled/{first}/settle", also=[numbers[2]], units=[health], reason="会议纪要", page=1)
    assert office.notice == f"“{WORDS}” is settled in 2 places; 4 items are issued, and the units are told"
    assert len(re.findall(r'action="/unsettled/(\d+)/settle"', office.page.text)) == 1


def test_the_head_of_the_group_decides_on_more_time_that_the_office_asks_for(year: Story) -> None:
    office, leader = enter(year.plan, "office", name="李主任"), enter(year.plan, "leader", name="王市长")
    item = year.row(OWN).id
    leader.get("/board")
    assert "matter of the office" not in leader.words
    office.get(f"/assignments/{item}")
    office.post(f"/assignments/{item}/extension", until="2023-12-29", reason="等省里文件")
    assert "stands until the head of the group decides" in office.notice
    assert "/extensions" not in office.page.text, "nobody decides on their own"
    office.get("/queues/extensions")
    assert "等省里文件" not in office.page.text
    year.deliver()
    assert "等省里文件" in year.letter("leader")

    leader.get("/board")
    assert "1 matter of the office waits for you." in leader.words
    leader.get("/reviews")
    assert "等省里文件" in leader.words
    leader.get(f"/assignments/{item}")
    (request,) = values(leader, "ids")
    leader.post("/extensions", ids=[request], decision="refuse", status=422)
    assert "say why" in leader.refusal or "reason" in leader.refusal
    leader.post("/extensions", ids=[request], decision="grant")
    assert leader.notice == "1 granted"
    assert str(year.row(OWN).due_on) == "2023-12-29"


def test_the_head_decides_on_nothing_that_units_ask_for(year: Story) -> None:
    year.ask_extension("2023/delivery/T1.1/north", "2023-12-29")
    leader = enter(year.plan, "leader", name="王市长")
    leader.get("/reviews")
    assert "asks for more time" not in leader.words
    leader.get(f"/assignments/{year.row('2023/delivery/T1.1/north').id}")
    assert "/extensions" not in leader.page.text
    leader.post("/extensions", ids=[1], decision="grant", status=404)
    assert str(year.row("2023/delivery/T1.1/north").due_on) != "2023-12-29"


def test_where_nobody_leads_the_page_of_acceptance_says_so(year: Story) -> None:
    office = enter(year.plan, "office", name="李主任")
    office.get("/acceptance")
    assert "nobody leads it; the units answer to the office" in office.words
    assert "not settled yet: “主管部门”" in office.words
    office.get("/acceptance/items/T1.4")
    assert "nobody leads it; the units answer to the office" in office.words
    office.get("/acceptance/items/T1.3")
    assert "Education Bureau, Health Bureau, Culture Bureau" in office.words
