"""Storing a plan: the same one changes nothing, a changed one is compared first and never rewrites running work."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Delete, case, cast, delete, exists, literal, literal_column, select, union_all
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session, undefer

from models.assignments.assignment import Assignment
from models.common.base import AnyRow, Base, any_of_ids
from models.common.errors import BlockedError, Reason
from models.common.event import Actor, EventKind, record
from models.common.kinds import OnDayOff, Scope
from models.common.text import Text
from models.common.upsert import insert_rows, upsert
from models.dates.workdays import ONE_DAY, CalendarName
from models.finding import Finding
from models.indicators.reading import Reading
from models.plan.area import Area, Measure, Responsibility, Role
from models.plan.document import AreaEntry, MeasureEntry, PhaseEntry, PlanDocument, RequirementEntry, UnitEntry
from models.plan.indicator import JUDGED, TARGET, Indicator
from models.plan.ladder import Step, default_ladder
from models.plan.phase import Phase, PhaseCode, PhaseStatus
from models.plan.plan import Ladder, Limits, Plan, PlanVersion
from models.plan.requirement import Addressee, Requirement
from models.plan.unit import Collective, CollectiveMember, Unit

# They come from the office and stand in no document.
IS_NO_FINDING = Requirement.id.not_in(select(Finding.requirement_id))


class Loaded(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """What a requirement is asked of: the plan, an area or a measure."""

    area: AreaEntry | None = None
    code: str = ""
    source: str = ""
    proof: Text | None = None
    name: Text | None = None


def content_of(document: PlanDocument) -> dict[str, Any]:
    """The document as plain JSON, with lists of entries keyed by their codes so that two can be compared."""
    plain = dataclasses.asdict(document, dict_factory=_said)
    return json.loads(json.dumps(_keyed(plain), default=str, ensure_ascii=False))  # type: ignore[no-any-return]


def _said(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    # Plans were stored before they could say it: one that does not say it still is the same.
    return {key: value for key, value in fields if (key, value) != ("on_day_off", None)}


def _keyed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _keyed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        entries = [_keyed(one) for one in value]
        keys = [_key(one) for one in entries]
        return dict(zip(keys, entries, strict=True)) if all(keys) and len(set(keys)) == len(keys) else entries
    return value


def _key(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    parts = [entry.get(name) for name in ("phase", "code", "period")]
    return "/".join(str(part) for part in parts if part) or entry.get("area")


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """One line for each value that differs: `units.edu.name.zh: 市教育局 → 教育局`."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys([*after, *before])  # in the order of the document
        return [
            line
            for key in keys
            for line in differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        ]
    if before == after:
        return []
    return [f"{path}: {_short(before)} → {_short(after)}"]


def _short(value: Any) -> str:
    if value is None:
        return "-"
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 120 else shown[:119] + "…"  # noqa: PLR2004


def compare(session: Session, document: PlanDocument) -> tuple[Loaded, list[str]]:
    """What loading would do, and every difference from what is stored."""
    plan = session.scalar(select(Plan).where(Plan.code == document.code))
    if plan is None:
        return Loaded.NEW, []
    changes = differences(plan.content, content_of(document))
    return (Loaded.CHANGED if changes else Loaded.UNCHANGED), changes


@dataclasses.dataclass(slots=True)
class _Ids:
    """Where what the document names is stored, by code; measures also by area, phases by period."""

    units: Mapping[str, int]
    collectives: Mapping[str, int]
    areas: Mapping[str, int]
    measures: Mapping[tuple[int, str], int]
    indicators: Mapping[str, int]
    phases: Mapping[tuple[str, str], int]
    requirements: Mapping[tuple[int, str], int]

    def party(self, code: str) -> dict[str, int | None]:
        collective = self.collectives.get(code)
        return {"unit_id": self.units[code] if collective is None else None, "collective_id": collective}


def load_plan(session: Session, document: PlanDocument, *, actor: Actor, at: dt.datetime) -> Plan:
    """Store the document, in one statement a table. Rows are matched by code; what is gone is deleted.

    What was issued keeps its lead, roles, dates, ladder, texts and proof, as AS_ISSUED and the assignments say. Raises
    BlockedError, by name, where a requirement, unit, item or phase that it hangs on would vanish.
    """
    content = content_of(document)
    query = select(Plan).where(Plan.code == document.code).with_for_update().options(undefer(Plan.content))
    plan = session.scalar(query)
    if plan is not None and plan.content == content:
        return plan
    changes = differences(plan.content, content) if plan else []
    plan = _plan_row(session, plan, document, content, at)
    ids = _entries(session, plan, document, plan.day_of(at) - ONE_DAY)
    _clear_links(session, plan)
    _links(session, document, ids)
    gone = _Gone.of(plan, ids)
    _refuse_in_use(session, gone)
    _drop(session, gone)
    session.add(
        PlanVersion(
            plan_id=plan.id,
            version=plan.version,
            digest=plan.digest,
            content=content,
            changes=changes,
            at=at,
            by_name=actor.name,
        )
    )
    record(
        session,
        EventKind.PLAN_LOADED,
        actor,
        at,
        plan_id=plan.id,
        detail={"version": plan.version, "digest": plan.digest, "changes": changes},
    )
    session.flush()
    return plan


def _plan_row(
    session: Session, plan: Plan | None, document: PlanDocument, content: dict[str, Any], at: dt.datetime
) -> Plan:
    fields = {
        "content": content,
        "digest": _digest(content),
        "title_zh": document.title.zh,
        "title_en": document.title.en,
        "timezone": document.timezone,
        "calendar": CalendarName(document.calendar),
        "starts": document.starts,
        "ends": document.ends,
        "near_limit_days": document.near_limit_days,
        "unsigned_working_days": document.unsigned_working_days,
        "rework_working_days": document.rework_working_days,
        "ladder_id": _ladder_id(session, document),
    }
    if document.go_live_on is not None or plan is None:
        fields["go_live_on"] = document.go_live_on
    if plan is None:
        plan = Plan(code=document.code, version=1, **fields)
        session.add(plan)
    else:
        plan.version += 1
        _keep_limits(plan, document, plan.day_of(at) - ONE_DAY)
        _assign(plan, fields)
    session.flush()
    return plan


def _keep_limits(plan: Plan, document: PlanDocument, yesterday: dt.date) -> None:
    """What is changed twice on a day was never in force at the end of one."""
    before = Limits(plan.near_limit_days, plan.unsigned_working_days)
    is_kept = any(one["until"] == yesterday.isoformat() for one in plan.earlier_limits)
    if before != Limits(document.near_limit_days, document.unsigned_working_days) and not is_kept:
        kept = {"until": yesterday.isoformat(), **dataclasses.asdict(before)}
        plan.earlier_limits = [*plan.earlier_limits, kept]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _ladder_id(session: Session, document: PlanDocument) -> int:
    steps = (
        tuple(Step.read(step) for step in document.ladder)
        if document.ladder
        else default_ladder(document.unsigned_working_days)
    )
    content = json.loads(json.dumps([dataclasses.asdict(step) for step in steps]))
    digest = _digest(content)
    same = {"digest": Ladder.digest}  # it is returned only where it is written
    return upsert(session, Ladder, ("digest",), [{"digest": digest, "steps": content}], in_place=same)[digest,]


def _assign(row: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _named(entry: Any) -> dict[str, Any]:
    return {
        "name_zh": entry.name.zh,
        "name_en": entry.name.en,
        "source": entry.source,
        "basis": entry.basis,
    }


def _entries(session: Session, plan: Plan, document: PlanDocument, yesterday: dt.date) -> _Ids:
    """Everything that has a code."""
    units = _of_plan(session, plan, Unit, (_unit(entry) for entry in document.units))
    collectives = _of_plan(session, plan, Collective, (_coded(entry) for entry in document.collectives))
    leads = ({**_coded(one), "kind": one.kind, "lead_id": units[one.lead]} for one in document.areas)
    areas = _of_plan(session, plan, Area, leads)
    measures = [{"area_id": areas[area.code], **_measure(one)} for area in document.areas for one in area.measures]
    ids = _Ids(
        units,
        collectives,
        areas,
        measures=_by_two(upsert(session, Measure, ("area_id", "code"), measures)),
        indicators=_of_plan(session, plan, Indicator, _indicators(session, plan, document, yesterday)),
        phases=_phases(session, plan, document),
        requirements={},
    )
    usual = document.on_day_off or OnDayOff.LATER
    issued = _issued(session, plan)
    requirements = [
        row | {"on_day_off": entry.on_day_off or usual} | issued.get((row["phase_id"], row["ref"]), {})
        for entry, row in (
            (entry, _requirement(entry, period, due_on, item, ids)) for entry, period, due_on, item in _asked(document)
        )
    ]
    ids.requirements = _by_two(upsert(session, Requirement, ("phase_id", "ref"), requirements))
    return ids


# What people were given to do; the item that it is asked of may be moved to another place in the plan.
AS_ISSUED = (
    "lead_id",
    "due_on",
    "on_day_off",
    "title_zh",
    "title_en",
    "why_zh",
    "why_en",
    "proof_zh",
    "proof_en",
    "source",
    "basis",
)


def _issued(session: Session, plan: Plan) -> dict[tuple[int, str], dict[str, Any]]:
    """What stays as it is of each requirement that was issued, by its phase and reference."""
    columns = [getattr(Requirement, name) for name in AS_ISSUED]
    query = (
        select(Requirement.phase_id, Requirement.ref, *columns)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(_in(plan, Phase), exists().where(Assignment.requirement_id == Requirement.id))
    )
    return {(row.phase_id, row.ref): dict(zip(AS_ISSUED, row[2:], strict=True)) for row in session.execute(query)}


def _of_plan(session: Session, plan: Plan, model: type[Base], rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    stored = upsert(session, model, ("plan_id", "code"), ({"plan_id": plan.id, **row} for row in rows))
    return {code: id_ for (_, code), id_ in stored.items()}


def _by_two(stored: Mapping[tuple[Any, ...], int]) -> dict[tuple[int, str], int]:
    return {(owner, code): id_ for (owner, code), id_ in stored.items()}


def _coded(entry: Any) -> dict[str, Any]:
    return {"code": entry.code, **_named(entry)}


def _unit(entry: UnitEntry) -> dict[str, Any]:
    return {**_coded(entry), "kind": entry.kind, "full_name": entry.full_name, "closed_on": None}


def _measure(entry: MeasureEntry) -> dict[str, Any]:
    return {**_coded(entry), "proof_zh": entry.proof.zh, "proof_en": entry.proof.en}


def _indicators(session: Session, plan: Plan, document: PlanDocument, yesterday: dt.date) -> Iterator[dict[str, Any]]:
    judged = (getattr(Indicator, name) for name in (*TARGET, "earlier_targets"))
    known = {one.code: one for one in session.execute(select(Indicator.code, *judged).where(_in(plan, Indicator)))}
    for entry in document.indicators:
        fields = {
            **_coded(entry),
            "comparator": entry.comparator,
            "value": list(entry.value),
            "unit": entry.unit.zh,
            "unit_en": entry.unit.en,
            "reference": entry.reference.zh,
            "reference_en": entry.reference.en,
            "due": entry.due,
            "due_basis": entry.due_basis,
            "soft": entry.soft,
            "note": entry.note,
            "rollup": entry.rollup,
            "rollup_basis": entry.rollup_basis,
            "conflicts_with": list(entry.conflicts_with),
            "reporters": list(entry.reporters),
        }
        before = known.get(entry.code)
        yield {**fields, "earlier_targets": _earlier_targets(before, fields, yesterday) if before else []}


def _earlier_targets(before: AnyRow, fields: Mapping[str, Any], yesterday: dt.date) -> list[dict[str, Any]]:
    """As `_keep_limits`."""
    is_other = any(getattr(before, name) != fields[name] for name in JUDGED)
    is_kept = any(one["until"] == yesterday.isoformat() for one in before.earlier_targets)
    if not is_other or is_kept:
        return list(before.earlier_targets)
    kept = {"until": yesterday.isoformat(), **{name: getattr(before, name) for name in TARGET}}
    return [*before.earlier_targets, kept]


def _phases(session: Session, plan: Plan, document: PlanDocument) -> dict[tuple[str, str], int]:
    rows = [
        {
            "plan_id": plan.id,
            **_coded(entry),
            "period": entry.period,
            "starts_on": entry.starts_on,
            "planned_ends_on": entry.ends_on,
            "ends_on": entry.ends_on,
            "issue_on": entry.issue_on,
            "status": PhaseStatus.PLANNED,
        }
        for entry in document.phases
    ]
    # An extension that the office decided stands.
    moved = case((Phase.ends_on == Phase.planned_ends_on, literal_column("excluded.ends_on")), else_=Phase.ends_on)
    as_it_is = {"status": Phase.status, "ends_on": moved}
    stored = upsert(session, Phase, ("plan_id", "code", "period"), rows, in_place=as_it_is)
    return {(code, period): id_ for (_, code, period), id_ in stored.items()}


def items_of(document: PlanDocument, scope: Scope) -> Iterable[Item]:
    """What a requirement of that scope is asked of. A safeguard has no measures and stands for itself."""
    if scope is Scope.PLAN:
        yield Item()
        return
    for area in document.areas:
        if scope is Scope.AREA or not area.measures:
            yield Item(area, area.code, area.source, name=area.name)
        else:
            yield from (Item(area, one.code, one.source, one.proof, one.name) for one in area.measures)


def _asked(document: PlanDocument) -> Iterator[tuple[RequirementEntry, str, dt.date, Item]]:
    """Each requirement with its period and date, and the item of which it is asked."""
    for entry in document.requirements:
        for period, due_on in entry.due.items():
            for item in items_of(document, entry.scope):
                yield entry, period, due_on, item


def asked_in(document: PlanDocument) -> Iterator[tuple[RequirementEntry, PhaseEntry, str, dt.date, Item]]:
    """Each requirement with its phase, period and date, and the item of which it is asked."""
    phases = {(phase.code, phase.period): phase for phase in document.phases}
    for entry, period, due_on, item in _asked(document):
        yield entry, phases[entry.phase, period[:4]], period, due_on, item


def reference(entry: RequirementEntry, period: str, item: Item) -> str:
    """How people name the requirement of an item: `2023/delivery/T3.2`."""
    return "/".join(filter(None, (period, entry.code, item.code)))


def _phase_id(entry: RequirementEntry, period: str, ids: _Ids) -> int:
    return ids.phases[entry.phase, period[:4]]


def _requirement(entry: RequirementEntry, period: str, due_on: dt.date, item: Item, ids: _Ids) -> dict[str, Any]:
    area_id = ids.areas[item.area.code] if item.area else None
    proof = item.proof or entry.proof
    return {
        "phase_id": _phase_id(entry, period, ids),
        "ref": reference(entry, period, item),
        "code": entry.code,
        "period": period,
        "scope": entry.scope,
        "area_id": area_id,
        "measure_id": ids.measures.get((area_id, item.code)) if area_id else None,
        "lead_id": ids.units[item.area.lead] if item.area else None,
        "due_on": due_on,
        "title_zh": entry.title.zh,
        "title_en": entry.title.en,
        "why_zh": entry.why.zh,
        "why_en": entry.why.en,
        "proof_zh": proof.zh,
        "proof_en": proof.en,
        "source": item.source,
        "basis": entry.basis,
        "withdrawn_on": None,
    }


def _clear_links(session: Session, plan: Plan) -> None:
    """Who is a member, responsible or asked is written anew. Findings have addressees of their own."""
    areas = select(Area.id).where(_in(plan, Area))
    collectives = select(Collective.id).where(_in(plan, Collective))
    phases = select(Phase.id).where(_in(plan, Phase))
    asked = select(Requirement.id).where(Requirement.phase_id.in_(phases), IS_NO_FINDING)
    _delete_together(
        session,
        delete(Addressee).where(Addressee.requirement_id.in_(asked)),
        delete(Responsibility).where(Responsibility.area_id.in_(areas)),
        delete(CollectiveMember).where(CollectiveMember.collective_id.in_(collectives)),
    )


def _links(session: Session, document: PlanDocument, ids: _Ids) -> None:
    insert_rows(session, CollectiveMember, _members(document, ids))
    insert_rows(session, Responsibility, _responsibilities(document, ids))
    insert_rows(session, Addressee, _addressees(document, ids))


def _members(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, int]]:
    for entry in document.collectives:
        collective_id = ids.collectives[entry.code]
        yield from ({"collective_id": collective_id, "unit_id": ids.units[member]} for member in entry.members)


def _responsibilities(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, int | None]]:
    for entry in document.areas:
        for position, code in enumerate(entry.responsible, start=1):
            yield {"area_id": ids.areas[entry.code], "position": position, **ids.party(code)}


def _addressees(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, Any]]:
    for entry, period, _, item in _asked(document):
        requirement_id = ids.requirements[_phase_id(entry, period, ids), reference(entry, period, item)]
        for role, code in addressees(entry, item):
            yield {"requirement_id": requirement_id, "role": role, **ids.party(code)}


def addressees(entry: RequirementEntry, item: Item) -> Iterable[tuple[Role, str]]:
    """Of whom a requirement is asked, as role and code of a unit or collective.

    At the scope of the plan everybody answers for themselves, to the office.
    """
    if item.area is None:
        yield from ((Role.RESPONSIBLE, code) for code in entry.audience)
        return
    if Role.LEAD in entry.audience:
        yield Role.LEAD, item.area.lead
    if Role.RESPONSIBLE in entry.audience:
        yield from ((Role.RESPONSIBLE, code) for code in item.area.responsible)


@dataclasses.dataclass(frozen=True, slots=True)
class _Gone:
    """Conditions for what is stored and stands in the document no longer."""

    units: ColumnElement[bool]
    collectives: ColumnElement[bool]
    areas: ColumnElement[bool]
    measures: ColumnElement[bool]
    indicators: ColumnElement[bool]
    phases: ColumnElement[bool]
    requirements: ColumnElement[bool]

    @classmethod
    def of(cls, plan: Plan, ids: _Ids) -> "_Gone":
        def gone(model: Any, kept: Mapping[Any, int]) -> ColumnElement[bool]:
            return _in(plan, model) & ~any_of_ids(model.id, kept.values())

        areas, phases = select(Area.id).where(_in(plan, Area)), select(Phase.id).where(_in(plan, Phase))
        return cls(
            units=gone(Unit, ids.units) & Unit.closed_on.is_(None),
            collectives=gone(Collective, ids.collectives),
            areas=gone(Area, ids.areas) & ~_has_ended(Requirement.area_id == Area.id),
            measures=Measure.area_id.in_(areas)
            & ~any_of_ids(Measure.id, ids.measures.values())
            & ~_has_ended(Requirement.measure_id == Measure.id),
            indicators=gone(Indicator, ids.indicators),
            phases=gone(Phase, ids.phases),
            requirements=Requirement.phase_id.in_(phases)
            & ~any_of_ids(Requirement.id, ids.requirements.values())
            & Requirement.withdrawn_on.is_(None)
            & IS_NO_FINDING,
        )


def _has_ended(of_it: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a requirement of it ended by a change set: then it stays, as what was asked stays."""
    return exists().where(of_it, Requirement.withdrawn_on.is_not(None))


def _in(plan: Plan, model: Any) -> ColumnElement[bool]:
    of_plan: ColumnElement[bool] = model.plan_id == plan.id
    return of_plan


def _refuse_in_use(session: Session, gone: _Gone) -> None:
    """Raises BlockedError, by name, where something hangs on what is gone."""
    is_read = exists().where(Reading.indicator_id == Indicator.id)
    is_issued = exists().where(Assignment.requirement_id == Requirement.id)
    leads_issued = exists().where(Requirement.lead_id == Unit.id, Assignment.requirement_id == Requirement.id)
    is_busy = exists().where(Assignment.unit_id == Unit.id) | exists().where(Reading.unit_id == Unit.id) | leads_issued
    phase_ref = case((Phase.code == PhaseCode.IMPLEMENTATION, Phase.code + "-" + Phase.period), else_=Phase.code)
    used: list[tuple[Any, Any, ColumnElement[bool]]] = [
        (Indicator, Indicator.code, gone.indicators & is_read),
        (Requirement, Requirement.ref, gone.requirements & is_issued),
        (Unit, Unit.code, gone.units & is_busy),
        (Phase, phase_ref, gone.phases & (Phase.status != PhaseStatus.PLANNED)),
    ]
    queries = (
        select(literal(model.__tablename__), cast(ref, SqlText), model.id).where(why) for model, ref, why in used
    )
    kept: dict[str, list[Reason]] = defaultdict(list)
    for table, ref, _ in session.execute(union_all(*queries).order_by(literal_column("3"))):
        kept[table].append(Reason("{ref}", ref=ref))
    if reasons := kept["indicator"]:
        raise BlockedError("these indicators have readings and cannot vanish: {reasons}", reasons)
    if reasons := kept["requirement"]:
        raise BlockedError("these requirements were issued and cannot vanish: {reasons}", reasons)
    if reasons := kept["unit"]:
        raise BlockedError("these units have work in hand and cannot vanish: {reasons}", reasons)
    if reasons := kept["phase"]:
        raise BlockedError("this phase was opened and cannot vanish: {reasons}", reasons)


def _drop(session: Session, gone: _Gone) -> None:
    _delete_together(
        session,
        delete(Requirement).where(gone.requirements),
        delete(Measure).where(gone.measures),
        delete(Area).where(gone.areas),
        delete(Collective).where(gone.collectives),
        delete(Indicator).where(gone.indicators),
        delete(Phase).where(gone.phases),
        delete(Unit).where(gone.units),
    )


def _delete_together(session: Session, *deletes: Delete) -> None:
    """In one statement: foreign keys are looked at when all of it is done, whatever the order."""
    *others, last = deletes
    tables = [one.cte(f"gone_{number}") for number, one in enumerate(others)]
    session.execute(last.add_cte(*tables).execution_options(synchronize_session=False))
