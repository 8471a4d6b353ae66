"""The letters that a unit was sent."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.outbox.message import Attempt, AttemptOutcome
from models.plan.unit import Unit


def letters_of(session: Session, unit: Unit, limit: int | None = None) -> Sequence[Attempt]:
    """What a unit was sent, newest first; for a unit without a channel this is its mailbox."""
    query = (
        select(Attempt)
        .where(Attempt.recipient_id == unit.id, Attempt.outcome == AttemptOutcome.SENT)
        .order_by(Attempt.id.desc())
    )
    return session.scalars(query.limit(limit) if limit else query).all()
