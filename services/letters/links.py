"""The link that a letter carries."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.settings import settings
from models import access
from models.common.kinds import UnitKind
from models.plan.unit import Unit


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


def letter_links(session: Session, unit_ids: Collection[int], at: dt.datetime) -> dict[int, str]:
    """The link that a letter of each of these units carries, by the unit's id."""
    units = session.scalars(select(Unit).where(Unit.id.in_(unit_ids))).all() if unit_ids else []
    entering = [unit for unit in units if unit.kind is not UnitKind.OFFICE]
    lasts = dt.timedelta(days=settings().link_days)
    tokens = access.issue_to_all(session, entering, by="letter", at=at, lasts=lasts)
    portal = settings().portal_address
    links = {unit_id: f"{portal}/enter/{token}" for unit_id, token in tokens.items()}
    return {unit.id: links.get(unit.id, f"{portal}/") for unit in units}
