"""Watchdog (自查): does patrol come, is everything told, does a run stand at every gate?"""

import datetime as dt

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from adapters.program import version
from tasks.watch import publish, watch


@flow(name="watchdog", version=version(), flow_run_name="watchdog")
def watchdog(plan: str | None = None, on: dt.date | None = None) -> State[str]:
    """自查:巡查是否按时、通知是否送达、阶段关口是否有人值守。发现问题时本次运行显示为失败。

    Finds what is late, unsent, given up or set aside, patrols that did not come and gates without a run (and starts
    one). Fails where it finds anything, with the list as its artifact.

    Args:
        plan: 方案代码,不填即全部 the plan's code; all plans when empty
        on: 以哪一天结束时为准,不填即现在 as at the end of that day's patrols; now when empty
    """
    watched = watch([plan] if plan else [], on)
    publish(watched)
    count = sum(map(len, watched.alerts.values()))
    if count:
        return Failed(message=f"发现 {count} 个问题,见清单 {count} things found: see the artifact")
    return Completed(message="一切正常 all is well", data="")
