"""Launch (启动阶段): hand out what every unit prepares before the work begins."""

from prefect import flow
from prefect.client.schemas.objects import State

from adapters.program import version
from flows.phase import RUNNER, conduct
from models.plan.phase import PhaseCode


@flow(name="launch", version=version(), flow_run_name="launch {plan}", task_runner=RUNNER)
def launch(plan: str) -> State[str]:
    """启动阶段:交办、通知各单位,并在阶段关口等待办公室决定。

    Opens the launch phase, issues its assignments, notifies each unit, and waits at the gate for the office.

    Args:
        plan: 方案代码 the plan's code, such as `northwest-education-centre`
    """
    return conduct(plan, PhaseCode.LAUNCH)
