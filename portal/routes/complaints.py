"""Complaints and suggestions: a unit writes, the office answers."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import DubanError
from models.complaint import ComplaintKind
from models.queries.queues.complaints import complaints_of, waiting_complaints
from models.queries.worklist import PAGE
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.forms import Id, Page, Sent, Words
from portal.routes.office import counted, pages, queue_page
from services import complaints

router = APIRouter()


class ComplaintForm(Sent):
    kind: ComplaintKind
    text: Words = ""


@router.get("/complaints")
def show_own(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.UNIT) as ctx:
        return _own_page(ctx, page)


def _own_page(
    ctx: RequestContext, page: int = 1, refused: DubanError | None = None, typed: ComplaintForm | None = None
) -> Response:
    rows, count = complaints_of(ctx.session, ctx.stay.unit, page)
    return ctx.page(
        "complaints.html",
        status=UNPROCESSABLE if refused else 200,
        rows=rows,
        page=page,
        last=-(-count // PAGE) or 1,
        refused=refused,
        typed=typed,
    )


@router.post("/complaints")
def file_complaint(request: Request, form: Annotated[ComplaintForm, Form()]) -> Response:
    def write(ctx: RequestContext) -> Response:
        ref = complaints.file_complaint(ctx.scope, kind=form.kind, text=form.text)
        return ctx.done("/complaints", N_("{ref} is with the leading-group office; it answers here"), ref=ref)

    return perform(request, form, AccessRole.UNIT, write, lambda ctx, refused: _own_page(ctx, 1, refused, form))


class AnswerForm(Sent):
    text: Words = ""
    page: Page = 1


@router.get("/queues/complaints")
def show_unanswered(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _unanswered_page(ctx, page)


def _unanswered_page(
    ctx: RequestContext, page: int, refused: DubanError | None = None, answered: int = 0, typed: str = ""
) -> Response:
    """`answered` is the complaint that `typed` was meant for."""
    found = counted(ctx)
    place = pages(page, found.complaints)
    rows = waiting_complaints(ctx.session, ctx.plan, place["page"])
    facts = {"waiting": found, "rows": rows, "refused": refused, "answered": answered, "typed": typed}
    return queue_page(ctx, "queue_complaints.html", **facts, **place)


@router.post("/complaints/{complaint_id}/answer")
def answer(request: Request, complaint_id: Id, form: Annotated[AnswerForm, Form()]) -> Response:
    def write(ctx: RequestContext) -> Response:
        ref = complaints.answer(ctx.scope, complaint_id, text=form.text)
        return ctx.done(f"/queues/complaints?page={form.page}", N_("{ref} is answered; the unit is told"), ref=ref)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _unanswered_page(ctx, form.page, refused, complaint_id, form.text)

    return perform(request, form, AccessRole.OFFICE, write, again)
