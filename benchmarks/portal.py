"""`make bench-portal`: how much the portal costs, beside plain programs that are measured in the same run.

The database holds the real plan four times (benchmarks/plans.py). The portal is served by its own command
`duban portal`, with its limits of requests a minute lifted and its clock set to the plan's last year, and read by
people who came in through a link. Each page is loaded from a second process, in turn with a bare page of its size
(benchmarks/processes/bare_page.py), under the same load; what is reported are medians of the rounds. Nothing else
writes to the database meanwhile; how long a page takes that is looked at after a change stands in a line of its own. It
is a measurement and no test: a target that is missed is printed, and does not fail.
"""

import dataclasses
import datetime as dt
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import httpx
from sqlalchemy import text

from adapters.database import sessions as database
from adapters.database.sessions import transaction
from adapters.settings import override
from benchmarks import ground, plans, starts, uploads
from benchmarks.ground import say
from benchmarks.processes.bare_page import Shape
from benchmarks.processes.load import CONNECTIONS, Load, drive, tool
from benchmarks.processes.servers import NOT_FOUND, Server, enter, served
from benchmarks.report import Figure, at_least, at_most, for_information, no_more_than, not_measured, show, write
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.migrations.upgrading import upgrade
from models.plan.plan import plan_of
from models.plan.unit import body_of
from portal.app import THREADS
from services import links
from services.scope import Scope

ROOT = Path(__file__).parent.parent
PLAN = ROOT / "plans" / "northwest-education-centre"
RESULTS = Path(__file__).parent / "results-portal.json"

SHARE = 0.4  # of the bare page's requests
SLOWER = 3.0  # times its 99th percentile
SAME_SIZE = 0.02
WARM_UP_S = 3
CHANGES = 30
NO_LIMIT = 10**9
TERMINATED = 128 + signal.SIGTERM


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A page to be measured, and the cookie of somebody who may read it."""

    name: str
    path: str
    cookie: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ground:
    """Where everything lies, and the code of the plan that is looked at."""

    home: Path
    plan: str
    assignments: int


@click.command(help=__doc__)
@click.option("--seconds", type=click.FloatRange(1), default=8, show_default=True, help="length of a round of load")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="rounds of load on each page; two more files are handed in, and there are twice as many starts and one",
)
def main(seconds: float, rounds: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that the servers are stopped then as well
    with furnished() as furniture:
        figures = list(_figures(furniture, seconds, rounds))
    show(figures)
    write(figures, RESULTS)
    say(f"Written to {RESULTS.relative_to(ROOT)}.")


def _figures(ground: Ground, seconds: float, rounds: int) -> Iterator[Figure]:
    say("Starting, in turn with the bare import…")
    yield from starts.measure(2 * rounds + 1)
    unit, assignments, tokens = _people(ground)
    with portal(ground) as server:
        cookies = [enter(server, token, "张三") for token in tokens]
        pages = [Page("unit page", "/work", cookies[0]), Page("board", "/board", cookies[1])]
        yield from _pages(ground, server, pages, seconds, rounds)
    # Another process, which has served no pages: nothing lies about in its memory that an upload could use.
    with portal(ground) as server:
        say(f"Handing in files for {unit}, in turn with plain copies…")
        yield from uploads.measure(server, cookies[0], assignments, rounds + 2, ground.home, rows=ground.assignments)


def _pages(ground: Ground, server: Server, pages: Sequence[Page], seconds: float, rounds: int) -> Iterator[Figure]:
    there = {page.name: page for page in pages if server.get(page.path, page.cookie).status_code != NOT_FOUND}
    for page in pages:
        if page.name not in there:
            yield not_measured(page.name, f"there is no page {page.path} yet")
    for page in there.values():
        shape = Shape.of(server.get(page.path, page.cookie).text)
        file = ground.home / f"{page.path.strip('/')}.json"
        shape.write(file)
        with bare(ground, file) as plain:
            say(f"Loading the {page.name} over {CONNECTIONS} connections by {tool()}: {_described(shape)}…")
            _check_size(plain, page, shape)
            yield from _compared(ground, page, _rounds(plain, server, page, shape, seconds, rounds))
            yield _after_changes(ground, plain, server, page)


def _described(shape: Shape) -> str:
    cells = [cell for row in shape.rows for cell in row]
    values = sum(map(len, cells))
    return f"{shape.size:,} bytes, {len(shape.rows)} rows, {len(cells)} cells, {values} values in them"


def _check_size(plain: Server, page: Page, shape: Shape) -> None:
    size = len(plain.get(page.path, page.cookie).content)
    if abs(size - shape.size) > SAME_SIZE * shape.size:
        raise RuntimeError(f"the bare page has {size} bytes, and the {page.name} {shape.size}")


def _rounds(
    plain: Server, ours: Server, page: Page, shape: Shape, seconds: float, rounds: int
) -> list[tuple[Load, Load]]:
    """Of both in turn, after one round each that is not counted."""
    done = []
    for number in range(rounds + 1):
        length = seconds if number else min(seconds, WARM_UP_S)
        one, other = (_round(server, page, shape, length) for server in (plain, ours))
        if number:
            done.append((one, other))
            say(f"  round {number}: " + ", ".join(map(_told, ("bare", "ours"), done[-1])))
    return done


def _round(server: Server, page: Page, shape: Shape, seconds: float) -> Load:
    """Raises RuntimeError where what was counted are not whole pages: a redirect would be fast."""
    done = drive(server.address + page.path, page.cookie, seconds)
    if done.bytes < (1 - SAME_SIZE) * shape.size * (done.requests - done.errors):
        raise RuntimeError(f"{done.requests} answers had {done.bytes} bytes:\n{server.tail()}")
    return done


def _told(name: str, one: Load) -> str:
    return f"{name} {one.per_second:.0f} requests/s, p99 {one.p99_ms:.0f} ms, {one.errors} errors"


def _compared(ground: Ground, page: Page, pairs: Sequence[tuple[Load, Load]]) -> Iterator[Figure]:
    plain, ours = zip(*pairs, strict=True)
    rows = ground.assignments
    speeds = [statistics.median(one.per_second for one in each) for each in (plain, ours)]
    yield at_least(SHARE, f"{page.name}, requests", speeds[1], "/s", floor=speeds[0], rows=rows)
    p99s = [statistics.median(one.p99_ms for one in each) for each in (plain, ours)]
    yield at_most(SLOWER, f"{page.name}, p99", p99s[1], "ms", floor=p99s[0], rows=rows)
    yield no_more_than(0, f"{page.name}, errors", sum(one.errors for one in ours), "errors", rows=rows)


def _after_changes(ground: Ground, plain: Server, ours: Server, page: Page) -> Figure:
    """One look at a time, each after a change of the database: what is kept while nothing changes is of no use then.

    There is no target for it; it stands beside the others so that they are not taken for more than they say.
    """
    with plain.browser(page.cookie) as one, ours.browser(page.cookie) as other:
        pairs = [(_look(one, page), _look(other, page)) for _ in range(CHANGES)]
    floor, value = (statistics.median(seconds) * 1000 for seconds in zip(*pairs, strict=True))
    return for_information(f"{page.name}, one look after a change", value, "ms", floor=floor, rows=ground.assignments)


def _look(browser: httpx.Client, page: Page) -> float:
    """Seconds of one look right after a change."""
    with database.engine().begin() as connection:
        connection.execute(text("SELECT pg_current_xact_id()"))  # makes it a transaction that counts as a writer
    started = time.perf_counter()
    browser.get(page.path).raise_for_status()
    return time.perf_counter() - started


@contextmanager
def portal(ground: Ground) -> Iterator[Server]:
    """The portal as `duban portal` serves it."""
    with served(ground.home / "portal.log", "deploy", "portal") as server:
        yield server


@contextmanager
def bare(ground: Ground, shape: Path) -> Iterator[Server]:
    """A page of this shape, at the address of its file's name."""
    options = ("--database", database.url(), "--threads", str(THREADS))
    with served(ground.home / "bare.log", "benchmarks.processes.bare_page", str(shape), *options) as server:
        yield server


@contextmanager
def furnished() -> Iterator[Ground]:
    """A folder with a database in which the plans lie; the settings of this process and its children point there."""
    with ground.furnished(plans.now()) as home:
        override(DUBAN_REQUESTS_PER_MINUTE=str(NO_LIMIT), DUBAN_ENTRIES_PER_MINUTE=str(NO_LIMIT))
        say("Storing the plan four times, with its history…")
        upgrade(database.engine())
        codes = plans.load(PLAN)
        yield Ground(home, codes[0], plans.count())


def _people(ground: Ground) -> tuple[str, list[int], list[str]]:
    """The unit that owes most, what it owes, and links for it and for the office of its plan."""
    with transaction() as session:
        plan = plan_of(session, ground.plan)
        unit = plans.busiest_unit(session, plan)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        scope = Scope(plan.code, Actor("benchmark"), plans.now(), within=session)
        tokens = [links.issue(scope, one.id, lasts=dt.timedelta(days=1)).token for one in (unit, office)]
        return unit.code, plans.owed_by(session, unit), tokens


if __name__ == "__main__":
    main()
