"""What is taken back on the page of an assignment: a hand-in, an acceptance, a waiver."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.access import AccessRole
from portal.actions import Roles
from portal.context import RequestContext
from portal.forms import LARGEST_ID, DayOfWork, Id, Sent, Words
from portal.routes.assignment import EVERYBODY, acted
from services import assignments

router = APIRouter()


class TakeBackForm(Sent):
    reason: Words = ""
    version: Annotated[int, Field(ge=0, le=LARGEST_ID)]


@router.post("/assignments/{assignment_id}/withdraw")
def withdraw(request: Request, assignment_id: Id, form: Annotated[TakeBackForm, Form()]) -> Response:
    def act(ctx: RequestContext) -> Response:
        (one,) = assignments.withdraw(ctx.scope, [assignment_id], reason=form.reason, version=form.version)
        told = N_("{ref}: withdrawn; it is due on {due} as before")
        return ctx.done(f"/assignments/{one.id}", told, ref=one.ref, due=str(one.due_on))

    roles: Roles = (AccessRole.UNIT, AccessRole.OFFICE)
    return acted(request, assignment_id, form, roles, act)


@router.post("/assignments/{assignment_id}/reopen")
def reopen(request: Request, assignment_id: Id, form: Annotated[TakeBackForm, Form()]) -> Response:
    def act(ctx: RequestContext) -> Response:
        (one,) = assignments.reopen(ctx.scope, [assignment_id], reason=form.reason, version=form.version)
        return ctx.done(f"/assignments/{one.id}", N_("{ref}: under review again"), ref=one.ref)

    return acted(request, assignment_id, form, EVERYBODY, act)


class AskAgainForm(Sent):
    reason: Words = ""
    until: DayOfWork = None


@router.post("/assignments/{assignment_id}/ask-again")
def ask_again(request: Request, assignment_id: Id, form: Annotated[AskAgainForm, Form()]) -> Response:
    def act(ctx: RequestContext) -> Response:
        (one,) = assignments.ask_again(ctx.scope, [assignment_id], reason=form.reason, until=form.until)
        told = N_("{ref}: asked for again, due on {due}")
        return ctx.done(f"/assignments/{one.id}", told, ref=one.ref, due=str(one.due_on))

    return acted(request, assignment_id, form, (AccessRole.OFFICE, AccessRole.LEADER), act)
