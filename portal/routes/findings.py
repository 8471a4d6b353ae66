"""Findings: what the office found wrong, hands out to be put right, and checks at the end."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.acceptance.dossier import judged_work
from models.access import AccessRole
from models.common.errors import DubanError
from models.common.text import Text
from models.plan.unit import units_at_work
from models.queries.findings import collectives_of, finding_at, finding_rows, open_phases, works_of_finding
from models.queries.worklist import PAGE
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.forms import DayOfWork, FormId, Id, Ids, Page, Sent, Words
from services import findings

router = APIRouter()


class FindingForm(Sent):
    """The words in English may be left out: then the others stand in their place."""

    phase: FormId
    title: Words = ""
    what: Words = ""
    proof: Words = ""
    title_en: Words = ""
    what_en: Words = ""
    proof_en: Words = ""
    units: Ids = Field(default_factory=list)
    collectives: Ids = Field(default_factory=list)
    due: DayOfWork = None
    about: Words = ""


class ClosingForm(Sent):
    check: Words = ""


@router.get("/findings")
def list_findings(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        rows, count = finding_rows(ctx.session, ctx.plan, page)
        return ctx.page("findings.html", rows=rows, page=page, last=-(-count // PAGE) or 1)


@router.get("/findings/new")
def new_finding(request: Request) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _form_page(ctx)


def _form_page(ctx: RequestContext, refused: DubanError | None = None, typed: FindingForm | None = None) -> Response:
    return ctx.page(
        "finding_new.html",
        status=UNPROCESSABLE if refused else 200,
        phases=open_phases(ctx.session, ctx.plan),
        units=units_at_work(ctx.session, ctx.plan.id),
        collectives=collectives_of(ctx.session, ctx.plan),
        works=[(one.code, f"{one.code} {ctx.language.text(one.name)}") for one in judged_work(ctx.session, ctx.plan)],
        tomorrow=ctx.today + dt.timedelta(days=1),
        refused=refused,
        typed=typed,
    )


@router.post("/findings")
def raise_finding(request: Request, form: Annotated[FindingForm, Form()]) -> Response:
    def hand_out(ctx: RequestContext) -> Response:
        made = findings.raise_finding(
            ctx.scope,
            form.phase,
            title=Text(form.title, form.title_en or form.title),
            what=Text(form.what, form.what_en or form.what),
            proof=Text(form.proof, form.proof_en or form.proof),
            units=form.units,
            collectives=form.collectives,
            due_on=form.due,
            about=form.about,
        )
        return ctx.done(f"/findings/{made.id}", N_("{ref} is issued; the units are told"), ref=made.ref)

    return perform(request, form, AccessRole.OFFICE, hand_out, lambda ctx, refused: _form_page(ctx, refused, form))


@router.get("/findings/{finding_id}")
def show_finding(request: Request, finding_id: Id) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _finding_page(ctx, finding_id)


def _finding_page(ctx: RequestContext, finding_id: int, refused: DubanError | None = None, check: str = "") -> Response:
    one = finding_at(ctx.session, ctx.plan, finding_id)
    return ctx.page(
        "finding.html",
        status=UNPROCESSABLE if refused else 200,
        finding=one,
        rows=works_of_finding(ctx.session, ctx.plan, one, ctx.today),
        refused=refused,
        check=check,
    )


@router.post("/findings/{finding_id}/close")
def close_finding(request: Request, finding_id: Id, form: Annotated[ClosingForm, Form()]) -> Response:
    def close(ctx: RequestContext) -> Response:
        one = findings.close(ctx.scope, finding_id, check=form.check)
        return ctx.done(f"/findings/{one.id}", N_("{ref} is closed"), ref=one.ref)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _finding_page(ctx, finding_id, refused, form.check)

    return perform(request, form, AccessRole.OFFICE, close, again)
