"""Targets, as YAML says them: what has to be reached by when, who answers, and what single units have to reach."""

import dataclasses
import re

from adapters.language import N_
from adapters.plan_files.codes import given_codes
from adapters.plan_files.dues import recurrence_of
from adapters.plan_files.entries import basis_of, both
from adapters.plan_files.known import Known
from adapters.plan_files.names import Names, claim_or_make, named, named_list
from adapters.plan_files.parties import Leads, Responsible, check_first, leads_of, responsible_of
from adapters.yaml_nodes import Place
from models.common.kinds import Basis, Comparator, Rollup, usual_rollup
from models.dates.period import DAY, EACH_TERM, HALF_YEARLY, MONTHLY, QUARTERLY, YEARLY
from models.dates.recurrence import Every, Recurrence
from models.plan.document import IndicatorEntry, QuotaEntry

RECURRENCES = {
    Every.YEAR: YEARLY,
    Every.MONTH: MONTHLY,
    Every.TERM: EACH_TERM,
    Every.QUARTER: QUARTERLY,
    Every.HALF_YEAR: HALF_YEARLY,
}
VALUES = {
    Comparator.AT_LEAST: (1,),
    Comparator.EQUAL: (1,),
    Comparator.EACH: (1,),
    Comparator.RANGE: (2,),
    Comparator.FULL: (0, 1),
    Comparator.ABOVE_REFERENCE: (0,),
    Comparator.STATUS: (0,),
}
EXPECTED_UNIT = N_("expected the code of a bureau or county in units.yaml")
OWNERS_KNOWN = N_("expected the code of a unit: who answers for a target has to be known")


def indicators_of(place: Place, known: Known) -> tuple[IndicatorEntry, ...]:
    taken: dict[str, int] = {}
    names, conflicts = Names(), list[Place]()
    known.given = given_codes(place)
    entries = [_indicator(item, taken, known, names, conflicts) for item in place.items()]
    if place.is_list:
        known.indicators = len(entries)
    expected = N_("expected the code of another indicator, one that asks for less")
    return tuple(
        dataclasses.replace(one, conflicts_with=named_list(where, set(taken) - {one.code}, expected, names))
        for one, where in zip(entries, conflicts, strict=True)
    )


def _indicator(
    place: Place, taken: dict[str, int], known: Known, names: Names, conflicts: list[Place]
) -> IndicatorEntry:
    """Its conflicts are only noted: they may name indicators further down, and are read at the end."""
    told = ("value", "unit", "reference", "due_basis", "soft", "note", "basis")
    shared = ("rollup", "rollup_basis", "conflicts_with", "reporters", "quotas")
    optional = ("code", *told, *shared, "lead", "responsible")
    fields = place.fields("name", "comparator", "due", "source", optional=optional)
    comparator = fields["comparator"].choice(Comparator)
    value = _value(fields["value"])
    if fields["comparator"].raw in set(Comparator):
        _check_value(fields, comparator, value)
    code = claim_or_make(fields["code"], fields["name"], taken, known.given, "indicator")
    names.add(code, fields)
    conflicts.append(fields["conflicts_with"])
    unit = both(fields["unit"])
    rollup = fields["rollup"].choice(Rollup, usual_rollup(comparator, unit.zh))
    due, due_day = _due(fields["due"], known)
    reporters = named_list(fields["reporters"], known.units, EXPECTED_UNIT, known.names)
    leads, answers = _owners(fields["lead"], fields["responsible"], known)
    return IndicatorEntry(
        code=code,
        name=both(fields["name"]),
        comparator=comparator,
        value=value,
        unit=unit,
        reference=both(fields["reference"]),
        due=due,
        due_basis=basis_of(fields["due_basis"]),
        soft=fields["soft"].flag(),
        source=fields["source"].text(),
        note=fields["note"].text(),
        basis=basis_of(fields["basis"]),
        rollup=rollup,
        rollup_basis=basis_of(fields["rollup_basis"], Basis.INFERRED),
        reporters=reporters,
        lead=leads.lead if fields["lead"].given else None,
        co_leads=leads.co_leads,
        responsible=answers.codes if fields["responsible"].given else None,
        quotas=_quotas(fields, value, rollup, reporters, known),
        due_day=due_day,
    )


def _owners(lead: Place, responsible: Place, known: Known) -> tuple[Leads, Responsible]:
    """As a measure's, but for parties that are not known yet: nobody could enter a figure for them."""
    unsettled = [one for one in (lead, *lead.quiet_items(), *responsible.quiet_items()) if one.is_mapping]
    for one in unsettled:
        one.problem(OWNERS_KNOWN)
    if unsettled:
        return Leads(), Responsible()
    leads = leads_of(lead, known)
    answers = responsible_of(responsible, leads, known)
    check_first(lead, responsible, leads, answers, known)
    return leads, answers


def _quotas(
    fields: dict[str, Place], value: tuple[float, ...], rollup: Rollup, reporters: tuple[str, ...], known: Known
) -> tuple[QuotaEntry, ...]:
    """`{north: 30, 南县: 20}`, of a range `{north: [1, 2]}`: as many numbers for each unit as for all together."""
    place, told = fields["quotas"], len(fields["quotas"].problems)
    if not place.given:
        return ()
    entries = place.entries()
    if place.is_mapping and not entries:
        place.problem("expected at least one unit with its quota")
    if entries and not value and fields["comparator"].raw in set(Comparator) and not fields["value"].given:
        place.problem("expected no quotas: the target has no number of its own")
        return ()
    if rollup is Rollup.LATEST:
        where = fields["rollup"] if fields["rollup"].given else place
        where.problem("expected another rollup than latest: with quotas each unit has a figure of its own")
    taken: dict[str, int] = {}
    found = (_quota(key, one, value, reporters, taken, known) for key, one in entries.values())
    quotas = tuple(one for one in found if one)
    return quotas if len(place.problems) == told else ()


def _quota(
    key: Place,
    place: Place,
    value: tuple[float, ...],
    reporters: tuple[str, ...],
    taken: dict[str, int],
    known: Known,
) -> QuotaEntry | None:
    code, quota = named(key, known.units, EXPECTED_UNIT, known.names), _value(place)
    if code in taken:
        key.problem("expected each code once; it is also on line {line}", line=taken[code])
    elif code:
        taken[code] = key.line
        if reporters and code not in reporters:
            key.problem("expected one of the reporters: the figures of others are not used")
    if len(quota) != len(value):
        place.problem("expected as many numbers as the target has: {count}", count=len(value))
    elif len(quota) == 2 and quota[0] >= quota[1]:  # noqa: PLR2004  (a range)
        place.problem("expected a range from the smaller to the greater value")
    return QuotaEntry(code, quota) if code else None


def _value(place: Place) -> tuple[float, ...]:
    if not place.given:
        return ()
    return tuple(item.number() for item in place.items()) if place.is_list else (place.number(),)


def _check_value(fields: dict[str, Place], comparator: Comparator, value: tuple[float, ...]) -> None:
    counts = VALUES[comparator]
    if len(value) not in counts:
        fields["value"].problem(
            "expected this many values for {comparator}: {count}",
            comparator=comparator.value,
            count=" or ".join(map(str, counts)),
        )
    elif comparator is Comparator.RANGE and value[0] >= value[1]:
        fields["value"].problem("expected a range from the smaller to the greater value")
    if comparator is Comparator.ABOVE_REFERENCE and not fields["reference"].given:
        fields["reference"].problem("expected what the figure is compared with")


def _due(place: Place, known: Known) -> tuple[str, Recurrence | None]:
    """A year, a day or a word such as yearly; or `{every: month, day: 10, in: next-month}`, with its day."""
    if place.is_mapping:
        rule = recurrence_of(place)
        return (RECURRENCES[rule.every], rule) if rule else ("", None)
    word = place.word() or ""
    first, last = known.years or (2000, 2100)
    if place.raw is None or word in RECURRENCES.values():
        return word, None
    if DAY.fullmatch(word) and place.date() is None:
        return "", None
    year = int(word[:4]) if DAY.fullmatch(word) or re.fullmatch(r"[0-9]{4}", word) else 0
    if not first <= year <= last:
        place.problem(
            "expected a year or a day from {first} to {last}, or one of {words}",
            first=first,
            last=last,
            words=", ".join(RECURRENCES.values()),
        )
    return word, None
