"""Who is handed what, and who reviews it, where measures name their own leads and units."""

import dataclasses

import pytest
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session, transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment
from models.assignments.reviewer import reviewers_of
from models.common.errors import BlockedError, RefusedError
from models.common.event import Actor
from models.common.kinds import NoLead
from models.common.status import Status
from models.loading import Loaded, compare, load_plan
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from models.queries.board import board
from models.queries.worklist import to_review
from services.monitoring.audit import replay
from tests.conftest import LOADED_AT
from tests.services.parties.conftest import PARTIES
from tests.support.story import DIRECTOR, Story

Row = tuple[str, str, str]  # unit, role, reviewer


def rows(team: Story, requirement: str) -> dict[str, list[Row]]:
    """Of each item: who was handed it, in which role, and who reviews it."""
    found: dict[str, list[Row]] = {}
    with read_session() as session:
        plan = plan_of(session, team.plan)
        issued = [one for one in session.scalars(select(Assignment)).all() if f"/{requirement}/" in one.ref]
        for one, reviewer in zip(issued, reviewers_of(session, plan, issued), strict=True):
            item = one.requirement.ref.rpartition("/")[2]
            found.setdefault(item, []).append((one.unit.code, one.role.value, reviewer.code))
    return {item: sorted(of_item) for item, of_item in found.items()}


@pytest.fixture
def year(team: Story) -> Story:
    team.at("2023-01-03")
    team.open("implementation")
    team.deliver()
    team.told()
    return team


def test_each_measure_is_handed_to_its_own_units_or_to_those_of_its_area(year: Story) -> None:
    assert rows(year, "delivery") == {
        "T1.1": [
            ("edu", "lead", "office"),
            ("finance", "responsible", "edu"),
            ("north", "responsible", "edu"),
            ("south", "responsible", "edu"),
        ],
        "T1.2": [("culture", "lead", "office"), ("edu", "responsible", "culture"), ("north", "responsible", "culture")],
        "T1.3": [
            ("culture", "co-lead", "office"),
            ("edu", "lead", "office"),
            ("health", "co-lead", "office"),
            ("north", "responsible", "edu"),
            ("south", "responsible", "edu"),
        ],
        "T1.4": [("finance", "responsible", "office"), ("south", "responsible", "office")],
        "T1.5": [("health", "lead", "office")],
        "T1.6": [("finance", "responsible", "office"), ("office", "lead", "leader")],
        "T1.7": [("culture", "lead", "office"), ("north", "responsible", "culture")],
        "T1.8": [("south", "responsible", "office")],
        "S1": [("finance", "lead", "office")],
    }
    assert rows(year, "contribution").keys() == {"T1.1", "T1.2", "T1.3", "T1.4", "T1.6", "T1.7", "T1.8"}


def test_where_the_plan_says_so_the_first_responsible_unit_leads(team: Story) -> None:
    document = dataclasses.replace(read_plan(PARTIES), no_lead=NoLead.FIRST)
    with transaction() as session:
        load_plan(session, document, actor=Actor("test"), at=LOADED_AT)
    team.at("2023-01-03")
    team.open("implementation")
    assert rows(team, "delivery")["T1.4"] == [("finance", "lead", "office"), ("south", "responsible", "finance")]
    assert rows(team, "delivery")["T1.8"] == [("south", "responsible", "office")]  # its lead is only not settled


def test_what_the_office_owes_as_a_lead_goes_to_the_head_of_the_group(year: Story) -> None:
    own, of_finance = "2023/delivery/T1.6/office", "2023/delivery/T1.6/finance"
    year.submit(of_finance)
    year.accept(of_finance, unit="office", by=DIRECTOR)
    year.deliver()
    year.told()
    year.submit(own)
    year.deliver()
    year.expect(("leader", "to_review", own))
    with pytest.raises(RefusedError, match="is reviewed by leader"):
        year.accept(own, unit="office", by=DIRECTOR)
    with read_session() as session:
        plan = plan_of(session, year.plan)
        leader = unit_of(session, plan.id, "leader")
        assert [one.ref for one in to_review(session, plan, leader, plan.day_of(LOADED_AT))] == [own]
    year.accept(own, unit="leader", by=DIRECTOR)
    assert year.row(own).status is Status.ACCEPTED


def test_the_office_decides_on_no_request_of_its_own(year: Story) -> None:
    own = "2023/delivery/T1.6/office"
    year.ask_extension(own, "2023-12-29")
    for act in (year.grant, year.refuse):
        with pytest.raises(RefusedError, match=r"only the head of the group \(leader\) decides"):
            act(own)
    with pytest.raises(RefusedError, match="only the head of the group"):
        year.waive(own)
    year.grant(own, unit="leader")
    assert str(year.row(own).due_on) == "2023-12-29"


def test_the_office_stands_on_the_board_where_it_owes_something(year: Story) -> None:
    with read_session() as session:
        plan = plan_of(session, year.plan)
        found = board(session, plan, plan.day_of(LOADED_AT))
        shown = {row.unit.code for row in found.rows}
        assert "office" in shown
        assert "leader" not in shown


def test_a_first_lead_closes_last(year: Story) -> None:
    """Its own part is the joint item's: co-leads and responsible units come before."""
    lead, co_leads = "2023/delivery/T1.3/edu", ["2023/delivery/T1.3/health", "2023/delivery/T1.3/culture"]
    year.submit(lead)
    year.waive("2023/delivery/T1.3/north")
    year.waive("2023/delivery/T1.3/south")
    year.settle(co_leads[0])
    with pytest.raises(BlockedError, match=r"T1\.3/culture"):
        year.accept(lead)
    year.settle(co_leads[1])
    year.accept(lead)


def test_the_same_file_changes_nothing_and_other_leads_are_told_by_name(year: Story) -> None:
    document = read_plan(PARTIES)
    with transaction() as session:
        assert compare(session, document) == (Loaded.UNCHANGED, [])
    area, *others = document.areas
    measures = [
        dataclasses.replace(one, lead="edu", co_leads=("culture",), unsettled=()) if one.code == "T1.7" else one
        for one in area.measures
    ]
    changed = dataclasses.replace(document, areas=(dataclasses.replace(area, measures=tuple(measures)), *others))
    with transaction() as session:
        outcome, lines = compare(session, changed)
        assert outcome is Loaded.CHANGED
        assert sorted(lines) == [
            'areas.T1.measures.T1.7.co_leads: - → ["culture"]',
            "areas.T1.measures.T1.7.lead: culture → edu",
            'areas.T1.measures.T1.7.unsettled: ["其他相关部门"] → -',
        ]
        load_plan(session, changed, actor=Actor("test"), at=LOADED_AT)
    # What was issued keeps its lead and is asked of nobody else; what comes later has the new ones.
    assert rows(year, "delivery")["T1.7"] == [("culture", "lead", "office"), ("north", "responsible", "culture")]
    year.submit("2023/delivery/T1.7/north")
    year.accept("2023/delivery/T1.7/north", unit="culture")
    year.at("2024-01-02")
    year.open("acceptance")
    assert rows(year, "self-check")["T1.7"] == [
        ("culture", "co-lead", "office"),
        ("edu", "lead", "office"),
        ("north", "responsible", "edu"),
    ]


def test_the_journal_of_all_of_it_is_clean(year: Story) -> None:
    year.submit("2023/contribution/T1.4/south")
    assert year.patrol_daily("2023-06-20", "2023-07-20")
    assert replay(year.plan, clock.now()).problems == []
