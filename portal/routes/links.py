"""Access links: the office makes them, sees who used them, and withdraws them."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response

from adapters.language import N_
from adapters.settings import settings
from models import access
from models.access import Access, AccessRole, UseOutcome
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.kinds import UnitKind
from models.plan.unit import Unit, body_of, units_of
from models.queries.worklist import PAGE
from portal.forms import LARGEST_ID, FormId, Id, Name, Page, Sent
from portal.trying import tried
from portal.visits import UNPROCESSABLE, Visit, portal_address, visiting

router = APIRouter()

MOST_DAYS = 366
COLLEAGUE = dt.timedelta(minutes=15)  # long enough to hand it over and open it
ROLES = {
    AccessRole.UNIT: N_("unit"),
    AccessRole.OFFICE: N_("office"),
    AccessRole.LEADER: N_("leader of the group"),
    AccessRole.CALENDAR: N_("calendar"),
}
OUTCOMES = {
    UseOutcome.OPENED: N_("opened"),
    UseOutcome.EXPIRED: N_("had expired"),
    UseOutcome.REVOKED: N_("had been withdrawn"),
    UseOutcome.SPENT: N_("had been used already"),
}


class LinkForm(Sent):
    """For a unit or the leader, for some days; or, where there is such a field, for a colleague in the office."""

    unit: FormId | None = None
    days: int = 0
    colleague: Name | None = None


@router.get("/links")
def list_links(request: Request, unit: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0, page: Page = 1) -> Response:
    with visiting(request, AccessRole.OFFICE) as visit:
        return _links_page(visit, unit, page)


def _links_page(visit: Visit, unit_id: int = 0, page: int = 1, **facts: Any) -> Response:
    """`address` among the facts is that of the link that was `made`. It is shown once: only its hash is kept."""
    units = _entitled(visit)
    only = {"unit_id": unit_id} if unit_id else {}
    count = access.count_links(visit.session, visit.plan, **only)
    rows = access.links_of(visit.session, visit.plan, limit=PAGE, offset=(page - 1) * PAGE, **only)
    shown = {"address": "", "made": None, "made_for": None, "refused": None, "typed": None} | facts
    return visit.page(
        "links.html",
        status=UNPROCESSABLE if shown["refused"] else 200,
        units=[(unit.id, visit.language.text(unit.name)) for unit in units],
        unit_id=unit_id,
        rows=rows,
        page=page,
        last=-(-count // PAGE) or 1,
        days=settings().link_days,
        most_days=MOST_DAYS,
        roles=ROLES,
        **shown,
    )


def _entitled(visit: Visit) -> list[Unit]:
    """Who gets links for days: everybody but the office, which decides on everything."""
    plan_id = visit.plan.id
    return [*units_of(visit.session, plan_id), body_of(visit.session, plan_id, UnitKind.LEADER)]


@router.post("/links")
def make_link(request: Request, form: Annotated[LinkForm, Form()]) -> Response:
    def make(visit: Visit) -> Response:
        unit, made, token = _for_unit(visit, form) if form.colleague is None else _for_colleague(visit, form)
        visit.done("/links", N_("The link is made; its address was shown once."))
        return _links_page(visit, made=made, made_for=unit, address=f"{portal_address(visit.request)}/enter/{token}")

    def again(visit: Visit, refused: DubanError) -> Response:
        return _links_page(visit, refused=refused, typed=form)

    return tried(request, form, AccessRole.OFFICE, make, again)


def _for_unit(visit: Visit, form: LinkForm) -> tuple[Unit, Access, str]:
    if form.unit is None:
        raise RefusedError("choose whom the link is for")
    if not 1 <= form.days <= MOST_DAYS:
        raise RefusedError("a link opens for 1 to {most} days", most=MOST_DAYS)
    unit = next((one for one in _entitled(visit) if one.id == form.unit), None)
    if unit is None:
        raise NotFoundError("there is no such unit")
    lasts = dt.timedelta(days=form.days)
    return unit, *access.issue(visit.session, unit, by=visit.person, at=visit.at, lasts=lasts)


def _for_colleague(visit: Visit, form: LinkForm) -> tuple[Unit, Access, str]:
    if not form.colleague:
        raise RefusedError("give your colleague's name: whoever decides does so in their own")
    office = visit.stay.unit
    return office, *access.issue(
        visit.session,
        office,
        person=form.colleague,
        by=visit.person,
        at=visit.at,
        lasts=COLLEAGUE,
        single_use=True,
    )


@router.get("/links/{access_id}")
def show_link(request: Request, access_id: Id) -> Response:
    with visiting(request, AccessRole.OFFICE) as visit:
        return _link_page(visit, access_id)


def _link_page(visit: Visit, access_id: int, refused: DubanError | None = None) -> Response:
    one = access.link_of(visit.session, visit.plan, access_id)
    return visit.page(
        "link.html",
        status=UNPROCESSABLE if refused else 200,
        link=one,
        unit=visit.session.get_one(Unit, one.unit_id),
        uses=access.uses_of(visit.session, one),
        is_over=one.expires_at <= visit.at,
        roles=ROLES,
        outcomes=OUTCOMES,
        refused=refused,
    )


@router.post("/links/{access_id}/revoke")
def revoke_link(request: Request, access_id: Id, form: Annotated[Sent, Form()]) -> Response:
    def withdraw(visit: Visit) -> Response:
        one = access.link_of(visit.session, visit.plan, access_id, lock=True)
        if one.revoked_at is not None:
            raise RefusedError("{name} has withdrawn this link already", name=one.revoked_by)
        access.revoke(visit.session, visit.plan, access_id, by=visit.person, at=visit.at)
        return visit.done(f"/links/{access_id}", N_("The link is withdrawn; whoever came in by it is out."))

    return tried(
        request, form, AccessRole.OFFICE, withdraw, lambda visit, refused: _link_page(visit, access_id, refused)
    )
