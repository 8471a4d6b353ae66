"""Dates follow the calendar: when the working days of a year are published, and when a published year is amended."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, or_, select, text
from sqlalchemy.orm import Session

from models.assignments.assignment import OPEN, Assignment, by_ids, move_due, of_plan, wake
from models.assignments.messages import message_about
from models.common.base import AnyRow, AnySelect, any_of_ids
from models.common.event import Actor, Event, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.dates.instants import first_round_on
from models.dates.workdays import EarlierCalendar, Settled, WorkCalendar
from models.outbox.message import post
from models.patrol.escalation import OF_A_BAD_ROW, quarantine
from models.plan.ladder import LadderState, Step, next_look
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Ladders, Requirement

WHY = "working-day calendar published or amended"
LONGEST_HOLIDAY = dt.timedelta(days=31)  # in which no day is worked, with much to spare


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """How many dates became certain, and how many of them moved."""

    settled: int
    moved: int


@dataclasses.dataclass(frozen=True, slots=True)
class Followed:
    """How many dates of a batch moved; `last_id`: where the next batch begins, None where there is none."""

    moved: int = 0
    last_id: int | None = None


# A calendar that changed


def changed_years(plan: Plan) -> list[int]:
    """Years of which the program knows other working days than when patrol last looked. Asks the database nothing."""
    before = _known_by(plan.calendar_changes)
    return [int(year) for year, days in _known_now(plan).items() if before.get(year) != days]


def _known_now(plan: Plan) -> dict[str, str]:
    # From the year before, as steps count from days of issue, to that after the last to which a date may move.
    return plan.work_calendar.known(range(plan.starts - 1, plan.ends + 3))


def _known_by(changes: Iterable[Mapping[str, dict[str, str]]]) -> dict[str, str]:
    return {year: days for change in changes for year, days in change["years"].items()}


def earlier_calendars(plan: Plan) -> list[tuple[dt.datetime, WorkCalendar]]:
    """The calendars that dates went by before, each with the instant at which it gave way to the next."""
    changes = plan.calendar_changes
    return [
        (dt.datetime.fromisoformat(after["at"]), EarlierCalendar.read(plan.calendar, _known_by(changes[:number])))
        for number, after in enumerate(changes)
        if number
    ]


def follow(session: Session, plan: Plan, *, after: int, actor: Actor, at: dt.datetime, limit: int) -> Followed:
    """Look at a batch of the open assignments near the years that changed, from the id `after` on.

    Dates move, and so do the days of their steps. The last batch notes the calendar, so that all are looked at once;
    where that is cut short, those that have moved already stay. A row that cannot be judged is set aside.
    """
    years = changed_years(plan)
    if not years:
        return Followed()
    ladders = Ladders(session, plan)
    rows = session.execute(_near(plan, years, ladders.all(), after, limit)).all()
    others = [row.id for row in rows if _may_differ(plan, row, ladders.of(row.phase_id, row.ladder_id))]
    moved = _settle_all(session, plan, by_ids(session, plan, others), actor, at) if others else 0
    if len(rows) == limit:
        return Followed(moved, rows[-1].id)
    note_calendar(plan, at)
    return Followed(moved)


def note_calendar(plan: Plan, at: dt.datetime) -> None:
    """Write down what is known of the years that changed: dates follow what changes from here on."""
    if years := changed_years(plan):
        now = _known_now(plan)
        change = {"at": at.isoformat(), "years": {str(year): now[str(year)] for year in years}}
        plan.calendar_changes = [*plan.calendar_changes, change]


def _near(plan: Plan, years: Iterable[int], ladders: Iterable[tuple[Step, ...]], after: int, limit: int) -> AnySelect:
    """Open assignments of which a date, or a step that counts from it, may lie in one of the years."""
    offsets = [abs(step.offset) for ladder in ladders for step in ladder]
    # Of the working days that a step counts there are at least two in five.
    reach = dt.timedelta(days=5 * max(offsets, default=0) // 2) + LONGEST_HOLIDAY
    dates = (
        *(Assignment.planned_due_on, Assignment.due_on, Assignment.issued_on, Assignment.submitted_on),
        Assignment.promised_on,
    )
    spans = ((dt.date(year, 1, 1) - reach, dt.date(year, 12, 31) + reach) for year in years)
    is_near = or_(*(one.between(first, last) for first, last in spans for one in dates))
    columns = (
        *(Assignment.id, Assignment.status, Assignment.planned_due_on, Assignment.due_on, Assignment.due_provisional),
        *(Assignment.issued_on, Assignment.submitted_on, Assignment.done_until, Assignment.next_action_at),
        Assignment.promised_on,
        *(Assignment.needs_attention, Requirement.phase_id, Requirement.ladder_id),
        *(Requirement.on_day_off,),
    )
    return (
        select(*columns)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id, OPEN, Assignment.id > after, is_near)
        .order_by(Assignment.id)
        .limit(limit)
    )


def _may_differ(plan: Plan, row: AnyRow, ladder: tuple[Step, ...]) -> bool:
    """Whether a row has to be looked at more closely: its date, or its next step, is not what the plan's date gives."""
    if plan.work_calendar.settle(row.planned_due_on, row.on_day_off) != Settled(row.due_on, row.due_provisional):
        return True
    dates = (row.issued_on, row.due_on, row.submitted_on, row.done_until, row.promised_on)
    standing = LadderState(row.status, *dates)
    try:
        look_on = next_look(ladder, standing, plan.work_calendar, plan.go_live_on or dt.date.min)
    except OF_A_BAD_ROW:
        return True  # it is set aside there
    return not row.needs_attention and row.next_action_at != (look_on and first_round_on(look_on, plan.timezone))


# Dates that were provisional


def settle_provisional(session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, limit: int = 1000) -> Settlement:
    """Recompute a batch of the dates that are marked provisional and certain by now, as those are that were set aside.

    A row that cannot be judged is set aside, as by `models.patrol.escalation.chase`.
    """
    rows = session.scalars(_provisional(plan, limit)).all()
    certain = [one for one in rows if not plan.work_calendar.settle(one.due_on).provisional]
    return Settlement(len(certain), _settle_all(session, plan, certain, actor, at) if certain else 0)


def _provisional(plan: Plan, limit: int) -> Select[Assignment]:
    """Open assignments with a provisional date on a day that is certain by now; cheap where there is none."""
    last_day = plan.work_calendar.last_certain_day(range(plan.starts, plan.ends + 3)) or dt.date.min
    return (
        select(Assignment)
        .where(text("due_provisional"), OPEN, Assignment.due_on <= last_day, of_plan(plan.code))
        .where(Assignment.needs_attention == "")
        .order_by(Assignment.due_on)
        .limit(limit)
        .with_for_update(of=Assignment, key_share=True, skip_locked=True)
    )


# One date


def _settle_all(session: Session, plan: Plan, assignments: Sequence[Assignment], actor: Actor, at: dt.datetime) -> int:
    """Recompute the dates of these assignments, which are locked; returns how many moved."""
    set_by_people = _set_by_people(session, [one.id for one in assignments])
    moved = 0
    for assignment in assignments:
        if assignment.needs_attention:
            assignment.due_provisional = True  # so that it is looked at once it is given back
            continue
        calendar = plan.work_calendar
        try:
            with session.begin_nested():
                if assignment.id in set_by_people:
                    meant = calendar.settle(assignment.due_on)
                else:
                    meant = calendar.settle(assignment.planned_due_on, assignment.requirement.on_day_off)
                moved += _settle(session, plan, assignment, meant, actor, at)
        except OF_A_BAD_ROW as error:
            quarantine(session, plan, assignment.id, error, actor=actor, at=at)
    return moved


def _set_by_people(session: Session, ids: Sequence[int]) -> frozenset[int]:
    """Those whose date somebody changed after they were issued: it counts as it is, and no longer the plan's."""
    is_changed = and_(Event.due_before.is_not(None), Event.due_after != Event.due_before)
    is_moved: ColumnElement[bool] = Event.kind.in_((EventKind.MOVED, EventKind.DUE_MOVED))
    # The program acts for no unit.
    changed = select(Event.assignment_id).where(
        any_of_ids(Event.assignment_id, ids), is_moved, is_changed, Event.actor_unit_id.is_not(None)
    )
    return frozenset(one for one in session.scalars(changed) if one is not None)


def _settle(
    session: Session, plan: Plan, assignment: Assignment, settled: Settled, actor: Actor, at: dt.datetime
) -> bool:
    """Set one date anew; returns whether it moved. Where it stays, the days of its reminders may still move."""
    if settled.on < assignment.due_on and settled.on <= plan.day_of(at):
        settled = plan.work_calendar.settle(assignment.due_on)  # nothing becomes overdue because a date moved back
    if settled.on == assignment.due_on:
        assignment.due_provisional = settled.provisional
        wake(plan, assignment, void_until=None)
        return False
    move_due(session, plan, assignment, settled.on, provisional=settled.provisional, actor=actor, at=at, why=WHY)
    _excuse(session, plan, assignment, actor, at)
    post(session, plan, [message_about(assignment, MessageKind.DUE_MOVED, assignment.unit_id, at)])
    return True


def _excuse(session: Session, plan: Plan, assignment: Assignment, actor: Actor, at: dt.datetime) -> None:
    """What was handed in by the new date was not late, though it seemed so by the old one."""
    is_first = assignment.status is Status.SUBMITTED and assignment.version == 1
    handed_in = assignment.submitted_on
    if assignment.late and is_first and handed_in is not None and handed_in <= assignment.due_on:
        assignment.late = False
        record(session, EventKind.EXCUSED, actor, at, plan_id=plan.id, assignment_id=assignment.id, why=WHY)
