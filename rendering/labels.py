"""Words for codes of the database that are not themselves words for people."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from adapters.language import N_, Language
from models.acceptance.dossier import ItemKind, conflicts_of
from models.acceptance.verdict import VerdictOutcome
from models.access import AccessRole, UseOutcome
from models.assignments.light import Light
from models.assignments.review import Decision
from models.bulletins.bulletin import BulletinStatus
from models.changes.change_set import Touch
from models.changes.effects import Because
from models.changes.meaning import Changed
from models.common.errors import Reason
from models.common.event import EventKind
from models.common.kinds import AreaKind, Basis, Comparator, Rollup, UnitKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.dates.period import EACH_TERM, HALF_YEARLY, MONTHLY, QUARTERLY, YEARLY
from models.dates.recurrence import Every, InMonth, Recurrence
from models.dialogue.contact import ContactKind
from models.indicators.attainment import Attainment, Outcome, target_of
from models.indicators.reading import Change, plain
from models.monitoring.replay import Outcome as StepOutcome
from models.outbox.message import AttemptOutcome, MessageStatus
from models.people.person import Post
from models.people.reach import Reached
from models.plan.area import Role
from models.plan.document import IndicatorEntry
from models.plan.indicator import Indicator
from models.plan.ladder import Audience, Condition, Step
from models.plan.phase import PhaseStatus
from models.plan.quotas import SumOff
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
    EventKind.EXPLAINED: N_("explained, with a promise"),
    EventKind.PRESSED: N_("pressed by the office"),
    EventKind.CONTACT_NOTED: N_("contact noted"),
    EventKind.OPINION_GIVEN: N_("opinion of a co-lead"),
    EventKind.PARTY_SETTLED: N_("party settled"),
    EventKind.OBJECTION_RAISED: N_("objection raised"),
    EventKind.OBJECTION_DECIDED: N_("objection decided"),
    EventKind.EXCUSED: N_("lateness excused"),
    EventKind.CORRECTED: N_("taken back"),
    EventKind.COMPLAINT_FILED: N_("complaint or suggestion"),
    EventKind.COMPLAINT_ANSWERED: N_("complaint or suggestion answered"),
    EventKind.FINDING_RAISED: N_("finding raised"),
    EventKind.FINDING_CLOSED: N_("finding closed"),
    EventKind.VERDICT_GIVEN: N_("verdict given"),
    EventKind.COMMENDED: N_("list for commendation settled"),
    EventKind.PLAN_ACCEPTED: N_("plan accepted"),
    EventKind.LINKS_WITHDRAWN: N_("all links of a unit withdrawn"),
    EventKind.PLAN_CHANGED: N_("changed by a change set"),
    EventKind.REGISTER_CHANGED: N_("register of people changed"),
    EventKind.ADDRESS_TRIED: N_("address tried"),
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
# What a notice was about.
MESSAGES = {
    MessageKind.ISSUED: N_("new work"),
    MessageKind.REMINDER: N_("reminder"),
    MessageKind.UNSIGNED: N_("not signed for"),
    MessageKind.OVERDUE: N_("overdue"),
    MessageKind.TO_REVIEW: N_("to review"),
    MessageKind.UNREVIEWED: N_("waits too long for review"),
    MessageKind.RETURNED: N_("return"),
    MessageKind.ACCEPTED: N_("acceptance"),
    MessageKind.WAIVED: N_("no longer asked for"),
    MessageKind.WITHDRAWN: N_("hand-in withdrawn"),
    MessageKind.REOPENED: N_("acceptance taken back"),
    MessageKind.ASKED_AGAIN: N_("asked for again"),
    MessageKind.DUE_MOVED: N_("new date"),
    MessageKind.PLAN_CHANGED: N_("change of the plan"),
    MessageKind.EXTENSION_ASKED: N_("request for more time"),
    MessageKind.EXTENSION_GRANTED: N_("more time granted"),
    MessageKind.EXTENSION_REFUSED: N_("more time refused"),
    MessageKind.PRESSED: N_("words of the office"),
    MessageKind.OPINION_ASKED: N_("waits for a co-lead's word"),
    MessageKind.OPINION_GIVEN: N_("opinion of a co-lead"),
    MessageKind.OBJECTION: N_("objection"),
    MessageKind.OBJECTION_UPHELD: N_("objection upheld"),
    MessageKind.OBJECTION_DISMISSED: N_("objection dismissed"),
    MessageKind.COMPLAINT: N_("complaint or suggestion"),
    MessageKind.COMPLAINT_ANSWERED: N_("answer to a complaint or suggestion"),
    MessageKind.GATE_READY: N_("a phase can close"),
    MessageKind.GATE_DUE: N_("the last day of a phase has come"),
    MessageKind.UNREACHED: N_("units that nothing reaches"),
    MessageKind.SET_ASIDE: N_("set aside: a person has to look"),
    MessageKind.BACKLOG: N_("backlog"),
    MessageKind.BULLETIN: N_("bulletin"),
    MessageKind.VERDICT: N_("verdict"),
}
CONTACTS = {
    ContactKind.PRESSED: N_("pressed"),
    ContactKind.CALLED: N_("called"),
    ContactKind.VISITED: N_("visited"),
    ContactKind.SEEN: N_("seen to"),
}
LIGHT_NAMES = {
    Light.GREEN: N_("Green"),
    Light.BLUE: N_("Blue"),
    Light.YELLOW: N_("Yellow"),
    Light.RED: N_("Red"),
    Light.OFF: N_("No light"),
}
AUDIENCES = {
    Audience.UNIT: N_("the unit"),
    Audience.LEAD: N_("the lead unit"),
    Audience.REVIEWER: N_("the reviewer"),
    Audience.OFFICE: N_("the office"),
    Audience.LEADER: N_("the head of the group"),
}
OUTCOMES = {Outcome.MET: N_("met"), Outcome.NOT_MET: N_("not met"), Outcome.NO_DATA: N_("no data")}
ROLLUPS = {
    Rollup.SUM: N_("sum of the units"),
    Rollup.WEIGHTED_MEAN: N_("weighted mean of the units"),
    Rollup.LATEST: N_("one figure for the whole city"),
    Rollup.ALL: N_("each unit has to reach it"),
}
DUES = {
    YEARLY: N_("every year"),
    HALF_YEARLY: N_("every half-year"),
    QUARTERLY: N_("every quarter"),
    MONTHLY: N_("every month"),
    EACH_TERM: N_("every term"),
}
DUE_DAYS = {
    InMonth.FIRST: N_("{every}, by day {day} of its first month"),
    InMonth.LAST: N_("{every}, by day {day} of its last month"),
    InMonth.NEXT: N_("{every}, by day {day} of the month after"),
}


def due_words(indicator: Indicator, language: Language) -> str:
    return dated_words(indicator.due, indicator.recurrence, language)


def dated_words(due: str, rule: Recurrence | None, language: Language) -> str:
    """When a target is due: a year or a day as it stands, otherwise in words, with the day of each period."""
    if due not in DUES:
        return due
    every = language.gettext(DUES[due])
    if rule is None:
        return every
    within_a_month = rule.every is Every.MONTH and rule.month is not InMonth.NEXT
    said = N_("{every}, by day {day}") if within_a_month else DUE_DAYS[rule.month]
    return language.gettext(said).format(every=every, day=rule.day)


def entry_target(entry: IndicatorEntry, quota: Sequence[float] = ()) -> Text:
    """The target of a plan that is not stored, or the quota of one unit in its place, in words."""
    return target_of(
        Indicator(
            comparator=entry.comparator,
            value=list(quota or entry.value),
            unit=entry.unit.zh,
            unit_en=entry.unit.en,
            reference=entry.reference.zh,
            reference_en=entry.reference.en,
        )
    )


def sum_off_words(one: SumOff) -> Reason:
    """That the quotas of a target do not add up to it."""
    return Reason(
        "{code}: the quotas add up to {quotas}, and the target is {target}",
        code=one.code,
        quotas="–".join(map(plain, one.quotas)),
        target="–".join(map(plain, one.target)),
    )


def remark_words(one: Attainment, language: Language) -> str:
    """Remarks on a figure and contradictions of it, in one line."""
    return said_in_one((*one.remarks, *conflicts_of(one)), language)


def said_in_one(reasons: Iterable[Reason], language: Language) -> str:
    """Several reasons in one line."""
    return ("；" if language.code == "zh" else "; ").join(language.say(reason) for reason in reasons)


VERDICTS = {
    VerdictOutcome.ACCEPT: N_("passed"),
    VerdictOutcome.CONDITIONAL: N_("passed on a condition"),
    VerdictOutcome.REJECT: N_("not passed"),
}
ITEM_KINDS = {
    ItemKind.MEASURE: N_("Measures"),
    ItemKind.SAFEGUARD: N_("Safeguards"),
    ItemKind.INDICATOR: N_("Indicators"),
}
LINK_ROLES = {
    AccessRole.UNIT: N_("unit"),
    AccessRole.OFFICE: N_("office"),
    AccessRole.LEADER: N_("leader of the group"),
    AccessRole.CALENDAR: N_("calendar"),
}
LINK_USES = {
    UseOutcome.OPENED: N_("opened"),
    UseOutcome.EXPIRED: N_("had expired"),
    UseOutcome.REVOKED: N_("had been withdrawn"),
    UseOutcome.SPENT: N_("had been used already"),
}
READING_CHANGES = {Change.NEW: N_("new"), Change.CHANGED: N_("changed"), Change.SAME: N_("the same")}
# Not the kinds' own values: `office` and `leader` are codes of units as well, and codes are never translated.
UNIT_KINDS = {
    UnitKind.BUREAU: N_("bureau"),
    UnitKind.COUNTY: N_("county"),
    UnitKind.OFFICE: N_("the leading-group office"),
    UnitKind.LEADER: N_("the head of the leading group"),
}
POSTS = {
    Post.HEAD: N_("head of the group"),
    Post.MEMBER: N_("member of the group"),
    Post.CONTACT: N_("contact of the office"),
    Post.DEPUTY: N_("deputy head in charge"),
    Post.LIAISON: N_("liaison"),
    Post.HANDLER: N_("handler"),
}
REACHED = {
    Reached.UNTRIED: N_("not tried"),
    Reached.WORKS: N_("works"),
    Reached.REFUSED: N_("refused"),
}
TRIED = {
    AttemptOutcome.SENT: N_("it arrived"),
    AttemptOutcome.TEMPORARY: N_("it could not be sent now"),
    AttemptOutcome.PERMANENT: N_("it was refused"),
    AttemptOutcome.AMBIGUOUS: N_("nobody can tell whether it arrived"),
}
STEP_OUTCOMES = {
    StepOutcome.FIRED: N_("fired"),
    StepOutcome.COLLAPSED: N_("fired; a later step spoke for it"),
    StepOutcome.HISTORIC: N_("before notices began"),
    StepOutcome.OVERTAKEN: N_("overtaken"),
    StepOutcome.WAITS: N_("waits"),
    StepOutcome.MISSED: N_("missed"),
}
BULLETIN_STATES = {
    BulletinStatus.DRAFT: N_("a draft, for the office to edit and to release"),
    BulletinStatus.RELEASED: N_("released"),
}
# Words that are themselves the values of enums: tables and errors translate the value. Those of the statuses stand
# in `adapters.language`.
VALUES: Mapping[type[StrEnum], tuple[str, ...]] = {
    Light: (N_("green"), N_("blue"), N_("yellow"), N_("red"), N_("off")),
    Role: (N_("lead"), N_("co-lead"), N_("responsible")),
    PhaseStatus: (N_("planned"), N_("open"), N_("closed")),
    Basis: (N_("stated"), N_("inferred")),
    AreaKind: (N_("brand"), N_("safeguard")),
    Decision: (N_("accept"), N_("return")),
    BulletinStatus: (N_("draft"), N_("released")),
    MessageStatus: (N_("pending"), N_("sending"), N_("sent"), N_("dead"), N_("dropped")),
}
# The kinds of message that the ladder writes, which the audit names.
LADDER_MESSAGES = (N_("reminder"), N_("overdue"), N_("unsigned"), N_("unreviewed"))
# What is counted beside the states of messages.
MESSAGE_COUNTS = (N_("letters"), N_("duplicates"))
NO_VERDICT = N_("no verdict yet")
NOT_ENUMERATED = N_("declared, not enumerated")


class Compared(Protocol):
    """Anything with a comparator: an indicator, or a figure of one."""

    @property
    def comparator(self) -> Comparator: ...


def figure_words(of: Compared, value: float | None, language: Language) -> str:
    """A figure as people read it: a yes or no as such, a dash where there is none."""
    if value is None:
        return "—"
    if of.comparator is Comparator.STATUS:
        return language.gettext(N_("yes") if value else N_("no"))
    return plain(value)


def quota_words(target: Text, reached: bool | None, language: Language) -> str:  # noqa: FBT001  (the rule's answer)
    """The quota of a unit, and whether a figure reaches it; that is None where there is no figure."""
    said = {True: N_("quota {target}, met"), False: N_("quota {target}, not met"), None: N_("quota {target}")}[reached]
    return language.gettext(said).format(target=language.text(target))


# What a change set did to one thing

TOUCHES = {
    Touch.ISSUED: N_("new"),
    Touch.DUE_MOVED: N_("date moved"),
    Touch.ROLE_MOVED: N_("another role"),
    Touch.REVIEWER_MOVED: N_("another reviewer"),
    Touch.REWORDED: N_("other words"),
    Touch.WITHDRAWN: N_("no longer asked for"),
    Touch.LEADS: N_("leads from now on"),
    Touch.LEADS_NO_MORE: N_("leads no longer"),
    Touch.RENAMED: N_("another name"),
    Touch.CLOSED: N_("the unit ends"),
}
_BECAUSE = {
    Because.NOT_ASKED: N_("It is asked for no longer."),
    Because.HANDED_OVER: N_("Taken over by: {units}"),
    Because.OWED_ALREADY: N_("Asked of another unit already: {units}"),
    Because.UNIT_CLOSED: N_("The unit ends, and nobody takes it over."),
}
_ROLES = {
    Role.LEAD: N_("The unit leads it from now on."),
    Role.CO_LEAD: N_(
        "The unit leads it beside the first lead from now on, and is heard before others' work is accepted."
    ),
    Role.RESPONSIBLE: N_("The unit is one of the responsible units from now on, and leads it no longer."),
}


def change_words(changed: Changed, language: Language) -> str:
    """Empty where what happened says all."""
    template = _template(changed)
    if not template:
        return ""
    return language.gettext(template).format(
        units=language.list([language.text(one) for one in changed.units]),
        before=language.date(changed.was_due_on) if changed.was_due_on else "",
        after=language.date(changed.to) if changed.to else "",
        name=language.text(changed.was_called) if changed.was_called else "",
    )


def _template(changed: Changed) -> str:  # noqa: C901, PLR0911  (a sentence for each)
    has_units = bool(changed.units)
    match changed.what:
        case Touch.ISSUED:
            return N_("Taken over from: {units}") if has_units else ""
        case Touch.DUE_MOVED:
            return N_("Date moved: {before} → {after}")
        case Touch.ROLE_MOVED:
            return _ROLES[Role(changed.role)]
        case Touch.REVIEWER_MOVED:
            return N_("Reviewed from now on by: {units}")
        case Touch.REWORDED:
            return N_("What is asked, or what proves it, is worded otherwise from now on.")
        case Touch.WITHDRAWN:
            return _BECAUSE[Because(changed.because)]
        case Touch.LEADS:
            return N_("The unit leads it from now on, and reviews what the responsible units hand in.")
        case Touch.LEADS_NO_MORE:
            return N_("Led and reviewed from now on by: {units}") if has_units else N_("The unit leads it no longer.")
        case Touch.RENAMED:
            return N_("Called until now: {name}")
        case Touch.CLOSED if has_units:
            return N_("Nothing new is asked of the unit, and its links end. What was open goes to: {units}")
        case Touch.CLOSED:
            return N_("Nothing new is asked of the unit, and its links end.")


# What the journal says of one item

PROGRAM = "duban"  # as the program signs what it does by itself


class Entry(Protocol):
    """Of an entry of the journal what is put into words."""

    @property
    def kind(self) -> EventKind: ...
    @property
    def detail(self) -> dict[str, Any] | None: ...


def event_words(entry: Entry, steps: Mapping[str, Step], language: Language) -> str:
    """What happened; `steps` are those of the ladder by their codes. A step that it does not know has its code."""
    detail = entry.detail or {}
    what = language.gettext(EVENTS[entry.kind])
    if "upheld" in detail:
        decided = language.gettext(N_("upheld") if detail["upheld"] else N_("dismissed"))
        return language.gettext(N_("{what}: {more}")).format(what=what, more=decided)
    code = detail.get("step")
    if not code:
        return what
    if code not in steps:
        return f"{what} {code}"
    return step_words(steps[code], language, is_historic=bool(detail.get("historic")))


def step_words(step: Step, language: Language, *, is_historic: bool = False) -> str:
    """`reminder 3 days before the date (for the unit)`. `is_historic`: from before notices began."""
    audience = language.list([language.gettext(AUDIENCES[one]) for one in step.audience])
    whom = language.gettext(N_("nobody, as notices had not begun")) if is_historic else audience
    return _step_template(step, language).format(days=abs(step.offset), whom=whom)


def _step_template(step: Step, language: Language) -> str:
    days, ngettext = abs(step.offset), language.ngettext
    if step.condition is not Condition.OPEN:
        return _waiting(step, language)
    if step.offset == 0:
        return language.gettext(N_("reminder on the day (for {whom})"))
    if step.offset < 0 and step.working:
        return ngettext(
            "reminder {days} working day before the date (for {whom})",
            "reminder {days} working days before the date (for {whom})",
            days,
        )
    if step.offset < 0:
        return ngettext(
            "reminder {days} day before the date (for {whom})",
            "reminder {days} days before the date (for {whom})",
            days,
        )
    return _overdue(step, language)


def _overdue(step: Step, language: Language) -> str:
    """Of one that comes again, it is not said for how long exactly."""
    if not step.working:
        return language.ngettext(
            "overdue for {days} day (for {whom})", "overdue for {days} days (for {whom})", step.offset
        )
    if step.every:
        return language.ngettext(
            "overdue for {days} working day or more (for {whom})",
            "overdue for {days} working days or more (for {whom})",
            step.offset,
        )
    return language.ngettext(
        "overdue for {days} working day (for {whom})", "overdue for {days} working days (for {whom})", step.offset
    )


def _waiting(step: Step, language: Language) -> str:
    if step.condition is Condition.UNSIGNED:
        return language.ngettext(
            "not signed for {days} working day after it was issued (for {whom})",
            "not signed for {days} working days after it was issued (for {whom})",
            step.offset,
        )
    return language.ngettext(
        "not reviewed {days} working day after it was handed in (for {whom})",
        "not reviewed {days} working days after it was handed in (for {whom})",
        step.offset,
    )


def actor_words(name: str, language: Language) -> str:
    """Who it was: a name as it was given, and for the program that it did it by itself."""
    return language.gettext(N_("Duban itself")) if name == PROGRAM else name
