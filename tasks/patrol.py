"""Patrol's work: fire what is due, tell the office of gates, settle dates."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import retrying_transaction
from adapters.gc import gc_frozen
from adapters.prefect_server.gate_runs import Told, tell_run
from models.patrol import calendar_update, rounds
from models.patrol.calendar_update import Settlement
from models.patrol.escalation import Chased, chase
from models.patrol.gate_reminders import tell_gates
from models.patrol.rounds import Begun
from models.phases.gate import Gate, mark_told, untold
from models.plan.phase import Phase
from models.plan.plan import Plan, plan_codes, plan_of
from tasks.deliver import Delivered
from tasks.runs import is_passing, program

BATCH = 1000
RUN_ARRIVES = dt.timedelta(hours=1)
T = TypeVar("T")
_Untold = tuple[Plan, Sequence[tuple[Gate, Phase]]]


@task(name="plans-on-patrol", retries=3, retry_delay_seconds=10, cache_policy=NO_CACHE, retry_condition_fn=is_passing)
def plans_on_patrol() -> list[str]:
    """Codes of all plans."""
    return retrying_transaction(plan_codes)


@task(
    name="chase",
    task_run_name="chase-{plan}",
    retries=3,
    retry_delay_seconds=10,
    cache_policy=NO_CACHE,
    retry_condition_fn=is_passing,
)
@gc_frozen()
def chase_due(plan: str, at: dt.datetime) -> Chased:
    """Remind, order and escalate whatever is due by `at`, a batch a transaction."""
    actor = program()
    done = Chased()
    while True:
        batch = retrying_transaction(lambda session: chase(session, plan, actor=actor, at=at, limit=BATCH))
        done += batch
        if batch.looked_at < BATCH:
            return done


@task(
    name="keep-up",
    task_run_name="keep-up-{plan}",
    retries=3,
    retry_delay_seconds=10,
    cache_policy=NO_CACHE,
    retry_condition_fn=is_passing,
)
def keep_up(plan: str, at: dt.datetime) -> tuple[int, int, int]:
    """Tell the office of gates, move dates whose calendar came out, wake runs that were not told of a decision.

    Returns how many of each.
    """
    actor, gates, moved = program(), 0, 0

    def look(session: Session, row: Plan) -> tuple[int, Settlement, _Untold]:
        told = tell_gates(session, row, at=at)
        batch = calendar_update.settle_provisional(session, row, actor=actor, at=at, limit=BATCH)
        return told, batch, (row, untold(session, row))

    while True:
        told, batch, waiting = in_plan(plan, look)
        gates, moved = gates + told, moved + batch.moved
        if batch.settled < BATCH:
            return gates, moved, _tell_runs(*waiting, at)


def begin_round(plan: str, at: dt.datetime) -> Begun:
    """Write down that the patrol came."""
    return in_plan(plan, lambda session, row: rounds.begin_round(session, row, at=at, started_at=clock.now()))


def end_round(begun: Begun, chased: Chased, delivered: Delivered) -> None:
    """Write down that the round got to its end."""
    retrying_transaction(
        lambda session: rounds.end_round(
            session,
            begun,
            ended_at=clock.now(),
            looked_at=chased.looked_at,
            fired=chased.fired,
            set_aside=chased.set_aside,
            letters=delivered.letters,
            failed=delivered.failed,
        )
    )


def _tell_runs(plan: Plan, waiting: Sequence[tuple[Gate, Phase]], at: dt.datetime) -> int:
    """Wake the runs whose gate was decided elsewhere while Prefect could not be told; returns how many."""
    told = {gate.id: (gate, tell_run(plan, phase, gate)) for gate, phase in waiting}
    done = [
        gate.id
        for gate, outcome in told.values()
        if outcome is Told.RESUMED or (outcome is Told.NOBODY and _has_no_run(gate, at))
    ]
    if done:
        retrying_transaction(lambda session: mark_told(session, done, at))
    return sum(outcome is Told.RESUMED for _, outcome in told.values())


def _has_no_run(gate: Gate, at: dt.datetime) -> bool:
    """A run on its way to the gate stands there within minutes."""
    return gate.decided_at is not None and at - gate.decided_at > RUN_ARRIVES


def in_plan(plan: str, act: Callable[[Session, Plan], T]) -> T:
    """One transaction on a plan, done again where it may go through the next time."""
    return retrying_transaction(lambda session: act(session, plan_of(session, plan)))
