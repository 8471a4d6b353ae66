"""The item by which a unit names its liaison is answered by the register's form, or by a file as before."""

import dataclasses

import pytest

from adapters.database.sessions import read_session
from models.assignments.assignment import by_refs
from models.assignments.evidence import Submission
from models.common.errors import IllegalMoveError, NotFoundError, RefusedError
from models.common.status import Status
from models.people.person import Entry, EntryError, Post, holder_of
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services.people import liaison
from tests.services.people.people import LI, WANG, entries_of_journal, registered, scope_of
from tests.support.story import Story

NORTH = "2022/liaison/north"


@pytest.fixture
def launch(story: Story) -> Story:
    story.at("2022-11-01")
    story.open("launch")
    return story


def item(ref: str) -> int:
    with read_session() as session:
        return by_refs(session, plan_of(session, "tiny"), [ref], lock=False)[0].id


def holder() -> Entry | None:
    with read_session() as session:
        plan = plan_of(session, "tiny")
        found = holder_of(session, unit_of(session, plan.id, "north"), Post.LIAISON, plan.day_of(scope_of("north").at))
        return found.entry if found else None


def notes() -> list[tuple[str, str]]:
    with read_session() as session:
        return [(one.by_name, one.note) for one in session.query(Submission).order_by(Submission.id)]


def test_the_liaison_registers_and_the_item_is_handed_in_with_it(launch: Story) -> None:
    done = liaison.hand_in_liaison(scope_of("north", "王丽"), item(NORTH), WANG)
    assert (done.ref, done.status, done.version) == (NORTH, Status.SUBMITTED, 1)
    assert holder() == WANG
    assert notes() == [("王丽", "联络员（已登记）：王丽，办公室主任")], "the telephone stands in the register alone"
    launch.deliver()
    assert "王丽" in launch.letter("office")
    launch.accept(NORTH)


def test_who_is_registered_already_is_handed_in_as_they_stand_or_changed(launch: Story) -> None:
    registered("north")
    shown = dataclasses.replace(WANG, addresses=("dingtalk://****",))
    liaison.hand_in_liaison(scope_of("north"), item(NORTH), shown)
    assert [event.detail["what"] for event in entries_of_journal() if event.detail] == ["registered"]
    launch.send_back(NORTH, "请换人")
    again = liaison.hand_in_liaison(scope_of("north"), item(NORTH), LI)
    assert (again.version, holder()) == (2, LI)
    assert [event.detail["what"] for event in entries_of_journal() if event.detail] == ["registered", "changed"]


def test_without_a_telephone_nothing_is_registered_and_nothing_handed_in(launch: Story) -> None:
    with pytest.raises(EntryError) as caught:
        liaison.hand_in_liaison(scope_of("north"), item(NORTH), Entry("王丽", "主任"))
    assert set(caught.value.faults) == {"telephone"}
    assert (holder(), notes(), launch.row(NORTH).status) == (None, [], Status.ISSUED)


def test_it_is_the_units_own_item_and_that_one_alone(launch: Story) -> None:
    with pytest.raises(NotFoundError):
        liaison.hand_in_liaison(scope_of("south"), item(NORTH), WANG)
    with pytest.raises(NotFoundError):
        liaison.hand_in_liaison(scope_of("office"), item(NORTH), WANG)
    with pytest.raises(RefusedError, match="does not ask for a liaison"):
        liaison.hand_in_liaison(scope_of("edu"), item("2022/scheme/T1/edu"), WANG)
    launch.settle(NORTH)
    with pytest.raises(IllegalMoveError):
        liaison.hand_in_liaison(scope_of("north"), item(NORTH), WANG)
    assert holder() is None, "both or neither"


def test_a_file_or_a_note_answers_it_as_before(launch: Story) -> None:
    launch.submit(NORTH, note="联络员：王丽")
    launch.accept(NORTH)
    assert holder() is None
