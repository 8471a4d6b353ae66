"""Delivery over a real line to a Slack that misbehaves: every notice arrives, and none twice."""

import datetime as dt
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from adapters.channels.addresses import Address
from adapters.channels.rate_limits import read_limits
from adapters.clock import now
from adapters.database.sessions import transaction
from adapters.settings import Settings, settings
from models.common.errors import RefusedError
from models.common.kinds import PhaseKind, UnitKind
from models.common.message_kinds import MessageKind, OrderColour
from models.dates.quiet_hours import QuietHours, opens_at
from models.dates.workdays import CalendarName, WorkCalendar
from models.delivery import claim as outbox
from models.delivery.claim import LEASE, MAX_MESSAGES_IN_LETTER, retry_dead
from models.delivery.letter import Letter, RenderedLetter
from models.delivery.outcome import (
    FIRST_RETRY_WAIT,
    JITTER,
    MAX_RETRY_WAIT,
    MAX_TRIES,
    TWICE,
    AttemptResult,
    SendResult,
    backoff,
    record_outcomes,
)
from models.delivery.rate_limit import RateLimit
from models.outbox.message import Attempt, AttemptOutcome, Message, MessageStatus, NewMessage, post
from models.plan.plan import plan_of
from models.plan.unit import Unit, body_of
from models.queries.queues.dead_messages import dead_messages
from models.queries.statistics import doubled
from rendering.letter_text import render
from services import patrol
from services.letters import delivery, sending, writing
from services.letters.delivery import Delivered, GivenUpError, NotDeliveredError, notify
from services.phases import open_phase, units_to_notify
from services.scope import by_program
from tasks.deliver import NOTIFY_RETRIES_S
from tasks.options import is_passing
from tests.conftest import Clock
from tests.support import slack_server as play
from tests.support.outbox import begin
from tests.support.slack_server import Act, SlackServer
from tests.support.story import ZONE, Story, moment

REPEAT = "说明：本通知可能重复"
CHANNELS = {"edu": "CEDU", "finance": "CFINANCE", "north": "CNORTH", "south": "CSOUTH"}
NORTH = CHANNELS["north"]
MINUTE = dt.timedelta(minutes=1)
LAUNCH = (PhaseKind.LAUNCH, None)


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
    open_phase(by_program(tiny_plan), LAUNCH)
    return tiny_plan


@pytest.fixture
def limited(slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlackServer:
    """Slack takes ten posts a second on a channel and no more; ours are told so."""
    slack.rate_per_s = 10
    file = tmp_path / "limits.toml"
    file.write_text("[slack]\napart_s = 0.1", encoding="utf-8")
    monkeypatch.setenv("DUBAN_CHANNEL_LIMITS_FILE", str(file))
    settings.cache_clear()
    return slack


def after(plan: str, wait: dt.timedelta) -> Delivered:
    """What a delivery does that much later."""
    return delivery.deliver(by_program(plan, now() + wait))


def deliver(plan: str, *units: str) -> Delivered:
    """What a delivery does now, to these units or all."""
    return delivery.deliver(by_program(plan), units or None)


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
    slack.script(NORTH, play.error("ratelimited"), play.error("request_timeout"))
    assert after(plan, 0 * MINUTE) == Delivered(letters=3, messages=4, failed=1)
    assert after(plan, 0.5 * MINUTE) == Delivered()  # not yet
    assert after(plan, 1.5 * MINUTE).failed == 1
    assert after(plan, 3 * MINUTE) == Delivered()  # the second wait is twice as long
    assert after(plan, 4.5 * MINUTE).letters == 1
    assert [outcome for outcome, _ in outcomes("north")] == ["temporary", "temporary", "sent"]
    assert_all_arrived_once(slack, plan)


@pytest.mark.parametrize(
    ("act", "look_ups", "before"),
    [
        (play.status(500), 1, ["temporary"]),
        (play.status(502, take=True), 1, []),
        (play.error("internal_error"), 1, ["temporary"]),
        (play.error("fatal_error"), 1, ["temporary"]),
        (play.limited(), 0, ["temporary"]),
        (play.error("request_timeout"), 0, ["temporary"]),
        (play.dropped(), 1, ["temporary"]),
        (play.taken_then_cut(), 1, []),
        (play.taken_then_silent(), 1, []),
        (play.malformed(), 1, []),
        (play.malformed(take=False), 1, ["temporary"]),
    ],
    ids=str,
)
def test_whatever_goes_wrong_each_letter_arrives_and_arrives_once(
    plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch, *, act: Act, look_ups: int, before: list[str]
) -> None:
    monkeypatch.setenv("DUBAN_SEND_TIMEOUT_S", "3")
    settings.cache_clear()
    slack.script(NORTH, act)
    assert after(plan, 0 * MINUTE) == Delivered(letters=3, messages=4, failed=1)
    after(plan, 1.5 * MINUTE)
    # Where it may have arrived it is looked up before it is sent again, and then it is sent at once.
    wire = [method for method, channel in slack.arrived if channel == NORTH]
    assert wire == [play.POST, *[play.HISTORY] * look_ups, *[play.POST] * len(before)]
    assert [outcome for outcome, _ in outcomes("north")] == [*before, "sent"]
    assert_all_arrived_once(slack, plan)
    assert after(plan, 600 * MINUTE) == Delivered()


def test_slack_says_how_long_to_wait(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.limited(retry_after=300))
    after(plan, 0 * MINUTE)
    assert after(plan, 4 * MINUTE) == Delivered()
    assert after(plan, 5.1 * MINUTE).letters == 1
    assert_all_arrived_once(slack, plan)


def test_what_nobody_reaches_is_tried_for_hours_and_then_shown_to_the_office(
    plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can have it
        monkeypatch.setenv("DUBAN_SLACK_API_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/api/")
        settings.cache_clear()
        for quarter in range(16):
            assert after(plan, quarter * 15 * MINUTE).letters == 0
        assert set(statuses().values()) == {MessageStatus.PENDING}, "four hours are not too long"
        for hour in range(5, 16):
            after(plan, hour * 60 * MINUTE)
    assert set(statuses().values()) == {MessageStatus.DEAD}
    with transaction() as session:
        dead = dead_messages(session, plan_of(session, plan))
    assert {one.unit_code: one.tries for one in dead} == dict.fromkeys(CHANNELS, MAX_TRIES)
    assert all("cannot be reached" in (one.said or "") for one in dead)


def test_there_are_hours_of_trying_however_the_dice_fall() -> None:
    def longest_and_least(key: str) -> tuple[dt.timedelta, dt.timedelta]:
        waits = [backoff(tries, key) for tries in range(1, MAX_TRIES)]
        assert waits == [backoff(tries, key) for tries in range(1, MAX_TRIES)]
        assert all(MINUTE <= wait <= 60 * MINUTE for wait in waits)
        return max(waits), sum(waits, dt.timedelta())

    found = [longest_and_least(str(number)) for number in range(1000)]
    assert min(whole for _, whole in found) > dt.timedelta(hours=4)
    assert max(longest for longest, _ in found) > 55 * MINUTE
    least = sum(
        (min(FIRST_RETRY_WAIT * 2**n, MAX_RETRY_WAIT / (1 + JITTER)) for n in range(MAX_TRIES - 1)), dt.timedelta()
    )
    assert least > dt.timedelta(hours=4)


@pytest.mark.parametrize("trouble", ["revoked", "archived", "unknown"])
def test_what_no_retry_can_mend_is_dead_until_a_person_has_mended_it(
    plan: str, slack: SlackServer, trouble: str
) -> None:
    names = {"revoked": "token_revoked", "archived": "is_archived", "unknown": "channel_not_found"}
    slack.revoked = trouble == "revoked"
    slack.archived = {NORTH} if trouble == "archived" else set()
    slack.script(NORTH, *[play.error("channel_not_found")] * (trouble == "unknown"))
    after(plan, 0 * MINUTE)
    assert statuses()["north"] is MessageStatus.DEAD
    assert len(set(statuses().values())) == (1 if slack.revoked else 2)
    slack.arrived.clear()
    assert after(plan, 24 * 60 * MINUTE) == Delivered()
    assert slack.arrived == []
    assert outcomes("north") == [("permanent", f"Slack refused: {names[trouble]}")]
    slack.revoked, slack.archived = False, set()
    with transaction() as session:
        assert retry_dead(session, plan_of(session, plan), at=now()) == (4 if trouble == "revoked" else 1)
    assert after(plan, 0 * MINUTE).letters == (4 if trouble == "revoked" else 1)
    assert_all_arrived_once(slack, plan)


def test_what_was_given_up_fails_for_good_and_what_may_pass_is_tried_again(plan: str, slack: SlackServer) -> None:
    slack.archived.add(NORTH)
    slack.script(CHANNELS["south"], play.limited(retry_after=30))
    with pytest.raises(GivenUpError) as given_up:
        notify(by_program(plan), ["north"])
    with pytest.raises(NotDeliveredError) as later:
        notify(by_program(plan), ["south"])

    class State:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def result(self, *, raise_on_failure: bool) -> BaseException:
            assert not raise_on_failure
            return self.error

    assert [is_passing(None, None, State(error.value)) for error in (given_up, later)] == [False, True]


class TestWhereHistoryCannotBeRead:
    @pytest.mark.parametrize("act", [play.taken_then_cut(), play.dropped()], ids=["arrived", "lost"])
    def test_it_is_sent_once_more_and_says_that_it_may_be_a_repeat(
        self, plan: str, slack: SlackServer, act: Act
    ) -> None:
        slack.unreadable.add(NORTH)
        slack.script(NORTH, act)
        after(plan, 0 * MINUTE)
        after(plan, 1.5 * MINUTE)
        assert statuses()["north"] is MessageStatus.SENT
        texts = [post["text"] for post in slack.posts[NORTH]]
        assert [REPEAT in text for text in texts] == ([False, True] if act.take else [True])
        assert not any(REPEAT in post["text"] for post in slack.posts[CHANNELS["south"]])
        assert [outcome for outcome, _ in outcomes("north")] == ["ambiguous", "sent"]

    def test_a_unit_that_moved_to_another_channel_of_slack_is_told_there_that_it_may_be_a_repeat(
        self, plan: str, slack: SlackServer, addresses: Path
    ) -> None:
        slack.script(NORTH, play.taken_then_cut())
        after(plan, 0 * MINUTE)
        addresses.write_text(addresses.read_text("utf-8").replace(NORTH, "CNEW"), "utf-8")
        after(plan, 1.5 * MINUTE)
        assert [REPEAT in post["text"] for post in slack.posts[NORTH]] == [False]
        assert [REPEAT in post["text"] for post in slack.posts["CNEW"]] == [True]

    def test_it_is_not_sent_a_third_time(self, plan: str, slack: SlackServer) -> None:
        slack.unreadable.add(NORTH)
        slack.script(NORTH, play.taken_then_cut(), play.taken_then_cut())
        for minutes in (0, 1.5, 4, 10, 60, 600):
            after(plan, minutes * MINUTE)
        assert len(slack.posts[NORTH]) == 2
        assert statuses()["north"] is MessageStatus.DEAD
        with transaction() as session:
            [dead] = dead_messages(session, plan_of(session, plan))
        assert dead.said == TWICE
        # The office may decide to send it all the same.
        with transaction() as session:
            retry_dead(session, plan_of(session, plan), at=now())
        after(plan, 601 * MINUTE)
        assert statuses()["north"] is MessageStatus.SENT
        assert REPEAT in slack.posts[NORTH][-1]["text"]

    def test_who_was_not_asked_about_because_there_were_too_many_questions_keeps_its_tries(
        self, plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "MAX_SENDS_AT_ONCE", 1)
        for module in (delivery, sending):
            monkeypatch.setattr(module, "LOOK_UPS_REST", dt.timedelta(seconds=0.5))
        for channel in CHANNELS.values():
            slack.script(channel, play.taken_then_cut())
            slack.script(channel, play.limited(), method=play.HISTORY)
        after(plan, 0 * MINUTE)
        with transaction() as session:
            before = sorted(session.scalars(select(Message.tries)))
        after(plan, 1.5 * MINUTE)
        # One question in each round, and whoever stood behind it has not been asked about.
        assert sum(slack.answers[play.HISTORY, channel, 429] for channel in CHANNELS.values()) == 4
        assert set(statuses().values()) == {MessageStatus.SENDING}
        with transaction() as session:
            assert sum(session.scalars(select(Message.tries))) == sum(before) + 4
        for minutes in range(3, 60, 3):
            after(plan, minutes * MINUTE)
        assert_all_arrived_once(slack, plan)

    def test_the_same_delivery_asks_about_the_others_when_the_service_has_rested(
        self, plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "MAX_SENDS_AT_ONCE", 1)
        for module in (delivery, sending):
            monkeypatch.setattr(module, "LOOK_UPS_REST", dt.timedelta(seconds=0.5))
        for channel in CHANNELS.values():
            slack.script(channel, play.taken_then_cut())
        slack.script(CHANNELS["edu"], play.limited(), method=play.HISTORY)
        after(plan, 0 * MINUTE)
        after(plan, 1.5 * MINUTE)
        assert statuses() == dict.fromkeys(CHANNELS, MessageStatus.SENT) | {"edu": MessageStatus.SENDING}

    def test_where_nobody_can_tell_for_hours_it_is_sent_once_more_and_says_so(
        self, plan: str, slack: SlackServer
    ) -> None:
        slack.script(NORTH, play.taken_then_cut())
        slack.script(NORTH, *(play.limited() for _ in range(MAX_TRIES + 2)), method=play.HISTORY)
        for hours in range(3 * MAX_TRIES):
            after(plan, hours * 60 * MINUTE)
            if statuses()["north"] is MessageStatus.SENT:
                break
        assert statuses()["north"] is MessageStatus.SENT
        assert [REPEAT in post["text"] for post in slack.posts[NORTH]] == [False, True]

    def test_where_it_cannot_be_read_for_now_it_is_read_later(self, plan: str, slack: SlackServer) -> None:
        slack.script(NORTH, play.taken_then_cut())
        slack.script(NORTH, play.limited(), play.status(500), play.malformed(), method=play.HISTORY)
        for minutes in (0, 1.5, 5, 12):
            after(plan, minutes * MINUTE)
            assert statuses()["north"] is MessageStatus.SENDING
        after(plan, 25 * MINUTE)
        assert_all_arrived_once(slack, plan)
        assert outcomes("north") == [("sent", "found in the channel's history")]


@pytest.mark.parametrize("crashes_at", ["send", "_settle"])
def test_a_crash_on_the_way_is_looked_up_after_the_lease(
    plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch, crashes_at: str
) -> None:
    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(sending.Sender if crashes_at == "send" else delivery._Delivery, crashes_at, crash)
        with pytest.raises(KeyboardInterrupt):
            after(plan, 0 * MINUTE)
    assert set(statuses().values()) == {MessageStatus.SENDING}
    assert after(plan, LEASE - MINUTE) == Delivered()
    assert set(statuses().values()) == {MessageStatus.SENDING}  # it may still be on its way
    after(plan, LEASE + MINUTE)
    assert_all_arrived_once(slack, plan)
    ends = {"send": ["temporary", "sent"], "_settle": ["sent"]}
    assert [outcome for outcome, _ in outcomes("edu")] == ends[crashes_at]


def test_a_unit_that_moved_to_the_mailbox_after_a_lost_answer_is_told_there(
    plan: str, slack: SlackServer, addresses: Path
) -> None:
    slack.script(NORTH, play.dropped())
    after(plan, 0 * MINUTE)
    addresses.write_text("north: mailbox", encoding="utf-8")
    assert after(plan, 1.5 * MINUTE).letters == 1
    assert [outcome for outcome, _ in outcomes("north")] == ["ambiguous", "sent"]


def test_deliveries_at_once_send_one_digest_each(plan: str, slack: SlackServer) -> None:
    together = Barrier(4)

    def run(_: int) -> int:
        together.wait()
        return after(plan, MINUTE).letters

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 4
    assert_all_arrived_once(slack, plan)


def test_a_claim_locks_no_more_recipients_than_it_takes(
    real_plan: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All 38,600 townships of a national plan at once are more locks than PostgreSQL has room for."""
    clock.set(moment("2022-11-01"))
    open_phase(by_program(real_plan), LAUNCH)
    with transaction() as session:
        plan = plan_of(session, real_plan)
        with monkeypatch.context() as few:
            few.setattr(outbox, "BATCH", 5)
            assert len(begin(session, plan)) == 5
        # The server has the databases of other tests as well.
        ours = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        assert session.scalar(text(ours)) == 5
        with transaction() as beside:
            assert len(begin(beside, plan)) == 35, "the others are free for whoever comes"


@pytest.mark.timeout(60)
def test_nobody_gets_a_second_digest_while_one_is_being_written(tiny_plan: str, story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    with transaction() as session:
        plan = plan_of(session, tiny_plan)
        assert len(begin(session, plan)) == 4
        story.submit("2022/liaison/north")
        assert deliver(tiny_plan) == Delivered(letters=1, messages=1)  # to the office, which had none


def test_a_late_look_up_does_not_undo_what_was_settled(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.dropped())
    after(plan, 0 * MINUTE)
    with transaction() as session:
        lost = session.scalars(select(Attempt.id).where(Attempt.outcome == AttemptOutcome.AMBIGUOUS)).one()
    after(plan, 1.5 * MINUTE)
    for ending in (SendResult.ABSENT, SendResult.UNTRACEABLE, SendResult.LATER):
        with transaction() as session:
            record_outcomes(session, [AttemptResult(lost, ending)], at=now() + 2 * MINUTE)
    after(plan, 60 * MINUTE)
    assert_all_arrived_once(slack, plan)


def test_of_two_that_look_up_the_same_the_second_counts_nothing(plan: str, slack: SlackServer) -> None:
    slack.script(NORTH, play.dropped(), play.dropped())
    after(plan, 0 * MINUTE)
    with transaction() as session:
        lost = session.scalars(select(Attempt.id).where(Attempt.outcome == AttemptOutcome.AMBIGUOUS)).one()
    for _ in range(2):
        with transaction() as session:
            record_outcomes(session, [AttemptResult(lost, SendResult.UNTRACEABLE)], at=now() + 2 * MINUTE)
    with transaction() as session:
        assert session.scalars(select(Message.unsure).where(Message.unsure > 0)).all() == [1]
    after(plan, 3 * MINUTE)
    assert statuses()["north"] is MessageStatus.SENDING, "its second send is looked up before anything else"


class TestManyChannels:
    def test_a_silent_channel_holds_up_no_other(self, plan: str, slack: SlackServer) -> None:
        slack.script(NORTH, Act(line="silent", seconds=600))

        def others_are_told() -> bool:
            return all(len(slack.posts[channel]) == 1 for channel in CHANNELS.values())

        with ThreadPoolExecutor(1) as pool:
            delivering = pool.submit(after, plan, 0 * MINUTE)
            wait_until(others_are_told)
            wait_until(lambda: list(statuses().values()).count(MessageStatus.SENT) == 3)
            assert not delivering.done(), "three are told and settled while the fourth hangs"
            slack.stopping.set()
            assert delivering.result() == Delivered(letters=3, messages=4, failed=1)

    def test_units_that_share_a_channel_are_told_one_after_another_at_its_pace(
        self, plan: str, addresses: Path, limited: SlackServer
    ) -> None:
        addresses.write_text("default: slack:CALL", encoding="utf-8")
        assert after(plan, 0 * MINUTE) == Delivered(letters=4, messages=4)
        assert len(set(limited.keys("CALL"))) == 4
        assert set(limited.answers) == {(play.POST, "CALL", 200)}, "none was too early"

    def test_deliveries_at_once_keep_the_pace_of_a_channel_together(
        self, plan: str, addresses: Path, limited: SlackServer
    ) -> None:
        addresses.write_text("default: slack:CALL", encoding="utf-8")
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda unit: deliver(plan, unit), CHANNELS))
        assert sum(one.letters for one in done) == len(set(limited.keys("CALL"))) == 4
        assert limited.answers[play.POST, "CALL", 429] == 0

    def test_who_stands_in_line_behind_others_gives_nothing_back_before_its_own_turn(
        self, real_plan: str, addresses: Path, limited: SlackServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "BATCH", 1)
        monkeypatch.setattr(outbox, "AHEAD", dt.timedelta(seconds=3))
        addresses.write_text("default: slack:CALL", encoding="utf-8")
        clock.set(moment("2022-11-01"))
        open_phase(by_program(real_plan), LAUNCH)
        units = units_to_notify(real_plan, LAUNCH)[:16]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda _: deliver(real_plan, *units), range(2)))
        assert sum(one.letters for one in done) == len(set(limited.keys("CALL"))) == 16
        assert limited.answers[play.POST, "CALL", 429] == 0

    def test_when_slack_says_too_many_all_deliveries_wait(self, plan: str, addresses: Path, slack: SlackServer) -> None:
        addresses.write_text("default: slack:CALL", encoding="utf-8")
        slack.script("CALL", play.limited(retry_after=200))
        assert deliver(plan, "north").failed == 1
        slack.arrived.clear()
        assert deliver(plan, "south", "edu") == Delivered(waiting=2)
        assert slack.arrived == []
        assert set(statuses().values()) == {MessageStatus.PENDING}
        assert after(plan, 4 * MINUTE).letters == 4

    def test_who_waits_behind_a_channel_that_has_to_rest_long_waits_in_the_outbox(
        self, plan: str, addresses: Path, slack: SlackServer
    ) -> None:
        addresses.write_text("default: slack:CALL", encoding="utf-8")
        slack.script("CALL", play.limited(retry_after=3600))
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(after, plan, 0 * MINUTE).result(timeout=30)
        assert (done.letters, done.failed) == (0, 1)
        assert slack.answers[play.POST, "CALL", 200] == 0
        assert set(statuses().values()) == {MessageStatus.PENDING}
        with transaction() as session:
            assert sorted(session.scalars(select(Message.tries))) == [0, 0, 0, 1], "who was held back has not tried"
        slack.arrived.clear()
        assert after(plan, 59 * MINUTE).letters == 0
        assert slack.arrived == []
        assert after(plan, 62 * MINUTE).letters == 4

    def test_a_pace_that_a_wrong_clock_wrote_holds_up_nobody(self, plan: str) -> None:
        where = read_limits().destination_of(Address("slack", NORTH))
        with transaction() as session:
            session.add(RateLimit(channel=where.channel, free_at=now() + dt.timedelta(days=400)))
        assert after(plan, 0 * MINUTE) == Delivered(letters=4, messages=4)

    def test_who_has_to_wait_long_is_not_claimed(self, plan: str, slack: SlackServer) -> None:
        where = read_limits().destination_of(Address("slack", NORTH))
        with transaction() as session:
            session.add(RateLimit(channel=where.channel, free_at=now() + 20 * MINUTE))
        assert after(plan, 0 * MINUTE) == Delivered(letters=3, messages=3, waiting=1)
        assert outcomes("north") == []
        assert statuses()["north"] is MessageStatus.PENDING
        assert after(plan, 19 * MINUTE) == Delivered()
        assert after(plan, 20 * MINUTE).letters == 1
        assert_all_arrived_once(slack, plan)

    def test_it_is_claimed_in_batches_and_all_are_told(
        self, plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "BATCH", 1)
        assert after(plan, MINUTE) == Delivered(letters=4, messages=4)
        assert_all_arrived_once(slack, plan)

    def test_whose_lease_has_run_out_is_not_sent(
        self, plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as slow:
            slow.setattr(delivery, "LEAVES_WITHIN", dt.timedelta(seconds=-1))
            assert after(plan, 0 * MINUTE) == Delivered(messages=4, failed=4)
        assert slack.arrived == []
        assert after(plan, 1.5 * MINUTE).letters == 4
        assert_all_arrived_once(slack, plan)


class TestTheHours:
    @pytest.mark.parametrize(
        ("at", "opens"),
        [
            ("2022-11-01 19:59", "2022-11-01 19:59"),  # Tuesday
            ("2022-11-01 20:00", "2022-11-02 08:00"),
            ("2022-11-02 03:00", "2022-11-02 08:00"),
            ("2022-11-04 21:00", "2022-11-07 08:00"),  # Friday evening
            ("2022-11-05 12:00", "2022-11-07 08:00"),
            ("2022-09-30 23:00", "2022-10-08 08:00"),  # the National Day holidays; Saturday the 8th is worked
            ("2022-10-08 08:00", "2022-10-08 08:00"),
        ],
    )
    def test_letters_leave_on_working_days_outside_the_quiet_hours(self, at: str, opens: str) -> None:
        calendar = WorkCalendar(CalendarName.CHINA)
        assert opens_at(moment(at), str(ZONE), calendar, QuietHours.read("20:00-08:00")) == moment(opens)

    def test_other_quiet_hours(self) -> None:
        weekends, zone = WorkCalendar(CalendarName.WEEKENDS), str(ZONE)
        noon, none = QuietHours.read("12:00-14:00"), QuietHours.read("")
        assert opens_at(moment("2022-11-01 13:00"), zone, weekends, noon) == moment("2022-11-01 14:00")
        assert opens_at(moment("2022-11-05 13:00"), zone, weekends, noon) == moment("2022-11-07 00:00")
        assert opens_at(moment("2022-11-01 03:00"), zone, weekends, none) == moment("2022-11-01 03:00")
        for wrong in ("8-9", "25:00-08:00", "20:00", "20:00-08:00 "):
            with pytest.raises(RefusedError, match="expected such as 20:00-08:00"):
                QuietHours.read(wrong)
            with pytest.raises(ValidationError):
                Settings(quiet_hours=wrong)

    @given(st.integers(0, 2 * 365 * 24 * 60), st.times(), st.times())
    def test_what_waits_may_leave_when_it_has_waited(self, minutes: int, begins: dt.time, ends: dt.time) -> None:
        quiet = QuietHours(begins.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0))
        instant = moment("2024-01-01") + minutes * MINUTE
        zone, calendar = "America/New_York", WorkCalendar(CalendarName.WEEKENDS)
        opens = opens_at(instant, zone, calendar, quiet)
        assert opens >= instant
        assert calendar.is_working(opens.astimezone(ZoneInfo(zone)).date())
        assert opens_at(opens, zone, calendar, quiet) - opens <= dt.timedelta(hours=1), "the clocks were changed"

    @pytest.mark.parametrize("when", ["2022-11-01 23:00", "2022-11-05 10:00"], ids=["at night", "on a Saturday"])
    def test_what_is_due_at_night_or_on_a_day_off_waits_for_the_morning(
        self, tiny_plan: str, slack: SlackServer, clock: Clock, when: str
    ) -> None:
        clock.set(moment(when))
        open_phase(by_program(tiny_plan), LAUNCH)
        assert deliver(tiny_plan) == Delivered(waiting=4)
        assert notify(by_program(tiny_plan), ["north"]) == 0, "to wait is not to fail"
        assert slack.arrived == []
        clock.set(moment("2022-11-02 08:00" if when.startswith("2022-11-01") else "2022-11-07 08:00"))
        assert deliver(tiny_plan) == Delivered(letters=4, messages=4)

    @pytest.mark.parametrize("allowed", [False, True])
    def test_red_orders_leave_at_any_time_where_the_office_wants_it(
        self, story: Story, monkeypatch: pytest.MonkeyPatch, *, allowed: bool
    ) -> None:
        monkeypatch.setenv("DUBAN_RED_AT_ANY_TIME", str(allowed))
        settings.cache_clear()
        north = "2023/delivery/T1.1/north"
        story.at("2023-01-03")
        story.open("implementation")
        story.only(north)
        story.sign(north)
        story.patrol("2023-12-20")
        story.told()
        story.at("2023-12-21 22:00")
        patrol.chase(by_program(story.plan))
        red = [("edu", "red overdue", north), ("north", "red overdue", north)]
        story.deliver()
        assert story.told() == (red if allowed else [])
        story.at("2023-12-22 08:00")
        story.deliver()
        assert story.told() == ([] if allowed else red)


class TestALetterThatCannotBeWritten:
    def test_it_is_shown_to_the_office_and_stops_no_other(
        self, plan: str, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(letter: Letter, *arguments: Any, **options: Any) -> RenderedLetter:
            if letter.recipient_code == "north":
                raise KeyError("no such thing")
            return render(letter, *arguments, **options)

        with monkeypatch.context() as broken:
            broken.setattr(writing, "render", write)
            assert after(plan, 0 * MINUTE) == Delivered(letters=3, messages=3, unwritten=1)
        assert statuses()["north"] is MessageStatus.DEAD
        with transaction() as session:
            [dead] = dead_messages(session, plan_of(session, plan))
            retry_dead(session, plan_of(session, plan), at=now())
        assert dead.said == "it could not be put into words: KeyError: 'no such thing'"
        assert after(plan, 0 * MINUTE).letters == 1
        assert_all_arrived_once(slack, plan)

    def test_the_rest_of_the_digest_is_sent(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        story.at("2022-11-01")
        story.open("launch")
        story.deliver()
        for unit in ("north", "south", "edu"):
            story.submit(f"2022/liaison/{unit}")

        def write(letter: Letter, *arguments: Any, **options: Any) -> RenderedLetter:
            if any(line.ref == "2022/liaison/south" for line in letter.lines):
                raise ValueError("unheard of")
            return render(letter, *arguments, **options)

        monkeypatch.setattr(writing, "render", write)
        assert deliver(story.plan) == Delivered(letters=1, messages=2, unwritten=1)

    def test_an_error_of_the_database_is_not_taken_for_one(self, plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def write(*_: Any, **_options: Any) -> RenderedLetter:
            with transaction() as session:
                session.execute(text("SELECT 1 / 0"))
            return RenderedLetter("", "")

        monkeypatch.setattr(writing, "render", write)
        with pytest.raises(DBAPIError):
            deliver(plan)
        assert set(statuses().values()) == {MessageStatus.PENDING}


def test_a_letter_holds_what_somebody_reads_and_the_next_ones_the_rest(story: Story) -> None:
    story.at("2023-01-03 08:30")
    story.open("implementation")
    late = "2023/delivery/T1.1/north"
    story.only(late)
    with transaction() as session:
        plan = plan_of(session, story.plan)
        office = body_of(session, plan.id, UnitKind.OFFICE).id
        about: dict[str, Any] = {"assignment_id": story.row(late).id, "at": now()}
        days = [dt.date(2023, 1, 1) + dt.timedelta(days=number) for number in range(2 * MAX_MESSAGES_IN_LETTER + 1)]
        post(session, plan, [NewMessage(office, MessageKind.UNSIGNED, late, for_date=day, **about) for day in days])
        red = NewMessage(office, MessageKind.UNSIGNED, "red", order=OrderColour.RED, **about)
        post(session, plan, [red])
    counts = []
    for hour in ("08:45", "09:00", "09:15", "09:30"):
        story.at(f"2023-01-03 {hour}")
        counts.append(story.deliver().messages)
        if hour == "08:45":
            assert "另有 502 条通知" in story.letter("office")
            with transaction() as session:
                assert session.scalars(select(Message.status).where(Message.subject == "red")).one() == "sent"
    assert counts == [MAX_MESSAGES_IN_LETTER, MAX_MESSAGES_IN_LETTER, 2, 0]
    with transaction() as session:
        assert doubled(session, plan_of(session, story.plan)) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within half a minute")


def test_notify_comes_again_only_after_the_outbox_has_waited() -> None:
    waits = [backoff(tries, key).total_seconds() for tries in (1, 2, 3) for key in map(str, range(200))]
    longest = [max(waits[start : start + 200]) for start in (0, 200, 400)]
    assert all(later > wait for later, wait in zip(NOTIFY_RETRIES_S, longest, strict=True))
