"""What a plan will ask, counted from its document alone: it agrees with what is issued, and names what is too much."""

import dataclasses
import datetime as dt
from collections import Counter

import pytest
from sqlalchemy import select

from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.assignments.assignment import Assignment
from models.common.kinds import OnDayOff
from models.loading import content_of
from models.plan.area import Role
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.preview import Collision, asked_of, preview
from tests.conftest import REAL, TINY
from tests.support.story import Story

D = dt.date


@pytest.fixture(scope="module")
def tiny() -> PlanDocument:
    return read_plan(TINY)


@pytest.mark.parametrize("folder", [TINY, REAL])
def test_a_stored_plan_reads_back_as_the_document_that_it_was_made_from(folder: object) -> None:
    document = read_plan(folder)  # type: ignore[arg-type]
    content = content_of(document)
    again = document_of(content)
    assert content_of(again) == content
    assert dataclasses.replace(again, organisation=document.organisation) == document


def test_what_is_issued_is_what_was_previewed(story: Story, tiny: PlanDocument) -> None:
    for at, phase, year in (
        ("2022-11-01", "launch", None),
        ("2023-01-03", "implementation", 2023),
        ("2024-01-02", "acceptance", None),
    ):
        story.at(at)
        story.open(phase, year)
    with transaction() as session:
        issued = Counter((one.ref, one.role, one.due_on) for one in session.scalars(select(Assignment)))
    foreseen = Counter((f"{one.ref}/{one.unit}", one.role, one.due.on) for one in asked_of(tiny))
    assert foreseen == issued
    assert preview(tiny).total == issued.total()


def test_the_real_plan_asks_what_is_known_of_it() -> None:
    known = preview(read_plan(REAL))
    assert dict(known.by_phase) == {
        "launch": 67,
        "implementation-2023": 1092,
        "implementation-2024": 1092,
        "acceptance": 968,
    }
    assert sum(known.monthly().values()) == known.total == 3219
    assert known.months[0] == "2022-11"
    assert known.monthly()["2023-12"] == 912
    assert known.monthly()["2022-12"] == 0, "a month with nothing due stands there all the same"
    assert known.busiest[0] == ("edu", 134)
    assert not known.of_nobody
    assert not known.unasked


def test_a_week_with_too_much_is_named_with_its_monday(tiny: PlanDocument) -> None:
    calm, crowded = preview(tiny), preview(tiny, most_a_week=1)
    assert calm.collisions == ()
    december = [one for one in crowded.collisions if one.week == D(2023, 12, 18)]
    worst = Counter(one.unit for one in asked_of(tiny) if one.due.on == D(2023, 12, 20))
    assert december == [
        Collision(unit, D(2023, 12, 18), count)
        for unit, count in sorted(worst.items(), key=lambda each: (-each[1], each[0]))
        if count > 1
    ]
    assert december


def test_days_off_are_told_with_where_they_move(tiny: PlanDocument) -> None:
    sunday, due = D(2022, 11, 13), {"2022": D(2022, 11, 13)}
    first, *others = tiny.requirements
    plan = dataclasses.replace(tiny, requirements=(dataclasses.replace(first, due=due), *others))
    for where, moved_to in ((None, D(2022, 11, 14)), (OnDayOff.EARLIER, D(2022, 11, 11))):
        [moved] = preview(dataclasses.replace(plan, on_day_off=where)).moved
        assert (moved.planned_on, moved.due.on, moved.count) == (sunday, moved_to, 4)


def test_who_is_asked_nothing_and_what_is_asked_of_nobody(tiny: PlanDocument) -> None:
    lone = dataclasses.replace(
        tiny,
        requirements=tuple(
            dataclasses.replace(one, audience=("edu",) if one.scope == "plan" else ()) for one in tiny.requirements
        ),
    )
    known = preview(lone)
    assert {unit for unit, _ in known.busiest} == {"edu"}
    assert "north" in known.unasked
    assert "office" not in known.unasked, "nothing is ever asked of the bodies of the leading group"
    assert "2022/scheme/T1" in known.of_nobody


def test_lists_are_of_one_unit_month_or_requirement(tiny: PlanDocument) -> None:
    everything = list(asked_of(tiny))
    assert [one for one in everything if one.unit == "north"] == list(asked_of(tiny, unit="north"))
    assert [one for one in everything if one.month == "2022-11"] == list(asked_of(tiny, month="2022-11"))
    delivery = list(asked_of(tiny, requirement="delivery", unit="edu"))
    assert delivery
    assert {(one.requirement.code, one.unit) for one in delivery} == {("delivery", "edu")}


def test_a_co_lead_that_is_responsible_as_well_is_asked_as_co_lead(tiny: PlanDocument) -> None:
    first, *others = tiny.areas
    plan = dataclasses.replace(tiny, areas=(dataclasses.replace(first, co_leads=("north",)), *others))
    asked = {one.unit: one.role for one in asked_of(plan, requirement="delivery") if f"/{first.code}." in one.ref}
    assert asked["north"] == Role.CO_LEAD
    assert asked["south"] == Role.RESPONSIBLE


def test_what_waits_for_a_party_is_not_asked_of_nobody(tiny: PlanDocument) -> None:
    areas = tuple(
        dataclasses.replace(one, lead="", responsible=(), unsettled_lead="主管部门", unsettled=("有关单位",))
        for one in tiny.areas
    )
    known = preview(dataclasses.replace(tiny, areas=areas))
    assert known.of_nobody == ()
    assert {one.words for one in known.unsettled} == {"主管部门", "有关单位"}
