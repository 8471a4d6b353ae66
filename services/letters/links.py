"""The link that a letter carries."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import select

from adapters.settings import settings
from models import access
from models.common.kinds import UnitKind
from models.permissions import Act, require
from models.plan.unit import Unit, unit_of
from services.scope import Scope

BY_LETTER = "letter"
GOING_ON = 12  # links of letters to one unit that open at the same time: those of the newest letters


def letter_link(scope: Scope, unit: str) -> str:
    """A new link for the unit of this code; for the office and the leader the portal's address alone.

    A letter stays in a channel for weeks. The office may decide on everything and the leader sees everything, so their
    links are made one at a time, by hand. Raises NotFoundError where there is no such unit.
    """
    with scope.open() as (session, plan):
        unit_id = unit_of(session, plan.id, unit).id
        return letter_links(scope.joining(session), [unit_id])[unit_id]


def letter_links(scope: Scope, unit_ids: Collection[int]) -> dict[int, str]:
    """The link that a letter of each of these units of the plan carries, by the unit's id."""
    if not unit_ids:
        return {}
    with scope.open() as (session, plan):
        require(session, plan, Act.ISSUE_LINK, scope.actor)
        units = session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.id.in_(unit_ids))).all()
        entering = [
            unit for unit in units if unit.kind not in {UnitKind.OFFICE, UnitKind.LEADER} and not unit.closed_on
        ]
        lasts = dt.timedelta(days=settings().link_days)
        tokens = access.issue_to_all(session, entering, by=BY_LETTER, at=scope.at, lasts=lasts)
        access.end_older(session, tokens, BY_LETTER, keep=GOING_ON, at=scope.at)
        portal = settings().portal_address
        links = {unit_id: f"{portal}/enter/{token}" for unit_id, token in tokens.items()}
        return {unit.id: links.get(unit.id, f"{portal}/") for unit in units}
