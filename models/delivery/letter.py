"""What a notice says, as data. `rendering.letter_text` puts it into words; `models.outbox.message` stores it."""

import dataclasses
import datetime as dt

from models.changes.meaning import Changed
from models.common.kinds import Basis
from models.common.message_kinds import MessageKind, OrderColour
from models.common.text import Text


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One thing that a notice says. Fields that do not apply to a kind are None or empty.

    `working_days_left` counts from the day of the notice to `due_on`: 0 on the day, negative when late.
    `planned_due_on` is the date as the plan states it, where `due_on` differs (a day off, an extension).
    `period`: of what is asked, the year or part of a year, such as `2023Q1`.
    `promised_on` is the day by which the unit promised it, also where that has passed.
    `provisional` marks a date in a year whose working-day calendar is not published yet.
    """

    kind: MessageKind
    ref: str
    title: Text
    period: str = ""
    item: Text | None = None
    unit: Text | None = None
    asked_by: Text | None = None
    due_on: dt.date | None = None
    planned_due_on: dt.date | None = None
    provisional: bool = False
    working_days_left: int | None = None
    order: OrderColour | None = None
    why: Text | None = None
    proof: Text | None = None
    source: str = ""
    basis: Basis = Basis.STATED
    reason: str = ""
    by: str = ""
    about: str = ""  # what an objection is raised against: return or light; of a verdict its outcome
    changed: Changed | None = None  # of a change set: what it did, and how it was before
    promised_on: dt.date | None = None
    count: int = 0  # backlog: how many; gate_due: how many are still open


@dataclasses.dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask at the office; without a telephone that is empty."""

    name: str
    telephone: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """All that one recipient is told in one delivery: one letter, whatever the number of lines."""

    recipient: Text
    recipient_code: str
    on: dt.date
    plan: Text
    lines: tuple[Line, ...]
    more: int = 0  # notices that wait for the next letters: this one holds as many as anybody reads
    may_be_a_repeat: bool = False  # an earlier one with some of this was sent, and nobody can say whether it arrived
    contact: Contact | None = None  # of the office, where one is registered


@dataclasses.dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A letter in words."""

    subject: str
    body: str
