"""Parties that the plan names without saying who they are: the office settles who it is."""

import datetime as dt
from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import DubanError
from models.plan.area import Role
from models.queries.findings import collectives_of
from models.queries.queues.unsettled import Unsettled, eligible, settled_parties, unsettled_parties
from portal.actions import perform
from portal.context import RequestContext, read_request
from portal.forms import DayOfWork, Id, Ids, Page, Sent, Words
from portal.routes.office import counted, pages, queue_page
from services import parties

router = APIRouter()


class SettleForm(Sent):
    """`also`: other parties, which the plan names by the same words, that are the same."""

    also: Ids = Field(default_factory=list)
    units: Ids = Field(default_factory=list)
    collectives: Ids = Field(default_factory=list)
    reason: Words = ""
    until: DayOfWork = None
    page: Page = 1


@router.get("/queues/unsettled")
def show_unsettled(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _page(ctx, page)


def _page(
    ctx: RequestContext,
    page: int,
    refused: DubanError | None = None,
    chosen: int = 0,
    typed: SettleForm | None = None,
) -> Response:
    """`chosen` is the party that `typed` was meant for."""
    found = counted(ctx)
    place = pages(page, found.unsettled)
    rows = unsettled_parties(ctx.session, ctx.plan, ctx.today, place["page"])
    alike: dict[tuple[Role, str], list[Unsettled]] = defaultdict(list)
    for one in rows:
        alike[one.role, one.words].append(one)
    return queue_page(
        ctx,
        "queue_unsettled.html",
        waiting=found,
        rows=rows,
        alike=alike,
        settled=settled_parties(ctx.session, ctx.plan),
        units=eligible(ctx.session, ctx.plan, Role.RESPONSIBLE),
        leads=eligible(ctx.session, ctx.plan, Role.LEAD),
        collectives=collectives_of(ctx.session, ctx.plan),
        tomorrow=ctx.today + dt.timedelta(days=1),
        refused=refused,
        chosen=chosen,
        typed=typed,
        **place,
    )


@router.post("/unsettled/{party_id}/settle")
def settle(request: Request, party_id: Id, form: Annotated[SettleForm, Form()]) -> Response:
    def act(ctx: RequestContext) -> Response:
        first, *others = parties.settle_all(
            ctx.scope,
            [party_id, *form.also],
            units=form.units,
            collectives=form.collectives,
            reason=form.reason,
            until=form.until,
        )
        count = first.issued + sum(one.issued for one in others)
        if others:
            told = N_("“{words}” is settled in {places} places; {count} items are issued, and the units are told")
            return ctx.done("/queues/unsettled", told, words=first.words, places=len(others) + 1, count=count)
        told = N_("{item}: “{words}” is settled; {count} items are issued, and the units are told")
        return ctx.done("/queues/unsettled", told, item=first.item, words=first.words, count=count)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _page(ctx, form.page, refused, party_id, form)

    return perform(request, form, AccessRole.OFFICE, act, again)
