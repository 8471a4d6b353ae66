"""When a plan asks for what: its phases, and the requirements that fall due in them."""

import datetime as dt
import re
from collections.abc import Iterable

from adapters.plan_files.codes import free_code, given_codes, is_chinese
from adapters.plan_files.dues import falls, recurrence_of
from adapters.plan_files.entries import basis_of, both, on_day_off_of, words_of
from adapters.plan_files.known import Known
from adapters.plan_files.ladder import ladder_of
from adapters.plan_files.names import chinese_name, named_list
from adapters.plan_files.parties import EXPECTED_PARTY
from adapters.yaml_nodes import Place
from models.common.kinds import Basis, PhaseKind, Scope
from models.dates.recurrence import Recurrence
from models.dates.spans import EXAMPLES, Span
from models.plan.document import PhaseEntry, RequirementEntry, phase_refs
from models.plan.dues import phases_meant

KINDS = tuple(kind.value for kind in PhaseKind)
ROLES = ("lead", "responsible")
MEASURE = "measure"
FORMS = "{2023Q1: 2023-03-31, …}, {every: …, day: …}, measure"

_CODE = re.compile(r"[^\W\d_](?:[^\W_]|[.-]){0,39}")
_YEAR = re.compile(r"-?[0-9]{1,9}")


def phases_of(place: Place, known: Known) -> tuple[PhaseEntry, ...]:
    taken: dict[tuple[str, str], int] = {}
    phases = tuple(_phase(item, taken, known) for item in place.items())
    if place.is_list and all(phase.code and phase.period for phase in phases):
        known.phases = phases
        _check_refs(place, phases)
    return phases


def _check_refs(place: Place, phases: tuple[PhaseEntry, ...]) -> None:
    refs = list(phase_refs(phases).values())
    for ref in sorted({one for one in refs if refs.count(one) > 1}):
        place.problem("expected phases that can be told apart: {ref} would be the name of two", ref=ref)


def _phase(place: Place, taken: dict[tuple[str, str], int], known: Known) -> PhaseEntry:
    optional = ("kind", "period", "basis")
    fields = place.fields("code", "name", "starts_on", "ends_on", "issue_on", "source", optional=optional)
    code = _phase_code(fields["code"])
    starts, ends = fields["starts_on"].date(), fields["ends_on"].date()
    span = _span(fields["period"], starts, ends, known)
    starts, ends = _phase_days(fields, starts, ends, span)
    issue = fields["issue_on"].date()
    _check_within(fields["issue_on"], issue, starts, ends, code)
    period = span.text if span else ""
    named = fields["period"] if fields["period"].given else fields["code"]
    _claim_pair(named, (code, period), taken, "phase")
    return PhaseEntry(
        code=code,
        period=period,
        name=both(fields["name"]),
        starts_on=starts or dt.date.min,
        ends_on=ends or dt.date.max,
        issue_on=issue or dt.date.min,
        source=fields["source"].text(),
        basis=basis_of(fields["basis"]),
        of_kind=_kind(fields["code"], fields["kind"], code),
    )


def _phase_code(place: Place) -> str:
    word = place.word()
    if word is None or _CODE.fullmatch(word):
        return word or ""
    place.problem("expected a code: a letter, Chinese too, then up to 39 letters, digits, dots and hyphens")
    return ""


def _kind(code: Place, place: Place, said: str) -> PhaseKind | None:
    """None where the code itself says it."""
    if not place.given:
        if said and said not in KINDS:
            code.problem("expected one of {words}, or the key kind with one of them", words=", ".join(KINDS))
            return PhaseKind.IMPLEMENTATION
        return None
    kind = place.choice(PhaseKind)
    if said not in KINDS:
        return kind
    if place.raw in KINDS and place.raw != said:
        place.problem("expected the kind {kind}, as the code says", kind=said)
    return None


def _span(place: Place, starts: dt.date | None, ends: dt.date | None, known: Known) -> Span | None:
    """The period of a phase: as it is given, or the years of its days."""
    first, last = known.years or (2000, 2100)
    if not place.given:
        return Span.of_years(starts, ends) if starts and ends and starts <= ends else None
    word = place.word()
    if word is None:
        return None
    if _YEAR.fullmatch(word):
        year = place.integer(first, last)
        return Span.read(str(year)) if year else None
    span = Span.read(word)
    if span is None:
        place.problem("expected a period such as {examples}", examples=EXAMPLES)
    elif not first <= span.first.year <= last:
        place.problem("expected a period that begins in the years {first} to {last}", first=first, last=last)
    return span


def _phase_days(
    fields: dict[str, Place], starts: dt.date | None, ends: dt.date | None, span: Span | None
) -> tuple[dt.date | None, dt.date | None]:
    for key, day in (("starts_on", starts), ("ends_on", ends)):
        if day and span and day not in span:
            fields[key].problem("expected a date in the period {year}", year=span.text)
    if starts and ends and ends < starts:
        fields["ends_on"].problem("expected a date that is not before {starts_on}", starts_on=starts)
        return None, None
    return starts, ends


def _check_within(place: Place, day: dt.date | None, starts: dt.date | None, ends: dt.date | None, phase: str) -> None:
    if day and starts and ends and not starts <= day <= ends:
        place.problem(
            "expected a date of the phase {phase}, from {starts_on} to {ends_on}",
            phase=phase,
            starts_on=starts,
            ends_on=ends,
        )


def _claim_pair(place: Place, pair: tuple[str, str], taken: dict[tuple[str, str], int], what: str) -> None:
    if pair in taken:
        place.problem(
            "expected the {what} {first} {second} once; it is also on line {line}",
            what=what,
            first=pair[0],
            second=pair[1],
            line=taken[pair],
        )
    elif all(pair):
        taken[pair] = place.line


def requirements_of(place: Place, known: Known) -> tuple[RequirementEntry, ...]:
    taken: dict[tuple[str, str], int] = {}
    known.given = given_codes(place)
    return tuple(_requirement(item, taken, known) for item in place.items())


def _requirement(place: Place, taken: dict[tuple[str, str], int], known: Known) -> RequirementEntry:
    required = ("phase", "scope", "audience", "due", "title", "why", "proof")
    fields = place.fields(*required, optional=("code", "basis", "on_day_off", "rhythm", "ladder"))
    code, phase = _requirement_code(fields["code"], fields["title"], known), _phase_named(fields["phase"], known)
    _claim_pair(fields["code"], (phase, code), taken, "requirement")
    scope = fields["scope"].choice(Scope)
    by_measure = fields["due"].raw == MEASURE
    entry = RequirementEntry(
        code=code,
        phase=phase,
        scope=scope,
        audience=_audience(fields["audience"], scope if fields["scope"].raw in set(Scope) else None, known),
        due={} if by_measure else _due(fields["due"], phase, known),
        title=both(fields["title"]),
        why=both(fields["why"]),
        proof=both(fields["proof"]),
        basis=basis_of(fields["basis"], Basis.INFERRED),
        on_day_off=on_day_off_of(fields["on_day_off"]),
        by_measure=by_measure or None,
        rhythm=_rhythm(fields, phase, known, by_measure=by_measure),
        ladder=ladder_of(fields["ladder"]) if fields["ladder"].given else None,
    )
    if code and phase:
        known.asked.append((fields["code"], entry))
    return entry


def _requirement_code(place: Place, title: Place, known: Known) -> str:
    """As given, and then unique in its phase; or made of its Chinese code or title, and then unique in the plan."""
    if place.given and not is_chinese(place.raw or ""):
        return place.code()
    said = place.raw if place.given else chinese_name(title)
    if not said:
        return ""
    code = free_code(said, (), known.given)
    known.given.add(code)
    return code


def _phase_named(place: Place, known: Known) -> str:
    return _phase_code(place) if known.phases is None else place.one_of(_codes(known.phases))


def _codes(phases: Iterable[PhaseEntry]) -> list[str]:
    return list(dict.fromkeys(one.code for one in phases))


def _rhythm(fields: dict[str, Place], phase: str, known: Known, *, by_measure: bool) -> Recurrence | None:
    """Checks on the way what a requirement that takes the dates of measures has to say beside."""
    if by_measure and fields["scope"].raw in set(Scope) and fields["scope"].raw != Scope.MEASURE:
        fields["due"].problem("expected the scope measure, where due is that of each measure")
    place = fields["rhythm"]
    if not place.given:
        return None
    if fields["due"].given and not by_measure:
        place.problem("expected due: measure beside a rhythm: it is for measures without an end")
    rhythm = recurrence_of(place)
    falls(rhythm, _of_code(phase, known), place)
    return rhythm


def _of_code(code: str, known: Known) -> list[PhaseEntry]:
    return [one for one in known.phases or () if one.code == code]


def _audience(place: Place, scope: Scope | None, known: Known) -> tuple[str, ...]:
    if scope is None:
        return ()
    if scope is not Scope.PLAN:
        return words_of(place, ROLES)
    return named_list(place, known.parties, EXPECTED_PARTY, known.names)


def _due(place: Place, phase: str, known: Known) -> dict[str, dt.date]:
    due: dict[str, dt.date] = {}
    if place.given and not (place.is_mapping or place.is_list):
        place.problem("expected {forms}", forms=FORMS)
        return due
    entries = place.entries()
    if "every" in entries:
        return falls(recurrence_of(place), _of_code(phase, known), place)
    if place.is_mapping and not entries:
        place.problem("expected at least one period and its date")
    for period, (key, value) in entries.items():
        day = value.date()
        if Span.read(period) is None:
            key.problem("expected a period such as 2023, 2023Q1 or 2023H1")
        elif phase and known.phases is not None:
            _check_due(key, value, day, period, phase, known.phases)
        due[period] = day or dt.date.min
    return due


def _check_due(
    key: Place, value: Place, day: dt.date | None, period: str, phase: str, phases: tuple[PhaseEntry, ...]
) -> None:
    """A period lies in time with its phase, and its date in that phase."""
    found = phases_meant(phases, phase, period, day or dt.date.min)
    if found:
        _check_within(value, day, found[0].starts_on, found[0].ends_on, phase)
        return
    years = ", ".join(entry.period for entry in phases if entry.code == phase)
    key.problem("expected a year of the phase {phase}: {years}", phase=phase, years=years)
