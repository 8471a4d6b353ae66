"""The link that a letter carries."""

import datetime as dt

from sqlalchemy.orm import Session

from adapters.settings import settings
from models import access
from models.document import UnitKind
from models.unit import Unit


def letter_link(session: Session, unit: Unit, at: dt.datetime) -> str:
    """A new link of this unit's own, or the portal's address where nobody should come in by a letter alone.

    A letter lies in a channel for weeks. The office decides on everything, so its links are short-lived and
    made one at a time.
    """
    if unit.kind is UnitKind.OFFICE:
        return f"{settings().portal_address}/"
    lasts = dt.timedelta(days=settings().link_days)
    _access, token = access.issue(session, unit, by="letter", at=at, lasts=lasts)
    return f"{settings().portal_address}/enter/{token}"
