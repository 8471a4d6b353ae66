"""`make bench`: what reminders cost at national scale, beside plain programs that are measured in the same run.

41 requirements of 38,600 townships are 1,582,600 assignments, in an embedded PostgreSQL in a folder that is thrown
away. The figures are medians of five, and what counts are ratios within the run. It is a measurement and no test:
a target that is missed is printed, and does not fail. With fewer rows everything is done once.
"""

import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from benchmarks import (
    archives,
    bulletins,
    changing,
    delivery,
    ground,
    idle,
    issuing,
    national,
    others,
    patrols,
    standing,
    task_runs,
)
from benchmarks.ground import say
from benchmarks.report import Figure, show, write

RESULTS = Path(__file__).parent / "results.json"
FULL = national.TOWNSHIPS * national.MEASURES_IN_ALL
DUE = 10_000
FEWER = 1.6  # times what is due: the small database beside the large one
TERMINATED = 128 + signal.SIGTERM
PLANNED, MANY, FEW = "planned", "many", "few"


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured, and how often."""

    townships: int

    @property
    def rows(self) -> int:
        return self.townships * national.MEASURES_IN_ALL

    @property
    def due(self) -> int:
        return min(DUE, self.rows // 8)

    @property
    def few_townships(self) -> int:
        return round(self.due * FEWER / national.MEASURES_IN_ALL)

    @property
    def fewer(self) -> int:
        return self.few_townships * national.MEASURES_IN_ALL

    @property
    def is_full(self) -> bool:
        return self.rows >= FULL

    @property
    def times(self) -> int:
        """Medians are for the full measurement; a small one says that everything works, in a minute."""
        return 5 if self.is_full else 1


def _issue(scale: Scale) -> Iterator[Figure]:
    yield from issuing.measure(PLANNED, MANY, scale.rows, scale.times)
    ground.use(MANY)
    ground.tidy()


def _idle(scale: Scale) -> Iterator[Figure]:
    yield from idle.measure(MANY, scale.rows)


def _patrol(scale: Scale) -> Iterator[Figure]:
    ground.use(MANY)
    national.make_due(scale.due)
    yield from patrols.measure(MANY, FEW, due=scale.due, rows=scale.rows, fewer=scale.fewer, times=scale.times)


def _status(scale: Scale) -> Iterator[Figure]:
    yield from standing.measure(MANY, scale.rows, scale.times)


def _change(scale: Scale) -> Iterator[Figure]:
    yield from changing.measure(MANY, scale.townships, scale.rows, scale.times)


def _others(scale: Scale) -> Iterator[Figure]:
    yield from others.measure(FEW, scale.due, scale.fewer, scale.times)


def _task_runs(scale: Scale) -> Iterator[Figure]:
    yield from task_runs.measure(FEW, scale.due, scale.fewer, scale.times)


def _delivery(scale: Scale) -> Iterator[Figure]:
    yield from delivery.figures(small=not scale.is_full)


def _archive(scale: Scale) -> Iterator[Figure]:
    yield from archives.measure(scale.times)


def _bulletin(scale: Scale) -> Iterator[Figure]:
    yield from bulletins.measure(scale.times)


# In this order: the first leaves the large database behind, and the third brings work in it to its day.
PARTS: dict[str, tuple[str, Callable[[Scale], Iterator[Figure]]]] = {
    "issue": ("Handing the plan out, in turn with a bare insert", _issue),
    "idle": ("A patrol with nothing due", _idle),
    "patrol": ("Patrols", _patrol),
    "status": ("Counting how things stand", _status),
    "change": ("Change sets, in turn with bare SQL", _change),
    "others": ("The same timers in other programs", _others),
    "prefect": ("A Prefect task run for each assignment", _task_runs),
    "delivery": ("Delivery", _delivery),
    "bulletin": ("The bulletin of the real plan, in turn with openpyxl alone", _bulletin),
    "archive": ("The archive pack, in turn with a plain ZIP", _archive),
}
OF_MANY = {"issue", "idle", "patrol", "status", "change"}
OF_FEW = {"patrol", "others", "prefect"}


@click.command(help=__doc__)
@click.option(
    "--rows",
    type=click.IntRange(national.MEASURES_IN_ALL * 100),
    default=FULL,
    show_default=True,
    help="assignments, rounded down to whole townships; 16400 take about a minute",
)
@click.option(
    "--only", type=click.Choice(list(PARTS)), multiple=True, help="these parts; the file of results stays as it is"
)
def main(rows: int, only: Sequence[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that the servers are stopped then as well
    scale = Scale(rows // national.MEASURES_IN_ALL)
    started = time.monotonic()
    with ground.furnished(national.now()):
        figures = list(_figures(scale, only or list(PARTS)))
    show(figures)
    say(f"It took {(time.monotonic() - started) / 60:.1f} min.")
    if not only:
        write(figures, RESULTS)
        say(f"Written to {RESULTS.name}.")


def _figures(scale: Scale, parts: Sequence[str]) -> Iterator[Figure]:
    ground.quieten()
    if OF_FEW & set(parts):
        _fill(FEW, scale.few_townships, scale.due)
    if OF_MANY & set(parts):
        _fill(PLANNED if "issue" in parts else MANY, scale.townships)
    for part, (title, measure) in PARTS.items():
        if part in parts:
            say(f"{title}…")
            yield from measure(scale)


def _fill(name: str, townships: int, due: int = 0) -> None:
    """A database with the plan for so many townships; issued, unless it is to be issued while that is measured."""
    say(f"Storing the plan of {townships:,} townships…")
    ground.create(name)
    national.store(townships)
    if name == PLANNED:
        return
    national.issue()
    ground.tidy()
    if due:
        national.make_due(due)


if __name__ == "__main__":
    main()
