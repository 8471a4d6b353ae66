"""Dates that were provisional become certain when the working days of their year are published."""

import dataclasses
import datetime as dt

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from models.assignments.assignment import OPEN, Assignment, move_due, of_plan, wake
from models.assignments.messages import message_about
from models.common.event import Actor
from models.common.message_kinds import MessageKind
from models.dates.workdays import CalendarName, WorkCalendar
from models.outbox.message import post
from models.patrol.escalation import OF_A_BAD_ROW, quarantine
from models.plan.plan import Plan


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """How many dates became certain, and how many of them moved."""

    settled: int
    moved: int


def settle_provisional(session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, limit: int = 1000) -> Settlement:
    """Recompute a batch of the dates of years whose working days have been published since.

    A row that cannot be judged is set aside, as by `models.patrol.escalation.chase`.
    """
    rows = session.scalars(_provisional(plan, limit)).all()
    settled = moved = 0
    for assignment in rows:
        now_meant = plan.work_calendar.settle(_meant(assignment))
        if now_meant.provisional:
            continue
        settled += 1
        try:
            with session.begin_nested():
                moved += _settle(session, plan, assignment, now_meant.on, actor, at)
        except OF_A_BAD_ROW as error:
            quarantine(session, plan, assignment.id, error, actor=actor, at=at)
    return Settlement(settled, moved)


def _settle(session: Session, plan: Plan, assignment: Assignment, on: dt.date, actor: Actor, at: dt.datetime) -> bool:
    """Recompute one date; returns whether it moved. Where it stays, the days of its reminders may still move."""
    assignment.due_provisional = False
    if on == assignment.due_on:
        wake(plan, assignment, void_until=None)
        return False
    why = "working-day calendar published"
    move_due(session, plan, assignment, on, provisional=False, actor=actor, at=at, why=why)
    post(session, plan, [message_about(assignment, MessageKind.DUE_MOVED, assignment.unit_id, at)])
    return True


def _provisional(plan: Plan, limit: int) -> Select[Assignment]:
    """Open assignments with a provisional date on a day that is certain by now; cheap where there is none."""
    last_day = plan.work_calendar.last_certain_day(range(plan.starts, plan.ends + 2)) or dt.date.min
    return (
        select(Assignment)
        .where(text("due_provisional"), OPEN, Assignment.due_on <= last_day, of_plan(plan.code))
        .where(Assignment.needs_attention == "")
        .order_by(Assignment.due_on)
        .limit(limit)
        .with_for_update(of=Assignment, skip_locked=True)
    )


def _meant(assignment: Assignment) -> dt.date:
    """The date before it was moved by weekends alone: the planned one, unless it was extended since."""
    by_weekends = WorkCalendar(CalendarName.WEEKENDS).settle(assignment.planned_due_on).on
    return assignment.planned_due_on if by_weekends == assignment.due_on else assignment.due_on
