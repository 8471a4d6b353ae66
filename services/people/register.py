"""The register of people (人员名册): units keep their own, the office keeps all."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Self

from sqlalchemy.orm import Session

from adapters.channels.addresses import EXPECTED_OF_PEOPLE, HIDDEN, address_of_person, service_of, shown_address
from models.common.errors import NotFoundError, Reason
from models.people import person
from models.people.person import Entry, Person, Post, faults_of, person_at, refuse
from models.permissions import Act, require_towards
from models.plan.plan import Plan
from models.plan.unit import Unit, unit_of
from services.scope import Scope

WhichUnit = int | str  # its id, as pages know it, or its code or name, as people type it


@dataclasses.dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry of the register after an act."""

    id: int
    unit: str
    post: Post
    name: str
    from_on: dt.date
    until_on: dt.date | None

    @classmethod
    def of(cls, one: Person) -> Self:
        return cls(one.id, one.unit.code, one.post, one.name, one.from_on, one.until_on)


def register(scope: Scope, unit: WhichUnit, post: Post, entry: Entry, *, from_on: dt.date | None = None) -> KeptEntry:
    """Enter somebody, from a day on; today where none is given.

    Raises NotFoundError, EntryError with what is wrong in which field.
    """
    with scope.open() as (session, plan):
        of_unit = unit_in(session, plan, unit)
        require_towards(session, plan, Act.KEEP_PEOPLE, scope.actor, of_unit)
        meant = as_meant(entry)
        kept = person.register(session, plan, of_unit, post, meant, from_on=from_on, actor=scope.actor, at=scope.at)
        return KeptEntry.of(kept)


def change(scope: Scope, person_id: int, entry: Entry, *, from_on: dt.date | None = None) -> KeptEntry:
    """End an entry and begin another in its place. An address that is given as it is shown stays as it is.

    Raises NotFoundError, EntryError with what is wrong in which field, RefusedError where it ended or nothing changes.
    """
    with scope.open() as (session, plan):
        one = person_at(session, plan, person_id)
        require_towards(session, plan, Act.KEEP_PEOPLE, scope.actor, one.unit)
        meant = as_meant(entry, one.addresses)
        kept = person.change(session, plan, one, meant, from_on=from_on, actor=scope.actor, at=scope.at)
        return KeptEntry.of(kept)


def end(scope: Scope, person_id: int, *, until_on: dt.date | None = None) -> KeptEntry:
    """End an entry, from a day on; today where none is given.

    Raises NotFoundError, EntryError where the day cannot be, RefusedError where it was ended before.
    """
    with scope.open() as (session, plan):
        one = person_at(session, plan, person_id)
        require_towards(session, plan, Act.KEEP_PEOPLE, scope.actor, one.unit)
        return KeptEntry.of(person.end(session, plan, one, until_on=until_on, actor=scope.actor, at=scope.at))


def unit_in(session: Session, plan: Plan, which: WhichUnit) -> Unit:
    """The unit. Raises NotFoundError."""
    if isinstance(which, str):
        return unit_of(session, plan.id, which)
    found = session.get(Unit, which)
    if found is None or found.plan_id != plan.id:
        raise NotFoundError("there is no such unit")
    return found


def as_meant(entry: Entry, before: Sequence[str] = ()) -> Entry:
    """The entry as it is kept, each address whole: one that is typed as it is shown is the one of `before`.

    Raises EntryError where something in it cannot be.
    """
    tidy = entry.tidy
    hidden = {shown_address(one): one for one in before}
    meant = dataclasses.replace(tidy, addresses=tuple(hidden.get(one, one) for one in tidy.addresses))
    refuse(faults_of(meant) | _faults_of_addresses(meant.addresses))
    return meant


def _faults_of_addresses(addresses: Sequence[str]) -> dict[str, Reason]:
    found = {one: address_of_person(one) for one in addresses}
    for text, address in found.items():
        if address is None or HIDDEN in text:
            told = {"address": shown_address(text), "expected": EXPECTED_OF_PEOPLE}
            return {"addresses": Reason("{address} is no usable address; expected {expected}", **told)}
    services = [service_of(address) for address in found.values() if address]
    if len(set(services)) < len(services):
        return {"addresses": Reason("expected one address for each service")}
    return {}
