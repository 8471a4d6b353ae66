"""Access links: the office makes them, sees who used them, and withdraws them."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response

from adapters.language import N_
from adapters.settings import settings
from models import access
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.kinds import UnitKind
from models.plan.unit import Unit, body_of, units_at_work
from models.queries.worklist import PAGE
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, portal_address, read_request
from portal.forms import LARGEST_ID, FormId, Id, Name, Page, Sent
from rendering.labels import LINK_ROLES, LINK_USES
from services import links
from services.links import IssuedLink

router = APIRouter()

MAX_DAYS = 366


class LinkForm(Sent):
    """For a unit or the leader, for some days; or, where there is such a field, for a colleague in the office."""

    unit: FormId | None = None
    days: int = 0
    colleague: Name | None = None


@router.get("/links")
def list_links(request: Request, unit: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _links_page(ctx, unit, page)


def _links_page(ctx: RequestContext, unit_id: int = 0, page: int = 1, **facts: Any) -> Response:
    """`address` among the facts is that of the link that was `made`. It is shown once: only its hash is kept."""
    units = _entitled(ctx)
    only = {"unit_id": unit_id} if unit_id else {}
    count = access.count_links(ctx.session, ctx.plan, **only)
    rows = access.links_of(ctx.session, ctx.plan, limit=PAGE, offset=(page - 1) * PAGE, **only)
    shown = {"address": "", "made": None, "refused": None, "typed": None} | facts
    return ctx.page(
        "links.html",
        status=UNPROCESSABLE if shown["refused"] else 200,
        units=[(unit.id, ctx.language.text(unit.name)) for unit in units],
        unit_id=unit_id,
        rows=rows,
        page=page,
        last=-(-count // PAGE) or 1,
        days=settings().link_days,
        most_days=MAX_DAYS,
        roles=LINK_ROLES,
        **shown,
    )


def _entitled(ctx: RequestContext) -> list[Unit]:
    """Who gets links for days: everybody but the office, which decides on everything."""
    plan_id = ctx.plan.id
    return [*units_at_work(ctx.session, plan_id), body_of(ctx.session, plan_id, UnitKind.LEADER)]


@router.post("/links")
def make_link(request: Request, form: Annotated[LinkForm, Form()]) -> Response:
    def make(ctx: RequestContext) -> Response:
        made = _for_unit(ctx, form) if form.colleague is None else _for_colleague(ctx, form.colleague)
        request.state.event = "link made"
        ctx.done("/links", N_("The link is made; its address was shown once."))
        return _links_page(ctx, made=made, address=f"{portal_address(ctx.request)}{made.path}")

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _links_page(ctx, refused=refused, typed=form)

    return perform(request, form, AccessRole.OFFICE, make, again)


def _for_unit(ctx: RequestContext, form: LinkForm) -> IssuedLink:
    if form.unit is None:
        raise RefusedError("choose whom the link is for")
    if not 1 <= form.days <= MAX_DAYS:
        raise RefusedError("a link opens for 1 to {most} days", most=MAX_DAYS)
    if form.unit not in {one.id for one in _entitled(ctx)}:
        raise NotFoundError("there is no such unit")
    return links.issue(ctx.scope, form.unit, lasts=dt.timedelta(days=form.days))


def _for_colleague(ctx: RequestContext, name: str) -> IssuedLink:
    if not name:
        raise RefusedError("give your colleague's name: whoever decides does so in their own")
    return links.issue_to_office(ctx.scope, name)


class WithdrawForm(Sent):
    unit: FormId


@router.post("/links/revoke")
def revoke_all(request: Request, form: Annotated[WithdrawForm, Form()]) -> Response:
    def withdraw(ctx: RequestContext) -> Response:
        count = links.withdraw_all(ctx.scope, form.unit)
        request.state.event = "links withdrawn"
        told = N_("{count} links are withdrawn; whoever came in by them is out.")
        return ctx.done(f"/links?unit={form.unit}", told, count=count)

    return perform(request, form, AccessRole.OFFICE, withdraw, lambda ctx, refused: _links_page(ctx, refused=refused))


@router.get("/links/{access_id}")
def show_link(request: Request, access_id: Id) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _link_page(ctx, access_id)


def _link_page(ctx: RequestContext, access_id: int, refused: DubanError | None = None) -> Response:
    one = access.link_of(ctx.session, ctx.plan, access_id)
    return ctx.page(
        "link.html",
        status=UNPROCESSABLE if refused else 200,
        link=one,
        unit=ctx.session.get_one(Unit, one.unit_id),
        uses=access.uses_of(ctx.session, one),
        is_over=one.expires_at <= ctx.at,
        roles=LINK_ROLES,
        outcomes=LINK_USES,
        refused=refused,
    )


@router.post("/links/{access_id}/revoke")
def revoke_link(request: Request, access_id: Id, form: Annotated[Sent, Form()]) -> Response:
    def withdraw(ctx: RequestContext) -> Response:
        links.withdraw(ctx.scope, access_id)
        request.state.event = "link withdrawn"
        return ctx.done(f"/links/{access_id}", N_("The link is withdrawn; whoever came in by it is out."))

    return perform(request, form, AccessRole.OFFICE, withdraw, lambda ctx, refused: _link_page(ctx, access_id, refused))
