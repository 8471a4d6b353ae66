"""Patrol (巡查): the recurring tick that reminds, escalates and delivers."""

import dataclasses
import datetime as dt

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from adapters import clock
from adapters.database import transaction
from models.moments import tick_of
from models.plan import plan_of
from tasks.deliver import Delivered, deliver_due
from tasks.patrol import begin_round, chase_due, end_round, keep_up, plans_on_patrol


@dataclasses.dataclass(frozen=True, slots=True)
class Patrolled:
    """What one patrol did for one plan. On a day off nothing is delivered; it waits for the next working day."""

    plan: str
    looked_at: int
    fired: int
    historic: int
    set_aside: int
    messages: int
    gates: int
    dates_moved: int
    resumed: int
    letters: int
    dropped: int
    failed: int
    day_off: bool


@flow(name="patrol", flow_run_name="patrol")
def patrol(plan: str | None = None, on: dt.date | None = None) -> list[dict[str, object]]:
    """巡查:催办、升级、送达。可以重复运行,也可以补跑。

    Reminds, escalates and delivers whatever is due. Safe to run twice, late, or twice at once.

    Args:
        plan: 方案代码,不填即全部 the plan's code; all plans when empty
        on: 以哪一天为准,不填即今天 the day that counts; today when empty
    """
    plans = [plan] if plan else plans_on_patrol()
    done = [_patrol(code, on) for code in plans]
    create_markdown_artifact(_table(done), key="patrol", description="巡查结果 what this patrol did")
    return [dataclasses.asdict(one) for one in done]


def _patrol(plan: str, on: dt.date | None) -> Patrolled:
    at, is_working = _instant(plan, on)
    begun = begin_round(plan, at)
    chased = chase_due(plan, at)
    gates, moved, resumed = keep_up(plan, at)
    delivered = deliver_due(plan, at) if is_working else Delivered()
    end_round(begun, chased, delivered)
    return Patrolled(
        plan=plan,
        looked_at=chased.looked_at,
        fired=chased.fired,
        historic=chased.historic,
        set_aside=chased.set_aside,
        messages=chased.messages,
        gates=gates,
        dates_moved=moved,
        resumed=resumed,
        letters=delivered.letters,
        dropped=delivered.dropped,
        failed=delivered.failed,
        day_off=not is_working,
    )


def _instant(plan: str, on: dt.date | None) -> tuple[dt.datetime, bool]:
    """The instant that counts, and whether it is a working day by the plan's calendar."""
    now = clock.now()
    with transaction() as session:
        row = plan_of(session, plan)
        today = row.day_of(now)
        at = now if on in {None, today} else tick_of(on or today, row.timezone)
        return at, row.work_calendar.is_working(on or today)


def _table(done: list[Patrolled]) -> str:
    names = [field.name for field in dataclasses.fields(Patrolled)]
    rows = [f"| {' | '.join(str(getattr(one, name)) for name in names)} |" for one in done]
    return "\n".join([f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}", *rows])
