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
from models.common.base import as_array, as_recordset
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.dates.workdays import Settled
from models.outbox.message import Message, MessageStatus, NewMessage, post_to_all, posted
from models.plan.area import Role
from models.plan.plan import Plan
from models.plan.requirement import Requirement

Facts = Mapping[str, Any]
# The rows of `alike` say what all items of a number have in common; the arrays go side by side.
WRITE = text("""
INSERT INTO change_item (change_set_id, unit_id, requirement_id, assignment_id, what, before, after)
SELECT :change_set_id, unit_id, requirement_id, assignment_id, what, before, after
FROM unnest(CAST(:units AS bigint[]), CAST(:items AS bigint[]), CAST(:numbers AS bigint[]))
    WITH ORDINALITY AS one (unit_id, assignment_id, number, place)
JOIN json_to_recordset(CAST(:rows AS json)) AS alike (
    number bigint, requirement_id bigint, what text, before jsonb, after jsonb
) USING (number)
ORDER BY place
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
        self._write_items()
        told = dict.fromkeys(item.unit.id for item in self.items)
        self.message_ids += post_to_all(self.session, self.plan, [*told], self._message())
        self._moves.note()
        self._journal()
        self._moves.write()
        for one in self.session:  # they were written past the session
            if isinstance(one, Assignment):
                self.session.expire(one)

    def _write_items(self) -> None:
        if not self.items:
            return
        alike: dict[tuple[Any, ...], int] = {}  # whoever notes many hands in the same facts
        keys = ((one.requirement_id, one.what, id(one.before), id(one.after)) for one in self.items)
        numbers = [alike.setdefault(key, len(alike)) for key in keys]
        first = {number: one for one, number in zip(reversed(self.items), reversed(numbers), strict=True)}
        rows = [(number, one.requirement_id, one.what.value, one.before, one.after) for number, one in first.items()]
        given = {
            "change_set_id": self.row.id,
            "units": as_array(one.unit.id for one in self.items),
            "items": as_array(one.assignment_id for one in self.items),
            "numbers": as_array(numbers),
        }
        self.session.execute(WRITE, as_recordset(("number", "requirement_id", "what", "before", "after"), rows) | given)

    def _message(self) -> NewMessage:
        return NewMessage(
            recipient_id=0,  # to each
            kind=MessageKind.PLAN_CHANGED,
            subject=subject(self.plan, self.row.number),
            at=self.at,
            for_date=self.today,
            reason=self.row.why,
            by_name=self.actor.name,
        )

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
