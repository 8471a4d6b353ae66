"""Rounds of the patrol: that it came, how long it took and what it did. The proof that somebody looked."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Index, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Instant, Key
from models.plan import Plan


class PatrolRound(Base):
    """One round over one plan. `at` is the instant that counted; `ended_at` stays empty where it was cut short."""

    __tablename__ = "patrol_round"
    __table_args__ = (Index("patrol_round_plan_id_started_at_idx", "plan_id", "started_at"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"))
    at: Mapped[Instant]
    started_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    looked_at: Mapped[int] = mapped_column(server_default="0")
    fired: Mapped[int] = mapped_column(server_default="0")
    set_aside: Mapped[int] = mapped_column(server_default="0")
    letters: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")


def begin_round(session: Session, plan: Plan, *, at: dt.datetime, started_at: dt.datetime) -> int:
    """Write down that a patrol came; returns the round's id."""
    begun = PatrolRound(plan_id=plan.id, at=at, started_at=started_at)
    session.add(begun)
    session.flush()
    return begun.id


def end_round(
    session: Session,
    round_id: int,
    *,
    ended_at: dt.datetime,
    looked_at: int,
    fired: int,
    set_aside: int,
    letters: int,
    failed: int,
) -> None:
    """Write down that it got to its end, and what it did."""
    session.execute(
        update(PatrolRound)
        .where(PatrolRound.id == round_id)
        .values(
            ended_at=ended_at, looked_at=looked_at, fired=fired, set_aside=set_aside, letters=letters, failed=failed
        )
    )
