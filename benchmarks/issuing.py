"""Handing a national plan out, beside a bare `INSERT … SELECT` of as many rows.

The bare table has the columns, defaults, checks and indexes of `assignment`, and no foreign keys; no journal is
written and nobody is told. Both are timed from the first statement to the end of their COMMIT, each in a new copy of
the same database.
"""

import statistics
import time
from collections.abc import Iterator

from benchmarks import national
from benchmarks.ground import COPY, connected, copied, copy, drop, rename, say, use
from benchmarks.report import Figure, at_most

MAX_RATIO = 4.5
BARE = """
INSERT INTO bare (
    requirement_id, unit_id, role, status, issued_on, planned_due_on, due_on, due_provisional, done_until,
    next_action_at
)
SELECT requirement.id, member.unit_id, 'responsible', 'issued', %(issued_on)s, requirement.due_on, requirement.due_on,
       false, %(issued_on)s, %(at)s
FROM requirement CROSS JOIN collective_member AS member
"""


def measure(planned: str, issued: str, rows: int, times: int) -> Iterator[Figure]:
    """Medians of so many of each in turn, on copies of the database `planned`; the last one is left as `issued`."""
    bare, ours = [], []
    for number in range(1, times + 1):
        with copied(planned):
            bare.append(_insert(rows))
        drop(issued)
        copy(planned, COPY)
        use(COPY)
        ours.append(_issue(rows))
        rename(COPY, issued)
        say(f"  {number}: bare {bare[-1]:.1f} s, ours {ours[-1]:.1f} s")
    yield at_most(
        MAX_RATIO, f"issue {rows:,} assignments", statistics.median(ours), "s", floor=statistics.median(bare), rows=rows
    )


def _insert(rows: int) -> float:
    """Seconds."""
    with connected() as connection:
        connection.execute("CREATE TABLE bare (LIKE assignment INCLUDING ALL)")
        connection.execute("CHECKPOINT")
        started = time.perf_counter()
        count = connection.execute(BARE, {"issued_on": national.ISSUED_ON, "at": national.now()}).rowcount
        seconds = time.perf_counter() - started
    if count != rows:
        raise RuntimeError(f"the bare insert wrote {count} rows, and not {rows}")
    return seconds


def _issue(rows: int) -> float:
    """Seconds."""
    with connected() as connection:
        connection.execute("CHECKPOINT")
    started = time.perf_counter()
    count = national.issue()
    seconds = time.perf_counter() - started
    if count != rows:
        raise RuntimeError(f"{count} assignments were issued, and not {rows}")
    return seconds
