"""Launch (启动阶段): hand out what every unit prepares before the work begins."""

from prefect import flow
from prefect.client.schemas.objects import State

from adapters.program import version
from flows.phase import RUNNER, conduct, run_name
from models.common.kinds import PhaseKind


@flow(name="launch", version=version(), flow_run_name=run_name, task_runner=RUNNER)
def launch(plan: str, year: int | None = None, phase: str = "") -> State[str]:
    """启动阶段:交办、通知各单位,并在阶段关口等待办公室决定。

    Opens the launch phase, issues its assignments, notifies each unit, and waits at the gate for the office.

    Args:
        plan: 方案代码 the plan's code, such as `northwest-education-centre`
        year: 年度,可不填 the year, where there are several such phases
        phase: 阶段代码或名称代号,可不填 the phase by its code or reference, where the plan has several of this kind
    """
    return conduct(plan, PhaseKind.LAUNCH, year, phase)
