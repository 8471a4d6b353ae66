"""When a plan asks for what: its phases, and the requirements that fall due in them."""

import datetime as dt
import re

from adapters.plan_files.entries import basis_of, both, named_list, on_day_off_of, words_of
from adapters.plan_files.known import Known
from adapters.yaml_nodes import Place
from models.common.kinds import Basis, Scope
from models.plan.document import PhaseEntry, RequirementEntry

PHASES = ("launch", "implementation", "acceptance")
ROLES = ("lead", "responsible")

_PERIOD = re.compile(r"[0-9]{4}(Q[1-4]|H[12])?")


def phases_of(place: Place, known: Known) -> tuple[PhaseEntry, ...]:
    taken: dict[tuple[str, str], int] = {}
    phases = tuple(_phase(item, taken, known) for item in place.items())
    if place.is_list and all(phase.code and phase.period for phase in phases):
        known.phases = phases
    return phases


def _phase(place: Place, taken: dict[tuple[str, str], int], known: Known) -> PhaseEntry:
    fields = place.fields("code", "period", "name", "starts_on", "ends_on", "issue_on", "source", optional=("basis",))
    code = fields["code"].one_of(PHASES)
    year = fields["period"].integer(*(known.years or (2000, 2100)))
    period = str(year or "")
    _claim_pair(fields["period"], (code, period), taken, "phase")
    starts, ends = _phase_days(fields, year)
    issue = fields["issue_on"].date()
    _check_within(fields["issue_on"], issue, starts, ends, code)
    return PhaseEntry(
        code=code,
        period=period,
        name=both(fields["name"]),
        starts_on=starts or dt.date.min,
        ends_on=ends or dt.date.max,
        issue_on=issue or dt.date.min,
        source=fields["source"].text(),
        basis=basis_of(fields["basis"]),
    )


def _phase_days(fields: dict[str, Place], year: int | None) -> tuple[dt.date | None, dt.date | None]:
    starts, ends = fields["starts_on"].date(), fields["ends_on"].date()
    for key, day in (("starts_on", starts), ("ends_on", ends)):
        if day and year and day.year != year:
            fields[key].problem("expected a date in the period {year}", year=year)
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
    return tuple(_requirement(item, taken, known) for item in place.items())


def _requirement(place: Place, taken: dict[tuple[str, str], int], known: Known) -> RequirementEntry:
    required = ("code", "phase", "scope", "audience", "due", "title", "why", "proof")
    fields = place.fields(*required, optional=("basis", "on_day_off"))
    code, phase = fields["code"].code(), fields["phase"].one_of(PHASES)
    _claim_pair(fields["code"], (phase, code), taken, "requirement")
    scope = fields["scope"].choice(Scope)
    return RequirementEntry(
        code=code,
        phase=phase,
        scope=scope,
        audience=_audience(fields["audience"], scope if fields["scope"].raw in set(Scope) else None, known),
        due=_due(fields["due"], phase, known),
        title=both(fields["title"]),
        why=both(fields["why"]),
        proof=both(fields["proof"]),
        basis=basis_of(fields["basis"], Basis.INFERRED),
        on_day_off=on_day_off_of(fields["on_day_off"]),
    )


def _audience(place: Place, scope: Scope | None, known: Known) -> tuple[str, ...]:
    if scope is None:
        return ()
    if scope is not Scope.PLAN:
        return words_of(place, ROLES)
    return named_list(place, known.parties, "expected the code of a bureau, county or collective in units.yaml")


def _due(place: Place, phase: str, known: Known) -> dict[str, dt.date]:
    due: dict[str, dt.date] = {}
    entries = place.entries()
    if place.is_mapping and not entries:
        place.problem("expected at least one period and its date")
    for period, (key, value) in entries.items():
        day = value.date()
        if not _PERIOD.fullmatch(period):
            key.problem("expected a period such as 2023, 2023Q1 or 2023H1")
        elif phase and known.phases is not None:
            _check_due(key, value, day, (phase, period[:4]), known.phases)
        due[period] = day or dt.date.min
    return due


def _check_due(
    key: Place, value: Place, day: dt.date | None, phase: tuple[str, str], phases: tuple[PhaseEntry, ...]
) -> None:
    """A period belongs to a year of its phase, and its date lies in that year of the phase."""
    for entry in phases:
        if (entry.code, entry.period) == phase:
            _check_within(value, day, entry.starts_on, entry.ends_on, entry.code)
            return
    years = ", ".join(entry.period for entry in phases if entry.code == phase[0])
    if years:
        key.problem("expected a year of the phase {phase}: {years}", phase=phase[0], years=years)
    else:
        key.problem("expected the phase {phase} to be in phases.yaml", phase=phase[0])
