"""What was taken to the office: listed by unit, pressed for in the office's own words, and worked off by a note."""

from itertools import groupby
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import DubanError
from models.dialogue.contact import LONGEST, ContactKind
from models.queries.queues.escalations import escalated
from portal.actions import perform
from portal.context import RequestContext, read_request
from portal.forms import Ids, Page, Sent, Words
from portal.routes.assignment import assignment_page
from portal.routes.office import counted, pages, queue_page
from rendering.labels import CONTACTS
from services.dialogue import contacts

router = APIRouter()


@router.get("/queues/escalated")
def show_escalated(request: Request, page: Page = 1, show: Literal["new", "all"] = "new") -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _list(ctx, page, everything=show == "all")


def _list(
    ctx: RequestContext,
    page: int,
    *,
    everything: bool = False,
    refused: DubanError | None = None,
    typed: "ContactForm | None" = None,
) -> Response:
    found = counted(ctx)
    place = pages(page, found.escalated_in_all if everything else found.escalated)
    rows = escalated(ctx.session, ctx.plan, ctx.today, place["page"], everything=everything)
    return queue_page(
        ctx,
        "queue_escalated.html",
        waiting=found,
        groups=[(code, list(of_unit)) for code, of_unit in groupby(rows, lambda row: row.work.unit_code)],
        count=found.escalated_in_all,
        everything=everything,
        contact_words={kind: ctx.language.gettext(words) for kind, words in CONTACTS.items()},
        longest=LONGEST,
        refused=refused,
        typed=typed,
        **place,
    )


class ContactForm(Sent):
    """`on`: whether the form stood on the list, or on the page of the one item that it names."""

    ids: Ids = Field(default_factory=list)
    what: ContactKind = ContactKind.PRESSED
    with_whom: Words = ""
    words: Words = ""
    on: Literal["list", "item"] = "list"


@router.post("/contacts")
def contact(request: Request, form: Annotated[ContactForm, Form()]) -> Response:
    """Write to the units that owe these, or note a call, a visit or what follows."""
    item = form.ids[0] if form.on == "item" and form.ids else None
    back = f"/assignments/{item}" if item else "/queues/escalated"

    def act(ctx: RequestContext) -> Response:
        if form.what is ContactKind.PRESSED:
            done = contacts.press(ctx.scope, form.ids, words=form.words)
            told = N_("Written to units: {units}, about items: {items}. Written the same today already: {again}.")
            return ctx.done(back, told, units=done.units, items=done.items, again=done.again)
        count = contacts.note(ctx.scope, form.ids, kind=form.what, words=form.words, with_whom=form.with_whom)
        return ctx.done(back, N_("Noted. Items: {count}."), count=count)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        if item:
            return assignment_page(ctx, item, refused, contact=form)
        return _list(ctx, 1, refused=refused, typed=form)

    return perform(request, form, AccessRole.OFFICE, act, again)
