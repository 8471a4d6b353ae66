"""Objections (异议): a unit disagrees with a return or with a light, and the office decides, always with a reason."""

import dataclasses
import datetime as dt
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, move_due
from models.assignments.evidence import hand_in_again
from models.assignments.history import light_of
from models.assignments.light import Light
from models.assignments.messages import message_about
from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import said
from models.outbox.message import NewMessage, post
from models.plan.plan import Plan
from models.plan.unit import body_of


class About(StrEnum):
    """What is objected to."""

    RETURN = "return"
    LIGHT = "light"


BAD_LIGHTS = frozenset({Light.YELLOW, Light.RED})


class Objection(Base):
    """An objection, and what the office decided. Undecided while `upheld` is null: silence decides nothing.

    `version` is the one that was in force: a return of another version is another matter.
    """

    __tablename__ = "objection"
    __table_args__ = (
        Index(
            "objection_one_pending_idx",
            "assignment_id",
            unique=True,
            postgresql_where=text("upheld IS NULL"),
        ),
    )

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), index=True, doc="the assignment (assignment)"
    )
    about: Mapped[About] = mapped_column(text_enum(About, "about"), doc="what it is raised against")
    version: Mapped[int] = mapped_column(doc="which version")
    reason: Mapped[str] = mapped_column(doc="why")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    upheld: Mapped[bool | None] = mapped_column(doc="true: upheld")
    decided_by: Mapped[str | None] = mapped_column(doc="who decided")
    decided_at: Mapped[Instant | None] = mapped_column(doc="when it was decided")
    decision_reason: Mapped[str | None] = mapped_column(doc="why it was decided so")


def reasons_not_objectable(about: About, status: Status, light: Light, reason: str, *, is_late: bool) -> list[Reason]:
    """Why this cannot be objected to today; empty where it can. Of a light, only lateness can be objected to."""
    needed = [] if said(reason) else [Reason("a reason is needed")]
    return [*needed, *_reasons_unfounded(about, status, light, is_late=is_late)]


def objectionable(assignment: Assignment, light: Light, today: dt.date) -> list[About]:
    """What can be objected to on a day with this light."""
    status, late = assignment.status, is_late(assignment, today)
    return [about for about in About if not _reasons_unfounded(about, status, light, is_late=late)]


def is_late(assignment: Assignment, today: dt.date) -> bool:
    """It was handed in after its date, or the date has passed and the unit has to act still."""
    is_over = assignment.due_on < today and not assignment.requirement.open_ended
    return assignment.late or (assignment.status.is_owed and is_over)


def _reasons_unfounded(about: About, status: Status, light: Light, *, is_late: bool) -> list[Reason]:
    reasons = []
    if about is About.RETURN and status is not Status.RETURNED:
        reasons.append(Reason("it was not returned, it is {status}", status=status))
    if about is About.LIGHT and light not in BAD_LIGHTS:
        reasons.append(Reason("its light is neither yellow nor red today"))
    elif about is About.LIGHT and not is_late:
        reasons.append(Reason("its light says nothing of lateness: object to the return, or sign for it"))
    return reasons


def object_to(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    about: About,
    reason: str,
    actor: Actor,
    at: dt.datetime,
) -> Objection:
    """A unit objects to a return or to today's light; until the decision both stand, and the date runs on.

    Raises RefusedError with every reason against it, also where one is pending.
    """
    _refuse_unfounded(session, plan, assignment, about, reason, plan.day_of(at))
    objection = Objection(
        assignment_id=assignment.id,
        about=about,
        version=assignment.version,
        reason=reason.strip(),
        by_name=actor.name,
        at=at,
    )
    session.add(objection)
    session.flush()
    record(
        session,
        EventKind.OBJECTION_RAISED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        why=objection.reason,
        detail={"about": about},
    )
    office = body_of(session, plan.id, UnitKind.OFFICE)
    told = message_about(assignment, MessageKind.OBJECTION, office.id, at, by_name=actor.name, reason=objection.reason)
    post(session, plan, [_of(objection, told)])
    return objection


def _refuse_unfounded(
    session: Session, plan: Plan, assignment: Assignment, about: About, reason: str, today: dt.date
) -> None:
    """Raises RefusedError with every reason against an objection, also where one is pending."""
    light = light_of(session, plan, assignment, today)
    reasons = reasons_not_objectable(about, assignment.status, light, reason, is_late=is_late(assignment, today))
    if pending(session, assignment) is not None:
        reasons.append(Reason("an earlier objection is not decided yet"))
    if reasons:
        raise RefusedError("{ref}: no objection can be raised: {reasons}", ref=assignment.ref, reasons=reasons)


def _of(objection: Objection, message: NewMessage) -> NewMessage:
    """The subject of the messages about it: it holds the objection's id, so that two on one day are two messages."""
    return dataclasses.replace(message, subject=f"{message.subject}+{objection.id}")


def named_in(session: Session, subject: str) -> Objection:
    """The objection that the subject of a message about it names."""
    return session.get_one(Objection, int(subject.rpartition("+")[2]))


def pending(session: Session, assignment: Assignment) -> Objection | None:
    return session.scalars(
        select(Objection).where(Objection.assignment_id == assignment.id, Objection.upheld.is_(None))
    ).one_or_none()


def decide(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    upheld: bool,
    reason: str,
    until: dt.date | None,
    actor: Actor,
    at: dt.datetime,
) -> Objection:
    """The office decides on the pending objection.

    Upheld against a return, it undoes the return; upheld against a light, it excuses what was late
    until now. `until` is the new date of an excused assignment that is overdue still, and of no other;
    a day off moves to the next working day.

    Raises NotFoundError where nothing is pending, RefusedError with every reason against the decision.
    """
    objection = pending(session, assignment)
    if objection is None:
        raise NotFoundError("{refs}: no objection waits for a decision", refs=assignment.ref)
    today, reason = plan.day_of(at), said(reason)
    reasons = reasons_not_decidable(objection, assignment, until, today, upheld=upheld, reason=reason)
    reasons += plan.bounds.reasons_outside(until)
    if reasons:
        raise RefusedError("{ref}: this cannot be decided so: {reasons}", ref=assignment.ref, reasons=reasons)
    objection.upheld = upheld
    objection.decided_by, objection.decided_at, objection.decision_reason = actor.name, at, reason
    fields = {"plan_id": plan.id, "assignment_id": assignment.id, "why": reason}
    detail = {"about": objection.about, "upheld": upheld}
    record(session, EventKind.OBJECTION_DECIDED, actor, at, detail=detail, **fields)
    if upheld and objection.about is About.RETURN:
        _undo_return(session, plan, assignment, reason, actor, at)
    elif upheld:
        assignment.late = False
        record(session, EventKind.EXCUSED, actor, at, **fields)
        if until is not None:
            _move_due(session, plan, assignment, until, reason, actor, at)
    kind = MessageKind.OBJECTION_UPHELD if upheld else MessageKind.OBJECTION_DISMISSED
    message = message_about(assignment, kind, assignment.unit_id, at, by_name=actor.name, reason=reason)
    post(session, plan, [_of(objection, message)])
    return objection


def reasons_not_decidable(
    objection: Objection, assignment: Assignment, until: dt.date | None, today: dt.date, *, upheld: bool, reason: str
) -> list[Reason]:
    """Why an objection cannot be decided so; empty where it can."""
    reasons = []
    if not reason:
        reasons.append(Reason("a reason is needed"))
    about, due_on = objection.about, assignment.due_on
    is_returned = assignment.status is Status.RETURNED and assignment.version == objection.version
    if upheld and about is About.RETURN and not is_returned:
        reasons.append(Reason("this return is not in force any more; there is nothing to undo"))
    needs_date = upheld and about is About.LIGHT and assignment.status.is_owed and today > due_on
    if needs_date and until is None:
        reasons.append(Reason("it was due on {due_on} and is not handed in; give a new date", due_on=due_on))
    if needs_date and until is not None and until <= today:
        reasons.append(Reason("{day} is not later than today", day=until))
    if until is not None and not needs_date:
        reasons.append(Reason("a new date is only for what is overdue and excused"))
    return reasons


def _undo_return(
    session: Session, plan: Plan, assignment: Assignment, reason: str, actor: Actor, at: dt.datetime
) -> None:
    today = plan.day_of(at)
    if today > assignment.due_on:
        # The unit handed in long ago: how long the office took to decide must not make it late.
        _move_due(session, plan, assignment, today, reason, actor, at)
    hand_in_again(session, plan, assignment, actor=actor, at=at, why=reason)


def _move_due(
    session: Session, plan: Plan, assignment: Assignment, until: dt.date, why: str, actor: Actor, at: dt.datetime
) -> None:
    settled = plan.work_calendar.settle(until)
    move_due(session, plan, assignment, settled.on, provisional=settled.provisional, actor=actor, at=at, why=why)
