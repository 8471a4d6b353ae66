"""The journal (台账): who, when, what, before, after, why. Append-only: a trigger refuses all else."""

import dataclasses
import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, Key, append_only, text_enum
from models.common.errors import RefusedError
from models.common.status import Status
from models.common.typed import person_name

# Ids are given at writing, and entries become visible at the commit: a lower id may appear after a higher one.
LATE_WITHIN = 1000


class EventKind(StrEnum):
    PLAN_LOADED = "plan_loaded"
    PARTY_SETTLED = "party_settled"  # the office said who it is that the plan does not name
    PHASE_OPENED = "phase_opened"
    GATE_DECIDED = "gate_decided"
    ISSUED = "issued"
    MOVED = "moved"  # a status changed
    DUE_MOVED = "due_moved"  # a date changed and the status did not
    ESCALATED = "escalated"  # a step of the ladder fired
    SET_ASIDE = "set_aside"  # patrol could not judge the row, and a person has to look
    TAKEN_UP = "taken_up"  # the office gave it back to patrol
    EXTENSION_ASKED = "extension_asked"
    EXTENSION_REFUSED = "extension_refused"
    OPINION_GIVEN = "opinion_given"  # of a co-lead, on what was handed in
    OBJECTION_RAISED = "objection_raised"
    OBJECTION_DECIDED = "objection_decided"
    EXPLAINED = "explained"  # a unit said why it is late, and until when it promises the work
    PRESSED = "pressed"  # the office wrote to the unit in its own words
    CONTACT_NOTED = "contact_noted"  # a call, a visit, or what the office saw to
    EXCUSED = "excused"  # what was late until then no longer counts
    CORRECTED = "corrected"  # a hand-in, an acceptance or a waiver was taken back; `detail` says which
    COMPLAINT_FILED = "complaint_filed"
    COMPLAINT_ANSWERED = "complaint_answered"
    FINDING_RAISED = "finding_raised"
    FINDING_CLOSED = "finding_closed"
    READING_ENTERED = "reading_entered"  # a figure for an indicator, or a correction of one
    BULLETIN_DRAFTED = "bulletin_drafted"
    BULLETIN_RELEASED = "bulletin_released"  # and sent to the units
    VERDICT_GIVEN = "verdict_given"  # on a measure, a safeguard or an indicator
    COMMENDED = "commended"  # the list for commendation was settled
    PLAN_ACCEPTED = "plan_accepted"
    LINKS_WITHDRAWN = "links_withdrawn"  # all of a unit; a single one says by itself who withdrew it
    PLAN_CHANGED = "plan_changed"  # a change set: once for the plan, and once for each item that it touched
    REGISTER_CHANGED = "register_changed"  # an entry of the register of people began or ended
    ADDRESS_TRIED = "address_tried"  # a letter to see whether an address works


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a named person, and the unit for which they act; for the program its own name.

    `run` is the Prefect flow run in which it happened, for the link from the journal to its run.
    `address` is where a person's request came from: an IP address, or `slack:` and the id of a user.
    `access` is the id of the link that they came in by.
    """

    name: str
    unit_id: int | None = None
    run: str | None = None
    address: str | None = None
    access: int | None = None

    def __post_init__(self) -> None:
        if not (name := person_name(self.name)):
            raise RefusedError("a name is needed: every act has a named person")
        object.__setattr__(self, "name", name)


class Event(Base):
    """One entry. Status and date are columns of their own: every past light is computed from them."""

    __tablename__ = "event"
    # Rows are appended in the order of time, so a BRIN index is enough: it is tiny and costs next to nothing.
    __table_args__ = (Index("event_at_idx", "at", postgresql_using="brin"),)

    id: Mapped[Key]
    at: Mapped[Instant]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"))
    phase_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("phase.id"))
    assignment_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("assignment.id"), index=True)
    kind: Mapped[EventKind] = mapped_column(text_enum(EventKind, "kind"))
    actor: Mapped[str]
    actor_unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    status_before: Mapped[Status | None] = mapped_column(text_enum(Status, "status_before"))
    status_after: Mapped[Status | None] = mapped_column(text_enum(Status, "status_after"))
    due_before: Mapped[dt.date | None]
    due_after: Mapped[dt.date | None]
    why: Mapped[str] = mapped_column(server_default="")
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    run: Mapped[str | None]
    address: Mapped[str | None]
    access_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("access.id"))


append_only(Event, "the journal is")


def record(session: Session, kind: EventKind, actor: Actor, at: dt.datetime, **fields: Any) -> None:
    """Append one entry in the caller's transaction."""
    who = {
        "actor": actor.name,
        "actor_unit_id": actor.unit_id,
        "run": actor.run,
        "address": actor.address,
        "access_id": actor.access,
    }
    session.add(Event(kind=kind, at=at, **who, **fields))


_LAST = select(func.max(Event.id)).scalar_subquery()
_MARK = select(func.max(Event.id), func.count(Event.id)).where(Event.id > _LAST - LATE_WITHIN)


def mark(session: Session) -> str:
    """A mark of how far the journal goes. Two equal marks mean that nothing was added between. Cheap at any size."""
    last, count = session.execute(_MARK).one()
    return f"{last or 0}+{count}"
