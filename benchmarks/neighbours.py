"""`python -m benchmarks.neighbours`: how much one's worst behaviour costs the others at the portal.

The portal is served by its own command, with its usual limits, over the real plan four times. A unit looks at its
page again and again, on a line of its own, while another unit hands in the files that take longest to look through,
workbooks that take all that reading may, or asks for the heaviest pages without a pause; or while a stranger holds
slow connections, sends long heads byte by byte, or tries links that nobody issued. What the page takes meanwhile
stands beside what it took right before, in the same run: the median of the rounds. Whoever means no good computes in a
process of the lowest priority, as it would elsewhere. It is a measurement and no test: a target that is missed is
printed.
"""

import datetime as dt
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from adapters.database.sessions import transaction
from adapters.settings import override
from benchmarks import plans, portal
from benchmarks.ground import say
from benchmarks.portal import Ground, furnished
from benchmarks.processes.hostile import KINDS
from benchmarks.processes.servers import OK, Server, enter
from benchmarks.report import Figure, at_most, show, write
from models.common.event import Actor
from models.plan.plan import plan_of
from models.plan.unit import units_of
from services import links
from services.scope import Scope
from tests.support.files import package
from tests.support.workbooks import HEAD, workbook

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results-neighbours.json"
NEIGHBOURS, STRANGERS = ("files", "workbooks", "pages"), ("slow", "heads", "links")
OF_A_UNIT, OF_A_STRANGER = 3.0, 1.5  # times the usual time; with a stranger there is some noise and no more
PAUSE_S = 0.15  # between two looks: within what one web session may ask
SETTLE_S = 2


@click.command(help=__doc__)
@click.option("--seconds", type=click.FloatRange(1), default=10, show_default=True, help="length of each round")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="these kinds alone")
def main(seconds: float, rounds: int, only: Sequence[str]) -> None:
    with furnished() as ground:
        override(DUBAN_REQUESTS_PER_MINUTE=None, DUBAN_ENTRIES_PER_MINUTE=None)
        figures = [one for kind in only or KINDS for one in _measured(ground, kind, seconds, rounds)]
    show(figures)
    if not only:
        write(figures, RESULTS)
        say(f"Written to {RESULTS.relative_to(ROOT)}.")


def _measured(ground: Ground, kind: str, seconds: float, rounds: int) -> Iterator[Figure]:
    """Each kind has a portal of its own, so that nothing of the one before is left."""
    (mine, _), (other, owed) = _two_units(ground)
    _worst_files(ground.home)
    with portal.portal(ground) as server:
        cookie, hostile = enter(server, mine, "张三"), enter(server, other, "李四")
        pairs = []
        for number in range(1, rounds + 1):
            before = _looks(server, cookie, seconds)
            with _hostile(server, kind, seconds + 2 * SETTLE_S, hostile, ground.home, owed):
                time.sleep(SETTLE_S)
                during = _looks(server, cookie, seconds)
            pairs.append((before, during))
            told = ", ".join(f"{_median(one):.0f}/{_p95(one):.0f} ms" for one in pairs[-1])
            say(f"{kind}, round {number}: median/p95 before and during: {told}; {len(during)} looks")
            time.sleep(SETTLE_S)
    times = OF_A_UNIT if kind in NEIGHBOURS else OF_A_STRANGER
    for name, of in (("median", _median), ("p95", _p95)):
        floor, value = (statistics.median(of(one) for one in each) for each in zip(*pairs, strict=True))
        yield at_most(times, f"another's page beside {kind}, {name}", value, "ms", floor=floor, rows=ground.assignments)


def _two_units(ground: Ground) -> list[tuple[str, int]]:
    """Links for two units, and the id of something that each owes."""
    with transaction() as session:
        plan = plan_of(session, ground.plan)
        scope = Scope(plan.code, Actor("benchmark"), plans.now(), within=session)
        busy = [one for one in units_of(session, plan.id) if plans.owed_by(session, one)][:2]
        day = dt.timedelta(days=1)
        return [(links.issue(scope, one.id, lasts=day).token, plans.owed_by(session, one)[0]) for one in busy]


def _worst_files(folder: Path) -> None:
    """As much of what is looked at one by one as is taken before it is called too much."""
    fields = b'<w:fldSimple w:instr="a"/>' * 360_000
    body = b'<w:document xmlns:w="w">' + fields + b"</w:document>"
    (folder / "worst.docx").write_bytes(package("docx", {"word/document.xml": body}))
    rows = [["I01", "", "2022", "", 1.5, *("国" * 40 for _ in range(10))] for _ in range(19_000)]
    (folder / "worst.xlsx").write_bytes(workbook([HEAD, *rows]))


@contextmanager
def _hostile(server: Server, kind: str, seconds: float, cookie: str, folder: Path, item: int) -> Iterator[None]:
    port = server.address.rpartition(":")[2]
    command = [sys.executable, "-m", "benchmarks.processes.hostile", kind, port, str(seconds), cookie]
    with subprocess.Popen([*command, str(folder), str(item)]) as process:
        try:
            yield
        finally:
            process.kill()


def _looks(server: Server, cookie: str, seconds: float) -> list[float]:
    """Seconds of each look at a unit's page."""
    found = []
    until = time.monotonic() + seconds
    with server.browser(cookie) as browser:
        while time.monotonic() < until:
            started = time.perf_counter()
            answer = browser.get("/work")
            found.append(time.perf_counter() - started)
            if answer.status_code != OK:
                raise RuntimeError(f"the page is answered with {answer.status_code}:\n{server.tail()}")
            time.sleep(PAUSE_S)
    return found


def _median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * 1000


def _p95(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1] * 1000 if len(seconds) > 1 else seconds[0] * 1000


if __name__ == "__main__":
    main()
