"""Corrections (更正): a slip of the hand is taken back, with a reason and a name.

Nothing is rewritten: the journal has both entries, and a past day keeps what was known on it.
"""

import datetime as dt
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment, move, still_open
from models.assignments.evidence import hand_in_again
from models.assignments.messages import message_about
from models.assignments.reviewer import reviewer_of
from models.common.errors import BlockedError, IllegalMoveError, Reason, RefusedError
from models.common.event import Actor, Event, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import said
from models.outbox.message import post
from models.plan.area import Role
from models.plan.plan import Plan


class Corrected(StrEnum):
    """What is taken back."""

    HAND_IN = "hand-in"
    ACCEPTANCE = "acceptance"
    WAIVER = "waiver"


UNDONE_FROM = {
    Corrected.HAND_IN: Status.SUBMITTED,
    Corrected.ACCEPTANCE: Status.ACCEPTED,
    Corrected.WAIVER: Status.WAIVED,
}


def withdraw(
    session: Session, plan: Plan, assignment: Assignment, *, reason: str, actor: Actor, at: dt.datetime
) -> None:
    """撤回: the unit takes back what nobody has reviewed yet. The date runs on as if nothing had come in.

    Raises IllegalMoveError where nothing is under review, RefusedError without a reason and where a review was undone:
    what was judged once is for the reviewer to judge again.
    """
    _refuse(assignment, Corrected.HAND_IN, reason)
    before = _before(session, assignment)
    if not before.is_owed:
        raise RefusedError("{ref} was reviewed before; its reviewer decides on it anew", ref=assignment.ref)
    back = Status.ACKNOWLEDGED if before is Status.ISSUED else before
    _journal(session, plan, assignment, Corrected.HAND_IN, reason, actor, at)
    move(session, plan, assignment, back, actor=actor, at=at, why=said(reason), correcting=True)
    reviewer = reviewer_of(session, plan, assignment)
    _tell(session, plan, assignment, MessageKind.WITHDRAWN, reviewer.id, reason, actor, at)


def reopen(session: Session, plan: Plan, assignment: Assignment, *, reason: str, actor: Actor, at: dt.datetime) -> None:
    """撤销办结: an acceptance is taken back, and what was handed in is under review again, as a new version.

    It makes nobody late. Raises IllegalMoveError where it is not accepted, RefusedError without a reason, BlockedError
    while the lead's own item is accepted, which rests on this one.
    """
    _refuse(assignment, Corrected.ACCEPTANCE, reason)
    resting = _resting_on(session, assignment)
    if resting:
        raise BlockedError(
            "{ref}: what rests on it is accepted, reopen that first: {reasons}", resting, ref=assignment.ref
        )
    _journal(session, plan, assignment, Corrected.ACCEPTANCE, reason, actor, at)
    hand_in_again(session, plan, assignment, actor=actor, at=at, why=said(reason))
    _tell(session, plan, assignment, MessageKind.REOPENED, assignment.unit_id, reason, actor, at)


def ask_again(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    reason: str,
    actor: Actor,
    at: dt.datetime,
    until: dt.date | None = None,
) -> None:
    """恢复交办: a waiver is taken back, and the item stands as it stood before.

    `until` is its new date, on a day off the next working day; needed where the unit has to act and its date has
    passed. Raises IllegalMoveError where it is not waived, RefusedError with every reason against it.
    """
    _refuse(assignment, Corrected.WAIVER, reason)
    back = _before(session, assignment)
    reasons = reasons_not_askable(assignment, back, until, plan.day_of(at)) + plan.bounds.reasons_outside(until)
    if reasons:
        raise RefusedError("{ref} cannot be asked for again so: {reasons}", ref=assignment.ref, reasons=reasons)
    _journal(session, plan, assignment, Corrected.WAIVER, reason, actor, at)
    due_on = until and plan.work_calendar.settle(until).on
    move(session, plan, assignment, back, actor=actor, at=at, why=said(reason), due_on=due_on, correcting=True)
    _tell(session, plan, assignment, MessageKind.ASKED_AGAIN, assignment.unit_id, reason, actor, at)


def reasons_not_askable(assignment: Assignment, back: Status, until: dt.date | None, today: dt.date) -> list[Reason]:
    """Why a waiver cannot be taken back so; empty where it can. `back` is the status that it would have again."""
    is_over = today > assignment.due_on and not assignment.requirement.open_ended
    if until is not None and not back.is_owed:
        return [Reason("a new date is only for what the unit still has to hand in")]
    if until is not None and until <= today:
        return [Reason("{day} is not later than today", day=until)]
    if until is None and back.is_owed and is_over:
        return [Reason("it was due on {due_on} and is not handed in; give a new date", due_on=assignment.due_on)]
    return []


def _refuse(assignment: Assignment, what: Corrected, reason: str) -> None:
    if assignment.status is not UNDONE_FROM[what]:
        raise IllegalMoveError(
            "{ref} is {status}: there is nothing of that kind to take back",
            ref=assignment.ref,
            status=assignment.status,
        )
    if not said(reason):
        raise RefusedError("{ref}: say why it is taken back", ref=assignment.ref)


def _before(session: Session, assignment: Assignment) -> Status:
    """The status that it had before the one that it has."""
    query = (
        select(Event.status_before)
        .where(
            Event.assignment_id == assignment.id,
            Event.kind == EventKind.MOVED,
            Event.status_after == assignment.status,
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    before = session.scalars(query).one()
    assert before is not None
    return before


def _resting_on(session: Session, assignment: Assignment) -> list[Reason]:
    """The lead's own item, where it was accepted because this one was."""
    if assignment.role is Role.LEAD:
        return []
    query = select(Assignment).where(
        Assignment.requirement_id == assignment.requirement_id,
        Assignment.role == Role.LEAD,
        Assignment.status == Status.ACCEPTED,
    )
    return [still_open(one.ref, one.status) for one in session.scalars(query)]


def _journal(
    session: Session, plan: Plan, assignment: Assignment, what: Corrected, reason: str, actor: Actor, at: dt.datetime
) -> None:
    record(
        session,
        EventKind.CORRECTED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        why=said(reason),
        detail={"what": what},
    )


def _tell(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    kind: MessageKind,
    recipient_id: int,
    reason: str,
    actor: Actor,
    at: dt.datetime,
) -> None:
    post(session, plan, [message_about(assignment, kind, recipient_id, at, by_name=actor.name, reason=said(reason))])
