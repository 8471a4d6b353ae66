"""Storing a plan: the same one changes nothing, a changed one is compared first and never rewrites running work."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
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
from models.people.person import Person
from models.plan.area import Area, Measure, Responsibility, Role
from models.plan.document import AreaEntry, IndicatorEntry, PlanDocument, RequirementEntry, UnitEntry, phase_refs
from models.plan.dues import Due, dues_of
from models.plan.indicator import JUDGED, TARGET, Indicator
from models.plan.ladder import Step, default_ladder, never_late
from models.plan.parties import (
    CO_LEAD_WORKING_DAYS,
    Item,
    Parties,
    Unknown,
    addressees,
    all_parties,
    items_of,
    owners_of,
    parties_of,
    roles_asked,
)
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Ladder, Limits, Plan, PlanVersion
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import Collective, CollectiveMember, Unit
from models.plan.unsettled import Party, SettledParty, UnsettledParty, settled_of

# They come from the office and stand in no document.
IS_NO_FINDING = Requirement.id.not_in(select(Finding.requirement_id))


# Plans were stored before they could say it: one that does not say it still is the same.
UNSAID = (
    ("on_day_off", None),
    ("no_lead", None),
    ("co_lead_working_days", None),
    ("lead", None),
    ("co_leads", ()),
    ("unsettled_lead", ""),
    ("responsible", None),
    ("unsettled", ()),
    ("of_kind", None),
    ("due", None),
    ("by_measure", None),
    ("rhythm", None),
    ("ladder", None),
    ("aliases", ()),
    ("leader", None),
    ("quotas", ()),
    ("due_day", None),
    ("declared_in_all", ()),
)


class Loaded(StrEnum):
    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A requirement for one period, and the item of which it is asked."""

    entry: RequirementEntry
    due: Due
    item: Item

    @property
    def ref(self) -> str:
        return "/".join(filter(None, (self.due.period, self.entry.code, self.item.code)))

    @property
    def title(self) -> Text:
        """Of a stage, with what is to be done by its day."""
        title, what = self.entry.title, self.due.what
        return Text(f"{title.zh}：{what.zh}", f"{title.en}: {what.en}") if what else title


def content_of(document: PlanDocument) -> dict[str, Any]:
    """The document as plain JSON, with lists of entries keyed by their codes so that two can be compared."""
    return json.loads(json.dumps(_plain(document), default=str, ensure_ascii=False))  # type: ignore[no-any-return]


_NOT_THERE = object()
_SAID_AS = dict(UNSAID)
_FIELDS: dict[type, tuple[str, ...]] = {}


def _plain(value: Any) -> Any:
    """As `dataclasses.asdict`, which copies each value deeply, without what is not said and with lists keyed."""
    kind = type(value)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(one.name for one in dataclasses.fields(value)) if dataclasses.is_dataclass(value) else ()
    if names := _FIELDS[kind]:
        fields = ((name, getattr(value, name)) for name in names)
        return {name: _plain(one) for name, one in fields if one != _SAID_AS.get(name, _NOT_THERE)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        entries = [_plain(one) for one in value]
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
    if value is None or value == "":
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
    unsettled: set[int]
    settled: Mapping[Unknown, Sequence[Party]]

    def party(self, code: str) -> dict[str, int | None]:
        collective = self.collectives.get(code)
        return {"unit_id": self.units[code] if collective is None else None, "collective_id": collective}

    def lead(self, parties: Parties) -> int | None:
        """The unit that leads, also where the plan does not know it and the office does."""
        return next(iter(self.leads(parties)), None)

    def leads(self, parties: Parties) -> list[int]:
        """The leads, of which the first answers."""
        named = [self.units[code] for code in (parties.lead, *parties.co_leads) if code]
        settled = self.settled.get(Unknown(parties.leads_of, Role.LEAD, parties.unsettled_lead), ())
        return [*named, *(one["unit_id"] for one in settled if one["unit_id"] is not None)]

    def responsible(self, parties: Parties) -> list[Party]:
        """The responsible units and collectives, each once; those last that the office has settled."""
        named: list[Party] = [self.party(code) for code in parties.responsible]
        unknown = [one for one in parties.unknown if one.role is Role.RESPONSIBLE]
        for party in (party for one in unknown for party in self.settled.get(one, ())):
            if party not in named:
                named.append(party)
        return named


def load_plan(
    session: Session,
    document: PlanDocument,
    *,
    actor: Actor,
    at: dt.datetime,
    content: dict[str, Any] | None = None,
) -> Plan:
    """Store the document, in one statement a table. Rows are matched by code; what is gone is deleted.

    What was issued keeps its lead, roles, dates, ladder, texts and proof, as AS_ISSUED and the assignments say. Raises
    BlockedError, by name, where a requirement, unit, item or phase that it hangs on would vanish. `content`: the
    document's, where it is known already.
    """
    content = content or content_of(document)
    # Not against those who write what hangs on the plan: its work goes on meanwhile.
    locked = select(Plan).where(Plan.code == document.code).with_for_update(key_share=True)
    plan = session.scalar(locked.options(undefer(Plan.content)))
    if plan is not None and plan.content == content:
        return plan
    changes = differences(plan.content, content) if plan else []
    same = _Same.of(plan.content, content) if plan else _Same()
    plan = _plan_row(session, plan, document, content, at)
    ids = _entries(session, plan, document, plan.day_of(at) - ONE_DAY, same)
    _clear_links(session, plan, ids, same)
    _links(session, document, ids, same)
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Same:
    """What two contents say alike and need not be written again: a national plan has a unit for each township."""

    units: frozenset[str] = frozenset()
    collectives: bool = False

    @classmethod
    def of(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> "_Same":
        old, new = before["units"], after["units"]
        return cls(
            frozenset(code for code, entry in new.items() if old.get(code) == entry),
            before["collectives"] == after["collectives"],
        )


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
        "co_lead_working_days": document.co_lead_working_days or CO_LEAD_WORKING_DAYS,
        "ladder_id": _ladder_id(session, _steps(document)),
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


def _steps(document: PlanDocument) -> tuple[Step, ...]:
    if document.ladder:
        return tuple(Step.read(step) for step in document.ladder)
    return default_ladder(document.unsigned_working_days)


class _OwnLadders:
    """The ladders of requirements that do not follow their phase's, each stored once."""

    def __init__(self, session: Session, document: PlanDocument) -> None:
        self._session, self._usual = session, _steps(document)
        self._stored: dict[tuple[Step, ...], int] = {}

    def id_of(self, asked: Asked) -> int | None:
        said, is_open = asked.entry.ladder, asked.due.open_ended
        if said is None and not is_open:
            return None
        steps = self._usual if said is None else tuple(Step.read(step) for step in said)
        steps = never_late(steps) if is_open else steps
        if steps not in self._stored:
            self._stored[steps] = _ladder_id(self._session, steps)
        return self._stored[steps]


def _ladder_id(session: Session, steps: tuple[Step, ...]) -> int:
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


def _entries(session: Session, plan: Plan, document: PlanDocument, yesterday: dt.date, same: _Same) -> _Ids:
    """Everything that has a code."""
    units = _units(session, plan, document, same)
    collectives = _of_plan(session, plan, Collective, (_coded(entry) for entry in document.collectives))
    unsettled = _keep_unsettled(session, plan, document)
    ids = _Ids(
        units,
        collectives,
        areas={},
        measures={},
        indicators=_of_plan(session, plan, Indicator, _indicators(session, plan, document, yesterday)),
        phases=_phases(session, plan, document),
        requirements={},
        unsettled=unsettled,
        settled=settled_of(session, plan) if unsettled else {},
    )
    ids.areas = _of_plan(session, plan, Area, (_area(one, document, ids) for one in document.areas))
    ids.measures = _by_two(upsert(session, Measure, ("area_id", "code"), _measures(document, ids)))
    usual = document.on_day_off or OnDayOff.LATER
    issued, own = _issued(session, plan), _OwnLadders(session, document)
    requirements = [
        row
        | {"on_day_off": asked.entry.on_day_off or usual, "ladder_id": own.id_of(asked)}
        | issued.get((row["phase_id"], row["ref"]), {})
        for asked, row in ((one, _requirement(one, ids)) for one in asked_of(document))
    ]
    ids.requirements = _by_two(upsert(session, Requirement, ("phase_id", "ref"), requirements))
    return ids


# What people were given to do; the item that it is asked of may be moved to another place in the plan.
AS_ISSUED = (
    "lead_id",
    "lead_since",
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
    "open_ended",
    "ladder_id",
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


def _units(session: Session, plan: Plan, document: PlanDocument, same: _Same) -> dict[str, int]:
    """Ids by code. Those at work of which nothing else is said than before stay as they are."""
    at_work = select(Unit.code, Unit.id).where(_in(plan, Unit), Unit.closed_on.is_(None))
    stored = dict(session.execute(at_work).all()) if same.units else {}
    untouched = same.units & stored.keys()
    kept = {entry.code: stored[entry.code] for entry in document.units if entry.code in untouched}
    others = (_unit(entry) for entry in document.units if entry.code not in kept)
    return kept | _of_plan(session, plan, Unit, others)


def _coded(entry: Any) -> dict[str, Any]:
    return {"code": entry.code, **_named(entry)}


def _unit(entry: UnitEntry) -> dict[str, Any]:
    facts = {"kind": entry.kind, "full_name": entry.full_name, "aliases": [*entry.aliases], "closed_on": None}
    return {**_coded(entry), **facts}


def _area(entry: AreaEntry, document: PlanDocument, ids: _Ids) -> dict[str, Any]:
    parties = parties_of(entry, None, document.no_lead)
    return {**_coded(entry), "kind": entry.kind, "lead_id": ids.lead(parties), **_leader(entry.leader)}


def _leader(leader: Text | None) -> dict[str, str]:
    return {"leader_zh": leader.zh if leader else "", "leader_en": leader.en if leader else ""}


def _measures(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, Any]]:
    for area in document.areas:
        for one in area.measures:
            yield {
                "area_id": ids.areas[area.code],
                **_coded(one),
                "proof_zh": one.proof.zh,
                "proof_en": one.proof.en,
                "lead_id": ids.lead(parties_of(area, one, document.no_lead)),
                "names_leads": one.lead is not None,
                "names_responsible": one.responsible is not None,
                **_leader(one.leader or area.leader),
            }


def _keep_unsettled(session: Session, plan: Plan, document: PlanDocument) -> set[int]:
    """The ids of the parties that are not known yet. What was settled stays so while the plan names the party so."""
    named = dict.fromkeys(one for parties in all_parties(document) for one in parties.unknown)
    rows = [
        {"plan_id": plan.id, "item": one.item, "role": one.role, "words": one.words, "position": position}
        for position, one in enumerate(named, start=1)
    ]
    return set(upsert(session, UnsettledParty, ("plan_id", "item", "role", "words"), rows).values())


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
            "quotas": {one.code: list(one.value) for one in entry.quotas},
            "due_day": dataclasses.asdict(entry.due_day) if entry.due_day else None,
            **_owners(entry, document),
        }
        before = known.get(entry.code)
        yield {**fields, "earlier_targets": _earlier_targets(before, fields, yesterday) if before else []}


def _owners(entry: IndicatorEntry, document: PlanDocument) -> dict[str, Any]:
    leads, responsible = owners_of(entry, document.no_lead)
    names_leads = bool(leads) or entry.lead is not None
    return {"leads": list(leads), "names_leads": names_leads, "responsible": list(responsible)}


def _earlier_targets(before: AnyRow, fields: Mapping[str, Any], yesterday: dt.date) -> list[dict[str, Any]]:
    """As `_keep_limits`."""
    is_other = any(getattr(before, name) != fields[name] for name in JUDGED)
    is_kept = any(one["until"] == yesterday.isoformat() for one in before.earlier_targets)
    if not is_other or is_kept:
        return list(before.earlier_targets)
    kept = {"until": yesterday.isoformat(), **{name: getattr(before, name) for name in TARGET}}
    return [*before.earlier_targets, kept]


def _phases(session: Session, plan: Plan, document: PlanDocument) -> dict[tuple[str, str], int]:
    refs = phase_refs(document.phases)
    rows = [
        {
            "plan_id": plan.id,
            **_coded(entry),
            "kind": entry.kind,
            "period": entry.period,
            "ref": refs[entry.code, entry.period],
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
    # The journal and letters that went out name it so, once it was opened.
    known = case((Phase.status == PhaseStatus.PLANNED, literal_column("excluded.ref")), else_=Phase.ref)
    as_it_is = {"status": Phase.status, "ends_on": moved, "ref": known}
    stored = upsert(session, Phase, ("plan_id", "code", "period"), rows, in_place=as_it_is)
    return {(code, period): id_ for (_, code, period), id_ in stored.items()}


def asked_of(document: PlanDocument) -> Iterator[Asked]:
    """Each requirement with its period and date, and the item of which it is asked."""
    items = {scope: list(items_of(document, scope)) for scope in Scope}
    for entry in document.requirements:
        if entry.by_measure:
            yield from (
                Asked(entry, due, one) for one in items[entry.scope] for due in dues_of(entry, one.due, document.phases)
            )
        else:
            yield from (
                Asked(entry, due, one) for due in dues_of(entry, None, document.phases) for one in items[entry.scope]
            )


def _phase_id(asked: Asked, ids: _Ids) -> int:
    return ids.phases[asked.due.phase.code, asked.due.phase.period]


def _requirement(asked: Asked, ids: _Ids) -> dict[str, Any]:
    entry, item = asked.entry, asked.item
    area_id = ids.areas[item.area.code] if item.area else None
    proof, title = item.proof or entry.proof, asked.title
    return {
        "phase_id": _phase_id(asked, ids),
        "ref": asked.ref,
        "code": entry.code,
        "period": asked.due.period,
        "scope": entry.scope,
        "area_id": area_id,
        "measure_id": ids.measures.get((area_id, item.code)) if area_id else None,
        "lead_id": ids.lead(item.parties) if item.parties else None,
        "lead_since": None,
        "due_on": asked.due.on,
        "title_zh": title.zh,
        "title_en": title.en,
        "why_zh": entry.why.zh,
        "why_en": entry.why.en,
        "proof_zh": proof.zh,
        "proof_en": proof.en,
        "source": item.source,
        "basis": entry.basis,
        "withdrawn_on": None,
        "open_ended": asked.due.open_ended,
    }


def _clear_links(session: Session, plan: Plan, ids: _Ids, same: _Same) -> None:
    """Who is a member, responsible or asked is written anew. Findings have addressees of their own.

    Parties that the plan does not name any longer go on the way, and as whom they were settled.
    """
    unnamed = (UnsettledParty.plan_id == plan.id) & ~any_of_ids(UnsettledParty.id, ids.unsettled)
    of_unnamed = SettledParty.unsettled_party_id.in_(select(UnsettledParty.id).where(unnamed))
    areas = select(Area.id).where(_in(plan, Area))
    is_issued = exists().where(Assignment.requirement_id == CoLead.requirement_id)
    collectives = select(Collective.id).where(_in(plan, Collective))
    phases = select(Phase.id).where(_in(plan, Phase))
    asked = select(Requirement.id).where(Requirement.phase_id.in_(phases), IS_NO_FINDING)
    members = delete(CollectiveMember).where(CollectiveMember.collective_id.in_(collectives))
    _delete_together(
        session,
        delete(SettledParty).where(of_unnamed),
        delete(UnsettledParty).where(unnamed),
        delete(Addressee).where(Addressee.requirement_id.in_(asked)),
        delete(CoLead).where(CoLead.requirement_id.in_(asked), ~is_issued),
        delete(Responsibility).where(Responsibility.area_id.in_(areas)),
        *([] if same.collectives else [members]),
    )


def _links(session: Session, document: PlanDocument, ids: _Ids, same: _Same) -> None:
    if not same.collectives:
        insert_rows(session, CollectiveMember, _members(document, ids))
    insert_rows(session, Responsibility, _responsibilities(document, ids))
    insert_rows(session, Addressee, _addressees(document, ids))
    insert_rows(session, CoLead, _co_leads(session, document, ids))


def _members(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, int]]:
    for entry in document.collectives:
        collective_id = ids.collectives[entry.code]
        yield from ({"collective_id": collective_id, "unit_id": ids.units[member]} for member in entry.members)


def _responsibilities(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, Any]]:
    """What the areas name, and the measures beside them."""
    for area in document.areas:
        area_id = ids.areas[area.code]
        for one in (None, *area.measures):
            parties = parties_of(area, one, document.no_lead)
            place = {"area_id": area_id, "measure_id": one and ids.measures[area_id, one.code]}
            co_leads = ids.leads(parties)[1:] if one is None or one.lead is not None else []
            for position, unit_id in enumerate(co_leads, start=1):
                party = {"unit_id": unit_id, "collective_id": None}
                yield {**place, "role": Role.CO_LEAD, "position": position, **party}
            answer = ids.responsible(parties) if one is None or one.responsible is not None else []
            for position, answering in enumerate(answer, start=1):
                yield {**place, "role": Role.RESPONSIBLE, "position": position, **answering}


def _addressees(document: PlanDocument, ids: _Ids) -> Iterator[dict[str, Any]]:
    for asked in asked_of(document):
        requirement_id = _requirement_id(asked, ids)
        for role, party in _asked_of(asked.entry, asked.item, ids):
            yield {"requirement_id": requirement_id, "role": role, **party}


def _asked_of(entry: RequirementEntry, item: Item, ids: _Ids) -> Iterator[tuple[Role, Party]]:
    if item.parties is None:
        yield from ((role, ids.party(code)) for role, code in addressees(entry, item))
        return
    roles = roles_asked(entry.audience)
    if Role.LEAD in roles:
        for position, unit_id in enumerate(ids.leads(item.parties)):
            yield Role.CO_LEAD if position else Role.LEAD, {"unit_id": unit_id, "collective_id": None}
    if Role.RESPONSIBLE in roles:
        yield from ((Role.RESPONSIBLE, party) for party in ids.responsible(item.parties))


def _co_leads(session: Session, document: PlanDocument, ids: _Ids) -> Iterator[dict[str, Any]]:
    """What was issued keeps those that it was issued with, as it keeps its lead."""
    wanted = {
        _requirement_id(asked, ids): ids.leads(asked.item.parties)[1:]
        for asked in asked_of(document)
        if asked.item.parties
    }
    asked = [one for one, co_leads in wanted.items() if co_leads]
    issued = select(Assignment.requirement_id).where(any_of_ids(Assignment.requirement_id, asked)) if asked else None
    kept = set(session.scalars(issued.distinct())) if issued is not None else set()
    for one in asked:
        if one not in kept:
            for position, unit_id in enumerate(wanted[one], start=1):
                yield {"requirement_id": one, "unit_id": unit_id, "position": position}


def _requirement_id(asked: Asked, ids: _Ids) -> int:
    return ids.requirements[_phase_id(asked, ids), asked.ref]


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
    co_leads_issued = exists().where(CoLead.unit_id == Unit.id, Assignment.requirement_id == CoLead.requirement_id)
    is_busy = exists().where(Assignment.unit_id == Unit.id) | exists().where(Reading.unit_id == Unit.id)
    is_busy |= leads_issued | co_leads_issued
    used: list[tuple[Any, Any, ColumnElement[bool]]] = [
        (Indicator, Indicator.code, gone.indicators & is_read),
        (Requirement, Requirement.ref, gone.requirements & is_issued),
        (Unit, Unit.code, gone.units & is_busy),
        (Person, _UNIT_OF_PERSON, Person.unit_id.in_(select(Unit.id).where(gone.units))),
        (SettledParty, _SETTLED_CODE, _settled_as_gone(gone)),
        (Phase, Phase.ref, gone.phases & (Phase.status != PhaseStatus.PLANNED)),
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
    if reasons := kept["person"]:
        named = [Reason("{ref}", ref=ref) for ref in dict.fromkeys(one.facts["ref"] for one in reasons)]
        raise BlockedError("these units have people in the register and cannot vanish: {reasons}", named)
    if reasons := kept["settled_party"]:
        raise BlockedError("these were named for a party that was not settled, and cannot vanish: {reasons}", reasons)
    if reasons := kept["phase"]:
        raise BlockedError("this phase was opened and cannot vanish: {reasons}", reasons)


_UNIT_OF_PERSON = select(Unit.code).where(Unit.id == Person.unit_id).scalar_subquery()
_SETTLED_CODE = func.coalesce(
    select(Unit.code).where(Unit.id == SettledParty.unit_id).scalar_subquery(),
    select(Collective.code).where(Collective.id == SettledParty.collective_id).scalar_subquery(),
)


def _settled_as_gone(gone: _Gone) -> ColumnElement[bool]:
    units, collectives = select(Unit.id).where(gone.units), select(Collective.id).where(gone.collectives)
    return SettledParty.unit_id.in_(units) | SettledParty.collective_id.in_(collectives)


def _drop(session: Session, gone: _Gone) -> None:
    without = select(Requirement.id).where(gone.requirements)
    _delete_together(
        session,
        delete(CoLead).where(CoLead.requirement_id.in_(without)),
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
