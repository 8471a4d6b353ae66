"""What a change set means for one unit, as the lines of its letter: first the change itself, then all that it did."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from models.changes.change_set import ChangeItem, ChangeSet, Touch, subject
from models.changes.meaning import meaning_of
from models.common.base import AnyRow, any_of_ids
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.delivery.letter import Line
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit, names_of

TOLD_BY_A_CHANGE = select(ChangeItem.assignment_id).where(
    ChangeItem.what == Touch.ISSUED, ChangeItem.assignment_id.is_not(None)
)
# Of an item that is new or ends there is nothing else to say.
WHOLE = (Touch.ISSUED, Touch.WITHDRAWN)


class ChangeLines:
    """What change sets mean for the units that are told of them now: read once for all of their letters."""

    def __init__(self, session: Session, plan: Plan, today: dt.date, messages: Sequence[AnyRow]) -> None:
        self.plan, self.today = plan, today
        told = [row for row in messages if row.kind is MessageKind.PLAN_CHANGED]
        self._changes = self._told_of(session, {row.subject for row in told})
        self._names = names_of(session, plan.id) if told else {}
        self._items = self._read(session, {row.recipient_id for row in told})

    def _told_of(self, session: Session, subjects: Collection[str]) -> dict[str, ChangeSet]:
        if not subjects:
            return {}
        is_meant = func.concat(f"{self.plan.code}~", ChangeSet.number).in_(subjects)
        found = session.scalars(select(ChangeSet).where(ChangeSet.plan_id == self.plan.id, is_meant))
        return {subject(self.plan, one.number): one for one in found}

    def _read(self, session: Session, unit_ids: Collection[int]) -> dict[tuple[int, int], list[ChangeItem]]:
        """By change set and unit."""
        found: dict[tuple[int, int], list[ChangeItem]] = defaultdict(list)
        if not self._changes:
            return found
        query = (
            select(ChangeItem)
            .options(
                joinedload(ChangeItem.unit),
                joinedload(ChangeItem.requirement).options(
                    joinedload(Requirement.area), joinedload(Requirement.measure)
                ),
                joinedload(ChangeItem.assignment),
            )
            .where(
                any_of_ids(ChangeItem.change_set_id, [one.id for one in self._changes.values()]),
                any_of_ids(ChangeItem.unit_id, unit_ids),
            )
            .order_by(ChangeItem.id)
        )
        for one in session.scalars(query):
            found[one.change_set_id, one.unit_id].append(one)
        return found

    def of(self, unit: Unit, message: AnyRow) -> list[Line]:
        """The change set with its reason and authority, and a line for each thing that it did to the unit."""
        change = self._changes[message.subject]
        items = self._items[change.id, unit.id]
        whole = {one.assignment_id for one in items if one.what in WHOLE and one.assignment_id}
        told = [one for one in items if one.what in WHOLE or one.assignment_id not in whole]
        lines = (_line(self.plan, self.today, one, message, self._names) for one in told)
        return [_head(self.plan, change, message), *lines]


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
        period=asked.period,
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
