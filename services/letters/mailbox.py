"""Reading the letters that a unit was sent."""

import dataclasses

from adapters.settings import settings
from models.dates.instants import LocalInstant
from models.delivery.mailbox import letters_of
from models.permissions import Act, require
from models.plan.unit import unit_of
from rendering.letter_text import LINK, linked
from services.letters.links import letter_link
from services.scope import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class ReadLetter:
    """One letter, and when it was sent by the plan's own clock. The body may hold a link, which is a secret."""

    at: LocalInstant
    channel: str
    subject: str
    body: str = dataclasses.field(repr=False)


def read_mailbox(scope: Scope, unit: str, last: int | None = None, *, with_link: bool = False) -> list[ReadLetter]:
    """What the unit of this code was sent, the oldest first; with `last`, only so many of the newest.

    Stored letters hold no link. The portal's address stands there instead; for whoever passes them on a new link, the
    same in all that are shown. Raises NotFoundError.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.READ_MAILBOX, scope.actor)
        recipient = unit_of(session, plan.id, unit)
        letters = letters_of(session, recipient, last)
        has_place = any(LINK in one.body for one in letters)
        link = letter_link(scope.joining(session), unit) if with_link and has_place else f"{settings().portal_address}/"
        return [
            ReadLetter(LocalInstant(one.at, plan.timezone), one.channel, one.subject, linked(one.body, link))
            for one in reversed(letters)
        ]
