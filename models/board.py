"""The board: units against areas, with the lights of any day, counted by the database from the journal."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, cast, func, literal, or_, select
from sqlalchemy import Date as SqlDate
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session, aliased

from models.area import Area, areas_of
from models.assignment import Assignment
from models.base import AnyRow, AnySelect
from models.event import Event, EventKind
from models.light import Facts, Light, light_from
from models.moments import end_of
from models.phase import Phase
from models.plan import Plan
from models.queries import CHANGES
from models.requirement import Requirement
from models.status import OWED, Status
from models.unit import Unit, units_of

WHOLE_PLAN = ""  # the column of what is asked of the plan as a whole

Counts = Mapping[Light, int]


@dataclasses.dataclass(frozen=True, slots=True)
class BoardRow:
    """A unit, its lights by the area's code, and over all areas."""

    unit: Unit
    cells: Mapping[str, Counts]
    total: Counts


@dataclasses.dataclass(frozen=True, slots=True)
class Board:
    on: dt.date
    areas: Sequence[Area]
    rows: Sequence[BoardRow]
    columns: Mapping[str, Counts]  # over all units, by the area's code
    total: Counts


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """Which assignments are meant; empty fields mean all. `open_phases`: only those of phases that were open then."""

    unit: str = ""
    area: str | None = None  # "" is the plan as a whole
    open_phases: bool = False


def board(session: Session, plan: Plan, on: dt.date, cut: Cut = Cut()) -> Board:
    """How many lights of which colour each unit had in each area at the end of that day."""
    cells: dict[tuple[int, str], Counter[Light]] = defaultdict(Counter)
    judge = _Judge(plan, on)
    for row in session.execute(_grouped(plan, on, cut)):
        cells[row.unit_id, row.area or WHOLE_PLAN][judge.light(row)] += row.amount
    areas, units = areas_of(session, plan.id), units_of(session, plan.id)
    codes = [WHOLE_PLAN, *(area.code for area in areas)]
    rows = [_row(unit, {code: cells[unit.id, code] for code in codes}) for unit in units]
    columns = {code: _sum(row.cells[code] for row in rows) for code in codes}
    return Board(on, areas, rows, columns, _sum(columns.values()))


_SNAPSHOT = select(cast(func.pg_current_snapshot(), SqlText))


def snapshot(session: Session) -> str:
    """Which transactions can be seen at this moment: where it has not changed, neither has any answer."""
    return session.scalars(_SNAPSHOT).one()


def lit(session: Session, plan: Plan, on: dt.date, cut: Cut, lights: frozenset[Light]) -> list[int]:
    """Ids of the assignments that had one of these lights at the end of that day, what was due first first."""
    judge = _Judge(plan, on)
    rows = session.execute(_single(plan, on, cut))
    return [row.id for row in rows if not lights or judge.light(row) in lights]


def _row(unit: Unit, cells: dict[str, Counter[Light]]) -> BoardRow:
    return BoardRow(unit, cells, _sum(cells.values()))


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[Light] = Counter()
    for one in counts:
        total.update(one)
    return total


class _Judge:
    """Asks the rule; the days on which signing is late are worked out once for each day of issue."""

    def __init__(self, plan: Plan, on: dt.date) -> None:
        self._plan, self._on = plan, on
        self._sign_by: dict[dt.date, dt.date] = {}

    def light(self, row: AnyRow) -> Light:
        sign_by = self._sign_by.get(row.issued_on)
        if sign_by is None:
            sign_by = self._plan.work_calendar.add(row.issued_on, self._plan.unsigned_working_days)
            self._sign_by[row.issued_on] = sign_by
        facts = Facts(row.status, row.due_on, bool(row.was_late), sign_by)
        return light_from(facts, self._on, self._plan.near_limit_days)


def _known(plan: Plan, on: dt.date) -> CTE:
    """For each assignment the entries of the journal that say its status and its date, and whether it was late."""
    day = cast(func.timezone(plan.timezone, Event.at), SqlDate)
    handed_in_late = and_(Event.status_after == Status.SUBMITTED, Event.status_before.in_(OWED), day > Event.due_before)
    last_late = func.max(Event.id).filter(handed_in_late)
    last_excuse = func.max(Event.id).filter(Event.kind == EventKind.EXCUSED)
    return (
        select(
            Event.assignment_id,
            func.max(Event.id).filter(Event.status_after.is_not(None)).label("status_id"),
            func.max(Event.id).filter(Event.due_after.is_not(None)).label("due_id"),
            (last_late > func.coalesce(last_excuse, 0)).label("was_late"),
        )
        .where(Event.plan_id == plan.id, Event.kind.in_(CHANGES), Event.at <= end_of(on, plan.timezone))
        .group_by(Event.assignment_id)
        .cte("known")
    )


def _facts(plan: Plan, on: dt.date, cut: Cut, *columns: Any) -> tuple[AnySelect, list[Any]]:
    known = _known(plan, on)
    status, due = aliased(Event), aliased(Event)
    facts = [
        status.status_after.label("status"),
        due.due_after.label("due_on"),
        known.c.was_late,
        Assignment.issued_on,
    ]
    query = (
        select(*columns, *facts)
        .select_from(known)
        .join(status, status.id == known.c.status_id)
        .join(due, due.id == known.c.due_id)
        .join(Assignment, Assignment.id == known.c.assignment_id)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .outerjoin(Area, Area.id == Requirement.area_id)
        .where(*_conditions(cut))
    )
    if cut.open_phases:
        until = end_of(on, plan.timezone)
        still_open = and_(Phase.opened_at <= until, or_(Phase.closed_at.is_(None), Phase.closed_at > until))
        query = query.join(Phase, and_(Phase.id == Requirement.phase_id, still_open))
    if cut.unit:
        query = query.join(Unit, and_(Unit.id == Assignment.unit_id, Unit.code == cut.unit))
    return query, facts


def _conditions(cut: Cut) -> list[ColumnElement[bool]]:
    if cut.area is None:
        return []
    return [Area.code == cut.area if cut.area else Requirement.area_id.is_(None)]


def _grouped(plan: Plan, on: dt.date, cut: Cut) -> AnySelect:
    area = Area.code.label("area")
    query, facts = _facts(plan, on, cut, Assignment.unit_id, area, func.count(literal(1)).label("amount"))
    return query.group_by(Assignment.unit_id, area, *facts)


def _single(plan: Plan, on: dt.date, cut: Cut) -> AnySelect:
    query, _ = _facts(plan, on, cut, Assignment.id)
    return query.order_by("due_on", Requirement.ref, Assignment.id)
