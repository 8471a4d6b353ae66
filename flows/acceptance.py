"""Acceptance (总结阶段): the year in which the results are checked."""

from prefect import flow
from prefect.client.schemas.objects import State

from adapters.program import version
from flows.phase import RUNNER, conduct, run_name
from models.common.kinds import PhaseKind


@flow(name="acceptance", version=version(), flow_run_name=run_name, task_runner=RUNNER)
def acceptance(plan: str, year: int | None = None, phase: str = "") -> State[str]:
    """总结验收阶段:交办、通知各单位,并在阶段关口等待办公室决定。

    Opens the acceptance phase, issues its assignments, notifies each unit, and waits at the gate for the office.

    Args:
        plan: 方案代码 the plan's code, such as `northwest-education-centre`
        year: 年度,可不填 the year, where there are several such phases
        phase: 阶段代码或名称代号,可不填 the phase by its code or reference, where the plan has several of this kind
    """
    return conduct(plan, PhaseKind.ACCEPTANCE, year, phase)
