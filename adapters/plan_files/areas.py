"""Areas, and their measures in up to three levels: only the lowest are measures, those above are in their names."""

import dataclasses
from collections.abc import Iterator

from adapters.language import N_
from adapters.plan_files.codes import CODE, free, given_codes, number_of
from adapters.plan_files.entries import basis_of, both
from adapters.plan_files.known import Known
from adapters.plan_files.names import claim_or_make
from adapters.plan_files.parties import Leads, Responsible, check_first, leads_of, responsible_of
from adapters.yaml_nodes import Place
from models.common.kinds import AreaKind
from models.common.text import Text
from models.plan.document import AreaEntry, MeasureEntry

LEVELS = 3
MEASURE_KEYS = ("code", "due", "lead", "responsible")
TOO_DEEP = N_("expected measures in at most {levels} levels")

Fields = dict[str, Place]


@dataclasses.dataclass(frozen=True, slots=True)
class _Above:
    """What stands above a measure: an area, or a measure in levels, which has a name that its own ones carry on.

    `names_leads`, `names_responsible`: whether a measure names them, and not the area.
    """

    code: str
    leads: Leads
    answers: Responsible
    names_leads: bool = False
    names_responsible: bool = False
    due: Place | None = None
    name: Text | None = None
    level: int = 0


def areas_of(place: Place, known: Known) -> tuple[AreaEntry, ...]:
    taken: dict[str, int] = {}
    known.given = given_codes(place)
    areas = tuple(_area(item, taken, known) for item in place.items())
    if place.is_list:
        known.areas = {area.code: area for area in areas}
    return areas


def _area(place: Place, taken: dict[str, int], known: Known) -> AreaEntry:
    optional = ("code", "basis", "measures")
    fields = place.fields("kind", "name", "lead", "responsible", "source", optional=optional)
    code = claim_or_make(fields["code"], fields["name"], taken, known.given, "area or measure")
    known.area_names.add(code, fields)
    kind = fields["kind"].choice(AreaKind)
    leads = leads_of(fields["lead"], known)
    answers = responsible_of(fields["responsible"], leads, known)
    check_first(fields["lead"], fields["responsible"], leads, answers, known)
    _check_measures(fields["measures"], fields["kind"].raw)
    return AreaEntry(
        code=code,
        kind=kind,
        name=both(fields["name"]),
        lead=leads.lead,
        responsible=answers.codes,
        measures=tuple(_measures(fields["measures"], _Above(code, leads, answers), taken, known)),
        source=fields["source"].text(),
        basis=basis_of(fields["basis"]),
        co_leads=leads.co_leads,
        unsettled_lead=leads.unsettled,
        unsettled=answers.unsettled,
    )


def _check_measures(place: Place, kind: str | None) -> None:
    if kind == AreaKind.BRAND and not place.given:
        place.problem("expected the measures of this area")
    if kind == AreaKind.SAFEGUARD and place.given:
        place.problem("expected no measures: a safeguard is asked for as a whole")


def _measures(place: Place, above: _Above, taken: dict[str, int], known: Known) -> Iterator[MeasureEntry]:
    """Those of the lowest level, in the order of the plan."""
    for item in place.items():
        if "measures" not in item.quiet_entries():
            yield _measure(item, above, taken, known)
            continue
        fields = item.fields("name", "measures", optional=MEASURE_KEYS)
        one = _below(fields, above, taken, known)
        if one.level == LEVELS:
            fields["measures"].problem(TOO_DEEP, levels=LEVELS)
        else:
            within = dataclasses.replace(one, name=_name(fields, above, is_level=True))
            yield from _measures(fields["measures"], within, taken, known)


def _measure(place: Place, above: _Above, taken: dict[str, int], known: Known) -> MeasureEntry:
    """Its date is only noted: what may stand there hangs on the phases."""
    fields = place.fields("name", "proof", "source", optional=(*MEASURE_KEYS, "basis"))
    one = _below(fields, above, taken, known)
    if one.due:
        known.dues[one.code] = one.due
    return MeasureEntry(
        code=one.code,
        name=_name(fields, above, is_level=False),
        proof=both(fields["proof"]),
        source=fields["source"].text(),
        basis=basis_of(fields["basis"]),
        lead=one.leads.lead if one.names_leads else None,
        co_leads=one.leads.co_leads if one.names_leads else (),
        unsettled_lead=one.leads.unsettled if one.names_leads else "",
        responsible=one.answers.codes if one.names_responsible else None,
        unsettled=one.answers.unsettled if one.names_responsible else (),
    )


def _below(fields: Fields, above: _Above, taken: dict[str, int], known: Known) -> _Above:
    """What a measure says for itself, and what stands above it for the rest."""
    code = _code(fields, above, taken, known)
    leads, answers = above.leads, above.answers
    own_lead, own_responsible = fields["lead"].given, fields["responsible"].given
    if own_lead:
        leads = leads_of(fields["lead"], known)
    if own_responsible:
        answers = responsible_of(fields["responsible"], leads if own_lead else Leads(), known)
    check_first(fields["lead"], fields["responsible"], leads, answers, known)
    return _Above(
        code=code,
        leads=leads,
        answers=answers,
        names_leads=own_lead or above.names_leads,
        names_responsible=own_responsible or above.names_responsible,
        due=fields["due"] if fields["due"].given else above.due,
        level=above.level + 1,
    )


def _code(fields: Fields, above: _Above, taken: dict[str, int], known: Known) -> str:
    """A number (`1.`, `（二）`) counts on from the code above: `T3.2`."""
    place = fields["code"]
    number = number_of(place.raw or "")
    if number is None or not above.code:
        return claim_or_make(place, fields["name"], taken, known.given, "area or measure")
    code = free(f"{above.code}.{number}", taken, known.given)
    taken[code] = place.line
    return code


def _name(fields: Fields, above: _Above, *, is_level: bool) -> Text:
    """With its own number and the names above it, where there are levels: `（一）人才引育 › 1. 建站`."""
    name = both(fields["name"])
    if not is_level and above.name is None:
        return name
    label = _label(fields["code"].raw or "")
    upper = (f"{above.name.zh} › ", f"{above.name.en} › ") if above.name else ("", "")
    return Text(f"{upper[0]}{label}{name.zh}", f"{upper[1]}{label}{name.en}")


def _label(code: str) -> str:
    """The number that the plan gives, as it stands before a name; nothing for a code in letters."""
    if not code or CODE.fullmatch(code):
        return ""
    if not code.isascii():
        return code if not code[-1].isalpha() else f"{code}、"
    return f"{code}. " if code.isdecimal() else f"{code} "
