"""What patrol looks after besides the ladder: gates that the office should know of, dates that became certain."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.assignment import Assignment, move_due
from models.document import UnitKind
from models.event import Actor
from models.gate import open_round
from models.message import Notice, post
from models.notice import MessageKind
from models.phase import Phase, PhaseStatus
from models.plan import Plan
from models.requirement import Requirement
from models.status import CLOSED
from models.unit import body_of
from models.workdays import CalendarName, WorkCalendar


def open_counts(session: Session, plan: Plan) -> Sequence[tuple[Phase, int]]:
    """The open phases of a plan, each with how many of its assignments are open."""
    open_ones = func.count(Assignment.id).filter(Assignment.status.not_in(CLOSED))
    rows = session.execute(
        select(Phase, open_ones)
        .join(Requirement, Requirement.phase_id == Phase.id)
        .join(Assignment, Assignment.requirement_id == Requirement.id)
        .where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN)
        .group_by(Phase.id)
        .order_by(Phase.starts_on)
    )
    return [(phase, count) for phase, count in rows]


def tell_gates(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """Tell the office, once a round, that a phase can close, or that its last day came; the office decides.

    A last day before notices began is history.
    """
    today = plan.day_of(at)
    office = body_of(session, plan.id, UnitKind.OFFICE)
    notices = []
    for phase, still_open in open_counts(session, plan):
        kind = _gate_news(phase, still_open, today, plan.go_live_on or today)
        gate = open_round(session, _locked(session, phase), at) if kind else None
        if kind and gate:
            notices.append(
                Notice(
                    office.id,
                    kind,
                    f"{phase.ref}#{gate.round}",
                    at,
                    for_date=phase.ends_on,
                    phase_id=phase.id,
                )
            )
    return post(session, plan, notices)


def _gate_news(phase: Phase, still_open: int, today: dt.date, live_from: dt.date) -> MessageKind | None:
    if still_open == 0:
        return MessageKind.GATE_READY
    return MessageKind.GATE_DUE if live_from <= phase.ends_on < today else None


def _locked(session: Session, phase: Phase) -> Phase:
    """The phase as it is now: two patrols at once must not both open a round."""
    session.refresh(phase, with_for_update={"of": Phase})
    return phase


def settle_provisional(session: Session, plan: Plan, *, actor: Actor, at: dt.datetime) -> int:
    """Recompute the dates of years whose working days have been published since; returns how many moved."""
    rows = session.scalars(
        select(Assignment)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id, Assignment.due_provisional, Assignment.status.not_in(CLOSED))
        .order_by(Assignment.id)
        .with_for_update(of=Assignment, skip_locked=True)
    )
    moved = 0
    for assignment in rows:
        settled = plan.work_calendar.settle(_meant(assignment))
        if settled.provisional:
            continue
        assignment.due_provisional = False
        if settled.on != assignment.due_on:
            moved += 1
            why = "working-day calendar published"
            move_due(session, plan, assignment, settled.on, provisional=False, actor=actor, at=at, why=why)
            post(session, plan, [Notice.about(assignment, MessageKind.DUE_MOVED, assignment.unit_id, at)])
    return moved


def _meant(assignment: Assignment) -> dt.date:
    """The date that was meant before only weekends were known: the planned one, unless it was extended since."""
    by_weekends = WorkCalendar(CalendarName.WEEKENDS).settle(assignment.planned_due_on).on
    return assignment.planned_due_on if by_weekends == assignment.due_on else assignment.due_on
