"""What a line of a change set orders, in words."""

from collections.abc import Callable, Sequence

from adapters.language import N_, Language
from models.common.kinds import Scope
from portal.routes.plans.lines import (
    AnswerLine,
    AskLine,
    DueLine,
    EndLine,
    Line,
    MeasureLine,
    MoveLine,
    RenameLine,
    UnitLine,
    WithdrawLine,
    WordsLine,
)
from portal.routes.plans.names import Names

Said = tuple[str, dict[str, str]]  # a template, and what fills it in
SHOWN = 5  # of many references


def line_words(line: Line, names: Names, language: Language) -> str:
    """One sentence, or two."""
    template, facts = _said(line, names, language)
    return language.gettext(template).format(**facts)


def _said(line: Line, names: Names, language: Language) -> Said:  # noqa: C901, PLR0911  (a sentence for each)
    def units(codes: Sequence[str]) -> str:
        return language.list([names.units.get(code, code) for code in codes])

    match line:
        case MoveLine():
            shown = [names.ref(ref) for ref in line.refs[:SHOWN]] + (["…"] if len(line.refs) > SHOWN else [])
            return N_("Another date: {what}: {day}"), {"what": language.list(shown), "day": language.date(line.day)}
        case DueLine():
            what = names.ref(f"{line.period}/{line.code}")
            return N_("Another date, once it is issued: {what}: {day}"), {"what": what, "day": language.date(line.day)}
        case WithdrawLine():
            return N_("No longer asked for: {what}"), {"what": names.withdrawable(line.code)}
        case AnswerLine():
            return _answering(line, names, units)
        case EndLine():
            return _ending(line, units)
        case RenameLine():
            return N_("{unit} is called {name} from now on"), {
                "unit": names.called_until_now(line.unit),
                "name": line.zh if language.code == "zh" else line.en,
            }
        case WordsLine():
            return _worded(line, names, language)
        case MeasureLine():
            name = line.zh if language.code == "zh" else line.en
            return N_("New measure of {area}: {name}"), {"area": names.item(line.area), "name": f"{line.code} {name}"}
        case UnitLine():
            name = line.zh if language.code == "zh" else line.en
            if line.sets:
                return N_("New unit: {name}, one of {sets}"), {"name": name, "sets": units(line.sets)}
            return N_("New unit: {name}"), {"name": name}
        case AskLine():
            return N_("New requirement: {name}, by {day}, asked of {whom}"), {
                "name": line.zh if language.code == "zh" else line.en,
                "day": language.date(line.day),
                "whom": units(line.audience)
                if line.scope is Scope.PLAN
                else language.gettext(ASKED_OF[line.scope, len(line.audience) > 1]),
            }


# By scope, and whether the responsible units are asked as well.
ASKED_OF = {
    (Scope.AREA, False): N_("the leads of the areas"),
    (Scope.AREA, True): N_("the leads and the responsible units of the areas"),
    (Scope.MEASURE, False): N_("the leads of the measures"),
    (Scope.MEASURE, True): N_("the leads and the responsible units of the measures"),
}


def _ending(line: EndLine, units: Callable[[Sequence[str]], str]) -> Said:
    facts = {"unit": units([line.unit]), "units": units(line.to)}
    if len(line.to) > 1:
        return N_("{unit} is split: its work goes to {units}"), facts
    if line.to:
        return N_("{unit} ends: its work goes to {units}"), facts
    return N_("{unit} ends, and nobody takes its work over"), facts


def _answering(line: AnswerLine, names: Names, units: Callable[[Sequence[str]], str]) -> Said:
    facts = {"item": names.item(line.item), "leads": units(line.leads or ()), "units": units(line.responsible or ())}
    by_case = {
        (True, None): N_("{item}: led by {leads} from now on"),
        (False, None): N_("{item}: nobody leads it from now on"),
        (None, True): N_("{item}: responsible from now on: {units}"),
        (None, False): N_("{item}: no unit is responsible from now on"),
        (True, True): N_("{item}: led by {leads} from now on; responsible: {units}"),
        (True, False): N_("{item}: led by {leads} from now on; no unit is responsible"),
        (False, True): N_("{item}: nobody leads it from now on; responsible: {units}"),
        (False, False): N_("{item}: nobody answers for it from now on"),
    }
    said = tuple(None if codes is None else bool(codes) for codes in (line.leads, line.responsible))
    return by_case.get((said[0], said[1]), "{item}"), facts


def _worded(line: WordsLine, names: Names, language: Language) -> Said:
    is_chinese = language.code == "zh"
    facts = {
        "what": names.withdrawable(line.code),
        "title": line.zh if is_chinese else line.en,
        "proof": line.proof_zh if is_chinese else line.proof_en,
    }
    if line.zh and line.proof_zh:
        return N_("{what}: called “{title}” from now on, and proved by “{proof}”"), facts
    if line.zh:
        return N_("{what}: called “{title}” from now on"), facts
    return N_("{what}: proved by “{proof}” from now on"), facts
