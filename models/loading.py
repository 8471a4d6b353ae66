"""Storing a plan: the same one changes nothing, a changed one is compared first and never rewrites running work."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.common.errors import BlockedError, Reason
from models.common.event import Actor, EventKind, record
from models.common.kinds import Scope
from models.common.text import Text
from models.dates.workdays import ONE_DAY, CalendarName
from models.finding import Finding
from models.indicators.reading import Reading
from models.plan.area import Area, Measure, Responsibility, Role
from models.plan.document import AreaEntry, PlanDocument, RequirementEntry
from models.plan.indicator import JUDGED, TARGET, Indicator, indicators_of
from models.plan.ladder import Step, default_ladder
from models.plan.phase import Phase, PhaseCode, PhaseStatus, phases_of
from models.plan.plan import Ladder, Limits, Plan
from models.plan.requirement import Addressee, Requirement
from models.plan.unit import Collective, CollectiveMember, Unit


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


def content_of(document: PlanDocument) -> dict[str, Any]:
    """The document as plain JSON, with lists of entries keyed by their codes so that two can be compared."""
    return json.loads(json.dumps(_keyed(dataclasses.asdict(document)), default=str, ensure_ascii=False))  # type: ignore[no-any-return]


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


def load_plan(session: Session, document: PlanDocument, *, actor: Actor, at: dt.datetime) -> Plan:
    """Store the document. Rows are matched by code; what is gone is deleted.

    Assignments that were issued keep their dates and ladder. Raises BlockedError, by name, where
    a requirement, unit, item or phase that they hang on would vanish.
    """
    content = content_of(document)
    plan = session.scalar(select(Plan).where(Plan.code == document.code).with_for_update())
    if plan is not None and plan.content == content:
        return plan
    changes = differences(plan.content, content) if plan else []
    plan = _plan_row(session, plan, document, content, at)
    units = _units(session, plan, document)
    collectives = _collectives(session, plan, document, units)
    items = _areas(session, plan, document, units, collectives)
    _indicators(session, plan, document, plan.day_of(at) - ONE_DAY)
    phases = _phases(session, plan, document)
    _requirements(session, plan, document, units | collectives, items, phases)
    _drop_missing_units(session, plan, document)
    session.flush()
    record(
        session,
        EventKind.PLAN_LOADED,
        actor,
        at,
        plan_id=plan.id,
        detail={"version": plan.version, "digest": plan.digest, "changes": changes},
    )
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
        "ladder_id": _ladder(session, document).id,
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


def _ladder(session: Session, document: PlanDocument) -> Ladder:
    steps = (
        tuple(Step.read(step) for step in document.ladder)
        if document.ladder
        else default_ladder(document.unsigned_working_days)
    )
    content = json.loads(json.dumps([dataclasses.asdict(step) for step in steps]))
    digest = _digest(content)
    ladder = session.scalar(select(Ladder).where(Ladder.digest == digest))
    if ladder is None:
        ladder = Ladder(digest=digest, steps=content)
        session.add(ladder)
        session.flush()
    return ladder


def _assign(row: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _upsert(session: Session, model: Any, where: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    row = session.scalar(select(model).filter_by(**where))
    if row is None:
        row = model(**where, **fields)
        session.add(row)
    else:
        _assign(row, fields)
    session.flush()
    return row


def _named(entry: Any) -> dict[str, Any]:
    return {
        "name_zh": entry.name.zh,
        "name_en": entry.name.en,
        "source": entry.source,
        "basis": entry.basis,
    }


def _units(session: Session, plan: Plan, document: PlanDocument) -> dict[str, Unit | Collective]:
    return {
        entry.code: _upsert(
            session,
            Unit,
            {"plan_id": plan.id, "code": entry.code},
            {**_named(entry), "kind": entry.kind, "full_name": entry.full_name},
        )
        for entry in document.units
    }


def _collectives(
    session: Session, plan: Plan, document: PlanDocument, units: Mapping[str, Unit | Collective]
) -> dict[str, Unit | Collective]:
    rows: dict[str, Unit | Collective] = {}
    for entry in document.collectives:
        row = _upsert(session, Collective, {"plan_id": plan.id, "code": entry.code}, _named(entry))
        session.execute(delete(CollectiveMember).where(CollectiveMember.collective_id == row.id))
        session.add_all(CollectiveMember(collective_id=row.id, unit_id=units[member].id) for member in entry.members)
        rows[entry.code] = row
    return rows


def _party(parties: Mapping[str, Unit | Collective], code: str) -> dict[str, int]:
    party = parties[code]
    return {"unit_id" if isinstance(party, Unit) else "collective_id": party.id}


def _areas(
    session: Session,
    plan: Plan,
    document: PlanDocument,
    units: Mapping[str, Unit | Collective],
    collectives: Mapping[str, Unit | Collective],
) -> dict[str, Area | Measure]:
    parties = {**units, **collectives}
    items: dict[str, Area | Measure] = {}
    for entry in document.areas:
        fields = {**_named(entry), "kind": entry.kind, "lead_id": units[entry.lead].id}
        area = _upsert(session, Area, {"plan_id": plan.id, "code": entry.code}, fields)
        items[entry.code] = area
        session.execute(delete(Responsibility).where(Responsibility.area_id == area.id))
        session.add_all(
            Responsibility(area_id=area.id, position=position, **_party(parties, code))
            for position, code in enumerate(entry.responsible, start=1)
        )
        for measure in entry.measures:
            proof = {"proof_zh": measure.proof.zh, "proof_en": measure.proof.en}
            where = {"area_id": area.id, "code": measure.code}
            items[measure.code] = _upsert(session, Measure, where, {**_named(measure), **proof})
    return items


def _indicators(session: Session, plan: Plan, document: PlanDocument, yesterday: dt.date) -> None:
    known = {one.code: one for one in indicators_of(session, plan.id)}
    for entry in document.indicators:
        fields = {
            **_named(entry),
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
        if entry.code in known:
            _keep_target(known[entry.code], fields, yesterday)
        _upsert(session, Indicator, {"plan_id": plan.id, "code": entry.code}, fields)
    codes = [entry.code for entry in document.indicators]
    _refuse_read(session, plan, codes)
    session.execute(delete(Indicator).where(Indicator.plan_id == plan.id, Indicator.code.not_in(codes)))


def _keep_target(indicator: Indicator, fields: Mapping[str, Any], yesterday: dt.date) -> None:
    """As `_keep_limits`."""
    is_other = any(getattr(indicator, name) != fields[name] for name in JUDGED)
    is_kept = any(one["until"] == yesterday.isoformat() for one in indicator.earlier_targets)
    if is_other and not is_kept:
        kept = {"until": yesterday.isoformat(), **{name: getattr(indicator, name) for name in TARGET}}
        indicator.earlier_targets = [*indicator.earlier_targets, kept]


def _refuse_read(session: Session, plan: Plan, codes: Sequence[str]) -> None:
    """Raises BlockedError, by name, where readings were entered for an indicator that is gone."""
    gone = (Indicator.plan_id == plan.id, Indicator.code.not_in(codes))
    read = session.scalars(select(Indicator.code).where(*gone, exists().where(Reading.indicator_id == Indicator.id)))
    if kept := [Reason("{ref}", ref=code) for code in read]:
        raise BlockedError("these indicators have readings and cannot vanish: {reasons}", kept)


def _phases(session: Session, plan: Plan, document: PlanDocument) -> dict[tuple[str, str], Phase]:
    rows = {}
    for entry in document.phases:
        where = {"plan_id": plan.id, "code": PhaseCode(entry.code), "period": entry.period}
        row = session.scalar(select(Phase).filter_by(**where))
        dates = {
            "starts_on": entry.starts_on,
            "planned_ends_on": entry.ends_on,
            "issue_on": entry.issue_on,
        }
        if row is None:
            row = Phase(**where, **dates, ends_on=entry.ends_on, status=PhaseStatus.PLANNED, **_named(entry))
            session.add(row)
        else:
            # An extension that the office decided stands.
            moved = row.ends_on == row.planned_ends_on
            _assign(row, {**dates, **_named(entry), **({"ends_on": entry.ends_on} if moved else {})})
        rows[entry.code, entry.period] = row
    session.flush()
    return rows


def items_of(document: PlanDocument, scope: Scope) -> Iterable[Item]:
    """What a requirement of that scope is asked of. A safeguard has no measures and stands for itself."""
    if scope is Scope.PLAN:
        yield Item()
        return
    for area in document.areas:
        if scope is Scope.AREA or not area.measures:
            yield Item(area, area.code, area.source)
        else:
            yield from (Item(area, one.code, one.source, one.proof) for one in area.measures)


def _requirements(
    session: Session,
    plan: Plan,
    document: PlanDocument,
    parties: Mapping[str, Unit | Collective],
    items: Mapping[str, Area | Measure],
    phases: Mapping[tuple[str, str], Phase],
) -> None:
    wanted: set[int] = set()
    for entry in document.requirements:
        for period, due_on in entry.due.items():
            phase = phases[entry.phase, period[:4]]
            for item in items_of(document, entry.scope):
                fields = _requirement_fields(entry, period, due_on, item, items, parties)
                row = _upsert(session, Requirement, {"phase_id": phase.id, "ref": _ref(entry, period, item)}, fields)
                _address(session, row, entry, item, parties)
                wanted.add(row.id)
    _drop_missing(session, plan, wanted)


def _ref(entry: RequirementEntry, period: str, item: Item) -> str:
    return "/".join(filter(None, (period, entry.code, item.code)))


def _requirement_fields(
    entry: RequirementEntry,
    period: str,
    due_on: dt.date,
    item: Item,
    items: Mapping[str, Area | Measure],
    parties: Mapping[str, Unit | Collective],
) -> dict[str, Any]:
    row = items.get(item.code)
    proof = item.proof or entry.proof
    return {
        "code": entry.code,
        "period": period,
        "scope": entry.scope,
        "area_id": row.area_id if isinstance(row, Measure) else row and row.id,
        "measure_id": row.id if isinstance(row, Measure) else None,
        "lead_id": parties[item.area.lead].id if item.area else None,
        "due_on": due_on,
        "title_zh": entry.title.zh,
        "title_en": entry.title.en,
        "why_zh": entry.why.zh,
        "why_en": entry.why.en,
        "proof_zh": proof.zh,
        "proof_en": proof.en,
        "source": item.source,
        "basis": entry.basis,
    }


def _address(
    session: Session,
    requirement: Requirement,
    entry: RequirementEntry,
    item: Item,
    parties: Mapping[str, Unit | Collective],
) -> None:
    session.execute(delete(Addressee).where(Addressee.requirement_id == requirement.id))
    session.add_all(
        Addressee(requirement_id=requirement.id, role=role, **_party(parties, code))
        for role, code in addressees(entry, item)
    )


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


def _drop_missing(session: Session, plan: Plan, wanted: set[int]) -> None:
    """Delete requirements that the plan no longer has, of phases that are gone too; refuse by name those issued."""
    of_plan = select(Phase.id).where(Phase.plan_id == plan.id)
    gone = session.scalars(
        select(Requirement).where(
            Requirement.phase_id.in_(of_plan),
            Requirement.id.not_in(wanted),
            # Findings come from the office and stand in no document.
            Requirement.id.not_in(select(Finding.requirement_id)),
        )
    ).all()
    issued = [
        Reason("{ref}", ref=row.ref)
        for row in gone
        if session.scalar(select(exists().where(Assignment.requirement_id == row.id)))
    ]
    if issued:
        raise BlockedError("these requirements were issued and cannot vanish: {reasons}", issued)
    ids = [row.id for row in gone]
    session.execute(delete(Addressee).where(Addressee.requirement_id.in_(ids)))
    session.execute(delete(Requirement).where(Requirement.id.in_(ids)))


def _drop_missing_units(session: Session, plan: Plan, document: PlanDocument) -> None:
    """Delete items, collectives, phases and units that are gone; refuse by name units with issued work."""
    codes = [entry.code for entry in document.units]
    gone = session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.code.not_in(codes))).all()
    busy = [
        Reason("{ref}", ref=unit.code)
        for unit in gone
        if session.scalar(
            select(exists().where(Assignment.unit_id == unit.id) | exists().where(Reading.unit_id == unit.id))
        )
    ]
    if busy:
        raise BlockedError("these units have work in hand and cannot vanish: {reasons}", busy)
    _drop_missing_items(session, plan, document)
    session.execute(delete(Unit).where(Unit.id.in_([unit.id for unit in gone])))


def _drop_missing_items(session: Session, plan: Plan, document: PlanDocument) -> None:
    measures = [measure.code for area in document.areas for measure in area.measures]
    areas = [area.code for area in document.areas]
    collectives = [entry.code for entry in document.collectives]
    of_plan = select(Area.id).where(Area.plan_id == plan.id)
    gone_areas = of_plan.where(Area.code.not_in(areas))
    gone_collectives = select(Collective.id).where(Collective.plan_id == plan.id, Collective.code.not_in(collectives))
    session.execute(delete(Measure).where(Measure.area_id.in_(of_plan), Measure.code.not_in(measures)))
    session.execute(delete(Responsibility).where(Responsibility.area_id.in_(gone_areas)))
    session.execute(delete(Area).where(Area.plan_id == plan.id, Area.code.not_in(areas)))
    session.execute(delete(CollectiveMember).where(CollectiveMember.collective_id.in_(gone_collectives)))
    session.execute(delete(Collective).where(Collective.id.in_(gone_collectives)))
    kept = [(entry.code, entry.period) for entry in document.phases]
    for phase in phases_of(session, plan):
        if (phase.code.value, phase.period) not in kept:
            if phase.status is not PhaseStatus.PLANNED:
                raise BlockedError(
                    "this phase was opened and cannot vanish: {reasons}", [Reason("{ref}", ref=phase.ref)]
                )
            session.delete(phase)
