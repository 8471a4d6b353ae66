"""What was measured: a table for people, JSON for programs.

`python -m benchmarks.report FILE` prints the table of a file of results in Markdown, as docs/performance.md has it.
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

WHOLE_FROM = 100  # where digits after the point say nothing
MET = {True: "yes", False: "NO", None: "-"}


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. `floor`: what the plain program beside it reached in the same run.

    `rows`: the assignments in the database meanwhile; None without a database. `met` is None where there is no
    target, and where there was nothing to measure, which `value` None says as well.
    """

    name: str
    value: float | None
    unit: str
    target: str
    met: bool | None
    floor: float | None = None
    rows: int | None = None

    @property
    def share(self) -> float | None:
        """The value as a multiple of the floor."""
        return self.value / self.floor if self.value is not None and self.floor else None


def at_least(share: float, name: str, value: float, unit: str, *, floor: float, rows: int | None = None) -> Figure:
    """More is better, and `share` of the floor is enough."""
    return Figure(name, value, unit, f"≥ {share:.0%} of the floor", value >= share * floor, floor, rows)


def at_most(times: float, name: str, value: float, unit: str, *, floor: float, rows: int | None = None) -> Figure:
    """Less is better, and `times` the floor is good enough."""
    return Figure(name, value, unit, f"≤ {times:g} × the floor", value <= times * floor, floor, rows)


def no_more_than(
    limit: float, name: str, value: float, unit: str, *, floor: float | None = None, rows: int | None = None
) -> Figure:
    """Less is better, and `limit` is good enough, whatever the floor."""
    return Figure(name, value, unit, f"≤ {limit:g} {unit}", value <= limit, floor, rows)


def slower_by(times: float, name: str, value: float, unit: str, *, ours: float, rows: int | None = None) -> Figure:
    """What others take: `times` of what ours takes, which is the floor here, or more."""
    return Figure(name, value, unit, f"≥ {times:g} × ours", value >= times * ours, ours, rows)


def for_information(name: str, value: float, unit: str, *, floor: float, rows: int | None = None) -> Figure:
    return Figure(name, value, unit, "for information", None, floor, rows)


def not_measured(name: str, why: str) -> Figure:
    return Figure(name, None, "", why, None)


def show(figures: Sequence[Figure]) -> None:
    """The table, and below it by name whatever missed its target."""
    console = Console(width=120) if not Console().is_terminal else Console()
    numbers = [Column(name, justify="right") for name in ("value", "floor", "value ÷ floor")]
    table = Table("name", *numbers, "unit", "target", "met")
    for one in figures:
        table.add_row(
            one.name, _number(one.value), _number(one.floor), _number(one.share), one.unit, one.target, MET[one.met]
        )
    console.print(table)
    missed = [one.name for one in figures if one.met is False or one.value is None]
    console.print(f"Missed or not measured: {'; '.join(missed)}." if missed else "Every target is met.")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.{0 if abs(value) >= WHOLE_FROM else 2}f}"


def write(figures: Sequence[Figure], path: Path) -> None:
    content = [dataclasses.asdict(one) for one in figures]
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> list[Figure]:
    return [Figure(**one) for one in json.loads(path.read_text(encoding="utf-8"))]


def markdown(figures: Sequence[Figure]) -> str:
    lines = ["| what | value | floor | ratio | unit | target | met |", "| --- | ---: | ---: | ---: | --- | --- | --- |"]
    for one in figures:
        numbers = map(_number, (one.value, one.floor, one.share))
        lines.append(f"| {' | '.join((one.name, *numbers, one.unit, one.target, MET[one.met]))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(read(Path(sys.argv[1]))))
