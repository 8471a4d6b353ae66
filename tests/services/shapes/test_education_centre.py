"""The education plan in small, two of its phases and three of its areas, changed while its work runs."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adapters.plan_files.reader import read_plan
from models.assignments.light import Light
from models.changes.change_set import Touch
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor
from models.common.kinds import Scope as AskedAt
from models.common.kinds import UnitKind
from models.common.status import Status
from models.common.text import Text
from models.plan.document import MeasureEntry, PlanDocument, RequirementEntry
from services import plans
from tests.conftest import REAL, Clock
from tests.services.shapes.changed_course import (
    Course,
    area,
    one_more_measure,
    one_more_requirement,
    one_more_unit,
    requirement,
    split,
)
from tests.services.shapes.whole_plan import archived, asked, audit_problems, issued, judge, judged, owed, settle_all
from tests.support.scenes import scene
from tests.support.story import Story, moment

WORK, CHECK = "implementation", "acceptance"
AREAS = ("T1", "S2", "S4")
PHASES = {(WORK, "2023"), (CHECK, "2025")}
PERIODS = ("2023", "2023Q2", "2023Q3", "2023Q4", "2025")
ASKED = ("taskbook", "progress", "delivery", "self-check")
LONGSHA = "2023/delivery/T1.1/longsha"
LATE = "2023Q2/progress/fuyu"


def in_small(document: PlanDocument) -> PlanDocument:
    asked_for = (
        dataclasses.replace(one, due={period: day for period, day in one.due.items() if period in PERIODS})
        for one in document.requirements
        if one.code in ASKED
    )
    return dataclasses.replace(
        document,
        areas=tuple(one for one in document.areas if one.code in AREAS),
        declared=tuple(one for one in document.declared if one.area in AREAS),
        indicators=(),
        phases=tuple(one for one in document.phases if (one.code, one.period) in PHASES),
        requirements=tuple(one for one in asked_for if one.due),
    )


@scene
def education(database: Engine) -> str:
    """Part of the plan, loaded."""
    return plans.load(in_small(read_plan(REAL)), actor=Actor("test"), at=moment("2022-12-28")).code


@pytest.fixture
def year(education: str, clock: Clock) -> Story:
    """2023 is open and told."""
    story = Story(education, clock.set)
    story.at("2023-01-03")
    # A task book of sixteen counties and four leads, three reports of forty units, five measures and two safeguards.
    assert story.open(WORK).issued == 20 + 3 * 40 + 5 * 25 + 17 + 18
    story.deliver()
    story.told()
    return story


def test_changed_in_mid_course_in_each_of_the_ways_accepted_and_kept(year: Story, tmp_path: Path) -> None:
    course = Course(year)
    _add(year, course)
    _move(year, course)
    _let_another_lead(year, course)
    _change_units(year, course)
    year.at("2023-08-07")
    ended = course.change(withdrawn=("T1.4", "taskbook"))
    assert {one.ref.split("/")[1] for one in ended.touched} == {"delivery", "taskbook"}
    assert course.change(requirement("delivery", why=Text("年底核实", "Checked in December"))).touched == ()
    reworded = course.change(requirement("progress", proof=Text("报告", "The report")), open_items_too=True)
    assert {one.what for one in reworded.touched} == {Touch.REWORDED}

    year.at("2023-12-11")
    settle_all(year, owed(year))
    assert not year.answer(WORK, "close").refused
    year.at("2025-01-02")
    opened = year.open(CHECK).issued
    checks = [ref for ref in issued(year) if ref.startswith("2025/")]
    assert (len(checks), len([ref for ref in checks if "/T1.4/" in ref])) == (opened, 0)
    year.at("2025-09-01")
    settle_all(year, checks)
    assert judged(year) == ["T1.1", "T1.2", "T1.3", "T1.5", "T1.6", "S2", "S4"]
    judge(year, judged(year), override="现场核实")
    year.answer(CHECK, "close")
    assert archived(year, tmp_path)
    assert audit_problems(year) == []


def _add(year: Story, course: Course) -> None:
    """A measure, a county and a requirement more."""
    year.at("2023-03-01")
    tests = MeasureEntry("T1.6", Text("学业监测", "Monitoring"), Text("监测报告", "The report"), "补充通知")
    visit = RequirementEntry(
        "visit",
        WORK,
        AskedAt.PLAN,
        ("counties",),
        {"2023": dt.date(2023, 9, 15)},
        Text("接受督导", "Be inspected"),
        Text("核实进度", "To see how things stand"),
        Text("督导记录", "The record"),
    )
    added = course.change(
        one_more_unit("zone", "高新区", "counties", "all", kind=UnitKind.COUNTY),
        one_more_measure("T1", tests),
        one_more_requirement(visit),
    )
    refs = {one.ref for one in added.touched}
    assert {one.what for one in added.touched} == {Touch.ISSUED}
    assert {ref for ref in refs if ref.endswith("/zone")} == {
        *(f"2023/delivery/{item}/zone" for item in ("T1.1", "T1.2", "T1.3", "T1.4", "T1.5", "T1.6", "S2", "S4")),
        *(f"2023Q{quarter}/progress/zone" for quarter in (2, 3, 4)),
        "2023/visit/zone",
    }
    assert len([ref for ref in refs if "/T1.6/" in ref]) == 26
    assert added.passed == ("2023/taskbook/zone",)


def _move(year: Story, course: Course) -> None:
    """A date for all before it passed, for two counties, and of one item that was late."""
    year.at("2023-04-03")
    assert len(course.change(moves={"2023/delivery": "2023-12-15"}).touched) == 5 * 26 + 26 + 18 + 19
    some = {f"2023Q3/progress/{unit}": "2023-10-20" for unit in ("longsha", "nehe")}
    assert {one.ref for one in course.change(moves=some).touched} == some.keys()
    year.at("2023-06-26")
    quarter = [ref for ref in issued(year) if ref.startswith("2023Q2/") and ref != LATE]
    settle_all(year, [*quarter, *(ref for ref in issued(year) if "/taskbook/" in ref and not ref.endswith("/fuyu"))])
    year.patrol_daily("2023-06-30", "2023-07-05")
    course.change(moves={LATE: "2023-07-21"})
    assert [year.light(LATE, day) is Light.RED for day in ("2023-07-04", "2023-07-05")] == [True, False]


def _let_another_lead(year: Story, course: Course) -> None:
    """The personnel department leads instead of the education bureau, which goes on as one of the responsible."""
    year.at("2023-07-10")
    year.submit(LONGSHA)
    others = ("edu", "party-office", "publicity", "staffing", "gov-office", "reform", "finance", "hr", "counties")
    done = course.change(area("T1", lead="org", responsible=others))
    assert {one.what for one in done.touched if one.ref == LONGSHA} == {Touch.REVIEWER_MOVED}
    assert {"org": "office", "edu": "org", "longsha": "org"}.items() <= asked(year, "delivery")["T1.1"].items()
    with pytest.raises(RefusedError, match="reviewed by org"):
        year.accept(LONGSHA, unit="edu")
    year.accept(LONGSHA, unit="org")


def _change_units(year: Story, course: Course) -> None:
    """One merged into a unit that owes the same, by its name; one split, one closed, one renamed."""
    year.at("2023-07-17")
    with pytest.raises(BlockedError, match="publicity leads S4"):
        course.change(successors={"市委宣传部": ()})
    course.change(
        successors={"市委编办": ("市委组织部",)}, renamed={"市体育局": Text("市文体局", "Sports and Culture")}
    )
    assert year.row("2023/delivery/T1.1/staffing").status is Status.WAIVED
    done = course.change(
        split("jianhua", jianbei="建北区", jiannan="建南区"), successors={"jianhua": ("jianbei", "jiannan")}
    )
    handed = {one.ref for one in done.touched if one.what is Touch.ISSUED}
    assert {f"2023/delivery/T1.1/{unit}" for unit in ("jianbei", "jiannan")} <= handed
    assert year.row("2023/delivery/T1.1/jianbei").due_on == dt.date(2023, 12, 15)
    assert {one.unit for one in course.change(successors={"women": ()}).touched} == {"women"}
