"""What the three phases share: open, issue, notify, show progress, wait at the gate."""

import datetime as dt
from typing import Any, Literal

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from adapters.prefect_server.prefect_api import CHOICES
from adapters.settings import settings
from models.common.kinds import PhaseKind
from models.phases.gate import Answer, Closing, WaitingRound
from rendering.gate_text import gate_text
from services import gates
from tasks import deliver, phases, publish
from tasks.stand import stand, stood_before

# The default is an hour, and a timeout fails the run: a gate may stand open for as long as a plan lasts.
TEN_YEARS = dt.timedelta(days=10 * 365)
RUNNER: Any = ThreadPoolTaskRunner(max_workers=8)  # as many as share the database well
MAX_UNITS_NAMED = 50  # of those that cannot be reached; the office's letter names all
MAX_NOTIFY_RUNS = 200  # with more units, several share a task run: Prefect makes about 150 task runs a second

Choice = Literal["保持开放 keep open", "关闭 close", "延期 extend"]
DECISIONS = {words: decision for decision, words in CHOICES.items()}


class GateForm(RunInput):
    """The form at the gate. Flat, without optional fields: those show as an awkward type switch.

    Titles only: each line of description is taken from the room of the text above the form.
    """

    decision: Choice = Field(title="决定 Decision")
    name: str = Field(title="决定人姓名 Name of who decides", min_length=1)
    reason: str = Field(title="理由 Reason", min_length=1)
    until: dt.date  # its title comes with its first value, see `_until`
    override_reason: str = Field("", title="有未办结件仍要关闭的理由 Why close with work open")


def _until(first: dt.date) -> Any:
    """The date's field. `with_initial_data` drops the title of a field that is given a bare value."""
    return Field(first, title="延期至 Extend until")


def run_name() -> str:
    """What a run of a phase is called: its kind, the plan, and what it was told of the phase."""
    given = flow_run.parameters
    words = (flow_run.flow_name, given.get("plan"), given.get("phase"), given.get("year"))
    return " ".join(str(word) for word in words if word)


def conduct(plan: str, kind: PhaseKind, year: int | None, phase: str) -> State[str]:
    """Take a phase from its opening to its closing. Runs again from the top after each answer at the gate.

    `phase` is its code or reference; where it is empty, the kind and the year say which it is.

    Where another run stands at the gate already, this one ends there and names it.
    """
    logger = get_run_logger()
    phase = phase.strip() or kind.value
    opened = phases.open_phase(plan, phase, year, kind)
    logger.info("%s: %s assignments issued", opened.phase_ref, opened.issued)
    if opened.days_early:
        logger.warning(
            "%s: 比方案规定早 %s 天交办 handed out %s days before the day that the plan says",
            *(opened.phase_ref, opened.days_early, opened.days_early),
        )
    publish.tag_phase(plan, phase, year)
    if unreached := phases.tell_unreached(plan, phase, year):
        logger.warning(
            "%s 个单位无信函地址且无电话 units have neither an address for letters nor a telephone: %s",
            *(len(unreached), ", ".join(unreached[:MAX_UNITS_NAMED])),
        )
    _notify_units(plan, phase, year)
    while True:
        waiting = phases.ask_at_gate(plan, phase, year)
        publish.tag_phase(plan, phase, year)
        publish.publish_phase(plan, phase, year)
        if isinstance(waiting, Closing):
            return _closed(waiting)
        with gates.alone_at(plan, waiting.phase_ref):
            if other := _other_run(plan, phase, year, waiting):
                return _joined(waiting, other)
            answer = _suspend(waiting)
        phases.decide_gate(plan, phase, year, waiting.number, answer)


def _notify_units(plan: str, phase: str, year: int | None) -> None:
    """One task run a unit. A unit that could not be told does not hold up the others, and is logged."""
    units = phases.units_to_notify(plan, phase, year)
    size = -(-len(units) // MAX_NOTIFY_RUNS) or 1
    batches = [units[start : start + size] for start in range(0, len(units), size)]
    labels = [batch[0] if len(batch) == 1 else f"{batch[0]}-and-{len(batch) - 1}" for batch in batches]
    runs = [deliver.notify.submit(plan, batch, label) for batch, label in zip(batches, labels, strict=True)]
    for run, label in zip(runs, labels, strict=True):
        run.wait()
        if not run.state.is_completed():
            get_run_logger().error("%s could not be told yet; its notice stays in the outbox", label)


def _other_run(plan: str, phase: str, year: int | None, waiting: WaitingRound) -> str | None:
    """The run that stands at this round already. None for one that stood there itself and is given its form back."""
    if stood_before(_key(waiting)):
        return None
    return gates.run_at_round(plan, (phase, year), waiting.number)


def _key(waiting: WaitingRound) -> str:
    return f"gate-{waiting.number}"


def _suspend(waiting: WaitingRound) -> Answer:
    form = GateForm.with_initial_data(
        description=gate_text(waiting), until=_until(waiting.ends_on + dt.timedelta(days=30))
    )
    given = stand(
        form,
        key=_key(waiting),
        name="Extended" if waiting.extended else "Suspended",
        message=f"round {waiting.number}, last day {waiting.ends_on}",
        timeout=TEN_YEARS,
    )
    return Answer(
        decision=DECISIONS[given.decision],
        by_name=given.name,
        reason=given.reason,
        until=given.until,
        override_reason=given.override_reason,
    )


def _joined(waiting: WaitingRound, other: str) -> State[str]:
    message = f"已有运行在此关口 a run stands at this gate already: {settings().run_address(other)}"
    return Completed(name="Joined", message=message, data=waiting.phase_ref)


def _closed(closing: Closing) -> State[str]:
    message = f"{closing.phase_ref}: {closing.by_name} — {closing.reason}"
    name = "Closed with override" if closing.overridden else "Closed"
    return Completed(name=name, message=message, data=closing.phase_ref)
