"""What a notice can be about, and the colours of the orders."""

from enum import StrEnum


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
    PRESSED = "pressed"  # to a unit: what the office writes in its own words
    TO_REVIEW = "to_review"  # to the reviewer: something came in
    OPINION_ASKED = "opinion_asked"  # to a co-lead: it is asked before the first lead accepts
    OPINION_GIVEN = "opinion_given"  # to the reviewer: what a co-lead says
    UNREVIEWED = "unreviewed"  # to the reviewer or the office: it has waited too long
    RETURNED = "returned"  # to a unit: hand in again, and why
    ACCEPTED = "accepted"  # to a unit: done
    WAIVED = "waived"  # to a unit: no longer asked
    WITHDRAWN = "withdrawn"  # to the reviewer: what came in was taken back by its unit
    REOPENED = "reopened"  # to a unit: its acceptance was taken back
    ASKED_AGAIN = "asked_again"  # to a unit: a waiver was taken back
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
    UNREACHED = "unreached"  # to the office: neither a letter nor a telephone reaches units that a phase asks
    SET_ASIDE = "set_aside"  # to the office: the program cannot follow this item, a person has to look
    BULLETIN = "bulletin"  # to everybody: the bulletin of a period is out
    VERDICT = "verdict"  # to a unit: what the panel decided on what it answers for
    PLAN_CHANGED = "plan_changed"  # to a unit: all that a change set means for it
    BACKLOG = "backlog"  # to the office: what was already late on the day notices began
