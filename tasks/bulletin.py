"""Draft a bulletin."""

from prefect import task

from adapters import clock
from services import bulletins
from services.bulletins import BulletinState
from tasks.options import OPTIONS
from tasks.runs import this_run


@task(name="bulletins-due", **OPTIONS)
def bulletins_due() -> list[tuple[str, str]]:
    """The plans whose bulletin of last month is to be made today, each with that month."""
    return bulletins.due(clock.now())


def last_month(plan: str) -> str:
    """The month that has ended, by the plan's own clock."""
    return bulletins.last_month(plan, clock.now())


@task(name="make-bulletin", task_run_name="make-bulletin {plan} {period}", **OPTIONS)
def make_bulletin(plan: str, period: str, *, correct: bool = False) -> BulletinState:
    """Draft it, or bring the draft up to date. Done again it changes nothing."""
    return bulletins.make(this_run(plan), period, correct=correct)
