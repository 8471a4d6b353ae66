"""Patrol's work: fire what is due, tell the office of gates, settle dates."""

import datetime as dt

from prefect import task

from models.patrol.escalation import Chased
from models.patrol.rounds import Begun
from services import patrol
from services.letters.delivery import Delivered
from services.patrol import KeptUp
from tasks.options import OPTIONS
from tasks.runs import this_run


@task(name="plans-on-patrol", **OPTIONS)
def plans_on_patrol() -> list[str]:
    return patrol.plans_on_patrol()


@task(name="follow-calendar", task_run_name="follow-calendar-{plan}", **OPTIONS)
def follow_calendar(plan: str, at: dt.datetime) -> int:
    return patrol.follow_calendar(this_run(plan, at))


@task(name="chase", task_run_name="chase-{plan}", **OPTIONS)
def chase_due(plan: str, at: dt.datetime) -> Chased:
    return patrol.chase(this_run(plan, at))


@task(name="keep-up", task_run_name="keep-up-{plan}", **OPTIONS)
def keep_up(plan: str, at: dt.datetime) -> KeptUp:
    return patrol.keep_up(this_run(plan, at))


# Not tasks: a task run would cost more than what these do.
def begin_round(plan: str, at: dt.datetime) -> Begun:
    return patrol.begin_round(this_run(plan, at))


def end_round(begun: Begun, chased: Chased, delivered: Delivered) -> None:
    patrol.end_round(this_run(begun.plan), begun, chased, delivered)
