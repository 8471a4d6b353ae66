"""`duban plan preview`: what a plan will ask, before any of it is issued."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from adapters.plan_files.reader import read_plan
from deploy.cli.base import _, language, show_table, table, tell
from deploy.cli.plans.targets import declared_facts, declared_lines, target_facts, tell_sums_off, tell_targets
from models.common.errors import NotFoundError, RefusedError
from models.preview import MOST_A_WEEK, Asked, Preview, asked_of, preview

SHOWN = 20  # of what a terminal shows by itself; JSON holds all


@click.command(
    "preview",
    help=_("What a plan will ask: of whom, what and when, and where it asks too much at once. Nothing is written."),
)
@click.argument("folder", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--unit", metavar="CODE", help=_("list what is asked of this unit"))
@click.option("--month", metavar="YYYY-MM", help=_("list what is due in this month"))
@click.option("--requirement", metavar="CODE", help=_("list of whom this requirement is asked"))
@click.option(
    "--most", type=click.IntRange(min=1), default=MOST_A_WEEK, help=_("so many things may be due of a unit in a week")
)
@click.option("--chart", metavar="FILE.png|svg", type=click.Path(path_type=Path), help=_("draw the load of the units"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
def preview_plan(
    folder: Path,
    unit: str | None,
    month: str | None,
    requirement: str | None,
    most: int,
    chart: Path | None,
    *,
    as_json: bool,
) -> None:
    document = read_plan(folder)
    known = preview(document, most_a_week=most)
    _refuse_unknown(known, unit, requirement)
    chosen = {"unit": unit, "month": month, "requirement": requirement}
    if as_json:
        tell(json.dumps(_facts(known, asked_of(document, **chosen)), ensure_ascii=False, indent=2))
    elif any(chosen.values()):
        _list(known, asked_of(document, **chosen))
    else:
        _tell(known, most)
    if chart:
        _draw(known, chart)


def _refuse_unknown(known: Preview, unit: str | None, requirement: str | None) -> None:
    if unit is not None and unit not in {one.code for one in known.document.units}:
        raise NotFoundError("no unit {code!r} in this plan; `duban units` lists them", code=unit)
    if requirement is not None and requirement not in {one.code for one in known.document.requirements}:
        codes = ", ".join(dict.fromkeys(one.code for one in known.document.requirements))
        raise NotFoundError("no requirement {code!r} in this plan; there is: {codes}", code=requirement, codes=codes)


def _list(known: Preview, asked: Iterable[Asked]) -> None:
    names = {unit.code: language.text(unit.name) for unit in known.document.units}
    listed = table(_("due"), _("unit"), _("role"), _("what is asked"), _("measure or area"), _("reference"))
    for one in sorted(asked, key=lambda each: (each.due.on, each.ref, each.unit)):
        item = language.text(one.item) if one.item else "-"
        title = language.text(one.title)
        listed.add_row(str(one.due.on), names[one.unit], _(one.role), title, item, f"{one.ref}/{one.unit}")
    show_table(listed)
    tell(
        language.ngettext("{count} item in all.", "{count} items in all.", listed.row_count).format(
            count=listed.row_count
        )
    )


def _tell(known: Preview, most: int) -> None:
    names = {unit.code: language.text(unit.name) for unit in known.document.units}
    phases = table(_("phase"), _("name"), _("from"), _("until"), _("asked"), numbers=[4])
    for phase in known.document.phases:
        code = known.ref_of(phase)
        phases.add_row(
            code, language.text(phase.name), str(phase.starts_on), str(phase.ends_on), str(known.by_phase[code])
        )
    show_table(phases)
    months = table(_("month"), _("due"), numbers=[1])
    monthly = known.monthly()
    for month in known.shown_months:
        months.add_row(month, str(monthly[month]))
    show_table(months)
    if known.shown_months != known.months:
        tell(_("Months in which nothing is due are left out."))
    units = table(_("unit"), _("asked"), _("busiest month"), numbers=[1])
    for unit, total in known.busiest[:SHOWN]:
        month, count = max(known.load[unit].items(), key=lambda one: (one[1], one[0]))
        units.add_row(names[unit], str(total), f"{month} ({count})")
    show_table(units)
    _tell_rest(len(known.load))
    tell_targets(known.document)
    tell_sums_off(known.document)
    if known.document.declared_in_all:
        for label, count in declared_lines(known.document):
            tell(f"{label}: {count}")
    _tell_of_nobody(known, names)
    _tell_collisions(known, names, most)
    _tell_days(known)


def _tell_collisions(known: Preview, names: dict[str, str], most: int) -> None:
    if not known.collisions:
        tell(_("No unit has more than {most} things due in one week.").format(most=most))
        return
    tell(_("Weeks in which units have more than {most} things due:").format(most=most))
    weeks = table(_("week of"), _("units"), _("most, of one unit"), numbers=[1])
    for week, theirs in known.crowded_weeks.items():
        weeks.add_row(str(week), str(len(theirs)), f"{theirs[0].count} ({names[theirs[0].unit]})")
    show_table(weeks)


def _tell_days(known: Preview) -> None:
    for one in known.moved[:SHOWN]:
        told = _("{day} is a day off: what is due then is due on {moved} ({count} items).")
        if one.due.provisional:
            told = _("{day} is probably a day off: what is due then is due on {moved} ({count} items).")
        tell(told.format(day=one.planned_on, moved=one.due.on, count=one.count))
    _tell_rest(len(known.moved))
    if known.outside:
        count = len(known.outside)
        said = language.ngettext(
            "{count} requirement is due on a working day after its phase: {refs}",
            "{count} requirements are due on a working day after their phase: {refs}",
            count,
        )
        tell(said.format(count=count, refs=language.list([*known.outside[:SHOWN]])))


def _tell_of_nobody(known: Preview, names: dict[str, str]) -> None:
    if known.unasked:
        tell(_("Nothing is asked of {units}.").format(units=language.list([names[one] for one in known.unasked])))
    if known.of_nobody:
        tell(_("These are asked of nobody: {refs}").format(refs=language.list([*known.of_nobody[:SHOWN]])))
    if count := len(known.unsettled):
        said = language.ngettext(
            "{count} party is not known yet; what will be asked of it is not counted.",
            "{count} parties are not known yet; what will be asked of them is not counted.",
            count,
        )
        tell(said.format(count=count))


def _tell_rest(count: int) -> None:
    if count > SHOWN:
        tell(_("  … and {count} more; `--json` shows all").format(count=count - SHOWN))


def _facts(known: Preview, asked: Iterable[Asked]) -> dict[str, Any]:
    return {
        "plan": known.document.code,
        "total": known.total,
        "by_phase": known.by_phase,
        "by_requirement": known.by_requirement,
        "by_month": known.monthly(),
        "load": known.load,
        "collisions": [{"unit": one.unit, "week": str(one.week), "count": one.count} for one in known.collisions],
        "days_off": [
            {
                "day": str(one.planned_on),
                "due": str(one.due.on),
                "provisional": one.due.provisional,
                "count": one.count,
            }
            for one in known.moved
        ],
        "outside": known.outside,
        "asked_of_nobody": known.of_nobody,
        "unasked": known.unasked,
        "unsettled": [{"item": one.item, "role": one.role, "words": one.words} for one in known.unsettled],
        "declared": declared_facts(known.document),
        "targets": target_facts(known.document),
        "asked": [_fact(known, one) for one in asked],
    }


def _fact(known: Preview, one: Asked) -> dict[str, Any]:
    return {
        "ref": f"{one.ref}/{one.unit}",
        "unit": one.unit,
        "role": one.role,
        "phase": known.ref_of(one.phase),
        "requirement": one.requirement.code,
        "title": {"zh": one.title.zh, "en": one.title.en},
        "planned_on": str(one.planned_on),
        "due": str(one.due.on),
        "provisional": one.due.provisional,
    }


def _draw(known: Preview, chart: Path) -> None:
    from rendering.charts import FORMATS, load_chart  # noqa: PLC0415  (it takes a second to load)

    kind = next((one for one in FORMATS if chart.suffix.lower() == f".{one}"), None)
    if kind is None:
        raise RefusedError("{name}: expected a file that ends in .png or .svg", name=str(chart))
    chart.write_bytes(load_chart(known, language, kind))
    tell(str(chart))
