"""Implementation (实施阶段): one year of the plan."""

from prefect import flow
from prefect.client.schemas.objects import State

from adapters.program import version
from flows.phase import RUNNER, conduct, run_name
from models.common.kinds import PhaseKind


@flow(
    name="implementation",
    version=version(),
    flow_run_name=run_name,
    task_runner=RUNNER,
)
def implementation(plan: str, year: int | None = None, phase: str = "") -> State[str]:
    """实施阶段(按年度):交办、通知各单位,并在阶段关口等待办公室决定。

    Opens one year of the implementation, or another phase of that kind, issues its assignments, notifies each unit,
    and waits at the gate.

    Args:
        plan: 方案代码 the plan's code, such as `northwest-education-centre`
        year: 年度 the year, such as 2023; not needed where `phase` is given or there is only one
        phase: 阶段代码或名称代号 the phase by its code or reference, where the plan has other phases than years
    """
    return conduct(plan, PhaseKind.IMPLEMENTATION, year, phase)
