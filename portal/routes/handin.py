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
from models.queries.files import files_of_unit, kept
from models.queries.worklist import WorkItem, owes_work, work_items
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_form, read_request, write_request
from portal.forms import MAX_IDS_IN_FORM, FormId, Ids, Sent, Words
from portal.middleware import MIB, expected
from portal.turns import Turns
from portal.uploads import UNDER_WAY, Upload, receive
from services import assignments
from services.evidence import refuse_without_room
from services.scope import Scope

router = APIRouter()

WORKING = (AccessRole.UNIT, AccessRole.OFFICE)  # the office, where it leads
UPLOADS = Turns(of_one=3, in_all=24)


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
    with read_request(request, *WORKING) as ctx:
        return _form_page(ctx, HandInForm(ids=list(ids)))


def _form_page(
    ctx: RequestContext, form: HandInForm, files: tuple[StoredEvidence, ...] = (), refused: DubanError | None = None
) -> Response:
    """The form, with what was typed; files that came in whole are kept and stand among the unit's."""
    rows = _own(ctx, form.ids)
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


def _own(ctx: RequestContext, ids: Sequence[int]) -> Sequence[WorkItem]:
    """Raises NotFoundError where one of them is not this unit's."""
    rows = work_items(ctx.session, ctx.plan, ids, ctx.today)
    if any(row.unit_code != ctx.unit_code for row in rows) or len(rows) < len(set(ids)):
        raise NotFoundError("there is no such assignment")
    return rows


@router.post("/hand-in")
async def hand_in(request: Request) -> Response:
    """Who sends, for what, and whether there is room is checked before the first file is taken."""
    unit_id = await run_in_threadpool(_unit_of, request)
    typed: dict[str, list[str]] = {}

    def check(fields: Mapping[str, list[str]]) -> None:
        typed.update(fields)
        form = _read(fields)
        check_form(request, form)
        with read_request(request, *WORKING) as ctx:
            _own(ctx, form.ids)
            kept(ctx.session, ctx.unit_id, form.again)
            refuse_without_room(ctx.session, unit_id, UNDER_WAY.of(unit_id), ctx.at, in_all=UNDER_WAY.in_all())

    try:
        async with UPLOADS.turn(unit_id):
            with UNDER_WAY.coming(unit_id, expected(request)):
                upload = await receive(request, check=check)
    except (ForgedError, NotFoundError):
        raise
    except DubanError as refused:
        # What was typed stands before the files, so it is there whatever is wrong with them.
        return await run_in_threadpool(_again, request, _read(typed), (), refused)
    return await run_in_threadpool(_take, request, upload)


def _unit_of(request: Request) -> int:
    with read_request(request, *WORKING) as ctx:
        if ctx.role is AccessRole.OFFICE and not owes_work(ctx.session, ctx.unit_id):
            raise NotFoundError("there is no such page")
        return ctx.unit_id


def _take(request: Request, upload: Upload) -> Response:
    form = _read(upload.fields)
    _keep(request, upload.files)
    try:
        with write_request(request, form, *WORKING) as ctx:
            return _store(ctx, form, upload.files)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _again(request, form, upload.files, refused)


def _keep(request: Request, files: tuple[StoredEvidence, ...]) -> None:
    """Whatever comes of it: what came in whole stands with the unit's files, is counted, and need not be sent again."""
    if files:
        with read_request(request, *WORKING) as ctx:
            assignments.keep_files(Scope(ctx.plan.code, ctx.actor, ctx.at), files)


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
    with read_request(request, *WORKING) as ctx:
        return _form_page(ctx, form, files, refused)
