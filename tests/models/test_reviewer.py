"""Who reviews: the rule in Python and its conditions agree over every row there can be, and so do queue and letters."""

import datetime as dt
from collections.abc import Sequence
from itertools import product

import pytest
from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session, aliased

from adapters.database.sessions import read_session, transaction
from models.assignments.assignment import Assignment
from models.assignments.reviewer import (
    HAS_LEAD_OVER,
    is_body_over,
    is_led_by,
    is_reviewed_by,
    lead_over,
    reviewer_id,
    reviewers_of,
    reviews,
)
from models.common.errors import RefusedError
from models.common.kinds import Basis, PhaseKind, Scope, UnitKind
from models.common.status import Status
from models.plan.area import Role
from models.plan.phase import phase_of
from models.plan.plan import Plan, plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit, bodies_of
from models.queries.assignment_record import record_of
from models.queries.overdue import in_review
from models.queries.worklist import count_to_review, to_review, unit_summary
from tests.support.story import DIRECTOR, Story

DAY = dt.date(2023, 3, 1)
OF_EDU = "2023/delivery/T1.1/edu"
OF_NORTH = "2023/delivery/T1.1/north"


@pytest.fixture
def every_row(tiny_plan: str) -> str:
    """An assignment for each role, lead (or none) and owner, whether plans and commands bring it about or not."""
    with transaction() as session:
        plan = plan_of(session, tiny_plan)
        units = _units(session)
        for number, (role, lead) in enumerate(product(Role, [None, *units])):
            requirement = _requirement(session, plan, number, lead)
            session.add_all(_assignment(requirement, role, owner) for owner in units)
    return tiny_plan


def _units(session: Session) -> Sequence[Unit]:
    return session.scalars(select(Unit).order_by(Unit.id)).all()


def _requirement(session: Session, plan: Plan, number: int, lead: Unit | None) -> Requirement:
    words = {f"{name}_{language}": name for name in ("title", "why", "proof") for language in ("zh", "en")}
    requirement = Requirement(
        phase_id=phase_of(session, plan, PhaseKind.IMPLEMENTATION, None).id,
        ref=f"2023/made-up/{number}",
        code="made-up",
        period="2023",
        scope=Scope.PLAN,
        lead_id=lead and lead.id,
        due_on=DAY,
        source="",
        basis=Basis.INFERRED,
        **words,
    )
    session.add(requirement)
    session.flush()
    return requirement


def _assignment(requirement: Requirement, role: Role, owner: Unit) -> Assignment:
    return Assignment(
        requirement_id=requirement.id,
        unit_id=owner.id,
        role=role,
        status=Status.SUBMITTED,
        issued_on=DAY,
        planned_due_on=DAY,
        due_on=DAY,
        due_provisional=False,
        submitted_on=DAY,
        done_until=DAY,
    )


def where(session: Session, condition: ColumnElement[bool]) -> set[int]:
    query = select(Assignment.id).join(Assignment.requirement).join(Assignment.unit)
    return set(session.scalars(query.where(condition)))


def test_rows_and_conditions_name_the_same_reviewer_and_never_the_owner(every_row: str) -> None:
    with read_session() as session:
        plan, units = plan_of(session, every_row), _units(session)
        rows = session.scalars(select(Assignment)).all()
        assert len(rows) == len(Role) * (1 + len(units)) * len(units)
        told = dict(zip([one.id for one in rows], reviewers_of(session, plan, rows), strict=True))
        office, leader = bodies_of(session, plan.id)
        asked = select(Assignment.id, reviewer_id(office.id, leader.id)).join(Assignment.requirement)
        assert {row.id: row[1] for row in session.execute(asked)} == {
            one: reviewer.id for one, reviewer in told.items()
        }
        assert [one.ref for one in rows if told[one.id].id == one.unit_id] == []
        for unit in units:
            mine = {one.id for one in rows if told[one.id] is unit}
            assert {one.id for one in rows if reviews(unit, one)} == mine
            assert where(session, is_reviewed_by(unit)) == mine


def test_rows_and_conditions_name_the_same_lead_and_the_same_body(every_row: str) -> None:
    with read_session() as session:
        plan = plan_of(session, every_row)
        rows = session.scalars(select(Assignment)).all()
        lead = {one.id: lead_over(one.role, one.unit_id, one.requirement.lead_id) for one in rows}
        assert where(session, HAS_LEAD_OVER) == {one for one, lead_id in lead.items() if lead_id is not None}
        assert where(session, ~HAS_LEAD_OVER) == {one for one, lead_id in lead.items() if lead_id is None}
        for unit in _units(session):
            assert where(session, is_led_by(unit.id)) == {one for one, lead_id in lead.items() if lead_id == unit.id}
        body = aliased(Unit)
        asked = select(Assignment.id, body.kind).join(Assignment.unit).join(body, is_body_over(body))
        office = bodies_of(session, plan.id)[0].id
        assert {row.id: row.kind for row in session.execute(asked)} == {
            one.id: UnitKind.LEADER if one.unit_id == office else UnitKind.OFFICE for one in rows
        }


def test_queues_and_pages_follow_the_rule(every_row: str) -> None:
    with read_session() as session:
        plan, units = plan_of(session, every_row), _units(session)
        rows = session.scalars(select(Assignment)).all()
        told = dict(zip([one.id for one in rows], reviewers_of(session, plan, rows), strict=True))
        for unit in units:
            mine = {one for one, reviewer in told.items() if reviewer is unit}
            pages = [to_review(session, plan, unit, DAY, page) for page in range(1, 4)]
            assert {one.id for page in pages for one in page} == mine
            assert count_to_review(session, plan, unit) == len(mine)
            if unit.kind in (UnitKind.BUREAU, UnitKind.COUNTY):
                assert unit_summary(session, unit, DAY).to_review == len(mine)
        waiting = in_review(session, plan, DAY, len(rows))
        assert {one.work.id: one.reviewer for one in waiting} == {one: reviewer.name for one, reviewer in told.items()}
        assert {one: record_of(session, plan, one, DAY).reviewer for one in told} == told


@pytest.fixture
def delivery(story: Story) -> Story:
    story.at("2023-01-03")
    story.open("implementation")
    story.only(OF_EDU, OF_NORTH)
    return story


def change(statement: str) -> None:
    with transaction() as session:
        session.execute(text(statement))


def test_a_lead_that_is_asked_as_one_of_the_responsible_units_is_reviewed_by_the_office(delivery: Story) -> None:
    change("UPDATE assignment SET role = 'responsible' FROM unit WHERE unit.id = unit_id AND unit.code = 'edu'")
    delivery.submit(OF_EDU)
    delivery.deliver()
    delivery.expect(("office", "to_review", OF_EDU))
    with pytest.raises(RefusedError, match="is reviewed by office"):
        delivery.accept(OF_EDU, unit="edu")
    delivery.accept(OF_EDU, unit="office")


def test_what_the_office_itself_owes_is_reviewed_by_the_head_of_the_group(delivery: Story) -> None:
    """As where a newer version of the plan makes a unit the office that has work from before."""
    change("UPDATE unit SET kind = 'bureau' WHERE code = 'office'")
    change("UPDATE unit SET kind = 'office' WHERE code = 'edu'")
    delivery.submit(OF_NORTH)
    delivery.accept(OF_NORTH, unit="edu")
    delivery.deliver()
    delivery.told()
    delivery.submit(OF_EDU)
    delivery.deliver()
    delivery.expect(("leader", "to_review", OF_EDU))
    for unit in ("edu", "north"):
        with pytest.raises(RefusedError, match="is reviewed by leader"):
            delivery.accept(OF_EDU, unit=unit, by=DIRECTOR)
    delivery.accept(OF_EDU, unit="leader", by=DIRECTOR)


def test_the_ladder_tells_the_reviewer_that_the_rule_names(delivery: Story) -> None:
    """Work that waits too long for its review."""
    change("UPDATE assignment SET role = 'responsible' FROM unit WHERE unit.id = unit_id AND unit.code = 'edu'")
    delivery.submit(OF_EDU)
    delivery.submit(OF_NORTH)
    delivery.deliver()
    delivery.told()
    told = {one for news in delivery.patrol_daily("2023-01-04", "2023-02-10").values() for one in news}
    of_edu, of_north = (
        {unit for unit, kind, subject in told if (kind, subject) == ("unreviewed", ref)} for ref in (OF_EDU, OF_NORTH)
    )
    assert (of_edu, of_north) == ({"office"}, {"edu", "office"}), "the office hears of what its lead leaves lying"
