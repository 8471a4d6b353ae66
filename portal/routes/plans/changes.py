"""Changes of a plan that runs: what was changed and when, and the form on which the office puts a change together."""

import dataclasses
import functools
from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response

from adapters.language import N_
from models.access import AccessRole
from models.changes.change_set import ChangeSet, change_of, changes_of, touched_by
from models.common.errors import BlockedError, DubanError, NotFoundError, RefusedError
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.phase import phases_of
from models.plan.plan import Plan, version_of, versions_of
from models.plan.unit import names_of
from models.queries.worklist import open_refs
from portal.actions import perform
from portal.cache import Cache
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_form, read_request
from portal.forms import Page
from portal.routes.plans.draft import ASKED_OF, KINDS, ChangeForm, Draft, Known, draft_of, heading_of
from portal.routes.plans.names import Names
from portal.routes.plans.words import line_words
from rendering.labels import TOUCHES, change_words
from services import change_sets
from services.change_sets import Outcome, Touched

router = APIRouter()

READERS = (AccessRole.OFFICE, AccessRole.LEADER)
LATEST = 10**9
UNITS = 50  # on a page, and in a preview
KEPT = 4  # documents that are read once

Number = Annotated[int, Path(ge=1, le=LATEST)]

_documents: Cache[PlanDocument] = Cache(KEPT)


@router.get("/plan/changes")
def list_changes(request: Request) -> Response:
    with read_request(request, *READERS) as ctx:
        return ctx.page(
            "changes.html",
            rows=changes_of(ctx.session, ctx.plan),
            versions=list(reversed(versions_of(ctx.session, ctx.plan))),
            may_change=ctx.role is AccessRole.OFFICE,
        )


@router.get("/plan/changes/new")
def new_change(request: Request, ref: Annotated[str, Query(max_length=300)] = "") -> Response:
    """`ref`: the item whose page one comes from."""
    with read_request(request, AccessRole.OFFICE) as ctx:
        draft = _draft(ctx, ChangeForm())
        return _form_page(ctx, ChangeForm(move_ref=ref.replace("\0", "")), draft)


@router.get("/plan/changes/{number}")
def show_change(request: Request, number: Number, page: Page = 1) -> Response:
    with read_request(request, *READERS) as ctx:
        change = change_of(ctx.session, ctx.plan, number)
        touched = change_sets.touched(touched_by(ctx.session, change), names_of(ctx.session, ctx.plan.id))
        found = change_sets.by_unit(touched)
        last = -(-len(found) // UNITS) or 1
        return ctx.page(
            "change.html",
            change=change,
            by_unit=_some(found, page),
            page=min(page, last),
            last=last,
            letters={},
            links=True,
            **_words(ctx, Names(_told_in(ctx, change), ctx.language)),
        )


def _some(found: dict[str, list[Touched]], page: int) -> dict[str, list[Touched]]:
    codes = sorted(found)[(page - 1) * UNITS : page * UNITS]
    return {code: found[code] for code in codes}


def _told_in(ctx: RequestContext, change: ChangeSet) -> list[PlanDocument]:
    """The plan before and after: what ended is named in the one, what is new in the other."""
    return [_version(ctx, one) for one in dict.fromkeys((change.version_before, change.version_after))]


def _version(ctx: RequestContext, number: int) -> PlanDocument:
    kept = version_of(ctx.session, ctx.plan, number)
    return _documents.get((ctx.plan.id, number), kept.digest, lambda: document_of(kept.content))


@router.post("/plan/changes")
def change_plan(request: Request, form: Annotated[ChangeForm, Form()]) -> Response:
    """The draft goes back and forth, and takes nothing; a preview neither; then what it showed is carried out."""
    if form.step == "carry out":
        return perform(
            request,
            form,
            AccessRole.OFFICE,
            lambda ctx: _carry_out(ctx, form),
            lambda ctx, refused: _form_page(ctx, form, _draft(ctx, form), refused=refused),
        )
    check_form(request, form)
    with read_request(request, AccessRole.OFFICE) as ctx:
        draft = _draft(ctx, form)
        if form.step != "preview":
            return _form_page(ctx, form, draft)
        return _previewed(ctx, form, draft)


def _previewed(ctx: RequestContext, form: ChangeForm, draft: Draft) -> Response:
    heading, faults = heading_of(form, ctx.today)
    draft.faults |= faults
    if not (draft.lines or draft.faults):
        draft.faults["lines"] = RefusedError("order at least one thing")
    if not draft.is_whole:
        return _form_page(ctx, form, draft)
    try:
        document, orders = change_sets.combined(_stored(ctx), draft.document, draft.orders(form))
        # In a transaction of its own: looking at a page has none.
        scope = dataclasses.replace(ctx.scope, within=None)
        seen = change_sets.preview(scope, document, orders, heading, letters=UNITS)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _form_page(ctx, form, draft, refused=refused)
    return _form_page(ctx, form, draft, seen=seen)


def _carry_out(ctx: RequestContext, form: ChangeForm) -> Response:
    draft = _draft(ctx, form)
    heading, faults = heading_of(form, ctx.today)
    for fault in (*draft.faults.values(), *draft.broken.values(), *faults.values()):
        raise RefusedError("what the change would do has changed meanwhile; look again: {why}", why=fault)
    document, orders = change_sets.combined(_stored(ctx), draft.document, draft.orders(form))
    done = change_sets.carry_out(ctx.scope, document, orders, heading, agreed=form.mark or None)
    if done.number is None:
        raise RefusedError("nothing would change: all of this is so already")
    told = N_("Change set {number} is carried out; each unit concerned gets one letter.")
    return ctx.done(f"/plan/changes/{done.number}", told, number=done.number)


def _stored(ctx: RequestContext) -> PlanDocument:
    plan: Plan = ctx.plan
    return _documents.get((plan.id, 0), f"{plan.version} {plan.digest}", lambda: document_of(plan.content))


def _draft(ctx: RequestContext, form: ChangeForm) -> Draft:
    stored = _stored(ctx)
    phases = {(one.code, one.period): one.status for one in phases_of(ctx.session, ctx.plan)}
    known = Known(stored, phases, functools.partial(open_refs, ctx.session, ctx.plan))
    return draft_of(form, known, lambda document: Names([stored, document], ctx.language))


def _form_page(
    ctx: RequestContext,
    form: ChangeForm,
    draft: Draft,
    *,
    refused: DubanError | None = None,
    seen: Outcome | None = None,
) -> Response:
    names = draft.names
    reasons = refused.reasons if isinstance(refused, BlockedError) else []
    draft.blame(reasons)
    faults = [*draft.faults.values(), *draft.broken.values()]
    if faults and refused is None:
        refused = RefusedError("this needs another look; what is wrong stands at its place")
    found = seen.by_unit() if seen else {}
    return ctx.page(
        "change_new.html",
        status=UNPROCESSABLE if refused else 200,
        form=form,
        lines=_lines(ctx, draft),
        choices=_choices(names),
        values=lambda name: _value(form, draft, name),
        is_open=lambda kind: kind not in draft.added and bool(form.typed_for(kind)),
        faults=defaultdict(str, {name: names.reason(fault) for name, fault in draft.faults.items()}),
        refused=_headline(refused) if reasons else refused,
        reasons=[(names.reason(one), names.advice(one)) for one in reasons],
        seen=seen,
        passed=[names.ref(one) for one in seen.passed] if seen else [],
        by_unit=_some(found, 1),
        unshown=max(0, len(found) - UNITS),
        letters=seen.letters if seen else {},
        links=False,
        **_words(ctx, names),
    )


def _headline(refused: DubanError | None) -> DubanError | None:
    return refused and RefusedError("the change cannot be carried out, for these reasons:")


def _lines(ctx: RequestContext, draft: Draft) -> list[dict[str, str]]:
    return [
        {
            "text": one.model_dump_json(),
            "words": line_words(one, draft.names, ctx.language),
            "fault": draft.names.reason(draft.broken[place]) if place in draft.broken else "",
        }
        for place, one in enumerate(draft.lines)
    ]


def _choices(names: Names) -> dict[str, Any]:
    """What each field is chosen from; made where a template asks for it."""
    return {
        "asked": names.choose_asked(),
        "withdrawn": names.choose_withdrawn(),
        "items": names.choose_items(),
        "areas": names.choose_areas(),
        "worded": names.choose_worded(),
        "units": names.choose_units(),
        "leads": names.choose_units(with_office=True),
        "sets": names.choose_sets(),
        "parties": names.choose_parties(),
        "asked_of": list(ASKED_OF),
        "kinds": KINDS,
    }


def _value(form: ChangeForm, draft: Draft, name: str) -> Any:
    """What stands in a field: nothing any longer, where a line was made of it."""
    value = getattr(form, name)
    is_spent = name.partition("_")[0] in draft.added
    if is_spent:
        return [] if isinstance(value, list) else ""
    return value if value is not None else ""


def _words(ctx: RequestContext, names: Names) -> dict[str, Any]:
    return {
        "names": names,
        "touches": {what: ctx.language.gettext(words) for what, words in TOUCHES.items()},
        "words": lambda one: change_words(one.changed, ctx.language),
    }
