"""Carrying a change set out: the document, the items, the journal and the letters, in the caller's transaction."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from models.assignments.assignment import Assignment
from models.assignments.reviewer import reviewer_id
from models.changes.change_set import ChangeSet
from models.changes.difference import Difference, difference
from models.changes.effects import Days, Effects, Issued, effects
from models.changes.ending import end, let_succeed, touch_units
from models.changes.ledger import Ledger, Member, Noted
from models.changes.new_document import document_after, refuse
from models.changes.orders import Orders, by_code, succeeded
from models.changes.standing import issued, opened, phases_of_change, settled
from models.changes.work import Bodies, Work
from models.common.base import any_of_ids
from models.common.errors import Reason, RefusedError
from models.common.event import Actor
from models.common.status import CLOSED
from models.common.typed import said
from models.loading import content_of, load_plan
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit, bodies_of


@dataclasses.dataclass(frozen=True, slots=True)
class Heading:
    """What a change set is called, why it is made, by what authority (文号), and from which day it counts."""

    title: str
    why: str
    authority: str
    from_on: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class CarriedOut:
    """What was done. `change` is None where nothing changes; `passed`: who is not asked, as the date has passed.

    `message_ids`: the messages that it wrote.
    """

    change: ChangeSet | None
    items: Sequence[Noted] = ()
    passed: Sequence[str] = ()
    message_ids: Sequence[int] = ()


def carry_out(
    session: Session,
    plan: Plan,
    document: PlanDocument | None,
    orders: Orders,
    heading: Heading,
    *,
    actor: Actor,
    at: dt.datetime,
    lock: bool = True,
) -> CarriedOut:
    """Change a plan that runs, by a new document, by orders, or by both. What is changed already stays as it is.

    Without `lock`, for what is undone again, nobody waits while it is worked out. Raises RefusedError for what cannot
    be said so, BlockedError with every item for which it cannot be.
    """
    _refuse_heading(heading, plan.day_of(at))
    seen = _look(session, plan, document, orders, plan.day_of(at), lock=lock)
    refuse(seen.found.refusals)
    if seen.content is None and all(one.is_empty for one in seen.found.of):
        return CarriedOut(None, passed=seen.passed)
    ledger = Ledger(session, plan, actor=actor, at=at, why=heading.why)
    version_before, bodies_before = plan.version, _bodies(session, plan)
    _store(ledger, seen)
    ledger.begin(_change_set(ledger, heading, seen.orders, version_before))
    _follow(ledger, seen, bodies_before)
    ledger.write()
    _refuse_unreviewed(session, plan, {one.requirement_id for one in ledger.items if one.requirement_id})
    return CarriedOut(ledger.row, ledger.items, seen.passed, ledger.message_ids)


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """What is to be done: `after` is the document from then on, with its content where that is another one.

    `orders` name units by their codes alone.
    """

    orders: Orders
    after: PlanDocument
    content: dict[str, Any] | None
    change: Difference
    known: Mapping[str, Issued]
    found: Effects

    @property
    def passed(self) -> list[str]:
        return [f"{one.ref}/{unit}" for one in self.found.of for unit in one.passed]


def _look(
    session: Session, plan: Plan, document: PlanDocument | None, orders: Orders, today: dt.date, *, lock: bool
) -> _Seen:
    phases = phases_of_change(session, plan, lock=lock)  # in the order in which opening a phase locks them
    if lock:
        session.refresh(plan, with_for_update={"key_share": True})
    before = document_of(plan.content)
    orders = by_code(orders, before, document)
    after = document_after(before, document, orders)
    parties = settled(session, plan)
    gone = {one.code for one in before.units} - {one.code for one in after.units}
    change = difference(before, after, parties, succeeded(parties, orders, gone))
    known = issued(session, plan, change, orders, lock=lock)
    found = effects(change, orders, known, opened(phases), Days(today, plan.bounds, plan.work_calendar))
    content = None if after is before else content_of(after)
    return _Seen(orders, after, None if content == plan.content else content, change, known, found)


def _store(ledger: Ledger, seen: _Seen) -> None:
    """The document, once all that it names no longer has ended."""
    ended = end(ledger, seen.change, seen.known)
    let_succeed(ledger.session, ledger.plan, ended, seen.orders, seen.after)
    if seen.content is not None:
        load_plan(ledger.session, seen.after, actor=ledger.actor, at=ledger.at, content=seen.content)
    # Storing the document goes past the session, which reads all of it anew.
    ledger.session.flush()
    ledger.session.expire_all()


def _follow(ledger: Ledger, seen: _Seen, bodies_before: Bodies) -> None:
    """The work that runs, and the units."""
    session, plan = ledger.session, ledger.plan
    units = _members(session, plan)
    requirements = _requirements(session, plan, [one.ref for one in seen.found.of if not one.is_empty])
    work = Work(ledger, units, _bodies(session, plan), bodies_before)
    for one in seen.found.of:
        if one.ref in requirements:
            work.change(one, requirements[one.ref], seen.known.get(one.ref))
    touch_units(ledger, seen.change, units, seen.orders)


def _members(session: Session, plan: Plan) -> dict[str, Member]:
    query = select(Unit.id, Unit.code, Unit.kind, Unit.closed_on).where(Unit.plan_id == plan.id)
    return {
        code: Member(id_, code, kind, closed_on is not None) for id_, code, kind, closed_on in session.execute(query)
    }


def _requirements(session: Session, plan: Plan, refs: Sequence[str]) -> dict[str, Requirement]:
    query = select(Requirement).join(Requirement.phase).where(Phase.plan_id == plan.id, Requirement.ref.in_(refs))
    query = query.options(contains_eager(Requirement.phase), joinedload(Requirement.lead))
    return {one.ref: one for one in session.scalars(query)}


def _bodies(session: Session, plan: Plan) -> Bodies:
    office, leader = bodies_of(session, plan.id)
    return Bodies(office.id, leader.id)


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


def _change_set(ledger: Ledger, heading: Heading, orders: Orders, version_before: int) -> ChangeSet:
    plan = ledger.plan
    newest = select(func.max(ChangeSet.number)).where(ChangeSet.plan_id == plan.id)
    return ChangeSet(
        plan_id=plan.id,
        number=(ledger.session.scalar(newest) or 0) + 1,
        title=heading.title.strip(),
        why=heading.why.strip(),
        authority=heading.authority.strip(),
        from_on=heading.from_on,
        by_name=ledger.actor.name,
        at=ledger.at,
        version_before=version_before,
        version_after=plan.version,
        orders=orders.as_json(),
    )


def _refuse_unreviewed(session: Session, plan: Plan, touched: Collection[int]) -> None:
    """Whatever the documents say: each open item of these requirements has a reviewer.

    Raises BlockedError where that unit has ended or owes the item itself.
    """
    bodies, reviewer = _bodies(session, plan), aliased(Unit)
    query = (
        select(Requirement.ref + "/" + Unit.code)
        .select_from(Assignment)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .join(reviewer, reviewer.id == reviewer_id(bodies.office, bodies.leader))
        .where(
            any_of_ids(Assignment.requirement_id, touched),
            Assignment.status.not_in(CLOSED),
            or_(reviewer.closed_on.is_not(None), reviewer.id == Assignment.unit_id),
        )
        .order_by(Assignment.id)
    )
    refuse([Reason("{ref}: nobody is left who could review it", ref=ref) for ref in session.scalars(query)])
