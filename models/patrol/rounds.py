"""Rounds of the patrol: when each began, how long it took and what it did. They prove that patrol came."""

import dataclasses
import datetime as dt
import uuid

from sqlalchemy import BigInteger, ForeignKey, PrimaryKeyConstraint, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant
from models.patrol.calendar_update import changed_years
from models.plan.plan import Plan


class PatrolRound(Base):
    """One round over one plan. `at` is the instant that counted; `ended_at` stays empty where it was cut short.

    Rounds come every few minutes for years, and are asked for by when they set out. That is their key, and `mark`
    tells two apart that set out at one instant: a number of its own would cost each round a sequence and an index.
    """

    __tablename__ = "patrol_round"
    __table_args__ = (PrimaryKeyConstraint("plan_id", "started_at", "mark"),)

    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"))
    started_at: Mapped[Instant]
    mark: Mapped[uuid.UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    looked_at: Mapped[int] = mapped_column(server_default="0")
    fired: Mapped[int] = mapped_column(server_default="0")
    set_aside: Mapped[int] = mapped_column(server_default="0")
    letters: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")


@dataclasses.dataclass(frozen=True, slots=True)
class Begun:
    """Which round it is that set out; `plan` is the plan's code. `is_other_calendar`: its dates have to follow."""

    plan: str
    plan_id: int
    started_at: dt.datetime
    mark: uuid.UUID
    is_other_calendar: bool = False


def begin_round(session: Session, plan: Plan, *, at: dt.datetime, started_at: dt.datetime) -> Begun:
    """Write down that a patrol came."""
    begun = PatrolRound(plan_id=plan.id, at=at, started_at=started_at)
    session.add(begun)
    session.flush()
    return Begun(plan.code, plan.id, begun.started_at, begun.mark, bool(changed_years(plan)))


def end_round(
    session: Session,
    begun: Begun,
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
        .where(
            PatrolRound.plan_id == begun.plan_id,
            PatrolRound.started_at == begun.started_at,
            PatrolRound.mark == begun.mark,
        )
        .values(
            ended_at=ended_at, looked_at=looked_at, fired=fired, set_aside=set_aside, letters=letters, failed=failed
        )
    )
