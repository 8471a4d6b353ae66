"""Implementation (实施阶段): one year of the plan."""

from prefect import flow
from prefect.client.schemas.objects import State

from adapters.program import version
from flows.phase import RUNNER, conduct
from models.plan.phase import PhaseCode


@flow(
    name="implementation",
    version=version(),
    flow_run_name="implementation {plan} {year}",
    task_runner=RUNNER,
)
def implementation(plan: str, year: int) -> State[str]:
    """实施阶段(按年度):交办、通知各单位,并在阶段关口等待办公室决定。

    Opens one year of the implementation, issues its assignments, notifies each unit, and waits at the gate.

    Args:
        plan: 方案代码 the plan's code, such as `northwest-education-centre`
        year: 年度 the year, such as 2023
    """
    return conduct(plan, PhaseCode.IMPLEMENTATION, year)
