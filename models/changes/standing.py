"""What was issued of a plan, as far as a change concerns it: read and locked, in plain values for the rules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from models.assignments.assignment import Assignment
from models.changes.difference import Difference, Settled
from models.changes.effects import Issued, Standing
from models.changes.orders import Orders
from models.common.base import any_of_ids
from models.common.status import CLOSED
from models.finding import Finding
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit, collective_ids
from models.plan.unsettled import Party, settled_of


def phases_of_change(session: Session, plan: Plan, *, lock: bool) -> Sequence[Phase]:
    """All phases of the plan. Locked, none is opened or closed while the plan changes, and work in them goes on."""
    query = select(Phase).where(Phase.plan_id == plan.id).order_by(Phase.id).execution_options(populate_existing=True)
    return session.scalars(query.with_for_update(of=Phase, key_share=True) if lock else query).all()


def opened(phases: Sequence[Phase]) -> Mapping[tuple[str, str], PhaseStatus]:
    return {(one.code, one.period): one.status for one in phases}


def issued(session: Session, plan: Plan, change: Difference, orders: Orders, *, lock: bool) -> dict[str, Issued]:
    """What was issued under the references that a change is about, with all its items, which may be locked."""
    query = (
        select(Requirement)
        .join(Requirement.phase)
        .options(joinedload(Requirement.lead), joinedload(Requirement.phase))
        .where(
            Phase.plan_id == plan.id,
            exists().where(Assignment.requirement_id == Requirement.id),
            _is_meant(plan, change, orders),
        )
        .order_by(Requirement.id)
        .execution_options(populate_existing=True)
    )
    requirements = session.scalars(query).all()
    findings = set(session.scalars(select(Finding.requirement_id).where(Finding.plan_id == plan.id)))
    items = _items(session, plan, requirements, lock=lock)
    return {
        one.ref: Issued(
            id=one.id,
            ref=one.ref,
            code=one.code,
            period=one.period,
            phase=one.phase.status,
            lead=one.lead.code if one.lead else None,
            due_on=one.due_on,
            is_planned=one.id not in findings,
            items=tuple(items[one.id]),
        )
        for one in requirements
    }


def _is_meant(plan: Plan, change: Difference, orders: Orders) -> ColumnElement[bool]:
    gone = select(Unit.id).where(Unit.plan_id == plan.id, Unit.code.in_(change.removed))
    targets = [one.ref for one in orders.moves]
    refs = {one.ref for one in change.asks} | {*targets, *(one.rpartition("/")[0] for one in targets)}
    owed = exists().where(
        Assignment.requirement_id == Requirement.id,
        Assignment.status.not_in(CLOSED),
        or_(Assignment.unit_id.in_(gone), Requirement.lead_id.in_(gone)),
    )
    whole = Requirement.period + "/" + Requirement.code
    return or_(Requirement.ref.in_(refs), whole.in_(targets), owed)


def _items(
    session: Session, plan: Plan, requirements: Sequence[Requirement], *, lock: bool
) -> dict[int, list[Standing]]:
    """By the id of their requirement. Everybody locks items in the order of their ids."""
    query = (
        select(
            Assignment.requirement_id,
            Assignment.id,
            Unit.code,
            Assignment.role,
            Assignment.status,
            Assignment.due_on,
        )
        .join(Assignment.unit)
        .where(any_of_ids(Assignment.requirement_id, [one.id for one in requirements]))
        .order_by(Assignment.id)
    )
    dates = {one.id: _dates(plan, one) for one in requirements}
    found: dict[int, list[Standing]] = defaultdict(list)
    rows = session.execute(query.with_for_update(of=Assignment, key_share=True) if lock else query)
    for requirement_id, id_, unit, role, status, due_on in rows:
        found[requirement_id].append(Standing(id_, unit, role, status, due_on, due_on in dates[requirement_id]))
    return found


def _dates(plan: Plan, requirement: Requirement) -> set[object]:
    """The plan's date and the working days that it may have moved to."""
    calendar, due_on = plan.work_calendar, requirement.due_on
    return {due_on, calendar.settle(due_on).on, calendar.settle(due_on, requirement.on_day_off).on}


def settled(session: Session, plan: Plan) -> Settled:
    """As whom the office settled parties, by the codes of units and sets."""
    found = settled_of(session, plan)
    if not found:
        return {}
    units = dict(session.execute(select(Unit.id, Unit.code).where(Unit.plan_id == plan.id)).all())
    sets = {id_: code for code, id_ in collective_ids(session, plan.id).items()}

    def code_of(party: Party) -> str:
        unit_id, set_id = party["unit_id"], party["collective_id"]
        return units[unit_id] if unit_id is not None else sets[set_id or 0]

    return {unknown: tuple(map(code_of, parties)) for unknown, parties in found.items()}
