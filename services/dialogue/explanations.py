"""情况说明: what a unit says of an item that is late or will be, and until when it promises it."""

import datetime as dt

from models.assignments.assignment import Assignment, by_ids, by_refs
from models.dialogue import explanation
from models.dialogue.explanation import Said
from models.permissions import Act, require
from services.assignments import Item
from services.scope import Scope


def explain(
    scope: Scope, item: int | str, *, why: str, until: dt.date | None, answers: str, needs: str = ""
) -> tuple[Item, dt.date]:
    """Explain why it is late; returns the item and the day that is promised.

    Raises NotFoundError, and RefusedError with every reason against it.
    """
    with scope.open() as (session, plan):
        found: list[Assignment] = (
            by_ids(session, plan, [item]) if isinstance(item, int) else by_refs(session, plan, [item])
        )
        (one,) = found
        require(session, plan, Act.EXPLAIN, scope.actor, one)
        words = Said(why, until, answers, needs)
        promised = explanation.explain(session, plan, one, words, actor=scope.actor, at=scope.at)
        return Item.of(one), promised.until
