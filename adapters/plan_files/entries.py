"""What stands in a plan: units, collectives, indicators."""

import dataclasses
import re
from collections.abc import Sequence

from adapters.language import N_
from adapters.plan_files.codes import given_codes
from adapters.plan_files.known import Known
from adapters.plan_files.names import Names, claim_or_make, named_list
from adapters.yaml_nodes import Place
from models.common.kinds import Basis, Comparator, OnDayOff, Rollup, UnitKind, usual_rollup
from models.common.text import Text
from models.plan.document import AreaEntry, CollectiveEntry, IndicatorEntry, UnitEntry

RECURRENCES = ("yearly", "monthly", "each_term")
MEMBER_KEYS = ("members", "kinds", "responsible_of", "leads_of")
MAX_UNITS = 50_000  # China has 38,600 townships and streets
MAX_COLLECTIVES = 200
MAX_MEMBERS = 1_000_000  # of all collectives together: each may hold every unit
VALUES = {
    Comparator.AT_LEAST: (1,),
    Comparator.EQUAL: (1,),
    Comparator.EACH: (1,),
    Comparator.RANGE: (2,),
    Comparator.FULL: (0, 1),
    Comparator.ABOVE_REFERENCE: (0,),
    Comparator.STATUS: (0,),
}

NamedCollective = tuple[str, dict[str, Place]]


def both(place: Place) -> Text:
    """In Chinese, and in English where the plan has it; a text without languages stands for both."""
    if not place.is_mapping:
        said = place.text()
        return Text(said, said)
    languages = place.fields("zh", optional=("en",))
    zh = languages["zh"].text()
    return Text(zh, languages["en"].text(zh))


def basis_of(place: Place, default: Basis = Basis.STATED) -> Basis:
    return place.choice(Basis, default)


def on_day_off_of(place: Place) -> OnDayOff | None:
    return place.choice(OnDayOff) if place.given else None


def words_of(place: Place, words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for item in place.items() if (word := item.one_of(words))))


def units_of(place: Place, known: Known) -> tuple[UnitEntry, ...]:
    units = tuple(_unit(item, known) for item in place.items(MAX_UNITS))
    if not place.is_list:
        return units
    known.units = {unit.code for unit in units if unit.kind in (UnitKind.BUREAU, UnitKind.COUNTY)}
    known.leads = known.units | {unit.code for unit in units if unit.kind is UnitKind.OFFICE}
    for kind in (UnitKind.OFFICE, UnitKind.LEADER):
        if units and sum(unit.kind == kind for unit in units) != 1:
            place.problem("expected exactly one unit of the kind {kind}", kind=kind.value)
    return units


def _unit(place: Place, known: Known) -> UnitEntry:
    fields = place.fields("name", "kind", optional=("code", "full_name", "aliases", "basis", "source"))
    code = claim_or_make(fields["code"], fields["name"], known.unit_lines, known.given, "unit")
    known.names.add(code, fields)
    return UnitEntry(
        code=code,
        name=both(fields["name"]),
        kind=fields["kind"].choice(UnitKind),
        full_name=fields["full_name"].text() or None,
        aliases=tuple(dict.fromkeys(filter(None, (item.text() for item in fields["aliases"].items())))),
        basis=basis_of(fields["basis"]),
        source=fields["source"].text(),
    )


def collective_places(place: Place, known: Known) -> list[NamedCollective]:
    """The collectives by name only: areas name them, and some of them are made from areas."""
    found: list[NamedCollective] = []
    taken = dict(known.unit_lines)
    for item in place.items(MAX_COLLECTIVES):
        fields = item.fields("name", optional=("code", *MEMBER_KEYS, "basis", "source"))
        if item.is_mapping and sum(fields[key].given for key in MEMBER_KEYS) != 1:
            item.problem("expected exactly one of the keys {keys}", keys=", ".join(MEMBER_KEYS))
        code = claim_or_make(fields["code"], fields["name"], taken, known.given, "unit or collective")
        known.names.add(code, fields)
        found.append((code, fields))
    if place.is_list or not place.given:
        known.collectives = {code for code, _ in found}
    return found


def collectives_of(
    places: list[NamedCollective], units: tuple[UnitEntry, ...], known: Known
) -> tuple[CollectiveEntry, ...]:
    # A collective may name only those above it, so that none can contain itself.
    above: dict[str, tuple[str, ...]] = {}
    entries, room = [], MAX_MEMBERS
    for code, fields in places:
        members = _members(fields, units, above, known)
        room -= len(members)
        if room < 0:
            fields["code"].problem("expected collectives of at most {most} members in all", most=MAX_MEMBERS)
            break
        above[code] = members
        entries.append(
            CollectiveEntry(
                code=code,
                name=both(fields["name"]),
                members=members,
                basis=basis_of(fields["basis"]),
                source=fields["source"].text(),
            )
        )
    return tuple(entries)


def _members(
    fields: dict[str, Place], units: tuple[UnitEntry, ...], above: dict[str, tuple[str, ...]], known: Known
) -> tuple[str, ...]:
    told = fields["code"].problems
    before = len(told)
    allowed = None if known.units is None else known.units | above.keys()
    codes = named_list(
        fields["members"],
        allowed,
        "expected the code of a bureau or county, or of a collective above this one",
        known.names,
    )
    found = [member for code in codes for member in above.get(code, (code,))]
    kinds = words_of(fields["kinds"], (UnitKind.BUREAU, UnitKind.COUNTY))
    found += [unit.code for unit in units if unit.kind in kinds]
    found += _from_areas(fields, known)
    if not found and known.areas is not None and len(told) == before:
        for key in MEMBER_KEYS:
            if fields[key].given:
                fields[key].problem("expected at least one unit that this leads to")
    return tuple(dict.fromkeys(found))


def _from_areas(fields: dict[str, Place], known: Known) -> list[str]:
    expected = "expected the code of an area in areas.yaml"
    responsible = named_list(fields["responsible_of"], known.areas, expected, known.area_names)
    leads = named_list(fields["leads_of"], known.areas, expected, known.area_names)
    if known.areas is None or known.units is None:
        return []
    areas = known.areas
    found = [code for area in responsible for code in _answering(areas[area])]
    found += [code for area in leads for code in _leading(areas[area])]
    return [code for code in found if code in known.units]


def _answering(area: AreaEntry) -> list[str]:
    """Who is responsible for an area or for a measure of it."""
    return [*area.responsible, *(code for one in area.measures for code in one.responsible or ())]


def _leading(area: AreaEntry) -> list[str]:
    named = [(area.lead, *area.co_leads), *((one.lead or "", *one.co_leads) for one in area.measures)]
    return [code for codes in named for code in codes]


def indicators_of(place: Place, known: Known) -> tuple[IndicatorEntry, ...]:
    taken: dict[str, int] = {}
    names, conflicts = Names(), list[Place]()
    known.given = given_codes(place)
    entries = [_indicator(item, taken, known, names, conflicts) for item in place.items()]
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
    optional = ("code", *told, "rollup", "rollup_basis", "conflicts_with", "reporters")
    fields = place.fields("name", "comparator", "due", "source", optional=optional)
    comparator = fields["comparator"].choice(Comparator)
    value = _value(fields["value"])
    if fields["comparator"].raw in set(Comparator):
        _check_value(fields, comparator, value)
    code = claim_or_make(fields["code"], fields["name"], taken, known.given, "indicator")
    names.add(code, fields)
    conflicts.append(fields["conflicts_with"])
    unit = both(fields["unit"])
    return IndicatorEntry(
        code=code,
        name=both(fields["name"]),
        comparator=comparator,
        value=value,
        unit=unit,
        reference=both(fields["reference"]),
        due=_indicator_due(fields["due"], known),
        due_basis=basis_of(fields["due_basis"]),
        soft=fields["soft"].flag(),
        source=fields["source"].text(),
        note=fields["note"].text(),
        basis=basis_of(fields["basis"]),
        rollup=fields["rollup"].choice(Rollup, usual_rollup(comparator, unit.zh)),
        rollup_basis=basis_of(fields["rollup_basis"], Basis.INFERRED),
        reporters=named_list(
            fields["reporters"], known.units, "expected the code of a bureau or county in units.yaml", known.names
        ),
    )


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


def _indicator_due(place: Place, known: Known) -> str:
    word = place.word() or ""
    first, last = known.years or (2000, 2100)
    in_plan = re.fullmatch(r"[0-9]{4}", word) and first <= int(word) <= last
    if place.raw is not None and not in_plan and word not in RECURRENCES:
        place.problem(
            "expected a year from {first} to {last}, or one of {words}",
            first=first,
            last=last,
            words=", ".join(RECURRENCES),
        )
    return word
