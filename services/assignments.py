"""What people do with assignments (交办件), one function an act; of several items all are done, or none."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.assignments import assignment, review
from models.assignments.assignment import Assignment
from models.common.status import Status
from models.permissions import Act, require
from models.plan.plan import Plan
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
    """签收: sign for those that are not signed for yet; returns how many. Raises NotFoundError, RefusedError."""
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.SIGN, items)
        return assignment.acknowledge(session, plan, found, actor=scope.actor, at=scope.at)


def waive(scope: Scope, items: Items, *, reason: str) -> list[Item]:
    """No longer ask for these. Raises NotFoundError, IllegalMoveError, and RefusedError without a reason."""
    with scope.open() as (session, plan):
        found = _allowed(session, plan, scope, Act.WAIVE, items)
        for one in found:
            review.waive(session, plan, one, reason=reason, actor=scope.actor, at=scope.at)
        return [Item.of(one) for one in found]


def _allowed(session: Session, plan: Plan, scope: Scope, act: Act, items: Items) -> list[Assignment]:
    """The assignments, locked. Raises NotFoundError where one is none, RefusedError where the actor may not."""
    ids, refs = [one for one in items if isinstance(one, int)], [one for one in items if isinstance(one, str)]
    find = assignment.by_ids(session, plan, ids) if ids else assignment.by_refs(session, plan, refs)
    for one in find:
        require(session, plan, act, scope.actor, one)
    return find
