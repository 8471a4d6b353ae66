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
from portal.forms import Id, Page, Sent
from portal.forms import Words as Typed
from portal.trying import tried
from portal.visits import UNPROCESSABLE, Visit, visiting

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
    with visiting(request, *READERS) as visit:
        return _list_page(visit, page)


def _list_page(visit: Visit, page: int = 1, refused: DubanError | None = None, period: str = "") -> Response:
    drafts = _sees_drafts(visit)
    rows, count = bulletins.bulletins_of(visit.session, visit.plan, drafts=drafts, limit=PAGE, page=page)
    return visit.page(
        "bulletins.html",
        status=UNPROCESSABLE if refused else 200,
        rows=rows,
        page=page,
        last=-(-count // PAGE) or 1,
        drafts=drafts,
        period=period or bulletins.month_before(visit.today),
        refused=refused,
    )


def _sees_drafts(visit: Visit) -> bool:
    return visit.role is AccessRole.OFFICE


@router.post("/bulletins")
def make_bulletin(request: Request, form: Annotated[MakingForm, Form()]) -> Response:
    from rendering.bulletin_text import make  # noqa: PLC0415  (what it counts is slow to load, and pages start fast)

    def draft(visit: Visit) -> Response:
        made = make(visit.session, visit.plan, form.period, actor=visit.actor, at=visit.at)
        return visit.done(
            f"/bulletins/{made.id}", N_("{ref} is drafted; nobody is told before you release it"), ref=made.ref
        )

    def again(visit: Visit, refused: DubanError) -> Response:
        return _list_page(visit, refused=refused, period=form.period)

    return tried(request, form, AccessRole.OFFICE, draft, again)


@router.get("/bulletins/{bulletin_id}")
def show_bulletin(request: Request, bulletin_id: Id) -> Response:
    with visiting(request, *READERS) as visit:
        return _page(visit, _found(visit, bulletin_id))


def _found(visit: Visit, bulletin_id: int) -> Bulletin:
    return bulletins.bulletin_at(visit.session, visit.plan, bulletin_id, drafts=_sees_drafts(visit))


def _page(visit: Visit, one: Bulletin, refused: DubanError | None = None) -> Response:
    from rendering.bulletin_files import is_as_issued  # noqa: PLC0415  (what it counts is slow to load)
    from rendering.bulletin_text import report  # noqa: PLC0415

    shown = report(visit.session, visit.plan, one, visit.language)
    return visit.page(
        "bulletin.html",
        status=UNPROCESSABLE if refused else 200,
        bulletin=one,
        shown=shown,
        is_as_issued=is_as_issued(visit.session, one, shown),
        corrected_by=bulletins.corrected_by(visit.session, one),
        endings=_endings(visit),
        office=_sees_drafts(visit),
        refused=refused,
    )


def _endings(visit: Visit) -> list[str]:
    """The workbook has every row of every unit: it is for those who may see them all."""
    return ["docx", "xlsx", "md"] if visit.sees_all else ["docx", "md"]


@router.get("/bulletins/{bulletin_id}/file.{ending}")
def download_bulletin(request: Request, bulletin_id: Id, ending: Literal["docx", "xlsx", "md"]) -> Response:
    from portal.downloads import attachment  # noqa: PLC0415
    from rendering.bulletin_files import file_name, written  # noqa: PLC0415

    with visiting(request, *READERS) as visit:
        if ending not in _endings(visit):
            raise NotFoundError("there is no such page")
        one = _found(visit, bulletin_id)
        content, media_type = written(visit.session, visit.plan, one, visit.language, ending)
        name = file_name(visit.plan, one, ending)
    return attachment(name, media_type, len(content), io.BytesIO(content))


@router.get("/bulletins/{bulletin_id}/texts")
def edit_texts(request: Request, bulletin_id: Id) -> Response:
    with visiting(request, AccessRole.OFFICE) as visit:
        return _texts_page(visit, _found(visit, bulletin_id))


def _texts_page(
    visit: Visit, one: Bulletin, refused: DubanError | None = None, typed: TextsForm | None = None
) -> Response:
    words = typed.texts() if typed else {"zh": one.words("zh"), "en": one.words("en")}
    return visit.page(
        "bulletin_texts.html",
        status=UNPROCESSABLE if refused else 200,
        bulletin=one,
        words=words,
        edition=typed.edition if typed else one.edition,
        refused=refused,
    )


@router.post("/bulletins/{bulletin_id}/texts")
def keep_texts(request: Request, bulletin_id: Id, form: Annotated[TextsForm, Form()]) -> Response:
    def keep(visit: Visit) -> Response:
        one, texts = _found(visit, bulletin_id), form.texts()
        bulletins.edit(visit.session, visit.plan, one, texts, edition=form.edition, actor=visit.actor, at=visit.at)
        return visit.done(f"/bulletins/{one.id}", N_("the texts are kept"))

    def again(visit: Visit, refused: DubanError) -> Response:
        return _texts_page(visit, _found(visit, bulletin_id), refused, form)

    return tried(request, form, AccessRole.OFFICE, keep, again)


@router.post("/bulletins/{bulletin_id}/release")
def release_bulletin(request: Request, bulletin_id: Id, form: Annotated[ReleaseForm, Form()]) -> Response:
    def release(visit: Visit) -> Response:
        one = _found(visit, bulletin_id)
        from rendering import bulletin_files  # noqa: PLC0415  (what it counts is slow to load, and pages start fast)

        bulletin_files.release(visit.session, visit.plan, one, edition=form.edition, actor=visit.actor, at=visit.at)
        said = N_("{ref} is released as {number}; the units are told")
        return visit.done(f"/bulletins/{one.id}", said, ref=one.ref, number=one.numbered)

    def again(visit: Visit, refused: DubanError) -> Response:
        return _page(visit, _found(visit, bulletin_id), refused)

    return tried(request, form, AccessRole.OFFICE, release, again)


@router.post("/bulletins/{bulletin_id}/correct")
def correct_bulletin(request: Request, bulletin_id: Id, form: Annotated[Sent, Form()]) -> Response:
    from rendering.bulletin_text import make  # noqa: PLC0415  (what it counts is slow to load, and pages start fast)

    def correct(visit: Visit) -> Response:
        one = _found(visit, bulletin_id)
        made = make(visit.session, visit.plan, one.period, actor=visit.actor, at=visit.at, correct=True)
        said = N_("{ref} is drafted; nobody is told before you release it")
        return visit.done(f"/bulletins/{made.id}", said, ref=made.ref)

    def again(visit: Visit, refused: DubanError) -> Response:
        return _page(visit, _found(visit, bulletin_id), refused)

    return tried(request, form, AccessRole.OFFICE, correct, again)
