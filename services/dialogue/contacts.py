"""催办 and calls: the office writes to units in its own words, and notes calls, visits and what it has seen to."""

from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment, by_ids, by_refs
from models.common.errors import RefusedError
from models.dialogue import contact
from models.dialogue.contact import ContactKind, Pressed
from models.permissions import Act, require
from models.plan.plan import Plan
from services.assignments import Items
from services.scope import Scope


def press(scope: Scope, items: Items, *, words: str) -> Pressed:
    """Write to the units that owe these, one letter each. What was written with the same words today is left alone.

    Raises NotFoundError, and RefusedError with the reason against it.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.PRESS, items)
        return contact.press(session, plan, found, words=words, actor=scope.actor, at=scope.at)


def note(scope: Scope, items: Items, *, kind: ContactKind, words: str, with_whom: str = "") -> int:
    """Note a call, a visit or what follows; returns about how many items. Raises NotFoundError, and RefusedError."""
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.NOTE_CONTACT, items)
        written = contact.note(
            session, plan, found, kind=kind, with_whom=with_whom, words=words, actor=scope.actor, at=scope.at
        )
        return len(written)


def _allowed(session: Session, plan: Plan, scope: Scope, act: Act, items: Items) -> list[Assignment]:
    if not items:
        raise RefusedError("choose at least one item")
    refs, ids = [one for one in items if isinstance(one, str)], [one for one in items if isinstance(one, int)]
    found = by_refs(session, plan, refs) if refs else by_ids(session, plan, ids)
    for one in found:
        require(session, plan, act, scope.actor, one)
    return found
