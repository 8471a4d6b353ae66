"""How units are reached by what the register says: whose address, whether it worked, and who has a telephone."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, contains_eager

from models.common.base import any_of_ids
from models.outbox.message import Attempt, AttemptOutcome
from models.people.person import Person, in_force, receiving_posts
from models.plan.plan import Plan
from models.plan.unit import Unit

CERTAIN = (AttemptOutcome.SENT, AttemptOutcome.PERMANENT)


class Reached(StrEnum):
    """What is known of an address."""

    UNTRIED = "untried"  # nothing that was sent there is known to have arrived
    WORKS = "works"  # what was sent there last arrived
    REFUSED = "refused"  # what was sent there last was refused for good


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address: since when, and what its service said."""

    state: Reached = Reached.UNTRIED
    at: dt.datetime | None = None
    detail: str = ""


def receiving(
    session: Session, plan: Plan, on: dt.date, units: Collection[str] | None = None
) -> Mapping[str, list[Person]]:
    """By the unit's code (of these units, where named): whose address its letters go to, the first one first."""
    query = (
        select(Person)
        .join(Person.unit)
        .options(contains_eager(Person.unit))
        .where(Unit.plan_id == plan.id, in_force(on), func.cardinality(Person.addresses) > 0)
        .order_by(Person.id)
    )
    if units is not None:
        query = query.where(Unit.code.in_(units))
    found: dict[str, list[Person]] = defaultdict(list)
    for one in session.scalars(query):
        if one.post in receiving_posts(one.unit.kind):
            found[one.unit.code].append(one)
    for people in found.values():
        people.sort(key=lambda one: receiving_posts(one.unit.kind).index(one.post))
    return found


def with_telephone(session: Session, plan: Plan, on: dt.date) -> set[int]:
    """The ids of the units of which somebody with a telephone is registered."""
    query = (
        select(Person.unit_id)
        .join(Person.unit)
        .where(Unit.plan_id == plan.id, in_force(on), or_(Person.telephone != "", Person.mobile != ""))
    )
    return set(session.scalars(query))


def known_of(session: Session, lanes: Iterable[tuple[int, str]]) -> Mapping[tuple[int, str], Known]:
    """What is known of addresses, by the id of the unit and the digest of the address: by what was sent there."""
    wanted = set(lanes)
    if not wanted:
        return {}
    rows = session.scalars(
        select(Attempt)
        .where(
            any_of_ids(Attempt.recipient_id, {unit for unit, _ in wanted}),
            Attempt.lane.in_({lane for _, lane in wanted}),
            Attempt.subject != "",  # what could not be put into words was never sent
        )
        .ext(distinct_on(Attempt.recipient_id, Attempt.lane))
        .order_by(Attempt.recipient_id, Attempt.lane, Attempt.outcome.in_(CERTAIN).desc(), Attempt.id.desc())
    )
    found = {(one.recipient_id, one.lane): _known(one) for one in rows}
    return {lane: found.get(lane, Known()) for lane in wanted}


def _known(last: Attempt) -> Known:
    states = {AttemptOutcome.SENT: Reached.WORKS, AttemptOutcome.PERMANENT: Reached.REFUSED}
    return Known(states.get(last.outcome, Reached.UNTRIED), last.at, last.detail)


def last_sent_at(session: Session, unit_id: int, lane: str) -> dt.datetime | None:
    """When something was sent to this address of a unit last, whatever came of it."""
    of_lane = (Attempt.recipient_id == unit_id, Attempt.lane == lane)
    return session.scalar(select(func.max(Attempt.at)).where(*of_lane))
