"""What the office was told of alerts, and whether a list is news: it is told once for the same list and day."""

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.monitoring.alerts import Alert, mark_of
from models.outbox.message import Attempt, AttemptOutcome
from models.plan.unit import Unit

TELL_AGAIN = dt.timedelta(days=1)
KEY = "watchdog-"


def key_of(found: Sequence[Alert]) -> str:
    """The same for two lists that name the same things."""
    return KEY + hashlib.sha256(mark_of(found).encode()).hexdigest()[:32]


@dataclasses.dataclass(frozen=True, slots=True)
class Telling:
    """What was sent, by which channel, and what came of it; `detail` is what the channel said."""

    channel: str
    outcome: AttemptOutcome
    detail: str
    subject: str
    body: str


def is_news(session: Session, office: Unit, found: Sequence[Alert], at: dt.datetime) -> bool:
    """Whether the office has to be told of this list, also that it is empty again."""
    last = _last_told(session, office)
    if last is None:
        return bool(found)
    if last.key != key_of(found):
        return True
    return bool(found) and at - last.at >= TELL_AGAIN


def record_telling(session: Session, office: Unit, found: Sequence[Alert], sent: Telling, *, at: dt.datetime) -> None:
    """Keep what was told by which channel, and what came of it, beside the attempts of letters."""
    session.add(
        Attempt(
            recipient_id=office.id,
            key=key_of(found),
            channel=sent.channel,
            at=at,
            outcome=sent.outcome,
            detail=sent.detail,
            subject=sent.subject,
            body=sent.body,
        )
    )


def _last_told(session: Session, office: Unit) -> Attempt | None:
    """The last list that reached the office. One of which that is not known is told again."""
    told = select(Attempt).where(
        Attempt.recipient_id == office.id, Attempt.key.startswith(KEY), Attempt.outcome == AttemptOutcome.SENT
    )
    return session.scalars(told.order_by(Attempt.id.desc()).limit(1)).one_or_none()
