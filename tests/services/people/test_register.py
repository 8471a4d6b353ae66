"""The register: units keep their own, history stays, and the journal tells who did what without the telephones."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from adapters.database.sessions import read_session, transaction
from adapters.plan_files.reader import read_plan
from models.common.errors import BlockedError, DubanError, NotFoundError, RefusedError
from models.common.event import Actor
from models.loading import load_plan
from models.people.person import MAX_IN_FORCE, Entry, EntryError, Post, history_of, people_of, person_at
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services.people import register
from tests.conftest import LOADED_AT, TINY
from tests.models.test_loading import without_unit
from tests.services.people.people import LI, WANG, entries_of_journal, registered, row, scope_of
from tests.support.story import Story

DAY = dt.date.fromisoformat


def names_on(day: str, unit: str = "north") -> list[tuple[str, str]]:
    with read_session() as session:
        plan = plan_of(session, "tiny")
        people = people_of(session, plan, DAY(day), [unit_of(session, plan.id, unit).id])
        return [(one.post.value, one.name) for found in people.values() for one in found]


def faults(entry: Entry, unit: str = "north", post: str = "liaison") -> dict[str, str]:
    with pytest.raises(EntryError) as caught:
        registered(unit, post, entry)
    return {field: str(reason) for field, reason in caught.value.faults.items()}


def test_a_liaison_is_registered_changed_and_followed_by_another_and_nothing_is_overwritten(story: Story) -> None:
    story.at("2022-11-01")
    first = registered("north")
    story.at("2023-03-01")
    moved = register.change(scope_of("north"), first.id, dataclasses.replace(WANG, mobile="139 0000 0009"))
    story.at("2023-06-01")
    heir = register.change(scope_of("north", "王丽"), moved.id, LI, from_on=DAY("2023-07-01"))
    assert [names_on(day) for day in ("2022-10-31", "2022-11-01", "2023-03-01", "2023-06-30", "2023-07-01")] == [
        [],
        [("liaison", "王丽")],
        [("liaison", "王丽")],
        [("liaison", "王丽")],
        [("liaison", "李强")],
    ]
    with read_session() as session:
        past = history_of(session, person_at(session, plan_of(session, "tiny"), heir.id))
        told = [(one.name, one.mobile, str(one.from_on), str(one.until_on or "")) for one in past]
    assert told == [
        ("李强", "", "2023-07-01", ""),
        ("王丽", "139 0000 0009", "2023-03-01", "2023-07-01"),
        ("王丽", "138 0000 0001", "2022-11-01", "2023-03-01"),
    ]
    assert (row(moved.id).ended_by, row(moved.id).by_name) == ("王丽", "张三")


def test_a_slip_is_mended_on_the_same_day_and_stays_in_the_history(story: Story) -> None:
    story.at("2022-11-01")
    slip = registered("north", entry=Entry("王莉"))
    register.change(scope_of("north"), slip.id, Entry("王丽"))
    assert names_on("2022-11-01") == [("liaison", "王丽")]
    assert row(slip.id).until_on == DAY("2022-11-01")


def test_who_leaves_is_ended_and_the_post_is_free(story: Story) -> None:
    story.at("2022-11-01")
    one = registered("north")
    assert "王丽 has this post" in faults(LI)["post"]
    ended = register.end(scope_of("office", "王五"), one.id, until_on=DAY("2022-12-01"))
    assert ended.until_on == DAY("2022-12-01")
    with pytest.raises(RefusedError, match="王五 ended this entry"):
        register.end(scope_of("north"), one.id)
    registered("north", entry=LI, from_on=DAY("2022-12-01"))
    assert names_on("2022-11-30") == [("liaison", "王丽")]
    assert names_on("2022-12-01") == [("liaison", "李强")]


def test_several_handlers_one_liaison_and_the_leading_group_by_its_posts(story: Story) -> None:
    story.at("2022-11-01")
    registered("north", "handler")
    registered("north", "handler", LI)
    registered("leader", "head", Entry("周市长"))
    registered("office", "contact", LI)
    assert names_on("2022-11-01") == [("handler", "王丽"), ("handler", "李强")]
    assert "has no such post" in faults(WANG, post="head")["post"]
    assert "has no such post" in faults(WANG, unit="leader", post="liaison")["post"]
    for number in range(2, MAX_IN_FORCE):
        registered("north", "handler", Entry(f"承办人甲{number}"))
    assert "end an entry first" in faults(LI, post="handler")["post"]


def test_what_is_wrong_is_said_at_its_field(story: Story) -> None:
    story.at("2022-11-01")
    wrong = Entry("王", "长" * 61, "见墙上", "1" * 41, ("json://127.0.0.1:5432/x",))
    found = faults(wrong)
    assert set(found) == {"name", "title", "telephone", "mobile", "addresses"}
    assert "见墙上" in found["telephone"]
    assert "127.0.0.1" not in found["addresses"], "what an address holds is told to nobody"
    assert names_on("2022-11-01") == []
    for address in ("mailbox", "mailto://a:b@example.org", "slack:#general", "feishu://token/secret"):
        assert "addresses" in faults(Entry("王丽", addresses=(address,))), address
    assert "one address for each service" in faults(Entry("王丽", addresses=("slack:C01", "slack:C02")))["addresses"]
    with pytest.raises(EntryError) as caught:
        registered("north", from_on=DAY("2199-01-01"))
    assert set(caught.value.faults) == {"from_on"}


@pytest.mark.parametrize("number", ["0452-2311001", "+86 (452) 231 1001", "2311001转8012", "2311001 ext 12", "12345"])
def test_telephones_as_people_write_them(story: Story, number: str) -> None:
    story.at("2022-11-01")
    assert row(registered("north", entry=Entry("王丽", telephone=number)).id).telephone == number


def test_an_address_given_as_it_is_shown_stays_as_it_is(story: Story) -> None:
    story.at("2022-11-01")
    one = registered("north")
    shown = dataclasses.replace(WANG, title="主任", addresses=("dingtalk://****",))
    again = register.change(scope_of("north"), one.id, shown)
    assert row(again.id).addresses == ["dingtalk://secret0@token1"]
    with pytest.raises(RefusedError, match="nothing was changed"):
        register.change(scope_of("north"), again.id, shown)
    bare = register.change(scope_of("north"), again.id, dataclasses.replace(shown, addresses=()))
    assert row(bare.id).addresses == []


def test_a_stranger_neither_changes_nor_learns_that_there_is_an_entry(story: Story) -> None:
    story.at("2022-11-01")
    one = registered("north")
    with pytest.raises(NotFoundError):
        register.change(scope_of("south"), one.id, LI)
    with pytest.raises(NotFoundError):
        register.end(scope_of("south"), one.id)
    with pytest.raises(NotFoundError):
        register.register(scope_of("south"), "north", Post.HANDLER, LI)
    with pytest.raises(RefusedError, match="keep its register"):
        register.change(scope_of("edu"), one.id, LI)  # which leads it, and sees whom it has
    register.change(scope_of("office", "王五"), one.id, LI)
    assert names_on("2022-11-01") == [("liaison", "李强")]


def test_the_journal_says_who_did_what_and_no_telephone(story: Story) -> None:
    story.at("2022-11-01")
    one = registered("north")
    two = register.change(scope_of("north"), one.id, LI)
    register.end(scope_of("office", "王五"), two.id)
    told = [(event.actor, event.detail) for event in entries_of_journal()]
    base = {"unit": "north", "post": "liaison", "from": "2022-11-01"}
    fields = ["name", "title", "telephone", "mobile", "addresses"]
    assert told == [
        ("张三", base | {"what": "registered", "person": one.id, "name": "王丽"}),
        ("张三", base | {"what": "changed", "person": two.id, "name": "李强", "was": "王丽", "fields": fields}),
        ("王五", base | {"what": "ended", "person": two.id, "name": "李强", "until": "2022-11-01"}),
    ]
    with read_session() as session:
        journal = session.scalars(text("SELECT string_agg(event::text, ' ') FROM event")).one()
    assert all(secret not in journal for secret in ("2311001", "0000 0001", "token1"))


def test_the_database_itself_keeps_the_history(story: Story) -> None:
    story.at("2022-11-01")
    one = registered("north")
    for statement in (
        "UPDATE person SET telephone = '0'",
        "UPDATE person SET until_on = from_on - 1, ended_by = 'x', ended_at = now()",
        "UPDATE person SET until_on = from_on",
        "DELETE FROM person",
    ):
        with pytest.raises((DubanError, DatabaseError)), transaction() as session:
            session.execute(text(statement))
    register.end(scope_of("north"), one.id)
    with pytest.raises(DubanError, match="neither changed nor deleted"), transaction() as session:
        session.execute(text("UPDATE person SET until_on = NULL, ended_by = NULL, ended_at = NULL"))


def test_a_unit_with_people_does_not_vanish_from_the_plan_by_a_newer_file(story: Story) -> None:
    story.at("2022-11-01")
    registered("south", "handler", LI)
    registered("south")
    smaller = without_unit(read_plan(TINY), "south")
    with (
        pytest.raises(BlockedError, match="people in the register and cannot vanish: south"),
        transaction() as session,
    ):
        load_plan(session, smaller, actor=Actor("test"), at=LOADED_AT)
