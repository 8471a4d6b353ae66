"""A county's livelihood table, from its launch to the archive: eleven rows, no leads, dates by row, four reports."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adapters.plan_files.reader import read_plan
from models.acceptance.verdict import VerdictOutcome
from models.assignments.light import Light
from models.common.event import Actor
from models.common.status import Status
from models.loading import content_of
from models.plan.content import document_of
from models.preview import asked_of, preview
from services import plans
from tests.conftest import TINY, Clock
from tests.services.shapes.whole_plan import (
    archived,
    asked,
    audit_problems,
    done,
    issued,
    judge,
    missing,
    on_the_days,
    prove,
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
