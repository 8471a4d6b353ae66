"""Delivery over a real line to a Slack that misbehaves: every notice arrives, and none twice."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from adapters.channels import Outcome, Receipt
from adapters.clock import now
from adapters.database import transaction
from adapters.settings import settings
from models.delivery import LEASE, Written, begin, retry_dead
from models.message import Attempt, AttemptOutcome, Message, MessageStatus
from models.notice import MessageKind
from models.phase import PhaseCode
from models.plan import plan_of
from models.queries import doubled
from models.unit import Unit
from tasks import deliver as delivery
from tasks.deliver import Delivered, deliver
from tasks.phases import open_phase
from tests import slack_server as play
from tests.conftest import Clock
from tests.slack_server import SlackServer
from tests.story import Story, moment

CHANNELS = {"edu": "CEDU", "finance": "CFINANCE", "north": "CNORTH", "south": "CSOUTH"}
NORTH = CHANNELS["north"]
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def addresses(tmp_path: Path) -> Path:
    file = tmp_path / "addresses.yaml"
    file.write_text("\n".join(f"{unit}: slack:{channel}" for unit, channel in CHANNELS.items()), encoding="utf-8")
    return file


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch, addresses: Path) -> Iterator[SlackServer]:
    with SlackServer() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SLACK_TOKEN", "xoxb-test")
        monkeypatch.setenv("DUBAN_SLACK_API_URL", server.url)
        monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(addresses))
        settings.cache_clear()
        yield server


@pytest.fixture
def plan(tiny_plan: str, slack: SlackServer, clock: Clock) -> str:
    """The launch was opened: each of the four units has one notice waiting."""
    clock.set(moment("2022-11-01"))
    open_phase.fn(tiny_plan, PhaseCode.LAUNCH, None)
    return tiny_plan


def after(plan: str, wait: dt.timedelta) -> Delivered:
    """What a delivery does that much later."""
    return deliver(plan, now() + wait)


def statuses() -> dict[str, MessageStatus]:
    with transaction() as session:
        rows = session.execute(
            select(Unit.code, Message.status)
            .join(Unit, Unit.id == Message.recipient_id)
            .where(Message.kind == MessageKind.ISSUED)
        )
        return {row.code: row.status for row in rows}


def outcomes(unit: str) -> list[tuple[str, str]]:
    with transaction() as session:
        rows = session.execute(
            select(Attempt.outcome, Attempt.detail)
            .join(Unit, Unit.id == Attempt.recipient_id)
            .where(Unit.code == unit)
            .order_by(Attempt.id)
        )
        return [(row.outcome.value, row.detail) for row in rows]


def assert_all_arrived_once(slack: SlackServer, plan: str) -> None:
    assert {channel: len(slack.posts[channel]) for channel in CHANNELS.values()} == dict.fromkeys(CHANNELS.values(), 1)
    assert set(statuses().values()) == {MessageStatus.SENT}
    with transaction() as session:
        assert doubled(session, plan_of(session, plan)) == 0


def test_each_unit_gets_its_digest_in_its_channel(plan: str, slack: SlackServer) -> None:
    assert after(plan, MINUTE) == Delivered(letters=4, messages=4)
    assert_all_arrived_once(slack, plan)
    assert "北县" in slack.posts[NORTH][0]["text"]
    assert after(plan, MINUTE) == Delivered()


def test_a_failing_channel_is_tried_again_after_a_while_and_holds_up_nobody(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.status(500), play.status(503))
    assert after(plan, 0 * MINUTE) == Delivered(letters=3, messages=4, failed=1)
    assert after(plan, 0.5 * MINUTE) == Delivered()  # not yet
    assert after(plan, 1 * MINUTE).failed == 1
    assert after(plan, 2 * MINUTE) == Delivered()  # the second wait is twice as long
    assert after(plan, 3 * MINUTE).letters == 1
    assert [outcome for outcome, _ in outcomes("north")] == ["temporary", "temporary", "sent"]
    assert_all_arrived_once(slack, plan)


def test_slack_says_how_long_to_wait(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.limited(retry_after=300))
    after(plan, 0 * MINUTE)
    assert after(plan, 4 * MINUTE) == Delivered()
    assert after(plan, 5 * MINUTE).letters == 1
    assert_all_arrived_once(slack, plan)


def test_what_no_retry_can_mend_is_dead_until_a_person_has_mended_it(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.error("channel_not_found"))
    after(plan, 0 * MINUTE)
    assert statuses()["north"] is MessageStatus.DEAD
    assert after(plan, 24 * 60 * MINUTE) == Delivered()
    assert outcomes("north") == [("permanent", "Slack refused: channel_not_found")]
    with transaction() as session:
        assert retry_dead(session, plan_of(session, plan), at=now()) == 1
    assert after(plan, 0 * MINUTE).letters == 1
    assert_all_arrived_once(slack, plan)


def test_after_a_lost_answer_it_is_looked_up_and_not_sent_again(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.taken_then_cut())
    assert after(plan, 0 * MINUTE).failed == 1
    assert statuses()["north"] is MessageStatus.SENDING
    assert after(plan, MINUTE) == Delivered()
    assert outcomes("north") == [("sent", "found in the channel's history")]
    assert_all_arrived_once(slack, plan)


def test_after_a_line_that_broke_too_early_it_is_looked_up_and_sent(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.dropped())
    after(plan, 0 * MINUTE)
    after(plan, 1 * MINUTE)  # looked up: it is not there
    assert after(plan, 2 * MINUTE).letters == 1
    assert outcomes("north") == [("temporary", "not in the channel's history"), ("sent", "taken by Slack")]
    assert_all_arrived_once(slack, plan)


@pytest.mark.parametrize("crashes_at", ["_send", "_settle"])
def test_a_crash_on_the_way_is_looked_up_after_the_lease(
    plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch, crashes_at: str
) -> None:
    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(delivery, crashes_at, crash)
        with pytest.raises(KeyboardInterrupt):
            after(plan, 0 * MINUTE)
    assert set(statuses().values()) == {MessageStatus.SENDING}
    assert after(plan, LEASE - MINUTE) == Delivered()
    assert set(statuses().values()) == {MessageStatus.SENDING}  # it may still be on its way
    after(plan, LEASE)
    after(plan, LEASE + MINUTE)
    assert_all_arrived_once(slack, plan)
    # The first in line, for the crash may have stopped the others before they began.
    ends = {
        "_send": [("temporary", "not in the channel's history"), ("sent", "taken by Slack")],
        "_settle": [("sent", "found in the channel's history")],
    }
    assert outcomes("edu") == ends[crashes_at]


def test_a_unit_that_moved_to_the_mailbox_after_a_lost_answer_is_told_there(
    plan: str, slack: SlackServer, addresses: Path
) -> None:
    slack.script(NORTH, play.dropped())
    after(plan, 0 * MINUTE)
    addresses.write_text("north: mailbox", encoding="utf-8")
    after(plan, 1 * MINUTE)
    assert after(plan, 2 * MINUTE).letters == 1
    assert [outcome for outcome, _ in outcomes("north")] == ["temporary", "sent"]


def test_deliveries_at_once_send_one_digest_each(plan: str, slack: SlackServer) -> None:
    together = Barrier(4)

    def run(_: int) -> int:
        together.wait()
        return after(plan, MINUTE).letters

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 4
    assert_all_arrived_once(slack, plan)


@pytest.mark.timeout(60)
def test_nobody_gets_a_second_digest_while_one_is_being_written(tiny_plan: str, story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    with transaction() as session:
        plan = plan_of(session, tiny_plan)
        begun = begin(session, plan, at=now(), write=lambda _: Written("", ""), channel_of=lambda _: "mailbox")
        assert begun.letters == 4
        story.submit("2022/liaison/north")
        assert deliver(tiny_plan, now()) == Delivered(letters=1, messages=1)  # to the office, which had none


def test_a_late_look_up_does_not_undo_what_was_settled(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.dropped())
    after(plan, 0 * MINUTE)
    with transaction() as session:
        lost = session.scalars(select(Attempt.id).where(Attempt.outcome == AttemptOutcome.AMBIGUOUS)).one()
    after(plan, 1 * MINUTE)
    after(plan, 2 * MINUTE)
    delivery._settle(lost, Receipt(Outcome.TEMPORARY, "not there"), now() + 2 * MINUTE)
    after(plan, 60 * MINUTE)
    assert_all_arrived_once(slack, plan)
