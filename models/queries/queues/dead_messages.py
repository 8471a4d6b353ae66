"""Notices that were given up."""

import dataclasses
import datetime as dt
import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.common.base import AnySelect
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.outbox.message import Attempt, AttemptMessage, Message, MessageStatus
from models.plan.plan import Plan
from models.plan.unit import Unit
from models.queries.worklist import paged


@dataclasses.dataclass(frozen=True, slots=True)
class DeadMessage:
    """A notice that was given up; `said` is what the channel answered last."""

    unit_code: str
    unit: Text
    kind: MessageKind
    subject: str
    tries: int
    said: str
    at: dt.datetime

    @property
    def ref(self) -> str:
        """What it is about, as people name it."""
        return re.split("[#+]", self.subject)[0]


def dead_messages(session: Session, plan: Plan, page: int | None = None) -> list[DeadMessage]:
    """Notices that were given up, oldest first; all of them where no page is asked for."""
    said = (
        select(Attempt.detail)
        .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
        .where(AttemptMessage.message_id == Message.id)
        .order_by(Attempt.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (Unit.code, Unit.name_zh, Unit.name_en, Message.kind, Message.subject, Message.tries, Message.created_at)
    query = dead(plan, *columns, said.label("said")).order_by(Message.id)
    rows = session.execute(query if page is None else paged(query, page))
    return [
        DeadMessage(
            unit_code=row.code,
            unit=Text(row.name_zh, row.name_en),
            kind=row.kind,
            subject=row.subject,
            tries=row.tries,
            said=row.said or "",
            at=row.created_at,
        )
        for row in rows
    ]


def dead(plan: Plan, *columns: Any) -> AnySelect:
    return (
        select(*columns)
        .select_from(Message)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.status == MessageStatus.DEAD)
    )
