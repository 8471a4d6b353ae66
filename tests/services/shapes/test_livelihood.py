"""A plan of one phase across New Year, each measure with dates of its own: loaded, lived through, judged, kept."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from adapters import clock as the_clock
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from deploy.cli.root import duban
from models.acceptance.dossier import VerdictInput, dossiers
from models.acceptance.verdict import VerdictOutcome
from models.assignments.light import Light
from models.assignments.objection import About
from models.common.errors import RefusedError
from models.common.event import Actor
from models.common.kinds import PhaseKind, UnitKind
from models.phases.gate import Via
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import body_of
from models.score import scores
from services import acceptance, phases, plans
from services.scope import Scope, by_program
from tests.conftest import TINY, Clock
from tests.support.scenes import scene
from tests.support.story import Story, Told, moment

FOLDER = TINY.parent / "livelihood"
PARK, BRIDGE_BEGUN, BRIDGE_DONE = (
    "2022-2023/delivery/M1.1/build",
    "2022-11/delivery/M1.2/build",
    "2023-01/delivery/M1.2/build",
)
MAINS, REGISTER, REPORT = "2022Q4/delivery/M1.3/build", "2022-2023/delivery/M1.6/build", "2022Q4/report/water"
TESTS = [f"{month}/delivery/M1.4/build" for month in ("2022-11", "2022-12", "2023-01", "2023-02")]
UPKEEP = [f"{month}/delivery/M1.5/build" for month in ("2022-11", "2022-12", "2023-01", "2023-02")]
ALL = [PARK, BRIDGE_BEGUN, BRIDGE_DONE, MAINS, *TESTS, *UPKEEP, REGISTER, REPORT]


@scene
def livelihood(database: Engine) -> str:
    """The plan, loaded."""
    return plans.load(read_plan(FOLDER), actor=Actor("test"), at=moment("2022-10-28")).code


@pytest.fixture
def push(livelihood: str, clock: Clock) -> Story:
    """The phase was started on its day, and everything is signed for."""
    story = Story(livelihood, clock.set)
    story.at("2022-11-01")
    assert story.open("攻坚").issued == len(ALL)
    story.sign(*ALL)
    story.deliver()
    story.told()
    return story


def done(*arguments: str) -> str:
    ended = CliRunner().invoke(duban, [*arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output


def reminder(ref: str) -> Told:
    return ("build", "reminder", ref)


def overdue(ref: str) -> list[Told]:
    return [("build", "red overdue", ref), ("office", "red overdue", ref)]


def test_exactly_these_reminders_come_on_these_days(push: Story) -> None:
    """Nobody hands in anything: five days before each date, two working days after it, and what is open-ended never."""
    told = push.patrol_daily("2022-11-02", "2023-03-08")
    of_delivery = {day: [one for one in news if "/delivery/" in one[2]] for day, news in told.items()}
    assert {day: news for day, news in of_delivery.items() if news} == {
        # Five days before the 25th is a Sunday: the reminder comes on the Friday.
        "2022-11-18": [reminder(UPKEEP[0])],
        "2022-11-25": [reminder(BRIDGE_BEGUN)],
        "2022-11-30": [reminder(TESTS[0])],
        "2022-12-02": overdue(BRIDGE_BEGUN),
        "2022-12-07": overdue(TESTS[0]),
        "2022-12-15": [reminder(MAINS)],
        # The 25th of December is a Sunday: that report is due on the Monday.
        "2022-12-21": [reminder(UPKEEP[1])],
        "2022-12-22": overdue(MAINS),
        "2022-12-23": [reminder(PARK)],
        "2022-12-30": [reminder(TESTS[1])],
        "2023-01-04": overdue(PARK),
        "2023-01-09": overdue(TESTS[1]),
        # Spring Festival: what is due on the 25th and the 31st is reminded of before it.
        "2023-01-20": [reminder(BRIDGE_DONE), reminder(UPKEEP[2])],
        "2023-02-01": [reminder(TESTS[2])],
        "2023-02-02": overdue(BRIDGE_DONE),
        "2023-02-08": overdue(TESTS[2]),
        "2023-02-22": [reminder(UPKEEP[3])],  # the 25th is a Saturday
        "2023-02-23": [reminder(REGISTER)],
        "2023-03-01": [reminder(TESTS[3])],
        "2023-03-02": overdue(REGISTER),
        "2023-03-08": overdue(TESTS[3]),
    }
    # The report follows the plan's ladder, and its date, the 31st, moves to the day before that is worked.
    assert push.row(REPORT).due_on.isoformat() == "2022-12-30"
    assert ("water", "reminder", REPORT) in told["2022-11-30"]
    assert any(one[:2] == ("leader", "red overdue") for news in told.values() for one in news)
    assert json.loads(done("audit", "--plan", "livelihood", "--json"))["problems"] == []


def test_what_has_no_end_is_neither_late_nor_a_merit(push: Story) -> None:
    first, second, third = UPKEEP[:3]
    assert [push.light(first, day) for day in ("2022-11-21", "2022-11-23", "2022-11-25", "2022-11-26")] == [
        *(Light.OFF, Light.BLUE, Light.BLUE, Light.OFF)
    ]
    push.at("2022-12-09")
    push.submit(first)
    push.accept(first, unit="office")
    assert not push.row(first).late
    assert push.light(first, "2022-12-10") is Light.GREEN
    push.submit(second)
    push.send_back(second)
    assert push.light(second, "2022-12-10") is Light.YELLOW  # it waits for the unit
    push.at("2023-02-10")
    with pytest.raises(RefusedError):
        push.object(third, About.LIGHT)
    with transaction() as session:
        plan = plan_of(session, "livelihood")
        (build, water) = sorted(
            scores(session, plan, moment("2022-11-01").date(), moment("2023-02-10").date()),
            key=lambda one: one.unit.code,
        )
    assert (build.unit.code, water.unit.code) == ("build", "water")
    # Park, bridge twice, mains and three water tests: overdue, and no report on what has no end among them.
    assert (build.items, build.points) == (7, 0)


def test_a_newer_plan_leaves_what_was_issued_its_ladder(push: Story, tmp_path: Path) -> None:
    def ladders() -> dict[str, int | None]:
        with transaction() as session:
            return {one.ref: one.ladder_id for one in session.scalars(select(Requirement))}

    before = ladders()
    assert before["2022Q4/report"] is None
    assert before["2022-12/delivery/M1.5"] not in {None, before["2022-2023/delivery/M1.1"]}
    document = read_plan(FOLDER)
    for file in FOLDER.iterdir():
        text = file.read_text("utf-8").replace("offset: -5", "offset: -9").replace("day: 25", "day: 26")
        (tmp_path / file.name).write_text(text, "utf-8")
    changed = read_plan(tmp_path)
    assert changed != document
    plans.load(changed, actor=Actor("test"), at=the_clock.now(), agreed=plans.check(changed))
    assert ladders() == before
    told = push.patrol_daily("2022-11-14", "2022-11-18")
    assert told == {"2022-11-18": [reminder(UPKEEP[0])]}


def test_it_is_judged_in_its_last_phase_and_after_it(push: Story) -> None:
    push.at("2022-12-20")
    push.submit(MAINS)
    push.accept(MAINS, unit="office")
    with transaction() as session:
        plan = plan_of(session, "livelihood")
        found = {one.code: one for one in dossiers(session, plan, moment("2022-12-20").date())}
        office = body_of(session, plan.id, UnitKind.OFFICE).id
    # There is no self-check in this plan: what was asked counts, and of this measure all is accepted.
    assert (found["M1.3"].counts.asked, found["M1.3"].counts.accepted) == (1, 1)
    assert [one.template for one in found["M1.3"].reasons] == ["no file was handed in as evidence for {code}"]
    scope = Scope("livelihood", Actor("王五", office), the_clock.now())
    condition = VerdictInput(VerdictOutcome.CONDITIONAL, "补材料", until=moment("2023-01-20").date())
    acceptance.give_verdict(scope, ["M1.2"], condition, via=Via.COMMAND)
    rectified = "2022-2023/rectify/1/build"
    assert push.row(rectified).due_on.isoformat() == "2023-01-20"
    push.at("2023-03-10")
    push.answer("攻坚", "close", override="转入常态")
    with transaction() as session:
        phase = session.scalars(select(Phase)).one()
        assert (phase.status, phase.kind) == (PhaseStatus.CLOSED, PhaseKind.IMPLEMENTATION)
    after = Scope("livelihood", Actor("王五", office), the_clock.now())
    accepted = VerdictInput(VerdictOutcome.ACCEPT, "符合要求", override_reason="现场查看")
    acceptance.give_verdict(after, ["M1.3"], accepted, via=Via.COMMAND)
    later = VerdictInput(VerdictOutcome.CONDITIONAL, "补材料", until=moment("2023-04-20").date())
    with pytest.raises(RefusedError, match="the phase 攻坚 is closed"):
        acceptance.give_verdict(after, ["M1.1"], later, via=Via.COMMAND)


def test_the_archive_holds_its_ladders_and_verifies(push: Story, tmp_path: Path) -> None:
    push.patrol_daily("2022-11-14", "2022-12-02")
    target = tmp_path / "archive.zip"
    done("archive", "livelihood", "--output", str(target))
    with ZipFile(target) as archive:
        names = archive.namelist()
        ladder = next(name for name in names if name.endswith("ladder.csv"))
        rows = archive.read(ladder).decode("utf-8-sig")
        requirement = archive.read(next(name for name in names if name.endswith("requirement.csv"))).decode("utf-8-sig")
    assert "due-5" in rows
    assert "over-2" in rows
    assert "open_ended" in requirement


def test_a_flow_of_another_kind_opens_nothing(livelihood: str, clock: Clock) -> None:
    """The watchdog looks for a phase's run among those of its kind: one of another would not be found again."""
    clock.set(moment("2022-11-01"))
    with pytest.raises(RefusedError, match="started with the flow implementation"):
        phases.open_phase(by_program(livelihood), ("攻坚", None), PhaseKind.ACCEPTANCE)
    assert phases.open_phase(by_program(livelihood), ("implementation", None), PhaseKind.IMPLEMENTATION).is_new
