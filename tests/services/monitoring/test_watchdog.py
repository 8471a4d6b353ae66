"""The watchdog: what nobody looked at is found, what may wait is not, and the office is told once."""

import dataclasses
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from adapters.database.sessions import forget_engine, transaction
from adapters.language import Code, Language
from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import PhaseRun, PrefectUnreachableError
from adapters.settings import override, settings
from deploy.cli.root import duban
from models.common.kinds import PhaseKind
from models.monitoring.alerts import Round, cut_short, last_delivery, last_round, missed_rounds, open_gates
from models.patrol.escalation import Chased
from models.phases.gate import Answer, GateDecision, mark_told
from models.plan.phase import RunName
from models.plan.plan import plan_of
from services.gates import ask, decide_as_typed
from services.letters.addresses import address_warnings
from services.letters.delivery import Delivered
from services.monitoring import watchdog
from services.patrol import begin_round, end_round
from services.scope import by_program
from tests.conftest import TINY
from tests.support.slack_server import SlackServer, error
from tests.support.stack import Stack, stack
from tests.support.story import Story, moment

ZONE = "Asia/Shanghai"
NORTH = "2023/delivery/T1.1/north"
CHANNEL = "C0WATCHDOG"
PASSWORD = "secret-7"


class TestWhenThePatrolShouldHaveCome:
    @pytest.mark.parametrize(
        ("at", "expected"),
        [
            ("2023-12-13 08:29", "2023-12-12 17:30"),
            ("2023-12-13 08:30", "2023-12-13 08:30"),
            ("2023-12-13 08:59", "2023-12-13 08:45"),
            ("2023-12-13 17:30", "2023-12-13 17:30"),
            ("2023-12-13 23:59", "2023-12-13 17:30"),
            ("2023-12-13 00:00", "2023-12-12 17:30"),
        ],
    )
    def test_every_quarter_of_an_hour_of_its_day(self, at: str, expected: str) -> None:
        assert last_round(moment(at), ZONE) == moment(expected)

    def test_a_zone_that_puts_its_clocks_forward(self) -> None:
        at = dt.datetime(2024, 3, 31, 7, 0, tzinfo=dt.UTC)  # nine in Berlin, in summer time since that night
        assert last_round(at, "Europe/Berlin") == at
        assert last_round(at - dt.timedelta(hours=1), "Europe/Berlin") == dt.datetime(
            2024, 3, 30, 16, 30, tzinfo=dt.UTC
        )

    def test_letters_wait_for_the_end_of_the_holidays(self) -> None:
        reopening = moment("2023-10-07 08:30")
        found = last_delivery(
            moment("2023-10-04 12:00"), ZONE, lambda at: not moment("2023-09-29 00:00") <= at < reopening
        )
        assert found == moment("2023-09-28 17:30")
        assert last_delivery(moment("2023-10-04 12:00"), ZONE, lambda _: False) is None

    def test_a_long_round_stands_for_those_that_could_not_set_out_beside_it(self) -> None:
        rounds = [_round("08:30:02", "09:10"), _round("09:15:01", "09:16")]
        assert _missed(rounds, "08:30", "09:15") == []
        assert _missed(rounds, "08:30", "09:45") == ["09:30", "09:45"]

    def test_a_round_that_was_cut_short(self) -> None:
        dead, later = _round("08:30", None), _round("08:45", "08:46")
        assert cut_short([dead], moment("2023-12-13 09:00")) == []
        assert cut_short([dead], moment("2023-12-13 09:31")) == [dead.started_at]
        assert cut_short([dead, later], moment("2023-12-13 09:00")) == [dead.started_at]


def _round(start: str, end: str | None) -> Round:
    return Round(moment(f"2023-12-13 {start}"), moment(f"2023-12-13 {end}") if end else None)


def _missed(rounds: list[Round], since: str, until: str) -> list[str]:
    found = missed_rounds(
        rounds, since=moment(f"2023-12-13 {since}"), until=moment(f"2023-12-13 {until}"), timezone=ZONE
    )
    return [f"{one + dt.timedelta(hours=8):%H:%M}" for one in found]


@dataclasses.dataclass
class Gates:
    """Prefect as the watchdog asks it: at which gates a run stands, and which were started."""

    missing: set[str]
    started: list[str]
    standing: list[PhaseRun] = dataclasses.field(default_factory=list)
    is_down: bool = False


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Gates:
    known = Gates(set(), [])

    def at_gate(_plan: str, phase: str, _names: set[RunName], _rounds: set[int]) -> str | None:
        if known.is_down:
            raise PrefectUnreachableError("nobody answers")
        return None if phase in known.missing else "run-0"

    def start(_plan: str, phase: str, _year: int | None, _named: str) -> str:
        known.started.append(phase)
        known.missing.discard(phase)
        return "run-1"

    def end(run: PhaseRun, _why: str) -> bool:
        known.standing.remove(run)
        return True

    monkeypatch.setattr(prefect_api, "run_at_gate", at_gate)
    monkeypatch.setattr(prefect_api, "suspended_runs", lambda *_: list(known.standing))
    monkeypatch.setattr(prefect_api, "end_suspended", end)
    monkeypatch.setattr(prefect_api, "start_phase", start)
    return known


@pytest.fixture
def north(story: Story, gates: Gates) -> Story:
    """One part of one measure is left, due on 2023-12-20; the patrol came this morning, as always."""
    story.at("2023-01-03")
    story.open("implementation")
    story.only(NORTH)
    story.sign(NORTH)
    story.patrol("2023-12-12 15:00")
    came(story, "2023-12-12 15:00", until="17:30")
    return story


def came(story: Story, since: str, until: str) -> None:
    """Patrols that set out every 15 minutes from an instant to a time of its day, and found nothing."""
    at, last = moment(since), moment(f"{since[:10]} {until}")
    while at <= last:
        story.set_clock(at)
        scope = by_program(story.plan, at)
        end_round(scope, begin_round(scope), Chased(), Delivered())
        at += dt.timedelta(minutes=15)


def found(story: Story, at: str) -> list[str]:
    story.at(at)
    return [one.kind.value for one in watchdog.look(by_program(story.plan))]


class TestWhatIsLate:
    def test_all_is_well(self, north: Story) -> None:
        assert found(north, "2023-12-12 17:50") == []
        assert found(north, "2023-12-13 03:00") == []

    def test_a_step_that_waits_for_the_first_patrol_of_the_day_is_not_late(self, north: Story) -> None:
        assert found(north, "2023-12-13 08:44") == []

    def test_a_step_that_no_patrol_looked_at(self, north: Story) -> None:
        assert found(north, "2023-12-13 08:45") == ["late", "no_patrol"]
        north.patrol("2023-12-13 08:46")
        came(north, "2023-12-13 08:46", until="08:46")
        assert found(north, "2023-12-13 08:50") == ["no_patrol"], "that it did not come is said for two hours"
        came(north, "2023-12-13 09:00", until="11:00")
        assert found(north, "2023-12-13 11:05") == []

    def test_the_patrol_that_came_and_did_not_look(self, north: Story) -> None:
        came(north, "2023-12-13 08:30", until="09:00")
        assert found(north, "2023-12-13 09:05") == ["late"]

    @pytest.mark.usefixtures("gates")
    def test_a_phase_that_is_opened_in_the_evening_with_steps_of_days_gone_by(self, story: Story) -> None:
        with transaction() as session:
            session.execute(text("UPDATE plan SET go_live_on = '2022-12-15'"))
        story.at("2022-12-15 19:00")
        story.open("launch")
        assert found(story, "2022-12-15 21:00") == []
        assert found(story, "2022-12-16 08:44") == []
        assert "late" in found(story, "2022-12-16 08:45")

    def test_a_patrol_that_was_killed(self, north: Story) -> None:
        north.patrol("2023-12-13 08:30")
        begin_round(by_program(north.plan, moment("2023-12-13 08:30")))
        assert found(north, "2023-12-13 08:50") == []
        came(north, "2023-12-13 08:45", until="08:45")
        assert found(north, "2023-12-13 08:55") == ["cut_short"]

    @pytest.mark.usefixtures("gates")
    def test_a_plan_whose_work_has_not_begun_needs_no_patrol(self, story: Story) -> None:
        assert found(story, "2022-10-25 12:00") == []


class TestNotices:
    def test_one_that_should_have_left(self, north: Story) -> None:
        north.at("2023-12-12 17:00")
        north.submit(NORTH)
        assert "unsent" not in found(north, "2023-12-12 17:05")
        assert found(north, "2023-12-12 17:30") == ["unsent"]

    def test_one_that_fails_again_and_again_though_it_is_not_due_yet(self, north: Story) -> None:
        north.at("2023-12-12 10:00")
        north.submit(NORTH)
        with transaction() as session:
            session.execute(
                text("UPDATE message SET tries = 3, next_try_at = :later WHERE status = 'pending'"),
                {"later": moment("2023-12-12 17:55")},
            )
        assert "failing" not in found(north, "2023-12-12 10:50")
        assert "failing" in found(north, "2023-12-12 11:01")

    def test_on_days_off_it_may_wait(self, north: Story) -> None:
        north.at("2023-12-15 17:31")
        north.submit(NORTH)
        came(north, "2023-12-16 14:00", until="17:30")
        assert found(north, "2023-12-16 17:50") == []
        came(north, "2023-12-17 17:30", until="17:30")
        came(north, "2023-12-18 08:30", until="08:30")
        assert found(north, "2023-12-18 08:44") == []
        assert found(north, "2023-12-18 08:46") == ["unsent"]

    def test_one_whose_next_try_is_put_off_again_and_again(self, north: Story) -> None:
        north.at("2023-12-11 16:00")
        north.submit(NORTH)
        with transaction() as session:
            later = {"later": moment("2024-01-12 17:55")}
            session.execute(text("UPDATE message SET next_try_at = :later WHERE status = 'pending'"), later)
        came(north, "2023-12-12 17:30", until="17:30")
        assert "unsent" not in found(north, "2023-12-12 16:00")
        assert found(north, "2023-12-12 17:50") == ["unsent"]

    def test_one_that_can_never_leave(self, north: Story) -> None:
        north.at("2023-12-12 17:31")
        north.submit(NORTH)
        override(DUBAN_QUIET_HOURS="08:00-18:00")
        try:
            (alert,) = watchdog.watch_over([north.plan]).alerts[north.plan]
        finally:
            override(DUBAN_QUIET_HOURS=None)
        assert "DUBAN_QUIET_HOURS" in str(alert.reason)

    def test_one_that_was_given_up(self, north: Story) -> None:
        with transaction() as session:
            session.execute(text("UPDATE message SET status = 'dead' WHERE id = (SELECT min(id) FROM message)"))
        assert found(north, "2023-12-12 17:50") == ["dead"]


@pytest.fixture
def addressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes the file of addresses."""
    file = tmp_path / "addresses.yaml"
    monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(file))
    settings.cache_clear()
    yield lambda content: _ignored(file.write_text(content, encoding="utf-8"))
    monkeypatch.undo()
    settings.cache_clear()


def _ignored(_: object) -> None:
    pass


ALL_OTHERS = "".join(f"{code}: mailbox\n" for code in ("edu", "finance", "south", "office", "leader"))


class TestAddresses:
    """Letters that go to nobody look as if they had arrived: they are in the mailbox."""

    @pytest.mark.parametrize(
        ("content", "about", "says"),
        [
            ("default: mailbox\nnorht: slack:C01\n", ("norht",), "1 codes in the file"),
            (f"{ALL_OTHERS}norht: slack:C01\n", ("norht", "north"), "1 units have no address"),
            ("edu: slack:C01\n", ("finance", "leader", "north", "office", "south"), "5 units have no address"),
            ("North: slack:C01\ndefault: slack:C02\n", ("North",), "are no unit's"),
            ("north: slack:#general\n", (), "no usable address"),
            ("north: [\n", (), "not readable as YAML"),
        ],
    )
    def test_a_file_that_does_not_fit_the_plan(
        self, north: Story, addressed: Callable[[str], None], content: str, about: tuple[str, ...], says: str
    ) -> None:
        addressed(content)
        north.at("2023-12-12 17:50")
        alerts = watchdog.look(by_program(north.plan))
        assert {one.kind.value for one in alerts} == {"addresses"}
        assert tuple(code for one in alerts for code in one.about) == about
        assert says in " ".join(str(one.reason) for one in alerts)

    @pytest.mark.parametrize(
        "content", ["", "default: mailbox\n", "default: slack:C01\n", f"{ALL_OTHERS}north: slack:C01\n"]
    )
    def test_a_file_that_fits(self, north: Story, addressed: Callable[[str], None], content: str) -> None:
        addressed(content)
        assert found(north, "2023-12-12 17:50") == []

    def test_a_unit_of_another_plan_is_a_unit(self, north: Story, addressed: Callable[[str], None]) -> None:
        other = """INSERT INTO plan OVERRIDING SYSTEM VALUE
            SELECT (json_populate_record(plan, '{"id": 99, "code": "other"}')).* FROM plan"""
        with transaction() as session:
            session.execute(text(other))
            session.execute(text("UPDATE unit SET plan_id = 99, code = 'west' WHERE code = 'south'"))
        addressed("default: mailbox\nwest: slack:C01\n")
        assert found(north, "2023-12-12 17:50") == []

    def test_many_are_counted_and_few_are_named(self, north: Story, addressed: Callable[[str], None]) -> None:
        addressed("default: mailbox\n" + "".join(f"x{number:02}: slack:C01\n" for number in range(30)))
        north.at("2023-12-12 17:50")
        (alert,) = watchdog.look(by_program(north.plan))
        assert str(alert.reason).startswith("30 codes")
        assert "x09" in str(alert.reason)
        assert "x10" not in str(alert.reason)

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_it_is_said_at_start_once_for_all_plans(
        self, north: Story, addressed: Callable[[str], None], language: Code
    ) -> None:
        addressed("default: mailbox\nnorht: slack:C01\n")
        assert north.plan
        (said,) = address_warnings(Language.of(language))
        assert "norht" in said
        assert "DUBAN_ADDRESSES_FILE" in said


class TestWhatIsSetAsideOrUnattended:
    def test_a_row_that_was_set_aside(self, north: Story) -> None:
        with transaction() as session:
            session.execute(text("UPDATE assignment SET needs_attention = 'x' WHERE next_action_at IS NOT NULL"))
        assert found(north, "2023-12-12 17:50") == ["set_aside"]

    def test_a_gate_without_a_run_gets_one(self, north: Story, gates: Gates) -> None:
        gates.missing.add("implementation")
        assert found(north, "2023-12-12 17:50") == ["no_run"]
        assert gates.started == ["implementation"]
        assert found(north, "2023-12-12 18:05") == []

    def test_a_prefect_that_does_not_answer(self, north: Story, gates: Gates) -> None:
        gates.is_down = True
        assert found(north, "2023-12-12 17:50") == ["no_prefect"]


class TestRunsThatNobodyWaitsFor:
    def test_all_but_the_first_at_a_gate_are_ended_and_counted(self, north: Story, gates: Gates) -> None:
        asked(north)
        gates.standing = [suspended("a", 1), suspended("b", 1), suspended("c", 1)]
        assert notes(north) == ["2 runs stood at gates that do not wait for them, and were ended"]
        assert left(gates) == ["a"]
        assert notes(north) == []

    def test_of_rounds_gone_by_those_that_are_told_of_the_answer_stay(self, north: Story, gates: Gates) -> None:
        asked(north)
        decided = north.answer("implementation", "keep open", year=2023)
        asked(north)
        gates.standing = [suspended("a", 1), suspended("b", 2), suspended("c", 0), suspended("d", 3)]
        notes(north)
        assert left(gates) == ["a", "b"]
        with transaction() as session:
            mark_told(session, [decided.gate_id], moment("2023-12-12 18:00"))
        notes(north)
        assert left(gates) == ["b"]

    def test_those_of_a_phase_that_is_closed_and_of_one_that_is_not_open(self, north: Story, gates: Gates) -> None:
        asked(north)
        decided = north.answer("implementation", "close", year=2023, override="并入下一年")
        gates.standing = [suspended("a", 1), suspended("b", 1), suspended("c", 1, phase="launch", year=None)]
        notes(north)
        assert left(gates) == ["a"], "it is still to be told that the phase is closed"
        with transaction() as session:
            mark_told(session, [decided.gate_id], moment("2023-12-12 18:00"))
        notes(north)
        assert left(gates) == []

    def test_a_run_of_an_answered_round_attends_to_no_other(self, north: Story) -> None:
        asked(north)
        said = Answer(GateDecision.KEEP_OPEN, "王五", "按计划")
        decide_as_typed(by_program(north.plan), IMPLEMENTATION, 1, said)
        with transaction() as session:
            (gate,) = open_gates(session, plan_of(session, north.plan))
            assert gate.rounds == {1}, "the next round is not asked yet"
        asked(north)
        with transaction() as session:
            (gate,) = open_gates(session, plan_of(session, north.plan))
            assert gate.rounds == {2}


IMPLEMENTATION = (PhaseKind.IMPLEMENTATION, 2023)


def asked(story: Story) -> None:
    """The gate of the open phase asks, as the phase's run has it do."""
    story.at("2023-12-12 17:50")
    ask(by_program(story.plan), IMPLEMENTATION)


def suspended(name: str, number: int, *, phase: str = "implementation", year: int | None = 2023) -> PhaseRun:
    return PhaseRun(name, "tiny", phase, year, "PAUSED", f"state of {name}", moment("2023-12-12 17:00"), number)


def notes(story: Story) -> list[str]:
    story.at("2023-12-12 17:50")
    return [str(note) for note in watchdog.watch_over([story.plan]).notes]


def left(gates: Gates) -> list[str]:
    return [run.id for run in gates.standing]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    with SlackServer() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SLACK_TOKEN", "xoxb-1")
        monkeypatch.setenv("DUBAN_SLACK_API_URL", server.url)
        monkeypatch.setenv("DUBAN_WATCHDOG_ADDRESS", f"slack:{CHANNEL}")
        settings.cache_clear()
        yield server


class TestTheSecondChannel:
    def test_the_same_list_is_told_once_a_day_and_its_end_once(
        self, north: Story, gates: Gates, slack: SlackServer
    ) -> None:
        gates.is_down = True
        assert self._posts(north, slack, "2023-12-12 17:50", "2023-12-12 18:05", "2023-12-13 03:00") == 1
        assert self._posts(north, slack, "2023-12-13 08:50") == 2, "something new"
        gates.is_down = False
        north.patrol("2023-12-13 09:00")
        came(north, "2023-12-13 09:00", until="12:00")
        assert self._posts(north, slack, "2023-12-13 12:05", "2023-12-13 12:20") == 3
        assert NORTH in str(slack.posts[CHANNEL][1])
        gates.is_down = True
        assert self._posts(north, slack, "2023-12-13 12:25") == 4, "it came again"

    def test_what_could_not_be_told_is_told_the_next_time(self, north: Story, gates: Gates, slack: SlackServer) -> None:
        gates.is_down = True
        slack.script(CHANNEL, error("channel_not_found"))
        north.at("2023-12-12 17:50")
        watched = watchdog.watch_over([north.plan])
        assert [note.template for note in watched.notes] == [
            "the office could not be told by the second channel: {why}"
        ]
        assert self._posts(north, slack, "2023-12-12 18:05") == 1

    def test_it_is_said_where_there_is_none(self, north: Story, gates: Gates) -> None:
        gates.is_down = True
        north.at("2023-12-12 17:50")
        assert "DUBAN_WATCHDOG_ADDRESS" in str(watchdog.watch_over([north.plan]).notes[0])

    @pytest.mark.usefixtures("gates")
    def test_that_it_cannot_look_is_told_once_a_day_and_that_it_can_again_once(
        self, north: Story, slack: SlackServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("DUBAN_DATA_DIR", str(tmp_path / "data"))
        with monkeypatch.context() as down:
            down.setenv("DUBAN_DATABASE_URL", f"postgresql://somebody:{PASSWORD}@127.0.0.1:1/gone")
            settings.cache_clear()
            forget_engine()
            for at, told in (("2023-12-12 17:50", 1), ("2023-12-12 18:05", 1), ("2023-12-13 17:50", 2)):
                north.at(at)
                assert CliRunner().invoke(duban, ["watchdog"]).exit_code == 2
                assert len(slack.posts[CHANNEL]) == told
            assert "催办" in str(slack.posts[CHANNEL])
            assert PASSWORD not in str(slack.posts[CHANNEL])
        settings.cache_clear()
        forget_engine()
        assert self._posts(north, slack, "2023-12-13 18:05", "2023-12-13 18:20") == 4, "it sees again, and what it sees"
        assert "已恢复" in str(slack.posts[CHANNEL])

    def test_that_nobody_could_be_told_is_said_beside_the_error(
        self, north: Story, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slack.script(CHANNEL, error("channel_not_found"))
        monkeypatch.setattr(watchdog, "plans_watched", broken)
        north.at("2023-12-12 17:50")
        with pytest.raises(LookupError) as raised:
            watchdog.watch_over()
        assert "channel_not_found" in raised.value.__notes__[0]

    def _posts(self, story: Story, slack: SlackServer, *times: str) -> int:
        for at in times:
            story.at(at)
            assert watchdog.watch_over([story.plan]).notes == []
        return len(slack.posts[CHANNEL])


class Listener(ThreadingHTTPServer):
    """Takes heartbeats down."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Beat)
        self.asked: list[str] = []
        self.status = 200


class _Beat(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_HEARTBEAT_URL", f"http://127.0.0.1:{server.server_port}/secret")
        settings.cache_clear()
        yield server
        server.shutdown()
        thread.join()


class TestTheHeartbeat:
    def test_it_says_how_it_went(
        self, north: Story, gates: Gates, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        north.at("2023-12-12 17:50")
        assert watchdog.watch_over([north.plan]).all_is_well
        gates.is_down = True
        assert not watchdog.watch_over([north.plan]).all_is_well
        monkeypatch.setattr(watchdog, "plans_watched", broken)  # as without a database
        with pytest.raises(LookupError):
            watchdog.watch_over()
        assert listener.asked == ["/secret", "/secret/fail", "/secret/fail"]

    def test_that_nobody_takes_it_is_shown_and_hides_nothing(self, north: Story, listener: Listener) -> None:
        listener.status = 500
        north.at("2023-12-12 17:50")
        watched = watchdog.watch_over([north.plan])
        assert watched.all_is_well
        assert [str(note) for note in watched.notes] == ["the heartbeat could not be sent: HTTP 500"]


def broken(*_: object) -> list[str]:
    raise LookupError


def test_a_plan_that_cannot_be_looked_after_hides_no_other(north: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    look = watchdog.look
    monkeypatch.setattr(watchdog, "look", lambda scope, on: broken() if scope.plan == "bad" else look(scope, on))
    monkeypatch.setattr(watchdog, "tell", lambda *_: None)
    north.at("2023-12-12 17:50")
    watched = watchdog.watch_over(["bad", north.plan])
    assert {plan: [one.kind.value for one in found] for plan, found in watched.alerts.items()} == {
        "bad": ["unseen"],
        north.plan: [],
    }


class TestTheCommand:
    def test_0_when_all_is_well_and_1_when_not(self, north: Story, gates: Gates) -> None:
        north.at("2023-12-12 17:50")
        assert CliRunner().invoke(duban, ["watchdog"]).exit_code == 0
        gates.is_down = True
        done = CliRunner().invoke(duban, ["watchdog", "--json"])
        assert done.exit_code == 1
        assert [one["kind"] for one in json.loads(done.stdout)["plans"]["tiny"]] == ["no_prefect"]

    @pytest.mark.usefixtures("north")
    def test_of_another_day_its_end_counts(self) -> None:
        done = CliRunner().invoke(duban, ["watchdog", "--on", "2023-12-13"])
        assert done.exit_code == 1
        assert NORTH in done.stdout


OPENED = "UPDATE phase SET status = 'open', opened_at = '2022-11-01 00:30Z' WHERE code = 'launch'"


@pytest.mark.stack
@pytest.mark.xdist_group("stack-pages")
def test_a_gate_that_lost_its_run_gets_one_and_the_run_of_the_watchdog_fails_until_it_stands() -> None:
    with stack(TINY, moment("2022-11-01 08:30")) as place:
        with psycopg.connect(place.database) as connection:
            connection.execute(OPENED)
        assert _outcome(place) == "FAILED"
        listed = place.ask("POST", "/artifacts/latest/filter", {"artifacts": {"key": {"any_": ["watchdog"]}}})
        assert "launch" in listed[0]["data"]
        suspended = {"flow_runs": {"state": {"name": {"any_": ["Suspended"]}}}}
        _wait(lambda: place.ask("POST", "/flow_runs/filter", suspended))
        assert _outcome(place) == "COMPLETED"


def _outcome(place: Stack) -> str:
    """How a run of the watchdog ends."""
    deployment = place.ask("GET", "/deployments/name/watchdog/watchdog")
    body = {"state": {"type": "SCHEDULED"}}
    run = place.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", body)["id"]
    _wait(lambda: place.ask("GET", f"/flow_runs/{run}")["state"]["type"] in {"FAILED", "COMPLETED", "CRASHED"})
    return str(place.ask("GET", f"/flow_runs/{run}")["state"]["type"])


def _wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.2)
