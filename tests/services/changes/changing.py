"""What the stories of change sets share: documents that differ from the tiny plan, and how they are carried out."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import func, select

from adapters import clock as present
from adapters.database.sessions import transaction
from models.assignments.assignment import Assignment
from models.assignments.reviewer import reviewers_of
from models.changes.carry_out import Heading
from models.changes.change_set import Touch
from models.changes.orders import Move, Orders, carried_out
from models.common.event import Actor, Event
from models.common.kinds import UnitKind
from models.common.status import CLOSED
from models.common.text import Text
from models.monitoring.audit import audit
from models.plan.content import document_of
from models.plan.document import AreaEntry, MeasureEntry, PlanDocument, RequirementEntry, UnitEntry
from models.plan.plan import plan_of
from models.plan.unit import body_of
from models.queries.statistics import snapshots
from services import change_sets
from services.change_sets import Outcome
from services.scope import Scope

NORTH, SOUTH, FINANCE, EDU = (f"2023/delivery/T1.1/{unit}" for unit in ("north", "south", "finance", "edu"))
AUTHORITY = "办发〔2023〕7号"

Edit = Callable[[PlanDocument], PlanDocument]


def office() -> Scope:
    with transaction() as session:
        plan = plan_of(session, "tiny")
        return Scope("tiny", Actor("王五", body_of(session, plan.id, UnitKind.OFFICE).id), present.now())


def heading(title: str = "方案调整", why: str = "上级要求") -> Heading:
    return Heading(title, why, AUTHORITY, dt.date(2022, 11, 1))


def change(*edits: Edit, **ordered: Any) -> Outcome:
    """The plan as it is stored, edited, and carried out; without an edit the orders alone."""
    return change_sets.carry_out(office(), edited(*edits) if edits else None, orders(**ordered), heading())


def preview(*edits: Edit, **ordered: Any) -> Outcome:
    return change_sets.preview(office(), edited(*edits) if edits else None, orders(**ordered), heading())


def orders(moves: Mapping[str, str] | None = None, **ordered: Any) -> Orders:
    dated = tuple(Move(ref, dt.date.fromisoformat(day)) for ref, day in (moves or {}).items())
    return Orders(dated, **ordered)


def edited(*edits: Edit) -> PlanDocument:
    document = stored()
    for edit in edits:
        document = edit(document)
    return document


def stored() -> PlanDocument:
    with transaction() as session:
        return document_of(plan_of(session, "tiny").content)


def area(code: str, **fields: object) -> Edit:
    def edit(document: PlanDocument) -> PlanDocument:
        areas = tuple(_with(one, fields) if one.code == code else one for one in document.areas)
        return dataclasses.replace(document, areas=areas)

    return edit


def area_of(document: PlanDocument, code: str = "T1") -> AreaEntry:
    return next(one for one in document.areas if one.code == code)


def _with(entry: AreaEntry, fields: Mapping[str, object]) -> AreaEntry:
    return dataclasses.replace(entry, **fields)  # type: ignore[arg-type]


def requirement(code: str, **fields: object) -> Edit:
    def edit(document: PlanDocument) -> PlanDocument:
        changed = tuple(
            dataclasses.replace(one, **fields) if one.code == code else one  # type: ignore[arg-type]
            for one in document.requirements
        )
        return dataclasses.replace(document, requirements=changed)

    return edit


def without_requirement(code: str) -> Edit:
    return lambda document: dataclasses.replace(
        document, requirements=tuple(one for one in document.requirements if one.code != code)
    )


def with_requirement(entry: RequirementEntry) -> Edit:
    return lambda document: dataclasses.replace(document, requirements=(*document.requirements, entry))


def with_measure(code: str) -> Edit:
    made = MeasureEntry(code, Text("新举措", "New measure"), Text("新佐证", "New proof"), "二·(一)·三是")

    def edit(document: PlanDocument) -> PlanDocument:
        return area("T1", measures=(*area_of(document).measures, made))(document)

    return edit


def without_measure(code: str) -> Edit:
    def edit(document: PlanDocument) -> PlanDocument:
        kept = tuple(one for one in area_of(document).measures if one.code != code)
        return area("T1", measures=kept)(document)

    return edit


def with_county(code: str, name: Text = Text("西县", "West County")) -> Edit:  # noqa: B008  (it is frozen)
    """A county more, in the sets of all counties and of all units."""

    def edit(document: PlanDocument) -> PlanDocument:
        sets = tuple(
            dataclasses.replace(one, members=(*one.members, code)) if one.code in {"counties", "all"} else one
            for one in document.collectives
        )
        return dataclasses.replace(
            document, units=(*document.units, UnitEntry(code, name, UnitKind.COUNTY)), collectives=sets
        )

    return edit


def without_unit(code: str, successor: str | None = None) -> Edit:
    """The unit is named nowhere, or its successor is named in its place."""

    def edit(document: PlanDocument) -> PlanDocument:
        return carried_out(document, Orders(successors={code: (successor,) if successor else ()}))

    return edit


def renamed(code: str, name: Text) -> Edit:
    return lambda document: dataclasses.replace(
        document,
        units=tuple(dataclasses.replace(one, name=name) if one.code == code else one for one in document.units),
    )


# What can be seen


def what(changed: Outcome) -> dict[str, set[Touch]]:
    """What happened to each reference."""
    found: dict[str, set[Touch]] = {}
    for one in changed.touched:
        found.setdefault(one.ref, set()).add(one.what)
    return found


def wrong() -> list[tuple[str, str]]:
    """What the audit finds."""
    with transaction() as session:
        plan = plan_of(session, "tiny")
        return [
            (one.ref, f"{problem.kind}: {problem.reason}")
            for one in audit(session, plan, until=present.now())
            for problem in one.problems
        ]


def unreviewed() -> list[str]:
    """Open items whose reviewer ended or is the unit itself."""
    with transaction() as session:
        plan = plan_of(session, "tiny")
        rows = session.scalars(select(Assignment).where(Assignment.status.not_in(CLOSED))).all()
        return [
            row.ref
            for row, reviewer in zip(rows, reviewers_of(session, plan, rows), strict=True)
            if reviewer.id == row.unit_id or reviewer.closed_on is not None or row.unit.closed_on is not None
        ]


def past(on: str) -> list[Any]:
    """How all items stood at the end of a day, and in which role."""
    with transaction() as session:
        return sorted(
            (one.ref, one.role, one.status, one.light, one.due_on, one.was_late)
            for one in snapshots(session, plan_of(session, "tiny"), dt.date.fromisoformat(on))
        )


def entries() -> int:
    with transaction() as session:
        return session.scalars(select(func.count(Event.id))).one()
