"""Settling: the office says who it is that the plan names without saying who, and what was held back is handed out."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.co_leads import asking
from models.assignments.messages import message_about
from models.common.base import any_of_ids
from models.common.errors import Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import Scope, UnitKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import said
from models.common.upsert import insert_rows
from models.outbox.message import Message, MessageStatus, post
from models.phases.opening import dated, issue
from models.plan.area import Area, Measure, Responsibility, Role
from models.plan.parties import roles_asked
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import BODIES, Collective, CollectiveMember, Unit
from models.plan.unsettled import Party, SettledParty, UnsettledParty

SHORT_NOTICE = 3  # working days: for what is due sooner, the office names a date


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """As whom a party is settled, by which authority; `until` is the date of what would be due too soon."""

    units: Sequence[Unit]
    collectives: Sequence[Collective]
    reason: str
    until: dt.date | None = None

    @property
    def parties(self) -> list[Party]:
        """Each once, units first."""
        units = dict.fromkeys(one.id for one in self.units)
        sets = dict.fromkeys(one.id for one in self.collectives)
        named: list[Party] = [{"unit_id": one, "collective_id": None} for one in units]
        return [*named, *({"unit_id": None, "collective_id": one} for one in sets)]

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys([*(one.code for one in self.units), *(one.code for one in self.collectives)]))


@dataclasses.dataclass(frozen=True, slots=True)
class Affected:
    """A requirement that is asked of the party, or that it leads. `asks`: of the role in which the plan names it."""

    requirement: Requirement
    asks: bool

    @property
    def is_open(self) -> bool:
        return self.requirement.phase.status is PhaseStatus.OPEN


def reasons_not_settleable(plan: Plan, party: UnsettledParty, said_to_be: Settlement) -> list[Reason]:
    """Why a party cannot be settled so; empty where it can."""
    reasons = []
    if party.settled_at is not None:
        reasons.append(Reason("{name} settled it on {day}", name=party.settled_by, day=plan.day_of(party.settled_at)))
    if not said_to_be.parties:
        reasons.append(Reason("name at least one unit"))
    if not said(said_to_be.reason):
        reasons.append(Reason("say by which authority"))
    leads = party.role is Role.LEAD
    if leads and said_to_be.collectives:
        reasons.append(Reason("a set of units cannot lead: name the units"))
    allowed = {UnitKind.OFFICE} if leads else set()
    reasons += [
        Reason("no work is issued to {unit}", unit=unit.code)
        for unit in said_to_be.units
        if (unit.kind in BODIES and unit.kind not in allowed) or unit.plan_id != plan.id
    ]
    return reasons


def affected_by(session: Session, plan: Plan, party: UnsettledParty) -> list[Affected]:
    """What is asked of the item that names the party, in phases that are open or to come."""
    rows = session.scalars(
        select(Requirement)
        .join(Requirement.phase)
        .where(
            Phase.plan_id == plan.id,
            Phase.status != PhaseStatus.CLOSED,
            Requirement.scope != Scope.PLAN,  # as that of a finding is, whatever it is about
            _is_of(session, plan, party),
        )
        .order_by(Requirement.id)
    )
    audiences = _audiences(plan)
    return [Affected(one, party.role in roles_asked(audiences[one.phase.code, one.code])) for one in rows]


def _audiences(plan: Plan) -> Mapping[tuple[str, str], Sequence[str]]:
    return {(one["phase"], one["code"]): one["audience"] for one in plan.content["requirements"].values()}


def _is_of(session: Session, plan: Plan, party: UnsettledParty) -> ColumnElement[bool]:
    area, measures = _holders(session, plan, party)
    of_measures = any_of_ids(Requirement.measure_id, [one.id for one in measures])
    if area is None:
        return of_measures
    return or_(of_measures, and_(Requirement.area_id == area.id, Requirement.measure_id.is_(None)))


def _holders(session: Session, plan: Plan, party: UnsettledParty) -> tuple[Area | None, Sequence[Measure]]:
    """The area that names the party, and the measures for which it holds: all that name none of their own."""
    area = session.scalar(select(Area).where(Area.plan_id == plan.id, Area.code == party.item))
    if area is None:
        of_plan = Measure.area_id.in_(select(Area.id).where(Area.plan_id == plan.id))
        return None, session.scalars(select(Measure).where(of_plan, Measure.code == party.item)).all()
    names_own = Measure.names_leads if party.role is Role.LEAD else Measure.names_responsible
    return area, session.scalars(select(Measure).where(Measure.area_id == area.id, ~names_own)).all()


def too_soon(plan: Plan, affected: Iterable[Affected], today: dt.date) -> list[Requirement]:
    """What would be handed out now with a date that has passed, or that leaves less than SHORT_NOTICE working days."""
    earliest = plan.work_calendar.add(today, SHORT_NOTICE)
    asked = [one.requirement for one in affected if one.is_open and one.asks]
    return [one for one in asked if _due_on(plan, one, today) < earliest]


def _due_on(plan: Plan, requirement: Requirement, today: dt.date) -> dt.date:
    due_on: dt.date = dated(plan, requirement.phase.ladder or plan.ladder, requirement, today)["due_on"]
    return due_on


def settle(
    session: Session, plan: Plan, party: UnsettledParty, said_to_be: Settlement, *, actor: Actor, at: dt.datetime
) -> int:
    """The office says who the party is; returns how many assignments were issued, in phases that are open.

    The caller holds the party's row lock. Raises RefusedError with every reason against it, also where a date is
    needed and none is named.
    """
    refuse = reasons_not_settleable(plan, party, said_to_be)
    if refuse:
        raise RefusedError("“{words}” of {item}: {reasons}", words=party.words, item=party.item, reasons=refuse)
    _lock_phases(session, plan)
    affected = affected_by(session, plan, party)
    until = _dates(plan, party, affected, said_to_be.until, plan.day_of(at))
    _write_down(session, plan, party, said_to_be, actor, at)
    if party.role is Role.LEAD:
        _let_lead(session, plan, affected, said_to_be, at)
    issued = _hand_out(session, plan, party, affected, said_to_be, until, actor=actor, at=at)
    record(
        session,
        EventKind.PARTY_SETTLED,
        actor,
        at,
        plan_id=plan.id,
        why=party.reason,
        detail={
            "item": party.item,
            "role": party.role.value,
            "words": party.words,
            "as": said_to_be.codes,
            "until": said_to_be.until and said_to_be.until.isoformat(),
            "issued": issued,
        },
    )
    return issued


def _lock_phases(session: Session, plan: Plan) -> None:
    """A gate may be closing a phase at this moment, or another person settling a party of it."""
    of_plan = select(Phase).where(Phase.plan_id == plan.id).order_by(Phase.id)
    session.scalars(of_plan.with_for_update(of=Phase).execution_options(populate_existing=True)).all()


def _dates(
    plan: Plan, party: UnsettledParty, affected: Sequence[Affected], until: dt.date | None, today: dt.date
) -> dict[int, dt.date]:
    """The date of each requirement that would be due too soon. Raises RefusedError for a date that does not fit."""
    soon = too_soon(plan, affected, today)
    reasons = []
    if soon and until is None:
        reasons += [
            Reason("{ref} was due on {day}: name a date", ref=one.ref, day=_due_on(plan, one, today)) for one in soon
        ]
    if until is not None and not soon:
        reasons.append(Reason("no date is needed: nothing that is handed out now is due too soon"))
    if until is not None and until <= today:
        reasons.append(Reason("{day} is not later than today", day=until))
    reasons += plan.bounds.reasons_outside(until) if until is not None else []
    if reasons:
        raise RefusedError("“{words}” of {item}: {reasons}", words=party.words, item=party.item, reasons=reasons)
    return {one.id: until for one in soon if until is not None}


def _write_down(
    session: Session, plan: Plan, party: UnsettledParty, said_to_be: Settlement, actor: Actor, at: dt.datetime
) -> None:
    """The decision, and what the item names from now on."""
    party.settled_at, party.settled_by, party.reason = at, actor.name, said_to_be.reason.strip()
    session.flush()
    named = [{"position": position, **one} for position, one in enumerate(said_to_be.parties, start=1)]
    insert_rows(session, SettledParty, ({"unsettled_party_id": party.id, **one} for one in named))
    area, measures = _holders(session, plan, party)
    holders: list[Area | Measure] = [area, *measures] if area else [*measures]
    added = said_to_be.parties
    if party.role is Role.LEAD:
        for holder in holders:
            holder.lead_id = added[0]["unit_id"]
        added = added[1:]
    role = Role.CO_LEAD if party.role is Role.LEAD else Role.RESPONSIBLE
    for holder in holders[:1]:  # the others hold what the first one names
        _name(session, holder, role, added)


def _name(session: Session, holder: Area | Measure, role: Role, parties: Sequence[Party]) -> None:
    area_id, measure_id = (holder.area_id, holder.id) if isinstance(holder, Measure) else (holder.id, None)
    mine = and_(
        Responsibility.area_id == area_id,
        Responsibility.measure_id.is_not_distinct_from(measure_id),
        Responsibility.role == role,
    )
    rows = session.scalars(select(Responsibility).where(mine)).all()
    there = [{"unit_id": one.unit_id, "collective_id": one.collective_id} for one in rows]
    place = {"area_id": area_id, "measure_id": measure_id, "role": role}
    new = [one for one in parties if one not in there]
    first = max((one.position for one in rows), default=0) + 1
    insert_rows(session, Responsibility, ({**place, "position": at, **one} for at, one in enumerate(new, first)))


def _let_lead(
    session: Session, plan: Plan, affected: Sequence[Affected], said_to_be: Settlement, at: dt.datetime
) -> None:
    """Let the units lead what nobody leads so far; what waits for a review, the first of them is told of."""
    lead, *others = list(dict.fromkeys(unit.id for unit in said_to_be.units))
    led = [one for one in affected if one.requirement.lead_id is None]
    for one in led:
        one.requirement.lead_id = lead
        one.requirement.lead_since = at if one.is_open else None
        for position, unit_id in enumerate(others, start=1):
            session.add(CoLead(requirement_id=one.requirement.id, unit_id=unit_id, position=position))
    session.flush()
    waiting = session.scalars(
        select(Assignment)
        .where(
            any_of_ids(Assignment.requirement_id, [one.requirement.id for one in led]),
            Assignment.status == Status.SUBMITTED,
            Assignment.role == Role.RESPONSIBLE,
            Assignment.unit_id != lead,
        )
        .order_by(Assignment.id)
    ).all()
    told = [message_about(one, MessageKind.TO_REVIEW, lead, at) for one in waiting]
    post(session, plan, [*told, *asking(session, waiting, at, "")])


def _hand_out(
    session: Session,
    plan: Plan,
    party: UnsettledParty,
    affected: Sequence[Affected],
    said_to_be: Settlement,
    until: Mapping[int, dt.date],
    *,
    actor: Actor,
    at: dt.datetime,
) -> int:
    """Address what asks for the party's role; in phases that are open, issue what the units do not have yet."""
    asked = [one for one in affected if one.asks]
    _address(session, party.role, [one.requirement.id for one in asked], said_to_be.parties)
    units = _units(session, said_to_be)
    open_now = [one.requirement for one in asked if one.is_open]
    had = _assigned(session, open_now, units)
    for phase in dict.fromkeys(one.phase for one in open_now):
        theirs = [one for one in open_now if one.phase_id == phase.id]
        issue(
            session,
            plan,
            phase,
            theirs,
            actor=actor,
            at=at,
            issued_on=plan.day_of(at),
            until=until,
            only_to=units,
        )
    new = [one for one in _assigned(session, open_now, units) if one not in had]
    _tell(session, plan, new, at)
    return len(new)


def _address(session: Session, role: Role, requirement_ids: Sequence[int], parties: Sequence[Party]) -> None:
    rows = session.scalars(select(Addressee).where(any_of_ids(Addressee.requirement_id, requirement_ids))).all()
    there = [(one.requirement_id, one.role, one.unit_id, one.collective_id) for one in rows]
    wanted = [
        (id_, Role.CO_LEAD if role is Role.LEAD and position else role, one["unit_id"], one["collective_id"])
        for id_ in requirement_ids
        for position, one in enumerate(parties)
    ]
    names = ("requirement_id", "role", "unit_id", "collective_id")
    new = [one for one in wanted if one not in set(there)]
    insert_rows(session, Addressee, (dict(zip(names, one, strict=True)) for one in new))


def _units(session: Session, said_to_be: Settlement) -> list[int]:
    sets = [one.id for one in said_to_be.collectives]
    members = select(CollectiveMember.unit_id).where(any_of_ids(CollectiveMember.collective_id, sets))
    return list(dict.fromkeys([*(unit.id for unit in said_to_be.units), *session.scalars(members)]))


def _assigned(session: Session, requirements: Sequence[Requirement], units: Sequence[int]) -> Sequence[Assignment]:
    return session.scalars(
        select(Assignment)
        .where(
            any_of_ids(Assignment.requirement_id, [one.id for one in requirements]),
            any_of_ids(Assignment.unit_id, units),
        )
        .order_by(Assignment.id)
    ).all()


def _tell(session: Session, plan: Plan, new: Sequence[Assignment], at: dt.datetime) -> None:
    """The usual notice. Where the notice of the whole phase has not left yet, it will name these as well."""
    phases = {one.requirement.phase_id for one in new}
    to_come = session.execute(
        select(Message.phase_id, Message.recipient_id).where(
            any_of_ids(Message.phase_id, phases),
            Message.kind == MessageKind.ISSUED,
            Message.status == MessageStatus.PENDING,
        )
    )
    covered = {(row.phase_id, row.recipient_id) for row in to_come}
    alone = [one for one in new if (one.requirement.phase_id, one.unit_id) not in covered]
    post(session, plan, [message_about(one, MessageKind.ISSUED, one.unit_id, at) for one in alone])


def count_unsettled(plan: Plan) -> ScalarSelect[int]:
    """How many parties of the plan wait to be settled."""
    waits = and_(UnsettledParty.plan_id == plan.id, UnsettledParty.settled_at.is_(None))
    return select(func.count()).select_from(UnsettledParty).where(waits).scalar_subquery()
