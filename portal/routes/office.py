"""The office's queues: what waits for a decision, an answer or a look, and the acts that empty them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.evidence import antivirus
from adapters.language import N_
from models import permissions
from models.access import AccessRole
from models.assignments.assignment import by_ids
from models.common.errors import DubanError, NotFoundError
from models.permissions import Act
from models.queries.queues.dead_messages import dead_messages
from models.queries.queues.gates import phase_rows, waits_at_gate
from models.queries.queues.requests import asked_for, extensions, objections
from models.queries.queues.waiting import Waiting, waiting
from models.queries.worklist import PAGE
from portal.actions import perform
from portal.context import UNPROCESSABLE, RequestContext, read_request, write_request
from portal.forms import DayOfWork, Ids, Page, Sent, Words
from portal.routes.assignment import assignment_page
from rendering.labels import MESSAGES
from services import assignments
from services.assignments import DecidedRequests
from services.letters.given_up import retry_letters

router = APIRouter()

MAX_NAMED = 5  # requests of which the notice says why they wait still


def queue_page(ctx: RequestContext, template: str, **facts: Any) -> Response:
    return ctx.page(template, status=UNPROCESSABLE if facts.get("refused") else 200, **facts)


def pages(page: int, count: int) -> dict[str, int]:
    """The page, or the last one where a queue has become shorter since it was asked for; and which is the last."""
    last = -(-count // PAGE) or 1
    return {"page": min(page, last), "last": last}


def counted(ctx: RequestContext) -> Waiting:
    """How much waits in each queue; the navigation shows it too."""
    found = waiting(ctx.session, ctx.plan, ctx.stay.unit, ctx.today)
    ctx.counts = {"/queues": found.total, "/reviews": found.to_review}
    return found


@router.get("/queues")
def show_queues(request: Request) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        found = counted(ctx)
        phases = phase_rows(ctx.session, ctx.plan)
        gates = [row for row in phases if waits_at_gate(row, ctx.today)]
        return queue_page(ctx, "queues.html", waiting=found, gates=gates, unscanned=antivirus.warning())


class ExtensionsForm(Sent):
    """`page` is that of the queue; 0 where the form stood on the page of the assignment itself."""

    ids: Ids = Field(default_factory=list)
    decision: Literal["grant", "refuse"]
    reason: Words = ""
    until: DayOfWork = None
    page: Annotated[int, Field(ge=0, le=100_000)] = 0


@router.get("/queues/extensions")
def show_extensions(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _extensions_page(ctx, page)


def _extensions_page(
    ctx: RequestContext, page: int, refused: DubanError | None = None, typed: ExtensionsForm | None = None
) -> Response:
    found = counted(ctx)
    place = pages(page, found.extensions)
    rows = extensions(ctx.session, ctx.plan, place["page"])
    return queue_page(ctx, "queue_extensions.html", waiting=found, rows=rows, refused=refused, typed=typed, **place)


@router.post("/extensions")
def decide_extensions(request: Request, form: Annotated[ExtensionsForm, Form()]) -> Response:
    """Grant or refuse one request or many; what was decided meanwhile, or cannot be decided so, is left as it is.

    On what the office asks for itself, the head of the group decides, on the page of the item.
    """

    def decide(ctx: RequestContext) -> Response:
        asked = asked_for(ctx.session, ctx.plan, form.ids)
        _refuse_others(ctx, asked)
        grant, reason = form.decision == "grant", form.reason
        decided = assignments.decide_extensions(ctx.scope, asked, grant=grant, reason=reason, until=form.until)
        to = f"/queues/extensions?page={form.page}" if form.page else _page_of(asked)
        return _told(ctx, to, form, decided)

    def again(ctx: RequestContext, refused: DubanError) -> Response:
        asked = asked_for(ctx.session, ctx.plan, form.ids)
        if ctx.role is AccessRole.OFFICE and (form.page or len(asked) != 1):
            return _extensions_page(ctx, form.page or 1, refused, form)
        typed = {"extension_decision": form.decision, "extension_reason": form.reason, "granted_until": form.until}
        return assignment_page(ctx, next(iter(asked.values())), refused, **typed)

    return perform(request, form, (AccessRole.OFFICE, AccessRole.LEADER), decide, again)


def _refuse_others(ctx: RequestContext, asked: dict[int, int]) -> None:
    """Raises NotFoundError where the head of the group has no say: on what units ask for."""
    if ctx.role is not AccessRole.LEADER:
        return
    rows = by_ids(ctx.session, ctx.plan, list(asked.values()), lock=False)
    if not all(permissions.may(ctx.session, ctx.plan, Act.DECIDE_EXTENSION, ctx.actor, one) for one in rows):
        raise NotFoundError("there is no such request")


def _page_of(asked: dict[int, int]) -> str:
    """Where a form without a queue's page came from: the page of its one assignment."""
    return f"/assignments/{next(iter(asked.values()))}" if len(asked) == 1 else "/queues/extensions"


def _told(ctx: RequestContext, to: str, form: ExtensionsForm, decided: DecidedRequests) -> Response:
    facts: dict[str, int | str] = {"count": decided.decided, "skipped": decided.meanwhile}
    if decided.refused:
        named = [ctx.language.say(one) for one in decided.refused[:MAX_NAMED]]
        facts |= {"skipped": len(decided.refused), "why": "; ".join(named)}
        granted = N_("{count} granted; {skipped} wait still: {why}")
        refused = N_("{count} refused; {skipped} wait still: {why}")
    elif decided.meanwhile:
        granted = N_("{count} granted; {skipped} had been decided meanwhile and stay as they are")
        refused = N_("{count} refused; {skipped} had been decided meanwhile and stay as they are")
    else:
        granted, refused = N_("{count} granted"), N_("{count} refused")
    return ctx.done(to, granted if form.decision == "grant" else refused, **facts)


@router.get("/queues/objections")
def show_objections(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        found = counted(ctx)
        place = pages(page, found.objections)
        rows = objections(ctx.session, ctx.plan, place["page"])
        return queue_page(ctx, "queue_objections.html", waiting=found, rows=rows, **place)


@router.get("/queues/messages")
def show_messages(request: Request, page: Page = 1) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        found = counted(ctx)
        place = pages(page, found.messages)
        rows = dead_messages(ctx.session, ctx.plan, place["page"])
        return queue_page(ctx, "queue_messages.html", waiting=found, rows=rows, kinds=MESSAGES, **place)


@router.post("/messages/retry")
def retry_messages(request: Request, form: Annotated[Sent, Form()]) -> Response:
    with write_request(request, form, AccessRole.OFFICE) as ctx:
        count = retry_letters(ctx.scope)
        return ctx.done("/queues/messages", N_("{count} notices are tried again with the next delivery"), count=count)
