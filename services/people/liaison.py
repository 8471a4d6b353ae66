"""The item by which a unit names its liaison: it is handed in with the entry of the register, and needs no file."""

import datetime as dt

from sqlalchemy.orm import Session

from adapters.language import N_, Language
from adapters.settings import settings
from models.assignments.assignment import Assignment, by_ids
from models.common.errors import Reason, RefusedError
from models.people.person import Entry, Person, Post, open_entries, refuse
from models.permissions import Act, require
from models.plan.plan import Plan
from models.plan.unit import Unit
from services import assignments
from services.assignments import Item
from services.people import register
from services.scope import Scope

CODE = "liaison"  # of the requirement, in whatever plan


def asks_for_liaison(assignment: Assignment) -> bool:
    """Whether this is the item by which a unit names its liaison."""
    return assignment.requirement.code == CODE


def liaison_of(session: Session, unit: Unit, today: dt.date) -> Person | None:
    """The liaison who is registered, from today on or from a later day."""
    entries = open_entries(session, unit, today)
    return next((one for one in entries if one.post is Post.LIAISON and one.until_on is None), None)


def hand_in_liaison(scope: Scope, item: int, entry: Entry) -> Item:
    """Register the unit's liaison, or change the entry that there is, and hand the item in with it; both or neither.

    Raises NotFoundError, RefusedError where the item asks for something else, EntryError with what is wrong in which
    field, IllegalMoveError where the item is not open.
    """
    with scope.open() as (session, plan):
        (one,) = by_ids(session, plan, [item])
        require(session, plan, Act.SUBMIT, scope.actor, one)
        if not asks_for_liaison(one):
            raise RefusedError("{ref} does not ask for a liaison", ref=one.ref)
        within = scope.joining(session)
        name, title = _registered(session, plan, within, one.unit, entry)
        return assignments.submit(within, [one.id], note=_note(name, title))[0]


def _registered(session: Session, plan: Plan, scope: Scope, unit: Unit, entry: Entry) -> tuple[str, str]:
    """The name and the position that stand in the register afterwards."""
    before = liaison_of(session, unit, plan.day_of(scope.at))
    meant = register.as_meant(entry, before.addresses if before else ())
    if not meant.has_telephone:
        refuse({"telephone": Reason("a telephone is needed: the leading-group office has to reach the liaison")})
    if before is None:
        register.register(scope, unit.id, Post.LIAISON, entry)
    elif meant != before.entry:
        register.change(scope, before.id, entry)
    return meant.name, meant.title


def _note(name: str, title: str) -> str:
    """What the reviewer reads; the telephone stands in the register alone."""
    template = N_("Liaison, as registered: {name}, {title}") if title else N_("Liaison, as registered: {name}")
    return Language.of(settings().language).gettext(template).format(name=name, title=title)
