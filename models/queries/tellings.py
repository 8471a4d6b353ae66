"""Who was told what about an assignment, when, by which channel, and whether anybody came in afterwards."""

import dataclasses
import datetime as dt

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from models.access import Access, AccessUse, UseOutcome
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.plan.unit import Unit

MOST = 50  # the newest


@dataclasses.dataclass(frozen=True, slots=True)
class Telling:
    """One notice. `sent_at` and `channel` are None while it waits or where it was given up.

    `opened_at`: when somebody of the recipient first came in by a link after it was sent. Whether they read this very
    notice nobody knows.
    """

    kind: MessageKind
    recipient: Text
    status: MessageStatus
    written_at: dt.datetime
    sent_at: dt.datetime | None
    channel: str | None
    opened_at: dt.datetime | None


def tellings_of(session: Session, assignment_id: int) -> list[Telling]:
    """The newest first, at most MOST."""
    carried = (
        select(Attempt.at, Attempt.channel)
        .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
        .where(AttemptMessage.message_id == Message.id, Attempt.outcome == AttemptOutcome.SENT)
        .order_by(Attempt.id)
        .limit(1)
        .lateral("carried")
    )
    opened = (
        select(func.min(AccessUse.at))
        .join(Access, Access.id == AccessUse.access_id)
        .where(and_(Access.unit_id == Message.recipient_id, AccessUse.outcome == UseOutcome.OPENED))
        .where(AccessUse.at >= carried.c.at)
        .correlate(Message, carried)
        .scalar_subquery()
    )
    query = (
        select(
            Message.kind,
            Unit.name_zh,
            Unit.name_en,
            Message.status,
            Message.created_at,
            carried.c.at,
            carried.c.channel,
            opened,
        )
        .select_from(Message)
        .join(Unit, Unit.id == Message.recipient_id)
        .outerjoin(carried, carried.c.at.is_not(None))
        .where(Message.assignment_id == assignment_id)
        .order_by(Message.id.desc())
        .limit(MOST)
    )
    return [Telling(kind, Text(zh, en), *rest) for kind, zh, en, *rest in session.execute(query)]
