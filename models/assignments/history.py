"""The changes of assignments according to the journal, from which the light of any day is computed."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.changes import CHANGES
from models.assignments.light import Change, History, Light, light
from models.common.base import any_of_ids
from models.common.event import Event, EventKind
from models.dates.instants import end_of
from models.plan.plan import Plan


def history_of(plan: Plan, changes: Sequence[Change], issued_on: dt.date, on: dt.date, *, open_ended: bool) -> History:
    """The history of one assignment, with the signing limit that was in force on that day."""
    # The last day on which signing is not behind.
    sign_by = plan.work_calendar.add(issued_on, plan.limits_on(on).unsigned_working_days)
    return History(tuple(changes), sign_by, open_ended)


def changes_until(
    session: Session, plan: Plan, on: dt.date, ids: Collection[int] | None = None
) -> dict[int, list[Change]]:
    """What changed for each assignment (for these, if named) until the end of that day.

    Each entry carries what it left unchanged.
    """
    query = (
        select(Event.assignment_id, Event.at, Event.kind, Event.status_after, Event.due_after)
        .where(
            Event.plan_id == plan.id,
            Event.kind.in_(CHANGES),
            Event.at <= end_of(on, plan.timezone),
        )
        .order_by(Event.id)
    )
    rows = session.execute(query if ids is None else query.where(any_of_ids(Event.assignment_id, ids)))
    changes: dict[int, list[Change]] = defaultdict(list)
    for row in rows:
        known = changes[row.assignment_id]
        known.append(change_of(plan, row, known[-1] if known else None))
    return changes


def change_of(plan: Plan, entry: Any, before: Change | None) -> Change:
    """The state after an entry of the journal; what the entry does not mention stays as it was before."""
    on, excused = plan.day_of(entry.at), entry.kind is EventKind.EXCUSED
    if before is None:
        return Change(on, entry.status_after, entry.due_after, excused)
    return Change(on, entry.status_after or before.status, entry.due_after or before.due_on, excused)


def light_of(session: Session, plan: Plan, assignment: Assignment, on: dt.date) -> Light:
    """The light of one assignment at the end of that day, or as it stands now if that is today."""
    changes = changes_until(session, plan, on, [assignment.id])[assignment.id]
    history = history_of(plan, changes, assignment.issued_on, on, open_ended=assignment.requirement.open_ended)
    return light(history, on, plan.limits_on(on).near_limit_days)
