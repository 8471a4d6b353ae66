"""Reviewing: what was handed in to a lead unit by its responsible units, and to the office; what co-leads are asked."""

from fastapi import APIRouter, Request, Response

from models.access import AccessRole
from models.common.kinds import UnitKind
from models.queries.queues.requests import extensions
from models.queries.worklist import PAGE, count_to_review, to_opine, to_review
from portal.context import read_request
from portal.forms import Page

router = APIRouter()


@router.get("/reviews")
def show_reviews(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER) as ctx:
        unit = ctx.stay.unit
        count = count_to_review(ctx.session, ctx.plan, unit)
        ctx.counts = {"/reviews": count}
        rows = to_review(ctx.session, ctx.plan, unit, ctx.today, page)
        asked = to_opine(ctx.session, ctx.plan, unit, ctx.today)
        last = -(-count // PAGE) or 1
        is_leader = ctx.role is AccessRole.LEADER
        wanted = extensions(ctx.session, ctx.plan, decided_by=UnitKind.LEADER) if is_leader else []
        return ctx.page("reviews.html", rows=rows, page=page, last=last, count=count, asked=asked, wanted=wanted)
