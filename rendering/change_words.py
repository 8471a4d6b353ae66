"""What a change set did to one thing, in a sentence."""

from adapters.language import N_, Language
from models.changes.change_set import Touch
from models.changes.effects import Because
from models.changes.meaning import Changed
from models.plan.area import Role

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
