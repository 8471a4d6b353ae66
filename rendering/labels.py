"""Words for the journal's entries, where their codes are none."""

from collections.abc import Iterable

from adapters.language import N_, Language
from models.acceptance.dossier import conflicts_of
from models.acceptance.verdict import VerdictOutcome
from models.common.errors import Reason
from models.common.event import EventKind
from models.common.kinds import Comparator, Rollup
from models.indicators.attainment import Attainment, Outcome
from models.indicators.reading import plain
from models.plan.indicator import Indicator
from models.score import Result

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
    EventKind.VERDICT_GIVEN: N_("verdict given"),
    EventKind.COMMENDED: N_("list for commendation settled"),
    EventKind.PLAN_ACCEPTED: N_("plan accepted"),
    EventKind.READING_ENTERED: N_("reading entered"),
    EventKind.BULLETIN_DRAFTED: N_("bulletin drafted or edited"),
    EventKind.BULLETIN_RELEASED: N_("bulletin released"),
}

RESULTS = {
    Result.ON_TIME: N_("handed in on time and accepted"),
    Result.LATE: N_("handed in late, then accepted"),
    Result.RETURNED: N_("returned, and not handed in again by then"),
    Result.OVERDUE: N_("not handed in by its date"),
}
OUTCOMES = {Outcome.MET: N_("met"), Outcome.NOT_MET: N_("not met"), Outcome.NO_DATA: N_("no data")}
ROLLUPS = {
    Rollup.SUM: N_("sum of the units"),
    Rollup.WEIGHTED_MEAN: N_("weighted mean of the units"),
    Rollup.LATEST: N_("one figure for the whole city"),
    Rollup.ALL: N_("each unit has to reach it"),
}
DUES = {"yearly": N_("every year"), "monthly": N_("every month"), "each_term": N_("every term")}


def due_words(indicator: Indicator, language: Language) -> str:
    return language.gettext(DUES[indicator.due]) if indicator.due in DUES else indicator.due


def remark_words(one: Attainment, language: Language) -> str:
    """What has to be known about a figure, in one line."""
    return said_in_one((*one.remarks, *conflicts_of(one)), language)


def said_in_one(reasons: Iterable[Reason], language: Language) -> str:
    """Several reasons in one line."""
    return ("；" if language.code == "zh" else "; ").join(language.say(reason) for reason in reasons)


VERDICTS = {
    VerdictOutcome.ACCEPT: N_("passed"),
    VerdictOutcome.CONDITIONAL: N_("passed on a condition"),
    VerdictOutcome.REJECT: N_("not passed"),
}
NO_VERDICT = N_("no verdict yet")
NOT_ENUMERATED = N_("declared, not enumerated")


def figure_words(indicator: Indicator, value: float | None, language: Language) -> str:
    """A figure as people read it: a yes or no as such, a dash where there is none."""
    if value is None:
        return "—"
    if indicator.comparator is Comparator.STATUS:
        return language.gettext(N_("yes") if value else N_("no"))
    return plain(value)
