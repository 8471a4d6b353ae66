"""Words for the journal's entries, where their codes are none."""

from adapters.language import N_
from models.event import EventKind

EVENTS = {
    EventKind.ISSUED: N_("issued"),
    EventKind.MOVED: N_("status changed"),
    EventKind.DUE_MOVED: N_("date changed"),
    EventKind.ESCALATED: N_("step of the ladder"),
    EventKind.SET_ASIDE: N_("set aside for a person to look at"),
    EventKind.TAKEN_UP: N_("given back to the patrol"),
    EventKind.EXTENSION_ASKED: N_("more time asked for"),
    EventKind.EXTENSION_REFUSED: N_("more time refused"),
    EventKind.OBJECTION_RAISED: N_("objection raised"),
    EventKind.OBJECTION_DECIDED: N_("objection decided"),
    EventKind.EXCUSED: N_("lateness excused"),
    EventKind.COMPLAINT_FILED: N_("complaint or suggestion"),
    EventKind.COMPLAINT_ANSWERED: N_("complaint or suggestion answered"),
    EventKind.FINDING_RAISED: N_("finding raised"),
    EventKind.FINDING_CLOSED: N_("finding closed"),
}
