"""Rounds of the patrol: that it came, how long it took and what it did. The proof that somebody looked."""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Instant, Key


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
