"""Patrol's round over a plan: dates follow the calendar, steps fire, the office hears of gates. Delivery comes last."""

import datetime as dt
from typing import NamedTuple

from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import read_session, retrying_transaction
from adapters.gc import gc_frozen
from models.dates.instants import first_round_on
from models.patrol import calendar_update, co_lead_reminders, escalation, gate_reminders, rounds
from models.patrol.calendar_update import Followed, Settlement
from models.patrol.escalation import Chased
from models.patrol.rounds import Begun
from models.permissions import Act, require, require_program
from models.plan.plan import Plan, plan_codes, plan_of
from services import gates
from services.gates import Decided
from services.letters.delivery import Delivered
from services.scope import Scope

BATCH = 1000


class KeptUp(NamedTuple):
    """How many gates the office was told of, how many dates moved with the calendar, how many runs were resumed."""

    gates: int = 0
    dates_moved: int = 0
    resumed: int = 0


def plans_on_patrol() -> list[str]:
    """Codes of all plans."""
    with read_session() as session:
        return plan_codes(session)


def instant_of(plan: str, on: dt.date | None) -> dt.datetime:
    """Now, or the first round of another day. Raises NotFoundError where there is no such plan."""
    now = clock.now()
    with read_session() as session:
        row = plan_of(session, plan)
    return now if on in {None, row.day_of(now)} else first_round_on(on or row.day_of(now), row.timezone)


def follow_calendar(scope: Scope) -> int:
    """Let the dates follow a calendar that was published or amended, before any step is fired by the old ones.

    Returns how many moved; where nothing changed, no assignment is read.
    """

    def batch(session: Session, plan: Plan) -> Followed:
        require(session, plan, Act.KEEP_UP, scope.actor)
        return calendar_update.follow(session, plan, after=last_id, actor=scope.actor, at=scope.at, limit=BATCH)

    moved = last_id = 0
    while True:
        followed = scope.repeat(batch)
        moved += followed.moved
        if followed.last_id is None:
            return moved
        last_id = followed.last_id


@gc_frozen()
def chase(scope: Scope) -> Chased:
    """Remind, order and escalate whatever is due by the scope's instant, each batch in a transaction of its own."""

    def batch(session: Session) -> Chased:
        ids = escalation.claim_due(session, scope.plan, at=scope.at, limit=BATCH)
        if not ids:  # so it is most of the time; then the database is asked nothing else
            return Chased()
        plan = plan_of(session, scope.plan)
        require(session, plan, Act.CHASE, scope.actor)
        return escalation.chase(session, plan, ids, actor=scope.actor, at=scope.at)

    done = Chased()
    while True:
        chased = retrying_transaction(batch)
        done += chased
        if chased.looked_at < BATCH:
            return done


def keep_up(scope: Scope) -> KeptUp:
    """Tell the office of gates and remind co-leads, move dates whose calendar came out, resume runs that were not told
    of a decision.
    """

    def look(session: Session, plan: Plan) -> tuple[int, Settlement, list[Decided]]:
        require(session, plan, Act.KEEP_UP, scope.actor)
        told = gate_reminders.tell_gates(session, plan, at=scope.at)
        co_lead_reminders.remind_co_leads(session, plan, at=scope.at)
        settled = calendar_update.settle_provisional(session, plan, actor=scope.actor, at=scope.at, limit=BATCH)
        return told, settled, gates.untold(session, plan)

    told = moved = 0
    while True:
        told_now, batch, waiting = scope.repeat(look)
        told, moved = told + told_now, moved + batch.moved
        if batch.settled < BATCH:
            return KeptUp(told, moved, gates.tell_runs(scope, waiting))


def begin_round(scope: Scope) -> Begun:
    """Write down that the patrol came."""

    def act(session: Session, plan: Plan) -> Begun:
        require(session, plan, Act.CHASE, scope.actor)
        return rounds.begin_round(session, plan, at=scope.at, started_at=clock.now())

    return scope.repeat(act)


def end_round(scope: Scope, begun: Begun, chased: Chased, delivered: Delivered) -> None:
    """Write down that the round got to its end, and what it did."""
    require_program(Act.CHASE, scope.actor)

    def act(session: Session) -> None:
        rounds.end_round(
            session,
            begun,
            ended_at=clock.now(),
            looked_at=chased.looked_at,
            fired=chased.fired,
            set_aside=chased.set_aside,
            letters=delivered.letters,
            failed=delivered.failed,
        )

    retrying_transaction(act)
