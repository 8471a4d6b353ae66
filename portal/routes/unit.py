"""A unit's desk: what is theirs, signing for it, their files, their calendar."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters import clock
from adapters.evidence.store import EvidenceStore
from adapters.language import N_, Code, Language
from adapters.settings import settings
from models.access import AccessRole
from models.common.errors import Reason
from models.queries.files import files_of_unit, readable
from models.queries.worklist import PAGE, WorkState, unit_summary, work_of
from portal.context import GONE, address_of, page, portal_address, read_request, write_request
from portal.downloads import attachment
from portal.forms import Id, Ids, Page, Sent
from services import assignments, links

router = APIRouter()

WORKING = (AccessRole.UNIT, AccessRole.OFFICE)  # the office, where it leads


@router.get("/work")
def show_work(request: Request, pile: WorkState = WorkState.OWED, page: Page = 1) -> Response:
    with read_request(request, *WORKING) as ctx:
        counted = unit_summary(ctx.session, ctx.stay.unit, ctx.today)
        ctx.counts = {"/reviews": counted.to_review} if ctx.role is AccessRole.UNIT else {}
        rows = work_of(ctx.session, ctx.plan, ctx.stay.unit, pile, ctx.today, page)
        last = -(-counted.piles[pile] // PAGE) or 1
        return ctx.page("work.html", desk=counted, rows=rows, pile=pile, page=page, last=last)


class SignForm(Sent):
    ids: Ids = Field(default_factory=list)
    everything: bool = False


@router.post("/work/sign")
def sign(request: Request, form: Annotated[SignForm, Form()]) -> Response:
    with write_request(request, form, *WORKING) as ctx:
        signed = assignments.sign_all(ctx.scope) if form.everything else assignments.sign(ctx.scope, form.ids)
        if not signed and (form.everything or not form.ids):
            return ctx.done("/work", N_("There was nothing to sign for."))
        return ctx.done("/work", N_("{count} signed for."), count=signed)


@router.get("/files")
def show_files(request: Request) -> Response:
    with read_request(request, AccessRole.UNIT) as ctx:
        return ctx.page("files.html", rows=files_of_unit(ctx.session, ctx.unit_id))


@router.get("/files/{evidence_id}")
def download_file(request: Request, evidence_id: Id) -> Response:
    with read_request(request, AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER) as ctx:
        file = readable(ctx.session, ctx.plan, evidence_id, ctx.stay.unit, sees_all=ctx.sees_all)
    source = EvidenceStore(settings().evidence_address).open(file.sha256)
    return attachment(file.file_name, file.media_type, file.size, source)


@router.get("/calendar")
def show_calendar(request: Request) -> Response:
    with read_request(request, AccessRole.UNIT) as ctx:
        return ctx.page("calendar.html", address=None)


@router.post("/calendar")
def make_feed(request: Request, form: Annotated[Sent, Form()]) -> Response:
    """The address is shown once, on this very page: only its hash is kept."""
    with write_request(request, form, AccessRole.UNIT) as ctx:
        made = links.issue_feed(ctx.scope)
        ctx.tell_again("/calendar", N_("This address was made already, and it is shown only once."))
        address = f"{portal_address(request)}/feeds/{made.token}/{ctx.language.code}.ics"
        return ctx.page("calendar.html", address=address)


@router.get("/feeds/{token}/{code}.ics")
def calendar_feed(request: Request, token: str, code: Code) -> Response:
    """What a calendar program fetches: it has no cookie, and its address opens the dates alone."""
    found = links.feed(
        token,
        address=address_of(request),
        at=clock.now(),
        language=Language.of(code),
        portal=portal_address(request),
    )
    if isinstance(found, Reason):
        return page(request, "problem.html", status=GONE, refused=found)
    return Response(found, media_type="text/calendar; charset=utf-8")
