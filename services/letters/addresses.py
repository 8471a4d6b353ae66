"""Whether the file of addresses fits the units of a plan."""

from collections.abc import Collection, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.channels.addresses import DEFAULT, read_addresses
from adapters.database.sessions import read_session
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import RefusedError
from models.monitoring.alerts import Alert, unaddressed, unknown_codes, unreadable_addresses
from models.plan.plan import Plan, plan_codes, plan_of
from models.plan.unit import Unit


def address_alerts(session: Session, plan: Plan) -> list[Alert]:
    """What is wrong with the addresses: a file that cannot be read, codes of no unit, units without an address."""
    try:
        addresses = read_addresses(settings().addresses_file)
    except RefusedError as error:
        return [unreadable_addresses(error)]
    return list(_misfits(session, plan, addresses.by_unit.keys()))


def address_warnings(language: Language) -> list[str]:
    """The same for all plans, in words, each thing once."""
    with read_session() as session:
        plans = [plan_of(session, code) for code in plan_codes(session)]
        found = [one.reason for plan in plans for one in address_alerts(session, plan)]
    return list(dict.fromkeys(map(language.say, found)))


def _misfits(session: Session, plan: Plan, addressed: Collection[str]) -> Iterator[Alert]:
    if not addressed:
        return
    units = session.execute(select(Unit.code, Unit.plan_id).order_by(Unit.code)).all()
    everywhere = {one.code for one in units}  # one file serves all plans
    if strange := sorted(set(addressed) - everywhere - {DEFAULT}):
        yield unknown_codes(strange)
    left_out = [one.code for one in units if one.plan_id == plan.id and one.code not in addressed]
    if left_out and DEFAULT not in addressed:
        yield unaddressed(left_out)
