"""What units say of items that are late: the form on the item's page, and the list of promises for the office."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from adapters.language import N_
from models.access import AccessRole
from models.queries.queues.promises import by_unit, promises
from portal.context import RequestContext, read_request
from portal.forms import DayOfWork, Id, Page, Sent, Words
from portal.routes.assignment import acted, page_of
from portal.routes.office import counted, pages, queue_page
from services.dialogue import explanations

router = APIRouter()


class ExplanationForm(Sent):
    why: Words = ""
    until: DayOfWork = None
    answers: Words = ""
    needs: Words = ""


@router.post("/assignments/{assignment_id}/explanation")
def explain(request: Request, assignment_id: Id, form: Annotated[ExplanationForm, Form()]) -> Response:
    def say(ctx: RequestContext) -> Response:
        one, until = explanations.explain(
            ctx.scope, assignment_id, why=form.why, until=form.until, answers=form.answers, needs=form.needs
        )
        told = N_("{ref}: explained, and promised for {day}; the date stays {due}")
        return ctx.done(page_of(one), told, ref=one.ref, day=str(until), due=str(one.due_on))

    return acted(request, assignment_id, form, (AccessRole.UNIT, AccessRole.OFFICE), say)


@router.get("/queues/promises")
def show_promises(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        found = counted(ctx)
        place = pages(page, found.promises)
        rows = promises(ctx.session, ctx.plan, ctx.today, place["page"])
        units = by_unit(ctx.session, ctx.plan, ctx.today)
        return queue_page(ctx, "queue_promises.html", waiting=found, rows=rows, units=units, **place)
