"""Change sets (方案调整): what a change of a plan that runs would do, and doing it; one function for each act."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters.database.sessions import no_statement_timeout, transaction
from adapters.gc import gc_frozen
from adapters.language import Language
from adapters.settings import settings
from models.changes.carry_out import CarriedOut, Heading
from models.changes.carry_out import carry_out as change_plan
from models.changes.change_set import ChangeItem, Touch
from models.changes.ledger import Noted
from models.changes.meaning import Changed, meaning_of
from models.changes.orders import Orders, carried_out, reasons_against
from models.common.base import AnyRow, any_of_ids
from models.common.errors import BlockedError, RefusedError
from models.common.text import Text
from models.delivery.compose import LetterComposer, messages_of
from models.delivery.letter import Letter, RenderedLetter
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
    `letters`: what each unit would be told, by its code, where a preview was asked for it.
    """

    number: int | None
    title: str
    version_before: int
    version_after: int
    touched: tuple[Touched, ...]
    passed: tuple[str, ...]
    mark: str
    letters: Mapping[str, RenderedLetter] = dataclasses.field(default_factory=dict, compare=False)

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


@dataclasses.dataclass(frozen=True, slots=True)
class _Done:
    """What was done, in plain values that outlive its transaction."""

    number: int | None
    title: str
    version_before: int
    version_after: int
    items: Sequence[Noted]
    passed: Sequence[str]
    names: Mapping[str, Text]


class _Undone(Exception):  # noqa: N818  (it is no error: it ends a transaction that is not to be kept)
    def __init__(self, done: _Done, letters: Sequence[Letter]) -> None:
        super().__init__()
        self.done, self.letters = done, letters


def preview(
    scope: Scope, document: PlanDocument | None, orders: Orders, heading: Heading, *, letters: int | None = 0
) -> Outcome:
    """What carrying it out would do. It is carried out, and the transaction is undone: so the two cannot differ.

    Always in a transaction of its own. Nobody waits while it is worked out; who works on what it touches waits from
    when that is written until it is undone. `letters`: for how many units, in the order of their codes, the letter
    that they would get is written as well; None for all of them. Raises what `carry_out` raises.
    """
    try:
        with transaction() as session:
            plan = plan_of(session, scope.plan)
            done, message_ids = _change(session, plan, scope, document, orders, heading, lock=False)
            told = _letters(session, plan, scope.at, message_ids, letters) if letters != 0 else []
            raise _Undone(done, told)  # noqa: TRY301  (it has to leave the transaction)
    except _Undone as undone:
        language, has_portal = Language.of(settings().language), bool(settings().portal_url)
        written = {one.recipient_code: render(one, language, with_link=has_portal) for one in undone.letters}
        link = language.gettext("(here stands the unit's own link)")
        texts = {code: dataclasses.replace(one, body=linked(one.body, link)) for code, one in written.items()}
        return dataclasses.replace(_outcome(undone.done), letters=texts)


def carry_out(
    scope: Scope, document: PlanDocument | None, orders: Orders, heading: Heading, *, agreed: str | None = None
) -> Outcome:
    """Change the plan and the work that runs, in one transaction. A second time it changes nothing.

    `document`: the new one; without it the orders are carried out in the present one. `agreed` is the mark of the
    preview that a person agreed to. Raises RefusedError where it would by now do something else, BlockedError with
    every item for which it cannot be.
    """
    with scope.open() as (session, plan):
        done, _message_ids = _change(session, plan, scope, document, orders, heading)
        changed = _outcome(done)
        if agreed is not None and agreed != changed.mark:
            raise RefusedError("what the change would do has changed meanwhile; look again")
        return changed


def _change(
    session: Session,
    plan: Plan,
    scope: Scope,
    document: PlanDocument | None,
    orders: Orders,
    heading: Heading,
    *,
    lock: bool = True,
) -> tuple[_Done, Sequence[int]]:
    """What was done, and the ids of the messages that say so."""
    require(session, plan, Act.CHANGE_PLAN, scope.actor)
    no_statement_timeout(session)  # a national plan is stored, and its work moved, in statements that take long
    with gc_frozen():
        done = change_plan(session, plan, document, orders, heading, actor=scope.actor, at=scope.at, lock=lock)
    return _plain(session, plan, done), done.message_ids


def _plain(session: Session, plan: Plan, done: CarriedOut) -> _Done:
    change = done.change
    if change is None:
        return _Done(None, "", plan.version, plan.version, (), done.passed, {})
    versions = (change.version_before, change.version_after)
    return _Done(change.number, change.title, *versions, done.items, done.passed, names_of(session, plan.id))


def _letters(
    session: Session, plan: Plan, at: dt.datetime, message_ids: Collection[int], most: int | None
) -> list[Letter]:
    """What the change set says to each unit, in a letter of its own; to the first so many, or to all."""
    by_unit: dict[int, list[AnyRow]] = defaultdict(list)
    for row in messages_of(session, message_ids):
        by_unit[row.recipient_id].append(row)
    query = select(Unit).where(any_of_ids(Unit.id, by_unit)).order_by(Unit.code).limit(most)
    units = session.scalars(query).all()
    composer = LetterComposer(session, plan, plan.day_of(at), [row for unit in units for row in by_unit[unit.id]])
    return [composer.of(unit, by_unit[unit.id]) for unit in units]


def touched(items: Iterable[ChangeItem | Noted], names: Mapping[str, Text]) -> list[Touched]:
    """What change sets did, unit by unit; `names` are those of the plan's units, by their codes."""
    rank = {what: place for place, what in enumerate(Touch)}
    found = (
        Touched(
            unit=one.unit_code,
            what=one.what,
            ref=one.ref,
            before=one.before or {},
            after=one.after or {},
            changed=meaning_of(one.what, one.before, one.after, names),
            assignment_id=one.assignment_id,
        )
        for one in items
    )
    return sorted(found, key=lambda one: (one.unit, rank[one.what], one.ref))


def _outcome(done: _Done) -> Outcome:
    items = touched(done.items, done.names)
    return Outcome(
        number=done.number,
        title=done.title,
        version_before=done.version_before,
        version_after=done.version_after,
        touched=tuple(items),
        passed=tuple(done.passed),
        mark=_mark(items, done.passed),
    )


def _mark(touched: Sequence[Touched], passed: Sequence[str]) -> str:
    facts = [[(one.ref, one.what, one.before, one.after) for one in touched], list(passed)]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()
