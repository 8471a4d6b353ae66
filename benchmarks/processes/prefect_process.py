"""As benchmarks/processes/patrol_process.py, but with a Prefect task run for each assignment, in a flow run on a real
server.

`python -m benchmarks.processes.prefect_process PLAN INSTANT COUNT`. Each task run does for one assignment what patrol
does for a thousand in one transaction. The task runs go through Prefect's own thread pool.
"""

import datetime as dt
import sys
import time
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner
from sqlalchemy.orm import Session

from adapters.database.sessions import engine, retrying_transaction
from benchmarks.processes.patrol_process import peak_mb, say
from models.common.event import Actor
from models.patrol.escalation import chase, claim_due
from models.plan.plan import plan_of

RUNNER: Any = ThreadPoolTaskRunner(max_workers=8)  # Prefect's annotation asks for a runner of other futures


@task(name="chase-one", cache_policy=NO_CACHE)
def chase_one(plan: str, at: dt.datetime) -> int:
    def act(session: Session) -> int:
        ids = claim_due(session, plan, at=at, limit=1)
        return chase(session, plan_of(session, plan), ids, actor=Actor("duban"), at=at).looked_at if ids else 0

    return retrying_transaction(act)


@flow(name="chase-each", task_runner=RUNNER)
def chase_each(plan: str, at: dt.datetime, count: int) -> int:
    return sum(run.result() for run in [chase_one.submit(plan, at) for _ in range(count)])


def main(plan: str, instant: str, count: str) -> None:
    at = dt.datetime.fromisoformat(instant)
    with engine().connect():
        pass
    imported_mb = peak_mb()
    say({"ready": True})
    sys.stdin.readline()
    started = time.monotonic()
    looked_at = chase_each(plan, at, int(count))
    ended = time.monotonic()
    say(
        {
            "started": started,
            "ended": ended,
            "looked_at": looked_at,
            "imported_mb": imported_mb,
            "peak_mb": peak_mb(),
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
