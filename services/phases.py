"""Opening a phase: its assignments are issued, and its units are to be told."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from sqlalchemy.orm import Session

from adapters.database.sessions import no_statement_timeout, read_session
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import RefusedError
from models.common.kinds import PhaseKind, UnitKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.monitoring import alerts
from models.outbox.message import NewMessage, post
from models.permissions import Act, require
from models.phases import opening
from models.phases.opening import Opening
from models.plan.asked import units_asked_in
from models.plan.phase import Phase, PhaseStatus, RunName, phase_at, phase_of, phases_of, run_names
from models.plan.plan import Plan, plan_of
from models.plan.unit import body_of
from services.letters.addresses import unreached
from services.scope import Scope

# By its id, as pages know it, or by a name and a year, as people say it and as `models.plan.phase.meant` takes it.
WhichPhase = int | tuple[str, int | None]


@dataclasses.dataclass(frozen=True, slots=True)
class StartedPhase:
    """A phase whose run in Prefect was asked for. `joined`: it had one already, and that is the one.

    `early_for`: the later day on which the plan hands its work out, where that is now.
    """

    ref: str
    run_id: str
    joined: bool = False
    early_for: dt.date | None = None


def open_phase(scope: Scope, which: WhichPhase, kind: PhaseKind | None = None) -> Opening:
    """Open the phase and issue its assignments. A phase that is open already is left as it is.

    Raises NotFoundError where there is no such phase, RefusedError where several can be meant, and where it is of
    another kind than its flow, whose runs nobody would find again.
    """

    def act(session: Session, plan: Plan) -> Opening:
        require(session, plan, Act.OPEN_PHASE, scope.actor)
        no_statement_timeout(session)  # a national plan is issued in one statement, which takes long
        phase = locked(session, plan, which)
        if kind not in {None, phase.kind}:
            raise RefusedError("the phase {phase} is started with the flow {kind}", phase=phase.ref, kind=phase.kind)
        return opening.open_phase(session, plan, phase, actor=scope.actor, at=scope.at)

    return scope.repeat(act)


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseToStart:
    """What Prefect has to be told to start a phase. `rounds`: of its gate, at which a run of it may stand already."""

    plan: str
    ref: str
    kind: PhaseKind
    run_name: RunName
    names: frozenset[RunName]
    rounds: Collection[int]
    early_for: dt.date | None
    unreached: tuple[Text, ...] = ()  # units that neither a letter nor a telephone reaches


def start(scope: Scope, which: WhichPhase) -> StartedPhase:
    """Start the phase's flow in Prefect, which opens it, as the button in the Prefect UI does.

    A phase whose run stands at its gate, or is on its way there, gets no other.

    Raises NotFoundError, RefusedError where several can be meant, PrefectUnreachableError.
    """
    return start_run(to_be_started(scope, which))


def to_be_started(scope: Scope, which: WhichPhase, *, anew: bool = True) -> PhaseToStart:
    """The phase, where it may be started: `start_run` does so once this is committed. `anew`: also where it is open.

    Raises NotFoundError, RefusedError.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.OPEN_PHASE, scope.actor)
        phase = _phase(session, plan, which, lock=False)
        is_planned = phase.status is PhaseStatus.PLANNED
        if not (anew or is_planned):
            raise RefusedError("the phase {phase} is {status}: it was started", phase=phase.ref, status=phase.status)
        waits_at = {gate.phase.id: gate.rounds for gate in alerts.open_gates(session, plan)}
        return PhaseToStart(
            plan.code,
            phase.ref,
            phase.kind,
            phase.run_name,
            run_names(phase, phases_of(session, plan)),
            waits_at.get(phase.id, ()),
            phase.issue_on if is_planned and plan.day_of(scope.at) < phase.issue_on else None,
            tuple(unreached_in(session, plan, phase, scope.at)) if is_planned else (),
        )


def unreached_in(session: Session, plan: Plan, phase: Phase, at: dt.datetime) -> list[Text]:
    """The names of the units that a phase asks something of and that neither a letter nor a telephone reaches."""
    asked = units_asked_in(session, phase)
    return [unit.name for unit in unreached(session, plan, plan.day_of(at), asked)]


def tell_unreached(scope: Scope, which: WhichPhase) -> list[str]:
    """Tell the office which units of a phase that was opened cannot be reached, once; returns their names.

    Raises NotFoundError.
    """

    def act(session: Session, plan: Plan) -> list[str]:
        require(session, plan, Act.OPEN_PHASE, scope.actor)
        phase = _phase(session, plan, which, lock=False)
        if phase.status is not PhaseStatus.OPEN or phase.opened_at is None:
            return []
        language = Language.of(settings().language)
        names = [language.text(one) for one in unreached_in(session, plan, phase, scope.at)]
        if names:
            office, kind = body_of(session, plan.id, UnitKind.OFFICE), MessageKind.UNREACHED
            day, said = plan.day_of(phase.opened_at), language.list(names)
            post(session, plan, [NewMessage(office.id, kind, phase.ref, scope.at, day, phase_id=phase.id, reason=said)])
        return names

    return scope.repeat(act)


def start_run(phase: PhaseToStart) -> StartedPhase:
    """Start its run, or find the one that it has. Raises PrefectUnreachableError."""
    from adapters.prefect_server import prefect_api  # noqa: PLC0415  (only those who speak to Prefect pay for an HTTP client)

    if standing := prefect_api.run_at_gate(phase.plan, phase.kind.value, phase.names, phase.rounds):
        return StartedPhase(phase.ref, standing, joined=True)
    run_id = prefect_api.start_phase(phase.plan, phase.kind.value, *phase.run_name)
    return StartedPhase(phase.ref, run_id, early_for=phase.early_for)


def start_run_if_reachable(phase: PhaseToStart) -> StartedPhase | None:
    """The same; None where Prefect cannot be reached now, which is known within seconds."""
    from adapters.prefect_server import prefect_api  # noqa: PLC0415

    try:
        return start_run(phase) if prefect_api.is_healthy() else None
    except prefect_api.PrefectUnreachableError:
        return None


def units_to_notify(plan: str, which: WhichPhase) -> list[str]:
    """Codes of the units that were not yet told what the phase asks of them. Raises NotFoundError."""
    with read_session() as session:
        row = plan_of(session, plan)
        return list(opening.units_to_notify(session, _phase(session, row, which, lock=False)))


def locked(session: Session, plan: Plan, which: WhichPhase) -> Phase:
    """The phase, its row locked. Raises NotFoundError."""
    return _phase(session, plan, which, lock=True)


def _phase(session: Session, plan: Plan, which: WhichPhase, *, lock: bool) -> Phase:
    if isinstance(which, int):
        return phase_at(session, plan, which, lock=lock)
    return phase_of(session, plan, *which, lock=lock)
