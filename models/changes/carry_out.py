"""Carrying a change set out: the document, the items, the journal and the letters, in the caller's transaction."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment, by_ids
from models.assignments.reviewer import reviewers_of
from models.changes.change_set import ChangeItem, ChangeSet
from models.changes.difference import difference
from models.changes.effects import Days, Effects, Issued, effects
from models.changes.ending import end, let_succeed, touch_units
from models.changes.ledger import Ledger
from models.changes.new_document import document_after, refuse
from models.changes.orders import Orders, succeeded
from models.changes.standing import issued, opened, phases_locked, settled
from models.changes.work import Work
from models.common.base import any_of_ids
from models.common.errors import Reason, RefusedError
from models.common.event import Actor
from models.common.status import CLOSED
from models.common.typed import said
from models.loading import content_of, load_plan
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.plan import Plan
from models.plan.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class Heading:
    """What a change set is called, why it is made, by what authority (文号), and from which day it counts."""

    title: str
    why: str
    authority: str
    from_on: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class CarriedOut:
    """What was done. `change` is None where nothing changes; `passed`: who is not asked, as the date has passed."""

    change: ChangeSet | None
    items: Sequence[ChangeItem] = ()
    passed: Sequence[str] = ()


def carry_out(
    session: Session,
    plan: Plan,
    document: PlanDocument | None,
    orders: Orders,
    heading: Heading,
    *,
    actor: Actor,
    at: dt.datetime,
) -> CarriedOut:
    """Change a plan that runs, by a new document, by orders, or by both. What is changed already stays as it is.

    Raises RefusedError for what cannot be said so, BlockedError with every item for which it cannot be.
    """
    _refuse_heading(heading, plan.day_of(at))
    phases = phases_locked(session, plan)  # in the order in which opening a phase locks them
    session.refresh(plan, with_for_update=True)
    before = document_of(plan.content)
    after = document_after(before, document, orders)
    parties = settled(session, plan)
    gone = {one.code for one in before.units} - {one.code for one in after.units}
    change = difference(before, after, parties, succeeded(parties, orders, gone))
    known = issued(session, plan, change, orders)
    found = effects(change, orders, known, opened(phases), Days(plan.day_of(at), plan.bounds, plan.work_calendar))
    refuse(found.refusals)
    is_other = content_of(after) != plan.content
    if not is_other and all(one.is_empty for one in found.of):
        return CarriedOut(None, passed=_passed(found))
    ledger = Ledger(session, plan, actor=actor, at=at, why=heading.why)
    version_before = plan.version
    ended = end(ledger, change, known)
    let_succeed(session, plan, ended, orders, after)
    reviewers = _reviewers(session, plan, known)
    if is_other:
        load_plan(session, after, actor=actor, at=at)
    # Storing the document goes past the session, which reads all of it anew.
    session.flush()
    session.expire_all()
    ledger.begin(_change_set(session, plan, heading, orders, actor, at, version_before))
    units = _units(session, plan, after)
    work = Work(ledger, units, reviewers)
    for one in found.of:
        work.change(one)
    touch_units(ledger, change, units, ended, orders)
    ledger.write()
    _refuse_unreviewed(session, plan, ledger.items)
    return CarriedOut(ledger.row, ledger.items, _passed(found))


def _passed(found: Effects) -> list[str]:
    return [f"{one.ref}/{unit}" for one in found.of for unit in one.passed]


def _refuse_heading(heading: Heading, today: dt.date) -> None:
    reasons = []
    if not said(heading.title):
        reasons.append(Reason("say what the change is called"))
    if not said(heading.why):
        reasons.append(Reason("say why the plan changes"))
    if not said(heading.authority):
        reasons.append(Reason("say by what authority the plan changes, such as the number of a document"))
    if heading.from_on > today:
        reasons.append(Reason("{day} is still to come: a change is carried out on its day", day=heading.from_on))
    if reasons:
        raise RefusedError("the change cannot be carried out: {reasons}", reasons=reasons)


def _reviewers(session: Session, plan: Plan, known: Mapping[str, Issued]) -> dict[int, Unit]:
    """Of the open items, as they are before anything changes."""
    rows = by_ids(session, plan, [item.id for one in known.values() for item in one.open])
    return dict(zip((one.id for one in rows), reviewers_of(session, plan, rows), strict=True))


def _change_set(
    session: Session,
    plan: Plan,
    heading: Heading,
    orders: Orders,
    actor: Actor,
    at: dt.datetime,
    version_before: int,
) -> ChangeSet:
    newest = select(func.max(ChangeSet.number)).where(ChangeSet.plan_id == plan.id)
    return ChangeSet(
        plan_id=plan.id,
        number=(session.scalar(newest) or 0) + 1,
        title=heading.title.strip(),
        why=heading.why.strip(),
        authority=heading.authority.strip(),
        from_on=heading.from_on,
        by_name=actor.name,
        at=at,
        version_before=version_before,
        version_after=plan.version,
        orders=orders.as_json(),
    )


def _units(session: Session, plan: Plan, after: PlanDocument) -> dict[str, Unit]:
    """All units of the plan by their codes; those of the document are at work, whatever they were before."""
    units = {unit.code: unit for unit in session.scalars(select(Unit).where(Unit.plan_id == plan.id))}
    for entry in after.units:
        units[entry.code].closed_on = None
    return units


def _refuse_unreviewed(session: Session, plan: Plan, items: Sequence[ChangeItem]) -> None:
    """Whatever the documents say: each open item that was touched, or stands beside one, has a reviewer.

    Raises BlockedError where that unit has ended or owes the item itself.
    """
    touched = {item.requirement_id for item in items if item.requirement_id}
    query = select(Assignment.id).where(
        any_of_ids(Assignment.requirement_id, touched), Assignment.status.not_in(CLOSED)
    )
    rows = by_ids(session, plan, session.scalars(query).all())
    reviewers = reviewers_of(session, plan, rows)
    refuse(
        [
            Reason("{ref}: nobody is left who could review it", ref=row.ref)
            for row, reviewer in zip(rows, reviewers, strict=True)
            if reviewer.closed_on is not None or reviewer.id == row.unit_id
        ]
    )
