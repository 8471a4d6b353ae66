"""What is written down of a change set: all that it touched, the journal, and one message to each unit concerned."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.many import Moves, note_many
from models.changes.change_set import ChangeSet, Touch, subject
from models.common.base import as_recordset
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.dates.workdays import Settled
from models.outbox.message import Message, MessageStatus, NewMessage, posted
from models.plan.area import Role
from models.plan.plan import Plan
from models.plan.requirement import Requirement

Facts = Mapping[str, Any]
WRITE = text("""
INSERT INTO change_item (change_set_id, unit_id, requirement_id, assignment_id, what, before, after)
SELECT :change_set_id, unit_id, requirement_id, assignment_id, what, before, after
FROM json_to_recordset(CAST(:rows AS json)) AS noted (
    unit_id bigint, requirement_id bigint, assignment_id bigint, what text, before jsonb, after jsonb
)
""")


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A unit of the plan, as far as a change set has to know it."""

    id: int
    code: str
    kind: UnitKind
    is_closed: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Noted:
    """What happens to one item, or to a unit: as `ChangeItem` has it, before it is written."""

    what: Touch
    unit: Member
    requirement_id: int | None
    assignment_id: int | None
    ref: str
    before: Facts | None
    after: Facts | None

    @property
    def unit_code(self) -> str:
        return self.unit.code


class Ledger:
    """Who changes which plan, when and why; and what is to be written, until it is.

    Items are written last of all: whoever works on one waits from then on, and a preview is undone soon after.
    """

    def __init__(self, session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, why: str) -> None:
        self.session, self.plan, self.actor, self.at, self.why = session, plan, actor, at, why
        self.today = plan.day_of(at)
        self.items: list[Noted] = []
        self.about: dict[int, dict[str, Any]] = defaultdict(lambda: {"what": []})  # what the journal says of an item
        self.led: list[list[int | None]] = []  # requirement, lead before, lead after
        self.message_ids: list[int] = []
        self._moves = Moves(session, plan, actor=actor, at=at, why=why)

    def begin(self, row: ChangeSet) -> None:
        """From here on everything is part of this change set."""
        self.row = row
        self.session.add(row)
        self.session.flush()

    # What happens to an item

    def waive(self, assignment_id: int) -> None:
        self._moves.waive(assignment_id)

    def move_due(self, assignment_id: int, to: Settled) -> None:
        self._moves.move_due(assignment_id, to)

    def set_role(self, assignment_id: int, before: Role, after: Role) -> None:
        self._moves.set_role(assignment_id, after)
        self.about[assignment_id] |= {"role_before": before.value, "role_after": after.value}

    # What is noted of it

    def touch(
        self,
        what: Touch,
        unit: Member,
        requirement: Requirement | None = None,
        assignment_id: int | None = None,
        before: Facts | None = None,
        after: Facts | None = None,
    ) -> None:
        ref = unit.code if requirement is None else requirement.ref
        ref = f"{ref}/{unit.code}" if assignment_id is not None else ref
        requirement_id = requirement.id if requirement else None
        self.items.append(Noted(what, unit, requirement_id, assignment_id, ref, before, after))
        if assignment_id is not None:
            self.about[assignment_id]["what"].append(what.value)

    def drop(self, *which: Any) -> None:
        """What waits to be said and is void by now."""
        unsent = update(Message).where(*which, Message.status == MessageStatus.PENDING)
        self.session.execute(unsent.values(status=MessageStatus.DROPPED).execution_options(synchronize_session=False))

    def post(self, messages: list[NewMessage]) -> None:
        self.message_ids += posted(self.session, self.plan, messages)

    # Writing

    def write(self) -> None:
        """All that was noted: what it was, a message to each unit concerned, the items, and the journal of all."""
        self.session.flush()
        names = ("unit_id", "requirement_id", "assignment_id", "what", "before", "after")
        rows = [
            (one.unit.id, one.requirement_id, one.assignment_id, one.what.value, one.before, one.after)
            for one in self.items
        ]
        if rows:
            self.session.execute(WRITE, as_recordset(names, rows) | {"change_set_id": self.row.id})
        self.post(self._messages())
        self._moves.note()
        self._journal()
        self._moves.write()
        for one in self.session:  # they were written past the session
            if isinstance(one, Assignment):
                self.session.expire(one)

    def _messages(self) -> list[NewMessage]:
        about = subject(self.plan, self.row.number)
        return [
            NewMessage(
                recipient_id=unit_id,
                kind=MessageKind.PLAN_CHANGED,
                subject=about,
                at=self.at,
                for_date=self.today,
                reason=self.row.why,
                by_name=self.actor.name,
            )
            for unit_id in dict.fromkeys(item.unit.id for item in self.items)
        ]

    def _journal(self) -> None:
        number = {"change": self.row.number}
        detail = number | {
            "title": self.row.title,
            "authority": self.row.authority,
            "from": self.row.from_on.isoformat(),
            "counts": dict(Counter(item.what.value for item in self.items)),
            "leads": self.led,
        }
        whole = {"plan_id": self.plan.id, "why": self.row.why, "detail": detail}
        record(self.session, EventKind.PLAN_CHANGED, self.actor, self.at, **whole)
        self.session.flush()
        details = {assignment_id: number | said for assignment_id, said in self.about.items()}
        kind, who, why = EventKind.PLAN_CHANGED, self.actor, self.row.why
        note_many(self.session, self.plan, kind, details, actor=who, at=self.at, why=why)
