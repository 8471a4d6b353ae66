"""The page of one assignment: everybody who may see it sees the same record, and below it what they may do."""

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.evidence.store import EvidenceStore
from adapters.language import N_
from adapters.settings import settings
from models import permissions
from models.access import AccessRole
from models.assignments.assignment import Assignment, by_ids
from models.assignments.extension import reasons_past_extending
from models.assignments.objection import About, objectionable
from models.assignments.review import Decision
from models.changes.change_set import ChangeItem, changes_of_item
from models.changes.meaning import meaning_of
from models.common.errors import DubanError
from models.common.event import EventKind
from models.common.status import Status, may_move
from models.dates.workdays import ONE_DAY
from models.dialogue.contact import LONGEST
from models.dialogue.explanation import (
    MOST_DAYS_AHEAD,
    Said,
    problems_with,
    reasons_not_to_explain,
    reasons_past_promising,
)
from models.people.person import Person
from models.permissions import Act
from models.plan.unit import names_of
from models.queries.assignment_record import Record, record_of, steps_of
from models.queries.files import files_of_assignment
from models.queries.tellings import tellings_of
from portal.actions import Roles, perform
from portal.context import UNPROCESSABLE, RequestContext, read_request
from portal.downloads import bundle
from portal.forms import LARGEST_ID, DayOfWork, FormId, Id, Sent, Words
from portal.routes.people.register import PersonForm, faults_in
from rendering.labels import CONTACTS, MESSAGES, TOUCHES, actor_words, change_words, event_words
from services import assignments
from services.assignments import Item
from services.people import liaison
from services.people.trying import shown_addresses

router = APIRouter()

Step = Callable[[RequestContext], Response]

EVERYBODY = (AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER)
MOVED_BY = {
    Act.SIGN: Status.ACKNOWLEDGED,
    Act.SUBMIT: Status.SUBMITTED,
    Act.REVIEW: Status.ACCEPTED,
    Act.WAIVE: Status.WAIVED,
}


# What a person of the leading group may do and has no form for.
_NOT_ON_PAGES = {
    AccessRole.LEADER: frozenset({Act.NOTE_CONTACT, Act.DECIDE_OBJECTION, Act.WAIVE}),
    AccessRole.OFFICE: frozenset({Act.OBJECT}),
}


@router.get("/assignments/{assignment_id}")
def show(request: Request, assignment_id: Id) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return assignment_page(ctx, assignment_id)


def assignment_page(
    ctx: RequestContext, assignment_id: int, refused: DubanError | None = None, **typed: object
) -> Response:
    """The page; with what was typed and why it was refused, where an act on it was."""
    record = record_of(ctx.session, ctx.plan, assignment_id, ctx.today)
    require_sight(ctx, record.assignment)
    asks_liaison = liaison.asks_for_liaison(record.assignment)
    run = next((event.run for event in record.journal if event.run), None)
    return ctx.page(
        "assignment.html",
        status=UNPROCESSABLE if refused else 200,
        record=record,
        may=_may(ctx, record),
        objectionable=objectionable(record.assignment, record.light, ctx.today),
        changes=_changes(ctx, record),
        run_address=settings().run_address(run) if run and ctx.sees_all else None,
        happened=functools.partial(event_words, steps=steps_of(ctx.plan, record), language=ctx.language),
        actor=functools.partial(actor_words, language=ctx.language),
        asks_liaison=asks_liaison,
        liaison=(registered := _liaison(ctx, record.assignment) if asks_liaison else None),
        liaison_addresses=shown_addresses(registered) if registered else "",
        faults=faults_in(refused),
        refused=refused,
        typed=defaultdict(str, typed),
        wrong=defaultdict(str, _wrong(ctx, typed) if "answers" in typed else {}),
        explains="answers" in typed,
        tellings=tellings_of(ctx.session, assignment_id) if ctx.role is AccessRole.OFFICE else [],
        told_words={kind: ctx.language.gettext(words) for kind, words in MESSAGES.items()},
        contact_words={kind: ctx.language.gettext(words) for kind, words in CONTACTS.items()},
        longest=LONGEST,
        first_promise=ctx.today + ONE_DAY,
        last_promise=ctx.today + dt.timedelta(days=MOST_DAYS_AHEAD),
    )


def _liaison(ctx: RequestContext, assignment: Assignment) -> Person | None:
    """Who is registered as the unit's liaison, for whoever may see it."""
    may_see = permissions.may_towards(ctx.session, ctx.plan, Act.SEE_TELEPHONES, ctx.actor, assignment.unit)
    return liaison.liaison_of(ctx.session, assignment.unit, ctx.today) if may_see else None


def _wrong(ctx: RequestContext, typed: Mapping[str, Any]) -> Mapping[str, str]:
    """What is wrong with an explanation as it was typed, in words, by field."""
    said = Said(typed["why"], typed["until"], typed["answers"])
    return {field.value: ctx.language.say(reason) for field, reason in problems_with(ctx.plan, said, ctx.today).items()}


def _changes(ctx: RequestContext, record: Record) -> list[tuple[ChangeItem, str]]:
    """What change sets did to it, in words. The journal, which is read already, says whether any did."""
    if all(event.kind is not EventKind.PLAN_CHANGED for event in record.journal):
        return []
    names = names_of(ctx.session, ctx.plan.id)
    return [
        (
            one,
            change_words(meaning_of(one.what, one.before, one.after, names), ctx.language)
            or ctx.language.gettext(TOUCHES[one.what]),
        )
        for one in changes_of_item(ctx.session, record.assignment.id)
    ]


def require_sight(ctx: RequestContext, assignment: Assignment) -> None:
    """Raises NotFoundError where this person may not see it."""
    permissions.require(ctx.session, ctx.plan, Act.SEE_ITEM, ctx.actor, assignment)


def _may(ctx: RequestContext, record: Record) -> set[Act]:
    """What this person can do on the page: for which they have the authority, and which is possible now."""
    assignment, today = record.assignment, ctx.today
    held = permissions.capacities(ctx.session, ctx.plan, ctx.actor, assignment)
    possible = {
        Act.EXPLAIN: not (
            reasons_not_to_explain(ctx.plan, assignment, today)
            or (record.explanations and reasons_past_promising(ctx.session, assignment))
        ),
        Act.NOTE_CONTACT: assignment.status.is_owed,
        Act.ASK_EXTENSION: record.pending is None and not reasons_past_extending(assignment, today),
        Act.GIVE_OPINION: assignment.status is Status.SUBMITTED,
        Act.OBJECT: record.objection is None and bool(objectionable(assignment, record.light, today)),
        Act.DECIDE_EXTENSION: record.pending is not None,
        Act.DECIDE_OBJECTION: record.objection is not None,
        Act.WITHDRAW: assignment.status is Status.SUBMITTED and not record.was_judged,
        Act.REOPEN: assignment.status is Status.ACCEPTED,
        Act.ASK_AGAIN: assignment.status is Status.WAIVED,
    } | {act: may_move(assignment.status, after) for act, after in MOVED_BY.items()}
    found = {act for act, can_be in possible.items() if can_be and held & permissions.ALLOWED[act]}
    return found - _NOT_ON_PAGES.get(ctx.role, frozenset())


def acted(request: Request, assignment_id: int, form: Sent, roles: Roles, act: Step) -> Response:
    """Do something with an assignment that this person may see; where it is refused, show its page again with why."""

    def seen(ctx: RequestContext) -> Response:
        require_sight(ctx, by_ids(ctx.session, ctx.plan, [assignment_id], lock=False)[0])
        return act(ctx)

    return perform(
        request,
        form,
        roles,
        seen,
        lambda ctx, refused: assignment_page(ctx, assignment_id, refused, **form.model_dump()),
    )


class ExtensionForm(Sent):
    until: DayOfWork = None
    reason: Words = ""


@router.post("/assignments/{assignment_id}/extension")
def ask_extension(request: Request, assignment_id: Id, form: Annotated[ExtensionForm, Form()]) -> Response:
    def ask(ctx: RequestContext) -> Response:
        (one,) = assignments.ask_extension(ctx.scope, [assignment_id], until=form.until, reason=form.reason)
        told = (
            N_("{ref}: asked for time until {day}; {due} stands until the head of the group decides")
            if ctx.role is AccessRole.OFFICE
            else N_("{ref}: asked for time until {day}; {due} stands until the office decides")
        )
        return ctx.done(page_of(one), told, ref=one.ref, day=str(form.until), due=str(one.due_on))

    return acted(request, assignment_id, form, (AccessRole.UNIT, AccessRole.OFFICE), ask)


class ObjectionForm(Sent):
    about: About
    reason: Words = ""


@router.post("/assignments/{assignment_id}/objection")
def object_to(request: Request, assignment_id: Id, form: Annotated[ObjectionForm, Form()]) -> Response:
    def make(ctx: RequestContext) -> Response:
        one = assignments.object_to(ctx.scope, assignment_id, about=form.about, reason=form.reason)
        return ctx.done(page_of(one), N_("{ref}: the objection is with the leading-group office"), ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.UNIT, make)


class ReviewForm(Sent):
    decision: Decision
    reason: Words = ""
    version: Annotated[int, Field(ge=0, le=LARGEST_ID)]


@router.post("/assignments/{assignment_id}/review")
def decide_review(request: Request, assignment_id: Id, form: Annotated[ReviewForm, Form()]) -> Response:
    def decide(ctx: RequestContext) -> Response:
        accepted = form.decision is Decision.ACCEPT
        (one,) = assignments.decide_review(
            ctx.scope, [assignment_id], form.decision, reason=form.reason, version=form.version
        )
        return ctx.done("/reviews", N_("{ref}: accepted") if accepted else N_("{ref}: returned"), ref=one.ref)

    return acted(request, assignment_id, form, EVERYBODY, decide)


class OpinionForm(Sent):
    opinion: Literal["agree", "object"]
    reason: Words = ""
    version: Annotated[int, Field(ge=0, le=LARGEST_ID)]


@router.post("/assignments/{assignment_id}/opinion")
def give_opinion(request: Request, assignment_id: Id, form: Annotated[OpinionForm, Form()]) -> Response:
    def give(ctx: RequestContext) -> Response:
        agrees = form.opinion == "agree"
        one = assignments.give_opinion(ctx.scope, assignment_id, agrees=agrees, words=form.reason, version=form.version)
        told = (
            N_("{ref}: your unit agrees; the reviewer is told")
            if agrees
            else N_("{ref}: your unit objects; the reviewer is told")
        )
        return ctx.done("/reviews", told, ref=one.ref)

    return acted(request, assignment_id, form, (AccessRole.UNIT, AccessRole.OFFICE), give)


@router.post("/assignments/{assignment_id}/liaison")
def hand_in_liaison(request: Request, assignment_id: Id, form: Annotated[PersonForm, Form()]) -> Response:
    def hand_in(ctx: RequestContext) -> Response:
        one = liaison.hand_in_liaison(ctx.scope, assignment_id, form.entry)
        told = N_("{ref}: handed in as version {version}; the reviewer is told")
        return ctx.done(page_of(one), told, ref=one.ref, version=one.version)

    return acted(request, assignment_id, form, (AccessRole.UNIT, AccessRole.OFFICE), hand_in)


class WaiveForm(Sent):
    reason: Words = ""
    status: Status


@router.post("/assignments/{assignment_id}/waive")
def waive(request: Request, assignment_id: Id, form: Annotated[WaiveForm, Form()]) -> Response:
    def act(ctx: RequestContext) -> Response:
        (one,) = assignments.waive(ctx.scope, [assignment_id], reason=form.reason, seen_as=form.status)
        return ctx.done(page_of(one), N_("{ref}: waived"), ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.OFFICE, act)


class ObjectionDecisionForm(Sent):
    objection: FormId
    decision: Literal["uphold", "dismiss"]
    reason: Words = ""
    until: DayOfWork = None


@router.post("/assignments/{assignment_id}/objection/decision")
def decide_objection(request: Request, assignment_id: Id, form: Annotated[ObjectionDecisionForm, Form()]) -> Response:
    def decide(ctx: RequestContext) -> Response:
        upheld = form.decision == "uphold"
        one = assignments.decide_objection(
            ctx.scope,
            assignment_id,
            upheld=upheld,
            reason=form.reason,
            until=form.until,
            objection_id=form.objection,
        )
        told = N_("{ref}: the objection is upheld") if upheld else N_("{ref}: the objection is dismissed")
        return ctx.done(page_of(one), told, ref=one.ref)

    return acted(request, assignment_id, form, AccessRole.OFFICE, decide)


@router.get("/assignments/{assignment_id}/files.zip")
def download_files(request: Request, assignment_id: Id) -> Response:
    """Everything that was handed in for it, a folder for each version."""
    with read_request(request, *EVERYBODY) as ctx:
        one = by_ids(ctx.session, ctx.plan, [assignment_id], lock=False)[0]
        require_sight(ctx, one)
        files = files_of_assignment(ctx.session, one.id)
    store = EvidenceStore(settings().evidence_address)
    members = [
        (f"v{version}/{file.file_name}", file.size, functools.partial(store.open, file.sha256))
        for version, file in files
    ]
    return bundle(f"{one.ref.replace('/', '-')}.zip", members)


def page_of(one: Item) -> str:
    return f"/assignments/{one.id}"
