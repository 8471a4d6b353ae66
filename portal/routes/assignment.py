"""The page of one assignment: everybody who may see it sees the same record, and below it what they may do."""

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.evidence.store import EvidenceStore
from adapters.language import N_
from adapters.settings import settings
from models.access import AccessRole
from models.assignments import extension, objection, review
from models.assignments.assignment import Assignment, by_ids
from models.assignments.light import Light
from models.assignments.objection import About
from models.assignments.review import Decision
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.status import Status
from models.plan.area import Role
from models.queries.assignment_record import Record, record_of
from models.queries.files import files_of_assignment
from portal.actions import Roles, perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.downloads import bundle
from portal.forms import LARGEST_ID, Day, FormId, Id, Sent, Words
from rendering.labels import EVENTS

router = APIRouter()

Act = Callable[[RequestContext, Assignment], Response]

EVERYBODY = (AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER)
TROUBLED = {Light.YELLOW, Light.RED}


@router.get("/assignments/{assignment_id}")
def show(request: Request, assignment_id: Id) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return assignment_page(ctx, assignment_id)


def assignment_page(
    ctx: RequestContext, assignment_id: int, refused: DubanError | None = None, **typed: object
) -> Response:
    """The page; with what was typed and why it was refused, where an act on it was."""
    record = record_of(ctx.session, ctx.plan, assignment_id, ctx.today)
    if not may_see(ctx, record.assignment):
        raise NotFoundError("there is no such assignment")
    run = next((event.run for event in record.journal if event.run), None)
    return ctx.page(
        "assignment.html",
        status=UNPROCESSABLE if refused else 200,
        record=record,
        may=_may(ctx, record),
        run_address=settings().run_address(run) if run and ctx.sees_all else None,
        words={kind: ctx.language.gettext(words) for kind, words in EVENTS.items()},
        refused=refused,
        typed=defaultdict(str, typed),
    )


def may_see(ctx: RequestContext, assignment: Assignment) -> bool:
    """Its unit, the unit that leads the item, and the leading group."""
    leads = assignment.role is Role.RESPONSIBLE and assignment.requirement.lead_id == ctx.unit_id
    return ctx.sees_all or leads or assignment.unit_id == ctx.unit_id


def _may(ctx: RequestContext, record: Record) -> set[str]:
    """What this person can do on the page."""
    assignment, status = record.assignment, record.assignment.status
    mine = assignment.unit_id == ctx.unit_id
    office = ctx.role is AccessRole.OFFICE
    troubled = status is Status.RETURNED or record.light in TROUBLED
    found = {
        "sign": mine and status is Status.ISSUED,
        "hand in": mine and status.is_owed,
        "extend": mine and status.is_owed and record.pending is None and ctx.today <= assignment.due_on,
        "object": mine and troubled and record.objection is None,
        "review": record.reviewer.id == ctx.unit_id and status is Status.SUBMITTED,
        "decide extension": office and record.pending is not None,
        "decide objection": office and record.objection is not None,
        "waive": office and status.is_open,
    }
    return {act for act, allowed in found.items() if allowed}


def acted(request: Request, assignment_id: int, form: Sent, roles: Roles, act: Act) -> Response:
    """Do something with an assignment that this person may see; where it is refused, show its page again with why."""
    return perform(
        request,
        form,
        roles,
        lambda ctx: act(ctx, taken(ctx, assignment_id)),
        lambda ctx, refused: assignment_page(ctx, assignment_id, refused, **form.model_dump()),
    )


class ExtensionForm(Sent):
    until: Day = None
    reason: Words = ""


@router.post("/assignments/{assignment_id}/extension")
def ask_extension(request: Request, assignment_id: Id, form: Annotated[ExtensionForm, Form()]) -> Response:
    def ask(ctx: RequestContext, one: Assignment) -> Response:
        if form.until is None:
            raise RefusedError("give the day until which more time is needed")
        extension.ask(ctx.session, ctx.plan, one, until=form.until, reason=form.reason, actor=ctx.actor, at=ctx.at)
        told = N_("{ref}: asked for time until {day}; {due} stands until the office decides")
        return ctx.done(_page(one), told, ref=one.ref, day=str(form.until), due=str(one.due_on))

    return acted(request, assignment_id, form, AccessRole.UNIT, only_own(ask))


class ObjectionForm(Sent):
    about: About
    reason: Words = ""


@router.post("/assignments/{assignment_id}/objection")
def object_to(request: Request, assignment_id: Id, form: Annotated[ObjectionForm, Form()]) -> Response:
    def make(ctx: RequestContext, one: Assignment) -> Response:
        objection.object_to(
            ctx.session, ctx.plan, one, about=form.about, reason=form.reason, actor=ctx.actor, at=ctx.at
        )
        return ctx.done(_page(one), N_("{ref}: the objection is with the leading-group office"), ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.UNIT, only_own(make))


class ReviewForm(Sent):
    decision: Decision
    reason: Words = ""
    version: Annotated[int, Field(ge=0, le=LARGEST_ID)]


@router.post("/assignments/{assignment_id}/review")
def decide_review(request: Request, assignment_id: Id, form: Annotated[ReviewForm, Form()]) -> Response:
    def decide(ctx: RequestContext, one: Assignment) -> Response:
        accepted = form.decision is Decision.ACCEPT
        act = review.accept if accepted else review.send_back
        act(
            ctx.session,
            ctx.plan,
            one,
            reason=form.reason,
            actor=ctx.actor,
            at=ctx.at,
            version=form.version,
        )
        return ctx.done("/reviews", N_("{ref}: accepted") if accepted else N_("{ref}: returned"), ref=one.ref)

    return acted(request, assignment_id, form, (AccessRole.UNIT, AccessRole.OFFICE), decide)


class WaiveForm(Sent):
    reason: Words = ""
    status: Status


@router.post("/assignments/{assignment_id}/waive")
def waive(request: Request, assignment_id: Id, form: Annotated[WaiveForm, Form()]) -> Response:
    def act(ctx: RequestContext, one: Assignment) -> Response:
        if one.status is not form.status:
            raise RefusedError(
                "{ref} was {before} when this page was made and is {after} now; look again",
                ref=one.ref,
                before=form.status,
                after=one.status,
            )
        review.waive(ctx.session, ctx.plan, one, reason=form.reason, actor=ctx.actor, at=ctx.at)
        return ctx.done(_page(one), N_("{ref}: waived"), ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.OFFICE, act)


class ObjectionDecisionForm(Sent):
    objection: FormId
    decision: Literal["uphold", "dismiss"]
    reason: Words = ""
    until: Day = None


@router.post("/assignments/{assignment_id}/objection/decision")
def decide_objection(request: Request, assignment_id: Id, form: Annotated[ObjectionDecisionForm, Form()]) -> Response:
    def decide(ctx: RequestContext, one: Assignment) -> Response:
        waiting = objection.pending(ctx.session, one)
        if waiting is None or waiting.id != form.objection:
            raise RefusedError("{ref}: this objection was decided meanwhile; look again", ref=one.ref)
        upheld = form.decision == "uphold"
        objection.decide(
            ctx.session,
            ctx.plan,
            one,
            upheld=upheld,
            reason=form.reason,
            until=form.until,
            actor=ctx.actor,
            at=ctx.at,
        )
        told = N_("{ref}: the objection is upheld") if upheld else N_("{ref}: the objection is dismissed")
        return ctx.done(_page(one), told, ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.OFFICE, decide)


@router.get("/assignments/{assignment_id}/files.zip")
def download_files(request: Request, assignment_id: Id) -> Response:
    """Everything that was handed in for it, a folder for each version."""
    with read_request(request, *EVERYBODY) as ctx:
        one = by_ids(ctx.session, ctx.plan, [assignment_id], lock=False)[0]
        if not may_see(ctx, one):
            raise NotFoundError("there is no such assignment")
        files = files_of_assignment(ctx.session, one.id)
    store = EvidenceStore(settings().evidence_address)
    members = [
        (f"v{version}/{file.file_name}", file.size, functools.partial(store.open, file.sha256))
        for version, file in files
    ]
    return bundle(f"{one.ref.replace('/', '-')}.zip", members)


def _page(assignment: Assignment) -> str:
    return f"/assignments/{assignment.id}"


def only_own(act: Act) -> Act:
    """What only the assignment's own unit may do: the lead sees it too, and gets a 404 here."""

    def owned(ctx: RequestContext, assignment: Assignment) -> Response:
        if assignment.unit_id != ctx.unit_id:
            raise NotFoundError("there is no such assignment")
        return act(ctx, assignment)

    return owned


def taken(ctx: RequestContext, assignment_id: int) -> Assignment:
    """The assignment, locked. Raises NotFoundError where this person may not see it."""
    assignment = by_ids(ctx.session, ctx.plan, [assignment_id])[0]
    if not may_see(ctx, assignment):
        raise NotFoundError("there is no such assignment")
    return assignment
