"""Changes of a plan that runs: what was changed and when, and a form for the commonest orders, with its preview."""

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Request, Response

from adapters.language import N_
from models.access import AccessRole
from models.changes.carry_out import Heading
from models.changes.change_set import change_of, changes_of, touched_by
from models.changes.orders import Move, Orders
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.common.text import Text
from models.plan.plan import versions_of
from models.plan.unit import Unit, names_of, units_at_work
from portal.actions import Again, perform
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, check_form, read_request
from portal.forms import DayOfWork, FormId, Sent, Words
from rendering.labels import TOUCHES, change_words
from services import change_sets
from services.change_sets import Outcome

router = APIRouter()

READERS = (AccessRole.OFFICE, AccessRole.LEADER)
LATEST = 10**9

Number = Annotated[int, Path(ge=1, le=LATEST)]


class ChangeForm(Sent):
    """One order with its reason. `mark` is that of the preview that was looked at."""

    order: Literal["move", "withdraw", "hand"] = "move"
    ref: Words = ""
    day: DayOfWork = None
    code: Words = ""
    unit: FormId | Literal[""] = ""
    to: FormId | Literal[""] = ""
    title: Words = ""
    why: Words = ""
    authority: Words = ""
    past: bool = False
    step: Literal["preview", "carry out"] = "preview"
    mark: Words = ""


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
def new_change(request: Request) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _form_page(ctx)


@router.get("/plan/changes/{number}")
def show_change(request: Request, number: Number) -> Response:
    with read_request(request, *READERS) as ctx:
        change = change_of(ctx.session, ctx.plan, number)
        names = names_of(ctx.session, ctx.plan.id)
        touched = change_sets.touched(touched_by(ctx.session, change), names)
        return ctx.page(
            "change.html", change=change, seen=None, by_unit=change_sets.by_unit(touched), **_words(ctx, names)
        )


@router.post("/plan/changes")
def change_plan(request: Request, form: Annotated[ChangeForm, Form()]) -> Response:
    """First a preview, which takes nothing; then what it showed is carried out."""
    if form.step == "carry out":
        return perform(request, form, AccessRole.OFFICE, lambda ctx: _carry_out(ctx, form), _again(form))
    check_form(request, form)
    with read_request(request, AccessRole.OFFICE) as ctx:
        try:
            # In a transaction of its own: looking at a page has none.
            scope = dataclasses.replace(ctx.scope, within=None)
            return _form_page(ctx, form, seen=change_sets.preview(scope, None, _orders(ctx, form), _heading(ctx, form)))
        except (NotFoundError, ForgedError):
            raise
        except DubanError as refused:
            return _form_page(ctx, form, refused)


def _carry_out(ctx: RequestContext, form: ChangeForm) -> Response:
    agreed = form.mark or None
    done = change_sets.carry_out(ctx.scope, None, _orders(ctx, form), _heading(ctx, form), agreed=agreed)
    if done.number is None:
        raise RefusedError("nothing would change: all of this is so already")
    told = N_("Change set {number} is carried out; each unit concerned gets one letter.")
    return ctx.done(f"/plan/changes/{done.number}", told, number=done.number)


def _again(form: ChangeForm) -> Again:
    return lambda ctx, refused: _form_page(ctx, form, refused)


def _heading(ctx: RequestContext, form: ChangeForm) -> Heading:
    return Heading(form.title or form.why, form.why, form.authority, ctx.today)


def _orders(ctx: RequestContext, form: ChangeForm) -> Orders:
    """Raises NotFoundError for a unit that is none of the plan's, RefusedError where the order is not complete."""
    unit, to = _unit(ctx, form.unit), _unit(ctx, form.to)
    if form.order == "move":
        if not (form.ref and form.day):
            raise RefusedError("give the reference and the new date")
        return Orders(moves=(Move(form.ref, form.day),), past=form.past)
    if form.order == "withdraw":
        if not form.code:
            raise RefusedError("give the code of the requirement or measure")
        return Orders(withdrawn=(form.code,))
    if unit is None:
        raise RefusedError("choose the unit that ends")
    return Orders(successors={unit.code: (to.code,) if to else ()})


def _unit(ctx: RequestContext, unit_id: int | str) -> Unit | None:
    if not unit_id:
        return None
    found = next((one for one in units_at_work(ctx.session, ctx.plan.id) if one.id == unit_id), None)
    if found is None:
        raise NotFoundError("there is no such unit")
    return found


def _form_page(
    ctx: RequestContext,
    typed: ChangeForm | None = None,
    refused: DubanError | None = None,
    seen: Outcome | None = None,
) -> Response:
    return ctx.page(
        "change_new.html",
        status=UNPROCESSABLE if refused else 200,
        units=[("", "—"), *((one.id, ctx.language.text(one.name)) for one in units_at_work(ctx.session, ctx.plan.id))],
        typed=typed,
        refused=refused,
        seen=seen,
        by_unit=seen.by_unit() if seen else {},
        **_words(ctx, names_of(ctx.session, ctx.plan.id)),
    )


def _words(ctx: RequestContext, names: dict[str, Text]) -> dict[str, Any]:
    return {
        "names": names,
        "touches": {what: ctx.language.gettext(words) for what, words in TOUCHES.items()},
        "words": lambda one: change_words(one.changed, ctx.language),
    }
