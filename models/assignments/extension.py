"""Extensions (延期): asked for before the deadline, with reasons; the original date stays visible."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from sqlalchemy import BigInteger, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, move_due
from models.assignments.messages import message_about
from models.common.base import Base, Instant, Key, any_of_many
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.common.typed import said
from models.dates.bounds import Bounds
from models.outbox.message import NewMessage, post
from models.plan.plan import Plan
from models.plan.unit import body_of


class Extension(Base):
    """A request, and what the office decided. Undecided while `granted` is null: silence is not consent."""

    __tablename__ = "extension"
    __table_args__ = (
        Index(
            "extension_one_pending_idx",
            "assignment_id",
            unique=True,
            postgresql_where=text("granted IS NULL"),
        ),
    )

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), index=True, doc="the assignment (assignment)"
    )
    until: Mapped[dt.date] = mapped_column(doc="until this day")
    reason: Mapped[str] = mapped_column(doc="why")
    asked_by: Mapped[str] = mapped_column(doc="who asked")
    asked_at: Mapped[Instant] = mapped_column(doc="when it was asked")
    due_before: Mapped[dt.date] = mapped_column(doc="the date until then")
    granted: Mapped[bool | None] = mapped_column(doc="true: granted")
    decided_by: Mapped[str | None] = mapped_column(doc="who decided")
    decided_at: Mapped[Instant | None] = mapped_column(doc="when it was decided")
    decision_reason: Mapped[str | None] = mapped_column(doc="why it was decided so")
    due_after: Mapped[dt.date | None] = mapped_column(doc="the date from then on")


def reasons_not_extendable(
    assignment: Assignment, until: dt.date, reason: str, today: dt.date, bounds: Bounds
) -> list[Reason]:
    """Why more time cannot be asked for; empty where it can."""
    reasons = []
    if not said(reason):
        reasons.append(Reason("a reason is needed"))
    reasons += reasons_past_extending(assignment, today)
    if until <= assignment.due_on:
        reasons.append(Reason("{until} is not later than {due_on}", until=until, due_on=assignment.due_on))
    return [*reasons, *bounds.reasons_outside(until)]


def reasons_past_extending(assignment: Assignment, today: dt.date) -> list[Reason]:
    """Why no request for more time would be taken, whatever it says."""
    reasons = []
    if not assignment.status.is_owed:
        reasons.append(Reason("it is {status}", status=assignment.status))
    if today > assignment.due_on:
        reasons.append(
            Reason("it was due on {due_on}; more time is asked for before the deadline", due_on=assignment.due_on)
        )
    return reasons


def ask(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    until: dt.date,
    reason: str,
    actor: Actor,
    at: dt.datetime,
) -> Extension:
    """A unit asks for more time. Raises RefusedError with every reason against it, also where one is pending."""
    reasons = reasons_not_extendable(assignment, until, reason, plan.day_of(at), plan.bounds)
    if pending(session, assignment) is not None:
        reasons.append(Reason("an earlier request is not decided yet"))
    if reasons:
        raise RefusedError("{ref}: no extension can be asked for: {reasons}", ref=assignment.ref, reasons=reasons)
    extension = Extension(
        assignment_id=assignment.id,
        until=until,
        reason=reason.strip(),
        asked_by=actor.name,
        asked_at=at,
        due_before=assignment.due_on,
    )
    session.add(extension)
    session.flush()
    record(
        session,
        EventKind.EXTENSION_ASKED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        why=reason,
        detail={"until": until.isoformat()},
    )
    decides = UnitKind.LEADER if assignment.unit.kind is UnitKind.OFFICE else UnitKind.OFFICE
    told, kind = body_of(session, plan.id, decides), MessageKind.EXTENSION_ASKED
    message = message_about(assignment, kind, told.id, at, by_name=actor.name, reason=reason)
    post(session, plan, [_of(extension, message)])
    return extension


def _of(extension: Extension, message: NewMessage) -> NewMessage:
    """The subject of messages about a request. It holds the id, so that two on one day are two messages."""
    return dataclasses.replace(message, subject=f"{message.subject}+{extension.id}")


def pending(session: Session, assignment: Assignment) -> Extension | None:
    return pending_of(session, [assignment.id]).get(assignment.id)


def pending_of(session: Session, assignment_ids: Collection[int]) -> dict[int, Extension]:
    """The requests that wait, by the ids of their assignments."""
    if not assignment_ids:
        return {}
    waiting = select(Extension).where(any_of_many(Extension.assignment_id, assignment_ids), Extension.granted.is_(None))
    return {one.assignment_id: one for one in session.scalars(waiting)}


def decide(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    grant: bool,
    reason: str,
    actor: Actor,
    at: dt.datetime,
    until: dt.date | None = None,
) -> Extension:
    """The office grants or refuses the pending request. A date on a day off moves to the next working day.

    `until` is the day that it grants, where that is another than the one asked for. Raises NotFoundError where nothing
    is pending, RefusedError for a refusal without a reason and for a day that cannot be granted.
    """
    extension = _decidable(session, plan, assignment, grant=grant, reason=reason, until=until)
    extension.granted = grant
    extension.decided_by, extension.decided_at, extension.decision_reason = actor.name, at, reason
    if grant:
        _extend(session, plan, assignment, extension, until or extension.until, actor, at)
    else:
        about = {"plan_id": plan.id, "assignment_id": assignment.id}
        record(session, EventKind.EXTENSION_REFUSED, actor, at, why=reason, **about)
    kind = MessageKind.EXTENSION_GRANTED if grant else MessageKind.EXTENSION_REFUSED
    message = message_about(assignment, kind, assignment.unit_id, at, by_name=actor.name, reason=reason)
    post(session, plan, [_of(extension, message)])
    return extension


def _decidable(
    session: Session, plan: Plan, assignment: Assignment, *, grant: bool, reason: str, until: dt.date | None
) -> Extension:
    """The pending request. Raises where there is none, where a refusal has no reason, or its day cannot be granted."""
    extension = pending(session, assignment)
    if extension is None:
        raise NotFoundError("{refs}: no extension waits for a decision", refs=assignment.ref)
    if grant and not assignment.status.is_owed:
        raise RefusedError(
            "{ref} is {status}: more time would change nothing", ref=assignment.ref, status=assignment.status
        )
    # The plan may have become shorter since it was asked for, and older versions took any day.
    if grant and (reasons := _reasons_not_grantable(plan, assignment, until or extension.until)):
        raise RefusedError("{ref}: no time can be granted: {reasons}", ref=assignment.ref, reasons=reasons)
    if until is not None and not grant:
        raise RefusedError("{ref}: a refusal grants no day", ref=assignment.ref)
    if not (grant or said(reason)):
        raise RefusedError("{ref}: say why the extension is refused", ref=assignment.ref)
    return extension


def _reasons_not_grantable(plan: Plan, assignment: Assignment, until: dt.date) -> list[Reason]:
    reasons = plan.bounds.reasons_outside(until)
    if until <= assignment.due_on:
        reasons.append(Reason("{until} is not later than {due_on}", until=until, due_on=assignment.due_on))
    return reasons


def ends_before(assignment: Assignment, until: dt.date) -> dt.date | None:
    """The last day of the item's phase, where more time until that day would go beyond it."""
    last = assignment.requirement.phase.ends_on
    return last if until > last else None


def _extend(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    extension: Extension,
    until: dt.date,
    actor: Actor,
    at: dt.datetime,
) -> None:
    settled = plan.work_calendar.settle(until)
    extension.due_after = settled.on
    provisional, why = settled.provisional, extension.reason
    move_due(session, plan, assignment, settled.on, provisional=provisional, actor=actor, at=at, why=why)
