"""The light of an assignment on any date: computed from its history, never stored."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from models.common.status import Status


class Light(StrEnum):
    GREEN = "green"  # accepted in time
    BLUE = "blue"  # due within the near limit
    YELLOW = "yellow"  # behind, returned, handed in late, or accepted late
    RED = "red"  # overdue
    OFF = "off"  # not near its date, waiting for review, waived, or past it and without an end


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """How things stood from a day on, in the plan's time zone. `excused`: what was late until then no longer counts."""

    on: dt.date
    status: Status
    due_on: dt.date
    excused: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """The changes of one assignment, oldest first, and the last day on which signing is not behind.

    `open_ended`: a report on what has no end, which is never late.
    """

    changes: tuple[Change, ...]
    sign_by: dt.date
    open_ended: bool = False

    def until(self, on: dt.date) -> Sequence[Change]:
        return [change for change in self.changes if change.on <= on]


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """All that a light depends on, as it was on one day."""

    status: Status
    due_on: dt.date
    was_late: bool
    sign_by: dt.date
    open_ended: bool = False


def light(history: History, on: dt.date, near_limit_days: int) -> Light:
    """The light on a date, and `OFF` before the assignment was issued."""
    known = history.until(on)
    if not known:
        return Light.OFF
    facts = Facts(known[-1].status, known[-1].due_on, was_late(history, on), history.sign_by, history.open_ended)
    return light_from(facts, on, near_limit_days)


def light_from(facts: Facts, on: dt.date, near_limit_days: int) -> Light:
    """The rule itself."""
    if facts.status is Status.WAIVED:
        return Light.OFF
    is_over = on > facts.due_on
    if facts.status.is_owed and is_over and not facts.open_ended:
        return Light.RED
    if facts.was_late and not facts.open_ended:
        return Light.YELLOW
    if facts.status is Status.ACCEPTED:
        return Light.GREEN
    if facts.status is Status.RETURNED or (facts.status is Status.ISSUED and on > facts.sign_by):
        return Light.YELLOW
    near = not is_over and facts.due_on - on <= dt.timedelta(days=near_limit_days)
    return Light.BLUE if near and facts.status.is_owed else Light.OFF


def was_late(history: History, on: dt.date) -> bool:
    """Whether it was handed in past the date in force: a new date after a return does not undo that.

    An extension that the office grants late does: it was asked for in time. So does an excuse, from its day on.
    """
    return not history.open_ended and any(
        after.status is Status.SUBMITTED and before.status.is_owed and after.on > before.due_on
        for before, after in pairwise(_since_excused(history.until(on)))
    )


def _since_excused(known: Sequence[Change]) -> Sequence[Change]:
    excuses = [index for index, change in enumerate(known) if change.excused]
    return known[excuses[-1] :] if excuses else known
