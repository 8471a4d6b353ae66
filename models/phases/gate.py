"""Gates (阶段关口): the office's decision that a phase may close. One row a round; a phase has one open round."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, false, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import OPEN, Assignment, still_open
from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import IllegalMoveError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.typed import person_name, said
from models.dates.bounds import Bounds
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

MAX_NAMED = 1000  # most open assignments that are named; all are counted


class GateDecision(StrEnum):
    CLOSE = "close"
    KEEP_OPEN = "keep open"
    EXTEND = "extend"


class Via(StrEnum):
    """Where the decision was made. The Prefect UI does not know who is using it: the name is as typed in its form."""

    PREFECT_UI = "prefect-ui"
    COMMAND = "command"
    PORTAL = "portal"


class Gate(Base):
    """One round at the gate. Undecided while `decision` is null.

    `refused`: closing was asked for while work was open and no override was given. `still_open` says how many
    assignments were open at the decision, and `blocking` names them, or the first of them where they are very many.
    `unconfirmed`: it was typed in the Prefect UI and waits until a person of the office says so by name.
    """

    __tablename__ = "gate"
    __table_args__ = (UniqueConstraint("phase_id", "round"),)

    id: Mapped[Key]
    phase_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("phase.id"), doc="the phase (phase)")
    round: Mapped[int] = mapped_column(doc="which time it was asked")
    asked_at: Mapped[Instant] = mapped_column(doc="when it was asked")
    decision: Mapped[GateDecision | None] = mapped_column(text_enum(GateDecision, "decision"), doc="what was decided")
    until: Mapped[dt.date | None] = mapped_column(doc="until this day")
    by_name: Mapped[str | None] = mapped_column(doc="who, by name")
    via: Mapped[Via | None] = mapped_column(text_enum(Via, "via"), doc="where it was decided")
    reason: Mapped[str | None] = mapped_column(doc="why")
    override_reason: Mapped[str | None] = mapped_column(doc="why it was done although something stood against it")
    refused: Mapped[bool | None] = mapped_column(doc="true: asked for and not carried out")
    unconfirmed: Mapped[bool] = mapped_column(
        server_default=false(), doc="true: typed in the Prefect UI, and not carried out before the office confirms it"
    )
    blocking: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True), doc="what was open at the decision")
    still_open: Mapped[int] = mapped_column(server_default="0", doc="how much was open at the decision")
    decided_at: Mapped[Instant | None] = mapped_column(doc="when it was decided")
    run: Mapped[str | None] = mapped_column(doc="the run in Prefect in which it happened")
    # When the suspended run was resumed with a decision that was made outside the Prefect UI.
    resumed_at: Mapped[Instant | None] = mapped_column(doc="when the program was told")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the office says at the gate."""

    decision: GateDecision
    by_name: str
    reason: str
    until: dt.date | None = None
    override_reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Setback:
    """An answer that changed nothing: it waits for its confirmation, or `still_open` items stood against it and no
    override was given, or, where that is 0, it said too little.
    """

    by_name: str
    decision: GateDecision
    still_open: int
    unconfirmed: bool


@dataclasses.dataclass(frozen=True, slots=True)
class WaitingRound:
    """A gate that waits for its answer. `setback`: the last answer, where that was not carried out.

    `extended`: the phase's last day was moved. `blocking`: what is open, or the first of it, with its status.
    """

    phase_ref: str
    number: int
    title: str
    ends_on: dt.date
    extended: bool
    still_open: int
    blocking: tuple[str, ...]
    setback: Setback | None


@dataclasses.dataclass(frozen=True, slots=True)
class Closing:
    """How a phase was closed."""

    phase_ref: str
    by_name: str
    reason: str
    overridden: bool


def open_round(session: Session, phase: Phase, at: dt.datetime) -> Gate | None:
    """The round that waits for an answer; asked anew after a decision that left the phase open.

    None where the phase is not open. The caller holds the phase's row lock.
    """
    if phase.status is not PhaseStatus.OPEN:
        return None
    last = session.scalars(
        select(Gate).where(Gate.phase_id == phase.id).order_by(Gate.round.desc()).limit(1)
    ).one_or_none()
    if last is not None and last.decision is None:
        return last
    gate = Gate(phase_id=phase.id, round=(last.round if last else 0) + 1, asked_at=at)
    session.add(gate)
    session.flush()
    return gate


def reasons_not_closable(session: Session, phase: Phase) -> list[Reason]:
    """The references of its first `MAX_NAMED` open assignments, with their status; empty where it can close."""
    rows = session.execute(
        select(Requirement.ref, Unit.code, Assignment.status)
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Requirement.phase_id == phase.id, OPEN)
        .order_by(Requirement.due_on, Requirement.ref, Unit.code)
        .limit(MAX_NAMED)
    )
    return [still_open(f"{ref}/{unit}", status) for ref, unit, status in rows]


def count_open(session: Session, phase: Phase) -> int:
    """How many of the phase's assignments are open."""
    query = select(func.count()).select_from(Assignment).join(Assignment.requirement)
    return session.scalar(query.where(Requirement.phase_id == phase.id, OPEN)) or 0


def reasons_not_answerable(answer: Answer, latest: dt.date, bounds: Bounds) -> list[Reason]:
    """What is wrong with an answer in itself; empty where nothing is. `latest`: today, or the phase's end if later."""
    found = []
    if not person_name(answer.by_name):
        found.append(Reason("a name is needed: a decision has a person"))
    if not said(answer.reason):
        found.append(Reason("a reason is needed"))
    if answer.decision is GateDecision.EXTEND and (answer.until is None or answer.until <= latest):
        found.append(Reason("to extend, give a date after {day}", day=latest.isoformat()))
    return [*found, *bounds.reasons_outside(answer.until)]


def decide(
    session: Session, plan: Plan, phase: Phase, answer: Answer, *, via: Via, actor: Actor, at: dt.datetime
) -> Gate:
    """Answer the open round. The caller holds the phase's row lock.

    Closing with open work is written down as refused, unless a reason to override is given.
    Raises RefusedError for an answer that says too little, IllegalMoveError where no round is open.
    """
    wrong = reasons_not_answerable(answer, max(plan.day_of(at), phase.ends_on), plan.bounds)
    if wrong:
        raise RefusedError("the gate of {phase}: {reasons}", phase=phase.ref, reasons=wrong)
    gate = open_round(session, phase, at)
    if gate is None:
        raise IllegalMoveError(
            "the phase {phase} is {status}: its gate asks nothing", phase=phase.ref, status=phase.status
        )
    closing = answer.decision is GateDecision.CLOSE
    blocking = reasons_not_closable(session, phase) if closing else []
    gate.decision, gate.by_name, gate.via, gate.reason = (
        answer.decision,
        person_name(answer.by_name),
        via,
        answer.reason,
    )
    gate.until = answer.until if answer.decision is GateDecision.EXTEND else None
    gate.override_reason = (said(answer.override_reason) or None) if closing else None
    gate.blocking, gate.decided_at, gate.run = [reason.facts["ref"] for reason in blocking], at, actor.run
    gate.still_open = count_open(session, phase) if blocking else 0
    gate.refused = bool(blocking) and gate.override_reason is None
    if closing and not gate.refused:
        phase.status, phase.closed_at = PhaseStatus.CLOSED, at
    if gate.until is not None:
        phase.ends_on = gate.until
    _journal(session, plan, phase, gate, actor, at)
    return gate


def set_aside(
    session: Session,
    plan: Plan,
    phase: Phase,
    answer: Answer,
    *,
    via: Via,
    actor: Actor,
    at: dt.datetime,
    unconfirmed: bool = False,
) -> None:
    """Use up the open round for an answer that is not carried out, so that the gate asks anew."""
    gate = open_round(session, phase, at)
    if gate is None:
        return
    gate.decision, gate.by_name = answer.decision, person_name(answer.by_name)
    gate.via, gate.reason = via, answer.reason
    gate.refused, gate.blocking, gate.decided_at, gate.run = True, [], at, actor.run
    gate.unconfirmed = unconfirmed
    if unconfirmed:
        gate.until, gate.override_reason = answer.until, said(answer.override_reason) or None
    _journal(session, plan, phase, gate, actor, at)


def untold(session: Session, plan: Plan) -> Sequence[tuple[Gate, Phase]]:
    """Rounds that were decided elsewhere than in the Prefect UI, and whose run has not been told."""
    rows = session.execute(
        select(Gate, Phase)
        .join(Phase, Phase.id == Gate.phase_id)
        .where(
            Phase.plan_id == plan.id,
            Gate.via.in_((Via.COMMAND, Via.PORTAL)),
            Gate.decided_at.is_not(None),
            Gate.resumed_at.is_(None),
        )
        .order_by(Gate.id)
    )
    return [(gate, phase) for gate, phase in rows]


def awaited(session: Session, plan: Plan) -> list[tuple[Phase, int]]:
    """The rounds at which a run may wait, each with its phase: those that are open or not told of yet."""
    asked = session.execute(
        select(Gate, Phase)
        .join(Phase, Phase.id == Gate.phase_id)
        .where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN, Gate.decision.is_(None))
    )
    found = [(gate, phase) for gate, phase in asked]
    return [(phase, gate.round) for gate, phase in [*found, *untold(session, plan)]]


def mark_told(session: Session, gate_ids: Collection[int], at: dt.datetime) -> None:
    """Record that the runs of these rounds know the decision, or that there is no run to tell."""
    session.execute(update(Gate).where(Gate.id.in_(gate_ids)).values(resumed_at=at))


def answer_of(gate: Gate) -> Answer:
    """What was answered in a round, as it is filled into a form."""
    assert gate.decision is not None
    return Answer(gate.decision, gate.by_name or "", gate.reason or "", gate.until, gate.override_reason or "")


def waiting_or_closed(session: Session, phase: Phase, at: dt.datetime) -> WaitingRound | Closing:
    """The round that waits for an answer, or how the phase was closed. The caller holds the phase's row lock."""
    last = _last_decided(session, phase)
    waiting = open_round(session, phase, at)
    if waiting is not None:
        return _waiting(session, phase, last, waiting)
    assert last is not None
    return Closing(
        phase.ref,
        by_name=last.by_name or "",
        reason=last.override_reason or last.reason or "",
        overridden=bool(last.override_reason and last.blocking),
    )


def _waiting(session: Session, phase: Phase, last: Gate | None, waiting: Gate) -> WaitingRound:
    return WaitingRound(
        phase.ref,
        number=waiting.round,
        title=f"{phase.name_zh} {phase.name_en} {phase.period}",
        ends_on=phase.ends_on,
        extended=phase.ends_on > phase.planned_ends_on,
        still_open=count_open(session, phase),
        blocking=tuple(str(reason) for reason in reasons_not_closable(session, phase)),
        setback=_setback(last),
    )


def _setback(last: Gate | None) -> Setback | None:
    if last is None or last.decision is None or not last.refused:
        return None
    still_open = last.still_open if last.blocking else 0
    return Setback(last.by_name or "?", last.decision, still_open, last.unconfirmed)


def _last_decided(session: Session, phase: Phase) -> Gate | None:
    """The round that was answered last, None before the first answer."""
    return session.scalars(
        select(Gate).where(Gate.phase_id == phase.id, Gate.decision.is_not(None)).order_by(Gate.round.desc()).limit(1)
    ).one_or_none()


def last_day_at(session: Session, phase: Phase, until: dt.datetime) -> dt.date:
    """The phase's last day as it was known at an instant: as planned, or as extended by then."""
    moved = select(Gate.until).where(
        Gate.phase_id == phase.id, Gate.until.is_not(None), ~Gate.refused, Gate.decided_at <= until
    )
    return session.scalar(moved.order_by(Gate.round.desc()).limit(1)) or phase.planned_ends_on


def _journal(session: Session, plan: Plan, phase: Phase, gate: Gate, actor: Actor, at: dt.datetime) -> None:
    record(
        session,
        EventKind.GATE_DECIDED,
        actor,
        at,
        plan_id=plan.id,
        phase_id=phase.id,
        why=gate.override_reason or gate.reason,
        detail={
            "phase": phase.ref,
            "round": gate.round,
            "decision": gate.decision,
            "via": gate.via,
            "until": gate.until and gate.until.isoformat(),
            "refused": gate.refused,
            "overridden": bool(gate.override_reason and gate.blocking),
            "open": gate.still_open,
        }
        | ({"unconfirmed": True} if gate.unconfirmed else {}),
    )
