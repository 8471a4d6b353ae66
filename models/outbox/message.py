"""The outbox: decide now, deliver later. A message is written in the transaction that causes it."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, Key, as_array, as_recordset, text_enum
from models.common.message_kinds import MessageKind, OrderColour
from models.plan.plan import Plan

# Written exactly as in the partial indexes, as literals: with parameters the planner would not use the indexes.
UNSENT = text("message.status IN ('pending', 'sending')")
DEAD = text("message.status = 'dead'")


class MessageStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # claimed by a delivery until `next_try_at`
    SENT = "sent"
    DEAD = "dead"  # given up; a person has to look
    DROPPED = "dropped"  # no longer true when it was to be sent


class AttemptOutcome(StrEnum):
    SENDING = "sending"  # begun; still so after a crash, when nobody knows whether it went out
    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"


class Attempt(Base):
    """One attempt to send a letter to one recipient, with its text; in the mailbox, this is the letter itself.

    `key` travels with the post, so that an ambiguous outcome can be looked up before it is sent again.
    """

    __tablename__ = "attempt"

    id: Mapped[Key]
    recipient_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), index=True, doc="to whom (unit)")
    key: Mapped[str] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(doc="the kind of channel it went by")
    # A hash of the address it was sent to: once a unit has another address, nothing can be looked up there.
    lane: Mapped[str] = mapped_column(server_default="")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    outcome: Mapped[AttemptOutcome] = mapped_column(text_enum(AttemptOutcome, "outcome"), doc="what came of it")
    detail: Mapped[str] = mapped_column(server_default="")
    external_id: Mapped[str] = mapped_column(server_default="")
    subject: Mapped[str] = mapped_column(doc="what it is about")
    body: Mapped[str] = mapped_column(doc="the text")


class Message(Base):
    """One thing to tell one recipient. The unique key prevents telling it twice."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("recipient_id", "kind", "subject", "for_date"),
        Index(
            "message_next_try_at_idx",
            "next_try_at",
            postgresql_where=UNSENT,
        ),
        # A partial index: few messages are ever given up.
        Index("message_dead_idx", "recipient_id", postgresql_where=DEAD),
    )

    id: Mapped[Key]
    recipient_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="to whom (unit)")
    kind: Mapped[MessageKind] = mapped_column(text_enum(MessageKind, "kind"), doc="which kind")
    subject: Mapped[str] = mapped_column(doc="what it is about")
    for_date: Mapped[dt.date] = mapped_column(doc="the day that it speaks of")
    assignment_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), doc="the assignment (assignment)"
    )
    phase_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("phase.id"), doc="the phase (phase)")
    order: Mapped[OrderColour | None] = mapped_column(text_enum(OrderColour, "order"), doc="the colour of the order")
    reason: Mapped[str] = mapped_column(server_default="", doc="why")
    by_name: Mapped[str] = mapped_column(server_default="", doc="who, by name")
    created_at: Mapped[Instant] = mapped_column(doc="when it was written")
    status: Mapped[MessageStatus] = mapped_column(
        text_enum(MessageStatus, "status"), server_default="pending", doc="the status at the end"
    )
    tries: Mapped[int] = mapped_column(server_default="0", doc="how often it was sent")
    next_try_at: Mapped[Instant] = mapped_column(doc="when it would have been sent next")
    # How many sends have an unknown outcome and may have arrived: the next letter says that it may be a repeat.
    unsure: Mapped[int] = mapped_column(server_default="0", doc="how many sends may have arrived unnoticed")


class AttemptMessage(Base):
    """Which messages a letter carried. A message in two letters that were sent was sent twice."""

    __tablename__ = "attempt_message"

    attempt_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("attempt.id"), primary_key=True, doc="the letter (attempt)"
    )
    message_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("message.id"), primary_key=True, index=True, doc="the notice (message)"
    )


COLUMNS = (
    *("recipient_id", "kind", "subject", "for_date", "assignment_id", "phase_id"),
    *("order", "reason", "by_name", "created_at"),
)
POST = text("""
INSERT INTO message (
    recipient_id, kind, subject, for_date, assignment_id, phase_id, "order", reason, by_name, created_at, next_try_at
)
SELECT *, created_at FROM json_to_recordset(CAST(:rows AS json)) AS posted (
    recipient_id bigint, kind text, subject text, for_date date, assignment_id bigint, phase_id bigint,
    "order" text, reason text, by_name text, created_at timestamptz
)
ON CONFLICT ON CONSTRAINT message_recipient_id_kind_subject_for_date_key DO NOTHING
RETURNING id
""")


POST_TO_ALL = text("""
INSERT INTO message (recipient_id, kind, subject, for_date, phase_id, reason, by_name, created_at, next_try_at)
SELECT unit_id, :kind, :subject, :for_date, :phase_id, :reason, :by_name, :at, :at
FROM unnest(CAST(:units AS bigint[])) AS told (unit_id)
ON CONFLICT ON CONSTRAINT message_recipient_id_kind_subject_for_date_key DO NOTHING
RETURNING id
""")


@dataclasses.dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that is to be written. `for_date` None means the day of writing, in the plan's time zone."""

    recipient_id: int
    kind: MessageKind
    subject: str
    at: dt.datetime
    for_date: dt.date | None = None
    assignment_id: int | None = None
    phase_id: int | None = None
    order: OrderColour | None = None
    reason: str = ""
    by_name: str = ""


def post(session: Session, plan: Plan, messages: Iterable[NewMessage]) -> int:
    """Write messages in the caller's transaction; one that is there already stays. Returns how many are new."""
    return len(posted(session, plan, messages))


def posted(session: Session, plan: Plan, messages: Iterable[NewMessage]) -> Sequence[int]:
    """As `post`; returns the ids of those that are new."""
    rows = [
        (
            message.recipient_id,
            message.kind,
            message.subject,
            message.for_date or plan.day_of(message.at),
            message.assignment_id,
            message.phase_id,
            message.order,
            message.reason,
            message.by_name,
            message.at,
        )
        for message in messages
    ]
    if not rows:
        return ()
    session.flush()  # what a message speaks of has to be there
    return session.scalars(POST, as_recordset(COLUMNS, rows)).all()


def post_to_all(session: Session, plan: Plan, unit_ids: Sequence[int], message: NewMessage) -> Sequence[int]:
    """As `posted`, one message to each of these units, whoever its recipient is."""
    if not unit_ids:
        return ()
    session.flush()
    said = {
        "kind": message.kind.value,
        "subject": message.subject,
        "for_date": message.for_date or plan.day_of(message.at),
        "phase_id": message.phase_id,
        "reason": message.reason,
        "by_name": message.by_name,
        "at": message.at,
    }
    return session.scalars(POST_TO_ALL, said | {"units": as_array(unit_ids)}).all()
