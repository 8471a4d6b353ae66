"""A city's talent programme of five years, from launch to archive: 44 items, nearly each with its own units."""

import datetime as dt
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adapters import clock as the_clock
from adapters.database.sessions import read_session
from adapters.plan_files.reader import read_plan
from adapters.settings import settings
from models.acceptance.verdict import VerdictOutcome
from models.assignments.light import Light
from models.changes.change_set import Touch
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor
from models.common.kinds import Scope as AskedAt
from models.common.kinds import UnitKind
from models.common.status import Status
from models.common.text import Text
from models.loading import content_of
from models.plan.content import document_of
from models.plan.document import MeasureEntry, RequirementEntry
from models.plan.plan import plan_of
from models.preview import preview
from models.queries.board import board
from models.queries.queues.unsettled import settled_parties, unsettled_parties
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

FOLDER = TINY.parent / "talent-programme"
# By hand from the plan: the number of each item, its lead, and its units. D: all districts; L: all that lead a project
# (items 2 to 39); U: units, and V: districts, that the plan does not name; Y: asked each year.
ITEMS = """
2 reform: org hr D | 3 org: assets | 4 trade: hr merchants D | 5 hr: edu D | 6 banking: reform hr D | 7 hr: D
8 hr: registry banking youth D | 9 org: science hr | 10 org: U | 11 hr: D | 12 hr: D | 13 science: D Y
14 edu: hr assets | 15 sci-assoc: reform science assets trade | 16 org: D | 17 urban: D | 18 hr: org D
19 farming: sci-assoc V | 20 publicity: U D | 21 culture: U D | 22 sports: hr D | 23 edu: hr D | 24 health: hr D
25 civil: hr D Y | 26 law: court procuracy police justice legal D | 27 youth: hr | 28 returnees: U D | 29 hr:
30 hr: U D | 31 org: reform hr science edu D | 32 returnees: U D | 33 org: science hr returnees | 34 hr: U D
35 org: science hr finance east | 36 org: hr science V | 37 hr: org U D | 38 housing: planning land D
39 hr: org U D | 40 org: staffing hr U D | 41 finance: org U D | 42 org: U D | 43 org: L D | 44 org: L D
45 org: publicity U D
"""
DISTRICTS = {"east", "west", "south", "north", "upper", "lower"}


def _items() -> dict[str, tuple[str, set[str], set[str]]]:
    """By code: the lead, the units that are known, and the marks."""
    found = {}
    rows = [one.split(":") for one in ITEMS.replace("\n", "|").split("|") if one.strip()]
    leads = {head.split()[1] for head, _ in rows if int(head.split()[0]) < 40}
    for head, words in rows:
        number, lead = head.split()
        marks = {one for one in words.split() if one.isupper()}
        units = set(words.split()) - marks
        units |= (DISTRICTS if "D" in marks else set()) | (leads if "L" in marks else set())
        found[f"P{number}"] = (lead, units - {lead}, marks)
    return found


BY_CODE = _items()
LEADS = {lead for code, (lead, _, _) in BY_CODE.items() if int(code[1:]) < 40}
YEARS = {"2012": "2012-12-20", "2013": "2013-12-20", "2014": "2014-12-19", "2015": "2015-12-18", "2016": "2016-12-20"}
END = "2016-12-30"  # the 31st is a Saturday
OF_COURT = "2012-2016/delivery/P26/court"
OF_LAW = "2012-2016/delivery/P26/law"


@scene
def talents(database: Engine) -> str:
    """The plan, loaded."""
    return plans.load(read_plan(FOLDER), actor=Actor("test"), at=moment("2012-08-31")).code


@scene
def talents_begun(talents: str) -> str:
    """Both phases that overlap are open, and everybody was told."""
    clock_file = settings().clock_file
    assert clock_file is not None
    story = Story(talents, Clock(clock_file).set)
    story.at("2012-09-03")
    assert story.open("launch").issued == 37 + 19 + 6
    story.deliver()
    story.at("2012-11-01")
    assert story.open("实施").issued == 390 + 125
    story.deliver()
    return talents


@pytest.fixture
def begun(talents_begun: str, clock: Clock) -> Story:
    story = Story(talents_begun, clock.set)
    story.at("2012-11-01")
    story.told()
    return story


def waiting_for(story: Story) -> dict[str, tuple[str, int]]:
    """Of each item with a party that is not known: its words, and how much waits for it in open phases."""
    with read_session() as session:
        plan = plan_of(session, story.plan)
        found = unsettled_parties(session, plan, plan.day_of(the_clock.now()))
        return {one.item_code: (one.words, one.waiting) for one in found}


def areas_on_the_board(story: Story) -> list[str]:
    with read_session() as session:
        plan = plan_of(session, story.plan)
        return [one.code for one in board(session, plan, plan.day_of(the_clock.now())).areas]


def test_the_check_is_sound_and_the_preview_counts_what_was_counted_by_hand() -> None:
    document = read_plan(FOLDER)
    measures = [one for area in document.areas for one in area.measures]
    assert [one.code for one in measures] == [*BY_CODE] == [f"P{number}" for number in range(2, 46)]
    assert len({(lead, frozenset(units), *sorted(marks - {"Y"})) for lead, units, marks in BY_CODE.values()}) == 38
    assert content_of(document_of(content_of(document))) == content_of(document)
    known = preview(document)
    # Each item once: 44 leads, 52 units by name, 6 districts with 33 items, and the 19 leads of projects but the one
    # that leads the item with two items: 44 + 52 + 198 + 36 = 330. Items 13 and 25 are asked of 7 and 8 in each of five
    # years: 60 more. A report of 19 + 6 in each year.
    assert (len(LEADS), len(document.units) - 2) == (19, 37)
    assert dict(known.by_requirement) == {
        "liaison": 37,
        "rules": 19,
        "local-plan": 6,
        "delivery": 390,
        "yearly": 125,
        "self-check": 330,
    }
    assert (dict(known.by_phase), known.total) == ({"launch": 62, "实施": 515, "acceptance": 330}, 907)
    assert {str(one.planned_on): (str(one.due.on), one.count) for one in known.moved} == {
        "2014-12-20": ("2014-12-19", 40),
        "2015-12-20": ("2015-12-18", 40),
        "2016-12-31": (END, 315),
    }
    assert (known.outside, known.of_nobody, known.unasked) == ((), (), ())
    # The districts are the ones with too much in a week, and the two bureaus with most items.
    assert {one.unit for one in known.collisions} == DISTRICTS | {"hr", "org"}
    said = done("plan", "check", str(FOLDER))
    assert "无误" in said
    assert said.count("待办公室明确") == 15


def test_what_a_terminal_shows_of_it_says_what_it_leaves_out() -> None:
    known = preview(read_plan(FOLDER))
    # From September 2012 to March 2017, and something is due in eight of these months.
    assert (len(known.months), known.months[0], known.months[-1]) == (55, "2012-09", "2017-03")
    assert known.shown_months == (
        *("2012-09", "2012-10", "2012-12", "2013-12", "2014-12", "2015-12", "2016-12"),
        "2017-03",
    )
    said = done("plan", "preview", str(FOLDER))
    assert "2013-06" not in said
    for line in ("没有事项到期的月份未列出", "另有 17 条", "有 15 个责任方尚未明确"):
        assert line in said
    facts = json.loads(done("plan", "preview", str(FOLDER), "--json"))
    assert (facts["by_requirement"]["delivery"], facts["by_month"]["2013-06"], len(facts["load"])) == (390, 0, 37)
    assert facts["unsettled"][0] == {"item": "P10", "role": "responsible", "words": "各有关单位"}
    assert len(facts["unsettled"]) == 15
    whole = preview(read_plan(FOLDER.parent / "county-livelihood"))
    assert whole.shown_months == whole.months


def test_exactly_these_units_are_asked_by_these_dates(begun: Story) -> None:
    expected = {code: {lead: "office"} | dict.fromkeys(units, lead) for code, (lead, units, _marks) in BY_CODE.items()}
    assert asked(begun, "delivery") == expected
    assert areas_on_the_board(begun) == ["T1", "T2", "T3", "T4", "T5", "T6", "Z1", "Z2", "Z3", "J1", "J2"]
    dates = issued(begun)
    # The two dates that item 43 names, each of those who owe it.
    assert {ref: due for ref, due in dates.items() if "/rules/" in ref} == {
        f"2012/rules/{unit}": "2012-10-31" for unit in LEADS
    }
    assert {ref: due for ref, due in dates.items() if "/local-plan/" in ref} == {
        f"2012/local-plan/{unit}": "2012-12-31" for unit in DISTRICTS
    }
    assert {ref: due for ref, due in dates.items() if "/yearly/" in ref} == {
        f"{year}/yearly/{unit}": due for year, due in YEARS.items() for unit in LEADS | DISTRICTS
    }
    each_year = {ref: due for ref, due in dates.items() if "/P13/science" in ref or "/P25/civil" in ref}
    assert each_year == {
        f"{year}/delivery/{one}": due for year, due in YEARS.items() for one in ("P13/science", "P25/civil")
    }
    once = {due for ref, due in dates.items() if ref.startswith("2012-2016/delivery/")}
    assert once == {END}


def test_parties_that_are_settled_are_asked_at_once_and_only_for_their_item(begun: Story) -> None:
    words = {"U": "各有关单位", "V": "有关区市"}
    unknown = {code: words[mark] for code, (_, _, marks) in BY_CODE.items() for mark in sorted(marks) if mark in words}
    assert waiting_for(begun) == {code: (said, 1) for code, said in unknown.items()}
    assert len(unknown) == 15
    begun.at("2013-03-01")
    assert begun.settle_party("P10", "edu", "science", "health").issued == 3
    assert begun.settle_party("P36", "south", "north").issued == 2
    assert begun.settle_party("P37", "districts", "land").issued == 1  # the districts have it already
    begun.deliver()
    begun.expect(
        *((unit, "issued", f"2012-2016/delivery/P10/{unit}") for unit in ("edu", "science", "health")),
        *((unit, "issued", f"2012-2016/delivery/P36/{unit}") for unit in ("south", "north")),
        ("land", "issued", "2012-2016/delivery/P37/land"),
    )
    assert waiting_for(begun).keys() == unknown.keys() - {"P10", "P36", "P37"}
    of_edu = begun.row("2012-2016/delivery/P10/edu")
    assert (of_edu.issued_on, of_edu.due_on) == (dt.date(2013, 3, 1), dt.date(2016, 12, 30))
    assert asked(begun, "delivery")["P10"] == {"org": "office"} | dict.fromkeys(("edu", "health", "science"), "org")
    assert audit_problems(begun) == []
    with read_session() as session:
        settled = [(one.item_code, one.item.zh) for one in settled_parties(session, plan_of(session, begun.plan))]
    assert settled == [("P10", "特聘岗位50个"), ("P36", "人才试点区"), ("P37", "人才产业园")]
    # Days before the end a date has to be named.
    begun.at("2016-12-29")
    with pytest.raises(RefusedError, match="name a date"):
        begun.settle_party("P20", "culture")
    assert begun.settle_party("P20", "culture", until="2017-02-06").issued == 1
    assert begun.row("2012-2016/delivery/P20/culture").due_on == dt.date(2017, 2, 6)


def test_yearly_reports_are_reminded_of_and_what_is_late_climbs_to_the_leader(begun: Story) -> None:
    in_time, late = "2014/yearly/hr", "2014/delivery/P13/north"
    begun.sign(in_time, late)
    begun.only(in_time, late)
    told = begun.patrol_daily("2014-11-17", "2014-12-19")
    begun.settle(in_time)
    told |= begun.patrol_daily("2014-12-22", "2015-01-08")
    assert on_the_days(told, in_time) == [
        ("2014-11-19", "hr", "reminder"),  # of the 19th, a Friday: the 20th is a day off
        ("2014-12-12", "hr", "reminder"),
        ("2014-12-16", "hr", "blue reminder"),
        ("2014-12-18", "hr", "reminder"),
        ("2014-12-19", "hr", "reminder"),
        ("2014-12-22", "hr", "accepted"),
    ]
    assert [one for one in on_the_days(told, late) if one[0] > "2014-12-19"] == [
        ("2014-12-22", "north", "red overdue"),
        ("2014-12-22", "science", "red overdue"),  # who leads the item
        ("2014-12-24", "office", "red overdue"),
        ("2014-12-29", "north", "red overdue"),
        ("2014-12-29", "science", "red overdue"),
        ("2015-01-05", "leader", "red overdue"),
        ("2015-01-06", "north", "red overdue"),
        ("2015-01-06", "science", "red overdue"),
        ("2015-01-08", "office", "red overdue"),
    ]
    assert (begun.light(in_time, "2014-12-31"), begun.light(late, "2014-12-31")) == (Light.GREEN, Light.RED)
    assert audit_problems(begun) == []


def test_from_the_launch_to_the_archive(begun: Story, tmp_path: Path) -> None:
    settle_all(begun, [ref for ref in issued(begun) if ref.startswith("2012/") and "/delivery/" not in ref])
    assert not begun.answer("launch", "close").refused
    begun.at("2013-03-01")
    begun.settle_party("P10", "edu", "science")
    begun.at("2016-12-20")
    # A lead's own part is accepted after those of its units, who hand in with it.
    begun.submit(OF_LAW)
    with pytest.raises(BlockedError, match="P26"):
        begun.accept(OF_LAW)
    of_units = [f"2012-2016/delivery/P26/{unit}" for unit in sorted(BY_CODE["P26"][1])]
    prove(begun, of_units, tmp_path)
    begun.accept(OF_LAW)
    assert {begun.row(ref).status for ref in (OF_COURT, OF_LAW)} == {Status.ACCEPTED}
    of_posts = [f"2012-2016/delivery/P10/{unit}" for unit in ("edu", "science", "org")]
    prove(begun, of_posts, tmp_path)
    settle_all(begun, owed(begun))
    # Fourteen parties were never settled, and the gate lets the office close all the same.
    assert len(waiting_for(begun)) == 14
    assert not begun.answer("实施", "close").refused

    begun.at("2017-01-03")
    assert begun.open("acceptance").issued == 330 + 2
    checks = [ref for ref in issued(begun) if ref.startswith("2017/self-check/")]
    begun.at("2017-03-01")
    proven = [ref for ref in checks if ref.split("/")[2] in {"P10", "P26"}]
    prove(begun, sorted(proven, key=lambda ref: ref.endswith(("/org", "/law"))), tmp_path)
    settle_all(begun, set(checks) - set(proven))
    left = missing(begun)
    assert left["P2"] == ["no file was handed in as evidence for {code}", "there is no figure for the target {code}"]
    assert left["P10"] == left["P26"] == ["there is no figure for the target {code}"]
    with pytest.raises(RefusedError, match="P10 cannot be accepted"):
        judge(begun, ["P10"])
    assert {one.outcome for one in judge(begun, [*BY_CODE], override="现场核实")} == {VerdictOutcome.ACCEPT}
    begun.answer("acceptance", "close")
    names = archived(begun, tmp_path)
    assert len([name for name in names if name.startswith("originals/")]) == len([*of_units, *of_posts, *proven])
    assert audit_problems(begun) == []


def test_changed_in_mid_course_in_each_of_the_ways_accepted_and_kept(begun: Story, tmp_path: Path) -> None:
    course = Course(begun)
    settle_all(begun, [ref for ref in issued(begun) if ref.startswith("2012/") and "/delivery/" not in ref])
    assert not begun.answer("launch", "close").refused
    _add(begun, course)
    _move(begun, course)
    _let_others_lead(begun, course)
    _change_units(begun, course)
    begun.at("2014-01-13")
    ended = course.change(withdrawn=("P8", "P25", "2016/yearly"))
    assert {one.ref.split("/")[1] for one in ended.touched} == {"delivery", "yearly"}
    reworded = course.change(requirement("yearly", proof=Text("报告和数据", "报告和数据")), open_items_too=True)
    assert {one.what for one in reworded.touched} == {Touch.REWORDED}

    begun.at("2016-12-20")
    settle_all(begun, owed(begun))
    assert not begun.answer("实施", "close").refused
    begun.at("2017-01-03")
    opened = begun.open("acceptance").issued
    checks = [ref for ref in issued(begun) if ref.startswith("2017/self-check/")]
    assert len(checks) == opened
    assert not [ref for ref in checks if ref.split("/")[2] in {"P8", "P25"} or ref.endswith(("/urban", "/upper"))]
    begun.at("2017-03-01")
    of_two_leads = [f"2017/self-check/P9/{unit}" for unit in ("hr", "science", "org")]
    settle_all(begun, set(checks) - set(of_two_leads))
    for ref in of_two_leads:
        begun.submit(ref)
        if ref.endswith("/hr"):
            begun.opine(ref, "science")
        begun.accept(ref)
    assert [code for code in judged(begun) if code.startswith("P")] == [
        *(code for code in BY_CODE if code not in {"P8", "P25", "P44", "P45"}),
        *LAST,
    ]
    judge(begun, judged(begun), override="现场核实")
    begun.answer("acceptance", "close")
    assert archived(begun, tmp_path)
    assert audit_problems(begun) == []


LAST = ("P44", "P45", "P46")


def _add(begun: Story, course: Course) -> None:
    """An item with a lead of its own, a district in all that the districts are asked, a survey of all."""
    begun.at("2013-03-01")
    item = MeasureEntry(
        "P46",
        Text("人才日活动", "人才日活动"),
        Text("活动总结", "活动总结"),
        "补充通知·1",
        lead="publicity",
        responsible=("districts",),
    )
    survey = RequirementEntry(
        "survey",
        "实施",
        AskedAt.PLAN,
        ("all",),
        {"2013": dt.date(2013, 6, 28)},
        Text("需求摸底", "需求摸底"),
        Text("掌握需求", "掌握需求"),
        Text("摸底表", "摸底表"),
    )
    district = one_more_unit("harbour", "港澜区", "districts", "all", kind=UnitKind.COUNTY)
    added = course.change(district, one_more_measure("J2", item), one_more_requirement(survey))
    refs = {one.ref for one in added.touched}
    assert {one.what for one in added.touched} == {Touch.ISSUED}
    assert {ref for ref in refs if "/survey/" in ref} == {f"2013/survey/{one}" for one in {*issued_units(begun)}}
    of_item = dict.fromkeys((*DISTRICTS, "harbour"), "publicity") | {"publicity": "office"}
    assert asked(begun, "delivery")["P46"] == of_item
    # All that a district is asked: 33 items, of which two each year, and the report of each year that is to come.
    assert len([ref for ref in refs if ref.endswith("/harbour")]) == 31 + 2 * 4 + 4 + 2
    assert set(added.passed) == {f"2012/{what}/harbour" for what in ("yearly", "delivery/P13", "delivery/P25")}


def issued_units(story: Story) -> set[str]:
    return {ref.rpartition("/")[2] for ref in issued(story)}


def _move(begun: Story, course: Course) -> None:
    """A date for all, for one item of the plan, and of one unit when it had passed."""
    begun.at("2013-05-06")
    moved = course.change(moves={"2013/yearly": "2013-12-25", "2012-2016/delivery/P2": "2016-11-30"})
    assert {one.ref for one in moved.touched} == {
        *(f"2013/yearly/{unit}" for unit in LEADS | DISTRICTS | {"harbour"}),
        *(f"2012-2016/delivery/P2/{unit}" for unit in {"reform", *BY_CODE["P2"][1], "harbour"}),
    }
    late = "2013/survey/sports"
    begun.settle(*(ref for ref in issued(begun) if "/survey/" in ref and ref != late))
    begun.patrol_daily("2013-06-27", "2013-07-03")
    course.change(moves={late: "2013-07-19"})
    assert begun.light(late, "2013-07-02") is Light.RED
    assert begun.light(late, "2013-07-03") is not Light.RED
    assert begun.row(late).planned_due_on == dt.date(2013, 6, 28)


def _let_others_lead(begun: Story, course: Course) -> None:
    """Another unit leads, and reviews what waits; one more leads beside the first, and is asked."""
    begun.at("2013-07-08")
    for ref in ("2012-2016/delivery/P5/east", "2012-2016/delivery/P9/hr"):
        begun.submit(ref)
    course.change(
        measure("P5", lead="edu", responsible=("hr", "districts")),
        measure("P9", co_leads=("science",), responsible=("hr",)),
    )
    assert {"edu": "office", "hr": "edu", "east": "edu"}.items() <= asked(begun, "delivery")["P5"].items()
    with pytest.raises(RefusedError, match="reviewed by edu"):
        begun.accept("2012-2016/delivery/P5/east", unit="hr")
    begun.accept("2012-2016/delivery/P5/east", unit="edu")
    with pytest.raises(BlockedError, match="science"):
        begun.accept("2012-2016/delivery/P9/hr")
    begun.opine("2012-2016/delivery/P9/hr", "science")
    begun.accept("2012-2016/delivery/P9/hr")


def _change_units(begun: Story, course: Course) -> None:
    """A lead is merged into another unit, by its name; one is split, one closed, one renamed."""
    begun.at("2013-07-15")
    with pytest.raises(BlockedError, match="banking leads P6"):
        course.change(successors={"市金融办": ()})
    named = Text("市金融局", "市金融局")
    done = course.change(successors={"市城管局": ("市住保办",), "procuracy": ()}, renamed={"市金融办": named})
    assert {one.unit for one in done.touched if one.what is Touch.CLOSED} == {"urban", "procuracy"}
    assert asked(begun, "delivery")["P17"]["housing"] == "office"
    assert asked(begun, "delivery")["P17"]["east"] == "housing"
    parts = {"upper": ("upstream", "hills")}
    course.change(split("upper", upstream="云源市", hills="云岭县"), successors=parts)
    assert begun.row("2012-2016/delivery/P2/hills").due_on == dt.date(2016, 11, 30)
