"""Where letters go by the register, whom nothing reaches, and what the watchdog says of addresses."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.database.sessions import transaction
from adapters.settings import settings
from models.common.errors import NotFoundError, RefusedError
from models.outbox.message import Attempt, AttemptOutcome, Message
from models.people.person import Entry
from models.people.reach import Reached
from models.plan.plan import plan_of
from services import phases
from services.letters import mailbox
from services.letters.addresses import address_alerts
from services.people import register, trying
from services.scope import by_program
from tests.conftest import Clock
from tests.services.people.people import LI, entries_of_journal, registered, row, scope_of
from tests.support import slack_server as play
from tests.support.slack_server import SlackServer
from tests.support.story import Story

LAUNCH = ("launch", None)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[SlackServer]:
    with SlackServer() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SLACK_TOKEN", "xoxb-test")
        monkeypatch.setenv("DUBAN_SLACK_API_URL", server.url)
        settings.cache_clear()
        yield server


def reached_by(channel: str, name: str = "王丽", telephone: str = "") -> Entry:
    return Entry(name, telephone=telephone, addresses=(f"slack:{channel}",))


def file_of_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "addresses.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(file))
    settings.cache_clear()


def arrived_at(slack: SlackServer) -> list[str]:
    channels = [channel for method, channel in slack.arrived if method == play.POST]
    slack.arrived.clear()
    return sorted(channels)


def alerts(plan: str) -> list[tuple[str, tuple[str, ...]]]:
    with transaction() as session:
        return [(str(one.reason), one.about) for one in address_alerts(session, plan_of(session, plan))]


def test_letters_go_to_the_liaison_of_the_day_and_to_a_handler_where_there_is_no_other(
    story: Story, slack: SlackServer
) -> None:
    story.at("2022-10-31")
    liaison = registered("north", entry=reached_by("CWANG"))
    registered("north", "handler", reached_by("CHANDLER", "赵敏"))
    registered("south", "handler", reached_by("CSOUTH", "钱进"))
    registered("edu", "deputy", reached_by("CDEPUTY", "孙局长"))
    registered("leader", "head", reached_by("CHEAD", "周市长"))
    story.at("2022-11-01")
    story.open("launch")
    story.deliver()
    assert arrived_at(slack) == ["CSOUTH", "CWANG"]
    register.change(scope_of("north"), liaison.id, reached_by("CLI", "李强"))
    story.complain("north", "太多")
    story.answer_complaint(_complaint(), "已减少")
    story.deliver()
    assert arrived_at(slack) == ["CLI"]
    assert [letter.channel for letter in mailbox.read_mailbox(by_program("tiny"), "edu")] == ["mailbox"]


def _complaint() -> str:
    with transaction() as session:
        subject = session.scalars(select(Message.subject).where(Message.kind == "complaint")).one()
        return str(subject)


def test_the_file_overrides_the_register_and_its_default_does_not(
    story: Story, slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of_addresses(tmp_path, monkeypatch, "north: slack:CFILE\ndefault: slack:CALL\n")
    story.at("2022-11-01")
    registered("north", entry=reached_by("CNORTH"))
    registered("south", entry=reached_by("CSOUTH"))
    story.open("launch")
    story.deliver()
    assert arrived_at(slack) == ["CALL", "CALL", "CFILE", "CSOUTH"]


def test_an_address_is_tried_with_one_click_and_what_comes_of_it_is_kept(story: Story, slack: SlackServer) -> None:
    story.at("2022-11-01")
    one = registered("north", entry=reached_by("CNORTH"))
    assert state_of(one.id) == [("slack:CNORTH", Reached.UNTRIED)]
    with pytest.raises(RefusedError, match="keep its register"):
        trying.try_address(scope_of("edu"), one.id, "slack")
    with pytest.raises(NotFoundError):
        trying.try_address(scope_of("south"), one.id, "slack")
    with pytest.raises(NotFoundError):
        trying.try_address(scope_of("north"), one.id, "dingtalk")
    assert arrived_at(slack) == []
    tried = trying.try_address(scope_of("north"), one.id, "slack")
    assert (tried.outcome, tried.shown) == (AttemptOutcome.SENT, "slack:CNORTH")
    [letter] = slack.posts["CNORTH"]
    assert "王丽 已登记为 北县 的联系人" in letter["text"]
    assert state_of(one.id) == [("slack:CNORTH", Reached.WORKS)]
    with pytest.raises(RefusedError, match="a moment ago"):
        trying.try_address(scope_of("office", "王五"), one.id, "slack")
    slack.script("CNORTH", play.error("is_archived"))
    story.at("2022-11-01 10:00")
    assert trying.try_address(scope_of("office", "王五"), one.id, "slack").outcome is AttemptOutcome.PERMANENT
    assert state_of(one.id) == [("slack:CNORTH", Reached.REFUSED)]
    said = [(event.actor, event.detail) for event in entries_of_journal() if event.kind == "address_tried"]
    facts = {"person": one.id, "unit": "north", "post": "liaison", "name": "王丽", "service": "slack"}
    assert said == [("张三", facts | {"outcome": "sent"}), ("王五", facts | {"outcome": "permanent"})]
    register.end(scope_of("north"), one.id)
    with pytest.raises(RefusedError, match="has ended"):
        trying.try_address(scope_of("north"), one.id, "slack")


def state_of(person_id: int) -> list[tuple[str, Reached]]:
    with transaction() as session:
        known = trying.known_addresses(session, [row(person_id)])[person_id]
        return [(each.shown, each.known.state) for each in known]


def test_a_letter_that_arrived_proves_an_address_as_well(story: Story, slack: SlackServer) -> None:
    story.at("2022-11-01")
    one = registered("north", entry=reached_by("CNORTH"))
    story.open("launch")
    story.deliver()
    assert arrived_at(slack) == ["CNORTH"]
    assert state_of(one.id) == [("slack:CNORTH", Reached.WORKS)]


def test_the_watchdog_knows_addresses_that_were_never_tried_and_those_that_refuse(
    story: Story, slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.at("2022-11-01")
    assert alerts(story.plan) == []
    registered("north", entry=reached_by("CNORTH"))
    two = registered("south", entry=reached_by("CSOUTH"))
    registered("edu", "deputy", reached_by("CDEPUTY", "孙局长"))  # where no letter goes
    [(said, about)] = alerts(story.plan)
    assert "2 registered addresses were never tried" in said
    assert about == ("north", "south")
    slack.script("CSOUTH", play.error("is_archived"))
    trying.try_address(scope_of("south"), two.id, "slack")
    found = alerts(story.plan)
    assert [units for _, units in found] == [("south",), ("north",)]
    assert "refused what was sent last" in found[0][0]
    file_of_addresses(tmp_path, monkeypatch, "default: mailbox\nsouth: mailbox\nnorht: mailbox\n")
    assert [units for _, units in alerts(story.plan)] == [("norht",), ("north",)]


def test_who_cannot_be_reached_is_named_when_a_phase_starts_and_told_to_the_office_once(story: Story) -> None:
    story.at("2022-11-01")
    registered("north", entry=LI)  # a telephone
    registered("south", entry=reached_by("CSOUTH"))  # an address
    registered("edu", entry=Entry("孙局长"))  # a name alone
    starting = phases.to_be_started(scope_of("office"), LAUNCH)
    assert [one.zh for one in starting.unreached] == ["教育局", "财政局"]
    assert phases.tell_unreached(by_program(story.plan), LAUNCH) == [], "it is not open"
    story.open("launch")
    assert phases.to_be_started(scope_of("office"), LAUNCH).unreached == ()
    assert phases.tell_unreached(by_program(story.plan), LAUNCH) == ["教育局", "财政局"]
    story.at("2022-11-02")
    phases.tell_unreached(by_program(story.plan), LAUNCH)
    story.deliver()
    letter = story.letter("office")
    assert letter.count("联系不上的单位：教育局、财政局") == 1
    assert "启动" in letter
    with transaction() as session:
        assert len(session.scalars(select(Message).where(Message.kind == "unreached")).all()) == 1
    register.register(scope_of("finance"), "finance", row(1).post, LI)
    assert phases.tell_unreached(by_program(story.plan), LAUNCH) == ["教育局"]


def test_with_an_address_for_all_everybody_is_reached(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.at("2022-11-01")
    file_of_addresses(tmp_path, monkeypatch, "default: slack:CALL\n")
    assert phases.to_be_started(scope_of("office"), LAUNCH).unreached == ()
    file_of_addresses(tmp_path, monkeypatch, "- not a map\n")
    assert len(phases.to_be_started(scope_of("office"), LAUNCH).unreached) == 4


def test_every_letter_names_the_offices_contact_once_one_is_registered(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    story.deliver()
    assert "咨询" not in story.letter("north")
    contact = registered("office", "contact", Entry("刘洋", "综合科", "0452-2310000"))
    story.complain("north", "太多")
    story.answer_complaint(_complaint(), "已减少")
    story.deliver()
    assert "咨询：领导小组办公室 刘洋，电话 0452-2310000。" in story.letter("north")
    assert "刘洋" in story.letter("office")
    bare = dataclasses.replace(row(contact.id).entry, telephone="")
    register.change(scope_of("office"), contact.id, bare)
    story.complain("south", "太多")
    story.deliver()
    assert "咨询：领导小组办公室 刘洋。" in story.letter("office")


def test_what_was_tried_is_no_letter_of_the_outbox(story: Story, slack: SlackServer) -> None:
    """It neither waits to be looked up nor counts as a notice."""
    story.at("2022-11-01")
    one = registered("north", entry=reached_by("CNORTH"))
    slack.script("CNORTH", play.taken_then_cut())
    assert trying.try_address(scope_of("north"), one.id, "slack").outcome is AttemptOutcome.AMBIGUOUS
    assert state_of(one.id) == [("slack:CNORTH", Reached.UNTRIED)]
    story.at("2022-11-01 12:00")
    story.deliver()
    with transaction() as session:
        assert session.scalars(select(Attempt.outcome)).all() == [AttemptOutcome.AMBIGUOUS]
