"""A patrol in a process of its own: it gets ready, says so, waits for a line on its input, and says what it did.

`python -m benchmarks.processes.patrol_process PLAN INSTANT`. It does what the flow does for one plan, without the
delivery, and calls the services: no Prefect server is needed.
"""

import datetime as dt
import json
import re
import sys
import time
from pathlib import Path

from adapters.database.sessions import engine
from services import patrol
from services.letters.delivery import Delivered
from services.scope import by_program


def go_round(plan: str, at: dt.datetime) -> int:
    """How many assignments were looked at."""
    scope = by_program(plan, at)
    begun = patrol.begin_round(scope)
    if begun.is_other_calendar:
        patrol.follow_calendar(scope)
    chased = patrol.chase(scope)
    patrol.keep_up(scope)
    patrol.end_round(scope, begun, chased, Delivered())
    return chased.looked_at


def main(plan: str, instant: str) -> None:
    at = dt.datetime.fromisoformat(instant)
    with engine().connect():
        pass
    imported_mb = peak_mb()
    say({"ready": True})
    sys.stdin.readline()
    started = time.monotonic()
    looked_at = go_round(plan, at)
    ended = time.monotonic()
    say(
        {
            "started": started,
            "ended": ended,
            "looked_at": looked_at,
            "imported_mb": imported_mb,
            "peak_mb": peak_mb(),
        }
    )


def peak_mb() -> float:
    """The most memory that this process has held (Linux counts it from the start of the program, in KiB)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def say(what: dict[str, float | bool]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
