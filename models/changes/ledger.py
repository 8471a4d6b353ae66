"""What is written down of a change set: all that it touched, the journal, and one message to each unit concerned."""

import datetime as dt
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.changes.change_set import ChangeItem, ChangeSet, Touch, subject
from models.common.event import Actor, EventKind, record
from models.common.message_kinds import MessageKind
from models.outbox.message import Message, MessageStatus, NewMessage, post
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit


class Ledger:
    """Who changes which plan, when and why; and what was noted on the way, until it is written."""

    def __init__(self, session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, why: str) -> None:
        self.session, self.plan, self.actor, self.at, self.why = session, plan, actor, at, why
        self.today = plan.day_of(at)
        self.items: list[ChangeItem] = []
        self.about: dict[int, dict[str, Any]] = defaultdict(lambda: {"what": []})  # what the journal says of an item
        self.led: list[list[int | None]] = []  # requirement, lead before, lead after

    def begin(self, row: ChangeSet) -> None:
        """From here on everything is part of this change set."""
        self.row = row
        self.session.add(row)
        self.session.flush()

    def touch(
        self,
        what: Touch,
        unit: Unit,
        requirement: Requirement | None,
        row: Assignment | None,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        item = ChangeItem(
            change_set_id=self.row.id,
            unit_id=unit.id,
            requirement_id=requirement.id if requirement else None,
            assignment_id=row.id if row else None,
            what=what,
            before=before,
            after=after,
        )
        self.session.add(item)
        self.items.append(item)
        if row is not None:
            self.about[row.id]["what"].append(what.value)

    def drop(self, *which: Any) -> None:
        """What waits to be said and is void by now."""
        unsent = update(Message).where(*which, Message.status == MessageStatus.PENDING)
        self.session.execute(unsent.values(status=MessageStatus.DROPPED).execution_options(synchronize_session=False))

    def write(self) -> None:
        """An entry of the journal for the plan and one for each item, and to each unit concerned one message."""
        self._journal()
        messages = [
            NewMessage(
                recipient_id=unit_id,
                kind=MessageKind.PLAN_CHANGED,
                subject=subject(self.plan, self.row.number),
                at=self.at,
                reason=self.row.why,
                by_name=self.actor.name,
            )
            for unit_id in dict.fromkeys(item.unit_id for item in self.items)
        ]
        post(self.session, self.plan, messages)

    def _journal(self) -> None:
        common = {"plan_id": self.plan.id, "why": self.row.why}
        number = {"change": self.row.number}
        detail = number | {
            "title": self.row.title,
            "authority": self.row.authority,
            "from": self.row.from_on.isoformat(),
            "counts": dict(Counter(item.what.value for item in self.items)),
            "leads": self.led,
        }
        record(self.session, EventKind.PLAN_CHANGED, self.actor, self.at, detail=detail, **common)
        for assignment_id, said_of_it in sorted(self.about.items()):
            about = common | {"assignment_id": assignment_id, "detail": number | said_of_it}
            record(self.session, EventKind.PLAN_CHANGED, self.actor, self.at, **about)
        self.session.flush()
