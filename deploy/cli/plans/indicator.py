"""`duban indicator set|import|show`: readings in, one by one or from Excel, and how the targets stand on any day."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters import clock
from adapters.language import N_
from deploy.cli.base import Day, _, by_option, language, plan_option, show_table, table, tell, tell_problem
from deploy.cli.operation.access import local_time, office_actor, work_on
from models.common.errors import RefusedError
from models.indicators import reading
from models.indicators.attainment import Attainment, Outcome, attainments
from models.indicators.reading import CITY, Change, Compared, Figure, plain
from models.plan.indicator import indicator_of, indicators_of
from models.plan.unit import Unit, unit_of, units_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.assignments.evidence import StoredEvidence
    from models.plan.plan import Plan
    from rendering.reading_sheets import Context

CHANGES = {Change.NEW: N_("new"), Change.CHANGED: N_("changed"), Change.SAME: N_("the same")}
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
    with work_on(plan_code) as (session, plan):
        # A slip is told before any file is copied.
        by = unit_of(session, plan.id, unit_code)
        figure = _figure(session, plan, code, period, of_unit, (value, reference, weight, words))
        _refuse(plan, figure, by)
    stored = _kept(file)
    with work_on(plan_code) as (session, plan):
        by = unit_of(session, plan.id, unit_code)
        figure = _figure(session, plan, code, period, of_unit, (value, reference, weight, words))
        done = _enter(session, plan, [figure], by, stored, by_name)
        told = _told(done[0])
    tell(told)


def _figure(
    session: "Session",
    plan: "Plan",
    code: str,
    period: str,
    of_unit: str | None,
    content: tuple[float | None, float | None, float | None, str],
) -> Figure:
    unit = unit_of(session, plan.id, of_unit) if of_unit else None
    return Figure(indicator_of(session, plan.id, code), period, unit, *content)


def _refuse(plan: "Plan", figure: Figure, by: Unit) -> None:
    if reasons := reading.reasons_not_enterable(plan, [figure], by, plan.day_of(clock.now())):
        raise RefusedError("nothing was entered: {reasons}", reasons=reasons)


def _kept(file: Path | None) -> "StoredEvidence | None":
    if file is None:
        return None
    from functools import partial  # noqa: PLC0415

    from adapters.evidence.intake import HandedIn, take_in  # noqa: PLC0415
    from adapters.evidence.store import EvidenceStore  # noqa: PLC0415
    from adapters.settings import settings  # noqa: PLC0415

    store = EvidenceStore(settings().evidence_address)
    return take_in([HandedIn(file, file.name, partial(store.put, file))])[0]


def _enter(
    session: "Session",
    plan: "Plan",
    figures: list[Figure],
    by: Unit,
    stored: "StoredEvidence | None",
    by_name: str,
) -> list[Compared]:
    from models.assignments.evidence import keep  # noqa: PLC0415

    at = clock.now()
    actor = office_actor(session, plan, by_name)
    if by.id != actor.unit_id:
        actor = type(actor)(by_name, by.id)
    evidence_id = keep(session, by.id, [stored], at)[0] if stored else None
    return reading.enter(session, plan, figures, by=by, evidence_id=evidence_id, actor=actor, at=at)


def _told(one: Compared) -> str:
    from rendering.labels import figure_words  # noqa: PLC0415

    of = one.figure.indicator
    value = figure_words(of, one.figure.value, language)
    before = figure_words(of, one.before.value if one.before else None, language)
    facts = {"ref": one.figure.ref, "value": value, "before": before, "change": _(CHANGES[one.change])}
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
    if not preview and not by_name.strip():
        raise click.UsageError(_("--by is needed: a reading has a person who entered it"))
    # The workbook is what the readings rest on, and is kept with them.
    stored = None
    compared = _compared(file, unit_code, plan_code)
    if not preview and any(one.change is not Change.SAME for one in compared):
        stored = _kept(file)
    if not preview:
        compared = _compared(file, unit_code, plan_code, stored, by_name)
    for one in compared:
        if one.change is not Change.SAME:
            tell(_told(one))
    counts = Counter(one.change for one in compared)
    facts = {change.value: counts[change] for change in Change}
    if preview:
        tell(_("{new} would be new, {changed} changed, {same} the same; nothing was entered").format(**facts))
    else:
        tell(_("{new} new, {changed} changed, {same} the same").format(**facts))


def _compared(
    file: Path, unit_code: str, plan_code: str | None, stored: "StoredEvidence | None" = None, by_name: str = ""
) -> list[Compared]:
    """What the workbook would do; with a name it is done."""
    from rendering.reading_sheets import SheetProblemsError, read_figures  # noqa: PLC0415

    with work_on(plan_code) as (session, plan):
        context = _context(session, plan, unit_code)
        try:
            figures = read_figures(file, file.name, context)
        except SheetProblemsError as error:
            for problem in error.problems:
                tell_problem(language.say(problem.reason))
            told = _("{count} errors in {name}; nothing was entered").format(count=len(error.problems), name=file.name)
            tell_problem(told)
            raise SystemExit(2) from None
        if not by_name:
            return reading.compare(session, plan, figures)
        return _enter(session, plan, figures, context.by, stored, by_name)


def _context(session: "Session", plan: "Plan", unit_code: str) -> "Context":
    from rendering.reading_sheets import Context  # noqa: PLC0415

    indicators = {one.code.upper(): one for one in indicators_of(session, plan.id)}
    by = unit_of(session, plan.id, unit_code)
    return Context(plan, by, plan.day_of(clock.now()), indicators, units_of(session, plan.id))


def _write_template(file: Path, unit_code: str, plan_code: str | None) -> None:
    from rendering.reading_sheets import template  # noqa: PLC0415
    from rendering.workbook import write_workbook  # noqa: PLC0415

    with work_on(plan_code) as (session, plan):
        sheets = template(_context(session, plan, unit_code), language)
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
    from rendering.reading_sheets import readings_sheet, standing_sheet  # noqa: PLC0415
    from rendering.workbook import write_workbook  # noqa: PLC0415

    shown = {one.indicator.id for one in attained}
    counting = [one for one in reading.newest(session, plan, day) if one.indicator_id in shown]
    with output.open("wb") as file:
        write_workbook([standing_sheet(attained, language), readings_sheet(counting, language)], file)


def _draw(attained: list[Attainment], day: dt.date, chart: Path, *, alone: bool) -> None:
    from rendering.charts import FORMATS, course_chart, standing_chart  # noqa: PLC0415

    kind = next((one for one in FORMATS if chart.suffix.lower() == f".{one}"), None)
    if kind is None:
        raise RefusedError("{name}: expected a file that ends in .png or .svg", name=str(chart))
    drawn = course_chart(attained[0], language, kind) if alone else standing_chart(attained, day, language, kind)
    chart.write_bytes(drawn)


def facts_of(one: Attainment) -> dict[str, Any]:
    """An indicator in the words of the JSON."""
    return {
        "code": one.indicator.code,
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
    listed = table(_("entered"), _("period"), _("unit"), _("value"), _("by"), _("where it comes from"), numbers=[3])
    for row in reading.history(session, plan, indicator, day):
        unit = row.unit.code if row.unit else language.text(CITY)
        value = _("withdrawn") if row.value is None else figure_words(indicator, row.value, language)
        listed.add_row(local_time(plan, row.at), row.period, unit, value, row.by_name, row.words)
    show_table(listed)
