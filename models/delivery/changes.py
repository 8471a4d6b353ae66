"""What a change set means for one unit, as the lines of its letter: first the change itself, then all that it did."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.changes.change_set import ChangeItem, ChangeSet, Touch, change_of, number_in
from models.changes.meaning import meaning_of
from models.common.base import AnyRow
from models.common.text import Text
from models.delivery.letter import Line
from models.plan.plan import Plan
from models.plan.unit import Unit, names_of

TOLD_BY_A_CHANGE = select(ChangeItem.assignment_id).where(
    ChangeItem.what == Touch.ISSUED, ChangeItem.assignment_id.is_not(None)
)
# Of an item that is new or ends there is nothing else to say.
WHOLE = (Touch.ISSUED, Touch.WITHDRAWN)


def changed_lines(session: Session, plan: Plan, today: dt.date, unit: Unit, message: AnyRow) -> list[Line]:
    """The change set with its reason and authority, and a line for each thing that it did to the unit."""
    change = change_of(session, plan, number_in(message.subject))
    items = session.scalars(
        select(ChangeItem)
        .where(ChangeItem.change_set_id == change.id, ChangeItem.unit_id == unit.id)
        .order_by(ChangeItem.id)
    ).all()
    whole = {one.assignment_id for one in items if one.what in WHOLE and one.assignment_id}
    told = [one for one in items if one.what in WHOLE or one.assignment_id not in whole]
    names = names_of(session, plan.id)
    return [_head(plan, change, message), *(_line(plan, today, one, message, names) for one in told)]


def _head(plan: Plan, change: ChangeSet, message: AnyRow) -> Line:
    title = Text(change.title, change.title)
    return Line(
        kind=message.kind,
        ref=f"{plan.code}-{change.number}",
        title=title,
        source=change.authority,
        reason=change.why,
        by=change.by_name,
    )


def _line(plan: Plan, today: dt.date, one: ChangeItem, message: AnyRow, names: Mapping[str, Text]) -> Line:
    changed = meaning_of(one.what, one.before, one.after, names)
    if one.requirement is None:
        return Line(kind=message.kind, ref=one.unit.code, title=one.unit.name, changed=changed)
    asked, row = one.requirement, one.assignment
    is_owed = row is not None and one.what is not Touch.WITHDRAWN
    due_on = row.due_on if row is not None and is_owed else None
    return Line(
        kind=message.kind,
        ref=one.ref,
        title=asked.title,
        item=asked.item,
        due_on=due_on,
        planned_due_on=row.planned_due_on if row and is_owed else None,
        provisional=bool(row and is_owed and row.due_provisional),
        working_days_left=plan.work_calendar.count(today, due_on) if due_on else None,
        why=asked.why if one.what in {Touch.ISSUED, Touch.REWORDED} else None,
        proof=asked.proof if one.what in {Touch.ISSUED, Touch.REWORDED} else None,
        source=asked.source if one.what is Touch.ISSUED else "",
        basis=asked.basis,
        changed=changed,
    )
