"""The `duban` command, as people type it. Wording is the catalogue's business; here codes and dates count."""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn
from click.testing import CliRunner, Result
from sqlalchemy import func, select, text, update

from adapters.database.sessions import engine, forget_engine, transaction
from adapters.prefect_server import prefect_api
from adapters.settings import child_environment, settings
from deploy.cli.root import COMMANDS, duban
from models import migrations
from models.assignments.evidence import Evidence, Submission
from models.common.event import Event
from models.outbox.message import Message, MessageStatus
from models.phases.gate import Answer, Gate, GateDecision, Via
from models.plan.plan import Plan
from tests.conftest import REAL, TINY, Clock
from tests.support.scenes import scene
from tests.support.stack import free_port
from tests.support.story import Story, moment

LEAD, NORTH, SOUTH = (f"2022/liaison/{unit}" for unit in ("edu", "north", "south"))
SCHEME = "2022/scheme/T1/edu"
BIN = Path(sys.executable).parent


def run(*arguments: str | Path, typed: str | None = None) -> Result:
    result = CliRunner().invoke(duban, [str(one) for one in arguments], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def refused(*arguments: str | Path, because: str = "") -> str:
    """The lines on stderr; nothing is a traceback, and the exit code says that nothing was done."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert because in result.stderr
    return result.stderr


def statuses(story: Story, *refs: str) -> list[str]:
    return [story.row(ref).status.value for ref in refs]


def count(model: type[Any]) -> int:
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(model)).one()


@scene
def launched(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    file = tmp_path / "联络员 名单.txt"
    file.write_text("张三,电话 123\n", encoding="utf-8")
    return file


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The tiny plan, with one name changed."""
    folder = tmp_path / "changed"
    shutil.copytree(TINY, folder)
    units = folder / "units.yaml"
    units.write_text(units.read_text("utf-8").replace("教育局", "市教育局"), "utf-8")
    return folder


class TestPlan:
    @pytest.mark.usefixtures("database")
    def test_a_sound_plan_is_summed_up_and_nothing_is_written(self) -> None:
        said = done("plan", "check", REAL)

        figures = re.findall(r": (\d+)$", said, re.MULTILINE)
        assert figures == ["40", "11", "41", "34", "54", "9", "3219", "67", "1092", "1092", "968"]
        assert count(Plan) == 0

    def test_every_problem_is_a_line_of_its_own(self, changed: Path) -> None:
        areas = changed / "areas.yaml"
        areas.write_text(areas.read_text("utf-8").replace("lead: edu", "lead: nobody"), "utf-8")
        phases = changed / "phases.yaml"
        phases.write_text(phases.read_text("utf-8").replace("2022-11-01", "2022-11-31"), "utf-8")

        problems = refused("plan", "check", changed).splitlines()[:-1]

        assert [line.partition(": ")[0].partition(":")[0] for line in problems] == [
            "areas.yaml",
            "phases.yaml",
            "phases.yaml",
        ]
        assert re.match(r'areas\.yaml:\d+: areas\[0\]\.lead: "nobody": ', problems[0])
        assert '"2022-11-31"' in problems[1]

    def test_of_a_thousand_problems_a_hundred_are_shown_and_all_are_counted(self, changed: Path) -> None:
        units = changed / "units.yaml"
        more = "".join(f"  - {{code: t{n}, name: {{zh: 镇, en: Town}}, kind: town}}\n" for n in range(1000))
        units.write_text(units.read_text("utf-8").replace("units:\n", "units:\n" + more, 1), "utf-8")

        *problems, left, total = refused("plan", "check", changed).splitlines()

        assert len(problems) == 100
        assert "900" in left
        assert "1000" in total

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        refused("plan", "check", tmp_path / "nothing", because="nothing")

    def test_the_same_plan_again_changes_nothing(self, tiny_plan: str) -> None:
        before = count(Event)

        assert tiny_plan in done("plan", "load", TINY)
        assert count(Event) == before

    @pytest.mark.usefixtures("tiny_plan")
    def test_a_changed_plan_asks_and_refuses_where_nobody_can_answer(self, changed: Path) -> None:
        result = run("plan", "load", changed)

        assert result.exit_code == 2
        assert "units.edu.name.zh: 教育局 → 市教育局" in result.stdout
        assert "--yes" in result.stderr
        assert "市教育局" not in done("units")

    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
    @pytest.mark.usefixtures("tiny_plan")
    def test_a_changed_plan_is_stored_when_a_person_agrees(
        self, changed: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
    ) -> None:
        monkeypatch.setattr("deploy.cli.asking.can_be_asked", lambda: True)

        assert run("plan", "load", changed, typed=answer).exit_code == code
        assert ("市教育局" in done("units")) is (code == 0)

    @pytest.mark.usefixtures("tiny_plan")
    def test_yes_agrees_beforehand(self, changed: Path) -> None:
        done("plan", "load", changed, "--yes")

        assert "市教育局" in done("units")
        assert "T1" in done("plan", "show")

    @pytest.mark.usefixtures("launched")
    def test_that_an_open_phase_keeps_what_was_issued_is_said(self, changed: Path) -> None:
        assert "launch 已交办的内容保持不变" in done("plan", "load", changed, "--yes")

    @pytest.mark.usefixtures("launched")
    def test_what_would_orphan_work_is_refused_by_name(self, changed: Path) -> None:
        requirements = changed / "requirements.yaml"
        kept = requirements.read_text("utf-8").replace("audience: [all]", "audience: [all]\n    # gone", 1)
        requirements.write_text(kept.replace("code: liaison", "code: contact"), "utf-8")

        refused("plan", "load", changed, "--yes", because="2022/liaison")

    @pytest.mark.usefixtures("tiny_plan")
    def test_which_plan_has_to_be_said_where_there_are_several(self) -> None:
        done("plan", "load", REAL)

        refused("units", because="northwest-education-centre, tiny")
        assert "longsha" in done("units", "--plan", "northwest-education-centre")
        refused("units", "--plan", "huge", because="'huge'")


class TestWork:
    def test_signing_for_several_is_all_or_nothing(self, launched: Story) -> None:
        refused("sign", NORTH, "2022/liaison/nobody", "--by", "张三", because="2022/liaison/nobody")
        assert statuses(launched, NORTH) == ["issued"]

        assert "2" in done("sign", NORTH, SOUTH, "--by", "张三")
        assert statuses(launched, NORTH, SOUTH) == ["acknowledged"] * 2
        assert "0" in done("sign", NORTH, "--by", "张三")

    @pytest.mark.usefixtures("launched")
    def test_a_date_that_is_far_away_is_refused_with_the_bounds(self) -> None:
        asked = ("extend", NORTH, "--reason", "等待", "--by", "张三", "--until")
        refused(*asked, "2123-06-30", because="2025")
        for day in ("9999-12-31", "0001-01-01"):
            assert "1990-01-01" in refused(*asked, day, because="2200-12-31")
            refused("status", "--on", day, because="2200-12-31")

    @pytest.mark.usefixtures("launched")
    def test_a_blank_name_is_nobody(self) -> None:
        refused("sign", NORTH, "--by", "  ")

    def test_handing_in_keeps_files_figures_and_words(self, launched: Story, proof: Path, tmp_path: Path) -> None:
        figures = ["--figure", "人数=12", "--figure", "比例=98.50", "--figure", "评价=50%"]

        done("submit", LEAD, SCHEME, "--file", proof, "--note", "见附件", *figures, "--by", "张三")

        assert statuses(launched, LEAD, SCHEME) == ["submitted"] * 2
        with transaction() as session:
            submission = session.scalars(select(Submission)).one()
        assert submission.figures == {"人数": 12, "比例": 98.5, "评价": "50%"}
        shown = done("show", SCHEME)
        assert all(one in shown for one in (proof.name, "见附件", "人数 = 12", "张三"))
        written = Path(done("files", SCHEME, "--output", tmp_path / "out").strip())
        assert written == tmp_path / "out" / "v1" / proof.name
        assert written.read_bytes() == proof.read_bytes()

    @pytest.mark.usefixtures("launched")
    def test_what_is_downloaded_twice_overwrites_nothing(self, proof: Path, tmp_path: Path) -> None:
        done("submit", NORTH, "--file", proof, "--by", "张三")

        names = [Path(done("files", NORTH, "--output", tmp_path / "out").strip()).name for _ in range(2)]

        assert names == ["联络员 名单.txt", "联络员 名单 (2).txt"]

    def test_a_bad_file_stops_the_whole_hand_in(self, launched: Story, proof: Path, tmp_path: Path) -> None:
        bad = tmp_path / "名单.exe"
        bad.write_bytes(b"MZ")

        refused("submit", NORTH, "--file", proof, "--file", bad, "--by", "张三", because="名单.exe")

        assert statuses(launched, NORTH) == ["issued"]
        assert not (settings().data_dir / "evidence").exists()

    @pytest.mark.usefixtures("launched")
    def test_a_slip_in_a_reference_is_told_before_a_file_is_kept(self, proof: Path) -> None:
        refused("submit", "2022/nothing/north", "--file", proof, "--by", "张三", because="2022/nothing/north")
        assert not (settings().data_dir / "evidence").exists()

    def test_one_hand_in_is_one_unit_s(self, launched: Story) -> None:
        refused("submit", NORTH, SOUTH, "--note", "x", "--by", "张三", because="2")
        assert statuses(launched, NORTH, SOUTH) == ["issued"] * 2

    @pytest.mark.parametrize("figures", [["人数"], ["=3"], ["人数="], ["人数=1", "人数=2"]])
    @pytest.mark.usefixtures("launched")
    def test_a_figure_that_cannot_be_read(self, figures: list[str]) -> None:
        given = [part for figure in figures for part in ("--figure", figure)]
        refused("submit", NORTH, *given, "--by", "张三")

    def test_reviewing(self, launched: Story) -> None:
        done("submit", NORTH, "--note", "一", "--by", "张三")
        refused("review", NORTH, "--by", "李四")
        refused("review", NORTH, "--accept", "--return", "--by", "李四")
        refused("review", NORTH, "--accept", "--by", "张三", because="张三")
        refused("review", NORTH, "--accept", "--as", "edu", "--by", "李四", because="office")
        refused("review", NORTH, "--return", "--by", "李四", because=NORTH)

        done("review", NORTH, "--return", "--reason", "缺盖章", "--by", "李四")
        assert statuses(launched, NORTH) == ["returned"]
        done("submit", NORTH, "--note", "二", "--by", "张三")
        refused("review", NORTH, "--accept", "--version", "1", "--by", "李四")
        done("review", NORTH, "--accept", "--version", "2", "--by", "李四")

        assert statuses(launched, NORTH) == ["accepted"]
        shown = done("show", NORTH)
        assert shown.index("缺盖章") < shown.index("二")

    def test_a_review_of_several_is_all_or_nothing(self, launched: Story) -> None:
        done("submit", NORTH, "--note", "一", "--by", "张三")

        refused("review", NORTH, SOUTH, "--accept", "--by", "李四", because=SOUTH)

        assert statuses(launched, NORTH, SOUTH) == ["submitted", "issued"]

    def test_the_journal_says_how_an_objection_was_decided(self, launched: Story) -> None:
        launched.submit(NORTH)
        launched.send_back(NORTH)
        launched.object(NORTH, "return")
        launched.decide_objection(NORTH, upheld=False)

        shown = done("show", NORTH)

        assert "提出异议" in shown
        assert "异议决定：不成立" in shown

    def test_more_time_is_asked_for_and_decided_by_the_office(self, launched: Story) -> None:
        asked = done("extend", NORTH, "--until", "2022-11-18", "--reason", "等文件", "--by", "张三")
        assert "2022-11-15" in asked
        assert launched.row(NORTH).due_on == dt.date(2022, 11, 15)
        assert "等文件" in done("show", NORTH)

        assert "2022-11-18" in done("extend", NORTH, "--grant", "--by", "王五")
        assert launched.row(NORTH).due_on == dt.date(2022, 11, 18)
        assert "王五" in done("show", NORTH)

        refused("extend", NORTH, "--refuse", "--reason", "x", "--by", "王五", because=NORTH)
        refused("extend", NORTH, "--until", "soon", "--by", "张三", because="soon")
        refused("extend", NORTH, "--by", "张三", because="--grant")

    def test_waiving_needs_a_reason(self, launched: Story) -> None:
        refused("waive", NORTH, SOUTH, "--by", "王五", because=NORTH)
        done("waive", NORTH, SOUTH, "--reason", "上级已取消", "--by", "王五")
        assert statuses(launched, NORTH, SOUTH) == ["waived"] * 2


class TestLetters:
    def test_letters_are_printed_newest_last(self, launched: Story) -> None:
        assert "north" in done("mailbox", "north")
        launched.deliver()
        launched.patrol("2022-11-14")

        letters = done("mailbox", "north")
        assert letters.index("2022-11-01") < letters.rindex("2022-11-14")
        assert "2022-11-01 09:00 ·" not in done("mailbox", "north", "--last", "1")
        refused("mailbox", "nobody", because="'nobody'")

    def test_dead_notices_are_listed_and_tried_again(self, launched: Story) -> None:
        assert "edu" not in done("dead")
        with transaction() as session:
            session.execute(update(Message).values(status=MessageStatus.DEAD, tries=12))

        assert all(unit in done("dead") for unit in ("edu", "north", "12"))
        done("dead", "--retry")

        assert "edu" not in done("dead")
        assert launched.deliver().letters == 4


class TestStatus:
    def test_json_has_the_documented_keys(self, launched: Story) -> None:
        done("submit", NORTH, "--note", "一", "--by", "张三")
        launched.deliver()

        facts = json.loads(done("status", "--json"))

        assert list(facts) == [
            *("plan", "on", "assignments", "counts", "by_status"),
            *("lights", "overdue", "escalations", "messages", "gates"),
        ]
        assert (facts["plan"], facts["on"]) == ("tiny", "2022-11-01")
        assert facts["assignments"] == {"launch": 6, "total": 6}
        assert sum(one["count"] for one in facts["counts"]) == 6
        assert set(facts["counts"][0]) == {"phase", "role", "status", "light", "count"}
        assert (facts["by_status"]["issued"], facts["by_status"]["submitted"]) == (5, 1)
        assert facts["messages"]["letters"] == 5
        assert facts["gates"] == [{"phase": "launch", "round": 1, "ends_on": "2022-12-31", "still_open": 6}]

    def test_any_day_can_be_asked(self, launched: Story) -> None:
        done("submit", NORTH, "--note", "一", "--by", "张三")
        launched.patrol_daily("2022-11-16", "2022-11-18")

        before, after = (json.loads(done("status", "--json", "--on", on)) for on in ("2022-10-31", "2022-11-18"))

        assert (before["assignments"], before["gates"]) == ({"total": 0}, [])
        assert after["overdue"] == after["lights"]["red"] == 3
        assert 3 in after["escalations"]["launch"].values()

    def test_what_was_sent_later_waited_on_a_past_day(self, launched: Story) -> None:
        launched.at("2022-11-03 10:00")
        launched.deliver()
        then, now = (
            json.loads(done("status", "--json", "--on", on))["messages"] for on in ("2022-11-01", "2022-11-03")
        )
        waited = now["sent"]
        assert waited > 0
        assert (then["pending"], then["sent"], then["letters"]) == (waited, 0, 0)
        assert (now["pending"], now["letters"]) == (0, 4)

    @pytest.mark.usefixtures("launched")
    def test_people_get_tables(self) -> None:
        shown = done("status", "--plan", "tiny", "--on", "2022-11-20")
        assert "tiny" in shown
        assert "launch" in shown

    @pytest.mark.usefixtures("launched")
    def test_the_real_command_from_outside(self) -> None:
        result = outside("status", "--json")

        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["assignments"]["total"] == 6


class TestPhase:
    @pytest.fixture
    def resumed(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        """What Prefect is told; no server runs here."""
        calls: list[tuple[Any, ...]] = []

        def suspended_run(*asked: Any) -> str:
            calls.append(asked)
            return "0123"

        def answer_gate(_run_id: str, _answer: Answer, until: dt.date) -> None:
            calls[-1] += (until,)

        monkeypatch.setattr(prefect_api, "is_healthy", lambda: True)
        monkeypatch.setattr(prefect_api, "suspended_run", suspended_run)
        monkeypatch.setattr(prefect_api, "answer_gate", answer_gate)
        return calls

    @pytest.mark.usefixtures("launched")
    def test_closing_with_open_work_is_refused_with_what_blocks(self, resumed: list[tuple[Any, ...]]) -> None:
        said = refused("phase", "decide", "launch", "--close", "--reason", "到期", "--by", "王五")

        assert all(ref in said for ref in (LEAD, NORTH, SOUTH, SCHEME))
        assert [(*call[:2], call[3]) for call in resumed] == [("tiny", "launch", 1)]
        assert "launch" in done("phase", "list")

    @pytest.mark.usefixtures("launched", "resumed")
    def test_an_override_closes_it_and_is_kept(self) -> None:
        done(
            *("phase", "decide", "launch", "--close", "--reason", "到期", "--by", "王五"),
            *("--override-reason", "会议决定"),
        )

        with transaction() as session:
            gate = session.scalars(select(Gate)).one()
        assert (gate.decision, gate.via, gate.by_name) == (GateDecision.CLOSE, Via.COMMAND, "王五")
        assert gate.override_reason == "会议决定"
        refused("phase", "decide", "launch", "--keep-open", "--reason", "x", "--by", "王五", because="launch")

    @pytest.mark.usefixtures("launched")
    def test_extending_and_keeping_open(self, resumed: list[tuple[Any, ...]]) -> None:
        said = done("phase", "decide", "launch", "--extend", "2023-02-15", "--reason", "x", "--by", "王五")
        assert "2023-02-15" in said
        done("phase", "decide", "launch", "--keep-open", "--reason", "y", "--by", "王五")

        assert [call[3:] for call in resumed] == [(1, dt.date(2023, 2, 15)), (2, dt.date(2023, 2, 15))]
        assert "2023-02-15" in done("phase", "list")
        refused("phase", "decide", "launch", "--close", "--keep-open", "--reason", "x", "--by", "王五")

    @pytest.mark.usefixtures("launched")
    def test_the_decision_stands_where_prefect_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nobody_listens(monkeypatch)

        done("phase", "decide", "launch", "--keep-open", "--reason", "x", "--by", "王五")

        with transaction() as session:
            gate = session.scalars(select(Gate)).one()
        assert (gate.decision, gate.resumed_at) == (GateDecision.KEEP_OPEN, None)

    @pytest.mark.usefixtures("tiny_plan")
    def test_starting(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        clock.set(moment("2023-01-03"))
        started: list[tuple[Any, ...]] = []

        def start_phase(*told: Any) -> str:
            started.append(told)
            return "0123"

        monkeypatch.setattr(prefect_api, "start_phase", start_phase)
        monkeypatch.setattr(prefect_api, "run_at_gate", lambda *_: None)

        assert "/runs/flow-run/0123" in done("phase", "start", "launch", "--yes")
        done("phase", "start", "implementation", "--yes")
        done("phase", "start", "implementation", "--yes", "--year", "2023", "--plan", "tiny")
        refused("phase", "start", "implementation", "--year", "2031", because="2031")
        refused("phase", "start", "celebration", because="celebration")

        assert started == [("tiny", "launch", None, ""), *[("tiny", "implementation", 2023, "")] * 2]

    @pytest.mark.usefixtures("tiny_plan")
    def test_one_that_has_a_run_gets_no_other_and_is_told_which_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(prefect_api, "start_phase", lambda *_: pytest.fail("another run was started"))
        monkeypatch.setattr(prefect_api, "run_at_gate", lambda *_: "0815")
        said = done("phase", "start", "launch", "--yes")
        assert "/runs/flow-run/0815" in said
        assert "已有运行" in said

    @pytest.mark.usefixtures("tiny_plan")
    def test_years_too_early_it_is_said_that_this_cannot_be_taken_back(
        self, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        monkeypatch.setattr(prefect_api, "start_phase", lambda *_: "0815")
        monkeypatch.setattr(prefect_api, "run_at_gate", lambda *_: None)
        for at, is_early in (("2021-01-04", True), ("2022-12-30", True), ("2023-01-03", False), ("2024-01-03", False)):
            clock.set(moment(at))
            started = CliRunner().invoke(duban, ["phase", "start", "implementation", "--yes"])
            assert started.exit_code == 0
            assert bool(started.stderr) is is_early, at

    @pytest.mark.usefixtures("real_plan")
    def test_the_year_has_to_be_said_where_there_are_several(self) -> None:
        refused("phase", "start", "implementation", because="2023, 2024")

    @pytest.mark.usefixtures("tiny_plan")
    def test_starting_without_prefect_says_where_it_was_sought(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nobody_listens(monkeypatch)
        refused("phase", "start", "launch", "--yes", because="127.0.0.1:1/")


def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_PREFECT_PORT", "1")
    settings.cache_clear()


class TestDatabase:
    def test_an_empty_database_gets_its_schema_by_itself(
        self, empty_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(monkeypatch, empty_database)

        done("plan", "load", TINY)

        assert migrations.current(engine()) == migrations.head()
        forget_engine()

    @pytest.mark.usefixtures("tiny_plan")
    def test_an_older_or_newer_schema_is_refused(self) -> None:
        for version, because in (("0000", "duban db upgrade"), ("9999", "9999")):
            with engine().begin() as connection:
                connection.execute(text(migrations.AS_OWNER))
                connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
            refused("status", because=because)
        refused("db", "upgrade", because="9999")
        assert "9999" in done("db", "version")

    def test_a_database_of_somebody_else_is_left_alone(
        self, empty_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(monkeypatch, empty_database)
        with engine().begin() as connection:
            connection.execute(text("CREATE TABLE theirs (id integer)"))

        refused("status")

        assert migrations.current(engine()) is None
        forget_engine()

    def test_upgrading(self, empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, empty_database)

        said = [done("db", "upgrade"), done("db", "upgrade")]

        assert all(migrations.head() in one for one in said)
        assert said[0] != said[1]
        forget_engine()

    def test_one_that_cannot_be_reached_is_named_without_its_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, "postgresql://duban:hush-hush@127.0.0.1:1/work")

        said = refused("status", because="127.0.0.1:1/work (DUBAN_DATABASE_URL)")

        assert "hush-hush" not in said
        assert len(said.splitlines()) == 1
        forget_engine()

    def test_an_address_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, "hush-hush")

        assert "hush-hush" not in refused("status", because="DUBAN_DATABASE_URL")


def use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DUBAN_DATABASE_URL", address)
    settings.cache_clear()
    forget_engine()


class TestEvidence:
    @pytest.mark.usefixtures("launched")
    def test_damage_is_found_and_named(self, proof: Path, tmp_path: Path) -> None:
        done("submit", NORTH, "--file", proof, "--by", "张三")
        assert "1" in done("evidence", "verify")
        done("evidence", "sweep")
        with transaction() as session:
            sha256 = session.scalars(select(Evidence.sha256)).one()
        kept = settings().data_dir / "evidence" / sha256[:2] / sha256
        kept.unlink()
        kept.write_text("something else", "utf-8")

        refused("evidence", "verify", because=proof.name)
        refused("files", NORTH, "--output", tmp_path / "out", because=sha256)


def outside(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    return subprocess.run(
        [BIN / "duban", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=child_environment(**changes),
        check=False,
        timeout=120,
    )


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        is_group = isinstance(command, click.Group)
        found += every_command(command, (*path, name)) if is_group else [(*path, name)]  # type: ignore[arg-type]
    return found


class TestTheCommandItself:
    @pytest.mark.parametrize("path", every_command(duban), ids=" ".join)
    def test_every_command_says_what_it_is_for(self, path: tuple[str, ...]) -> None:
        said = done(*path, "--help")
        assert len(said.split("\n\n")) >= 3

    def test_the_overview_names_all(self) -> None:
        assert all(f"\n  {name} " in done("--help") for name in COMMANDS)

    @pytest.mark.parametrize(
        ("arguments", "language", "words"),
        [(["--help"], "en", "Hand in evidence"), (["--help"], "zh", "佐证材料"), (["units"], "en", "North County")],
    )
    @pytest.mark.usefixtures("tiny_plan")
    def test_it_speaks_the_language_of_the_settings(self, arguments: list[str], language: str, words: str) -> None:
        assert words in outside(*arguments, DUBAN_LANGUAGE=language).stdout

    def test_a_setting_that_is_not_right_is_a_line(self) -> None:
        result = outside("status", DUBAN_LANGUAGE="fr", DUBAN_PREFECT_PORT="many")

        assert result.returncode == 2
        assert [re.findall(r"DUBAN_\w+", line) for line in result.stderr.splitlines()] == [
            ["DUBAN_LANGUAGE"],
            ["DUBAN_PREFECT_PORT"],
        ]

    @pytest.mark.usefixtures("tiny_plan")
    def test_debug_shows_where_an_error_arose(self) -> None:
        result = outside("--debug", "units", "--plan", "huge")

        assert result.returncode == 1
        assert "Traceback" in result.stderr

    @pytest.mark.usefixtures("tiny_plan")
    def test_an_unexpected_error_is_a_line_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any) -> None:
            raise ZeroDivisionError("by nothing")

        monkeypatch.setattr("deploy.cli.items.status.facts_of", broken)

        refused("status", because="by nothing")

    @pytest.mark.parametrize("arguments", [["--help"], ["status"]])
    @pytest.mark.usefixtures("tiny_plan")
    def test_nothing_heavy_is_imported(self, arguments: list[str]) -> None:
        result = subprocess.run(
            [sys.executable, "-X", "importtime", BIN / "duban", *arguments],
            capture_output=True,
            encoding="utf-8",
            env=child_environment(),
            check=False,
            timeout=120,
        )

        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
        assert result.returncode == 0
        assert "click" in imported
        assert not imported & {"prefect", "pandas", "slack_sdk", "apprise"}
        assert ("sqlalchemy" in imported) is (arguments == ["status"])


@pytest.mark.usefixtures("database")
def test_whoever_starts_the_portal_is_told_when_nothing_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    monkeypatch.setenv("DUBAN_PORTAL_PORT", str(free_port()))
    settings.cache_clear()
    words = "未设置 DUBAN_CLAMD：提交的文件不作病毒扫描。\n"
    assert run("portal").stderr == words
    monkeypatch.setenv("DUBAN_CLAMD", "tcp://127.0.0.1:3310")
    settings.cache_clear()
    assert run("portal").stderr == ""


def test_a_plan_is_previewed_without_a_database(tmp_path: Path) -> None:
    told = done("plan", "preview", TINY, "--most", "1")
    assert "implementation-2023" in told
    assert "2023-12-18" in told, "the week in which a unit has more than one thing due"
    facts = json.loads(done("plan", "preview", TINY, "--json"))
    assert facts["total"] == len(facts["asked"]) == sum(facts["by_month"].values())
    listed = json.loads(done("plan", "preview", TINY, "--unit", "north", "--month", "2022-11", "--json"))["asked"]
    assert [one["ref"] for one in listed] == ["2022/liaison/north"]
    assert "2022/liaison/north" in done("plan", "preview", TINY, "--requirement", "liaison")
    refused("plan", "preview", TINY, "--unit", "nobody", because="nobody")
    refused("plan", "preview", TINY, "--requirement", "nothing", because="liaison")
    for ending, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        chart = tmp_path / f"load.{ending}"
        done("plan", "preview", TINY, "--chart", chart)
        assert chart.read_bytes().startswith(begins)
    refused("plan", "preview", TINY, "--chart", tmp_path / "load.pdf", because=".png")
