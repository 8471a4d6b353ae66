"""A phase's Prefect run, driven over HTTP as a person drives it in the Prefect UI: start, wait, fill in the form."""

import time

from adapters.prefect_server import prefect_api
from deploy.stack import StackError
from models.phases.gate import Answer
from models.plan.phase import Phase
from services import phases
from services.scope import by_program

WAIT_S = 120
SETTLED = {"PAUSED", "COMPLETED"}
BROKEN = {"FAILED", "CRASHED", "CANCELLED"}


class PhaseRun:
    """One run from its start to its closing."""

    def __init__(self, run_id: str, phase: Phase) -> None:
        self.run_id, self.phase_ref, self.ends_on = run_id, phase.ref, phase.ends_on
        self.rounds = 0
        self.state = ""

    @classmethod
    def start(cls, plan: str, phase: Phase) -> "PhaseRun":
        """Start the phase and wait until its run stands at the gate."""
        run = cls(phases.start(by_program(plan), phase.id).run_id, phase)
        run._wait()
        return run

    def answer(self, answer: Answer) -> None:
        """Fill in the gate's form and wait until the run has acted on it."""
        prefect_api.answer_gate(self.run_id, answer, self.ends_on)
        self.rounds += 1
        self._wait()

    def finish(self) -> None:
        """Raises StackError unless the phase's run is over."""
        kind, name, _ = prefect_api.state_of(self.run_id)
        if kind != "COMPLETED":
            raise StackError("the run of {phase} ended as {state}", phase=self.phase_ref, state=name)

    def _wait(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while True:
            kind, name, state_id = prefect_api.state_of(self.run_id)
            if kind in SETTLED and state_id != self.state:
                self.state = state_id
                return
            if kind in BROKEN or time.monotonic() > deadline:
                raise StackError(
                    "the run of {phase} is {state}: {why}",
                    phase=self.phase_ref,
                    state=name,
                    why=prefect_api.message_of(self.run_id),
                )
            time.sleep(0.2)
