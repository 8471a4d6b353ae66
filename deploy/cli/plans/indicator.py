"""`duban indicator set|import|show`: enter readings, one by one or from Excel, and show how the targets stand."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters import clock
from deploy.cli.base import (
    Day,
    _,
    by_option,
    language,
    plan_option,
    sheet_problems_told,
    show_table,
    table,
    tell,
)
from deploy.cli.operation.access import local_time, unit_scope, work_on
from models.common.errors import RefusedError
from models.common.typed import person_name
from models.indicators import reading
from models.indicators.attainment import Attainment, Outcome, UnitStanding, attainments
from models.indicators.reading import CITY, Change, plain
from models.plan.indicator import indicator_of
from models.plan.unit import unit_of
from services.indicators import readings
from services.indicators.readings import EnteredFigure, FigureInput

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.plan.plan import Plan

PREVIEWER = "duban indicator import"  # a preview needs no person's name
AS_OPTION = click.option(
    "--as", "unit_code", metavar="UNIT", default="office", show_default=True, help=_("the unit that enters")
)


@click.group()
def indicator() -> None:
    pass


class Number(click.ParamType[float]):
    """A number, or yes and no."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        number = reading.number_of(value)
        if number is None:
            self.fail(_("{value}: expected a number, or yes or no").format(value=value), param, ctx)
        return number


@indicator.command(name="set", help=_("Enter one reading, or correct it: the earlier one stays in the journal."))
@click.argument("code")
@click.argument("period")
@click.argument("value", type=Number(), required=False)
@click.option("--unit", "of_unit", metavar="UNIT", help=_("of which unit; the whole city if not given"))
@click.option("--reference", type=Number(), help=_("what it is compared with, such as the average of the province"))
@click.option("--weight", type=Number(), help=_("what it counts in a mean, such as the number of children"))
@click.option("--source", "words", required=True, help=_("where the figure comes from"))
@click.option("--file", "file", type=click.Path(path_type=Path), help=_("a file that proves it"))
@click.option("--withdraw", is_flag=True, help=_("withdraw the reading that is there; --source says why"))
@AS_OPTION
@by_option
@plan_option
def set_reading(
    code: str,
    period: str,
    value: float | None,
    of_unit: str | None,
    reference: float | None,
    weight: float | None,
    words: str,
    file: Path | None,
    unit_code: str,
    by_name: str,
    plan_code: str | None,
    *,
    withdraw: bool,
) -> None:
    if withdraw == (value is not None):
        raise click.UsageError(_("expected a value, or --withdraw and none"))
    figure = FigureInput(code, period, of_unit, value, reference, weight, words)
    [done] = readings.enter(unit_scope(plan_code, unit_code, by_name), [figure], file=file)
    tell(_told(done))


def _told(one: EnteredFigure) -> str:
    from rendering.labels import READING_CHANGES, figure_words, quota_words  # noqa: PLC0415

    value, before = (figure_words(one, number, language) for number in (one.value, one.before))
    change = _(READING_CHANGES[one.change])
    said = [change, quota_words(one.quota, one.reaches, language)] if one.quota else [change]
    facts = {"ref": one.ref, "value": value, "before": before, "change": language.list(said)}
    if one.change is Change.CHANGED:
        return _("{ref}: {before} → {value} ({change})").format(**facts)
    return _("{ref}: {value} ({change})").format(**facts)


# ---- Excel


@indicator.command(
    name="import",
    help=_("Bring readings in from an Excel workbook: all of them, or none with everything that is wrong."),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--template", is_flag=True, help=_("write a workbook to fill in to FILE, and read nothing"))
@click.option("--preview", is_flag=True, help=_("say what would be new, changed or the same, and enter nothing"))
@AS_OPTION
@click.option("--by", "by_name", metavar="NAME", default="", help=_("the name of the person who acts"))
@plan_option
def import_readings(
    file: Path, unit_code: str, by_name: str, plan_code: str | None, *, template: bool, preview: bool
) -> None:
    if template:
        _write_template(file, unit_code, plan_code)
        return
    if not (preview or person_name(by_name)):
        raise click.UsageError(_("--by is needed: a reading has a person who entered it"))
    scope = unit_scope(plan_code, unit_code, person_name(by_name) or PREVIEWER)
    with sheet_problems_told(file):
        if preview:
            compared = [EnteredFigure.of(one) for one in readings.preview_file(scope, file)]
        else:
            compared = readings.import_file(scope, file)
    for one in compared:
        if one.change is not Change.SAME:
            told = _told(one)
            tell(_("{figure} – hidden in the workbook").format(figure=told) if one.is_hidden else told)
    counts = Counter(one.change for one in compared)
    facts = {change.value: counts[change] for change in Change}
    if preview:
        tell(_("{new} would be new, {changed} changed, {same} the same; nothing was entered").format(**facts))
    else:
        tell(_("{new} new, {changed} changed, {same} the same").format(**facts))


def _write_template(file: Path, unit_code: str, plan_code: str | None) -> None:
    from rendering.reading_sheets import template  # noqa: PLC0415
    from rendering.workbook import write_workbook  # noqa: PLC0415

    with work_on(plan_code) as (session, plan):
        by = unit_of(session, plan.id, unit_code)
        sheets = template(readings.context_of(session, plan, by, plan.day_of(clock.now())), language)
        with file.open("xb") as output:
            write_workbook(sheets, output)
    tell(str(file))


# ---- how they stand


@indicator.command(help=_("How the targets stand, all or one, on any day; as a table, an Excel workbook or a chart."))
@click.argument("code", required=False)
@click.option("--on", "on", type=Day(), metavar="DATE", help=_("the day that counts; today if not given"))
@click.option("--output", metavar="FILE.xlsx", type=click.Path(path_type=Path), help=_("write an Excel workbook"))
@click.option("--chart", metavar="FILE.png|svg", type=click.Path(path_type=Path), help=_("draw a chart"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def show(
    code: str | None,
    on: dt.date | None,
    output: Path | None,
    chart: Path | None,
    plan_code: str | None,
    *,
    as_json: bool,
) -> None:
    with work_on(plan_code) as (session, plan):
        day = on or plan.day_of(clock.now())
        chosen = indicator_of(session, plan.id, code) if code else None
        attained = [one for one in attainments(session, plan, day) if chosen is None or one.indicator.id == chosen.id]
        if output:
            _write_workbook(session, plan, attained, day, output)
        if chart:
            _draw(attained, day, chart, alone=chosen is not None)
        if as_json:
            tell(json.dumps([facts_of(one) for one in attained], ensure_ascii=False, indent=2))
        elif not (output or chart):
            _show_one(session, plan, attained[0], day) if chosen else _show_all(attained)
    for file in filter(None, (output, chart)):
        tell(str(file))


def _write_workbook(session: "Session", plan: "Plan", attained: list[Attainment], day: dt.date, output: Path) -> None:
    from rendering.reading_sheets import quotas_sheets, readings_sheet, standing_sheet  # noqa: PLC0415
    from rendering.workbook import write_workbook  # noqa: PLC0415

    shown = {one.indicator.id for one in attained}
    counting = [one for one in reading.newest(session, plan, day) if one.indicator_id in shown]
    with output.open("wb") as file:
        standing = [standing_sheet(attained, language), *quotas_sheets(attained, language)]
        write_workbook([*standing, readings_sheet(counting, language)], file)


def _draw(attained: list[Attainment], day: dt.date, chart: Path, *, alone: bool) -> None:
    from rendering.charts import FORMATS, course_chart, standing_chart  # noqa: PLC0415

    kind = next((one for one in FORMATS if chart.suffix.lower() == f".{one}"), None)
    if kind is None:
        raise RefusedError("{name}: expected a file that ends in .png or .svg", name=str(chart))
    drawn = course_chart(attained[0], language, kind) if alone else standing_chart(attained, day, language, kind)
    chart.write_bytes(drawn)


def facts_of(one: Attainment) -> dict[str, Any]:
    """An indicator as JSON."""
    indicator = one.indicator
    return {
        "code": indicator.code,
        "due": indicator.due,
        "due_day": indicator.due_day,
        "leads": indicator.leads,
        "responsible": indicator.responsible,
        "period": one.period,
        "outcome": one.outcome.value,
        "value": one.value,
        "target": one.target.en,
        "reference": one.reference,
        "distance": one.distance,
        "trend": one.trend,
        "read_on": one.read_on and one.read_on.isoformat(),
        "is_over": one.is_over,
        "forecast": one.forecast and str(one.forecast.template).format(**_in_english(one.forecast.facts)),
        "remarks": [str(remark) for remark in one.remarks],
        "conflicts_with": [conflict.other.code for conflict in one.conflicts],
        "contradictions": [str(conflict.contradiction) for conflict in one.conflicts if conflict.contradiction],
        "quotas": [_quota_facts(unit) for unit in one.of_units],
    }


def _quota_facts(unit: UnitStanding) -> dict[str, Any]:
    own = unit.attained
    return {
        "unit": unit.unit,
        "target": own.target.en,
        "period": own.period,
        "outcome": own.outcome.value,
        "value": own.value,
        "distance": own.distance,
    }


def _in_english(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(fact, "en", fact) for name, fact in facts.items()}


def _show_all(attained: list[Attainment]) -> None:
    from rendering.labels import OUTCOMES, figure_words  # noqa: PLC0415

    headings = (_("code"), _("name"), _("target"), _("period"), _("outcome"), _("value"), _("distance"), _("a year"))
    listed = table(*headings, numbers=(5, 6, 7))
    for one in attained:
        listed.add_row(
            one.indicator.code,
            language.text(one.indicator.name),
            language.text(one.target),
            one.period,
            _(OUTCOMES[one.outcome]),
            figure_words(one.indicator, one.value, language),
            *("" if number is None else plain(number) for number in (one.distance, one.trend)),
        )
    show_table(listed)
    counts = Counter(one.outcome for one in attained)
    facts = {outcome.value: counts[outcome] for outcome in Outcome}
    tell(_("met {met}, not met {not_met}, no data {no_data}").format(**facts))
    for one in attained:
        for conflict in one.conflicts:
            if conflict.is_stricter:
                tell(_conflict(one, conflict.other.code))
                if conflict.contradiction:
                    tell(language.say(conflict.contradiction))


def _conflict(one: Attainment, other: str) -> str:
    return _("{code} asks for more than {other}: {code} is the one that counts").format(
        code=one.indicator.code, other=other
    )


def _show_one(session: "Session", plan: "Plan", one: Attainment, day: dt.date) -> None:
    from rendering.labels import OUTCOMES, figure_words  # noqa: PLC0415

    indicator = one.indicator
    tell(f"{indicator.code} {language.text(indicator.name)}")
    figure, target = figure_words(indicator, one.value, language), language.text(one.target)
    facts = {"outcome": _(OUTCOMES[one.outcome]), "value": figure, "target": target}
    tell(_("{outcome}: {value}, target {target}, {period}").format(**facts, period=one.period))
    for said in filter(None, (one.forecast, *one.remarks)):
        tell(language.say(said))
    for conflict in one.conflicts:
        pair = (one, conflict.other.code)
        tell(
            _conflict(*pair)
            if conflict.is_stricter
            else _("{other} asks for more: {other} is the one that counts").format(other=conflict.other.code)
        )
        if conflict.contradiction:
            tell(language.say(conflict.contradiction))
    if indicator.names_leads:
        tell(_("lead: {units}").format(units=language.list(list(indicator.leads)) or "-"))
    if indicator.responsible:
        tell(_("responsible: {units}").format(units=language.list(list(indicator.responsible))))
    if one.of_units:
        _show_quotas(one)
    listed = table(_("entered"), _("period"), _("unit"), _("value"), _("by"), _("where it comes from"), numbers=[3])
    for row in reading.history(session, plan, indicator, day):
        unit = row.unit.code if row.unit else language.text(CITY)
        value = _("withdrawn") if row.value is None else figure_words(indicator, row.value, language)
        listed.add_row(local_time(plan, row.at), row.period, unit, value, row.by_name, row.words)
    show_table(listed)


def _show_quotas(one: Attainment) -> None:
    from rendering.labels import OUTCOMES, figure_words  # noqa: PLC0415

    listed = table(_("unit"), _("quota"), _("period"), _("outcome"), _("value"), _("distance"), numbers=[4, 5])
    for unit in one.of_units:
        own = unit.attained
        listed.add_row(
            language.text(unit.name),
            language.text(own.target),
            own.period,
            _(OUTCOMES[own.outcome]),
            figure_words(own.indicator, own.value, language),
            "" if own.distance is None else plain(own.distance),
        )
    show_table(listed)
