"""A Prefect task run for each assignment, beside a patrol: what it costs to let Prefect look after single rows."""

import statistics
from collections.abc import Iterator

from adapters.settings import override
from benchmarks import national
from benchmarks.ground import copied, say
from benchmarks.patrols import at_once, seconds_each
from benchmarks.processes.servers import free_port
from benchmarks.report import Figure, slower_by
from deploy.stack import running

SLOWER = 300
SHARE = 10  # of what is due: one item in so many, 1,000 at full scale


def measure(few: str, due: int, rows: int, times: int) -> Iterator[Figure]:
    """Medians of so many flow runs, on a server and its worker as `duban up` starts them."""
    ours = seconds_each(few, due, times)
    items = due // SHARE
    # It says on the screen when each of them ends; that goes to its server only.
    override(DUBAN_PREFECT_PORT=str(free_port()), PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="ERROR")
    with running(by_schedule=False):
        each = statistics.median(_seconds(few, items) for _ in range(times)) / items
    say(f"  a task run each: {each * 1000:.2f} ms, ours {ours * 1000:.3f} ms")
    yield slower_by(SLOWER, "Prefect, a task run for each assignment", each * 1000, "ms", ours=ours * 1000, rows=rows)


def _seconds(few: str, items: int) -> float:
    """Raises RuntimeError unless each of so many was looked at."""
    with copied(few):
        [done] = at_once("benchmarks.processes.prefect_process", national.CODE, national.now().isoformat(), str(items))
        if done.looked_at != items:
            raise RuntimeError(f"{done.looked_at} of {items} were looked at")
        return done.ended - done.started
