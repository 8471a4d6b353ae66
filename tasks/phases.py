"""Open a phase and issue its assignments; open rounds of its gate and carry out the answers."""

from prefect import task

from models.common.kinds import PhaseKind
from models.phases.gate import Answer, Closing, WaitingRound
from models.phases.opening import Opening
from models.plan.phase import PhaseStatus
from services import gates, phases
from tasks.options import OPTIONS
from tasks.runs import this_run


@task(name="open-phase", **OPTIONS)
def open_phase(plan: str, phase: str, year: int | None, kind: PhaseKind) -> Opening:
    return phases.open_phase(this_run(plan), (phase, year), kind)


@task(name="tell-unreached", **OPTIONS)
def tell_unreached(plan: str, phase: str, year: int | None) -> list[str]:
    return phases.tell_unreached(this_run(plan), (phase, year))


@task(name="units-to-notify", **OPTIONS)
def units_to_notify(plan: str, phase: str, year: int | None) -> list[str]:
    return phases.units_to_notify(plan, (phase, year))


@task(name="ask-at-gate", **OPTIONS)
def ask_at_gate(plan: str, phase: str, year: int | None) -> WaitingRound | Closing:
    return gates.ask(this_run(plan), (phase, year))


@task(name="decide-gate", **OPTIONS)
def decide_gate(plan: str, phase: str, year: int | None, number: int, answer: Answer) -> PhaseStatus:
    return gates.decide_as_typed(this_run(plan), (phase, year), number, answer)
