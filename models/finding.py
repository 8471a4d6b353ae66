"""Findings (查摆整改): what the office found wrong, handed out to be put right, and checked at the end."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.assignments.assignment import Assignment, still_open
from models.assignments.messages import message_about
from models.common.base import Base, Instant, Key
from models.common.errors import BlockedError, NotFoundError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import Basis, Scope
from models.common.message_kinds import MessageKind
from models.common.status import CLOSED
from models.common.text import Text
from models.common.typed import said
from models.dates.bounds import Bounds
from models.outbox.message import post
from models.phases.opening import issue
from models.plan.area import Area, Measure, Role
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Addressee, Requirement
from models.plan.unit import BODIES, Unit

CODE = "rectify"


class Finding(Base):
    """One finding. Its requirement says what has to be done; `check_text` is what the closing check found."""

    __tablename__ = "finding"
    __table_args__ = (UniqueConstraint("plan_id", "number"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    number: Mapped[int] = mapped_column(doc="its number in the plan")
    requirement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), unique=True, doc="the requirement (requirement)"
    )
    raised_by: Mapped[str] = mapped_column(doc="who raised it")
    raised_at: Mapped[Instant] = mapped_column(doc="when it was raised")
    closed_by: Mapped[str | None] = mapped_column(doc="who closed it")
    closed_at: Mapped[Instant | None] = mapped_column(doc="when it was closed")
    check_text: Mapped[str | None] = mapped_column(doc="what the closing check found")

    requirement: Mapped[Requirement] = relationship()

    @property
    def ref(self) -> str:
        """How people name it: `2023/rectify/1`; with a unit behind it, that unit's assignment."""
        return self.requirement.ref


def finding_of(session: Session, plan: Plan, number: int) -> Finding:
    """The finding of that number. Raises NotFoundError."""
    finding = session.scalar(select(Finding).where(Finding.plan_id == plan.id, Finding.number == number))
    if finding is None:
        raise NotFoundError("the plan {plan} has no finding {number}", plan=plan.code, number=number)
    return finding


def reasons_not_raisable(
    plan: Plan,
    phase: Phase,
    words: Sequence[Text],
    units: Sequence[Unit],
    due_on: dt.date,
    today: dt.date,
    bounds: Bounds,
) -> list[Reason]:
    """Why a finding cannot be raised so; empty where it can."""
    reasons = []
    if phase.status is not PhaseStatus.OPEN:
        reasons.append(Reason("the phase {phase} is {status}", phase=phase.ref, status=phase.status))
    if not all(said(one) for text in words for one in (text.zh, text.en)):
        reasons.append(Reason("say in both languages what it is called, what is wrong, and what proves it put right"))
    if due_on <= today:
        reasons.append(Reason("{day} is not later than today", day=due_on))
    reasons += bounds.reasons_outside(due_on)
    if not units:
        reasons.append(Reason("name at least one unit"))
    reasons += [
        Reason("no work is issued to {unit}", unit=unit.code)
        for unit in units
        if unit.kind in BODIES or unit.plan_id != plan.id or unit.closed_on is not None
    ]
    return reasons


def raise_finding(
    session: Session,
    plan: Plan,
    phase: Phase,
    *,
    title: Text,
    what: Text,
    proof: Text,
    units: Sequence[Unit],
    due_on: dt.date,
    actor: Actor,
    at: dt.datetime,
    about: Measure | Area | None = None,
) -> Finding:
    """The office has something put right: units get it at once as their work, and the office reviews it.

    `about` is the measure or safeguard that it belongs to, where it belongs to one.

    Raises RefusedError with every reason against it.
    """
    # The phase is locked: a gate may be closing it at this moment.
    session.refresh(phase, with_for_update={"of": Phase})
    today = plan.day_of(at)
    reasons = reasons_not_raisable(plan, phase, (title, what, proof), units, due_on, today, plan.bounds)
    if reasons:
        raise RefusedError("this finding cannot be raised: {reasons}", reasons=reasons)
    number = _next_number(session, plan)
    requirement = _requirement(phase, number, title, what, proof, due_on)
    _ask_of(session, requirement, units, about)
    finding = Finding(plan_id=plan.id, number=number, requirement_id=requirement.id, raised_by=actor.name, raised_at=at)
    session.add(finding)
    session.flush()
    _journal(session, finding, EventKind.FINDING_RAISED, actor, at, requirement.why_zh)
    issue(session, plan, phase, [requirement], actor=actor, at=at, issued_on=today)
    _tell_units(session, plan, requirement, at)
    return finding


def _ask_of(session: Session, requirement: Requirement, units: Sequence[Unit], about: Measure | Area | None) -> None:
    """Store what is asked, what it is about, and of whom it is asked; each unit once."""
    if isinstance(about, Measure):
        requirement.measure_id, requirement.area_id = about.id, about.area_id
    elif about is not None:
        requirement.area_id = about.id
    session.add(requirement)
    session.flush()
    for unit_id in dict.fromkeys(unit.id for unit in units):
        session.add(Addressee(requirement_id=requirement.id, role=Role.RESPONSIBLE, unit_id=unit_id))


def _tell_units(session: Session, plan: Plan, requirement: Requirement, at: dt.datetime) -> None:
    issued = select(Assignment).where(Assignment.requirement_id == requirement.id).order_by(Assignment.id)
    post(session, plan, [message_about(one, MessageKind.ISSUED, one.unit_id, at) for one in session.scalars(issued)])


def _next_number(session: Session, plan: Plan) -> int:
    return (session.scalar(select(func.max(Finding.number)).where(Finding.plan_id == plan.id)) or 0) + 1


def _requirement(phase: Phase, number: int, title: Text, what: Text, proof: Text, due_on: dt.date) -> Requirement:
    return Requirement(
        phase_id=phase.id,
        ref=f"{phase.period}/{CODE}/{number}",
        code=CODE,
        period=phase.period,
        scope=Scope.PLAN,
        due_on=due_on,
        title_zh=title.zh.strip(),
        title_en=title.en.strip(),
        why_zh=what.zh.strip(),
        why_en=what.en.strip(),
        proof_zh=proof.zh.strip(),
        proof_en=proof.en.strip(),
        source=f"查摆整改 {number}",
        basis=Basis.INFERRED,
    )


def reasons_not_closable(session: Session, finding: Finding) -> list[Reason]:
    """The references of the finding's assignments that are open, with their status; empty where it can close."""
    rows = session.execute(
        select(Requirement.ref, Unit.code, Assignment.status)
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Assignment.requirement_id == finding.requirement_id, Assignment.status.not_in(CLOSED))
        .order_by(Unit.code)
    )
    return [still_open(f"{ref}/{unit}", status) for ref, unit, status in rows]


def close(session: Session, plan: Plan, finding: Finding, *, check: str, actor: Actor, at: dt.datetime) -> None:
    """销号: the office has checked that it was put right, and says what it saw.

    Raises RefusedError without a word on the check and where it is closed already,
    BlockedError with the assignments that are open.
    """
    # Locked: of two people who close it at once, the second one sees that it is closed.
    session.refresh(finding, with_for_update={"of": Finding})
    if finding.closed_at is not None:
        raise RefusedError(
            "{ref} was closed by {name} on {day}",
            ref=finding.ref,
            name=finding.closed_by,
            day=plan.day_of(finding.closed_at),
        )
    if not said(check):
        raise RefusedError("{ref}: say what the closing check found", ref=finding.ref)
    still_owed = reasons_not_closable(session, finding)
    if still_owed:
        raise BlockedError("{ref} waits for its units: {reasons}", still_owed, ref=finding.ref)
    finding.closed_by, finding.closed_at, finding.check_text = actor.name, at, check.strip()
    _journal(session, finding, EventKind.FINDING_CLOSED, actor, at, check.strip())


def _journal(session: Session, finding: Finding, kind: EventKind, actor: Actor, at: dt.datetime, why: str) -> None:
    record(
        session,
        kind,
        actor,
        at,
        plan_id=finding.plan_id,
        phase_id=finding.requirement.phase_id,
        why=why,
        detail={"number": finding.number, "ref": finding.ref},
    )
