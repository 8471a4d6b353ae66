"""Parties that the plan names without saying who they are, and that the office has not settled yet."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.common.text import Text
from models.phases.settling import affected_by, too_soon
from models.plan.area import Area, Measure, Role
from models.plan.plan import Plan
from models.plan.unit import BODIES, Collective, Unit
from models.plan.unsettled import SettledParty, UnsettledParty
from models.queries.worklist import PAGE


@dataclasses.dataclass(frozen=True, slots=True)
class Unsettled:
    """One party. `waiting`: requirements of open phases that are to be asked of it; `to_come`: those of later phases.

    `needs_date`: some of what waits is due too soon, so whoever settles it names a date.
    """

    id: int
    item_code: str
    item: Text
    role: Role
    words: str
    waiting: int
    to_come: int
    needs_date: bool


@dataclasses.dataclass(frozen=True, slots=True)
class SettledRow:
    """A party that was settled: as whom, by whom, when and by which authority."""

    item_code: str
    item: Text
    role: Role
    words: str
    named: tuple[Text, ...]
    by_name: str
    at: dt.datetime
    reason: str


def unsettled_parties(session: Session, plan: Plan, today: dt.date, page: int | None = None) -> list[Unsettled]:
    """In the order of the plan; all of them where no page is asked for."""
    query = select(UnsettledParty).where(UnsettledParty.plan_id == plan.id, UnsettledParty.settled_at.is_(None))
    query = query.order_by(UnsettledParty.position, UnsettledParty.id)
    if page is not None:
        query = query.limit(PAGE).offset((page - 1) * PAGE)
    names = item_names(session, plan)
    return [_unsettled(session, plan, one, names, today) for one in session.scalars(query)]


def _unsettled(session: Session, plan: Plan, one: UnsettledParty, names: dict[str, Text], today: dt.date) -> Unsettled:
    affected = affected_by(session, plan, one)
    asked = [each for each in affected if each.asks]
    return Unsettled(
        id=one.id,
        item_code=one.item,
        item=names[one.item],
        role=one.role,
        words=one.words,
        waiting=sum(each.is_open for each in asked),
        to_come=sum(not each.is_open for each in asked),
        needs_date=bool(too_soon(plan, affected, today)),
    )


def settled_parties(session: Session, plan: Plan) -> list[SettledRow]:
    """Those that were settled, in the order of the plan."""
    query = select(UnsettledParty).where(UnsettledParty.plan_id == plan.id, UnsettledParty.settled_at.is_not(None))
    names, found = item_names(session, plan), []
    for one in session.scalars(query.order_by(UnsettledParty.position, UnsettledParty.id)):
        assert one.settled_at is not None
        found.append(
            SettledRow(
                item_code=one.item,
                item=names.get(one.item, Text("", "")),  # the plan may have dropped it
                role=one.role,
                words=one.words,
                named=_named(session, one),
                by_name=one.settled_by or "",
                at=one.settled_at,
                reason=one.reason or "",
            )
        )
    return found


def unsettled_leads(session: Session, plan: Plan) -> dict[str, str]:
    """The plan's words for leads that are not known yet, by the code of the area or measure that names them so."""
    of_plan = (UnsettledParty.plan_id == plan.id, UnsettledParty.settled_at.is_(None))
    query = select(UnsettledParty.item, UnsettledParty.words).where(*of_plan, UnsettledParty.role == Role.LEAD)
    return {row.item: row.words for row in session.execute(query)}


def _named(session: Session, party: UnsettledParty) -> tuple[Text, ...]:
    rows = session.execute(
        select(Unit, Collective)
        .select_from(SettledParty)
        .outerjoin(Unit, Unit.id == SettledParty.unit_id)
        .outerjoin(Collective, Collective.id == SettledParty.collective_id)
        .where(SettledParty.unsettled_party_id == party.id)
        .order_by(SettledParty.position)
    )
    return tuple((unit or collective).name for unit, collective in rows)


def item_names(session: Session, plan: Plan) -> dict[str, Text]:
    """The names of the plan's areas and measures, by code."""
    areas = session.scalars(select(Area).where(Area.plan_id == plan.id)).all()
    measures = session.scalars(select(Measure).where(Measure.area_id.in_([one.id for one in areas]))).all()
    return {one.code: one.name for one in measures} | {one.code: one.name for one in areas}


def eligible(session: Session, plan: Plan, role: Role) -> Sequence[Unit]:
    """The units that a party of this role may be settled as: to lead, also the office."""
    bodies = [kind for kind in BODIES if role is not Role.LEAD or kind is not BODIES[0]]
    query = select(Unit).where(Unit.plan_id == plan.id, Unit.kind.not_in(bodies))
    return session.scalars(query.order_by(Unit.kind, Unit.id)).all()
