"""Trying again what was given up."""

from models.delivery.claim import retry_dead
from models.permissions import Act, require
from services.scope import Scope


def retry_letters(scope: Scope) -> int:
    """Try every notice of the plan again that was given up, once its cause is mended. Returns how many."""
    with scope.open() as (session, plan):
        require(session, plan, Act.RETRY_LETTERS, scope.actor)
        return retry_dead(session, plan, at=scope.at)
