"""Telling the run that stands at a gate what was decided elsewhere: in the portal or on the command line."""

from enum import StrEnum

from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import PrefectUnreachableError
from models.phases.gate import Gate, answer_of
from models.plan.phase import Phase
from models.plan.plan import Plan


class Told(StrEnum):
    RESUMED = "resumed"
    NOBODY = "nobody"  # no run stands at this round
    UNREACHABLE = "unreachable"


def tell_run(plan: Plan, phase: Phase, gate: Gate) -> Told:
    """Wake the run at this round with the decision that is stored; reads the rows and changes none."""
    try:
        run_id = prefect_api.suspended_run(plan.code, phase.code.value, phase.year, gate.round)
        if run_id is None:
            return Told.NOBODY
        prefect_api.answer_gate(run_id, answer_of(gate), gate.until or phase.ends_on)
    except PrefectUnreachableError:
        return Told.UNREACHABLE
    return Told.RESUMED
