"""What patrol looks after besides the ladder: gates that the office should know of, dates that became certain."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Select, exists, select, text, true
from sqlalchemy.orm import Session, lazyload

from models.assignment import OPEN, Assignment, move_due, of_plan, wake
from models.document import UnitKind
from models.escalation import OF_A_BAD_ROW, put_aside
from models.event import Actor
from models.gate import open_round
from models.message import Notice, post
from models.notice import MessageKind
from models.phase import Phase, PhaseStatus
from models.plan import Plan
from models.requirement import Requirement
from models.unit import body_of
from models.workdays import CalendarName, WorkCalendar


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """How many dates became certain, and how many of them moved."""

    settled: int
    moved: int


def open_phases(session: Session, plan: Plan) -> Sequence[tuple[Phase, bool]]:
    """The open phases of a plan, each with whether anything in it is open."""
    # Asked requirement by requirement: where nearly all is done, the few that are open are not searched for.
    one_open = select(true()).where(Assignment.requirement_id == Requirement.id, OPEN).limit(1).scalar_subquery()
    is_open = exists().where(Requirement.phase_id == Phase.id, one_open.is_(True))
    rows = session.execute(
        select(Phase, is_open)
        .options(lazyload(Phase.ladder))
        .where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN)
        .order_by(Phase.starts_on)
    )
    return [(phase, still_open) for phase, still_open in rows]


def tell_gates(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """Tell the office, once a round, that a phase can close, or that its last day came; the office decides.

    A last day before notices began is history.
    """
    today = plan.day_of(at)
    notices = []
    for phase, still_open in open_phases(session, plan):
        kind = _gate_news(phase, still_open=still_open, today=today, live_from=plan.go_live_on or today)
        gate = open_round(session, _locked(session, phase), at) if kind else None
        if kind and gate:
            notices.append(
                Notice(
                    body_of(session, plan.id, UnitKind.OFFICE).id,
                    kind,
                    f"{phase.ref}#{gate.round}",
                    at,
                    for_date=phase.ends_on,
                    phase_id=phase.id,
                )
            )
    return post(session, plan, notices)


def _gate_news(phase: Phase, *, still_open: bool, today: dt.date, live_from: dt.date) -> MessageKind | None:
    if not still_open:
        return MessageKind.GATE_READY
    return MessageKind.GATE_DUE if live_from <= phase.ends_on < today else None


def _locked(session: Session, phase: Phase) -> Phase:
    """The phase as it is now: two patrols at once must not both open a round."""
    session.refresh(phase, with_for_update={"of": Phase})
    return phase


def settle_provisional(session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, limit: int = 1000) -> Settlement:
    """Recompute a batch of the dates of years whose working days have been published since.

    A row that cannot be judged is set aside, as by `models.escalation.chase`.
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
            put_aside(session, plan, assignment.id, error, actor=actor, at=at)
    return Settlement(settled, moved)


def _settle(session: Session, plan: Plan, assignment: Assignment, on: dt.date, actor: Actor, at: dt.datetime) -> bool:
    """Whether its date moves. Where it does not, the days before it on which somebody is reminded may."""
    assignment.due_provisional = False
    if on == assignment.due_on:
        wake(plan, assignment, void_until=None)
        return False
    why = "working-day calendar published"
    move_due(session, plan, assignment, on, provisional=False, actor=actor, at=at, why=why)
    post(session, plan, [Notice.about(assignment, MessageKind.DUE_MOVED, assignment.unit_id, at)])
    return True


def _provisional(plan: Plan, limit: int) -> Select[Assignment]:
    """Open ones whose provisional date falls in a year that is published: where there is none, asking is cheap."""
    published = (year for year in range(plan.starts, plan.ends + 2) if plan.work_calendar.knows(year))
    last_day = dt.date(max(published, default=plan.starts - 1), 12, 31)
    return (
        select(Assignment)
        .where(text("due_provisional"), OPEN, Assignment.due_on <= last_day, of_plan(plan.code))
        .where(Assignment.needs_attention == "")
        .order_by(Assignment.due_on)
        .limit(limit)
        .with_for_update(of=Assignment, skip_locked=True)
    )


def _meant(assignment: Assignment) -> dt.date:
    """The date that was meant before only weekends were known: the planned one, unless it was extended since."""
    by_weekends = WorkCalendar(CalendarName.WEEKENDS).settle(assignment.planned_due_on).on
    return assignment.planned_due_on if by_weekends == assignment.due_on else assignment.due_on
