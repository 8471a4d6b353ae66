"""Who is commended (表彰): the results propose a short list, and people edit and settle it by name."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.acceptance.verdict import Commendation, CommendedUnit, latest_commendation
from models.common.errors import Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.typed import said
from models.phases.gate import Via
from models.plan.plan import Plan
from models.plan.unit import BODIES, Unit
from models.score import Result, UnitScore, scores

SHORT = 5  # units that are proposed; more where the last ones have the same rank


@dataclasses.dataclass(frozen=True, slots=True)
class Commended:
    """The list in force, in its order."""

    made: Commendation
    units: tuple[tuple[Unit, bool], ...]  # with whether the results had proposed it


def period_of(
    plan: Plan, today: dt.date, since: dt.date | None = None, until: dt.date | None = None
) -> tuple[dt.date, dt.date]:
    """The days of the results that count, where nobody says others from the beginning of the plan.

    Until today at most: what is to come would count as overdue.
    """
    return since or dt.date(plan.starts, 1, 1), min(until or dt.date(plan.ends, 12, 31), today)


def proposal(session: Session, plan: Plan, since: dt.date, until: dt.date, most: int = SHORT) -> list[UnitScore]:
    """The best by results of those who have nothing overdue; a proposal, no decision."""
    clean = [
        (one.rank, one)
        for one in scores(session, plan, since, until)
        if one.rank is not None and not one.results.get(Result.OVERDUE)
    ]
    last = max((rank for rank, _ in clean[:most]), default=0)
    return [one for rank, one in clean if rank <= last]


def commend(
    session: Session,
    plan: Plan,
    units: Sequence[Unit],
    *,
    since: dt.date,
    until: dt.date,
    reason: str,
    via: Via,
    actor: Actor,
    at: dt.datetime,
) -> Commendation:
    """Settle the list, which replaces the one before; it may hold others than those that were proposed, and none.

    Raises RefusedError without a reason, and with every reason against the list.
    """
    wanted = list(dict.fromkeys(units))
    wrong = [Reason("{unit} cannot be commended", unit=one.code) for one in wanted if _is_none_of(plan, one)]
    if not said(reason):
        wrong.append(Reason("a reason is needed"))
    if since > until:
        wrong.append(Reason("the results of {since} until {until} are of no day", since=since, until=until))
    if wrong:
        raise RefusedError("this list cannot be settled: {reasons}", reasons=wrong)
    proposed = {one.unit.id for one in proposal(session, plan, since, until)}
    made = Commendation(
        plan_id=plan.id, since=since, until=until, by_name=actor.name, reason=reason.strip(), via=via, at=at
    )
    session.add(made)
    session.flush()
    for position, unit in enumerate(wanted, 1):
        kept = unit.id in proposed
        session.add(CommendedUnit(commendation_id=made.id, unit_id=unit.id, position=position, was_proposed=kept))
    detail = {
        "units": [unit.code for unit in wanted],
        "added": [unit.code for unit in wanted if unit.id not in proposed],
        "left_out": len(proposed - {unit.id for unit in wanted}),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "via": via.value,
    }
    record(session, EventKind.COMMENDED, actor, at, plan_id=plan.id, why=made.reason, detail=detail)
    return made


def _is_none_of(plan: Plan, unit: Unit) -> bool:
    return unit.plan_id != plan.id or unit.kind in BODIES


def commended(session: Session, plan: Plan, by: dt.datetime | None = None) -> Commended | None:
    """The list in force, or that was in force by then; None while nobody has settled one."""
    made = latest_commendation(session, plan, by)
    if made is None:
        return None
    rows = session.execute(
        select(Unit, CommendedUnit.was_proposed)
        .join(CommendedUnit, CommendedUnit.unit_id == Unit.id)
        .where(CommendedUnit.commendation_id == made.id)
        .order_by(CommendedUnit.position)
    )
    return Commended(made, tuple((unit, was_proposed) for unit, was_proposed in rows))
