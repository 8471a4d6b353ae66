"""Where letters go: the addresses of the register, and those of the file, which override them; what is wrong with them.

A unit's letters go to the address of its liaison, or of a handler where the liaison has none: one letter for each unit.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters import clock
from adapters.channels.addresses import DEFAULT, MAILBOX, Address, Addresses, address_of_person, read_addresses
from adapters.channels.rate_limits import read_limits
from adapters.database.sessions import read_session
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import RefusedError
from models.monitoring.alerts import (
    Alert,
    refused_addresses,
    unaddressed,
    unknown_codes,
    unreadable_addresses,
    untried_addresses,
)
from models.people.reach import Reached, known_of, receiving, with_telephone
from models.plan.plan import Plan, plan_codes, plan_of
from models.plan.unit import Unit


def addresses_in_force(session: Session, plan: Plan, on: dt.date, units: Collection[str] | None = None) -> Addresses:
    """The address of each unit (of these, where named) on that day: what the file says, or else the register.

    Raises RefusedError where the file cannot be read.
    """
    stated = read_addresses(settings().addresses_file)
    return Addresses({**registered_addresses(session, plan, on, units), **stated.by_unit})


def registered_addresses(
    session: Session, plan: Plan, on: dt.date, units: Collection[str] | None = None
) -> dict[str, Address]:
    """What the register says, by the unit's code; units of which it holds no address are left out."""
    found = {}
    for code, people in receiving(session, plan, on, units).items():
        usable = filter(None, (address_of_person(one) for person in people for one in person.addresses))
        if (first := next(usable, None)) is not None:
            found[code] = first
    return found


def digest_of(address: Address) -> str:
    """The name under which attempts keep an address, which holds nothing of it."""
    return read_limits(settings().channel_limits_file).destination_of(address).channel


def unreached(session: Session, plan: Plan, on: dt.date, units: Collection[Unit]) -> list[Unit]:
    """Of these units those that nothing and nobody reaches: no address but the mailbox, and no telephone."""
    try:
        addresses = addresses_in_force(session, plan, on)
    except RefusedError:  # the watchdog says so, and no letter leaves
        addresses = Addresses(registered_addresses(session, plan, on))
    telephones = with_telephone(session, plan, on)
    return [unit for unit in units if addresses.of(unit.code) == MAILBOX and unit.id not in telephones]


# What is wrong with them


def address_alerts(session: Session, plan: Plan) -> list[Alert]:
    """What is wrong with the addresses: a file that cannot be read, codes of no unit, units without an address.

    Of the register those that are in use and were never tried, or refused what was sent last.
    """
    registered = registered_addresses(session, plan, plan.day_of(clock.now()))
    try:
        stated = read_addresses(settings().addresses_file).by_unit
    except RefusedError as error:
        return [unreadable_addresses(error), *_unproven(session, plan, registered)]
    used = {code: address for code, address in registered.items() if code not in stated}
    return [*_misfits(session, plan, stated.keys(), registered), *_unproven(session, plan, used)]


def address_warnings(language: Language) -> list[str]:
    """The same for all plans, in words, each thing once."""
    with read_session() as session:
        plans = [plan_of(session, code) for code in plan_codes(session)]
        found = [one.reason for plan in plans for one in address_alerts(session, plan)]
    return list(dict.fromkeys(map(language.say, found)))


def _misfits(session: Session, plan: Plan, stated: Collection[str], registered: Collection[str]) -> Iterator[Alert]:
    if not stated:
        return
    units = session.execute(select(Unit.code, Unit.plan_id).order_by(Unit.code)).all()
    everywhere = {one.code for one in units}  # one file serves all plans
    if strange := sorted(set(stated) - everywhere - {DEFAULT}):
        yield unknown_codes(strange)
    reached = {*stated, *registered}
    left_out = [one.code for one in units if one.plan_id == plan.id and one.code not in reached]
    if left_out and DEFAULT not in stated:
        yield unaddressed(left_out)


def _unproven(session: Session, plan: Plan, used: Mapping[str, Address]) -> Iterator[Alert]:
    if not used:
        return
    query = select(Unit.code, Unit.id).where(Unit.plan_id == plan.id, Unit.code.in_(used)).order_by(Unit.code)
    lanes = {code: (unit_id, digest_of(used[code])) for code, unit_id in session.execute(query)}
    known = known_of(session, lanes.values())
    states = {code: known[lane].state for code, lane in lanes.items()}
    if refused := [code for code, state in states.items() if state is Reached.REFUSED]:
        yield refused_addresses(refused)
    if untried := [code for code, state in states.items() if state is Reached.UNTRIED]:
        yield untried_addresses(untried)
