"""Phases, what keeps them open, and the gates at which they wait for the office."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, lazyload

from models.assignments.assignment import Assignment
from models.common.base import AnyRow
from models.common.event import Event, EventKind
from models.common.status import CLOSED
from models.phases.gate import Gate
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

MAX_BLOCKING_SHOWN = 200  # of what keeps a phase open: nobody reads further


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase, how much was issued in it, the newest round of its gate, and the run in Prefect that is known."""

    phase: Phase
    issued: int
    still_open: int
    round: int | None
    run: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Blocking:
    """What keeps a phase open: `count` of all, and the first of them, unit by unit."""

    count: int
    rows: Sequence[AnyRow]


def phase_rows(session: Session, plan: Plan, phase_id: int | None = None) -> list[PhaseRow]:
    """The plan's phases in their order; or the one that is named, or none."""
    rounds = select(func.max(Gate.round)).where(Gate.phase_id == Phase.id).scalar_subquery()
    # The program itself writes its run down where it opens a phase, and where it takes in an answer.
    run = (
        select(Event.phase_id, Event.run)
        .where(
            Event.plan_id == plan.id,
            Event.kind.in_((EventKind.PHASE_OPENED, EventKind.GATE_DECIDED)),
            Event.run.is_not(None),
        )
        .ext(distinct_on(Event.phase_id))
        .order_by(Event.phase_id, Event.id.desc())
        .subquery()
    )
    still_open = func.count(Assignment.id).filter(Assignment.status.not_in(CLOSED))
    query = (
        select(Phase, func.count(Assignment.id), still_open, rounds, run.c.run)
        .outerjoin(Requirement, Requirement.phase_id == Phase.id)
        .outerjoin(Assignment, Assignment.requirement_id == Requirement.id)
        .outerjoin(run, run.c.phase_id == Phase.id)
        .options(lazyload(Phase.ladder))
        .where(Phase.plan_id == plan.id)
        .group_by(Phase.id, run.c.run)
        .order_by(Phase.starts_on)
    )
    if phase_id is not None:
        query = query.where(Phase.id == phase_id)
    return [PhaseRow(*row) for row in session.execute(query)]


def waits_at_gate(row: PhaseRow, today: dt.date) -> bool:
    """Whether the office should decide now: nothing is open, or the last day has passed."""
    return row.phase.status is PhaseStatus.OPEN and (row.still_open == 0 or row.phase.ends_on < today)


def waiting_at_gate(plan: Plan, today: dt.date) -> ColumnElement[bool]:
    """The rule of `waits_at_gate`, as a condition."""
    still_open = (
        exists(Assignment.id)
        .where(Assignment.requirement_id == Requirement.id, Requirement.phase_id == Phase.id)
        .where(Assignment.status.not_in(CLOSED))
        .correlate(Phase)
    )
    return and_(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN, or_(~still_open, Phase.ends_on < today))


def rounds_of(session: Session, phase: Phase) -> Sequence[Gate]:
    """The rounds at a phase's gate, newest first."""
    return session.scalars(select(Gate).where(Gate.phase_id == phase.id).order_by(Gate.round.desc())).all()


def blocking(session: Session, phase: Phase) -> Blocking:
    """What keeps a phase open, unit by unit."""
    rows = session.execute(
        select(
            Assignment.id,
            Assignment.status,
            Assignment.due_on,
            Requirement.ref,
            Requirement.title_zh,
            Requirement.title_en,
            Unit.code.label("unit_code"),
            Unit.name_zh.label("unit_zh"),
            Unit.name_en.label("unit_en"),
            func.count().over().label("total"),
        )
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Requirement.phase_id == phase.id, Assignment.status.not_in(CLOSED))
        .order_by(Unit.code, Assignment.due_on, Requirement.ref)
        .limit(MAX_BLOCKING_SHOWN)
    ).all()
    return Blocking(rows[0].total if rows else 0, rows)
