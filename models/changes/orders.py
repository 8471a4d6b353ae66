"""What the office orders beside the document, and what a document says once an order is carried out in it. Pure."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from models.changes.difference import Settled
from models.common.errors import Reason, RefusedError
from models.common.kinds import Rollup
from models.common.text import Text
from models.common.typed import said
from models.plan.amending import renamed
from models.plan.document import Counted, IndicatorEntry, PlanDocument, QuotaEntry, RequirementEntry

# The fields of a document that name units.
PARTIES = frozenset({"lead", "co_leads", "responsible", "members", "audience", "reporters"})


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """A new date for what was issued: of a requirement (`2023/delivery`), of one item of the plan in it
    (`2023/delivery/T3.2`), or of one unit's (`2023/delivery/T3.2/longsha`).
    """

    ref: str
    to: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class Orders:
    """`successors`: of each unit that ends, the units that take its work over, and none where it is closed.

    Units are given by their codes, or by names as `by_code` knows them. `renamed`: what units are called from now on.
    `withdrawn`: codes of requirements (of one period with that before it, as `2023/delivery`) and of measures.
    `open_items_too`: new words count for what is issued and open as well. `past`: dates that have passed are meant.
    """

    moves: tuple[Move, ...] = ()
    successors: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    withdrawn: tuple[str, ...] = ()
    renamed: Mapping[str, Text] = dataclasses.field(default_factory=dict)
    open_items_too: bool = False
    past: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it is stored; what is not ordered is left out."""
        said: dict[str, Any] = {
            "moves": {one.ref: one.to.isoformat() for one in self.moves},
            "successors": {unit: list(to) for unit, to in self.successors.items()},
            "withdrawn": list(self.withdrawn),
            "renamed": {unit: dataclasses.asdict(name) for unit, name in self.renamed.items()},
            "open_items_too": self.open_items_too,
            "past": self.past,
        }
        return {name: value for name, value in said.items() if value}


def by_code(orders: Orders, before: PlanDocument, after: PlanDocument | None = None) -> Orders:
    """The same with the codes of units, which may be named by their Chinese name, full name or an alias.

    `after`: the document from then on, where one is given: it may be the first to name who follows. What names no unit
    stays as it is. Raises RefusedError for a name that several have.
    """
    if not (orders.successors or orders.renamed):
        return orders
    old = _called(before)
    new = old if after is None else _called(before) | _called(after)
    return dataclasses.replace(
        orders,
        successors={_code(unit, old): tuple(_code(one, new) for one in to) for unit, to in orders.successors.items()},
        renamed={_code(unit, old): name for unit, name in orders.renamed.items()},
    )


def _called(document: PlanDocument) -> dict[str, list[str]]:
    """The codes of the units that are called so."""
    found: dict[str, list[str]] = {}
    for unit in document.units:
        for name in dict.fromkeys(filter(None, (unit.name.zh, unit.full_name, *unit.aliases))):
            found.setdefault(name, []).append(unit.code)
    return found | {unit.code: [unit.code] for unit in document.units}


def _code(name: str, called: Mapping[str, Sequence[str]]) -> str:
    codes = called.get(name, (name,))
    if len(codes) > 1:
        raise RefusedError(
            "several units are called {name}: give the code, one of {codes}", name=name, codes=", ".join(codes)
        )
    return codes[0]


def reasons_against(document: PlanDocument, orders: Orders) -> list[Reason]:
    """Why these orders cannot be carried out in this document; empty where they can."""
    units = {one.code for one in document.units}
    reasons = [
        Reason("there is no unit {unit}", unit=unit)
        for unit in dict.fromkeys([*orders.successors, *(one for to in orders.successors.values() for one in to)])
        if unit not in units
    ]
    reasons += [
        Reason("{unit} ends by the same order and can take nothing over", unit=unit)
        for unit in dict.fromkeys(one for to in orders.successors.values() for one in to)
        if unit in orders.successors
    ]
    reasons += _against_names(document, orders)
    reasons += [
        Reason("{unit} leads {area}; say which unit leads it from now on", unit=lead, area=code)
        for code, lead in _leads(document)
        if orders.successors.get(lead) == ()
    ]
    reasons += [
        Reason("{unit} has a quota of {indicator} and is split: say in the files what each has to reach", **facts)
        for facts in _split_quotas(document, orders)
    ]
    known = {*_withdrawable(document)}
    reasons += [
        Reason("there is no requirement or measure {code}", code=code) for code in orders.withdrawn if code not in known
    ]
    reasons += [
        Reason("{area} would be left without a measure, and be asked for as a whole", area=area.code)
        for area in document.areas
        if area.measures and all(one.code in orders.withdrawn for one in area.measures)
    ]
    return reasons


def _against_names(document: PlanDocument, orders: Orders) -> list[Reason]:
    units = {one.code for one in document.units} - orders.successors.keys()
    called = {one.name.zh: one.code for one in document.units if one.code in units}
    reasons = [Reason("there is no unit {unit}", unit=unit) for unit in orders.renamed if unit not in units]
    reasons += [
        Reason("say what {unit} is called from now on", unit=unit)
        for unit, to in orders.renamed.items()
        if not said(to.zh)
    ]
    reasons += [
        Reason("{other} is called {name} already", other=called[name.zh], name=name.zh)
        for unit, name in orders.renamed.items()
        if called.get(name.zh, unit) != unit
    ]
    return reasons


def succeeded(settled: Settled, orders: Orders, gone: Collection[str]) -> Settled:
    """As whom parties are settled once units have ended."""
    return {
        unknown: tuple(
            dict.fromkeys(
                heir for code in codes for heir in (orders.successors.get(code, ())[:1] if code in gone else (code,))
            )
        )
        for unknown, codes in settled.items()
    }


def _leads(document: PlanDocument) -> Iterator[tuple[str, str]]:
    """The codes of areas, measures and targets that name their lead, with that."""
    yield from ((one.code, one.lead) for one in document.indicators if one.lead)
    for area in document.areas:
        yield from ((one.code, one.lead) for one in area.measures if one.lead)
        if area.lead:
            yield area.code, area.lead


def _withdrawable(document: PlanDocument) -> Iterator[str]:
    for entry in document.requirements:
        yield entry.code
        yield from (f"{period}/{entry.code}" for period in entry.due)
    for area in document.areas:
        yield from (one.code for one in area.measures)


def carried_out(document: PlanDocument, orders: Orders) -> PlanDocument:
    """The document without the units that end and what is withdrawn; successors stand in the places of who ends.

    Where nothing of it is ordered it is the same object.
    """
    if not (orders.successors or orders.withdrawn or orders.renamed):
        return document
    without = _without(document, frozenset(orders.withdrawn))
    replaced: PlanDocument = _replaced(without, orders.successors)
    for code, name in orders.renamed.items():
        replaced = renamed(replaced, code, name)
    units = tuple(one for one in replaced.units if one.code not in orders.successors)
    indicators = tuple(
        dataclasses.replace(one, quotas=_inherited(one, orders.successors)) if one.quotas else one
        for one in replaced.indicators
    )
    return dataclasses.replace(replaced, units=units, indicators=indicators)


def _split_quotas(document: PlanDocument, orders: Orders) -> Iterator[dict[str, str]]:
    """Quotas of which nobody can tell what becomes of them: a number in the sum goes to one unit, not to several."""
    for entry in document.indicators:
        for one in entry.quotas if entry.rollup is Rollup.SUM else ():
            if len(orders.successors.get(one.code, ())) > 1:
                yield {"unit": one.code, "indicator": entry.code}


def _inherited(entry: IndicatorEntry, successors: Mapping[str, tuple[str, ...]]) -> tuple[QuotaEntry, ...]:
    """The quotas with those of units that end: in a sum they are added up; else a unit keeps what it has itself."""
    found = {one.code: one.value for one in entry.quotas if one.code not in successors}
    for one in entry.quotas:
        for heir in successors.get(one.code, ()):
            own = found.get(heir)
            if own is not None and entry.rollup is Rollup.SUM:
                found[heir] = tuple(a + b for a, b in zip(own, one.value, strict=True))
            else:
                found.setdefault(heir, one.value)
    return tuple(QuotaEntry(code, value) for code, value in found.items())


def _without(document: PlanDocument, withdrawn: Collection[str]) -> PlanDocument:
    areas = tuple(
        dataclasses.replace(area, measures=tuple(one for one in area.measures if one.code not in withdrawn))
        for area in document.areas
    )
    fewer = Counter(
        {
            before.code: len(before.measures) - len(one.measures)
            for before, one in zip(document.areas, areas, strict=True)
        }
    )
    declared = tuple(dataclasses.replace(one, enumerated=one.enumerated - fewer[one.area]) for one in document.declared)
    in_all = tuple(
        dataclasses.replace(one, enumerated=one.enumerated - fewer.total()) if one.code is Counted.MEASURES else one
        for one in document.declared_in_all
    )
    kept = (_of_other_periods(one, withdrawn) for one in document.requirements if one.code not in withdrawn)
    return dataclasses.replace(
        document,
        areas=areas,
        declared=declared,
        declared_in_all=in_all,
        requirements=tuple(one for one in kept if one is not None),
    )


def _of_other_periods(entry: RequirementEntry, withdrawn: Collection[str]) -> RequirementEntry | None:
    """None where all of its periods are withdrawn."""
    due = {period: day for period, day in entry.due.items() if f"{period}/{entry.code}" not in withdrawn}
    if len(due) == len(entry.due):
        return entry
    return dataclasses.replace(entry, due=due) if due else None


def _replaced(value: Any, successors: Mapping[str, tuple[str, ...]], field: str = "") -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        after = {name: _replaced(one, successors, name) for name, one in fields.items()}
        if "co_leads" in after:  # who leads now, leads beside nobody
            after["co_leads"] = tuple(one for one in after["co_leads"] if one != after["lead"])
        return value if after == fields else dataclasses.replace(value, **after)
    if isinstance(value, tuple):
        if field in PARTIES:
            return tuple(dict.fromkeys(one for code in value for one in successors.get(code, (code,))))
        return tuple(_replaced(one, successors) for one in value)
    if field in PARTIES and value in successors:
        return successors[value][0]
    return value
