"""What a document says once one thing in it is said otherwise. Pure.

Each raises RefusedError for a code that the document does not know, or where it could not be said so in the files.
"""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from models.common.errors import RefusedError
from models.common.text import Text
from models.plan.document import AreaEntry, MeasureEntry, PlanDocument, RequirementEntry, UnitEntry
from models.plan.dues import phases_meant

Entry = AreaEntry | MeasureEntry | RequirementEntry


def renamed(document: PlanDocument, code: str, name: Text) -> PlanDocument:
    """The unit has another name; by those before it is found still."""
    entry = next((one for one in document.units if one.code == code), None)
    if entry is None:
        raise RefusedError("there is no unit {unit}", unit=code)
    _refuse_name_taken(document, name.zh, besides=code)
    known = (*entry.aliases, entry.name.zh, *((entry.full_name,) if entry.full_name else ()))
    aliases = tuple(one for one in dict.fromkeys(known) if one != name.zh)
    after = dataclasses.replace(entry, name=name, full_name=None, aliases=aliases)
    return dataclasses.replace(document, units=tuple(after if one is entry else one for one in document.units))


def _refuse_name_taken(document: PlanDocument, name: str, besides: str = "") -> None:
    for one in document.units:
        if one.code != besides and name in {one.code, one.name.zh, one.full_name, *one.aliases}:
            raise RefusedError("{unit} is called {name} already", unit=one.code, name=name)


def with_unit(document: PlanDocument, entry: UnitEntry, sets: Collection[str] = ()) -> PlanDocument:
    """One unit more, in these sets of units."""
    _refuse_name_taken(document, entry.name.zh)
    unknown = set(sets) - {one.code for one in document.collectives}
    if unknown:
        raise RefusedError("there is no set of units {code}", code=min(unknown))
    collectives = tuple(
        dataclasses.replace(one, members=(*one.members, entry.code)) if one.code in sets else one
        for one in document.collectives
    )
    return dataclasses.replace(document, units=(*document.units, entry), collectives=collectives)


def with_measure(document: PlanDocument, area: str, entry: MeasureEntry) -> PlanDocument:
    """One measure more, and counted among those that the area enumerates."""
    above = next((one for one in document.areas if one.code == area), None)
    if above is None:
        raise RefusedError("there is no area {code}", code=area)
    if not above.measures:
        raise RefusedError("{area} is asked for as a whole and has no measures", area=area)
    after = dataclasses.replace(above, measures=(*above.measures, entry))
    declared = tuple(
        dataclasses.replace(one, enumerated=one.enumerated + 1) if one.area == area else one
        for one in document.declared
    )
    areas = tuple(after if one is above else one for one in document.areas)
    return dataclasses.replace(document, areas=areas, declared=declared)


def with_requirement(document: PlanDocument, entry: RequirementEntry) -> PlanDocument:
    """One requirement more."""
    for period, day in entry.due.items():
        _refuse_outside_its_phase(document, entry, period, day)
    return dataclasses.replace(document, requirements=(*document.requirements, entry))


def with_due(document: PlanDocument, code: str, period: str, day: dt.date) -> PlanDocument:
    """Another last day of a requirement for one period, as the document states it."""
    entry = next((one for one in document.requirements if one.code == code), None)
    if entry is None or period not in entry.due:
        raise RefusedError("there is no requirement or measure {code}", code=f"{period}/{code}")
    _refuse_outside_its_phase(document, entry, period, day)
    after = dataclasses.replace(entry, due={**entry.due, period: day})
    return _with_entry(document, entry, after)


def _refuse_outside_its_phase(document: PlanDocument, entry: RequirementEntry, period: str, day: dt.date) -> None:
    phase = next(iter(phases_meant(document.phases, entry.phase, period, day)), None)
    if phase is None:
        raise RefusedError("there is no phase {phase} in {period}", phase=entry.phase, period=period)
    if not phase.starts_on <= day <= phase.ends_on:
        raise RefusedError(
            "expected a date of the phase {phase}, from {starts_on} to {ends_on}",
            phase=phase.name,
            starts_on=phase.starts_on,
            ends_on=phase.ends_on,
        )


def with_leads(document: PlanDocument, code: str, leads: Sequence[str]) -> PlanDocument:
    """Who leads an area or a measure: the first answers, the others co-lead. Nobody where there are none."""
    entry = _entry(document, code, AreaEntry, MeasureEntry)
    lead, co_leads = leads[0] if leads else "", tuple(leads[1:])
    after = dataclasses.replace(entry, lead=lead, co_leads=co_leads, unsettled_lead="")
    return _with_entry(document, entry, after)


def with_responsible(document: PlanDocument, code: str, parties: Sequence[str]) -> PlanDocument:
    """Which units and sets of units answer for an area or a measure; parties not known until then are among them."""
    entry = _entry(document, code, AreaEntry, MeasureEntry)
    return _with_entry(document, entry, dataclasses.replace(entry, responsible=tuple(parties), unsettled=()))


def with_words(
    document: PlanDocument, code: str, *, title: Text | None = None, proof: Text | None = None
) -> PlanDocument:
    """Other words of a requirement or a measure: what it is called, what proves it. None leaves them as they are."""
    entry = _entry(document, code, MeasureEntry, RequirementEntry)
    called = "title" if isinstance(entry, RequirementEntry) else "name"
    said = {name: words for name, words in ((called, title), ("proof", proof)) if words is not None}
    return _with_entry(document, entry, dataclasses.replace(entry, **said))


def _entry(document: PlanDocument, code: str, *kinds: type[Entry]) -> Any:
    found = next((one for one in _entries(document) if one.code == code and isinstance(one, kinds)), None)
    if found is None:
        raise RefusedError("there is no requirement or measure {code}", code=code)
    return found


def _entries(document: PlanDocument) -> list[Entry]:
    measures = [one for area in document.areas for one in area.measures]
    return [*document.requirements, *document.areas, *measures]


def _with_entry(document: PlanDocument, before: Entry, after: Entry) -> PlanDocument:
    def placed(entries: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(after if one is before else one for one in entries)

    areas = tuple(
        one if one is before or before not in one.measures else dataclasses.replace(one, measures=placed(one.measures))
        for one in document.areas
    )
    return dataclasses.replace(document, areas=placed(areas), requirements=placed(document.requirements))
