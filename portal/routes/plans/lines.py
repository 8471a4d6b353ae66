"""The lines of a change set that is being put together: what each orders, and what a document says with it. Pure.

A line travels in its form as JSON, and names units, items and requirements by their codes. Whoever sends it may have
written anything into it: what it names is looked up when it is used.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.changes.orders import Move, Orders
from models.common.errors import RefusedError
from models.common.kinds import Basis, Scope, UnitKind
from models.common.text import Text
from models.plan import amending
from models.plan.document import MeasureEntry, PlanDocument, RequirementEntry, UnitEntry, items_named
from models.plan.parties import all_parties
from portal.forms import Words

MOST_OF_ONE = 200  # units, references: as many as one line names
Codes = Annotated[tuple[Words, ...], Field(max_length=MOST_OF_ONE)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MoveLine(_Line):
    """Another date for what was issued, by references."""

    kind: Literal["move"] = "move"
    refs: Annotated[Codes, Field(min_length=1)]
    day: dt.date


class DueLine(_Line):
    """Another date for a requirement of which nothing was issued yet."""

    kind: Literal["due"] = "due"
    code: Words
    period: Words
    day: dt.date


class WithdrawLine(_Line):
    """A requirement, one of its periods (`2023/delivery`), or a measure is asked for no longer."""

    kind: Literal["withdraw"] = "withdraw"
    code: Words


class AnswerLine(_Line):
    """Others answer for a measure or an area; None leaves the leads, or the responsible units, as they are."""

    kind: Literal["answer"] = "answer"
    item: Words
    leads: Codes | None = None
    responsible: Codes | None = None


class EndLine(_Line):
    """A unit ends: one unit takes its work over, several do (a split), or nobody does."""

    kind: Literal["end"] = "end"
    unit: Words
    to: Codes = ()


class RenameLine(_Line):
    kind: Literal["rename"] = "rename"
    unit: Words
    zh: Words
    en: Words


class WordsLine(_Line):
    """Other words of a requirement or a measure; what is empty stays as it is."""

    kind: Literal["words"] = "words"
    code: Words
    zh: Words = ""
    en: Words = ""
    proof_zh: Words = ""
    proof_en: Words = ""


class MeasureLine(_Line):
    """A measure more."""

    kind: Literal["measure"] = "measure"
    area: Words
    code: Words
    zh: Words
    en: Words
    proof_zh: Words
    proof_en: Words


class UnitLine(_Line):
    """A unit more, in these sets of units."""

    kind: Literal["unit"] = "unit"
    code: Words
    zh: Words
    en: Words
    of_kind: Literal["bureau", "county"]
    sets: Codes = ()


class AskLine(_Line):
    """A requirement more. `audience`: units and sets of units for the scope plan, else lead or responsible."""

    kind: Literal["ask"] = "ask"
    code: Words
    phase: Words
    period: Words
    day: dt.date
    scope: Scope
    audience: Annotated[Codes, Field(min_length=1)]
    zh: Words
    en: Words
    why: Words
    proof_zh: Words
    proof_en: Words


Line = (
    MoveLine | DueLine | WithdrawLine | AnswerLine | EndLine | RenameLine | WordsLine | MeasureLine | UnitLine | AskLine
)
_READER: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


def line_of(text: str) -> Line:
    """Raises RefusedError where that is no line."""
    try:
        return _READER.validate_json(text)
    except ValidationError:
        raise RefusedError("this line cannot be read; remove it and add it anew") from None


def amended(document: PlanDocument, line: Line, source: str = "") -> PlanDocument:  # noqa: PLR0911  (a case for each)
    """What the document says with the line; what is ordered beside it is for `orders_of`.

    `source`: where what is new stands, such as the number of the document by which the plan changes. Raises
    RefusedError.
    """
    match line:
        case DueLine():
            return amending.with_due(document, line.code, line.period, line.day)
        case AnswerLine():
            return _answered(document, line)
        case RenameLine():
            return amending.renamed(document, line.unit, Text(line.zh, line.en))
        case WordsLine():
            title, proof = (Text(zh, en) if zh else None for zh, en in _pairs(line))
            return amending.with_words(document, line.code, title=title, proof=proof)
        case MeasureLine():
            _refuse_taken(document, line.code)
            return amending.with_measure(document, line.area, _measure(line, source))
        case UnitLine():
            _refuse_taken(document, line.code)
            name, kind = Text(line.zh, line.en), UnitKind(line.of_kind)
            return amending.with_unit(document, UnitEntry(line.code, name, kind, source=source), line.sets)
        case AskLine():
            _refuse_taken(document, line.code)
            _refuse_nobody(document, line)
            return amending.with_requirement(document, _requirement(line))
    return document


def _answered(document: PlanDocument, line: AnswerLine) -> PlanDocument:
    _refuse_strangers(document, line)
    after = document
    if line.leads is not None:
        after = amending.with_leads(after, line.item, line.leads)
    if line.responsible is not None:
        after = amending.with_responsible(after, line.item, line.responsible)
    sets = {one.code for one in document.collectives}
    for parties in all_parties(after):  # where no lead is named, the first responsible unit may have to lead
        if parties.lead in sets:
            raise RefusedError("{unit} is a set of units and cannot lead: name a unit first", unit=parties.lead)
    return after


def _pairs(line: WordsLine) -> tuple[tuple[str, str], tuple[str, str]]:
    return (line.zh, line.en), (line.proof_zh, line.proof_en)


def _measure(line: MeasureLine, source: str) -> MeasureEntry:
    name, proof = Text(line.zh, line.en), Text(line.proof_zh, line.proof_en)
    return MeasureEntry(line.code, name, proof, source)


def _requirement(line: AskLine) -> RequirementEntry:
    return RequirementEntry(
        code=line.code,
        phase=line.phase,
        scope=line.scope,
        audience=line.audience,
        due={line.period: line.day},
        title=Text(line.zh, line.en),
        why=Text(line.why, line.why),
        proof=Text(line.proof_zh, line.proof_en),
        basis=Basis.STATED,
    )


def codes_of(document: PlanDocument) -> set[str]:
    """Every code that the document gives; a code that is made is none of them."""
    units = {one.code for one in document.units} | {one.code for one in document.collectives}
    return units | {one.code for one in items_named(document.areas)} | {one.code for one in document.requirements}


def _refuse_taken(document: PlanDocument, code: str) -> None:
    if not code or code in codes_of(document):
        raise RefusedError("{code} is in the plan already", code=code)


def _refuse_strangers(document: PlanDocument, line: AnswerLine) -> None:
    leading = {one.code for one in document.units if one.kind is not UnitKind.LEADER}
    answering = _parties(document)
    for code in line.leads or ():
        if code not in leading:
            raise RefusedError("there is no unit {unit}", unit=code)
    for code in line.responsible or ():
        if code not in answering:
            raise RefusedError("there is no unit {unit}", unit=code)
        if code in (line.leads or ()):
            raise RefusedError("{unit} leads it, and is not responsible beside that", unit=code)


def _refuse_nobody(document: PlanDocument, line: AskLine) -> None:
    allowed = _parties(document) if line.scope is Scope.PLAN else {"lead", "responsible"}
    for code in line.audience:
        if code not in allowed:
            raise RefusedError("there is no unit {unit}", unit=code)


def _parties(document: PlanDocument) -> set[str]:
    bodies = {UnitKind.OFFICE, UnitKind.LEADER}
    return {one.code for one in document.units if one.kind not in bodies} | {one.code for one in document.collectives}


def orders_of(lines: Iterable[Line], *, past: bool, open_items_too: bool) -> Orders:
    """What the lines order beside the document."""
    moves: list[Move] = []
    withdrawn: list[str] = []
    successors: dict[str, tuple[str, ...]] = {}
    for line in lines:
        match line:
            case MoveLine():
                moves += [Move(ref, line.day) for ref in line.refs]
            case WithdrawLine():
                withdrawn.append(line.code)
            case EndLine():
                successors[line.unit] = line.to
    ended = tuple(dict.fromkeys(withdrawn))
    return Orders(tuple(moves), successors, ended, open_items_too=open_items_too, past=past)
