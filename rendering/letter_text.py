"""Puts a letter into words: plain text that every channel can carry, the most urgent first."""

import dataclasses
import re
from collections.abc import Callable, Iterator

from adapters.language import N_, Language
from models.acceptance.verdict import VerdictOutcome
from models.assignments.objection import About
from models.changes.change_set import Touch
from models.changes.meaning import Changed
from models.common.kinds import Basis
from models.common.message_kinds import MessageKind, OrderColour
from models.common.text import Text
from models.delivery.letter import Contact, Letter, Line, RenderedLetter
from rendering.instants import period_words
from rendering.labels import change_words
from rendering.typed_text import one_line, quoted


@dataclasses.dataclass(frozen=True, slots=True, eq=False)  # compared by identity: they are keys of a dict
class Wording:
    """How one kind of line is said. `next_step` tells the reader what to do, `command` how to record it.

    `on_page` stands in the place of `next_step` for a reader who has the pages.
    `others` holds the rows for a reader who looks after other units' work: the lead, the office, the leader.
    """

    kind: MessageKind
    heading: str
    next_step: str
    command: str = ""
    on_page: str = ""
    others: bool = False
    due: str = N_("Due: {due}")
    reason: str = N_("Note: {reason}")
    by: str = N_("By: {by}")
    source: str = N_("In the plan: {source}")
    touches: frozenset[Touch] = frozenset()  # of a change set: what the lines of this kind did


# A unit may have no access to the command: then the office records what it receives.
_SUBMIT = N_(
    "duban submit {ref} --file FILE --note NOTE --by NAME "
    "(no command at hand: send the files to the leading-group office, which records them)"
)
_SIGN = N_("duban sign {ref} --by NAME (no command at hand: tell the leading-group office, which records it)")
_REVIEW = N_("duban review {ref}")
_EXTEND = N_("duban extend {ref}")
_OPINE = N_("duban opinion {ref}")

# In the order of urgency: first what cannot wait, last what is only for information.
WORDINGS = (
    Wording(
        MessageKind.OVERDUE,
        N_("{count} overdue"),
        N_(
            "Please hand in the proof now. If something stands in the way, tell the leading-group office "
            "what it is, by when you can deliver, and who answers for it."
        ),
        _SUBMIT,
        on_page=N_(
            "Please hand in the proof now. If something stands in the way, explain it on the page of the item: why, by "
            "when you promise it, and who answers for it. The weekly notices are quiet until then."
        ),
    ),
    Wording(
        MessageKind.OVERDUE,
        N_("{count} overdue at the units you follow"),
        N_(
            "Please contact the units below, find out what stands in the way, and agree with each on a day. "
            "What you cannot settle, take to the leading group: any further step is for people to decide."
        ),
        others=True,
    ),
    Wording(
        MessageKind.PRESSED,
        N_("{count} that the leading-group office asks about"),
        N_(
            "Please read what the office writes, and answer: hand in the proof, or tell the office what stands in the "
            "way, by when you can deliver, and who answers for it."
        ),
        _SUBMIT,
        on_page=N_("Please read what the office writes, and answer on the page of the item: hand in, or explain."),
        reason=N_("The office writes: {reason}"),
        by=N_("From: {by}"),
    ),
    Wording(
        MessageKind.RETURNED,
        N_("{count} returned"),
        N_("Please read the reason, complete what is missing, and hand in again."),
        _SUBMIT,
        reason=N_("Reason for the return: {reason}"),
        by=N_("Reviewed by: {by}"),
    ),
    Wording(
        MessageKind.ASKED_AGAIN,
        N_("{count} asked for again"),
        N_("It was no longer asked for, and that was taken back. Please hand in the proof by the date stated."),
        _SUBMIT,
        reason=N_("Why it is asked for again: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.REMINDER,
        N_("{count} due soon"),
        N_(
            "Please hand in the proof by the date stated. If you cannot, ask for an extension before that "
            "date and give the reasons."
        ),
        _SUBMIT,
    ),
    Wording(
        MessageKind.UNSIGNED,
        N_("{count} not signed for"),
        N_("Please call the units below and make sure that the notice reached the person in charge."),
        others=True,
    ),
    Wording(
        MessageKind.UNREVIEWED,
        N_("{count} waiting too long for review"),
        N_("Please review these first: accept, or return with a reason. The units are waiting for an answer."),
        _REVIEW,
        others=True,
        by=N_("Handed in by: {by}"),
    ),
    Wording(
        MessageKind.SET_ASIDE,
        N_("{count} that Duban cannot follow by itself"),
        N_(
            "Please look at each and follow it up yourself; nobody is reminded of it meanwhile. "
            "When the cause is mended, give it back."
        ),
        N_("duban attention {ref} --retry --by NAME"),
        others=True,
        reason=N_("What went wrong: {reason}"),
    ),
    Wording(
        MessageKind.UNREACHED,
        N_("{count} with units that cannot be reached"),
        N_(
            "Please find out whom to speak to in each of these units, and enter them into the register of people: "
            "a telephone, or an address for letters. Until then what they are sent waits where nobody may look."
        ),
        due=N_("Last day of the phase: {due}"),
        reason=N_("Nothing reaches: {reason}"),
    ),
    Wording(
        MessageKind.GATE_DUE,
        N_("{count} due to close at the gate"),
        N_(
            "Please decide at the gate: close the phase, keep it open, or extend it. While work is open, "
            "closing needs a reason, which is recorded."
        ),
        due=N_("Last day of the phase: {due}"),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} change of the plan"),
        N_("The plan was changed while its work runs. All that this means for you follows; nothing else changes."),
        reason=N_("Why the plan changes: {reason}"),
        by=N_("Decided by: {by}"),
        source=N_("By authority of: {source}"),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} new by a change of the plan"),
        N_(
            "Please sign for them now, and have the person in charge hand in the proof by the date stated. "
            "If you see now that a date cannot be met, ask for an extension before that date."
        ),
        _SIGN,
        touches=frozenset({Touch.ISSUED}),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} with another date by a change of the plan"),
        N_("Please plan by the new date. A request for more time that waited is settled with it."),
        due=N_("New date: {due}"),
        touches=frozenset({Touch.DUE_MOVED}),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} worded otherwise by a change of the plan"),
        N_("Please read what is asked from now on. What you handed in stays as it is."),
        touches=frozenset({Touch.REWORDED}),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} with another lead or reviewer by a change of the plan"),
        N_("Please talk to the unit named, where one is. What was reviewed stays as it is."),
        touches=frozenset({Touch.ROLE_MOVED, Touch.REVIEWER_MOVED, Touch.LEADS, Touch.LEADS_NO_MORE}),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} no longer asked for by a change of the plan"),
        N_("Nothing more to do. What you handed in is kept."),
        touches=frozenset({Touch.WITHDRAWN}),
    ),
    Wording(
        MessageKind.PLAN_CHANGED,
        N_("{count} notice about your unit itself"),
        N_("Please pass it on to the person in charge."),
        touches=frozenset({Touch.RENAMED, Touch.CLOSED}),
    ),
    Wording(
        MessageKind.ISSUED,
        N_("{count} new"),
        N_(
            "Please sign for them now, and have the person in charge hand in the proof by the date stated. "
            "If you see now that a date cannot be met, ask for an extension before that date."
        ),
        _SIGN,
    ),
    Wording(
        MessageKind.TO_REVIEW,
        N_("{count} to review"),
        N_("Please check what was handed in against the proof asked for: accept, or return with a reason."),
        _REVIEW,
        others=True,
        by=N_("Handed in by: {by}"),
    ),
    Wording(
        MessageKind.OPINION_ASKED,
        N_("{count} waiting for your word as co-lead"),
        N_(
            "You lead these beside the first lead. Please look at what was handed in, and agree, or object with a "
            "reason. If you say nothing within the days that the plan gives, you are taken to agree."
        ),
        _OPINE,
        others=True,
        by=N_("Handed in by: {by}"),
    ),
    Wording(
        MessageKind.OPINION_GIVEN,
        N_("{count} on which a co-lead has spoken"),
        N_("Please read it before you decide. If you accept against an objection, say why."),
        _REVIEW,
        others=True,
        reason=N_("It says: {reason}"),
        by=N_("From: {by}"),
    ),
    Wording(
        MessageKind.OBJECTION,
        N_("{count} objected to"),
        N_(
            "Please look into it, hear the unit and its reviewer, and decide with a reason. "
            "Until you do, the return or the light stands and the date runs on."
        ),
        others=True,
        reason=N_("Reason for the objection: {reason}"),
        by=N_("Raised by: {by}"),
    ),
    Wording(
        MessageKind.EXTENSION_ASKED,
        N_("{count} asking for an extension"),
        N_("Please grant or refuse, with a reason. Until you answer, the present date stands."),
        _EXTEND,
        others=True,
        due=N_("Date asked for: {due}"),
        reason=N_("Reason given: {reason}"),
        by=N_("Asked for by: {by}"),
    ),
    Wording(
        MessageKind.COMPLAINT,
        N_("{count} to answer"),
        N_("Please look into it and answer; the unit is sent your answer."),
        others=True,
        reason=N_("It says: {reason}"),
        by=N_("From: {by}"),
    ),
    Wording(
        MessageKind.OBJECTION_DISMISSED,
        N_("{count} with the objection dismissed"),
        N_("The return or the light stands. Please read the reason; what is still owed, hand in by the date stated."),
        reason=N_("Reason for the answer: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.EXTENSION_REFUSED,
        N_("{count} not extended"),
        N_("The date stated stands. Please hand in the proof by then."),
        _SUBMIT,
        reason=N_("Reason for the answer: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.OBJECTION_UPHELD,
        N_("{count} with the objection upheld"),
        N_(
            "Where you objected to a return, it is undone: what you handed in is under review again, and nothing "
            "more is needed. Where you objected to a light, what was late until now no longer counts; what is "
            "still owed, hand in by the date stated."
        ),
        reason=N_("Reason for the answer: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.EXTENSION_GRANTED,
        N_("{count} extended"),
        N_("Please hand in the proof by the new date. The original date stays on record."),
        _SUBMIT,
        due=N_("New date: {due}"),
        reason=N_("Reason for the answer: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.DUE_MOVED,
        N_("{count} with a new date"),
        N_("The working-day calendar was published or amended, and moved the date. Please plan by the new one."),
        due=N_("New date: {due}"),
    ),
    Wording(
        MessageKind.GATE_READY,
        N_("{count} ready to close at the gate"),
        N_("Everything in the phase is accepted or waived. Please decide at the gate whether it may close."),
        due=N_("Last day of the phase: {due}"),
    ),
    Wording(
        MessageKind.BACKLOG,
        N_("{count} late before notices began"),
        N_(
            "No notice was sent to the units for these. Please settle with them what is still to be done, "
            "what was done and only needs its proof, and what is to be waived."
        ),
    ),
    Wording(
        MessageKind.VERDICT,
        N_("{count} decided on at the acceptance"),
        N_(
            "Please read the decision and pass it on to the responsible units. What has to be put right reaches the "
            "units concerned as work of its own, with a date."
        ),
        due=N_("Condition to be met by: {due}"),
        reason=N_("Reason for the decision: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.BULLETIN,
        N_("{count} bulletin"),
        N_(
            "Please read it and pass it on to those in charge. What it names as overdue, hand in without delay; where "
            "a figure is wrong, tell the leading-group office."
        ),
        N_("duban bulletin show {ref}"),
        reason=N_("Number: {reason}"),
        by=N_("Released by: {by}"),
    ),
    Wording(
        MessageKind.COMPLAINT_ANSWERED,
        N_("{count} answered"),
        N_("Please read the answer. If it does not settle the matter, write to the leading-group office again."),
        reason=N_("Answer: {reason}"),
        by=N_("Answered by: {by}"),
    ),
    Wording(
        MessageKind.REOPENED,
        N_("{count} with the acceptance taken back"),
        N_(
            "What you handed in is under review again; this makes it no later than it was. Nothing is to be done "
            "until the reviewer has decided."
        ),
        reason=N_("Why the acceptance was taken back: {reason}"),
        by=N_("Decided by: {by}"),
    ),
    Wording(
        MessageKind.WITHDRAWN,
        N_("{count} withdrawn by their units"),
        N_("Nothing is to be reviewed there until the unit hands in again."),
        others=True,
        reason=N_("Why it was withdrawn: {reason}"),
        by=N_("Withdrawn by: {by}"),
    ),
    Wording(
        MessageKind.ACCEPTED,
        N_("{count} accepted"),
        N_("Nothing more to do. Thank you."),
        reason=N_("Reviewer's note: {reason}"),
        by=N_("Reviewed by: {by}"),
    ),
    Wording(
        MessageKind.WAIVED,
        N_("{count} no longer asked for"),
        N_("Nothing more to do."),
        reason=N_("Why it is no longer asked for: {reason}"),
        by=N_("Decided by: {by}"),
    ),
)

_ABOUT: dict[str, str] = {
    About.RETURN: N_("Objection to the return"),
    About.LIGHT: N_("Objection to the light"),
    VerdictOutcome.ACCEPT: N_("Decision: accepted"),
    VerdictOutcome.CONDITIONAL: N_("Decision: accepted on a condition"),
    VerdictOutcome.REJECT: N_("Decision: rejected"),
}

_REPEAT = N_(
    "Note: this may be a repeat. An earlier letter with some or all of this was sent, and nobody can tell whether it "
    "reached you. If you already have it, please ignore what you have received before."
)
_MORE = N_(
    "These are the most urgent. {count} more notices wait for the next letters; `duban status`, the board and the "
    "queues show all of it now."
)
LINK = "⟦link⟧"

_ORDERS = {
    OrderColour.BLUE: N_("[Blue reminder] {title}"),
    OrderColour.YELLOW: N_("[Yellow order] {title}"),
    OrderColour.RED: N_("[Red order] {title}"),
}

# Nothing is left to do here, so there is no date to keep.
_CLOSED = {MessageKind.ACCEPTED, MessageKind.WAIVED}
# No days are counted down to a date that is only asked for, or where an objection is open or decided.
_NO_COUNTDOWN = {
    MessageKind.EXTENSION_ASKED,
    MessageKind.OBJECTION,
    MessageKind.OBJECTION_UPHELD,
    MessageKind.OBJECTION_DISMISSED,
}


def render(letter: Letter, language: Language, *, with_link: bool = False) -> RenderedLetter:
    """Put a letter into words. Pure: the same letter and language give the same text.

    `with_link`: the reader can use the portal. The text then holds the mark `LINK`, which `linked` replaces by the
    reader's link when the letter leaves, so that no stored text contains a link that works. What people typed, names
    of units and items included, stays text: it makes no links, calls nobody and looks like no part of the letter.
    """
    letter = _harmless(letter)
    groups = _groups(letter)
    counts = language.list([_heading(wording, lines, language) for wording, lines in groups])
    names = {"recipient": language.text(letter.recipient), "counts": counts}
    subject = language.gettext("[Duban] {recipient}: {counts}").format(**names)
    opening = language.gettext("To {recipient}:\n\n{plan}\nNotice of {date}: {counts}.").format(
        **names, plan=language.text(letter.plan), date=language.date(letter.on)
    )
    paragraphs = [opening]
    if letter.may_be_a_repeat:
        paragraphs.append(language.gettext(_REPEAT))
    if letter.more:
        paragraphs.append(language.gettext(_MORE).format(count=letter.more))
    if with_link:
        paragraphs.append(language.gettext("Do all of it here: {link}").format(link=LINK))
    for wording, lines in groups:
        paragraphs.extend(_group(wording, lines, letter, language, with_command=not with_link))
    paragraphs.append(_footer(letter, language, with_link=with_link))
    return RenderedLetter(subject, "\n\n".join(paragraphs) + "\n")


def _harmless(letter: Letter) -> Letter:
    """The same letter, with all that somebody has typed as it may stand in it. References are ours, to be copied."""
    return dataclasses.replace(
        letter,
        recipient=_each(one_line, letter.recipient),
        plan=_each(one_line, letter.plan),
        lines=tuple(map(_harmless_line, letter.lines)),
        contact=letter.contact and Contact(one_line(letter.contact.name), one_line(letter.contact.telephone)),
    )


def _harmless_line(line: Line) -> Line:
    return dataclasses.replace(
        line,
        title=_each(one_line, line.title),
        item=line.item and _each(one_line, line.item),
        unit=line.unit and _each(one_line, line.unit),
        asked_by=line.asked_by and _each(one_line, line.asked_by),
        why=line.why and _each(quoted, line.why),
        proof=line.proof and _each(quoted, line.proof),
        source=one_line(line.source),
        changed=line.changed and _harmless_change(line.changed),
        reason=quoted(line.reason),
        by=one_line(line.by),
    )


def _harmless_change(changed: Changed) -> Changed:
    return dataclasses.replace(
        changed,
        units=tuple(_each(one_line, unit) for unit in changed.units),
        was_called=changed.was_called and _each(one_line, changed.was_called),
    )


def _each(made: Callable[[str], str], text: Text) -> Text:
    return Text(made(text.zh), made(text.en))


def _groups(letter: Letter) -> list[tuple[Wording, list[Line]]]:
    """The lines by wording, in the order of urgency; within one by due date, then reference."""
    found: dict[Wording, list[Line]] = {}
    for line in letter.lines:
        found.setdefault(_wording(line, letter), []).append(line)
    return [(wording, sorted(found[wording], key=_sort_key)) for wording in WORDINGS if wording in found]


def _wording(line: Line, letter: Letter) -> Wording:
    others = line.unit is not None and line.unit != letter.recipient
    rows = [row for row in WORDINGS if row.kind is line.kind]
    if line.kind is MessageKind.PLAN_CHANGED:
        return next(row for row in rows if (line.changed.what in row.touches if line.changed else not row.touches))
    return next((row for row in rows if row.others is others), rows[0])


def _sort_key(line: Line) -> tuple[str, list[tuple[int, str]]]:
    # T3.10 comes after T3.2: runs of digits compare as numbers. No due date sorts last.
    parts = re.findall(r"\d+|\D+", line.ref)
    due = line.due_on.isoformat() if line.due_on else "~"
    return due, [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _heading(wording: Wording, lines: list[Line], language: Language) -> str:
    # A backlog line stands for many items; every other line is one.
    backlog = wording.kind is MessageKind.BACKLOG
    count = sum(max(line.count, 1) for line in lines) if backlog else len(lines)
    return language.gettext(wording.heading).format(count=count)


def linked(text: str, link: str) -> str:
    """The text with the reader's own link in the place of the mark."""
    return text.replace(LINK, link)


def _group(
    wording: Wording, lines: list[Line], letter: Letter, language: Language, *, with_command: bool
) -> Iterator[str]:
    """The paragraphs of one kind: what it is and what to do next, then each requirement."""
    head = [language.gettext("== {heading} ==").format(heading=_heading(wording, lines, language))]
    next_step = wording.next_step if with_command or not wording.on_page else wording.on_page
    head.append(language.gettext("What to do: {step}").format(step=language.gettext(next_step)))
    if wording.command and with_command:
        ref = lines[0].ref if len(lines) == 1 else language.gettext("REF")
        command = language.gettext(wording.command).format(ref=ref)
        head.append(language.gettext("To record it: {command}").format(command=command))
    yield "\n".join(head)
    folds: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        folds.setdefault((line.title, line.period, line.due_on, line.order), []).append(line)
    for number, fold in enumerate(folds.values(), 1):
        yield _fold(number, fold, wording, letter, language)


def _fold(number: int, lines: list[Line], wording: Wording, letter: Letter, language: Language) -> str:
    """One requirement and due date. What its items share is said once, above the list of them."""
    title = language.text(lines[0].title)
    if period := lines[0].period:
        said = period_words(period, language)
        title = language.gettext(N_("{title} ({period})")).format(title=title, period=said)
    if order := lines[0].order:
        title = language.gettext(_ORDERS[order]).format(title=title)
    if len(lines) > 1:
        title = language.gettext("{title} ({count} items)").format(title=title, count=len(lines))
    details = [_details(line, wording, letter, language) for line in lines]
    shared = [detail for detail in details[0] if all(detail in others for others in details)]
    out = [f"{number}. {title}", *(_indented(detail, "   ") for detail in shared)]
    for line, own in zip(lines, details, strict=True):
        out.append(f"   {_item(line, letter, language)}")
        out.extend(_indented(detail, "     ") for detail in own if detail not in shared)
    return "\n".join(out)


def _indented(detail: str, by: str) -> str:
    return "\n".join(f"{by}{line}".rstrip() for line in detail.split("\n"))


def _item(line: Line, letter: Letter, language: Language) -> str:
    unit = line.unit if line.unit != letter.recipient else None
    names = [language.text(name) for name in (unit, line.item) if name]
    if not names:
        return language.gettext("Reference: {ref}").format(ref=line.ref)
    return language.gettext("- {name} (reference: {ref})").format(name=" · ".join(names), ref=line.ref)


def _details(line: Line, wording: Wording, letter: Letter, language: Language) -> list[str]:
    """What there is to say about one line, each a sentence with its label, in a fixed order."""

    def say(template: str, **facts: str) -> str:
        # An empty fact drops its sentence.
        return language.gettext(template).format(**facts) if all(facts.values()) else ""

    def text(value: Text | None) -> str:
        return language.text(value) if value else ""

    return [
        detail
        for detail in (
            _due(line, wording, letter, language),
            say(N_("About the date: {notes}"), notes=_date_notes(line, language)),
            _promise(line, letter, language),
            _count(line, language),
            language.gettext(_ABOUT[line.about]) if line.about else "",
            change_words(line.changed, language) if line.changed else "",
            say(wording.reason, reason=line.reason),
            say(wording.by, by=line.by),
            say(N_("Why: {why}"), why=text(line.why)),
            say(N_("Proof: {proof}"), proof=text(line.proof)),
            say(N_("Asked by: {unit}"), unit=text(line.asked_by)),
            say(wording.source, source=line.source),
        )
        if detail
    ]


def _due(line: Line, wording: Wording, letter: Letter, language: Language) -> str:
    if line.due_on is None or wording.kind in _CLOSED:
        return ""
    due = language.date(line.due_on)
    if left := _countdown(line, letter, language):
        due = language.gettext("{date} ({left})").format(date=due, left=left)
    return language.gettext(wording.due).format(due=due)


def _countdown(line: Line, letter: Letter, language: Language) -> str:
    """How far off the due date is, in the days on which people work."""
    days = line.working_days_left
    if line.due_on is None or days is None or line.kind in _NO_COUNTDOWN:
        return ""
    if line.due_on == letter.on:
        return language.gettext("due today")
    if line.due_on > letter.on:
        left = language.ngettext("{days} working day left", "{days} working days left", days)
        return left.format(days=days)
    if days == 0:  # on the weekend after the due date no working day has passed yet
        return language.gettext("the date has passed")
    late = language.ngettext("{days} working day overdue", "{days} working days overdue", -days)
    return late.format(days=-days)


def _date_notes(line: Line, language: Language) -> str:
    """Notes on a date: the date that the plan states, whether it was inferred, whether it may still move."""
    if line.due_on is None or line.kind in _CLOSED:
        return ""
    notes = []
    if line.planned_due_on and line.planned_due_on != line.due_on:
        # An inferred date is not called the plan's own.
        template = N_("the plan says {date}") if line.basis is Basis.STATED else N_("originally {date}")
        notes.append(language.gettext(template).format(date=language.date(line.planned_due_on)))
    if line.basis is Basis.INFERRED:
        notes.append(language.gettext("inferred, the plan does not state this date"))
    if line.provisional:
        notes.append(
            language.gettext("provisional, the days off of that year are not published yet; it may still move")
        )
    return language.gettext("; ").join(notes)


def _promise(line: Line, letter: Letter, language: Language) -> str:
    """Until when its unit promised it, and whether that has passed: what waited is said again then."""
    if line.promised_on is None:
        return ""
    said = N_("Promised by the unit for: {date}")
    if line.promised_on < letter.on:
        said = N_("Promised by the unit for: {date}. The promise was not kept.")
    return language.gettext(said).format(date=language.date(line.promised_on))


def _count(line: Line, language: Language) -> str:
    if line.count <= 0:
        return ""
    if line.kind is MessageKind.BACKLOG:
        template = language.ngettext("{count} item in all", "{count} items in all", line.count)
    else:
        template = language.ngettext("{count} item is still open", "{count} items are still open", line.count)
    return template.format(count=line.count)


def _footer(letter: Letter, language: Language, *, with_link: bool) -> str:
    said = map(language.gettext, _ON_PAGES if with_link else _IN_WRITING)
    return "\n".join([*said, *_whom_to_ask(letter.contact, language)])


def _whom_to_ask(contact: Contact | None, language: Language) -> Iterator[str]:
    """Nothing where nobody is registered."""
    if contact is not None and contact.telephone:
        template = N_("Questions: ask {name} at the leading-group office, telephone {telephone}.")
        yield language.gettext(template).format(name=contact.name, telephone=contact.telephone)
    elif contact is not None:
        yield language.gettext(N_("Questions: ask {name} at the leading-group office.")).format(name=contact.name)


_IN_WRITING = (
    N_(
        "Objections: if you disagree with an item, a date, a return or a light, write to the "
        "leading-group office with the reference and your reasons."
    ),
    N_(
        "Suggestions: if a notice is unclear, comes too often, or asks for something you handed in "
        "before, tell the leading-group office."
    ),
)
_ON_PAGES = (
    N_("Objections: if you disagree with a return or a light, object on the page of the item."),
    N_(
        "Suggestions: if a notice is unclear, comes too often, or asks for something you handed in "
        "before, say so under “Complaints and suggestions”."
    ),
)
