"""What a notice says, as data. `adapters.notices` puts it into words; `models.message` stores it."""

import dataclasses
import datetime as dt
from enum import StrEnum

from models.document import Basis, Text


class OrderColour(StrEnum):
    """The colour of a 督办单: near the limit, behind or returned, overdue."""

    BLUE = "blue"
    YELLOW = "yellow"
    RED = "red"


class MessageKind(StrEnum):
    ISSUED = "issued"  # to a unit: this is yours now
    REMINDER = "reminder"  # to a unit: due soon, or due today
    UNSIGNED = "unsigned"  # to the office: a unit has not signed for it
    OVERDUE = "overdue"  # to unit, lead, office or leader: past its date
    TO_REVIEW = "to_review"  # to the reviewer: something came in
    UNREVIEWED = "unreviewed"  # to the reviewer or the office: it has waited too long
    RETURNED = "returned"  # to a unit: hand in again, and why
    ACCEPTED = "accepted"  # to a unit: done
    WAIVED = "waived"  # to a unit: no longer asked
    DUE_MOVED = "due_moved"  # to a unit: the working-day calendar of a year came out and moved a date
    EXTENSION_ASKED = "extension_asked"  # to the office
    EXTENSION_GRANTED = "extension_granted"  # to a unit
    EXTENSION_REFUSED = "extension_refused"  # to a unit
    OBJECTION = "objection"  # to the office: a unit objects to a return or to a light
    OBJECTION_UPHELD = "objection_upheld"  # to a unit
    OBJECTION_DISMISSED = "objection_dismissed"  # to a unit
    COMPLAINT = "complaint"  # to the office: a complaint or a suggestion
    COMPLAINT_ANSWERED = "complaint_answered"  # to a unit
    GATE_READY = "gate_ready"  # to the office: everything is accepted, the phase can close
    GATE_DUE = "gate_due"  # to the office: the phase has reached its last day and is open
    SET_ASIDE = "set_aside"  # to the office: the program cannot follow this item, a person has to look
    BULLETIN = "bulletin"  # to everybody: the bulletin of a period is out
    VERDICT = "verdict"  # to a unit: what the panel decided on what it answers for
    BACKLOG = "backlog"  # to the office: what was already late on the day notices began


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One thing that a notice says. Fields that do not apply to a kind are None or empty.

    `working_days_left` counts from the day of the notice to `due_on`: 0 on the day, negative when late.
    `planned_due_on` is the date as the plan states it, where `due_on` differs (a day off, an extension).
    `provisional` marks a date in a year whose working-day calendar is not published yet.
    """

    kind: MessageKind
    ref: str
    title: Text
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
    count: int = 0  # backlog: how many; gate_due: how many are still open


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """All that one recipient is told in one tick: one digest, whatever the number of lines."""

    recipient: Text
    recipient_code: str
    on: dt.date
    plan: Text
    lines: tuple[Line, ...]
    more: int = 0  # notices that wait for the next letters: this one holds as many as anybody reads
    may_be_a_repeat: bool = False  # an earlier one with some of this was sent, and nobody can say whether it arrived
