"""Change sets (方案调整): what a change of a plan that runs would do, and doing it; one function for each act."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.database.sessions import transaction
from adapters.language import Language
from adapters.settings import settings
from models.changes.carry_out import CarriedOut, Heading, subject
from models.changes.carry_out import carry_out as change_plan
from models.changes.change_set import ChangeItem, Touch
from models.changes.meaning import Changed, meaning_of
from models.changes.orders import Orders, carried_out, reasons_against
from models.common.errors import BlockedError, RefusedError
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.delivery.compose import LetterComposer
from models.delivery.letter import RenderedLetter
from models.outbox.message import Message
from models.permissions import Act, require
from models.plan.document import PlanDocument
from models.plan.plan import Plan, plan_of
from models.plan.unit import Unit, names_of
from rendering.letter_text import linked, render
from services.scope import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class Touched:
    """What happens to one item, or to a unit; `ref` names it, and `before` and `after` say what is other.

    `changed` is the same in values that can be put into words.
    """

    unit: str
    what: Touch
    ref: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    changed: Changed
    assignment_id: int | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a change set does or did; `number` is None where it changes nothing.

    `touched` is grouped by unit. `passed`: who is not asked for what has passed. `mark` tells two results apart.
    `letters`: of a preview, what units would be told, by their codes.
    """

    number: int | None
    title: str
    version_before: int
    version_after: int
    touched: tuple[Touched, ...]
    passed: tuple[str, ...]
    mark: str
    letters: dict[str, RenderedLetter] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def is_empty(self) -> bool:
        return self.number is None

    def by_unit(self) -> dict[str, list[Touched]]:
        return by_unit(self.touched)


def by_unit(touched: Iterable[Touched]) -> dict[str, list[Touched]]:
    """By the code of the unit."""
    found: dict[str, list[Touched]] = {}
    for one in touched:
        found.setdefault(one.unit, []).append(one)
    return found


def combined(before: PlanDocument, edited: PlanDocument, orders: Orders) -> tuple[PlanDocument | None, Orders]:
    """A document that was edited here, and orders beside it, as `preview` and `carry_out` take them.

    Without an edit there is no new document. Raises BlockedError where the orders cannot be carried out in it.
    """
    if edited == before:
        return None, orders
    reasons = reasons_against(edited, orders)
    if reasons:
        raise BlockedError("the change cannot be carried out: {reasons}", reasons)
    return carried_out(edited, orders), dataclasses.replace(orders, withdrawn=())


class _Undone(Exception):  # noqa: N818  (it is no error: it ends a transaction that is not to be kept)
    def __init__(self, changed: Outcome) -> None:
        super().__init__()
        self.changed = changed


def preview(
    scope: Scope, document: PlanDocument | None, orders: Orders, heading: Heading, *, letters: int = 0
) -> Outcome:
    """What carrying it out would do. It is carried out, and the transaction is undone: so the two cannot differ.

    Always in a transaction of its own. `letters`: for how many units, in the order of their codes, the letter is
    written as well. Raises what `carry_out` raises.
    """
    try:
        with transaction() as session:
            plan = plan_of(session, scope.plan)
            changed = _carry_out(session, plan, scope, document, orders, heading)
            changed.letters.update(_letters(session, plan, changed, scope.at, letters))
            raise _Undone(changed)  # noqa: TRY301  (it has to leave the transaction)
    except _Undone as undone:
        return undone.changed


def _letters(
    session: Session, plan: Plan, changed: Outcome, at: dt.datetime, most: int
) -> Iterator[tuple[str, RenderedLetter]]:
    """The letters by the codes of their units, in the language and with the words in which they would leave."""
    if changed.number is None:
        return
    language, has_portal = Language.of(settings().language), bool(settings().portal_url)
    query = (
        select(Message, Unit)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.kind == MessageKind.PLAN_CHANGED)
        .where(Message.subject == subject(plan, changed.number))
        .order_by(Unit.code)
        .limit(most)
    )
    rows: list[tuple[Any, Unit]] = [(message, unit) for message, unit in session.execute(query)]
    composer = LetterComposer(session, plan, plan.day_of(at), [message for message, _ in rows])
    for message, unit in rows:
        letter = render(composer.of(unit, [message]), language, with_link=has_portal)
        yield unit.code, dataclasses.replace(letter, body=linked(letter.body, "…"))


def carry_out(
    scope: Scope, document: PlanDocument | None, orders: Orders, heading: Heading, *, agreed: str | None = None
) -> Outcome:
    """Change the plan and the work that runs, in one transaction. A second time it changes nothing.

    `document`: the new one; without it the orders are carried out in the present one. `agreed` is the mark of the
    preview that a person agreed to. Raises RefusedError where it would by now do something else, BlockedError with
    every item for which it cannot be.
    """
    with scope.open() as (session, plan):
        changed = _carry_out(session, plan, scope, document, orders, heading)
        if agreed is not None and agreed != changed.mark:
            raise RefusedError("what the change would do has changed meanwhile; look again")
        return changed


def _carry_out(
    session: Session, plan: Plan, scope: Scope, document: PlanDocument | None, orders: Orders, heading: Heading
) -> Outcome:
    require(session, plan, Act.CHANGE_PLAN, scope.actor)
    version = plan.version
    done = change_plan(session, plan, document, orders, heading, actor=scope.actor, at=scope.at)
    session.flush()
    return _outcome(session, plan, version, done)


def touched(items: Iterable[ChangeItem], names: Mapping[str, Text]) -> list[Touched]:
    """What change sets did, unit by unit; `names` are those of the plan's units, by their codes."""
    found = (
        Touched(
            unit=one.unit.code,
            what=one.what,
            ref=one.ref,
            before=one.before or {},
            after=one.after or {},
            changed=meaning_of(one.what, one.before, one.after, names),
            assignment_id=one.assignment_id,
        )
        for one in items
    )
    return sorted(found, key=lambda one: (one.unit, list(Touch).index(one.what), one.ref))


def _outcome(session: Session, plan: Plan, version: int, done: CarriedOut) -> Outcome:
    items = touched(done.items, names_of(session, plan.id))
    return Outcome(
        number=done.change.number if done.change else None,
        title=done.change.title if done.change else "",
        version_before=version,
        version_after=plan.version,
        touched=tuple(items),
        passed=tuple(done.passed),
        mark=_mark(items, done.passed),
    )


def _mark(touched: Sequence[Touched], passed: Sequence[str]) -> str:
    facts = [[(one.ref, one.what, one.before, one.after) for one in touched], list(passed)]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()
