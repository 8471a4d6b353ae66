"""Handing in: files, figures and words, for one assignment or several at once."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from adapters.evidence.inspection import ALLOWED
from adapters.language import N_
from adapters.settings import settings
from models.access import AccessRole
from models.assignments.submitted_figures import read_figures
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.files import StoredEvidence
from models.queries.files import files_of_unit
from models.queries.worklist import work_items
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_csrf, read_request, write_request
from portal.forms import MAX_IDS_IN_FORM, FormId, Ids, Sent, Words
from portal.middleware import MIB
from portal.uploads import Upload, receive
from services import assignments
from services.scope import Scope

router = APIRouter()


class HandInForm(Sent):
    """`ids`: the assignments that are answered; `again`: files of the unit that serve once more."""

    ids: Ids = Field(default_factory=list)
    again: Ids = Field(default_factory=list)
    note: Words = ""
    figures: Words = ""


@router.get("/hand-in")
def show_form(
    request: Request, ids: Annotated[Sequence[FormId], Query(alias="id", max_length=MAX_IDS_IN_FORM)] = ()
) -> Response:
    with read_request(request, AccessRole.UNIT) as ctx:
        return _form_page(ctx, HandInForm(ids=list(ids)))


def _form_page(
    ctx: RequestContext, form: HandInForm, files: tuple[StoredEvidence, ...] = (), refused: DubanError | None = None
) -> Response:
    """The form, with what was typed; files that came in whole are kept and stand among the unit's."""
    rows = work_items(ctx.session, ctx.plan, form.ids, ctx.today)
    if any(row.unit_code != ctx.unit_code for row in rows) or len(rows) < len(set(form.ids)):
        raise NotFoundError("there is no such assignment")
    shelf = files_of_unit(ctx.session, ctx.unit_id)
    came_in = {(file.sha256, file.name) for file in files}
    chosen = set(form.again) | {
        row.Evidence.id for row in shelf if (row.Evidence.sha256, row.Evidence.file_name) in came_in
    }
    return ctx.page(
        "hand_in.html",
        status=UNPROCESSABLE if refused else 200,
        rows=rows,
        shelf=shelf,
        chosen=chosen,
        typed=form,
        refused=refused,
        limit=settings().evidence_max_mb * MIB,
        endings=[f".{ending}" for ending in sorted(ALLOWED)],
    )


@router.post("/hand-in")
async def hand_in(request: Request) -> Response:
    """Who sends is checked before the files are read; the files are kept before any row names them."""
    await run_in_threadpool(_check_stay, request)
    typed: dict[str, list[str]] = {}

    def check(fields: Mapping[str, list[str]]) -> None:
        check_csrf(request, (fields.get("csrf") or [""])[0])
        typed.update(fields)

    try:
        upload = await receive(request, check=check)
    except ForgedError:
        raise
    except DubanError as refused:
        # What was typed stands before the files, so it is there whatever is wrong with them.
        return await run_in_threadpool(_again, request, _read(typed), (), refused)
    return await run_in_threadpool(_take, request, upload)


def _check_stay(request: Request) -> None:
    with read_request(request, AccessRole.UNIT):
        pass


def _take(request: Request, upload: Upload) -> Response:
    form = _read(upload.fields)
    try:
        with write_request(request, form, AccessRole.UNIT) as ctx:
            return _store(ctx, form, upload.files)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _again(request, form, upload.files, refused)


def _read(fields: Mapping[str, list[str]]) -> HandInForm:
    """Raises RefusedError for fields that our own form would not send."""
    given: dict[str, Any] = {name: values[-1] for name, values in fields.items() if values}
    lists = {name: fields.get(name, []) for name in ("ids", "again")}
    try:
        return _FORM.validate_python(given | lists)
    except ValidationError:
        raise RefusedError("what was sent cannot be read; go back, check what you typed and send it again") from None


_FORM = TypeAdapter(HandInForm)


def _store(ctx: RequestContext, form: HandInForm, files: tuple[StoredEvidence, ...]) -> Response:
    if not form.ids:
        raise RefusedError("choose what this is handed in for")
    figures = read_figures(form.figures.splitlines())
    handed_in = assignments.submit(ctx.scope, form.ids, files, again=form.again, note=form.note, figures=figures)
    if len(handed_in) == 1:
        (one,) = handed_in
        told = N_("{ref}: handed in as version {version}; the reviewer is told")
        return ctx.done(f"/assignments/{one.id}", told, ref=one.ref, version=one.version)
    return ctx.done(
        "/work?pile=submitted", N_("Handed in for {count} items; the reviewers are told"), count=len(handed_in)
    )


def _again(request: Request, form: HandInForm, files: tuple[StoredEvidence, ...], refused: DubanError) -> Response:
    """Nothing was handed in; what came in whole stays with the unit's files, so that it need not be sent again."""
    with read_request(request, AccessRole.UNIT) as ctx:
        assignments.keep_files(Scope(ctx.plan.code, ctx.actor, ctx.at), files)
        return _form_page(ctx, form, files, refused)
