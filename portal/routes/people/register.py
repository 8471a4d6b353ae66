"""The register: a unit's own, all of it for the office, and each entry with its history and what may be done."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from adapters.language import N_
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError, Reason
from models.outbox.message import AttemptOutcome
from models.people.person import (
    ALONE,
    TO_REACH,
    Entry,
    EntryError,
    Person,
    Post,
    contact_of,
    history_of,
    open_entries,
    past_entries,
    people_of,
    person_at,
    posts_of,
    units_with_nobody,
)
from models.people.reach import Reached
from models.permissions import Act, may_towards, require_towards
from models.plan.asked import units_led_by
from models.plan.unit import Unit, bodies_of, units_at_work
from portal.actions import perform
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, read_request, write_request
from portal.forms import DayOfWork, Id, Page, Sent, Words
from portal.turns import Aside
from rendering.labels import POSTS, REACHED
from services.people import register, trying
from services.people.trying import Tried

router = APIRouter()

EVERYBODY = (AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER)
UNITS_SHOWN = 100  # on one page
PAST_SHOWN = 50  # entries of a unit that have ended
ASIDE = Aside(2)  # a service may take a minute to answer
TRIED = {
    AttemptOutcome.SENT: N_("{address}: the letter arrived"),
    AttemptOutcome.TEMPORARY: N_("{address}: the letter could not be sent now ({detail})"),
    AttemptOutcome.PERMANENT: N_("{address}: the letter was refused ({detail})"),
    AttemptOutcome.AMBIGUOUS: N_("{address}: nobody can tell whether the letter arrived ({detail})"),
}


class PersonForm(Sent):
    """What is said of a person; bounds are the register's, which says what is wrong at its field."""

    name: Words = ""
    title: Words = ""
    telephone: Words = ""
    mobile: Words = ""
    addresses: Words = ""
    from_on: DayOfWork = None

    @property
    def entry(self) -> Entry:
        return Entry(self.name, self.title, self.telephone, self.mobile, tuple(self.addresses.split()))


class NewPersonForm(PersonForm):
    post: Post | None = None


class EndForm(Sent):
    until_on: DayOfWork = None


class TryForm(Sent):
    service: Annotated[str, Field(max_length=20)] = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A unit in the list of all: who is registered, whom letters go to, and what is known of the address."""

    unit: Unit
    people: Sequence[Person]
    main: Person | None
    state: Reached | None


# ---- all of them, and one unit's


@router.get("/people")
def show_people(request: Request, page: Page = 1) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return _overview(ctx, page) if ctx.sees_all else _unit_page(ctx, ctx.stay.unit)


def _overview(ctx: RequestContext, page: int) -> Response:
    office, leader = bodies_of(ctx.session, ctx.plan.id)
    units = [leader, office, *units_at_work(ctx.session, ctx.plan.id)]
    last = -(-len(units) // UNITS_SHOWN)
    shown = units[(min(page, last) - 1) * UNITS_SHOWN :][:UNITS_SHOWN]
    people = people_of(ctx.session, ctx.plan, ctx.today, [unit.id for unit in shown])
    known = trying.known_addresses(ctx.session, [one for found in people.values() for one in found])
    nobody, nobody_count = units_with_nobody(ctx.session, ctx.plan, ctx.today, UNITS_SHOWN)
    return ctx.page(
        "people.html",
        rows=[_row(unit, people.get(unit.id, ()), known) for unit in shown],
        page=min(page, last),
        last=last,
        nobody=nobody,
        nobody_count=nobody_count,
        posts=POSTS,
        reached=REACHED,
    )


def _row(unit: Unit, people: Sequence[Person], known: Mapping[int, Sequence[trying.KnownAddress]]) -> Row:
    main = next((one for one in people if one.post in TO_REACH), None)
    state = next((each.known.state for each in known[main.id]), None) if main else None
    return Row(unit, people, main, state)


@router.get("/people/units/{unit_id}")
def show_unit(request: Request, unit_id: Id) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return _unit_page(ctx, _seen(ctx, unit_id))


def _seen(ctx: RequestContext, unit_id: int) -> Unit:
    """Raises NotFoundError where this person may not see whom the unit has."""
    unit = register.unit_in(ctx.session, ctx.plan, unit_id)
    require_towards(ctx.session, ctx.plan, Act.SEE_TELEPHONES, ctx.actor, unit)
    return unit


def _unit_page(
    ctx: RequestContext, unit: Unit, refused: DubanError | None = None, typed: NewPersonForm | None = None
) -> Response:
    entries = open_entries(ctx.session, unit, ctx.today)
    past, past_count = past_entries(ctx.session, unit, ctx.today, PAST_SHOWN)
    held = {one.post for one in entries if one.until_on is None and one.post in ALONE}
    return ctx.page(
        "people_unit.html",
        status=UNPROCESSABLE if refused else 200,
        unit=unit,
        entries=entries,
        known=trying.known_addresses(ctx.session, entries),
        past=past,
        past_count=past_count,
        free=[(post.value, ctx.language.gettext(POSTS[post])) for post in posts_of(unit.kind) if post not in held],
        may_keep=may_towards(ctx.session, ctx.plan, Act.KEEP_PEOPLE, ctx.actor, unit),
        whom=_whom_to_reach(ctx) if unit.id == ctx.unit_id and ctx.role is AccessRole.UNIT else [],
        posts=POSTS,
        reached=REACHED,
        refused=refused,
        faults=faults_in(refused),
        typed=typed or NewPersonForm(),
    )


def _whom_to_reach(ctx: RequestContext) -> list[tuple[Unit, Person]]:
    """The office's contact, whom every letter names, and the liaisons of the units that this one leads."""
    contact = contact_of(ctx.session, ctx.plan, ctx.today)
    people = people_of(ctx.session, ctx.plan, ctx.today, units_led_by(ctx.session, ctx.unit_id))
    liaisons = [one for unit_id in sorted(people) for one in people[unit_id] if one.post is Post.LIAISON]
    return [(one.unit, one) for one in (*([contact] if contact else []), *liaisons)]


def faults_in(refused: DubanError | None) -> Mapping[str, Reason]:
    """What is wrong with which field of a form, where that is known."""
    return refused.faults if isinstance(refused, EntryError) else {}


@router.post("/people/units/{unit_id}")
def register_person(request: Request, unit_id: Id, form: Annotated[NewPersonForm, Form()]) -> Response:
    def enter(ctx: RequestContext) -> Response:
        unit = _seen(ctx, unit_id)
        if form.post is None:
            raise EntryError("this entry of the register cannot be taken: {reasons}", {"post": Reason("choose a post")})
        one = register.register(ctx.scope, unit.id, form.post, form.entry, from_on=form.from_on)
        return ctx.done(_page_of(ctx, unit), N_("{name} is registered"), name=one.name)

    return perform(
        request, form, EVERYBODY, enter, lambda ctx, refused: _unit_page(ctx, _seen(ctx, unit_id), refused, form)
    )


def _page_of(ctx: RequestContext, unit: Unit) -> str:
    return "/people" if unit.id == ctx.unit_id and not ctx.sees_all else f"/people/units/{unit.id}"


# ---- one entry


@router.get("/people/{person_id}")
def show_person(request: Request, person_id: Id) -> Response:
    with read_request(request, *EVERYBODY) as ctx:
        return _person_page(ctx, person_id)


def _person_page(
    ctx: RequestContext, person_id: int, refused: DubanError | None = None, typed: PersonForm | None = None
) -> Response:
    one = _entry(ctx, person_id)
    known = trying.known_addresses(ctx.session, [one])[one.id]
    shown = trying.shown_addresses(one)
    return ctx.page(
        "person.html",
        status=UNPROCESSABLE if refused else 200,
        one=one,
        known=known,
        history=history_of(ctx.session, one),
        back=_page_of(ctx, one.unit),
        is_open=one.until_on is None,
        may_keep=may_towards(ctx.session, ctx.plan, Act.KEEP_PEOPLE, ctx.actor, one.unit),
        posts=POSTS,
        reached=REACHED,
        refused=refused,
        faults=faults_in(refused),
        typed=typed
        or PersonForm(name=one.name, title=one.title, telephone=one.telephone, mobile=one.mobile, addresses=shown),
    )


def _entry(ctx: RequestContext, person_id: int) -> Person:
    """Raises NotFoundError where this person may not see it."""
    one = person_at(ctx.session, ctx.plan, person_id)
    require_towards(ctx.session, ctx.plan, Act.SEE_TELEPHONES, ctx.actor, one.unit)
    return one


def _acted(request: Request, person_id: int, form: Sent, act: Callable[[RequestContext, Person], Response]) -> Response:
    """Do something with an entry that this person may see; where it is refused, show its page again with why."""
    typed = form if isinstance(form, PersonForm) else None
    return perform(
        request,
        form,
        EVERYBODY,
        lambda ctx: act(ctx, _entry(ctx, person_id)),
        lambda ctx, refused: _person_page(ctx, person_id, refused, typed),
    )


@router.post("/people/{person_id}")
def change_person(request: Request, person_id: Id, form: Annotated[PersonForm, Form()]) -> Response:
    def change(ctx: RequestContext, one: Person) -> Response:
        kept = register.change(ctx.scope, one.id, form.entry, from_on=form.from_on)
        told = N_("{name} stands in the register so from {day} on")
        return ctx.done(f"/people/{kept.id}", told, name=kept.name, day=str(kept.from_on))

    return _acted(request, person_id, form, change)


@router.post("/people/{person_id}/end")
def end_person(request: Request, person_id: Id, form: Annotated[EndForm, Form()]) -> Response:
    def end(ctx: RequestContext, one: Person) -> Response:
        kept = register.end(ctx.scope, one.id, until_on=form.until_on)
        told = N_("The entry of {name} counts no longer from {day} on")
        return ctx.done(_page_of(ctx, one.unit), told, name=kept.name, day=str(kept.until_on))

    return _acted(request, person_id, form, end)


@router.post("/people/{person_id}/try")
async def try_address(request: Request, person_id: Id, form: Annotated[TryForm, Form()]) -> Response:
    return await ASIDE.run(functools.partial(_try, request, person_id, form))


def _try(request: Request, person_id: int, form: TryForm) -> Response:
    """The letter leaves once the form is taken, so that nobody waits for it with the form's row locked."""
    try:
        with write_request(request, form, *EVERYBODY) as ctx:
            one = _entry(ctx, person_id)
            require_towards(ctx.session, ctx.plan, Act.TRY_ADDRESS, ctx.actor, one.unit)
            ctx.done(f"/people/{one.id}", N_("The letter was on its way; look at what is known of the address."))
        tried = trying.try_address(dataclasses.replace(ctx.scope, within=None), person_id, form.service)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        with read_request(request, *EVERYBODY) as again:
            return _person_page(again, person_id, refused)
    return ctx.done_after_all(f"/people/{person_id}", TRIED[tried.outcome], **_facts(tried))


def _facts(tried: Tried) -> dict[str, Any]:
    return {"address": tried.shown, "detail": tried.detail}
