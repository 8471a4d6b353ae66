"""Whether an address of the register works: what is known of it, and a letter that tries it."""

import asyncio
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from adapters.channels.addresses import Address, address_of_person, service_of, shown_address
from adapters.channels.types import Labels, Post, Receipt
from adapters.language import Language
from adapters.settings import settings
from models.common.errors import NotFoundError, RefusedError
from models.common.event import EventKind, record
from models.delivery.letter import RenderedLetter
from models.outbox.message import Attempt, AttemptOutcome
from models.people.person import Person, person_at
from models.people.reach import Known, known_of, last_sent_at
from models.permissions import Act, require_towards
from models.plan.plan import Plan
from rendering.people.trial_letter import trial_letter
from services.letters.addresses import digest_of
from services.scope import Scope

KEY = "trial-"
AGAIN_AFTER = dt.timedelta(minutes=1)  # a service that is asked too often takes nothing for a while


@dataclasses.dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address without what is secret in it, by which service it goes, and what is known of it."""

    service: str
    shown: str
    known: Known


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial: `detail` is what the service said."""

    person: str
    shown: str
    outcome: AttemptOutcome
    detail: str


def known_addresses(session: Session, people: Sequence[Person]) -> Mapping[int, list[KnownAddress]]:
    """What is known of the addresses of each entry, by its id."""
    found = {one.id: [(text, address_of_person(text)) for text in one.addresses] for one in people}
    lanes = {(one.unit_id, digest_of(address)) for one in people for _, address in found[one.id] if address is not None}
    known = known_of(session, lanes)
    return {
        one.id: [
            KnownAddress(service_of(address), shown_address(text), known[one.unit_id, digest_of(address)])
            for text, address in found[one.id]
            if address is not None
        ]
        for one in people
    }


def shown_addresses(one: Person) -> str:
    """Its addresses without what is secret in them, one a line, as forms show them."""
    return "\n".join(map(shown_address, one.addresses))


def try_address(scope: Scope, person_id: int, service: str) -> Tried:
    """Send a letter to the address that an entry has for this service, and keep what came of it.

    It leaves at once, whatever the hour: somebody waits for it. Raises NotFoundError, RefusedError for whoever may not,
    for an entry that has ended, and where the same address was tried a moment ago.
    """
    assert scope.within is None, "nothing leaves within a transaction"
    with scope.open() as (session, plan):
        one = person_at(session, plan, person_id)
        require_towards(session, plan, Act.TRY_ADDRESS, scope.actor, one.unit)
        address = _to_be_tried(session, plan, scope, one, service)
        letter = trial_letter(one.unit.name, one.name, plan.title, scope.actor.name, _language())
    key = _key(one.id, address, scope.at)
    receipt = asyncio.run(_sent(address, Post(key, letter.subject, letter.body, labels=Labels.of(_language()))))
    with scope.open() as (session, plan):
        require_towards(session, plan, Act.TRY_ADDRESS, scope.actor, person_at(session, plan, person_id).unit)
        _keep(session, plan, scope, one, address, key, letter, receipt)
    return Tried(one.name, _shown(address), AttemptOutcome(receipt.outcome.value), receipt.detail)


def _to_be_tried(session: Session, plan: Plan, scope: Scope, one: Person, service: str) -> Address:
    if one.until_on is not None and one.until_on <= plan.day_of(scope.at):
        raise RefusedError("the entry of {name} has ended; its addresses are not tried", name=one.name)
    found = filter(None, map(address_of_person, one.addresses))
    address = next((each for each in found if service_of(each) == service), None)
    if address is None:
        raise NotFoundError("{name} has no address for {service}", name=one.name, service=service)
    last = last_sent_at(session, one.unit_id, digest_of(address))
    if last is not None and dt.timedelta(0) <= scope.at - last < AGAIN_AFTER:
        raise RefusedError("something was sent to this address a moment ago; try it again in a minute")
    return address


def _key(person_id: int, address: Address, at: dt.datetime) -> str:
    return KEY + hashlib.sha256(f"{person_id} {digest_of(address)} {at.isoformat()}".encode()).hexdigest()[:32]


def _keep(
    session: Session,
    plan: Plan,
    scope: Scope,
    one: Person,
    address: Address,
    key: str,
    letter: RenderedLetter,
    receipt: Receipt,
) -> None:
    """Beside the attempts of letters, so that one rule says what is known of an address; and in the journal."""
    session.add(
        Attempt(
            recipient_id=one.unit_id,
            key=key,
            channel=address.kind,
            lane=digest_of(address),
            at=scope.at,
            outcome=AttemptOutcome(receipt.outcome.value),
            detail=receipt.detail,
            external_id=receipt.external_id,
            subject=letter.subject,
            body=letter.body,
        )
    )
    said = {"person": one.id, "unit": one.unit.code, "post": one.post.value, "name": one.name}
    detail = said | {"service": service_of(address), "outcome": receipt.outcome.value}
    record(session, EventKind.ADDRESS_TRIED, scope.actor, scope.at, plan_id=plan.id, detail=detail)


def _shown(address: Address) -> str:
    return str(address).removeprefix("apprise:")


def _language() -> Language:
    return Language.of(settings().language)


async def _sent(address: Address, post: Post) -> Receipt:
    from adapters.channels.registry import Channels  # noqa: PLC0415  (its clients take a while to import)

    async with Channels.from_settings(settings()) as channels:
        return await channels.send(address, post)
