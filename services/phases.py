"""Opening a phase: its assignments are issued, and its units are to be told."""

import dataclasses
import datetime as dt

from sqlalchemy.orm import Session

from adapters.database.sessions import no_statement_timeout, read_session
from models.monitoring import alerts
from models.permissions import Act, require
from models.phases import opening
from models.phases.opening import Opening
from models.plan.phase import Phase, PhaseCode, PhaseStatus, phase_at, phase_of
from models.plan.plan import Plan, plan_of
from services.scope import Scope

# By its id, as pages know it, or by its code and year, as people name it. Launch and acceptance have no year.
WhichPhase = int | tuple[PhaseCode, int | None]


@dataclasses.dataclass(frozen=True, slots=True)
class StartedPhase:
    """A phase whose run in Prefect was asked for. `joined`: it had one already, and that is the one.

    `early_for`: the later day on which the plan hands its work out, where that is now.
    """

    ref: str
    run_id: str
    joined: bool = False
    early_for: dt.date | None = None


def open_phase(scope: Scope, which: WhichPhase) -> Opening:
    """Open the phase and issue its assignments. A phase that is open already is left as it is.

    Raises NotFoundError where there is no such phase.
    """

    def act(session: Session, plan: Plan) -> Opening:
        require(session, plan, Act.OPEN_PHASE, scope.actor)
        no_statement_timeout(session)  # a national plan is issued in one statement, which takes long
        return opening.open_phase(session, plan, locked(session, plan, which), actor=scope.actor, at=scope.at)

    return scope.repeat(act)


def start(scope: Scope, which: WhichPhase) -> StartedPhase:
    """Start the phase's flow in Prefect, which opens it, as the button in the Prefect UI does.

    A phase whose run stands at its gate, or is on its way there, gets no other.

    Raises NotFoundError, RefusedError where several years are possible and none is said, PrefectUnreachableError.
    """
    from adapters.prefect_server import prefect_api  # noqa: PLC0415  (only those who speak to Prefect pay for an HTTP client)

    with scope.open() as (session, plan):
        require(session, plan, Act.OPEN_PHASE, scope.actor)
        phase = _phase(session, plan, which, lock=False)
        early = phase.status is PhaseStatus.PLANNED and plan.day_of(scope.at) < phase.issue_on
        waits_at = {gate.phase.id: gate.rounds for gate in alerts.open_gates(session, plan)}
    named = plan.code, phase.code.value, phase.year
    if standing := prefect_api.run_at_gate(*named, waits_at.get(phase.id, ())):
        return StartedPhase(phase.ref, standing, joined=True)
    return StartedPhase(phase.ref, prefect_api.start_phase(*named), early_for=phase.issue_on if early else None)


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
