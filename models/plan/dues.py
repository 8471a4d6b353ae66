"""When a requirement is due: the map of its own, or the dates of the measures that it is asked of. Pure."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence

from models.common.text import Text
from models.dates.spans import Span
from models.plan.document import MeasureDue, PhaseEntry, RequirementEntry, Stage


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """One time that something is asked. `what`: of a stage, its words. `open_ended`: a report on what has no end."""

    phase: PhaseEntry
    period: str
    on: dt.date
    what: Text | None = None
    open_ended: bool = False


def phases_meant(phases: Sequence[PhaseEntry], code: str, period: str, on: dt.date) -> list[PhaseEntry]:
    """The phase in which a requirement for a period falls: of that code, in time with the period, holding the day.

    None where there is none; where no day decides, all that it could be.
    """
    span = Span.read(period)
    found = [one for one in phases if one.code == code and span and _span(one).touches(span)]
    return [one for one in found if one.starts_on <= on <= one.ends_on] or found


def _span(phase: PhaseEntry) -> Span:
    return Span.read(phase.period) or Span.of_years(phase.starts_on, phase.ends_on)


def dues_of(entry: RequirementEntry, due: MeasureDue | None, phases: Sequence[PhaseEntry]) -> Iterator[Due]:
    """All that a requirement asks of one item. `due`: of the measure, None where it has none or is not a measure."""
    if not entry.by_measure:
        for period, on in entry.due.items():
            for phase in phases_meant(phases, entry.phase, period, on)[:1]:
                yield Due(phase, period, on)
        return
    for phase in phases:
        if phase.code == entry.phase:
            yield from _in_phase(entry, due, phase)


def _in_phase(entry: RequirementEntry, due: MeasureDue | None, phase: PhaseEntry) -> Iterator[Due]:
    if due is None:
        yield Due(phase, phase.period, phase.ends_on)
        return
    if due.day is not None and phase.starts_on <= due.day <= phase.ends_on:
        yield Due(phase, phase.period, due.day)
    for period, stage in stage_periods(due.stages).items():
        if phase.starts_on <= stage.by <= phase.ends_on:
            yield Due(phase, period, stage.by, stage.what)
    recurrence = entry.rhythm if due.is_open else due.recurrence
    if recurrence is not None:
        for period, on in recurrence.dues(phase.starts_on, phase.ends_on).items():
            yield Due(phase, period, on, open_ended=due.is_open)


def stage_periods(stages: Sequence[Stage]) -> dict[str, Stage]:
    """Stages by the period that tells them apart: the month of each, and its day where a month has several."""
    months = Counter(f"{one.by:%Y-%m}" for one in stages)
    return {f"{one.by:%Y-%m}" if months[f"{one.by:%Y-%m}"] == 1 else one.by.isoformat(): one for one in stages}
