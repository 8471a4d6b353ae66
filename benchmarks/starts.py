"""How long the portal takes to start, beside the bare import of what it is made of."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from adapters.settings import child_environment
from benchmarks.report import Figure, at_most

BARE = "import fastapi, sqlalchemy, psycopg, jinja2"
OURS = "from portal.asgi import make_app; make_app()"
MAX_RATIO = 1.5


def measure(times: int) -> Iterator[Figure]:
    """Medians of so many starts of each in turn, after one that is not counted."""
    bare, ours = [], []
    for number in range(times + 1):
        spent = _seconds(BARE), _seconds(OURS)
        if number:
            bare.append(spent[0])
            ours.append(spent[1])
    yield at_most(MAX_RATIO, "start", statistics.median(ours), "s", floor=statistics.median(bare))


def _seconds(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=child_environment(), check=True)
    return time.perf_counter() - started
