"""What people do with notices that were given up."""

from models.delivery.claim import retry_dead
from models.permissions import Act, require
from services.scope import Scope


def retry_letters(scope: Scope) -> int:
    """What was wrong is mended: try every notice of the plan that was given up again. Returns how many."""
    with scope.open() as (session, plan):
        require(session, plan, Act.RETRY_LETTERS, scope.actor)
        return retry_dead(session, plan, at=scope.at)
