"""What people do with assignments (交办件), one function for each act. Given several items it does all, or none.

Requests for more time are decided each by itself: one that cannot be granted keeps no other from it.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from models.assignments import assignment, correction, evidence, extension, objection, opinion, review
from models.assignments.assignment import Assignment
from models.assignments.objection import About
from models.assignments.review import Decision
from models.common.errors import NotFoundError, RefusedError
from models.common.files import StoredEvidence
from models.common.status import Status
from models.delivery.signature import PostedLetter, Signed, sign_letter
from models.permissions import Act, require
from models.plan.plan import Plan
from models.queries.files import kept
from services.scope import Scope

Items = Sequence[int] | Sequence[str]  # ids, as pages know them, or references, as people type them


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One assignment after an act."""

    id: int
    ref: str
    status: Status
    version: int
    due_on: dt.date

    @classmethod
    def of(cls, one: Assignment) -> "Item":
        return cls(one.id, one.ref, one.status, one.version, one.due_on)


def sign(scope: Scope, items: Items) -> int:
    """签收: sign for those that are not signed for yet; returns how many. Raises NotFoundError."""
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.SIGN, items)
        return assignment.acknowledge(session, plan, found, actor=scope.actor, at=scope.at)


def sign_all(scope: Scope) -> int:
    """Sign for all that the actor's unit has not signed for; returns how many.

    Raises RefusedError for whoever acts for no unit that work is issued to.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.SIGN_ALL, scope.actor)
        found = assignment.unsigned_of(session, plan, scope.unit_id)
        for one in found:
            require(session, plan, Act.SIGN, scope.actor, one)
        return assignment.acknowledge(session, plan, found, actor=scope.actor, at=scope.at)


def sign_all_of_letter(scope: Scope, letter: PostedLetter) -> Signed:
    """Sign for all that a letter told its unit as issued. Doing it twice changes nothing.

    Raises NotFoundError for whoever does not act for the unit that the letter went to.
    """
    with scope.open() as (session, plan):
        if scope.actor.unit_id != letter.unit.id:
            raise NotFoundError("this letter does not exist")
        refs = letter.refs(session)
        found = _allowed(session, plan, scope, Act.SIGN, refs) if refs else []
        return sign_letter(session, letter, found, actor=scope.actor, at=scope.at)


def submit(
    scope: Scope,
    items: Items,
    files: Sequence[StoredEvidence] = (),
    *,
    again: Sequence[int] = (),
    note: str = "",
    figures: Mapping[str, Any] | None = None,
) -> list[Item]:
    """Hand in for one or several assignments of a unit, and tell their reviewers.

    `files` are in the evidence store already; `again` are ids of files that the unit handed in or kept before.
    Raises NotFoundError, RefusedError where it is empty or not one unit's, IllegalMoveError where one is not open.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.SUBMIT, items)
        stored = [*files, *(kept(session, scope.actor.unit_id, again) if again and scope.actor.unit_id else ())]
        evidence.submit(
            session, plan, found, stored, note=note, figures=dict(figures or {}), actor=scope.actor, at=scope.at
        )
        return [Item.of(one) for one in found]


def keep_files(scope: Scope, files: Sequence[StoredEvidence]) -> None:
    """Keep uploaded files for the unit where handing them in was refused, so that they need not be sent again.

    Raises RefusedError for whoever acts for no unit that work is issued to.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.KEEP_FILES, scope.actor)
        evidence.keep(session, scope.unit_id, files, scope.at)


def decide_review(
    scope: Scope, items: Items, decision: Decision, *, reason: str = "", version: int | None = None
) -> list[Item]:
    """审核: accept (办结) or return (退回) what is under review; `version` refuses where a newer one came in.

    Raises NotFoundError, IllegalMoveError, BlockedError where a joint item waits for its responsible units, and
    RefusedError for a return without a reason, a stale version, or a person who may not review it.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.REVIEW, items)
        act = review.accept if decision is Decision.ACCEPT else review.send_back
        act(session, plan, found, reason=reason, actor=scope.actor, at=scope.at, version=version)
        return [Item.of(one) for one in found]


def give_opinion(scope: Scope, item: int | str, *, agrees: bool, words: str = "", version: int | None = None) -> Item:
    """会签: a co-lead agrees to what was handed in, or objects; `version` refuses where a newer one came in.

    Raises NotFoundError, IllegalMoveError where nothing is under review, and RefusedError for an objection without a
    reason, a stale version, or a person who may not speak.
    """
    with scope.open() as (session, plan):
        (one,) = _allowed(session, plan, scope, Act.GIVE_OPINION, _alone(item))
        opinion.give(session, plan, one, agrees=agrees, words=words, version=version, actor=scope.actor, at=scope.at)
        return Item.of(one)


def ask_extension(scope: Scope, items: Items, *, until: dt.date | None, reason: str) -> list[Item]:
    """延期: ask for more time. Raises NotFoundError, and RefusedError with every reason against it."""
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.ASK_EXTENSION, items)
        if until is None:
            raise RefusedError("give the day until which more time is needed")
        for one in found:
            extension.ask(session, plan, one, until=until, reason=reason, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def decide_extension(
    scope: Scope, item: int | str, *, grant: bool, reason: str = "", until: dt.date | None = None
) -> Item:
    """Grant or refuse the request that waits; `until` is the day granted, where another one was asked for.

    Raises NotFoundError where none waits, RefusedError for a refusal without a reason and a day that cannot be granted.
    """
    with scope.open() as (session, plan):
        (one,) = _allowed(session, plan, scope, Act.DECIDE_EXTENSION, _alone(item))
        extension.decide(session, plan, one, grant=grant, reason=reason, until=until, actor=scope.actor, at=scope.at)
        return Item.of(one)


@dataclasses.dataclass(slots=True)
class DecidedRequests:
    """What became of many requests. `meanwhile`: how many were decided before; `refused`: why others still wait."""

    decided: int = 0
    meanwhile: int = 0
    refused: list[RefusedError] = dataclasses.field(default_factory=list)


def decide_extensions(
    scope: Scope, asked: Mapping[int, int], *, grant: bool, reason: str = "", until: dt.date | None = None
) -> DecidedRequests:
    """Decide on many requests at once: `asked` maps the id of each request to that of its assignment.

    `until` is the day that all are granted, where it is not the one that each asked for.

    One that was decided meanwhile is left as it is, and one that cannot be decided so keeps no other from it. Raises
    NotFoundError, and RefusedError where no request is named, or where none could be decided.
    """
    with scope.open() as (session, plan):
        if not asked:
            raise RefusedError("choose at least one request")
        found = {one.id: one for one in _allowed(session, plan, scope, Act.DECIDE_EXTENSION, list(asked.values()))}
        done = DecidedRequests()
        for request, about in asked.items():
            waiting = extension.pending(session, found[about])
            if waiting is None or waiting.id != request:
                done.meanwhile += 1
                continue
            try:
                one, actor, at = found[about], scope.actor, scope.at
                extension.decide(session, plan, one, grant=grant, reason=reason, until=until, actor=actor, at=at)
                done.decided += 1
            except RefusedError as refused:  # which wrote nothing
                done.refused.append(refused)
        if done.refused and not done.decided:
            raise done.refused[0]
        return done


def object_to(scope: Scope, item: int | str, *, about: About, reason: str) -> Item:
    """异议: object to a return or to today's light. Raises NotFoundError, and RefusedError with every reason."""
    with scope.open() as (session, plan):
        (one,) = _allowed(session, plan, scope, Act.OBJECT, _alone(item))
        objection.object_to(session, plan, one, about=about, reason=reason, actor=scope.actor, at=scope.at)
        return Item.of(one)


def decide_objection(
    scope: Scope,
    item: int | str,
    *,
    upheld: bool,
    reason: str,
    until: dt.date | None = None,
    objection_id: int | None = None,
) -> Item:
    """Decide on the objection that waits; `objection_id` refuses where another one waits by now.

    `until` is the new date of an assignment that is still overdue. Raises NotFoundError where none waits, RefusedError
    with every reason against the decision.
    """
    with scope.open() as (session, plan):
        (one,) = _allowed(session, plan, scope, Act.DECIDE_OBJECTION, _alone(item))
        waiting = objection.pending(session, one)
        if objection_id is not None and (waiting is None or waiting.id != objection_id):
            raise RefusedError("{ref}: this objection was decided meanwhile; look again", ref=one.ref)
        objection.decide(session, plan, one, upheld=upheld, reason=reason, until=until, actor=scope.actor, at=scope.at)
        return Item.of(one)


def waive(scope: Scope, items: Items, *, reason: str, seen_as: Status | None = None) -> list[Item]:
    """No longer ask for these. `seen_as` is the status that was shown; with another one by now it is refused.

    Raises NotFoundError, IllegalMoveError, and RefusedError without a reason.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.WAIVE, items)
        for one in found:
            if seen_as is not None and one.status is not seen_as:
                raise RefusedError(
                    "{ref} was {before} when this page was made and is {after} now; look again",
                    ref=one.ref,
                    before=seen_as,
                    after=one.status,
                )
            review.waive(session, plan, one, reason=reason, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def withdraw(scope: Scope, items: Items, *, reason: str, version: int | None = None) -> list[Item]:
    """撤回: take back what was handed in and nobody has reviewed; `version` refuses where a newer one came in.

    Raises NotFoundError, IllegalMoveError where nothing is under review, and RefusedError without a reason.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.WITHDRAW, items)
        for one in found:
            _refuse_other_version(one, version)
            correction.withdraw(session, plan, one, reason=reason, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def reopen(scope: Scope, items: Items, *, reason: str, version: int | None = None) -> list[Item]:
    """撤销办结: take an acceptance back, so that it is reviewed anew; `version` refuses where another one was accepted.

    Raises NotFoundError, IllegalMoveError where one is not accepted, BlockedError while the lead's item rests on it,
    and RefusedError without a reason and for whoever neither reviews it nor is the office.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.REOPEN, items)
        for one in found:
            _refuse_other_version(one, version)
            correction.reopen(session, plan, one, reason=reason, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def ask_again(scope: Scope, items: Items, *, reason: str, until: dt.date | None = None) -> list[Item]:
    """恢复交办: take a waiver back. `until` is the new date of what is overdue by now.

    Raises NotFoundError, IllegalMoveError where one is not waived, and RefusedError with every reason against it.
    """
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.ASK_AGAIN, items)
        for one in found:
            correction.ask_again(session, plan, one, reason=reason, until=until, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def release(scope: Scope, items: Items | None = None) -> list[tuple[str, str]]:
    """Give back to patrol what it set aside, all of it where none is named.

    Returns each reference and what had gone wrong. Raises NotFoundError.
    """
    with scope.open() as (session, plan):
        if items is None:
            items = [one.id for one in assignment.quarantined(session, plan)]
        found = [one for one in _allowed(session, plan, scope, Act.RELEASE_ITEM, items) if one.needs_attention]
        told = [(one.ref, one.needs_attention) for one in found]
        assignment.release(session, plan, found, actor=scope.actor, at=scope.at)
        return told


def _refuse_other_version(one: Assignment, looked_at: int | None) -> None:
    if looked_at is not None and one.version != looked_at:
        raise RefusedError("{ref}: another version is under review by now; look again", ref=one.ref)


def _alone(item: int | str) -> Items:
    return [item] if isinstance(item, int) else [item]  # noqa: RUF034  (one kind or the other, for the types)


def _allowed(session: Session, plan: Plan, scope: Scope, act: Act, items: Items) -> list[Assignment]:
    """The assignments, locked. Raises NotFoundError where one does not exist, RefusedError where the actor may not."""
    ids, refs = [one for one in items if isinstance(one, int)], [one for one in items if isinstance(one, str)]
    found = assignment.by_refs(session, plan, refs) if refs else assignment.by_ids(session, plan, ids)
    if act is Act.SUBMIT:
        evidence.one_unit_of(found)  # this reason comes before the refusal for another unit's items
    for one in found:
        require(session, plan, act, scope.actor, one)
    return found
