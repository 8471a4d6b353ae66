"""A county's livelihood table, from its launch to the archive: eleven rows, no leads, dates by row, four reports."""

import datetime as dt
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adapters.plan_files.reader import read_plan
from models.acceptance.verdict import VerdictOutcome
from models.assignments.light import Light
from models.changes.change_set import Touch
from models.common.errors import RefusedError
from models.common.event import Actor
from models.common.kinds import Scope as AskedAt
from models.common.status import Status
from models.common.text import Text
from models.loading import content_of
from models.plan.content import document_of
from models.plan.document import MeasureDue, MeasureEntry, RequirementEntry
from models.preview import asked_of, preview
from services import plans
from tests.conftest import TINY, Clock
from tests.services.shapes.changed_course import (
    Course,
    measure,
    one_more_measure,
    one_more_requirement,
    one_more_unit,
    requirement,
    split,
)
from tests.services.shapes.whole_plan import (
    archived,
    asked,
    audit_problems,
    done,
    issued,
    judge,
    judged,
    missing,
    on_the_days,
    owed,
    prove,
    settle_all,
)
from tests.support.scenes import scene
from tests.support.story import Story, moment

FOLDER = TINY.parent / "county-livelihood"
YEAR, CHECK = "督办", "验收"
UNITS = ("agency", "build", "civil", "commerce", "culture", "disabled", "edu", "river", "service", "water")
# Each row of the table with its units and its date, by hand; the 31st of December is a Saturday.
END = "2016-12-30"
ROWS = {
    "M1.1": ("2016", ("build", "river", "water"), END),
    "M1.2": ("2016-09", ("build",), "2016-09-30"),
    "M1.3": ("2016", ("agency", "culture"), END),
    "M1.4": ("2016-05", ("disabled",), "2016-05-31"),
    "M1.5": ("2016-05", ("civil",), "2016-05-31"),
    "M1.5b": ("2016", ("civil",), END),
    "M1.6": ("2016", ("agency", "service"), END),
    "M1.7": ("2016", ("water",), END),
    "M1.8": ("2016", ("agency", "edu"), END),
    "M1.9": ("2016", ("build",), END),
    "M1.10": ("2016", ("commerce",), END),
}
DELIVERIES = {f"{period}/delivery/{row}/{unit}": due for row, (period, units, due) in ROWS.items() for unit in units}
# By the 20th of each quarter's last month; the 20th of March is a Sunday.
REPORT_DAYS = {"2016Q1": "2016-03-18", "2016Q2": "2016-06-20", "2016Q3": "2016-09-20", "2016Q4": "2016-12-20"}
REPORTS = {f"{quarter}/report/{unit}": due for quarter, due in REPORT_DAYS.items() for unit in UNITS}
LIAISONS = {f"2016/liaison/{unit}": "2016-03-11" for unit in UNITS}
CHECKS = [f"2017/self-check/{row}/{unit}" for row, (_, units, _) in ROWS.items() for unit in units]
LATE = "2016-05/delivery/M1.4/disabled"
HOME = "2016-05/delivery/M1.5/civil"


@scene
def county(database: Engine) -> str:
    """The plan, loaded."""
    return plans.load(read_plan(FOLDER), actor=Actor("test"), at=moment("2016-02-26")).code


@pytest.fixture
def year(county: str, clock: Clock) -> Story:
    """The year was opened on its day, and everything is signed for."""
    story = Story(county, clock.set)
    story.at("2016-03-01")
    assert story.open(YEAR).issued == len(LIAISONS) + len(REPORTS) + len(DELIVERIES)
    story.deliver()
    assert story.told() == [(unit, "issued", YEAR) for unit in UNITS]
    story.sign(*issued(story))
    return story


def test_the_check_is_sound_and_the_preview_counts_what_was_counted_by_hand() -> None:
    document = read_plan(FOLDER)
    assert len([one for area in document.areas for one in area.measures]) == len(ROWS) == 11
    assert content_of(document_of(content_of(document))) == content_of(document)
    known = preview(document)
    # The units of the rows: 3+1+2+1+1+1+2+1+2+1+1 = 16. Ten units are told, and each of them reports four times.
    assert dict(known.by_requirement) == {"liaison": 10, "report": 40, "delivery": 16, "self-check": 16}
    assert (dict(known.by_phase), known.total) == ({YEAR: 66, CHECK: 16}, 82)
    assert {month: count for month, count in known.monthly().items() if count} == {
        "2016-03": 20,
        "2016-05": 2,
        "2016-06": 10,
        "2016-09": 11,
        "2016-12": 23,
        "2017-02": 16,
    }
    assert {str(one.planned_on): (str(one.due.on), one.count) for one in known.moved} == {
        "2016-03-20": ("2016-03-18", 10),
        "2016-12-31": ("2016-12-30", 13),
    }
    assert (known.outside, known.of_nobody, known.unasked, known.collisions) == ((), (), (), ())
    titles = {one.title.zh for one in asked_of(document, requirement="delivery")}
    assert titles == {"完成情况", "完成情况：动工", "完成情况：投用"}
    assert "无误" in done("plan", "check", str(FOLDER))
    assert json.loads(done("plan", "preview", str(FOLDER), "--json"))["total"] == 82


def test_exactly_these_units_are_asked_by_these_dates_and_answer_to_the_office(year: Story) -> None:
    assert issued(year) == LIAISONS | REPORTS | DELIVERIES
    assert asked(year, "delivery") == {row: dict.fromkeys(units, "office") for row, (_, units, _) in ROWS.items()}
    letter = year.letter("civil")
    assert "老年养护楼" in letter
    assert "动工" in letter
    assert "老年大学" in letter
    assert "县住建局" not in letter


def test_reports_are_reminded_of_and_what_is_late_climbs_the_ladder(year: Story) -> None:
    mine = [ref for ref in REPORTS if ref.endswith("/water")]
    year.only(*mine, LATE, HOME)
    told = year.patrol_daily("2016-03-02", "2016-03-18")
    year.settle(mine[0])
    told |= year.patrol_daily("2016-04-25", "2016-05-16")
    year.settle(HOME)
    told |= year.patrol_daily("2016-05-17", "2016-06-20")
    assert on_the_days(told, mine[0]) == [
        ("2016-03-11", "water", "reminder"),
        ("2016-03-15", "water", "blue reminder"),
        ("2016-03-17", "water", "reminder"),
        ("2016-03-18", "water", "reminder"),
        ("2016-04-25", "water", "accepted"),
    ]
    assert on_the_days(told, mine[1]) == [
        ("2016-05-20", "water", "reminder"),  # thirty days before is a Saturday
        ("2016-06-13", "water", "reminder"),
        ("2016-06-17", "water", "blue reminder"),  # the day before is a Sunday: both in one
        ("2016-06-20", "water", "reminder"),
    ]
    assert on_the_days(told, HOME) == [
        ("2016-04-29", "civil", "reminder"),  # thirty days before is May Day
        ("2016-05-17", "civil", "accepted"),
    ]
    assert on_the_days(told, LATE) == [
        ("2016-04-29", "disabled", "reminder"),
        ("2016-05-24", "disabled", "reminder"),
        ("2016-05-27", "disabled", "blue reminder"),
        ("2016-05-30", "disabled", "reminder"),
        ("2016-05-31", "disabled", "reminder"),
        # One, three and ten working days after it, and again each week and every two weeks; the 12th is worked.
        ("2016-06-01", "disabled", "red overdue"),
        ("2016-06-03", "office", "red overdue"),
        ("2016-06-08", "disabled", "red overdue"),
        ("2016-06-15", "leader", "red overdue"),
        ("2016-06-16", "disabled", "red overdue"),
        ("2016-06-20", "office", "red overdue"),
    ]
    assert [year.light(LATE, day) for day in ("2016-05-20", "2016-05-31", "2016-06-01")] == [
        *(Light.OFF, Light.BLUE, Light.RED)
    ]
    assert audit_problems(year) == []


def test_from_the_first_hand_in_to_the_archive(year: Story, tmp_path: Path) -> None:
    year.settle(*LIAISONS)
    year.settle(*(ref for ref in REPORTS if ref.startswith("2016Q1")))
    # Three units stand in the first row: each hands in its own part, and none waits for another.
    park = [ref for ref in DELIVERIES if "/M1.1/" in ref]
    year.at("2016-06-01")
    prove(year, [HOME, *park[:2]], tmp_path)
    assert (year.row(park[0]).status, year.row(park[2]).status) == (Status.ACCEPTED, Status.ACKNOWLEDGED)
    # What is late goes up to the head of the group, is sent back once, and is made good.
    told = year.patrol_daily("2016-06-02", "2016-06-15")
    assert ("2016-06-15", "leader", "red overdue") in on_the_days(told, LATE)
    year.submit(LATE)
    year.send_back(LATE)
    assert year.light(LATE, "2016-06-15") is Light.YELLOW  # it has a new date, five working days on
    prove(year, [LATE], tmp_path)
    assert (year.row(LATE).status, year.row(LATE).late) == (Status.ACCEPTED, True)
    year.at("2016-12-20")
    year.settle(*(ref for ref in REPORTS if not ref.startswith("2016Q1")))
    prove(year, sorted(DELIVERIES.keys() - {LATE, HOME, *park[:2]}), tmp_path)
    assert not year.answer(YEAR, "close").refused

    year.at("2017-01-03")
    assert year.open(CHECK).issued == len(CHECKS) == 16
    assert {issued(year)[ref] for ref in CHECKS} == {"2017-02-28"}
    # Judged in the order of the table, the second half of the fifth row after its first.
    assert [*missing(year)] == [*ROWS, "I01", "I02", "I03", "I04"]
    year.at("2017-02-20")
    prove(year, CHECKS, tmp_path)
    year.deliver()
    # Each row has its proof; what is missing now are the figures of the four targets.
    figures = ["there is no figure for the target {code}"]
    rest = {"M1.2": figures, "M1.8": figures, "M1.9": figures, "M1.10": figures}
    assert missing(year) == rest | dict.fromkeys(("I01", "I02", "I03", "I04"), figures)
    proven = [row for row in ROWS if row not in rest]
    assert {one.outcome for one in judge(year, proven)} == {VerdictOutcome.ACCEPT}
    judge(year, [*rest, "I01", "I02", "I03", "I04"], override="现场核实")
    year.answer(CHECK, "close")
    year.patrol("2017-03-31")
    names = archived(year, tmp_path)
    assert len([name for name in names if name.startswith("originals/")]) == len(DELIVERIES) + len(CHECKS) == 32
    assert audit_problems(year) == []


def test_changed_in_mid_course_in_each_of_the_ways_accepted_and_kept(year: Story, tmp_path: Path) -> None:
    course = Course(year)
    _add(year, course)
    _move(year, course)
    _let_lead(year, course)
    _change_units(year, course)
    # Withdrawn, and worded otherwise: from now on, and for what is open as well.
    year.at("2016-06-21")
    ended = course.change(withdrawn=("M1.9", "visit"))
    assert {one.ref.split("/")[1] for one in ended.touched} == {"delivery", "visit"}
    assert course.change(requirement("report", why=Text("按季跟踪", "按季跟踪"))).touched == ()
    reworded = course.change(requirement("report", proof=Text("书面报告和照片", "书面报告和照片")), open_items_too=True)
    assert {one.what for one in reworded.touched} == {Touch.REWORDED}
    year.patrol_daily("2016-06-22", "2016-07-01")
    assert audit_problems(year) == []

    year.at("2016-12-20")
    settle_all(year, owed(year))
    assert not year.answer(YEAR, "close").refused
    year.at("2017-01-03")
    # Sixteen before; one less with the row that ended, one more with the unit that was split, two with the new row.
    assert year.open(CHECK).issued == 18
    year.at("2017-02-20")
    checks = [ref for ref in issued(year) if ref.startswith("2017/")]
    prove(year, [ref for ref in checks if "/M1.11/" in ref], tmp_path)
    settle_all(year, owed(year))
    assert [*judged(year)] == [*(row for row in ROWS if row != "M1.9"), "M1.11", "I01", "I02", "I03", "I04"]
    judge(year, judged(year), override="现场核实")
    year.answer(CHECK, "close")
    year.patrol("2017-03-31")
    assert archived(year, tmp_path)
    assert audit_problems(year) == []


def _add(year: Story, course: Course) -> None:
    """A row, a unit and a requirement more: what has passed is asked of nobody."""
    year.at("2016-04-05")
    track = MeasureEntry(
        "M1.11",
        Text("健身步道", "健身步道"),
        Text("竣工资料", "竣工资料"),
        "通知",
        due=MeasureDue(day=dt.date(2016, 10, 31)),
        responsible=("culture", "fire"),
    )
    visit = RequirementEntry(
        "visit",
        YEAR,
        AskedAt.PLAN,
        ("all",),
        {"2016": dt.date(2016, 7, 15)},
        Text("接受走访", "接受走访"),
        Text("核实进度", "核实进度"),
        Text("走访记录", "走访记录"),
    )
    edits = (one_more_unit("fire", "县消防大队", "all"), one_more_measure("M1", track), one_more_requirement(visit))
    added = course.change(*edits)
    assert {one.what for one in added.touched} == {Touch.ISSUED}
    assert {one.ref for one in added.touched} == {
        *(f"2016/visit/{unit}" for unit in (*UNITS, "fire")),
        *(f"2016/delivery/M1.11/{unit}" for unit in ("culture", "fire")),
        *(f"2016Q{quarter}/report/fire" for quarter in (2, 3, 4)),
    }
    assert set(added.passed) == {"2016/liaison/fire", "2016Q1/report/fire"}
    year.sign(*(one.ref for one in added.touched))


def _move(year: Story, course: Course) -> None:
    """A date for all, for some units, and of one item when it had passed: the days on which it was late stay red."""
    year.at("2016-04-12")
    for_all = course.change(moves={"2016Q2/report": "2016-06-24"})
    assert {one.ref for one in for_all.touched} == {f"2016Q2/report/{unit}" for unit in (*UNITS, "fire")}
    some = {f"2016Q3/report/{unit}": "2016-09-26" for unit in ("civil", "edu")}
    assert {one.ref for one in course.change(moves=some).touched} == some.keys()
    year.settle(HOME)
    year.patrol_daily("2016-05-30", "2016-06-07")
    course.change(moves={LATE: "2016-06-30"})
    assert [year.light(LATE, day) for day in ("2016-06-06", "2016-06-07")] == [Light.RED, Light.OFF]
    assert year.row(LATE).planned_due_on == dt.date(2016, 5, 31)
    assert year.row(f"2016Q2/report/{UNITS[0]}").due_on == dt.date(2016, 6, 24)


def _let_lead(year: Story, course: Course) -> None:
    """Nobody led the first row; the water bureau does, and reviews what waits for the office."""
    year.at("2016-06-08")
    build = "2016/delivery/M1.1/build"
    year.submit(build)
    both = ("lead", "responsible")
    course.change(
        measure("M1.1", lead="water", responsible=("build", "river")),
        requirement("delivery", audience=both),
        requirement("self-check", audience=both),
    )
    assert asked(year, "delivery")["M1.1"] == {"build": "water", "river": "water", "water": "office"}
    with pytest.raises(RefusedError, match="reviewed by water"):
        year.accept(build, unit="office")
    year.accept(build, unit="water")


def _change_units(year: Story, course: Course) -> None:
    """One is merged into another, by their names, one renamed, one split, one closed."""
    year.at("2016-06-14")
    named = Text("县行政审批局", "县行政审批局")
    merged = course.change(successors={"县代建中心": ("县住建局",)}, renamed={"县政务中心": named})
    handed = {one.ref for one in merged.touched if one.what is Touch.ISSUED}
    assert handed == {f"2016/delivery/{row}/build" for row in ("M1.3", "M1.6", "M1.8")}
    assert {one.ref for one in merged.touched if one.what is Touch.RENAMED} == {"service"}
    assert year.row("2016/delivery/M1.6/agency").status is Status.WAIVED
    assert "县行政审批局" in done("units", "--plan", year.plan)
    parts = {"culture": ("arts", "sport")}
    divided = course.change(split("culture", arts="县文化局", sport="县体育局"), successors=parts)
    assert {one.ref for one in divided.touched if one.what is Touch.ISSUED} >= {
        f"2016/delivery/{row}/{unit}" for row in ("M1.3", "M1.11") for unit in parts["culture"]
    }
    closed = course.change(successors={"fire": ()})
    assert {one.unit for one in closed.touched} == {"fire"}
