"""Complaints and suggestions: a unit writes, the office answers."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from adapters.language import N_
from models import complaint
from models.access import AccessRole
from models.common.errors import DubanError
from models.complaint import ComplaintKind
from models.queries import queues
from models.queries.worklist import PAGE
from portal.forms import Id, Page, Sent, Words
from portal.routes.office import counted, pages, queue_page
from portal.trying import tried
from portal.visits import UNPROCESSABLE, Visit, visiting

router = APIRouter()


class ComplaintForm(Sent):
    kind: ComplaintKind
    text: Words = ""


@router.get("/complaints")
def show_own(request: Request, page: Page = 1) -> Response:
    with visiting(request, AccessRole.UNIT) as visit:
        return _own_page(visit, page)


def _own_page(
    visit: Visit, page: int = 1, refused: DubanError | None = None, typed: ComplaintForm | None = None
) -> Response:
    rows, count = queues.complaints_of(visit.session, visit.stay.unit, page)
    return visit.page(
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
    def write(visit: Visit) -> Response:
        filed = complaint.file_complaint(
            visit.session, visit.plan, visit.unit_id, kind=form.kind, text=form.text, actor=visit.actor, at=visit.at
        )
        return visit.done("/complaints", N_("{ref} is with the leading-group office; it answers here"), ref=filed.ref)

    return tried(request, form, AccessRole.UNIT, write, lambda visit, refused: _own_page(visit, 1, refused, form))


class AnswerForm(Sent):
    text: Words = ""
    page: Page = 1


@router.get("/queues/complaints")
def show_unanswered(request: Request, page: Page = 1) -> Response:
    with visiting(request, AccessRole.OFFICE) as visit:
        return _unanswered_page(visit, page)


def _unanswered_page(
    visit: Visit, page: int, refused: DubanError | None = None, answered: int = 0, typed: str = ""
) -> Response:
    """`answered` is the complaint that `typed` was meant for."""
    found = counted(visit)
    place = pages(page, found.complaints)
    rows = queues.complaints(visit.session, visit.plan, place["page"])
    facts = {"waiting": found, "rows": rows, "refused": refused, "answered": answered, "typed": typed}
    return queue_page(visit, "queue_complaints.html", **facts, **place)


@router.post("/complaints/{complaint_id}/answer")
def answer(request: Request, complaint_id: Id, form: Annotated[AnswerForm, Form()]) -> Response:
    def write(visit: Visit) -> Response:
        one = queues.complaint_at(visit.session, visit.plan, complaint_id)
        complaint.answer(visit.session, visit.plan, one, text=form.text, actor=visit.actor, at=visit.at)
        return visit.done(
            f"/queues/complaints?page={form.page}", N_("{ref} is answered; the unit is told"), ref=one.ref
        )

    def again(visit: Visit, refused: DubanError) -> Response:
        return _unanswered_page(visit, form.page, refused, complaint_id, form.text)

    return tried(request, form, AccessRole.OFFICE, write, again)
