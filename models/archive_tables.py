"""All that is known of one plan, table by table, as it is handed to an archive: rows in a fixed order, no secrets."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.evidence import Evidence
from models.common.base import AnyRow, AnySelect
from models.common.event import Event
from models.plan.phase import Phase
from models.plan.plan import Ladder, Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.tables import METADATA

PORTION = 2000  # rows that are fetched at once: what lies in memory

# Tables that are not exported: the first three open the portal or say who looked, the others how the program ran.
# The seals are over the journal of all plans; the archive carries the last one.
LEFT_OUT = frozenset({"access", "access_use", "deed", "journal_seal", "pace", "patrol_round"})
# The journal has a file of its own, and so has the text of the plan. `address` and `access_id` say from where a
# person wrote; the rest of an attempt names channels, recipients' addresses and keys of other systems.
LEFT_OUT_COLUMNS = frozenset(
    {
        ("plan", "content"),
        ("event", "address"),
        ("event", "access_id"),
        ("attempt", "key"),
        ("attempt", "external_id"),
        ("attempt", "detail"),
        ("attempt", "lane"),
        ("bulletin_copy", "content"),  # a document of its own
        # How people are reached is of use while they have the post; who had it is history.
        ("person", "telephone"),
        ("person", "mobile"),
        ("person", "addresses"),
    }
)
JOURNAL = Event.__tablename__


@dataclasses.dataclass(frozen=True, slots=True)
class Extract:
    """One table: its columns, and its rows in the order of the primary key."""

    name: str
    columns: Sequence[str]
    rows: Iterator[AnyRow]


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """A file of a unit: what it is called, and where its bytes are (SHA-256); `size` in bytes."""

    id: int
    unit: str
    name: str
    sha256: str
    size: int
    was_scanned: bool


def columns_of(table: Table) -> list[str]:
    """The columns of a table that are exported to the archive."""
    return [column.name for column in table.columns if (table.name, column.name) not in LEFT_OUT_COLUMNS]


def tables() -> list[Table]:
    """All tables that are archived as such, those that others refer to first."""
    return [table for table in METADATA.sorted_tables if table.name not in LEFT_OUT | {JOURNAL}]


def extracts(session: Session, plan: Plan) -> Iterator[Extract]:
    """Each table's rows of this plan. A table has to be read to its end before the next."""
    for table in tables():
        names = columns_of(table)
        query = select(*(table.c[name] for name in names)).where(_of_plan(table, plan))
        yield Extract(table.name, names, _stream(session, query.order_by(*table.primary_key.columns)))


def _stream(session: Session, query: AnySelect) -> Iterator[AnyRow]:
    return iter(session.execute(query.execution_options(yield_per=PORTION)))


def _of_plan(table: Table, plan: Plan) -> ColumnElement[bool]:
    """The rows that belong to the plan, found by following the foreign keys that are always set."""
    if table.name == Plan.__tablename__:
        return table.c.id == plan.id
    if table.name == Ladder.__tablename__:
        of_phases = select(Phase.ladder_id).where(Phase.plan_id == plan.id)
        own = select(Requirement.ladder_id).join(Phase).where(Phase.plan_id == plan.id)
        return or_(table.c.id == plan.ladder_id, table.c.id.in_(of_phases), table.c.id.in_(own))
    if "plan_id" in table.c:
        return table.c.plan_id == plan.id
    for column in table.columns:
        for key in column.foreign_keys:
            if not column.nullable and key.column.table is not table:
                parent = key.column.table
                return column.in_(select(key.column).where(_of_plan(parent, plan)))
    raise LookupError(f"the table {table.name} leads to no plan: say in LEFT_OUT why it is not archived")


def journal_entries(session: Session, plan: Plan) -> Iterator[Mapping[str, Any]]:
    """The plan's journal in the order in which it was written, numbered from 1 without a gap.

    The database's own `id` stands beside it: it has gaps where a transaction was given up.
    """
    of_actor = aliased(Unit)
    ref = Requirement.ref + "/" + Unit.code
    query = (
        select(
            func.row_number().over(order_by=Event.id).label("number"),
            Event.id,
            Event.at,
            Event.kind,
            Event.actor,
            of_actor.code.label("actor_unit"),
            ref.label("assignment"),
            Event.assignment_id,
            Event.phase_id,
            Event.status_before,
            Event.status_after,
            Event.due_before,
            Event.due_after,
            Event.why,
            Event.detail,
            Event.run,
        )
        .outerjoin(Assignment, Assignment.id == Event.assignment_id)
        .outerjoin(Requirement, Requirement.id == Assignment.requirement_id)
        .outerjoin(Unit, Unit.id == Assignment.unit_id)
        .outerjoin(of_actor, of_actor.id == Event.actor_unit_id)
        .where(Event.plan_id == plan.id)
        .order_by(Event.id)
    )
    for row in _stream(session, query):
        yield dict(row._mapping)  # noqa: SLF001  (that is its public name in SQLAlchemy)


def originals(session: Session, plan: Plan) -> Iterator[Original]:
    """Every file of the plan's units in the order in which they came, each content once."""
    query = (
        select(Evidence.id, Unit.code, Evidence.file_name, Evidence.sha256, Evidence.size, Evidence.was_scanned)
        .join(Unit, Unit.id == Evidence.unit_id)
        .where(Unit.plan_id == plan.id)
        .order_by(Evidence.id)
    )
    for row in _stream(session, query):
        yield Original(*row)
