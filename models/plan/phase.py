"""Phases: spans of the plan with any code, title and dates, each of a kind: launch, implementation or acceptance."""

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Key, Named, Sourced, text_enum
from models.common.errors import NotFoundError, RefusedError
from models.common.kinds import PhaseKind
from models.plan.plan import Ladder, Plan


class PhaseStatus(StrEnum):
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class RunName(NamedTuple):
    """How a run of a kind's flow says which phase it is for; with neither, the only one that it can be."""

    year: int | None = None
    phase: str = ""


class Phase(Named, Sourced, Base):
    """One phase. `ends_on` moves when the office extends it; `planned_ends_on` stays.

    `ref` is how people name it: its code, with its period where the plan has several of that code.
    """

    __tablename__ = "phase"
    __table_args__ = (UniqueConstraint("plan_id", "code", "period"), UniqueConstraint("plan_id", "ref"))

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, with the period unique in the plan")
    kind: Mapped[PhaseKind] = mapped_column(text_enum(PhaseKind, "kind"), doc="which kind")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    ref: Mapped[str] = mapped_column(doc="the reference that people use")
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
    def label(self) -> str:
        """How summaries name it."""
        return phase_label(self.code, self.period, self.ref)

    @property
    def run_name(self) -> RunName:
        """How its flow is told of it: the years of an implementation by their year, other phases by their reference."""
        if self.code == PhaseKind.IMPLEMENTATION and self.period.isdecimal():
            return RunName(year=int(self.period))
        return RunName() if self.ref == self.kind else RunName(phase=self.ref)

    def runs_in(self, year: int) -> bool:
        return self.starts_on.year <= year <= self.planned_ends_on.year


def phase_label(code: str, period: str, ref: str) -> str:
    """How summaries name a phase: the years of an implementation by their year."""
    return period if code == PhaseKind.IMPLEMENTATION else ref


def phases_of(session: Session, plan: Plan) -> Sequence[Phase]:
    """The plan's phases in their order."""
    query = select(Phase).where(Phase.plan_id == plan.id)
    return session.scalars(query.order_by(Phase.starts_on, Phase.id)).all()


def meant(phases: Iterable[Phase], name: str, year: int | None = None) -> list[Phase]:
    """Those that a name can mean: a reference, a code with its period, a code, or a kind; of that year where one is
    given.
    """
    of_year = [one for one in phases if year is None or one.runs_in(year)]
    for found in (
        [one for one in of_year if name in {one.ref, f"{one.code}-{one.period}", f"{one.code}/{one.period}"}],
        [one for one in of_year if one.code == name],
        [one for one in of_year if one.kind == name],
    ):
        if found:
            # Of several the one whose period is that very year, and no longer or shorter time around it.
            exact = [one for one in found if one.period == str(year)]
            return exact if len(exact) == 1 else found
    return []


def run_names(phase: Phase, phases: Sequence[Phase]) -> frozenset[RunName]:
    """All by which a run of its kind's flow may have been told of this phase."""
    texts = ("", phase.ref, phase.code, f"{phase.code}-{phase.period}", f"{phase.code}/{phase.period}")
    years = (None, *range(phase.starts_on.year, phase.planned_ends_on.year + 1))
    wanted = (RunName(year, text) for text in texts for year in years)
    return frozenset(one for one in wanted if meant(phases, one.phase or phase.kind, one.year) == [phase])


def phase_of(session: Session, plan: Plan, name: str, year: int | None = None, *, lock: bool = False) -> Phase:
    """The phase that a name means, as `meant` has it; of that year where one is given.

    Raises NotFoundError, RefusedError where it can mean several.
    """
    found = meant(phases_of(session, plan), name, year)
    if not found:
        raise NotFoundError(
            "the plan {plan} has no phase {phase} in {year}", plan=plan.code, phase=name, year=year or "-"
        )
    if len({one.code for one in found}) > 1:
        refs = ", ".join(one.ref for one in found)
        raise RefusedError("say which phase is meant, one of: {phases}", phases=refs)
    if len(found) > 1:
        years = ", ".join(one.period for one in found)
        raise RefusedError("say which year is meant, one of: {years}", years=years)
    return phase_at(session, plan, found[0].id, lock=True) if lock else found[0]


def phase_at(session: Session, plan: Plan, phase_id: int, *, lock: bool = False) -> Phase:
    """Raises NotFoundError where it is none of the plan's."""
    query = select(Phase).where(Phase.id == phase_id, Phase.plan_id == plan.id)
    if lock:
        query = query.with_for_update(of=Phase).execution_options(populate_existing=True)
    phase = session.scalar(query)
    if phase is None:
        raise NotFoundError("there is no such phase")
    return phase
