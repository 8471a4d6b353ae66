"""`duban board`: units against areas, with the lights of any day, as a table or as JSON."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import click

from adapters import clock
from deploy.cli.base import Day, _, language, plan_option, show_table, table, tell
from deploy.cli.operation.access import work_on
from models.assignments.light import Light
from models.queries.board import WHOLE_PLAN, Board, Counts
from models.queries.board import board as board_of

LIGHTS = (Light.RED, Light.YELLOW, Light.BLUE, Light.GREEN, Light.OFF)  # the most urgent first
PLAN_AS_A_WHOLE = "-"  # the key of what is asked of the plan as a whole


@click.command()
@click.option("--on", "on", type=Day(), metavar="DATE", help=_("the day that counts; today if not given"))
@click.option("--page", type=click.IntRange(min=1), default=1, help=_("which 200 of the units; the sums are of all"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def board(on: dt.date | None, page: int, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        seen = board_of(session, plan, on or plan.day_of(clock.now()), page=page)
        facts, names = _facts(plan.code, seen, page), {row.unit.code: language.text(row.unit.name) for row in seen.rows}
    if as_json:
        tell(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    _show(facts, names)


def _facts(plan: str, seen: Board, page: int) -> dict[str, Any]:
    return {
        "plan": plan,
        "on": seen.on.isoformat(),
        "page": page,
        "pages": seen.pages,
        "total": _lights(seen.total),
        "areas": _areas(seen.columns),
        "units": {row.unit.code: {"total": _lights(row.total), "areas": _areas(row.cells)} for row in seen.rows},
    }


def _areas(cells: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {PLAN_AS_A_WHOLE if code == WHOLE_PLAN else code: _lights(counts) for code, counts in cells.items()}


def _lights(counts: Counts) -> dict[str, int]:
    return {light.value: counts[light] for light in LIGHTS if counts[light]}


def _show(facts: Mapping[str, Any], names: Mapping[str, str]) -> None:
    columns = (_("The plan as a whole") if code == PLAN_AS_A_WHOLE else code for code in facts["areas"])
    listed = table(_("unit"), _("total"), *columns)
    for code, unit in facts["units"].items():
        listed.add_row(f"{code} {names[code]}", _said(unit["total"]), *map(_said, unit["areas"].values()))
    listed.add_section()
    listed.add_row(_("total"), _said(facts["total"]), *map(_said, facts["areas"].values()))
    show_table(listed)
    if facts["pages"] > 1:
        tell(_("page {page} of {pages}").format(**facts))


def _said(lights: Mapping[str, int]) -> str:
    """One light a line: the columns are too narrow for them side by side."""
    return "\n".join(f"{_(light)} {count}" for light, count in lights.items())
