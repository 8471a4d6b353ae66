"""Open a phase and hand its work out; ask and answer at its gate."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import no_statement_timeout, retrying_transaction
from models.common.errors import RefusedError
from models.common.event import Actor
from models.phases import gate as gates
from models.phases import opening
from models.phases.gate import Answer, Via
from models.phases.opening import Opening
from models.plan.phase import Phase, PhaseCode, PhaseStatus, phase_of
from models.plan.plan import Plan, plan_of
from tasks.runs import is_passing, program

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """A gate that waits for its answer. `setback` says why the last answer did not close the phase, if it tried;
    `extended`: the phase's last day was moved.
    """

    phase_ref: str
    number: int
    title: str
    ends_on: dt.date
    extended: bool
    still_open: int
    blocking: tuple[str, ...]
    setback: str


@dataclasses.dataclass(frozen=True, slots=True)
class Closing:
    """How a phase was closed."""

    phase_ref: str
    by_name: str
    reason: str
    overridden: bool


@task(name="open-phase", retries=3, retry_delay_seconds=10, cache_policy=NO_CACHE, retry_condition_fn=is_passing)
def open_phase(plan: str, phase: PhaseCode, year: int | None) -> Opening:
    """Open the phase and issue its assignments. A phase that is open already is left as it is."""

    def act(session: Session, row: Plan, locked: Phase) -> Opening:
        no_statement_timeout(session)  # a national plan is issued in one statement
        return opening.open_phase(session, row, locked, actor=program(), at=clock.now())

    return _on_phase(plan, phase, year, act)


@task(name="units-to-notify", retries=3, retry_delay_seconds=10, cache_policy=NO_CACHE, retry_condition_fn=is_passing)
def units_to_notify(plan: str, phase: PhaseCode, year: int | None) -> list[str]:
    """Codes of the units that are not told yet."""

    def act(session: Session) -> list[str]:
        row = plan_of(session, plan)
        return list(opening.units_to_notify(session, phase_of(session, row, phase, year)))

    return retrying_transaction(act)


@task(name="ask-at-gate", retries=3, retry_delay_seconds=10, cache_policy=NO_CACHE, retry_condition_fn=is_passing)
def ask_at_gate(plan: str, phase: PhaseCode, year: int | None) -> Round | Closing:
    """The round that waits for the office, or how the phase was closed."""
    return _on_phase(plan, phase, year, _ask)


def _ask(session: Session, _plan: Plan, locked: Phase) -> Round | Closing:
    last = gates.last_decided(session, locked)
    waiting = gates.open_round(session, locked, clock.now())
    if waiting is None:
        assert last is not None
        return Closing(
            locked.ref,
            by_name=last.by_name or "",
            reason=last.override_reason or last.reason or "",
            overridden=bool(last.override_reason and last.blocking),
        )
    blocking = gates.reasons_not_closable(session, locked)
    return Round(
        locked.ref,
        number=waiting.round,
        title=f"{locked.name_zh} {locked.name_en} {locked.period}",
        ends_on=locked.ends_on,
        extended=locked.ends_on > locked.planned_ends_on,
        still_open=gates.count_open(session, locked),
        blocking=tuple(str(reason) for reason in blocking),
        setback=_setback(last),
    )


def _setback(last: gates.Gate | None) -> str:
    """Why the last answer changed nothing, in both languages; empty where it did."""
    if last is None or not last.refused:
        return ""
    said = f"{last.by_name or '?'}: {last.decision}"
    if last.blocking:
        return f"{said} — {last.still_open} 件未办结，未填强行关闭的理由 open, and no reason to override"
    return f"{said} — 答复不完整或日期不晚于今天 the answer was incomplete, or its date not after today"


@task(name="decide-gate", retries=3, retry_delay_seconds=10, cache_policy=NO_CACHE, retry_condition_fn=is_passing)
def decide_gate(plan: str, phase: PhaseCode, year: int | None, number: int, answer: Answer) -> PhaseStatus:
    """Carry out what the office answered in the Prefect UI, which knows no names: the name is as typed there.

    The answer is to the round of that number; one that is decided already, by an earlier try or from
    elsewhere, stays as it is.
    """
    at, run = clock.now(), program().run

    def act(session: Session, row: Plan, locked: Phase) -> PhaseStatus:
        waiting = gates.open_round(session, locked, at)
        if waiting is None or waiting.round != number:
            return locked.status
        actor = Actor(answer.by_name.strip() or "?", run=run)
        try:
            gates.decide(session, row, locked, answer, via=Via.PREFECT_UI, actor=actor, at=at)
        except RefusedError:
            # The run cannot ask the person again within one form: the next round does, and says why.
            gates.set_aside(session, row, locked, answer, via=Via.PREFECT_UI, actor=actor, at=at)
        return locked.status

    return _on_phase(plan, phase, year, act)


def _on_phase(plan: str, phase: PhaseCode, year: int | None, act: Callable[[Session, Plan, Phase], T]) -> T:
    """One transaction on a phase, whose row is locked; done again where it may go through the next time."""

    def on_phase(session: Session) -> T:
        row = plan_of(session, plan)
        return act(session, row, phase_of(session, row, phase, year, lock=True))

    return retrying_transaction(on_phase)
