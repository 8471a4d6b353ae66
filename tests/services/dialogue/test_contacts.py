"""催办 and calls: the office writes in its own words, notes whom it spoke with, and works its list off."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from adapters.database.sessions import read_session
from deploy.cli.root import duban
from models.common.errors import NotFoundError, RefusedError
from models.common.event import Event, EventKind
from models.dialogue.contact import LONGEST, ContactKind
from models.outbox.message import MessageStatus
from models.plan.plan import plan_of
from models.queries.queues.escalations import escalated
from models.queries.tellings import tellings_of
from services.dialogue import contacts
from tests.support.story import DIRECTOR, Story

NORTH, SOUTH = "2023/delivery/T1.1/north", "2023/delivery/T1.1/south"


@pytest.fixture
def late(story: Story) -> Story:
    story.at("2023-01-03")
    story.open("implementation")
    story.only(NORTH, SOUTH)
    story.sign(NORTH, SOUTH)
    story.patrol("2023-12-27")
    story.told()
    return story


def press(story: Story, *refs: str, words: str = "请于周五前答复") -> tuple[int, int, int]:
    done = contacts.press(story._unit("office", DIRECTOR), refs, words=words)
    return done.items, done.units, done.again


def waits(story: Story, *, everything: bool = False) -> list[str]:
    day = story.row(NORTH).due_on.replace(month=12, day=31)
    with read_session() as session:
        rows = escalated(session, plan_of(session, story.plan), day, everything=everything)
        return [row.work.ref for row in rows]


def test_each_unit_gets_one_letter_with_the_words_as_they_were_typed(late: Story) -> None:
    words = "<b>请</b>于周五前答复 http://evil.example"
    assert press(late, NORTH, SOUTH, words=words) == (2, 2, 0)
    late.deliver()
    late.expect(("north", "pressed", NORTH), ("south", "pressed", SOUTH))
    letter = late.letter("north")
    assert "办公室催办1件" in letter
    assert DIRECTOR in letter
    assert "http://evil.example" not in letter, "what was typed makes no link"
    with read_session() as session:
        (told, *_) = tellings_of(session, late.row(NORTH).id)
    assert (str(told.kind), told.status, told.channel) == ("pressed", MessageStatus.SENT, "mailbox")


def test_the_same_words_go_out_once_a_day_and_other_words_again(late: Story) -> None:
    assert press(late, NORTH) == (1, 1, 0)
    assert press(late, NORTH, SOUTH) == (1, 1, 1)
    with pytest.raises(RefusedError, match="the same was written"):
        press(late, NORTH, SOUTH)
    assert press(late, NORTH, words="请今天答复") == (1, 1, 0)
    late.at("2023-12-28")
    assert press(late, NORTH) == (1, 1, 0)


def test_what_was_handed_in_before_the_letter_left_is_not_asked_about(late: Story) -> None:
    press(late, NORTH)
    late.submit(NORTH)
    late.deliver()
    assert ("north", "pressed", NORTH) not in late.told()
    with pytest.raises(RefusedError, match="nothing is owed"):
        press(late, NORTH)


@pytest.mark.parametrize("words", ["", " … ", "请" * (LONGEST + 1)])
def test_words_are_needed_and_bounded(late: Story, words: str) -> None:
    with pytest.raises(RefusedError):
        press(late, NORTH, words=words)


def test_a_call_has_a_name_and_stands_in_the_journal(late: Story) -> None:
    office = late._unit("office", DIRECTOR)
    with pytest.raises(RefusedError, match="name of the person"):
        contacts.note(office, [NORTH], kind=ContactKind.CALLED, words="答应周五报", with_whom="?")
    assert contacts.note(office, [NORTH], kind=ContactKind.CALLED, words="答应周五报", with_whom="赵主任") == 1
    with read_session() as session:
        found = session.scalars(select(Event).where(Event.kind == EventKind.CONTACT_NOTED)).one()
        assert (found.why, found.detail) == ("答应周五报", {"contact": "called", "with": "赵主任"})
    late.deliver()
    late.expect()


def test_a_contact_works_an_item_off_the_list_until_a_further_step_comes(late: Story) -> None:
    assert waits(late) == [NORTH, SOUTH]
    contacts.note(late._unit("office", DIRECTOR), [NORTH], kind=ContactKind.SEEN, words="下周现场督办")
    assert waits(late) == [SOUTH]
    assert waits(late, everything=True) == [NORTH, SOUTH]
    late.patrol("2024-01-04")  # T+10: it is taken to the leader
    assert waits(late) == [NORTH, SOUTH]


def test_nobody_but_the_office_does_it(late: Story) -> None:
    for unit in ("edu", "south", "leader"):
        with pytest.raises((RefusedError, NotFoundError)):
            contacts.press(late._unit(unit, "李四"), [NORTH], words="请答复")
        with pytest.raises((RefusedError, NotFoundError)):
            contacts.note(late._unit(unit, "李四"), [NORTH], kind=ContactKind.SEEN, words="已看")


def test_the_command_line_presses_notes_and_lists(late: Story) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(duban, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    assert "2" in run("press", NORTH, SOUTH, "--words", "请答复", "--by", DIRECTOR)
    run("contact", NORTH, "--call", "--with", "赵主任", "--words", "答应周五报", "--by", DIRECTOR)
    found = json.loads(run("contacts", NORTH, "--json"))
    assert [(one["what"], one["with"], one["words"]) for one in found] == [
        ("called", "赵主任", "答应周五报"),
        ("pressed", "", "请答复"),
    ]
    assert "赵主任" in run("contacts", NORTH)
