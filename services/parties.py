"""Parties (责任单位) that the plan names without saying who they are: the office settles who it is."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.common.errors import NotFoundError
from models.permissions import Act, require
from models.phases import settling
from models.phases.settling import Settlement
from models.plan.plan import Plan
from models.plan.unit import Collective, Unit
from models.plan.unsettled import party_at
from services.scope import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """A party that was settled: the item that names it, its words, and how many assignments were issued for it."""

    id: int
    item: str
    words: str
    issued: int


def settle(
    scope: Scope,
    party_id: int,
    *,
    units: Sequence[int] = (),
    collectives: Sequence[int] = (),
    reason: str,
    until: dt.date | None = None,
) -> Settled:
    """Say who it is: units and sets of units of the plan (their ids), and by which authority.

    Work of phases that are open is issued to them at once; `until` is the date of what would be due too soon. Raises
    NotFoundError for what is none of the plan's, RefusedError with every reason against it.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.SETTLE_PARTY, scope.actor)
        party = party_at(session, plan, party_id)
        said = Settlement(_units(session, plan, units), _collectives(session, plan, collectives), reason, until)
        issued = settling.settle(session, plan, party, said, actor=scope.actor, at=scope.at)
        return Settled(party.id, party.item, party.words, issued)


def settle_all(
    scope: Scope,
    party_ids: Sequence[int],
    *,
    units: Sequence[int] = (),
    collectives: Sequence[int] = (),
    reason: str,
    until: dt.date | None = None,
) -> list[Settled]:
    """Say of several parties that they are the same, as of all that the plan names by the same words; all or none.

    `until` counts for those of which something would be due too soon. Raises what `settle` raises.
    """
    ids = sorted(dict.fromkeys(party_ids))  # in one order, so that two people who settle the same wait for each other
    with scope.open() as (session, plan):
        inside = scope.joining(session)
        needs = {one: _needs_date(session, plan, one, scope.at) for one in ids}
        is_needed = any(needs.values())
        return [
            settle(
                inside,
                one,
                units=units,
                collectives=collectives,
                reason=reason,
                until=None if is_needed and not needs[one] else until,
            )
            for one in ids
        ]


def _needs_date(session: Session, plan: Plan, party_id: int, at: dt.datetime) -> bool:
    party = party_at(session, plan, party_id)
    return bool(settling.too_soon(plan, settling.affected_by(session, plan, party), plan.day_of(at)))


def _units(session: Session, plan: Plan, ids: Sequence[int]) -> list[Unit]:
    """In the order in which they were named: of several leads the first one answers."""
    wanted = list(dict.fromkeys(ids))
    found = {one.id: one for one in session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.id.in_(wanted)))}
    if len(found) < len(wanted):
        raise NotFoundError("there is no such unit")
    return [found[one] for one in wanted]


def _collectives(session: Session, plan: Plan, ids: Sequence[int]) -> list[Collective]:
    wanted = list(dict.fromkeys(ids))
    of_plan = select(Collective).where(Collective.plan_id == plan.id, Collective.id.in_(wanted))
    found = {one.id: one for one in session.scalars(of_plan)}
    if len(found) < len(wanted):
        raise NotFoundError("there is no such unit")
    return [found[one] for one in wanted]
