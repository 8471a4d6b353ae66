"""The gate of a phase (阶段关口): a round is opened, the office answers it, and the run that waits is told."""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from sqlalchemy.orm import Session

from adapters.database.sessions import alone, read_session
from adapters.settings import settings
from models.common.errors import RefusedError
from models.common.event import Actor
from models.common.kinds import PhaseKind
from models.common.typed import person_name
from models.permissions import Act, require
from models.phases import gate as gates
from models.phases.gate import Answer, Closing, Gate, GateDecision, Via, WaitingRound
from models.plan.phase import Phase, PhaseStatus, RunName, phases_of, run_names
from models.plan.plan import Plan, plan_of
from services.phases import WhichPhase, locked
from services.scope import Scope, by_program

if TYPE_CHECKING:
    from adapters.prefect_server.prefect_api import PhaseRun

RUN_ARRIVES = dt.timedelta(hours=1)  # a run that is on its way to a gate has reached it within minutes


class Told(StrEnum):
    """What became of telling the run of a decision."""

    RESUMED = "resumed"
    NOBODY = "nobody"  # no run waits at this round
    UNREACHABLE = "unreachable"


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    """A round that was decided. `blocking` names what was open, or the first of it; `ends_on` is the phase's last day.

    `refused`: closing was asked for while work was open and no override was given.
    """

    gate_id: int
    plan: str
    phase_ref: str
    kind: PhaseKind
    names: frozenset[RunName]
    round: int
    answer: Answer
    decided_at: dt.datetime
    ends_on: dt.date
    refused: bool
    blocking: Sequence[str]
    still_open: int

    @property
    def decision(self) -> GateDecision:
        return self.answer.decision

    @classmethod
    def of(cls, plan: Plan, phase: Phase, gate: Gate, phases: Sequence[Phase]) -> Self:
        """`phases` are all of the plan's, among which runs have to tell it apart."""
        assert gate.decided_at is not None
        return cls(
            gate.id,
            plan.code,
            phase.ref,
            phase.kind,
            run_names(phase, phases),
            gate.round,
            gates.answer_of(gate),
            gate.decided_at,
            phase.ends_on,
            bool(gate.refused),
            gate.blocking or [],
            gate.still_open,
        )


def ask(scope: Scope, which: WhichPhase) -> WaitingRound | Closing:
    """The round that waits for the office's answer, or how the phase was closed. Raises NotFoundError."""

    def act(session: Session, plan: Plan) -> WaitingRound | Closing:
        require(session, plan, Act.ASK_AT_GATE, scope.actor)
        phase = locked(session, plan, which)
        return gates.waiting_or_closed(session, phase, scope.at)

    return scope.repeat(act)


def decide(scope: Scope, which: WhichPhase, answer: Answer, *, via: Via, to_round: int | None = None) -> Decided:
    """The office answers the open round; `to_round` is the round that its page showed, where there was a page.

    Closing with open work is written down as refused, unless a reason to override is given. The run that stands at
    the gate is told by `tell_run`, once this is committed. Raises NotFoundError, IllegalMoveError where no round is
    open, RefusedError for an answer that says too little or is to another round.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.DECIDE_GATE, scope.actor)
        phase = locked(session, plan, which)
        waiting = gates.open_round(session, phase, scope.at) if to_round is not None else None
        if waiting is not None and waiting.round != to_round:
            raise RefusedError(
                "{phase}: this page was made for round {before} of its gate, which is answered; it is at round {now}",
                phase=phase.ref,
                before=to_round,
                now=waiting.round,
            )
        made = gates.decide(session, plan, phase, answer, via=via, actor=scope.actor, at=scope.at)
        return Decided.of(plan, phase, made, phases_of(session, plan))


def decide_as_typed(scope: Scope, which: WhichPhase, number: int, answer: Answer) -> PhaseStatus:
    """Carry out an answer from the form in the Prefect UI. Prefect knows no persons: the name is as it was typed there.

    Where the settings ask for it, the answer is only written down, and waits until the office decides in the portal.
    The answer is to the round of that number. A round that was decided before, by an earlier try or elsewhere, stays
    as it is. Raises NotFoundError.
    """
    actor = Actor(answer.by_name, run=scope.actor.run) if person_name(answer.by_name) else scope.actor

    def act(session: Session, plan: Plan) -> PhaseStatus:
        require(session, plan, Act.DECIDE_GATE, actor)
        phase = locked(session, plan, which)
        waiting = gates.open_round(session, phase, scope.at)
        if waiting is None or waiting.round != number:
            return phase.status
        wrong = gates.reasons_not_answerable(answer, max(plan.day_of(scope.at), phase.ends_on), plan.bounds)
        if wrong or settings().gate_confirmed:
            # The form is closed by now: the next round asks again, and says why.
            gates.set_aside(
                session, plan, phase, answer, via=Via.PREFECT_UI, actor=actor, at=scope.at, unconfirmed=not wrong
            )
        else:
            gates.decide(session, plan, phase, answer, via=Via.PREFECT_UI, actor=actor, at=scope.at)
        return phase.status

    return scope.repeat(act)


@contextmanager
def alone_at(plan: str, phase_ref: str) -> Iterator[None]:
    """One run of a phase at a time: between looking whether another stands at its gate, and standing there.

    Raises RefusedError where the other takes too long.
    """
    with alone("gate", plan, phase_ref):
        yield


def run_at_round(plan: str, which: WhichPhase, number: int) -> str | None:
    """The run that stands at this round of the phase's gate, however it was told of the phase; None without one.

    Raises NotFoundError, PrefectUnreachableError.
    """
    from adapters.prefect_server import prefect_api  # noqa: PLC0415

    with read_session() as session:
        row = plan_of(session, plan)
        phase = locked(session, row, which)
        names = run_names(phase, phases_of(session, row))
    return prefect_api.suspended_run(plan, phase.kind.value, names, number)


def end_stray_runs(scope: Scope) -> int:
    """End the suspended runs of a plan that no answer concerns any more; returns how many.

    These are runs of a phase that is not open and of rounds that are over, and all but the first at one round. Runs
    that are still to be told of a decision stay. Raises PrefectUnreachableError.
    """
    from adapters.prefect_server import prefect_api  # noqa: PLC0415  (its HTTP client takes a while to import)

    # Asked before the database is, so that a run that comes to a new round meanwhile is not among them.
    suspended = prefect_api.suspended_runs(scope.plan, list(PhaseKind))
    if not suspended:
        return 0

    def look(session: Session, plan: Plan) -> list[_Awaited]:
        require(session, plan, Act.TELL_RUN, scope.actor)
        phases = phases_of(session, plan)
        return [(phase.kind, run_names(phase, phases), number) for phase, number in gates.awaited(session, plan)]

    strays = list(_strays(suspended, scope.repeat(look)))
    return sum(prefect_api.end_suspended(run, why) for run, why in strays)


_Awaited = tuple[PhaseKind, frozenset[RunName], int]  # a round at which a run may wait


def _strays(suspended: Sequence["PhaseRun"], awaited: Sequence[_Awaited]) -> Iterator[tuple["PhaseRun", str]]:
    """The runs that are to be ended, each with why."""
    taken: set[_Awaited] = set()
    for run in suspended:
        place = next(
            (one for one in awaited if run.phase == one[0] and run.name in one[1] and run.round == one[2]), None
        )
        if place is None:
            yield run, "关口已不再询问 its gate does not ask this any more"
        elif place in taken:
            yield run, "关口已有运行 another run stands at this gate"
        else:
            taken.add(place)


def tell_run(decided: Decided) -> Told:
    """Resume the run that waits at this round, with the stored decision. The program does so, whoever decided.

    Where this fails, patrol tries again.
    """
    scope = by_program(decided.plan)
    _may_tell(scope)
    told = _wake(decided)
    if told is Told.RESUMED:
        _mark_told(scope, [decided])
    return told


def untold(session: Session, plan: Plan) -> list[Decided]:
    """Rounds that were decided elsewhere than in the Prefect UI, and whose run has not been told."""
    waiting = gates.untold(session, plan)
    phases = phases_of(session, plan) if waiting else []
    return [Decided.of(plan, phase, gate, phases) for gate, phase in waiting]


def tell_runs(scope: Scope, waiting: Sequence[Decided]) -> int:
    """Resume the runs that could not be told of these decisions before; returns how many were resumed."""
    if not waiting:
        return 0
    _may_tell(scope)
    outcomes = [(one, _wake(one)) for one in waiting]
    over = [
        one for one, told in outcomes if told is Told.RESUMED or (told is Told.NOBODY and _has_no_run(one, scope.at))
    ]
    _mark_told(scope, over)
    return sum(told is Told.RESUMED for _, told in outcomes)


def _has_no_run(decided: Decided, at: dt.datetime) -> bool:
    return at - decided.decided_at > RUN_ARRIVES


def _may_tell(scope: Scope) -> None:
    """Asked before a run is resumed, as that cannot be undone."""
    scope.repeat(lambda session, plan: require(session, plan, Act.TELL_RUN, scope.actor))


def _mark_told(scope: Scope, decided: Sequence[Decided]) -> None:
    ids = [one.gate_id for one in decided]
    if ids:
        scope.repeat(lambda session, _plan: gates.mark_told(session, ids, scope.at))


def _wake(decided: Decided) -> Told:
    from adapters.prefect_server import prefect_api  # noqa: PLC0415  (its HTTP client takes a while to import)

    if not prefect_api.is_healthy():  # told within seconds: a server that is being started keeps everybody waiting
        return Told.UNREACHABLE
    try:
        run_id = prefect_api.suspended_run(decided.plan, decided.kind.value, decided.names, decided.round)
        if run_id is None:
            return Told.NOBODY
        prefect_api.answer_gate(run_id, decided.answer, decided.ends_on)
    except prefect_api.PrefectUnreachableError:
        return Told.UNREACHABLE
    return Told.RESUMED
