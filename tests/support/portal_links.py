"""Links as tests make them, and what is known of their use."""

import datetime as dt

from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from models.access import AccessRole, AccessUse
from models.common.event import Actor
from services import links
from services.scope import Scope

DAY = dt.timedelta(days=1)


def link(
    unit: str = "north", *, lasts: dt.timedelta = DAY, plan: str = "tiny", role: AccessRole | None = None
) -> tuple[int, str]:
    """The number of a new link, and its token."""
    made = links.issue(by_test(plan), unit, lasts=lasts, role=role)
    return made.id, made.token


def office_link(person: str = "") -> tuple[int, str]:
    made = links.issue_to_office(by_test(), person)
    return made.id, made.token


def by_test(plan: str = "tiny") -> Scope:
    return Scope(plan, Actor("test"), clock.now())


def uses(number: int) -> list[tuple[str, str]]:
    """How each use of a link ended, and where it came from, oldest first."""
    with transaction() as session:
        rows = session.scalars(select(AccessUse).where(AccessUse.access_id == number).order_by(AccessUse.id))
        return [(row.outcome.value, row.address) for row in rows]
