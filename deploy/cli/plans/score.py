"""`duban score`: the scores of the units in a period, or by quarter, and the items behind a score."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters import clock
from adapters.language import N_
from deploy.cli.base import Day, _, language, plan_option, show_table, table, tell
from deploy.cli.operation.access import work_on
from models.plan.unit import unit_of
from models.score import Item, Result, UnitScore, items_of, quarters, score_of, scores
from rendering.labels import RESULTS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.plan.plan import Plan
    from rendering.workbook import Cell

MAX_ITEMS_READ = 1000  # items of a unit that are read in one query

# Headings of the columns whose keys are not words.
HEADS = {
    "rank": N_("Rank"),
    "unit": N_("Unit"),
    "name": N_("Name"),
    "points": N_("Points"),
    "items": N_("Items"),
    "on_time": N_("on time"),
    "late": N_("accepted late"),
    "returned": N_("stands returned"),
    "overdue": N_("still overdue"),
    "ref": N_("Reference"),
    "title": N_("What is asked"),
    "role": N_("Role"),
    "due": N_("Due"),
    "why": N_("Why"),
    "on": N_("Since"),
    "weight": N_("Weight"),
}

Row = dict[str, Any]


@click.command()
@click.option("--since", type=Day(), metavar="DATE", help=_("first day of the period; New Year if not given"))
@click.option("--until", type=Day(), metavar="DATE", help=_("last day of the period; today if not given or later"))
@click.option(
    "--known-on", type=Day(), metavar="DATE", help=_("count corrections up to this day; --until if not given")
)
@click.option("--unit", "unit_code", metavar="CODE", help=_("the score of this unit, with its items"))
@click.option("--by", type=click.Choice(["quarter"]), help=_("the scores of each quarter, as they stood at its end"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help=_("write an Excel workbook (.xlsx)"))
@plan_option
def score(
    since: dt.date | None,
    until: dt.date | None,
    known_on: dt.date | None,
    unit_code: str | None,
    by: str | None,
    output: Path | None,
    plan_code: str | None,
    *,
    as_json: bool,
) -> None:
    if unit_code and by:
        raise click.UsageError(_("--unit and --by do not go together"))
    with work_on(plan_code) as (session, plan):
        today = plan.day_of(clock.now())
        until = min(until or today, today)
        since = since or until.replace(month=1, day=1)
        if unit_code:
            rows = _of_one(session, plan, unit_code, since, until, known_on)
        elif by:
            rows = _by_quarter(session, plan, since, until, known_on)
        else:
            rows = [_facts(one) for one in scores(session, plan, since, until, known_on)]
        facts: Row = {"plan": plan.code, "since": since.isoformat(), "until": until.isoformat()}
        facts |= {"known_on": (known_on or until).isoformat()}
        if unit_code:
            one = score_of(session, plan, unit_of(session, plan.id, unit_code), since, until, known_on)
            facts |= {"unit": unit_code, "points": one and one.points, "items": rows}
        else:
            facts |= {"units": rows}
    if output:
        _write(output, rows)
    if as_json:
        tell(json.dumps(facts, ensure_ascii=False, indent=2))
    elif output:
        tell(_("{file} is written").format(file=output))
    else:
        _show(facts, rows)


def _facts(one: UnitScore) -> Row:
    results = {result.value: one.results.get(result, 0) for result in Result}
    name = language.text(one.unit.name)
    return {"rank": one.rank, "unit": one.unit.code, "name": name, "points": one.points, "items": one.items, **results}


def _of_one(
    session: "Session", plan: "Plan", code: str, since: dt.date, until: dt.date, known_on: dt.date | None
) -> list[Row]:
    unit, found, page = unit_of(session, plan.id, code), list[Item](), 0
    while len(found) == page * MAX_ITEMS_READ:
        page += 1
        found += items_of(session, plan, unit, since, until, known_on, page=page, most=MAX_ITEMS_READ)
    return [
        {
            "ref": item.ref,
            "title": language.text(item.title),
            "role": item.role.value,
            "due": item.due_on.isoformat(),
            "result": item.result.value,
            "why": _(RESULTS[item.result]),
            "on": item.on.isoformat(),
            "points": item.points,
            "weight": item.weight,
        }
        for item in found
    ]


def _by_quarter(
    session: "Session", plan: "Plan", since: dt.date, until: dt.date, known_on: dt.date | None
) -> list[Row]:
    """A row for each unit and a column for each quarter; None where nothing counted."""
    import pandas as pd  # noqa: PLC0415  (slow to load, and needed here alone)

    periods = list(quarters(since, until))
    long = [
        {"unit": one.unit.code, "name": language.text(one.unit.name), "quarter": label, "points": one.points}
        for label, first, last in periods
        for one in scores(session, plan, first, last, known_on)
    ]
    if not long:
        return []
    wide = pd.DataFrame(long).pivot_table(index=["unit", "name"], columns="quarter", values="points")
    wide = wide.reindex(columns=[label for label, _first, _last in periods]).astype(object)
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in wide.reset_index().to_dict("records")
    ]


def _show(facts: Row, rows: Sequence[Row]) -> None:
    tell(_("{since} to {until}, as known on {known_on}").format(**facts))
    if not rows:
        tell(_("Nothing counts in this period yet."))
        return
    if facts.get("points") is not None:
        tell(_("Score: {points}").format(points=facts["points"]))
    rows = _for_people(rows)
    heads = list(rows[0])
    numbers = [place for place, name in enumerate(heads) if not any(isinstance(row[name], str) for row in rows)]
    listed = table(*_heads(heads), numbers=numbers)
    for row in rows:
        listed.add_row(*("–" if row[name] is None else str(row[name]) for name in heads))
    show_table(listed)


def _heads(names: Iterable[str]) -> list[str]:
    return [_(HEADS.get(name, name)) for name in names]


def _for_people(rows: Sequence[Row]) -> list[Row]:
    """Without the codes that programs read: `why` says in words what `result` says."""
    return [
        {name: _(str(value)) if name == "role" else value for name, value in row.items() if name != "result"}
        for row in rows
    ]


def _write(output: Path, rows: Sequence[Row]) -> None:
    from rendering.workbook import Sheet, write_workbook  # noqa: PLC0415  (slow to load, and seldom needed)

    rows = _for_people(rows)
    heads = list(rows[0]) if rows else ["unit"]
    cells: list[list[Cell]] = [[row[name] for name in heads] for row in rows]
    with output.open("wb") as file:
        write_workbook([Sheet(_("Scores"), _heads(heads), cells)], file)
