"""What a patrol reads when nothing is due: the pages of PostgreSQL that its statements touch.

Its statements are caught on their way and run once more, each by `EXPLAIN (ANALYZE, BUFFERS)` with the values it had.
What counts are the pages found in memory or read while they ran; those that the planner looks at (mostly the catalogue,
once a connection) are printed beside.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.event import listen, remove

from adapters.database.sessions import engine
from benchmarks import national
from benchmarks.ground import copied, say
from benchmarks.processes.patrol_process import go_round
from benchmarks.report import Figure, no_more_than

MAX_PAGES = 20
Statement = tuple[str, Any]


def measure(database: str, rows: int) -> Iterator[Figure]:
    """On a copy of a database in which nothing is due until the day that is measured."""
    with copied(database):
        pages = planning = 0
        for statement, values in _statements():
            touched, planned = _explained(statement, values)
            pages, planning = pages + touched, planning + planned
            say(f"  {touched:4} pages, {planned:4} in planning: {' '.join(statement.split())[:90]}")
    say(f"  {pages} pages in all, {planning} in planning")
    yield no_more_than(MAX_PAGES, "patrol with nothing due", pages, "pages", rows=rows)


def _statements() -> list[Statement]:
    """What a patrol says to the database on the day before."""
    at = national.tick(national.BEFORE)
    go_round(national.CODE, at)  # what a process asks once, such as the version of the schema
    with _caught() as statements:
        looked_at = go_round(national.CODE, at)
    if looked_at:
        raise RuntimeError(f"{looked_at} assignments were due, and nothing was meant to be")
    return statements


@contextmanager
def _caught() -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def catch(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET")):
            statements.append((statement, values))

    listen(engine(), "before_cursor_execute", catch)
    try:
        yield statements
    finally:
        remove(engine(), "before_cursor_execute", catch)


def _explained(statement: str, values: Any) -> tuple[int, int]:
    """Pages touched in running and in planning; what it writes is undone."""
    with engine().connect() as connection:
        result = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).scalar()
    said = json.loads(result) if isinstance(result, str) else result
    assert said is not None
    return _pages(said[0]["Plan"]), _pages(said[0].get("Planning", {}))


def _pages(node: dict[str, Any]) -> int:
    """Of a node and all below it, as PostgreSQL adds them up itself."""
    return int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))
