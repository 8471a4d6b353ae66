"""A change set as it is put together on its form: what is typed becomes lines, what is wrong stands at its field."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError

from adapters.language import N_
from adapters.plan_files.codes import free, free_code
from models.changes.carry_out import Heading
from models.changes.orders import Orders
from models.common.errors import DubanError, RefusedError
from models.common.kinds import Scope
from models.loading import Asked, asked_of
from models.plan.document import PhaseEntry, PlanDocument
from models.plan.phase import PhaseStatus
from portal.forms import DayOfWork, Sent, Words
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
    amended,
    codes_of,
    line_of,
    orders_of,
)
from portal.routes.plans.names import Choice, Names

MOST_LINES = 100
LineText = Annotated[str, Field(max_length=200_000)]
Many = Annotated[list[Words], Field(max_length=MOST_LINES * 2)]

# Of whom a new requirement is asked: the scope, and in which roles.
ASKED_OF: dict[str, tuple[Scope, tuple[str, ...]]] = {
    "units": (Scope.PLAN, ()),
    "leads of areas": (Scope.AREA, ("lead",)),
    "areas": (Scope.AREA, ("lead", "responsible")),
    "leads of measures": (Scope.MEASURE, ("lead",)),
    "measures": (Scope.MEASURE, ("lead", "responsible")),
}


class ChangeForm(Sent):
    """A draft: the lines so far, what is typed for further ones, and what is said of all. `mark` is a preview's."""

    lines: Annotated[list[LineText], Field(max_length=MOST_LINES)] = Field(default_factory=list)
    title: Words = ""
    why: Words = ""
    authority: Words = ""
    from_on: DayOfWork = None
    past: bool = False
    open_items_too: bool = False
    step: Annotated[str, Field(pattern=r"^(add|preview|carry out|remove [0-9]{1,2})$")] = "add"
    mark: Words = ""

    move_what: Words = ""
    move_item: Words = ""
    move_unit: Words = ""
    move_ref: Words = ""
    move_day: DayOfWork = None
    withdraw_what: Words = ""
    answer_item: Words = ""
    answer_leads: Many = Field(default_factory=list)
    answer_nobody: bool = False
    answer_responsible: Many = Field(default_factory=list)
    answer_none: bool = False
    end_unit: Words = ""
    end_to: Many = Field(default_factory=list)
    rename_unit: Words = ""
    rename_zh: Words = ""
    rename_en: Words = ""
    words_what: Words = ""
    words_zh: Words = ""
    words_en: Words = ""
    words_proof_zh: Words = ""
    words_proof_en: Words = ""
    measure_area: Words = ""
    measure_zh: Words = ""
    measure_en: Words = ""
    measure_proof_zh: Words = ""
    measure_proof_en: Words = ""
    unit_zh: Words = ""
    unit_en: Words = ""
    unit_kind: Words = ""
    unit_sets: Many = Field(default_factory=list)
    ask_zh: Words = ""
    ask_en: Words = ""
    ask_why: Words = ""
    ask_proof_zh: Words = ""
    ask_proof_en: Words = ""
    ask_of: Words = ""
    ask_units: Many = Field(default_factory=list)
    ask_day: DayOfWork = None

    def typed_for(self, kind: str) -> dict[str, Any]:
        """What is typed for a line of this kind, where anything is."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name.startswith(f"{kind}_")}
        return found if any(found.values()) else {}


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """What a draft is made against: the plan as it is stored, the state of its phases, and what units owe.

    `owed`: the references of what is open at a unit (its code) under a requirement of one period (`2023/delivery`).
    """

    stored: PlanDocument
    phases: Mapping[tuple[str, str], PhaseStatus]  # by code and period
    owed: Callable[[str, str], Sequence[str]]


KINDS = ("move", "withdraw", "answer", "end", "rename", "words", "measure", "unit", "ask")


@dataclasses.dataclass(slots=True)
class Draft:
    """What there is of a change set. `document` is the plan as it would be, apart from what is ordered beside it.

    `faults`: what is wrong, by the field; `broken`: by the place of a line; `added`: the kinds of which one was made.
    """

    lines: list[Line]
    document: PlanDocument
    names: Names
    faults: dict[str, DubanError]
    broken: dict[int, DubanError]
    added: set[str]

    @property
    def is_whole(self) -> bool:
        return not (self.faults or self.broken)

    def orders(self, form: ChangeForm) -> Orders:
        return orders_of(self.lines, past=form.past, open_items_too=form.open_items_too)

    def blame(self, reasons: Iterable[DubanError]) -> None:
        """Put each reason against the change at the line that it speaks of, where it names what the line orders."""
        for reason in reasons:
            named = {value for value in reason.facts.values() if isinstance(value, str)}
            for place, line in enumerate(self.lines):
                if place not in self.broken and any(_is_about(line, one) for one in named):
                    self.broken[place] = reason


def _is_about(line: Line, name: str) -> bool:
    """`name`: a reference or a code, as reasons have them."""
    match line:
        case MoveLine():
            return any(name == ref or name.startswith(f"{ref}/") for ref in line.refs)
        case WithdrawLine():
            return name == line.code
        case EndLine() | RenameLine():
            return name == line.unit
    return False


def draft_of(form: ChangeForm, known: Known, names_in: Callable[[PlanDocument], Names]) -> Draft:
    """The lines that the form carries, and those that are made of what was typed for further ones."""
    stored = known.stored
    draft = Draft([], stored, names_in(stored), {}, {}, set())
    removed = int(form.step.partition(" ")[2]) if form.step.startswith("remove ") else None
    for text in (text for place, text in enumerate(form.lines) if place != removed):
        _take(draft, text, form.authority)
    for kind in KINDS if removed is None else ():
        if form.typed_for(kind):
            draft.names = names_in(draft.document)
            _add(draft, kind, form, known)
    draft.names = names_in(draft.document)
    return draft


def _take(draft: Draft, text: str, source: str) -> None:
    """A line that is carried along. Of one that cannot be read, nothing is left but what is said about it."""
    place = len(draft.lines)
    try:
        line = line_of(text)
    except RefusedError as fault:
        draft.faults["lines"] = fault
        return
    draft.lines.append(line)
    try:
        draft.document = amended(draft.document, line, source)
    except RefusedError as fault:
        draft.broken[place] = fault


def _add(draft: Draft, kind: str, form: ChangeForm, known: Known) -> None:
    reader = _Reader(draft, form, known)
    line: Line | None = None
    try:
        line = getattr(reader, kind)()
    except ValidationError:
        reader.faults[FIRST[kind]] = RefusedError("this names too much at once; make several orders of it")
    if reader.faults or line is None:
        draft.faults |= reader.faults
        return
    if len(draft.lines) >= MOST_LINES:
        draft.faults["lines"] = RefusedError("a change set holds at most {most} orders", most=MOST_LINES)
        return
    try:
        draft.document = amended(draft.document, line, form.authority)
    except RefusedError as fault:
        draft.faults[FIRST[kind]] = fault
        return
    draft.lines.append(line)
    draft.added.add(kind)


# Where a fault of the whole line stands.
FIRST = {
    "move": "move_day",
    "withdraw": "withdraw_what",
    "answer": "answer_item",
    "end": "end_unit",
    "rename": "rename_zh",
    "words": "words_what",
    "measure": "measure_zh",
    "unit": "unit_zh",
    "ask": "ask_day",
}


class _Reader:
    """Makes a line of what was typed; `faults` says by the field what is missing or not understood."""

    def __init__(self, draft: Draft, form: ChangeForm, known: Known) -> None:
        self.document, self.names, self.form = draft.document, draft.names, form
        self.phases, self.owed = known.phases, known.owed
        self.faults: dict[str, DubanError] = {}

    def _one(self, field: str, choice: Choice, missing: str = "") -> str:
        """The code of what is named; "" where nothing is."""
        said = getattr(self.form, field)
        if not said:
            if missing:
                self.faults[field] = RefusedError(missing)
            return ""
        try:
            return choice.find(said)
        except RefusedError as fault:
            self.faults[field] = fault
            return ""

    def _many(self, field: str, choice: Choice) -> tuple[str, ...]:
        try:
            return choice.find_all(getattr(self.form, field))
        except RefusedError as fault:
            self.faults[field] = fault
            return ()

    def _day(self, field: str) -> dt.date:
        day: dt.date | None = getattr(self.form, field)
        if day is None:
            self.faults[field] = RefusedError("give the date")
        return day or dt.date.min

    def _words(self, field: str) -> str:
        words: str = getattr(self.form, field)
        if not words:
            self.faults[field] = RefusedError("write what it is called")
        return words

    # Another date

    def move(self) -> Line | None:
        day = self._day("move_day")
        if self.form.move_ref:
            return MoveLine(refs=(self.form.move_ref,), day=day)
        asked = self._one(
            "move_what", self.names.choose_asked(), N_("choose what gets another date, or give a reference")
        )
        item = self._one("move_item", self.names.choose_items())
        unit = self._one("move_unit", self.names.choose_units())
        if self.faults:
            return None
        if self._is_to_come(asked):
            return self._due(asked, item, unit, day)
        refs = self._refs(asked, item, unit)
        return MoveLine(refs=refs, day=day) if refs else None

    def _refs(self, asked: str, item: str, unit: str) -> tuple[str, ...]:
        """Of the whole, of an item of the plan in it, or of all that one unit owes there."""
        if not (item or unit):
            return (asked,)
        above = f"{asked}/{item}" if item else asked
        if item and all(one.ref != above for one in self._asked(asked)):
            self.faults["move_item"] = RefusedError("{asked} is not asked of it", asked=self.names.ref(asked))
            return ()
        if not unit:
            return (above,)
        refs = tuple(ref for ref in self.owed(asked, unit) if not item or ref == f"{above}/{unit}")
        if not refs:
            self.faults["move_unit"] = RefusedError("nothing of it is open at the unit")
        return refs

    def _asked(self, asked: str) -> list[Asked]:
        """All that is asked under a requirement of one period."""
        return [one for one in asked_of(self.document) if f"{one.due.period}/{one.entry.code}" == asked]

    def _is_to_come(self, asked: str) -> bool:
        """Whether nothing of it was issued, as its phase was not opened."""
        phases = {(one.due.phase.code, one.due.phase.period) for one in self._asked(asked)}
        return all(self.phases.get(one, PhaseStatus.PLANNED) is PhaseStatus.PLANNED for one in phases)

    def _due(self, asked: str, item: str, unit: str, day: dt.date) -> Line | None:
        period, _, code = asked.partition("/")
        entry = next((one for one in self.document.requirements if one.code == code), None)
        if item or unit:
            field = "move_item" if item else "move_unit"
            self.faults[field] = RefusedError("nothing of it was issued yet: until then its date moves for all")
            return None
        if entry is None or period not in entry.due:
            self.faults["move_what"] = RefusedError(
                "its dates stand with the measures, and nothing of it was issued yet: change the files of the plan"
            )
            return None
        return DueLine(code=code, period=period, day=day)

    # What the others are made of

    def withdraw(self) -> Line | None:
        return WithdrawLine(code=self._one("withdraw_what", self.names.choose_withdrawn()))

    def answer(self) -> Line | None:
        item = self._one("answer_item", self.names.choose_items(), N_("choose the measure or area"))
        leads = self._many("answer_leads", self.names.choose_units(with_office=True))
        parties = self._many("answer_responsible", self.names.choose_parties())
        for field, some, none in (
            ("answer_leads", leads, self.form.answer_nobody),
            ("answer_responsible", parties, self.form.answer_none),
        ):
            if some and none:
                self.faults[field] = RefusedError("name units, or say that there are none; not both")
        if not (leads or parties or self.form.answer_nobody or self.form.answer_none or self.faults):
            self.faults["answer_leads"] = RefusedError("say who leads it or who is responsible from now on")
        return AnswerLine(
            item=item,
            leads=leads if leads or self.form.answer_nobody else None,
            responsible=parties if parties or self.form.answer_none else None,
        )

    def end(self) -> Line | None:
        units = self.names.choose_units()
        unit = self._one("end_unit", units, N_("choose the unit that ends"))
        to = self._many("end_to", units)
        if unit and unit in to:
            self.faults["end_to"] = RefusedError("a unit that ends cannot take over its own work")
        return EndLine(unit=unit, to=to)

    def rename(self) -> Line | None:
        unit = self._one("rename_unit", self.names.choose_units(), N_("choose the unit"))
        zh = self._words("rename_zh")
        return RenameLine(unit=unit, zh=zh, en=self.form.rename_en or zh)

    def words(self) -> Line | None:
        form = self.form
        code = self._one("words_what", self.names.choose_worded(), N_("choose the requirement or measure"))
        if not (form.words_zh or form.words_proof_zh):
            self.faults["words_zh"] = RefusedError("write what it is called or what proves it from now on")
        return WordsLine(
            code=code,
            zh=form.words_zh,
            en=form.words_en or form.words_zh,
            proof_zh=form.words_proof_zh,
            proof_en=form.words_proof_en or form.words_proof_zh,
        )

    def measure(self) -> Line | None:
        form = self.form
        area = self._one("measure_area", self.names.choose_areas(), N_("choose the area"))
        zh, proof = self._words("measure_zh"), form.measure_proof_zh
        if not proof:
            self.faults["measure_proof_zh"] = RefusedError("write what proves it")
        return MeasureLine(
            area=area,
            code=self._code_in(area, zh),
            zh=zh,
            en=form.measure_en or zh,
            proof_zh=proof,
            proof_en=form.measure_proof_en or proof,
        )

    def _code_in(self, area: str, name: str) -> str:
        """Counted on where the codes of the area's measures are counted, and otherwise made of the name."""
        above = next((one for one in self.document.areas if one.code == area), None)
        if above is None:
            return ""
        numbers = [one.code.removeprefix(f"{area}.") for one in above.measures]
        if all(one.isascii() and one.isdecimal() for one in numbers):
            return free(f"{area}.{max(map(int, numbers), default=0) + 1}", codes_of(self.document), ())
        return self._code(name)

    def _code(self, name: str) -> str:
        return free_code(name, codes_of(self.document), ())

    def unit(self) -> Line | None:
        form = self.form
        zh = self._words("unit_zh")
        sets = self._many("unit_sets", self.names.choose_sets())
        if form.unit_kind not in {"bureau", "county"}:
            self.faults["unit_kind"] = RefusedError("choose whether it is a bureau or a county")
        if self.faults:
            return None
        of_kind: Any = form.unit_kind
        return UnitLine(code=self._code(zh), zh=zh, en=form.unit_en or zh, of_kind=of_kind, sets=sets)

    def ask(self) -> Line | None:
        form = self.form
        zh, day = self._words("ask_zh"), self._day("ask_day")
        for field in ("ask_why", "ask_proof_zh"):
            if not getattr(form, field):
                self.faults[field] = RefusedError(N_("write why") if field == "ask_why" else N_("write what proves it"))
        if form.ask_of not in ASKED_OF:
            self.faults["ask_of"] = RefusedError("choose of whom it is asked")
        units = self._many("ask_units", self.names.choose_parties()) if form.ask_of == "units" else ()
        if form.ask_of == "units" and not units and "ask_units" not in self.faults:
            self.faults["ask_units"] = RefusedError("name at least one unit")
        phase = self._phase_on(day)
        if phase is None and "ask_day" not in self.faults:
            self.faults["ask_day"] = RefusedError("the date lies in no phase of the plan")
        if self.faults or phase is None:
            return None
        scope, roles = ASKED_OF[form.ask_of]
        return AskLine(
            code=self._code(zh),
            phase=phase.code,
            period=phase.period,
            day=day,
            scope=scope,
            audience=units or roles,
            zh=zh,
            en=form.ask_en or zh,
            why=form.ask_why,
            proof_zh=form.ask_proof_zh,
            proof_en=form.ask_proof_en or form.ask_proof_zh,
        )

    def _phase_on(self, day: dt.date) -> PhaseEntry | None:
        """The phase in which the day lies; of several, one that is open."""
        found = [one for one in self.document.phases if one.starts_on <= day <= one.ends_on]
        opened = [one for one in found if self.phases.get((one.code, one.period)) is PhaseStatus.OPEN]
        return next(iter([*opened, *found]), None)


def heading_of(form: ChangeForm, today: dt.date) -> tuple[Heading, dict[str, DubanError]]:
    """What is said of all, with what is missing, by the field."""
    faults: dict[str, DubanError] = {}
    if not form.why:
        faults["why"] = RefusedError("say why the plan changes")
    if not form.authority:
        faults["authority"] = RefusedError("say by what authority the plan changes, such as the number of a document")
    from_on = form.from_on or today
    if from_on > today:
        faults["from_on"] = RefusedError("{day} is still to come: a change is carried out on its day", day=from_on)
    return Heading(form.title or form.why.split("\n")[0], form.why, form.authority, from_on), faults
