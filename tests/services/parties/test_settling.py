"""Parties that the plan names without saying who they are: the office settles them, and what waited is issued, once."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session, transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment
from models.common.errors import BlockedError, NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import UnitKind
from models.loading import Loaded, compare, load_plan
from models.plan.area import Role
from models.plan.plan import plan_of
from models.plan.unit import body_of, unit_of
from models.queries.queues.unsettled import settled_parties, unsettled_parties
from models.queries.queues.waiting import waiting
from services.monitoring.audit import replay
from services.parties import Settled, settle_all
from services.scope import Scope
from tests.conftest import LOADED_AT
from tests.services.parties.conftest import PARTIES
from tests.support.story import DIRECTOR, Story

WAITS = [("T1.7", "其他相关部门"), ("T1.8", "主管部门"), ("S1", "有关各方")]


def issued(team: Story, item: str) -> list[str]:
    with read_session() as session:
        refs = [one.ref for one in session.scalars(select(Assignment).order_by(Assignment.id))]
        return [ref for ref in refs if f"/{item}/" in ref]


def unsettled(team: Story) -> list[tuple[str, str, int, int, bool]]:
    with read_session() as session:
        plan = plan_of(session, team.plan)
        found = unsettled_parties(session, plan, plan.day_of(clock.now()))
        return [(one.item_code, one.words, one.waiting, one.to_come, one.needs_date) for one in found]


@pytest.fixture
def year(team: Story) -> Story:
    team.at("2023-01-03")
    team.open("implementation")
    team.deliver()
    team.told()
    return team


def test_they_stand_in_the_offices_list_and_block_their_own_rows_only(year: Story) -> None:
    assert [one[:2] for one in unsettled(year)] == WAITS
    assert unsettled(year) == [
        ("T1.7", "其他相关部门", 2, 1, False),
        ("T1.8", "主管部门", 1, 1, False),
        ("S1", "有关各方", 2, 1, False),
    ]
    with read_session() as session:
        plan = plan_of(session, year.plan)
        found = waiting(session, plan, body_of(session, plan.id, UnitKind.OFFICE), plan.day_of(clock.now()))
        assert (found.unsettled, found.total) == (3, 3)
    assert issued(year, "T1.7") == [
        "2023/contribution/T1.7/north",
        "2023/delivery/T1.7/culture",
        "2023/delivery/T1.7/north",
    ]


def test_settled_in_an_open_phase_it_is_issued_once_and_told_once(year: Story) -> None:
    year.at("2023-03-01")
    done = year.settle_party("T1.7", "health", "counties")
    # North had it already, as one of those that the plan names.
    assert done.issued == 4
    assert sorted(issued(year, "T1.7")) == [
        "2023/contribution/T1.7/health",
        "2023/contribution/T1.7/north",
        "2023/contribution/T1.7/south",
        "2023/delivery/T1.7/culture",
        "2023/delivery/T1.7/health",
        "2023/delivery/T1.7/north",
        "2023/delivery/T1.7/south",
    ]
    year.deliver()
    told = year.told()
    assert [one for one in told if one[1] == "issued"] == told
    assert [one[2] for one in told] == [
        "2023/contribution/T1.7/health",
        "2023/delivery/T1.7/health",
        "2023/contribution/T1.7/south",
        "2023/delivery/T1.7/south",
    ]
    year.patrol_daily("2023-03-02", "2023-03-10")
    assert not [one for one in year.told() if one[1] == "issued"]
    of_health = year.row("2023/delivery/T1.7/health")
    assert (of_health.issued_on, of_health.due_on, of_health.role) == (
        dt.date(2023, 3, 1),
        dt.date(2023, 12, 20),
        Role.RESPONSIBLE,
    )
    # Who leads the measure reviews it.
    year.submit("2023/delivery/T1.7/health")
    year.accept("2023/delivery/T1.7/health", unit="culture")
    assert [one[0] for one in unsettled(year)] == ["T1.8", "S1"]
    assert replay(year.plan, clock.now()).problems == []


def test_a_unit_whose_notice_of_the_phase_has_not_left_is_told_by_that_one(team: Story) -> None:
    team.at("2023-01-03")
    team.open("implementation")
    team.settle_party("T1.7", "health")
    team.deliver()
    of_health = [one for one in team.told() if one[0] == "health"]
    assert of_health == [("health", "issued", "implementation-2023")]
    assert "2023/delivery/T1.7/health" in team.letter("health")


def test_what_would_be_due_too_soon_gets_a_date_of_the_offices(year: Story) -> None:
    year.at("2023-06-29")
    assert [one[4] for one in unsettled(year)] == [True, False, True]
    with pytest.raises(RefusedError, match=r"2023/contribution/T1.7 was due on 2023-06-30: name a date"):
        year.settle_party("T1.7", "health")
    with pytest.raises(RefusedError, match="is not later than today"):
        year.settle_party("T1.7", "health", until="2023-06-29")
    year.settle_party("T1.7", "health", until="2023-07-15")  # a Saturday
    soon, later = year.row("2023/contribution/T1.7/health"), year.row("2023/delivery/T1.7/health")
    assert (soon.due_on, soon.planned_due_on) == (dt.date(2023, 7, 17), dt.date(2023, 6, 30))
    assert later.due_on == dt.date(2023, 12, 20)
    with pytest.raises(RefusedError, match="no date is needed"):
        year.settle_party("T1.8", "culture", role=Role.LEAD, until="2023-09-01")
    year.deliver()
    year.told()
    assert year.patrol_daily("2023-07-12", "2023-07-20")
    assert replay(year.plan, clock.now()).problems == []


def test_a_lead_that_is_settled_reviews_from_then_on(year: Story) -> None:
    of_south = "2023/delivery/T1.8/south"
    year.patrol_daily("2023-12-10", "2023-12-29")  # it goes overdue, and there is no lead to tell
    year.submit(of_south)
    year.deliver()
    year.told()
    done = year.settle_party("T1.8", "culture", "health", role=Role.LEAD, until="2024-01-31")
    assert done.issued == 2
    year.deliver()
    year.expect(
        ("culture", "issued", "2023/delivery/T1.8/culture"),
        ("culture", "to_review", of_south),
        ("health", "issued", "2023/delivery/T1.8/health"),
        ("health", "opinion_asked", of_south),
    )
    assert year.row("2023/delivery/T1.8/health").role is Role.CO_LEAD
    year.opine(of_south, "health")
    with pytest.raises(RefusedError, match="is reviewed by culture"):
        year.accept(of_south, unit="office")
    year.send_back(of_south)
    year.patrol_daily("2024-01-02", "2024-01-30")
    assert replay(year.plan, clock.now()).problems == []


def test_in_phases_to_come_it_is_simply_addressed_and_survives_the_same_file(team: Story) -> None:
    assert team.settle_party("S1", "counties", "health").issued == 0
    assert team.settle_party("T1.8", "culture", role=Role.LEAD).issued == 0
    document = read_plan(PARTIES)
    with transaction() as session:
        assert compare(session, document) == (Loaded.UNCHANGED, [])
        newer = dataclasses.replace(document, near_limit_days=5)
        load_plan(session, newer, actor=Actor("test"), at=LOADED_AT)
    assert [one[0] for one in unsettled(team)] == ["T1.7"]
    with read_session() as session:
        found = settled_parties(session, plan_of(session, team.plan))
        assert [(one.words, [name.zh for name in one.named], one.by_name) for one in found] == [
            ("主管部门", ["文旅局"], DIRECTOR),
            ("有关各方", ["卫健局", "各县"], DIRECTOR),
        ]
    team.at("2023-01-03")
    team.open("implementation")
    assert sorted(issued(team, "S1")) == [
        "2023/contribution/S1/health",
        "2023/contribution/S1/north",
        "2023/contribution/S1/south",
        "2023/delivery/S1/finance",
        "2023/delivery/S1/health",
        "2023/delivery/S1/north",
        "2023/delivery/S1/south",
    ]
    assert sorted(issued(team, "T1.8")) == [
        "2023/contribution/T1.8/south",
        "2023/delivery/T1.8/culture",
        "2023/delivery/T1.8/south",
    ]
    team.submit("2023/delivery/T1.8/south")
    team.accept("2023/delivery/T1.8/south", unit="culture")


def test_a_reload_while_the_phase_is_open_issues_nothing_and_keeps_the_settled_lead(year: Story) -> None:
    year.settle_party("T1.8", "culture", role=Role.LEAD)
    before = issued(year, "T1.8")
    document = read_plan(PARTIES)
    with transaction() as session:
        newer = dataclasses.replace(document, near_limit_days=6)
        load_plan(session, newer, actor=Actor("test"), at=LOADED_AT)
    assert issued(year, "T1.8") == before
    year.submit("2023/contribution/T1.8/south")
    year.accept("2023/contribution/T1.8/south", unit="culture")


def test_only_the_office_settles_and_says_whom_and_why(year: Story) -> None:
    for unit in ("culture", "leader"):
        with pytest.raises(RefusedError, match="only the leading-group office"):
            year.settle_party("T1.7", "health", by_unit=unit)
    with pytest.raises(RefusedError, match="say by which authority"):
        year.settle_party("T1.7", "health", reason=" ")
    with pytest.raises(RefusedError, match="name at least one unit"):
        year.settle_party("T1.7")
    with pytest.raises(RefusedError, match="no work is issued to office"):
        year.settle_party("T1.7", "office")
    with pytest.raises(RefusedError, match="a set of units cannot lead"):
        year.settle_party("T1.8", "counties", role=Role.LEAD)
    with pytest.raises(NotFoundError):
        year.settle_party("T1.7", "nobody")
    assert [one[:2] for one in unsettled(year)] == WAITS
    year.settle_party("T1.7", "health")
    with pytest.raises(RefusedError, match=f"{DIRECTOR} settled it on"):
        year.settle_party("T1.7", "edu")
    with read_session() as session:
        entry = session.scalars(select(Event).where(Event.kind == EventKind.PARTY_SETTLED)).one()
        assert (entry.actor, entry.why) == (DIRECTOR, "主任会议纪要")
        assert entry.detail == {
            "item": "T1.7",
            "role": "responsible",
            "words": "其他相关部门",
            "as": ["health"],
            "until": None,
            "issued": 2,
        }


def settle_alike(year: Story, *items: str, units: tuple[str, ...], until: str | None = None) -> list[Settled]:
    with read_session() as session:
        plan = plan_of(session, year.plan)
        office = body_of(session, plan.id, UnitKind.OFFICE).id
        found = {one.item_code: one.id for one in unsettled_parties(session, plan, plan.day_of(clock.now()))}
        ids = [unit_of(session, plan.id, unit).id for unit in units]
    return settle_all(
        Scope(year.plan, Actor(DIRECTOR, office), clock.now()),
        [found[one] for one in items],
        units=ids,
        reason="主任会议纪要",
        until=dt.date.fromisoformat(until) if until else None,
    )


def test_several_are_settled_alike_all_or_none(year: Story) -> None:
    with pytest.raises(RefusedError, match="no work is issued to office"):
        settle_alike(year, "T1.7", "S1", units=("health", "office"))
    assert [one[:2] for one in unsettled(year)] == WAITS
    done = settle_alike(year, "S1", "T1.7", "T1.7", units=("health",))
    assert sorted((one.item, one.issued) for one in done) == [("S1", 2), ("T1.7", 2)]
    assert [one[:2] for one in unsettled(year)] == [("T1.8", "主管部门")]
    assert replay(year.plan, clock.now()).problems == []


def test_a_date_counts_where_one_is_needed(year: Story) -> None:
    year.at("2023-12-28")
    assert {one[0]: one[4] for one in unsettled(year)}["T1.7"] is True
    with pytest.raises(RefusedError, match="name a date"):
        settle_alike(year, "T1.7", "S1", units=("health",))
    settle_alike(year, "T1.7", "S1", units=("health",), until="2024-01-31")
    assert str(year.row("2023/delivery/T1.7/health").due_on) == "2024-01-31"


def test_who_was_named_cannot_vanish_from_the_plan_while_the_party_stands_there(team: Story) -> None:
    team.settle_party("S1", "health")
    document = read_plan(PARTIES)
    other: dict[str, dict[str, Any]] = {"T1.3": {"co_leads": ("culture",)}, "T1.5": {"lead": "edu"}}
    areas = [
        dataclasses.replace(
            area, measures=tuple(dataclasses.replace(one, **other.get(one.code, {})) for one in area.measures)
        )
        for area in document.areas
    ]
    units = tuple(one for one in document.units if one.code != "health")
    without = dataclasses.replace(document, areas=tuple(areas), units=units)
    with transaction() as session, pytest.raises(BlockedError, match="named for a party that was not settled"):
        load_plan(session, without, actor=Actor("test"), at=LOADED_AT)
