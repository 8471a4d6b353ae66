"""Who reviews what a unit hands in: one rule, for rows in Python and for questions to the database.

The lead unit of the item reviews what its responsible units hand in; the office reviews the lead's own and what nobody
leads. Nobody reviews the work of their own unit, by whatever way a role came about: where the lead is asked as one of
the responsible units, the office reviews it, and what the office itself owes (a newer version of the plan may make a
unit the office that has work from before) goes to the head of the leading group.
"""

from collections.abc import Iterable

from sqlalchemy import BindParameter, ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.common.kinds import UnitKind
from models.plan.area import Role
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit, body_of


def lead_over(role: Role, unit_id: int, lead_id: int | None) -> int | None:
    """The unit that leads an item on which this unit works for it; None where no other unit does."""
    return lead_id if role is Role.RESPONSIBLE and lead_id != unit_id else None


def body_over(owner: UnitKind) -> UnitKind:
    """Which body of the leading group reviews what no lead does."""
    return UnitKind.LEADER if owner is UnitKind.OFFICE else UnitKind.OFFICE


def reviews(unit: Unit, assignment: Assignment) -> bool:
    """Whether this unit of the assignment's plan reviews it."""
    lead_id = lead_over(assignment.role, assignment.unit_id, assignment.requirement.lead_id)
    return unit.kind is body_over(assignment.unit.kind) if lead_id is None else unit.id == lead_id


def reviewing_lead(assignment: Assignment) -> Unit | None:
    """The lead unit where it reviews, None where a body of the leading group does."""
    lead = assignment.requirement.lead
    return lead if lead is not None and reviews(lead, assignment) else None


def reviewer_of(session: Session, plan: Plan, assignment: Assignment) -> Unit:
    return reviewers_of(session, plan, [assignment])[0]


def reviewers_of(session: Session, plan: Plan, assignments: Iterable[Assignment]) -> list[Unit]:
    """The reviewer of each, in their order; each body of the leading group is looked up once at most."""
    bodies: dict[UnitKind, Unit] = {}
    found = []
    for one in assignments:
        reviewer = reviewing_lead(one)
        if reviewer is None:
            kind = body_over(one.unit.kind)
            reviewer = bodies[kind] = bodies.get(kind) or body_of(session, plan.id, kind)
        found.append(reviewer)
    return found


# The same as conditions on an assignment and its requirement, each of which is true or false and never unknown.

HAS_LEAD_OVER: ColumnElement[bool] = and_(
    Assignment.role == Role.RESPONSIBLE,
    Requirement.lead_id.is_not(None),
    Requirement.lead_id != Assignment.unit_id,
)


def is_body_over(body: type[Unit]) -> ColumnElement[bool]:
    """As `body_over`, of a unit that may be a body of the plan and an assignment's `Unit`."""
    return and_(body.kind.in_(BODIES), (body.kind == UnitKind.OFFICE) != (Unit.kind == UnitKind.OFFICE))


def is_led_by(unit_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """Whether this unit leads, and so reviews, what another one works on."""
    return and_(
        Assignment.role == Role.RESPONSIBLE,
        Requirement.lead_id == unit_id,
        Assignment.unit_id != unit_id,
    )


def is_reviewed_by(unit: Unit) -> ColumnElement[bool]:
    """As `reviews`, of the assignments of the unit's plan."""
    led = is_led_by(unit.id)
    if unit.kind is UnitKind.OFFICE:
        return or_(led, and_(~HAS_LEAD_OVER, Assignment.unit_id != unit.id))
    if unit.kind is UnitKind.LEADER:
        office = aliased(Unit)
        office_id = select(office.id).where(office.plan_id == unit.plan_id, office.kind == UnitKind.OFFICE)
        return or_(led, and_(~HAS_LEAD_OVER, Assignment.unit_id == office_id.scalar_subquery()))
    return led


def reviewer_id(office_id: int, leader_id: int) -> ColumnElement[int | None]:
    """As `reviewer_of`, given the two bodies of the plan."""
    return case(
        (HAS_LEAD_OVER, Requirement.lead_id),
        (Assignment.unit_id == office_id, leader_id),
        else_=office_id,
    )
