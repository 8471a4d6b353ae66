"""Bulletins: the office drafts, edits and releases them; units and the leader read what was released."""

import io
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.access import AccessRole
from models.bulletins import bulletin as bulletins
from models.bulletins.bulletin import Bulletin, Words
from models.common.errors import DubanError, NotFoundError
from models.queries.worklist import PAGE
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.forms import Id, Page, Sent
from portal.forms import Words as Typed
from services import bulletins as services

router = APIRouter()

READERS = (AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER)
Edition = Annotated[int, Field(ge=1, le=1_000_000)]


class MakingForm(Sent):
    period: Annotated[str, Field(max_length=20)] = ""


class TextsForm(Sent):
    """The texts in both languages, and the edition that they were changed from."""

    edition: Edition
    title: Typed = ""
    addressees: Typed = ""
    opening: Typed = ""
    good_cases: Typed = ""
    decisions: Typed = ""
    closing: Typed = ""
    title_en: Typed = ""
    addressees_en: Typed = ""
    opening_en: Typed = ""
    good_cases_en: Typed = ""
    decisions_en: Typed = ""
    closing_en: Typed = ""

    def texts(self) -> dict[str, Words]:
        chinese = Words(self.title, self.addressees, self.opening, self.good_cases, self.decisions, self.closing)
        english = Words(
            self.title_en, self.addressees_en, self.opening_en, self.good_cases_en, self.decisions_en, self.closing_en
        )
        return {"zh": chinese, "en": english}


class ReleaseForm(Sent):
    edition: Edition


@router.get("/bulletins")
def list_bulletins(request: Request, page: Page = 1) -> Response:
    with read_request(request, *READERS) as ctx:
        return _list_page(ctx, page)


def _list_page(ctx: RequestContext, page: int = 1, refused: DubanError | None = None, period: str = "") -> Response:
    drafts = _sees_drafts(ctx)
    rows, count = bulletins.bulletins_of(ctx.session, ctx.plan, drafts=drafts, limit=PAGE, page=page)
    return ctx.page(
        "bulletins.html",
        status=UNPROCESSABLE if refused else 200,
        rows=rows,
        page=page,
        last=-(-count // PAGE) or 1,
        drafts=drafts,
        period=period or bulletins.month_before(ctx.today),
        refused=refused,
    )


def _sees_drafts(ctx: RequestContext) -> bool:
    return ctx.role is AccessRole.OFFICE


@router.post("/bulletins")
def make_bulletin(request: Request, form: Annotated[MakingForm, Form()]) -> Response:
    def draft(ctx: RequestContext) -> Response:
        made = services.make(ctx.scope, form.period)
        return ctx.done(
            f"/bulletins/{made.id}", N_("{ref} is drafted; nobody is told before you release it"), ref=made.ref
        )

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _list_page(ctx, refused=refused, period=form.period)

    return perform(request, form, AccessRole.OFFICE, draft, again)


@router.get("/bulletins/{bulletin_id}")
def show_bulletin(request: Request, bulletin_id: Id) -> Response:
    with read_request(request, *READERS) as ctx:
        return _page(ctx, _found(ctx, bulletin_id))


def _found(ctx: RequestContext, bulletin_id: int) -> Bulletin:
    return bulletins.bulletin_at(ctx.session, ctx.plan, bulletin_id, drafts=_sees_drafts(ctx))


def _page(ctx: RequestContext, one: Bulletin, refused: DubanError | None = None) -> Response:
    shown = services.report(ctx.session, ctx.plan, one, ctx.language)
    return ctx.page(
        "bulletin.html",
        status=UNPROCESSABLE if refused else 200,
        bulletin=one,
        shown=shown,
        is_as_issued=services.is_as_issued(ctx.session, one, shown),
        corrected_by=bulletins.corrected_by(ctx.session, one),
        endings=_endings(ctx),
        office=_sees_drafts(ctx),
        refused=refused,
    )


def _endings(ctx: RequestContext) -> list[str]:
    """The workbook has every row of every unit: it is for those who may see them all."""
    return ["docx", "xlsx", "md"] if ctx.sees_all else ["docx", "md"]


@router.get("/bulletins/{bulletin_id}/file.{ending}")
def download_bulletin(request: Request, bulletin_id: Id, ending: Literal["docx", "xlsx", "md"]) -> Response:
    from portal.downloads import attachment  # noqa: PLC0415
    from rendering.bulletin_files import MEDIA_TYPES, file_name  # noqa: PLC0415

    with read_request(request, *READERS) as ctx:
        if ending not in _endings(ctx):
            raise NotFoundError("there is no such page")
        one = _found(ctx, bulletin_id)
        content = services.file_of(ctx.session, ctx.plan, one, ctx.language, ending)
        name = file_name(ctx.plan, one, ending)
    return attachment(name, MEDIA_TYPES[ending], len(content), io.BytesIO(content))


@router.get("/bulletins/{bulletin_id}/texts")
def edit_texts(request: Request, bulletin_id: Id) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _texts_page(ctx, _found(ctx, bulletin_id))


def _texts_page(
    ctx: RequestContext, one: Bulletin, refused: DubanError | None = None, typed: TextsForm | None = None
) -> Response:
    words = typed.texts() if typed else {"zh": one.words("zh"), "en": one.words("en")}
    return ctx.page(
        "bulletin_texts.html",
        status=UNPROCESSABLE if refused else 200,
        bulletin=one,
        words=words,
        edition=typed.edition if typed else one.edition,
        refused=refused,
    )


@router.post("/bulletins/{bulletin_id}/texts")
def keep_texts(request: Request, bulletin_id: Id, form: Annotated[TextsForm, Form()]) -> Response:
    def keep(ctx: RequestContext) -> Response:
        kept = services.edit(ctx.scope, bulletin_id, form.texts(), edition=form.edition)
        return ctx.done(f"/bulletins/{kept.id}", N_("the texts are kept"))

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _texts_page(ctx, _found(ctx, bulletin_id), refused, form)

    return perform(request, form, AccessRole.OFFICE, keep, again)


@router.post("/bulletins/{bulletin_id}/release")
def release_bulletin(request: Request, bulletin_id: Id, form: Annotated[ReleaseForm, Form()]) -> Response:
    def release(ctx: RequestContext) -> Response:
        one = services.release(ctx.scope, bulletin_id, edition=form.edition)
        said = N_("{ref} is released as {number}; the units are told")
        return ctx.done(f"/bulletins/{one.id}", said, ref=one.ref, number=one.number)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _page(ctx, _found(ctx, bulletin_id), refused)

    return perform(request, form, AccessRole.OFFICE, release, again)


@router.post("/bulletins/{bulletin_id}/correct")
def correct_bulletin(request: Request, bulletin_id: Id, form: Annotated[Sent, Form()]) -> Response:
    def correct(ctx: RequestContext) -> Response:
        made = services.make(ctx.scope, _found(ctx, bulletin_id).period, correct=True)
        said = N_("{ref} is drafted; nobody is told before you release it")
        return ctx.done(f"/bulletins/{made.id}", said, ref=made.ref)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        return _page(ctx, _found(ctx, bulletin_id), refused)

    return perform(request, form, AccessRole.OFFICE, correct, again)
