"""What stands in a plan: units and collectives."""

from collections.abc import Sequence

from adapters.plan_files.known import Known
from adapters.plan_files.names import claim_or_make, named_list
from adapters.yaml_nodes import Place
from models.common.kinds import Basis, OnDayOff, UnitKind
from models.common.text import Text
from models.plan.document import AreaEntry, CollectiveEntry, UnitEntry

MEMBER_KEYS = ("members", "kinds", "responsible_of", "leads_of")
MAX_UNITS = 50_000  # China has 38,600 townships and streets
MAX_COLLECTIVES = 200
MAX_MEMBERS = 1_000_000  # of all collectives together: each may hold every unit
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
