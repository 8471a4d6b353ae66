"""The register in Excel: what is written can be changed and brought in again, after a look at what would change."""

import dataclasses
import functools
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.indicators.reading import Change
from models.people.person import Entry, Post
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_form, read_request, write_request
from portal.downloads import attachment
from portal.forms import Sent
from portal.turns import Turns
from portal.uploads import look_at
from services.scope import Scope

if TYPE_CHECKING:
    from services.people.workbook import Compared, Wanted
    from services.sheet_problems import Problem

router = APIRouter()

KEEPING = (AccessRole.UNIT, AccessRole.OFFICE)
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IMPORTS = Turns(of_one=1, in_all=8)  # a workbook may take seconds to read
MAX_PROBLEMS_SHOWN = 500
MAX_ROWS = 1_500  # that one form holds
LARGEST = 10 * 1024 * 1024  # bytes, as `adapters.workbooks` has it


class ImportForm(Sent):
    """`rows` are those of a preview, `shown` is its mark."""

    step: Literal["preview", "enter"] = "preview"
    shown: Annotated[str, Field(max_length=64)] = ""
    rows: Annotated[list[str], Field(max_length=MAX_ROWS)] = Field(default_factory=list)


@router.get("/people.xlsx")
def download_people(request: Request) -> Response:
    """Of a unit its own, of the office all; it can be brought in again."""
    from rendering.workbook import write_workbook  # noqa: PLC0415  (openpyxl takes its time)
    from services.people.workbook import sheet_for  # noqa: PLC0415

    with read_request(request, *KEEPING) as ctx:
        sheet = sheet_for(ctx.session, ctx.plan, ctx.actor, ctx.today, ctx.language)
        output = io.BytesIO()
        write_workbook([sheet], output)
        name = f"{ctx.plan.code}-people-{ctx.today}.xlsx"
    size = output.tell()
    output.seek(0)
    return attachment(name, EXCEL, size, output)


@router.get("/people/import")
def show_import(request: Request) -> Response:
    with read_request(request, *KEEPING) as ctx:
        return _import_page(ctx)


def _import_page(
    ctx: RequestContext,
    refused: DubanError | None = None,
    problems: "Sequence[Problem]" = (),
    compared: "Sequence[Compared]" = (),
) -> Response:
    from rendering.labels import POSTS  # noqa: PLC0415
    from rendering.people.sheets import COLUMNS  # noqa: PLC0415
    from services.people.workbook import differences, mark_of  # noqa: PLC0415

    changing = [one for one in compared if one.change is not Change.SAME]
    return ctx.page(
        "people_import.html",
        status=UNPROCESSABLE if refused else 200,
        refused=refused,
        problems=problems[:MAX_PROBLEMS_SHOWN],
        problem_count=len(problems),
        changing=[(one, list(differences(one))) for one in changing],
        rows=[_written(one.wanted) for one in compared],
        counts=Counter(one.change.value for one in compared),
        shown=mark_of(compared),
        columns=COLUMNS,
        posts=POSTS,
        limit=LARGEST,
    )


def _written(one: "Wanted") -> str:
    """A row of a preview, as its form sends it."""
    entry = dataclasses.asdict(one.entry)
    return json.dumps({"unit": one.unit, "post": one.post.value, **entry}, ensure_ascii=False)


@router.post("/people/import")
async def import_people(request: Request) -> Response:
    """First a preview, of a workbook that is looked at and not kept; then what it showed is entered."""
    unit_id = await run_in_threadpool(_unit_of, request)
    asked: list[Scope] = []

    def check(fields: Mapping[str, list[str]]) -> None:
        check_form(request, _read(fields))
        with read_request(request, *KEEPING) as ctx:
            asked.append(dataclasses.replace(ctx.scope, within=None))

    try:
        async with IMPORTS.turn(unit_id):
            fields, previews = await look_at(request, check=check, look=functools.partial(_looked_at, asked))
            return await run_in_threadpool(_answer, request, _read(fields), previews)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return await run_in_threadpool(_refused, request, refused)


def _looked_at(asked: Sequence[Scope], path: Path, name: str) -> "list[Compared]":
    from services.people.workbook import preview_file  # noqa: PLC0415

    return preview_file(asked[-1], path, name)


def _unit_of(request: Request) -> int:
    with read_request(request, *KEEPING) as ctx:
        return ctx.unit_id


def _answer(request: Request, form: ImportForm, previews: "Sequence[Sequence[Compared]]") -> Response:
    if form.step == "enter":
        with write_request(request, form, *KEEPING) as ctx:
            return _enter(ctx, form, previews)
    if not previews:
        raise RefusedError("choose an Excel workbook")
    compared = previews[0]
    if all(one.change is Change.SAME for one in compared):
        raise RefusedError("nothing in this workbook is new; there is nothing to enter")
    if len(compared) > MAX_ROWS:
        raise RefusedError("more than {limit} people at once: use `duban people import`", limit=MAX_ROWS)
    with read_request(request, *KEEPING) as ctx:
        return _import_page(ctx, compared=compared)


def _enter(ctx: RequestContext, form: ImportForm, previews: "Sequence[Sequence[Compared]]") -> Response:
    """What a preview showed, or a workbook that came without one."""
    from services.people.workbook import enter_rows  # noqa: PLC0415

    at_once = [one.wanted for one in previews[0]] if previews else None
    done = enter_rows(ctx.scope, at_once or [_row(text) for text in form.rows], None if at_once else form.shown)
    counts = Counter(one.change for one in done)
    told = N_("{new} people are new in the register, {changed} entries changed, {same} were the same")
    return ctx.done("/people", told, **{change.value: counts[change] for change in Change})


@dataclasses.dataclass(frozen=True, slots=True)
class _Sent:
    """A row as the form of the preview sends it."""

    unit: str
    post: Post
    name: str
    title: str
    telephone: str
    mobile: str
    addresses: tuple[str, ...]


_ROW = TypeAdapter(_Sent)


def _row(text: str) -> "Wanted":
    """Raises RefusedError for what our own form would not send."""
    from services.people.workbook import Wanted  # noqa: PLC0415

    try:
        one = _ROW.validate_json(text)
    except ValidationError:
        raise _unreadable() from None
    if "\0" in text or "\\u0000" in text:
        raise _unreadable()
    return Wanted(one.unit, one.post, Entry(one.name, one.title, one.telephone, one.mobile, one.addresses))


def _read(fields: Mapping[str, list[str]]) -> ImportForm:
    """Raises RefusedError for fields that our own form would not send."""
    given = {name: values[-1] for name, values in fields.items() if values and name != "rows"}
    try:
        return ImportForm.model_validate({**given, "rows": fields.get("rows", [])})
    except ValidationError:
        raise _unreadable() from None


def _unreadable() -> RefusedError:
    return RefusedError("what was sent cannot be read; go back, check what you typed and send it again")


def _refused(request: Request, refused: DubanError) -> Response:
    from services.sheet_problems import SheetProblemsError  # noqa: PLC0415

    with read_request(request, *KEEPING) as ctx:
        if not isinstance(refused, SheetProblemsError):
            return _import_page(ctx, refused)
        facts = {"name": refused.facts["name"], "count": refused.facts["count"]}
        told = RefusedError("{name}: {count} errors; nothing was entered", **facts)
        return _import_page(ctx, told, refused.problems)
