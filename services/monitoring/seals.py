"""Sealing the journal, and checking the seals: one function for each act. A seal covers the journal of all plans."""

import datetime as dt
import time
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from adapters.database.sessions import transaction
from models.common.constraints import may_pass
from models.common.errors import UnavailableError
from models.common.event import Actor
from models.monitoring import seal
from models.monitoring.audit import look_at_once
from models.monitoring.seal import Broken, LastSeal
from models.permissions import Act, require_program

TRIES, PAUSE_S = 20, 0.1  # for a moment in which nobody writes


def seal_journal(actor: Actor, at: dt.datetime) -> int:
    """Seal all entries that are not sealed yet; returns how many.

    Whoever writes is never waited for, nor made to wait: where there is no moment for it, it is left to the next time.
    Raises RefusedError for whoever acts for a unit.
    """
    require_program(Act.SEAL, actor)
    upto = _horizon()
    if upto is None:
        return 0
    count = 0
    while newly := _sealed_next(upto, at):
        count += newly
    return count


def _horizon() -> int | None:
    for _ in range(TRIES):
        try:
            with transaction() as session:
                return seal.horizon(session)
        except UnavailableError as error:
            if not isinstance(error.__cause__, DBAPIError) or not may_pass(error.__cause__):
                raise
        time.sleep(PAUSE_S)  # somebody is writing just now
    return None


def _sealed_next(upto: int, at: dt.datetime) -> int:
    with transaction() as session:
        return seal.seal_next(session, upto, at)


def check(kept: Sequence[str] = ()) -> tuple[LastSeal | None, Sequence[Broken]]:
    """The last seal, and everything in the journal that is not as it was sealed; `kept`: digests kept elsewhere."""
    with transaction() as session:
        look_at_once(session)
        return seal.last_seal(session), [*seal.broken(session), *seal.forgotten(session, kept)]
