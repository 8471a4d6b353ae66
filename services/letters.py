"""What the office does about letters that did not arrive."""

from models.delivery.claim import retry_dead
from models.permissions import Act, require
from services.scope import Scope


def retry_given_up(scope: Scope) -> int:
    """Try every notice that was given up again with the next delivery; returns how many."""
    with scope.open() as (session, plan):
        require(session, plan, Act.RETRY_MESSAGES, scope.actor)
        return retry_dead(session, plan, at=scope.at)
