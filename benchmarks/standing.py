"""How a national plan stands, counted, beside one bare `GROUP BY` over the table of assignments, read by psycopg.

`status` counts by phase, role, status and light; the bare question groups by the same sides of the same days. The
board counts by unit, area and light; the bare question groups by unit and status.
"""

import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

from adapters.database.sessions import transaction
from adapters.gc import gc_frozen
from benchmarks import national
from benchmarks.ground import connected, copied, say
from benchmarks.report import Figure, at_most
from models.plan.plan import plan_of
from models.queries.board import board
from models.queries.statistics import counts_by_light

MAX_RATIO = 1.5
BY_LIGHT = """
SELECT requirement_id, role, status, due_on < %(today)s, due_on <= %(near)s, issued_on < %(unsigned)s, late, count(*)
FROM assignment GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
BY_UNIT = "SELECT unit_id, status, count(*) FROM assignment GROUP BY unit_id, status"


def measure(database: str, rows: int, times: int) -> Iterator[Figure]:
    """Medians of so many of each in turn, after one that is not counted, on a copy in which the units have worked."""
    # As in the portal (`portal/app.py`): what else lies in this process is no matter of theirs.
    with copied(database), gc_frozen():
        national.live()
        yield from _compared("status", _status, BY_LIGHT, rows, times)
        yield from _compared("the board's figures", _board, BY_UNIT, rows, times)


def _compared(name: str, ours: Callable[[], object], bare: LiteralString, rows: int, times: int) -> Iterator[Figure]:
    pairs = [(_seconds(lambda: _ask(bare)), _seconds(ours)) for _ in range(times + 1)][1:]
    floor, value = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    say(f"  {name}: bare {floor:.2f} s, ours {value:.2f} s")
    yield at_most(MAX_RATIO, name, value, "s", floor=floor, rows=rows)


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _status() -> object:
    with transaction() as session:
        return counts_by_light(session, plan_of(session, national.CODE), national.TODAY)


def _board() -> object:
    with transaction() as session:
        return board(session, plan_of(session, national.CODE), national.TODAY)


def _ask(question: LiteralString) -> list[Any]:
    days = {
        "today": national.TODAY,
        "near": national.TODAY + dt.timedelta(days=national.NEAR_LIMIT_DAYS),
        "unsigned": national.ISSUED_ON,
    }
    with connected() as connection:
        return connection.execute(question, days).fetchall()
