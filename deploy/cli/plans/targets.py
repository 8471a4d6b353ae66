"""What a plan says of its targets beside the figures: who answers, the quotas of units, and what is declared."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.cli.base import _, language, show_table, table, tell
from models.indicators.reading import plain
from models.plan.document import Counted, IndicatorEntry, PlanDocument
from models.plan.parties import owners_of
from models.plan.quotas import sums_off
from rendering.labels import dated_words, entry_target, sum_off_words

SHOWN = 20  # quotas of one target on a terminal; JSON holds all


def tell_targets(document: PlanDocument) -> None:
    """Print the targets that name who answers, or give single units quotas; nothing where none does."""
    said = [one for one in document.indicators if _says_more(one)]
    if not said:
        return
    names = {code: language.text(name) for code, name in document.names.items()}
    headings = (_("code"), _("name"), _("target"), _("due"), _("lead"), _("responsible"), _("quotas"))
    listed = table(*headings)
    for one in said:
        leads, responsible = owners_of(one, document.no_lead)
        listed.add_row(
            one.code,
            language.text(one.name),
            language.text(entry_target(one)),
            dated_words(one.due, one.due_day, language),
            *(language.list([names[code] for code in codes]) for codes in (leads, responsible)),
            _quotas(one, names),
        )
    show_table(listed)


def _quotas(one: IndicatorEntry, names: Mapping[str, str]) -> str:
    said = [f"{names[quota.code]} {'–'.join(map(plain, quota.value))}" for quota in one.quotas[:SHOWN]]
    more = [f"… (+{len(one.quotas) - SHOWN})"] if len(one.quotas) > SHOWN else []
    return language.list([*said, *more])


def _says_more(one: IndicatorEntry) -> bool:
    return bool(one.quotas) or one.lead is not None or one.responsible is not None


def tell_sums_off(document: PlanDocument) -> None:
    """Print which quotas do not add up to their target."""
    for one in sums_off(document):
        tell("  " + language.say(sum_off_words(one)))


def declared_lines(document: PlanDocument) -> Iterator[tuple[str, int]]:
    """What is counted of measures and indicators, declared where the plan does so and enumerated."""
    yield _("measures declared"), document.declared_count(Counted.MEASURES) or 0
    yield _("measures enumerated"), sum(len(area.measures) for area in document.areas)
    declared = document.declared_count(Counted.INDICATORS)
    if declared is not None:
        yield _("indicators declared"), declared
    yield _("indicators"), len(document.indicators)


def target_facts(document: PlanDocument) -> list[dict[str, Any]]:
    """All targets as JSON."""
    off = {one.code for one in sums_off(document)}
    return [_facts(document, one) | {"quotas_add_up": one.code not in off} for one in document.indicators]


def _facts(document: PlanDocument, one: IndicatorEntry) -> dict[str, Any]:
    leads, responsible = owners_of(one, document.no_lead)
    rule = one.due_day
    return {
        "code": one.code,
        "target": entry_target(one).en,
        "due": one.due,
        "due_day": {"every": rule.every, "day": rule.day, "month": rule.month} if rule else None,
        "leads": leads,
        "responsible": responsible,
        "quotas": {quota.code: quota.value for quota in one.quotas},
    }


def declared_facts(document: PlanDocument) -> dict[str, dict[str, int | None]]:
    """What the plan declares and enumerates, as JSON; `declared` is null where it declares nothing."""
    enumerated = {
        Counted.MEASURES: sum(len(area.measures) for area in document.areas),
        Counted.INDICATORS: len(document.indicators),
    }
    return {of: {"declared": document.declared_count(of), "enumerated": count} for of, count in enumerated.items()}
