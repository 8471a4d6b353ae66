"""Patrol (巡查): the recurring tick that reminds, escalates and delivers."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import TypeVar

from prefect import flow

from adapters.language import N_
from adapters.program import version
from models.patrol.escalation import Chased
from services.letters.delivery import Delivered
from services.patrol import KeptUp, instant_of
from tasks import publish
from tasks.deliver import deliver_due
from tasks.patrol import begin_round, chase_due, end_round, follow_calendar, keep_up, plans_on_patrol
from tasks.runs import keep_to_the_hour

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Patrolled:
    """What one patrol did for one plan; `waiting`: letters that wait for a working day, or for their hour."""

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
    waiting: int

    @property
    def acted(self) -> bool:
        return any(getattr(self, name) for name in EFFECTS)


# What a patrol may do, in the order in which it is told. To look, and to let a letter wait, changes nothing.
EFFECTS = {
    "fired": N_("steps of the ladder that fired"),
    "historic": N_("steps of days gone by, only written down"),
    "set_aside": N_("assignments set aside"),
    "messages": N_("notices written"),
    "gates": N_("gates told to the office"),
    "dates_moved": N_("dates moved with the calendar"),
    "resumed": N_("runs told of a decision"),
    "letters": N_("letters sent"),
    "dropped": N_("notices settled before they were sent"),
    "failed": N_("letters that failed, to be tried again"),
}


@flow(name="patrol", version=version(), flow_run_name="patrol")
def patrol(plan: str | None = None, on: dt.date | None = None, *, shown: bool = True) -> list[dict[str, object]]:
    """巡查:催办、升级、送达。可以重复运行,也可以补跑。

    Reminds, escalates and delivers whatever is due. Safe to run twice, late, or twice at once.

    Args:
        plan: 方案代码,不填即全部 the plan's code; all plans when empty
        on: 以哪一天为准,不填即今天 the day that counts; today when empty
        shown: 是否更新界面上的图表 whether to bring up to date what the Prefect UI shows
    """
    keep_to_the_hour()
    done, failures = [], []
    for code in [plan] if plan else plans_on_patrol():
        try:
            done.append(_patrol(code, on))
        except Exception as error:  # noqa: BLE001 - one plan that fails keeps no other from its patrol; it is raised below
            failures.append(error)
    # The work is done by now; showing it may fail without harm.
    if shown:
        for at, one in done:
            publish.publish_plan(one.plan)
            if one.acted:
                publish.publish_effects(one.plan, at, _effects(one))
    publish.tag_patrol(acted=any(one.acted for _, one in done))
    if failures:
        raise ExceptionGroup("plans that could not be patrolled to the end", failures)
    return [dataclasses.asdict(one) for _, one in done]


def _patrol(plan: str, on: dt.date | None) -> tuple[dt.datetime, Patrolled]:
    """The instant that counted, and what was done."""
    at = instant_of(plan, on)
    begun = begin_round(plan, at)
    failures: list[Exception] = []
    followed = _tried(failures, lambda: follow_calendar(plan, at), 0) if begun.is_other_calendar else 0
    chased = _tried(failures, lambda: chase_due(plan, at), Chased())
    kept_up = _tried(failures, lambda: keep_up(plan, at), KeptUp())
    # Messages that were written earlier have to be sent, whatever failed just now.
    delivered = _tried(failures, lambda: deliver_due(plan, on), Delivered())
    if failures:  # the round then has no end in the database, which the watchdog reports
        raise ExceptionGroup(f"the patrol of {plan} did not get through", failures)
    end_round(begun, chased, delivered)
    return at, Patrolled(
        plan=plan,
        looked_at=chased.looked_at,
        fired=chased.fired,
        historic=chased.historic,
        set_aside=chased.set_aside,
        messages=chased.messages,
        gates=kept_up.gates,
        dates_moved=followed + kept_up.dates_moved,
        resumed=kept_up.resumed,
        letters=delivered.letters,
        dropped=delivered.dropped,
        failed=delivered.failed,
        waiting=delivered.waiting,
    )


def _tried(failures: list[Exception], work: Callable[[], T], nothing: T) -> T:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is raised once the rest is done
        failures.append(error)
        return nothing


def _effects(one: Patrolled) -> list[tuple[str, int]]:
    return [(words, getattr(one, name)) for name, words in EFFECTS.items()]
