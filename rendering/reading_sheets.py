"""Readings of the indicators as Excel sheets: the template that units fill in, and the figures themselves."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.language import N_, Language
from models.dates.period import current
from models.indicators.attainment import Attainment, UnitStanding, target_of
from models.indicators.reading import CITY, Reading, leads, may_report
from models.plan.indicator import Indicator
from models.plan.plan import Plan
from models.plan.unit import Unit
from rendering.labels import OUTCOMES, ROLLUPS, due_words, remark_words
from rendering.workbook import Sheet

COLUMNS = {
    "code": N_("Indicator code"),
    "name": N_("Indicator"),
    "period": N_("Period"),
    "unit": N_("Unit code"),
    "value": N_("Value"),
    "reference": N_("Reference value"),
    "weight": N_("Weight"),
    "words": N_("Where it comes from"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """Who enters and when, and which indicators and units there are."""

    plan: Plan
    by: Unit
    today: dt.date
    indicators: Mapping[str, Indicator]
    units: Sequence[Unit]


EXPORTED = (
    N_("Indicator code"),
    N_("Indicator"),
    N_("Target"),
    N_("Due"),
    N_("Period"),
    N_("Outcome"),
    N_("Value"),
    N_("Reference value"),
    N_("Distance"),
    N_("Change a year"),
    N_("If it goes on like this"),
    N_("Remarks"),
    N_("How units add up"),
    N_("Source in the plan"),
)
QUOTAS = (
    N_("Indicator code"),
    N_("Indicator"),
    N_("Unit code"),
    N_("Unit"),
    N_("Quota"),
    N_("Period"),
    N_("Outcome"),
    N_("Value"),
    N_("Distance"),
    N_("If it goes on like this"),
)


def standing_sheet(attained: Iterable[Attainment], language: Language) -> Sheet:
    """How each indicator stands."""
    _ = language.gettext
    return Sheet(
        _("Standing of the indicators"), [_(head) for head in EXPORTED], (_standing(one, language) for one in attained)
    )


def _standing(one: Attainment, language: Language) -> list[Any]:
    indicator = one.indicator
    return [
        indicator.code,
        language.text(indicator.name),
        language.text(one.target),
        due_words(indicator, language),
        one.period,
        language.gettext(OUTCOMES[one.outcome]),
        one.value,
        one.reference,
        _rounded(one.distance),
        _rounded(one.trend),
        language.say(one.forecast) if one.forecast else "",
        remark_words(one, language),
        language.gettext(ROLLUPS[indicator.rollup]),
        indicator.source,
    ]


def quotas_sheets(attained: Iterable[Attainment], language: Language) -> list[Sheet]:
    """How each unit stands against its own quota: one sheet, or none where the plan gives no quotas."""
    rows = [_quota(one, unit, language) for one in attained for unit in one.of_units]
    return [Sheet(language.gettext("Quotas"), [language.gettext(head) for head in QUOTAS], rows)] if rows else []


def _quota(whole: Attainment, unit: UnitStanding, language: Language) -> list[Any]:
    own = unit.attained
    return [
        whole.indicator.code,
        language.text(whole.indicator.name),
        unit.unit,
        language.text(unit.name),
        language.text(own.target),
        own.period,
        language.gettext(OUTCOMES[own.outcome]),
        own.value,
        _rounded(own.distance),
        language.say(own.forecast) if own.forecast else "",
    ]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def readings_sheet(readings: Iterable[Reading], language: Language) -> Sheet:
    """The readings in force, in the same columns as the template."""
    rows = (
        [
            one.indicator.code,
            language.text(one.indicator.name),
            one.period,
            one.unit.code if one.unit else language.text(CITY),
            one.value,
            one.reference,
            one.weight,
            one.words,
        ]
        for one in readings
    )
    return _long_sheet(rows, language)


def _long_sheet(rows: Iterable[Sequence[Any]], language: Language, *more: str) -> Sheet:
    heads = [language.gettext(head) for head in (*COLUMNS.values(), *more)]
    return Sheet(language.gettext("Readings"), heads, rows)


def template(context: Context, language: Language) -> list[Sheet]:
    """The template: a row for each indicator in the period that is asked for now, and a list of the units.

    The office fills in figures of the whole city, a unit its own figures of the indicators that it has a part in, and
    those of the whole city of the indicators that it leads. Where a unit has quotas, a column says them.
    """
    whole = language.text(CITY)
    is_unit = context.by in context.units
    shown = [
        (one, code)
        for one in context.indicators.values()
        for code, is_asked in (
            (whole, not is_unit or leads(one, context.by)),
            (context.by.code, is_unit and may_report(one, context.by)),
        )
        if is_asked
    ]
    quotas = {one.code: own for one, _ in shown if (own := one.of_unit(context.by.code))}
    rows = [
        [
            *(one.code, language.text(one.name), current(one.due, context.today), code, None, None, None, None),
            *([_own_quota(quotas.get(one.code), language) if code != whole else ""] if quotas else []),
        ]
        for one, code in shown
    ]
    units = [[unit.code, language.text(unit.name)] for unit in context.units]
    heads = [language.gettext("Code"), language.gettext("Unit")]
    more = (N_("Quota"),) if quotas else ()
    return [_long_sheet(rows, language, *more), Sheet(language.gettext("Units"), heads, units)]


def _own_quota(own: Indicator | None, language: Language) -> str:
    return language.text(target_of(own)) if own else ""
