"""Phases: launch, implementation year by year, acceptance."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Key, Named, Sourced, text_enum
from models.common.errors import NotFoundError, RefusedError
from models.plan.plan import Ladder, Plan


class PhaseCode(StrEnum):
    LAUNCH = "launch"
    IMPLEMENTATION = "implementation"
    ACCEPTANCE = "acceptance"


class PhaseStatus(StrEnum):
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class Phase(Named, Sourced, Base):
    """One phase and year. `ends_on` moves when the office extends it; `planned_ends_on` stays."""

    __tablename__ = "phase"
    __table_args__ = (UniqueConstraint("plan_id", "code", "period"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[PhaseCode] = mapped_column(text_enum(PhaseCode, "code"), doc="short name, unique in the plan")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    starts_on: Mapped[dt.date] = mapped_column(doc="the first day")
    planned_ends_on: Mapped[dt.date] = mapped_column(doc="the last day as the plan states it")
    ends_on: Mapped[dt.date] = mapped_column(doc="the last day")
    issue_on: Mapped[dt.date] = mapped_column(doc="the day on which work is handed out")
    status: Mapped[PhaseStatus] = mapped_column(text_enum(PhaseStatus, "status"), doc="the status at the end")
    opened_at: Mapped[Instant | None] = mapped_column(doc="when it was opened")
    closed_at: Mapped[Instant | None] = mapped_column(doc="when it was closed")
    # The ladder as it was when the phase opened; a later change of the plan does not rewrite running work.
    ladder_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("ladder.id"), doc="the ladder (ladder)")

    plan: Mapped[Plan] = relationship()
    ladder: Mapped[Ladder | None] = relationship(lazy="selectin")

    @property
    def year(self) -> int | None:
        """The `year` argument of the phase's flow; None for launch and acceptance."""
        return int(self.period) if self.code is PhaseCode.IMPLEMENTATION else None

    @property
    def ref(self) -> str:
        """`launch` and `acceptance` happen once; the years of the implementation are told apart."""
        return f"{self.code}-{self.period}" if self.code is PhaseCode.IMPLEMENTATION else self.code.value


def phases_of(session: Session, plan: Plan) -> Sequence[Phase]:
    """The plan's phases in their order."""
    return session.scalars(select(Phase).where(Phase.plan_id == plan.id).order_by(Phase.starts_on)).all()


def phase_of(session: Session, plan: Plan, code: PhaseCode, year: int | None = None, *, lock: bool = False) -> Phase:
    """The phase of that code, and of that year where one is given.

    Raises NotFoundError, RefusedError where there are several years and none is given.
    """
    query = select(Phase).where(Phase.plan_id == plan.id, Phase.code == code).order_by(Phase.period)
    if year is not None:
        query = query.where(Phase.period == str(year))
    if lock:
        query = query.with_for_update(of=Phase).execution_options(populate_existing=True)
    phases = session.scalars(query).all()
    if not phases:
        raise NotFoundError(
            "the plan {plan} has no phase {phase} in {year}", plan=plan.code, phase=code, year=year or "-"
        )
    if len(phases) > 1:
        years = ", ".join(phase.period for phase in phases)
        raise RefusedError("say which year is meant, one of: {years}", years=years)
    return phases[0]


def phase_at(session: Session, plan: Plan, phase_id: int, *, lock: bool = False) -> Phase:
    """Raises NotFoundError where it is none of the plan's."""
    query = select(Phase).where(Phase.id == phase_id, Phase.plan_id == plan.id)
    if lock:
        query = query.with_for_update(of=Phase).execution_options(populate_existing=True)
    phase = session.scalar(query)
    if phase is None:
        raise NotFoundError("there is no such phase")
    return phase
