"""Dates that recur, and dates that measures have for themselves."""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence

from adapters.plan_files.entries import both
from adapters.plan_files.known import Known
from adapters.yaml_nodes import Place
from models.common.kinds import Scope
from models.dates.recurrence import Every, InMonth, Recurrence
from models.plan.document import AreaEntry, MeasureDue, PhaseEntry, RequirementEntry, Stage
from models.plan.dues import dues_of

OPEN = "open"
FORMS = "2016-09-30, open, {stages: […]}, {every: …, day: …}"
EARLIEST, LATEST = 1, 31


def recurrence_of(place: Place) -> Recurrence | None:
    """What stands as `{every: quarter, day: 20, in: last-month}`; None where that is none."""
    fields = place.fields("every", "day", optional=("in",))
    before = len(place.problems)
    every = fields["every"].choice(Every)
    day = fields["day"].integer(EARLIEST, LATEST)
    month = fields["in"].choice(InMonth, InMonth.LAST)
    return Recurrence(every, day, month) if day is not None and len(place.problems) == before else None


def falls(recurrence: Recurrence | None, phases: Sequence[PhaseEntry], place: Place) -> dict[str, dt.date]:
    """The days by period, in all of these phases; a phase in which it never falls is told."""
    found: dict[str, dt.date] = {}
    for phase in phases if recurrence else ():
        dues = recurrence.dues(phase.starts_on, phase.ends_on) if recurrence else {}
        if not dues:
            place.problem(
                "expected a recurrence that falls in the phase {phase}, from {starts_on} to {ends_on}",
                phase=phase.code,
                starts_on=phase.starts_on,
                ends_on=phase.ends_on,
            )
        found |= dues
    return found


def with_dues(areas: tuple[AreaEntry, ...], known: Known) -> tuple[AreaEntry, ...]:
    """The areas with the dates of their measures."""
    dues = {code: _measure_due(place) for code, place in known.dues.items()}
    return tuple(
        dataclasses.replace(
            area, measures=tuple(dataclasses.replace(one, due=dues.get(one.code)) for one in area.measures)
        )
        for area in areas
    )


def _measure_due(place: Place) -> MeasureDue | None:
    if place.is_mapping:
        return _several(place)
    if place.raw == OPEN:
        return MeasureDue(is_open=True)
    if place.is_list or place.raw is None:
        place.problem("expected {forms}", forms=FORMS)
        return None
    day = place.date()
    return MeasureDue(day=day) if day else None


def _several(place: Place) -> MeasureDue | None:
    if "stages" not in place.entries():
        recurrence = recurrence_of(place)
        return MeasureDue(recurrence=recurrence) if recurrence else None
    taken: dict[dt.date, int] = {}
    stages = [_stage(item, taken) for item in place.fields("stages")["stages"].items()]
    return MeasureDue(stages=tuple(one for one in stages if one))


def _stage(place: Place, taken: dict[dt.date, int]) -> Stage | None:
    fields = place.fields("by", "what")
    day, what = fields["by"].date(), both(fields["what"])
    if day in taken:
        fields["by"].problem("expected each date once; it is also on line {line}", line=taken[day])
    elif day:
        taken[day] = fields["by"].line
        return Stage(day, what)
    return None


def check_dues(areas: Sequence[AreaEntry], requirements: Sequence[RequirementEntry], known: Known) -> None:
    """Tell each date of a measure that no requirement would ask for."""
    if known.phases is None:
        return
    takers = [one for one in requirements if one.by_measure]
    taking = {one.phase for one in takers}
    phases = [one for one in known.phases if one.code in taking]
    for area in areas:
        for measure in area.measures:
            if measure.due is None:
                continue
            place = known.dues[measure.code]
            if not takers:
                place.problem("expected a requirement that takes the dates of measures, with due: measure")
            else:
                _check_due(place, measure.due, takers, phases)


def _check_due(place: Place, due: MeasureDue, takers: Sequence[RequirementEntry], phases: Sequence[PhaseEntry]) -> None:
    if due.is_open and not any(one.rhythm for one in takers):
        place.problem("expected a requirement with due: measure and a rhythm, at which it is asked for")
    if due.recurrence and not any(due.recurrence.dues(one.starts_on, one.ends_on) for one in phases):
        place.problem("expected a recurrence that falls in one of the phases {phases}", phases=_said(phases))
    for on, where in _days(place, due):
        if not any(one.starts_on <= on <= one.ends_on for one in phases):
            where.problem("expected a date in one of the phases {phases}", phases=_said(phases))


def _days(place: Place, due: MeasureDue) -> Iterator[tuple[dt.date, Place]]:
    if due.day is not None:
        yield due.day, place
    if due.stages:
        items = place.fields("stages")["stages"].items()
        yield from ((one.by, item.fields("by", "what")["by"]) for one, item in zip(due.stages, items, strict=False))


def _said(phases: Sequence[PhaseEntry]) -> str:
    return ", ".join(f"{one.code} ({one.starts_on} – {one.ends_on})" for one in phases)


def check_references(areas: Sequence[AreaEntry], known: Known) -> None:
    """Tell what would have the reference of something that is asked in another phase."""
    if known.phases is None:
        return
    taken: dict[str, tuple[str, str]] = {}
    told: set[str] = set()
    for place, entry in known.asked:
        for period, item, phase in _asked(areas, entry, known.phases):
            ref = "/".join(filter(None, (period, entry.code, item)))
            other = taken.setdefault(ref, (phase.code, phase.period))
            if other != (phase.code, phase.period) and entry.code not in told:
                told.add(entry.code)
                place.problem(
                    "expected a code of its own: {ref} is asked in the phase {phase} {period} too",
                    ref=ref,
                    phase=other[0],
                    period=other[1],
                )


def _asked(
    areas: Sequence[AreaEntry], entry: RequirementEntry, phases: Sequence[PhaseEntry]
) -> Iterator[tuple[str, str, PhaseEntry]]:
    for code, due in _items(areas, entry.scope):
        for one in dues_of(entry, due, phases):
            yield one.period, code, one.phase


def _items(areas: Sequence[AreaEntry], scope: Scope) -> Iterator[tuple[str, MeasureDue | None]]:
    """The code and the date of each item that a requirement of that scope is asked of."""
    if scope is Scope.PLAN:
        yield "", None
        return
    for area in areas:
        if scope is Scope.AREA or not area.measures:
            yield area.code, None
        else:
            yield from ((one.code, one.due) for one in area.measures)
