"""`duban status`: how things stand, on any day, as tables or as JSON."""

import dataclasses
import datetime as dt
import json
from collections import Counter
from typing import Any

import click
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from adapters import clock
from deploy.cli.base import Day, _, language, plan_option, show_table, table, tell
from deploy.cli.operation.access import work_on
from models.assignments.light import Light
from models.common.status import CLOSED, Status
from models.common.text import Text
from models.dates.instants import end_of
from models.phases.gate import Gate, last_day_at
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.queries import statistics


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What is printed; `facts` are the JSON."""

    title: Text
    facts: dict[str, Any]


@click.command()
@click.option("--on", "on", type=Day(), metavar="DATE", help=_("the day that counts; today if not given"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def status(on: dt.date | None, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        picture = Picture(plan.title, facts_of(session, plan, on or plan.day_of(clock.now())))
    if as_json:
        tell(json.dumps(picture.facts, ensure_ascii=False, indent=2))
    else:
        _show(picture)


def facts_of(session: Session, plan: Plan, on: dt.date) -> dict[str, Any]:
    """How the plan stood at the end of that day; the other numbers are sums over `counts`."""
    counts = statistics.counts_by_light(session, plan, on)
    phases = _sums(counts, "phase")
    lights = {light.value: 0 for light in Light} | _sums(counts, "light")
    return {
        "plan": plan.code,
        "on": on.isoformat(),
        "assignments": {**phases, "total": sum(phases.values())},
        "counts": counts,
        "by_status": {one.value: 0 for one in Status} | _sums(counts, "status"),
        "lights": lights,
        "overdue": lights[Light.RED],
        "escalations": statistics.escalations_by_step(session, plan, on),
        "messages": statistics.message_counts(session, plan, on),
        "gates": _gates(session, plan, on, counts),
    }


def _sums(counts: list[dict[str, Any]], key: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for one in counts:
        sums[one[key]] += one["count"]
    return dict(sums)


def _gates(session: Session, plan: Plan, on: dt.date, counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The phases that were open at the end of that day, each with the round of its gate and what is still open."""
    until = end_of(on, plan.timezone)
    phases = session.scalars(
        select(Phase)
        .where(
            Phase.plan_id == plan.id, Phase.opened_at <= until, or_(Phase.closed_at.is_(None), Phase.closed_at > until)
        )
        .order_by(Phase.starts_on)
    )
    return [_gate(session, phase, until, counts) for phase in phases]


def _gate(session: Session, phase: Phase, until: dt.datetime, counts: list[dict[str, Any]]) -> dict[str, Any]:
    last_round = select(func.max(Gate.round)).where(Gate.phase_id == phase.id, Gate.asked_at <= until)
    return {
        "phase": phase.label,
        "round": session.scalar(last_round) or 0,
        "ends_on": last_day_at(session, phase, until).isoformat(),
        "still_open": sum(
            one["count"] for one in counts if one["phase"] == phase.label and Status(one["status"]) not in CLOSED
        ),
    }


def _show(picture: Picture) -> None:
    facts = picture.facts
    tell(_("{plan} {title}, on {day}").format(plan=facts["plan"], title=language.text(picture.title), day=facts["on"]))
    _show_counts(facts)
    tell(_("overdue: {count}").format(count=facts["overdue"]))
    for phase, steps in facts["escalations"].items():
        fired = "  ".join(f"{step} {count}" for step, count in steps.items())
        tell(_("escalated in {phase}: {steps}").format(phase=phase, steps=fired))
    messages = language.list([f"{_(name)} {count}" for name, count in facts["messages"].items()])
    tell(_("messages: {counts}").format(counts=messages))
    for gate in facts["gates"]:
        tell(_("gate of {phase}: round {round}, last day {ends_on}, still open {still_open}").format(**gate))


def _show_counts(facts: dict[str, Any]) -> None:
    """A row for each phase and role: how many in each status, then under each light."""
    columns = [*Status, *Light]
    cells: dict[tuple[str, str], Counter[str]] = {}
    for one in facts["counts"]:
        row = cells.setdefault((one["phase"], one["role"]), Counter())
        row[one["status"]] += one["count"]
        row[one["light"]] += one["count"]
    headings = (_("phase"), _("role"), *(_(column) for column in columns), _("total"))
    listed = table(*headings, numbers=range(2, len(headings)))
    for (phase, role), row in cells.items():
        listed.add_row(phase, _(role), *(str(row[one]) for one in columns), str(sum(row[one] for one in Status)))
    listed.add_section()
    totals = {**facts["by_status"], **facts["lights"]}
    listed.add_row(_("total"), "", *(str(totals[one]) for one in columns), str(facts["assignments"]["total"]))
    show_table(listed)
