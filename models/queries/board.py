"""The board: units against areas, with the lights of any day."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ScalarSelect, cast, exists, func, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.light import Light
from models.plan.area import Area, areas_of
from models.plan.plan import Plan
from models.plan.unit import BODIES, Unit
from models.queries.counts import ALL, Count, Cut, tally

WHOLE_PLAN = ""  # the column of what is asked of the plan as a whole
PAGE = 200  # units that are shown at once; the figures of all together cover the others as well

Counts = Mapping[Light, int]


@dataclasses.dataclass(frozen=True, slots=True)
class BoardRow:
    """A unit, its lights by the area's code, and over all areas."""

    unit: Unit
    cells: Mapping[str, Counts]
    total: Counts


@dataclasses.dataclass(frozen=True, slots=True)
class Board:
    """`rows` are those of one page of the units; `columns`, by the area's code, and `total` are over all units."""

    on: dt.date
    areas: Sequence[Area]
    rows: Sequence[BoardRow]
    columns: Mapping[str, Counts]
    total: Counts
    pages: int


def board(session: Session, plan: Plan, on: dt.date, cut: Cut = ALL, page: int = 1) -> Board:
    """How many lights of which colour each unit had in each area at the end of that day."""
    areas = areas_of(session, plan.id)
    codes = [WHOLE_PLAN, *(area.code for area in areas)]
    units, pages = _units(session, plan, page)
    counts = list(tally(session, plan, on, cut, [unit.id for unit in units]))
    cells = _lights((one.unit_id, one.requirement.area or WHOLE_PLAN, one) for one in counts)
    rows = [_row(unit, {code: cells[unit.id, code] for code in codes}) for unit in units]
    # Where one page shows all units, its counts are the totals.
    all_units = tally(session, plan, on, cut) if pages > 1 else counts
    of_area = _lights((None, one.requirement.area or WHOLE_PLAN, one) for one in all_units)
    columns = {code: of_area[None, code] for code in codes}
    return Board(on, areas, rows, columns, _sum(columns.values()), pages)


def _lights(counts: Iterable[tuple[int | None, str, Count]]) -> Mapping[tuple[int | None, str], Counts]:
    found: dict[tuple[int | None, str], Counter[Light]] = defaultdict(Counter)
    for unit_id, area, count in counts:
        found[unit_id, area][count.light] += count.amount
    return found


_SNAPSHOT = select(cast(func.pg_current_snapshot(), SqlText))


def snapshot(session: Session) -> str:
    """PostgreSQL's snapshot, which names the visible transactions. While it stays the same, so does every answer."""
    return session.scalars(_SNAPSHOT).one()


def snapshot_and(session: Session, count: ScalarSelect[int]) -> tuple[str, int]:
    """The snapshot, and what is counted beside it: one question for both."""
    stamp, counted = session.execute(_SNAPSHOT.add_columns(count)).one()
    return stamp, counted


def _row(unit: Unit, cells: dict[str, Counts]) -> BoardRow:
    return BoardRow(unit, cells, _sum(cells.values()))


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[Light] = Counter()
    for one in counts:
        total.update(one)
    return total


def _units(session: Session, plan: Plan, page: int) -> tuple[list[Unit], int]:
    """One page of the units that work is issued to, in the order of the plan, and how many pages there are.

    The office is among them where it leads and so owes something.
    """
    is_issued_work = or_(Unit.kind.not_in(BODIES), exists().where(Assignment.unit_id == Unit.id))
    query = select(Unit, func.count().over()).where(Unit.plan_id == plan.id, is_issued_work)
    rows = session.execute(query.order_by(Unit.kind, Unit.id).limit(PAGE).offset((page - 1) * PAGE)).all()
    return [row[0] for row in rows], -(-rows[0][1] // PAGE) if rows else 1
