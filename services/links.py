"""Links into the portal: issued, withdrawn and opened, and the name that a visitor gives; one function for each act."""

import dataclasses
import datetime as dt

from sqlalchemy.orm import Session

from adapters.database.sessions import transaction
from adapters.language import Language
from models import access
from models.access import AccessRole, SeenLink, WebSession
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import EventKind, record
from models.common.kinds import UnitKind
from models.common.text import Text
from models.permissions import Act, require
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of, unit_of
from models.queries.worklist import open_dates
from services.scope import Scope

OFFICE_LINK_LASTS = dt.timedelta(minutes=15)  # long enough to hand it over and open it
FEED_LASTS = dt.timedelta(days=4 * 366)  # as long as a plan: from a feed that ends unnoticed nobody learns of deadlines


@dataclasses.dataclass(frozen=True, slots=True)
class IssuedLink:
    """A new link. Only the hash of its token is stored, so the token cannot be shown again."""

    id: int
    token: str
    unit: Text
    person: str
    single_use: bool
    expires_at: dt.datetime

    @property
    def path(self) -> str:
        """The path of the link in the portal."""
        return f"/enter/{self.token}"


def issue(
    scope: Scope, unit: int | str, *, lasts: dt.timedelta, role: AccessRole | None = None, person: str = ""
) -> IssuedLink:
    """A link for a unit by its id or code, in the role of its kind where none is given.

    With a `person`, whoever opens it is not asked for a name. Raises NotFoundError.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.ISSUE_LINK, scope.actor)
        return _issued(session, _unit(session, plan, unit), scope, lasts, role=role, person=person)


def issue_to_office(scope: Scope, person: str = "") -> IssuedLink:
    """A link for a person of the office. As the office may decide on everything, it opens once, within minutes."""
    with scope.open() as (session, plan):
        require(session, plan, Act.ISSUE_LINK, scope.actor)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        return _issued(session, office, scope, OFFICE_LINK_LASTS, person=person, single_use=True)


def issue_feed(scope: Scope) -> IssuedLink:
    """A link by which a calendar program fetches the dates of the actor's unit; it opens nothing else.

    Raises RefusedError for whoever acts for no unit that work is issued to.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.ISSUE_FEED, scope.actor)
        unit = session.get_one(Unit, scope.unit_id)
        return _issued(session, unit, scope, FEED_LASTS, role=AccessRole.CALENDAR)


def _issued(
    session: Session,
    unit: Unit,
    scope: Scope,
    lasts: dt.timedelta,
    *,
    role: AccessRole | None = None,
    person: str = "",
    single_use: bool = False,
) -> IssuedLink:
    if unit.closed_on is not None:
        raise RefusedError("{unit} ended on {day}; no link is made for it", unit=unit.code, day=unit.closed_on)
    made, token = access.issue(
        session, unit, by=scope.actor.name, at=scope.at, lasts=lasts, role=role, person=person, single_use=single_use
    )
    return IssuedLink(made.id, token, unit.name, made.person, made.single_use, made.expires_at)


def _unit(session: Session, plan: Plan, unit: int | str) -> Unit:
    if isinstance(unit, str):
        return unit_of(session, plan.id, unit)
    found = session.get(Unit, unit)
    if found is None or found.plan_id != plan.id:
        raise NotFoundError("there is no such unit")
    return found


def withdraw(scope: Scope, link: int) -> None:
    """Withdraw a link, and end every web session that it opened.

    Raises NotFoundError, and RefusedError where somebody has done so already.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.WITHDRAW_LINK, scope.actor)
        one = access.link_of(session, plan, link, lock=True)
        if one.revoked_at is not None:
            raise RefusedError("{name} has withdrawn this link already", name=one.revoked_by)
        access.revoke(session, plan, link, by=scope.actor.name, at=scope.at)


def withdraw_all(scope: Scope, unit: int | str) -> int:
    """Withdraw every link to a unit, by its id or code, and end every web session that they opened; returns how many.

    Raises NotFoundError.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.WITHDRAW_LINK, scope.actor)
        whose = _unit(session, plan, unit)
        count = access.revoke_all(session, whose.id, by=scope.actor.name, at=scope.at)
        if count:
            detail = {"unit": whose.code, "links": count}
            record(session, EventKind.LINKS_WITHDRAWN, scope.actor, scope.at, plan_id=plan.id, detail=detail)
        return count


# These are called before anybody is known: the token is the authority.


def look_at(token: str, *, address: str, at: dt.datetime) -> SeenLink:
    """What a link would open; nothing comes of it, as programs look at links as well.

    Only that somebody came with a link that opens nothing is recorded. Raises NotFoundError for a token that was never
    issued, and for the link of a calendar.
    """
    with transaction() as session:
        return access.look_at(session, token, address=address, at=at)


def enter(token: str, *, address: str, at: dt.datetime, person: str = "", leaving: str = "") -> str | Reason:
    """Exchange a link for the secret of a web session, or say why it does not open. The use is recorded either way.

    The web session of the secret `leaving`, which came along, ends. Raises NotFoundError for a token that was never
    issued, and for the link of a calendar; RefusedError for whoever made the link in somebody else's name.
    """
    with transaction() as session:
        return access.enter(session, token, address=address, at=at, person=person, leaving=leaving)


def feed(token: str, *, address: str, at: dt.datetime, language: Language, portal: str) -> bytes | Reason:
    """The calendar of the unit whose feed this is, or why it does not open. The use is recorded either way.

    Raises NotFoundError for any other token.
    """
    from rendering.calendar_feed import feed as calendar  # noqa: PLC0415  (slow to load and seldom needed)

    with transaction() as session:
        unit = access.calendar_of(session, token, address=address, at=at)
        if isinstance(unit, Reason):
            return unit
        plan = session.get_one(Plan, unit.plan_id)
        dates = open_dates(session, plan, unit, plan.day_of(at))
    return calendar(dates, unit=unit.name, plan=plan, language=language, portal=portal)


def renew(within: Session, web_session: WebSession, at: dt.datetime) -> None:
    """Note that its person was here just now, by which a web session lives on."""
    access.renew(within, web_session, at)


def say_name(within: Session, web_session: WebSession, person: str) -> str:
    """Set the name of a web session's person, once, within the request's transaction. Returns the name in force."""
    return access.say_name(within, web_session, person)


def leave(web_session: WebSession, at: dt.datetime) -> None:
    """End the web session, within the request's transaction."""
    access.leave(web_session, at)
