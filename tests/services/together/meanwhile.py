"""Two people at once, each time in the same order: the first has acted and not ended when the second begins."""

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from adapters.database.sessions import read_session
from models.common.errors import DubanError
from services.scope import Scope, together

Act = Callable[[Scope], Any]

WAITS = text("""
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
""")
LOOK_S = 0.01


class _Second(threading.Thread):
    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self.act = act
        self.refused: DubanError | None = None
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            self.act()
        except DubanError as refused:
            self.refused = refused
        except BaseException as failed:  # noqa: BLE001  (told to whoever waits for it)
            self.failed = failed


def meanwhile(first: tuple[Scope, Act], second: tuple[Scope, Act]) -> DubanError | None:
    """Let the first act, then the second until it waits for the first or is through, then the first end.

    Returns why the second was refused, None where it was not.
    """
    scope, act = first
    other = _Second(lambda: second[1](second[0]))
    with together() as session:
        act(scope.joining(session))
        session.flush()
        other.start()
        _until_it_waits(other)
    other.join()
    if other.failed is not None:
        raise other.failed
    return other.refused


def _until_it_waits(other: threading.Thread) -> None:
    while other.is_alive():
        with read_session() as session:
            if session.scalar(WAITS):
                return
        time.sleep(LOOK_S)
