"""Reviewing: what was handed in to a lead unit by its responsible units, and to the office."""

from fastapi import APIRouter, Request, Response

from models.access import AccessRole
from models.queries.worklist import PAGE, count_to_review, to_review
from portal.forms import Page
from portal.visits import visiting

router = APIRouter()


@router.get("/reviews")
def show_reviews(request: Request, page: Page = 1) -> Response:
    with visiting(request, AccessRole.UNIT, AccessRole.OFFICE) as visit:
        unit = visit.stay.unit
        count = count_to_review(visit.session, visit.plan, unit)
        visit.counts = {"/reviews": count}
        rows = to_review(visit.session, visit.plan, unit, visit.today, page)
        return visit.page("reviews.html", rows=rows, page=page, last=-(-count // PAGE) or 1, count=count)
