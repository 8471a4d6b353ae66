"""What a plan declares beside what it enumerates: of measures area by area, of measures and indicators as a whole."""

from adapters.plan_files.entries import both
from adapters.plan_files.known import Known
from adapters.plan_files.names import named, take
from adapters.yaml_nodes import Place
from models.common.text import Text
from models.plan.document import Counted, DeclaredCount, WholeCount

Fields = dict[str, Place]

COUNT_KEYS = ("name", "declared", "enumerated", "note")
MOST = 10_000


def declared_of(place: Place, known: Known) -> tuple[tuple[DeclaredCount, ...], tuple[WholeCount, ...]]:
    """Area by area, and of the whole plan where an entry says `of` in place of `area`."""
    taken: dict[str, int] = {}
    of_areas: list[DeclaredCount] = []
    in_all: list[WholeCount] = []
    for item in place.items():
        if "of" in item.quiet_entries():
            in_all.append(_of_all(item.fields("of", *COUNT_KEYS), taken, known))
        else:
            of_areas.append(_of_area(item.fields("area", *COUNT_KEYS), taken, known))
    return tuple(of_areas), tuple(in_all)


def _of_area(fields: Fields, taken: dict[str, int], known: Known) -> DeclaredCount:
    area = named(fields["area"], known.areas, "expected the code of an area in areas.yaml", known.area_names)
    if area:
        take(fields["area"], area, taken, "entry")
    there = len(known.areas[area].measures) if area and known.areas is not None else None
    name, declared, enumerated, note = _counts(fields, there, "areas.yaml")
    return DeclaredCount(area=area, name=name, declared=declared, enumerated=enumerated, note=note)


def _of_all(fields: Fields, taken: dict[str, int], known: Known) -> WholeCount:
    of = fields["of"].choice(Counted)
    if fields["of"].raw == of:
        take(fields["of"], f"of {of}", taken, "entry")
    measures = sum(len(area.measures) for area in known.areas.values()) if known.areas is not None else None
    there, file = (measures, "areas.yaml") if of is Counted.MEASURES else (known.indicators, "indicators.yaml")
    name, declared, enumerated, note = _counts(fields, there, file)
    return WholeCount(code=of, name=name, declared=declared, enumerated=enumerated, note=note)


def _counts(fields: Fields, there: int | None, file: str) -> tuple[Text, int, int, Text]:
    """Name, declared, enumerated and note. What is enumerated is what the file holds: `there`, None if unknown."""
    enumerated = fields["enumerated"].integer(0, MOST)
    if enumerated is not None and there is not None and enumerated != there:
        fields["enumerated"].problem("expected {count}, as many as {file} holds", count=there, file=file)
    declared = fields["declared"].integer(0, MOST)
    return both(fields["name"]), declared or 0, enumerated or 0, both(fields["note"])
