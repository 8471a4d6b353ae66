"""What stands in the document no longer: it stays among the rows with its history, and others take its place."""

import dataclasses
from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import access
from models.changes.change_set import Touch
from models.changes.difference import Difference
from models.changes.effects import Issued
from models.changes.ledger import Ledger, Member
from models.changes.orders import Orders
from models.common.base import any_of_ids
from models.common.errors import RefusedError
from models.outbox.message import Message
from models.plan.document import PlanDocument
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit
from models.plan.unsettled import SettledParty


def end(ledger: Ledger, change: Difference, known: Mapping[str, Issued]) -> list[Unit]:
    """End the requirements and units that the document names no longer; returns these units.

    Raises RefusedError for a body of the leading group.
    """
    gone = [known[one.ref].id for one in change.asks if one.after is None and one.ref in known]
    ended = update(Requirement).where(any_of_ids(Requirement.id, gone)).values(withdrawn_on=ledger.today)
    ledger.session.execute(ended.execution_options(synchronize_session=False))
    units = [_unit(ledger.session, ledger.plan, code) for code in change.removed]
    for unit in units:
        if unit.kind in BODIES:
            raise RefusedError("{unit} is a body of the leading group and cannot end", unit=unit.code)
        unit.closed_on = ledger.today
    ledger.session.flush()
    return units


def let_succeed(session: Session, plan: Plan, ended: Sequence[Unit], orders: Orders, after: PlanDocument) -> None:
    """Who was settled to be a party and ends, gives way to the unit that follows; storing the document asks who."""
    for unit in ended:
        for party in session.scalars(select(SettledParty).where(SettledParty.unit_id == unit.id)).all():
            code = next(iter(orders.successors.get(unit.code, ())), None)
            heir = _known(session, plan, code, after) if code is not None else None
            if heir is None or _is_settled(session, party, heir):
                session.delete(party)
            else:
                party.unit_id = heir.id
    session.flush()


def _is_settled(session: Session, party: SettledParty, unit: Unit) -> bool:
    same = (SettledParty.unsettled_party_id == party.unsettled_party_id, SettledParty.unit_id == unit.id)
    return session.scalar(select(SettledParty.id).where(*same)) is not None


def _unit(session: Session, plan: Plan, code: str) -> Unit:
    return session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.code == code)).one()


def _known(session: Session, plan: Plan, code: str, after: PlanDocument) -> Unit:
    """The unit, also where the document is the first to name it."""
    found = session.scalar(select(Unit).where(Unit.plan_id == plan.id, Unit.code == code))
    if found is not None:
        return found
    entry = next(one for one in after.units if one.code == code)
    made = Unit(
        plan_id=plan.id,
        code=code,
        kind=entry.kind,
        full_name=entry.full_name,
        name_zh=entry.name.zh,
        name_en=entry.name.en,
        source=entry.source,
        basis=entry.basis,
    )
    session.add(made)
    session.flush()
    return made


def touch_units(ledger: Ledger, change: Difference, units: Mapping[str, Member], orders: Orders) -> None:
    """Units that have another name, and those that end: with what waits to be sent to them, and their links."""
    for code, (old, new) in change.renamed.items():
        if units[code].kind not in BODIES:
            names = (dataclasses.asdict(old), dataclasses.asdict(new))
            ledger.touch(Touch.RENAMED, units[code], None, None, *names)
    for code in change.removed:
        unit = units[code]
        ledger.touch(Touch.CLOSED, unit, None, None, None, {"to": list(orders.successors.get(code, ()))})
        ledger.drop(Message.recipient_id == unit.id)
        access.revoke_all(ledger.session, unit.id, by=ledger.actor.name, at=ledger.at)
