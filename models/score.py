"""Result scores (成绩): what a unit brought about in a period, by the formula that `docs/scoring.md` publishes.

Everything comes from the journal as it was at the end of the period, so that a past period gives the same figures
whenever it is asked. Corrections that came later, an objection upheld, count where the caller wants to know it as of
a later day: `known_on`. The database groups by the few things that the rule asks for, and the rule judges each group.
"""

import dataclasses
import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, cast, func, select, tuple_
from sqlalchemy import Date as SqlDate
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.changes import earlier_roles, in_force, role_on
from models.assignments.objection import About
from models.common.base import AnyRow, AnySelect
from models.common.errors import RefusedError
from models.common.event import Event, EventKind
from models.common.status import Status
from models.common.text import Text
from models.dates.instants import end_of
from models.dates.workdays import ONE_DAY
from models.plan.area import Role
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit

PAGE = 50  # items on a page


class Result(StrEnum):
    """What became of an item; all else does not count: waived, not due yet, waiting for its reviewer."""

    ON_TIME = "on_time"
    LATE = "late"
    RETURNED = "returned"
    OVERDUE = "overdue"


POINTS = {Result.ON_TIME: 100, Result.LATE: 60, Result.RETURNED: 30, Result.OVERDUE: 0}
WEIGHTS = {Role.LEAD: 2, Role.CO_LEAD: 2, Role.RESPONSIBLE: 1}
FEWEST = 5  # items of a unit that has a rank


@dataclasses.dataclass(frozen=True, slots=True)
class Stand:
    """All that a result depends on, read from the journal for a period.

    `settled` says that its status is of this period; `excused` that its lateness, `undone` that its return, and
    `reopened` that its acceptance was taken back after the period's end.
    """

    status: Status
    is_over: bool
    was_late: bool
    settled: bool
    excused: bool = False
    undone: bool = False
    reopened: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class UnitScore:
    """`points` from 0 to 100 with one decimal; `rank` None where there are fewer than `FEWEST` items."""

    unit: Unit
    points: float
    rank: int | None
    items: int
    results: Mapping[Result, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One assignment that counted, and with what. `on` is the day since which it stands so."""

    id: int
    ref: str
    title: Text
    role: Role
    due_on: dt.date
    on: dt.date
    result: Result

    @property
    def points(self) -> int:
        return POINTS[self.result]

    @property
    def weight(self) -> int:
        return WEIGHTS[self.role]


def result_of(stand: Stand) -> Result | None:
    """The rule itself; None for what does not count."""
    if stand.status.is_owed and stand.is_over:
        return None if stand.excused or stand.undone else Result.OVERDUE
    if stand.status is Status.RETURNED:
        return None if stand.undone else Result.RETURNED
    if stand.status is Status.ACCEPTED and stand.settled and not stand.reopened:
        return Result.LATE if stand.was_late and not stand.excused else Result.ON_TIME
    return None


def points_of(counted: Iterable[tuple[Role, Result, int]]) -> float | None:
    """The mean per weighted item of so many items of a role with a result, half a tenth up; None where there is none.

    Whole numbers up to the division: the order of the items cannot change the last digit, and so no rank.
    """
    weight = total = 0
    for role, result, amount in counted:
        weight += WEIGHTS[role] * amount
        total += WEIGHTS[role] * amount * POINTS[result]
    return (20 * total + weight) // (2 * weight) / 10 if weight else None


def ranks(scored: Iterable[tuple[float, int]]) -> list[int | None]:
    """The rank of each by points and number of items: who has as many shares it, and the next ones are skipped."""
    known = list(scored)
    above = Counter(points for points, items in known if items >= FEWEST)
    place = {points: 1 + sum(count for other, count in above.items() if other > points) for points in above}
    return [place[points] if items >= FEWEST else None for points, items in known]


def scores(
    session: Session, plan: Plan, since: dt.date, until: dt.date, known_on: dt.date | None = None
) -> list[UnitScore]:
    """The units of which anything counts, the best first, those without a rank last.

    `since` and `until` are days of the plan's time zone, both included. `known_on` is the day whose knowledge counts,
    `until` if not given: a bulletin of a past period keeps its figures. Raises RefusedError where a day is too early.
    """
    grouped = _grouped(session, plan, since, until, known_on)
    units = session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.kind.not_in(BODIES)).order_by(Unit.id))
    found = [_score(unit, grouped[unit.id]) for unit in units if unit.id in grouped]
    places = ranks((one.points, one.items) for one in found)
    ranked = [dataclasses.replace(one, rank=place) for one, place in zip(found, places, strict=True)]
    return sorted(ranked, key=lambda one: (one.rank is None, -one.points, one.unit.id))


def score_of(
    session: Session, plan: Plan, unit: Unit, since: dt.date, until: dt.date, known_on: dt.date | None = None
) -> UnitScore | None:
    """The score of one unit, without its rank, which needs the others; None where nothing counts."""
    grouped = _grouped(session, plan, since, until, known_on, unit)
    return _score(unit, grouped[unit.id]) if unit.id in grouped else None


def items_of(
    session: Session,
    plan: Plan,
    unit: Unit,
    since: dt.date,
    until: dt.date,
    known_on: dt.date | None = None,
    *,
    page: int = 1,
    most: int = PAGE,
) -> list[Item]:
    """What the score of a unit rests on, what cost the most first; a page of it."""
    facts = _facts(plan, since, until, known_on or until, unit)
    sides = _sides(facts)
    points = case(*((_has(sides, result), worth) for result, worth in POINTS.items()))
    query = (
        select(facts, Requirement.ref, Requirement.title_zh, Requirement.title_en)
        .join(Requirement, Requirement.id == facts.c.requirement_id)
        .where(_has(sides, *Result))
        .order_by(points, facts.c.due_on, Requirement.ref)
        .limit(most)
        .offset((page - 1) * most)
    )
    return [_item(row, unit) for row in session.execute(query)]


def quarters(since: dt.date, until: dt.date) -> Iterator[tuple[str, dt.date, dt.date]]:
    """The quarters that a period touches, cut to it: `2023Q1` with its first and its last day."""
    first = since
    while first <= until:
        month = (first.month - 1) // 3 * 3 + 1
        after = (dt.date(first.year, month, 1) + dt.timedelta(days=95)).replace(day=1)
        yield f"{first.year}Q{month // 3 + 1}", first, min(after - ONE_DAY, until)
        first = after


Counts = dict[tuple[Role, Result], int]


def _score(unit: Unit, counts: Counts) -> UnitScore:
    points = points_of((role, result, amount) for (role, result), amount in counts.items())
    assert points is not None
    results: Counter[Result] = Counter()
    for (_, result), amount in counts.items():
        results[result] += amount
    return UnitScore(unit, points, None, results.total(), results)


def _grouped(
    session: Session,
    plan: Plan,
    since: dt.date,
    until: dt.date,
    known_on: dt.date | None,
    unit: Unit | None = None,
) -> dict[int, Counts]:
    facts = _facts(plan, since, until, known_on or until, unit)
    sides = _sides(facts)
    keys = [facts.c.unit_id, facts.c.role, *sides]
    query = select(*keys, func.count().label("amount")).group_by(*(key.name for key in keys))
    found: dict[int, Counts] = defaultdict(Counter)
    for row in session.execute(query):
        if result := result_of(_stand(row)):
            found[row.unit_id][row.role, result] += row.amount
    return found


def _item(row: AnyRow, unit: Unit) -> Item:
    result = result_of(_stand(row))
    assert result is not None
    title = Text(row.title_zh, row.title_en)
    on = row.due_on + ONE_DAY if result is Result.OVERDUE else row.on
    return Item(row.id, f"{row.ref}/{unit.code}", title, row.role, row.due_on, on, result)


_SIDES = tuple(field.name for field in dataclasses.fields(Stand))


def _sides(facts: Subquery) -> list[ColumnElement[Any]]:
    return [facts.c[name] for name in _SIDES]


def _stand(row: AnyRow) -> Stand:
    return Stand(*(getattr(row, name) for name in _SIDES))


def _has(sides: Sequence[ColumnElement[Any]], *results: Result) -> ColumnElement[bool]:
    """The rule as a condition: on which sides the result is one of these."""
    flags = itertools.product((False, True), repeat=len(_SIDES) - 1)
    every = [Stand(status, *flag) for flag in flags for status in Status]
    wanted = [dataclasses.astuple(stand) for stand in every if (found := result_of(stand)) and found in results]
    return tuple_(*sides).in_(wanted)


def _facts(plan: Plan, since: dt.date, until: dt.date, known_on: dt.date, unit: Unit | None) -> Subquery:
    if since > until:
        raise RefusedError("{since} is later than {until}: the period has no day", since=since, until=until)
    if known_on < until:
        raise RefusedError("{known_on} is earlier than the end of the period, {until}", known_on=known_on, until=until)
    known, status, due = in_force(plan, until, unit.id if unit else None), aliased(Event), aliased(Event)
    on = cast(func.timezone(plan.timezone, status.at), SqlDate)
    later, earlier = _corrections(plan, until, known_on, unit).subquery(), earlier_roles(plan, until)
    return (
        select(
            Assignment.id,
            Assignment.requirement_id,
            Assignment.unit_id,
            role_on(earlier),
            on.label("on"),
            due.due_after.label("due_on"),
            status.status_after.label("status"),
            (due.due_after < until).label("is_over"),
            func.coalesce(known.c.was_late, False).label("was_late"),
            (on >= since).label("settled"),
            func.coalesce(later.c.excused, False).label("excused"),
            func.coalesce(later.c.undone < later.c.first_move, False).label("undone"),
            func.coalesce(later.c.reopened, False).label("reopened"),
        )
        .select_from(known)
        .join(status, status.id == known.c.status_id)
        .join(due, due.id == known.c.due_id)
        .join(Assignment, Assignment.id == known.c.assignment_id)
        # What can never be late is no merit in time either.
        .join(Requirement, and_(Requirement.id == Assignment.requirement_id, ~Requirement.open_ended))
        .outerjoin(later, later.c.assignment_id == known.c.assignment_id)
        .outerjoin(earlier, earlier.c.assignment_id == known.c.assignment_id)
        .subquery()
    )


def _corrections(plan: Plan, until: dt.date, known_on: dt.date, unit: Unit | None) -> AnySelect:
    """What was taken back between two days: a lateness, and the return or acceptance in force on the first."""
    against_return = and_(
        Event.kind == EventKind.OBJECTION_DECIDED,
        Event.detail["about"].astext == About.RETURN,
        Event.detail["upheld"].astext == "true",
    )
    query = (
        select(
            Event.assignment_id,
            func.bool_or(Event.kind == EventKind.EXCUSED).label("excused"),
            func.min(Event.id).filter(against_return).label("undone"),
            # Nothing but a correction leads out of an acceptance.
            func.bool_or(Event.status_before == Status.ACCEPTED).label("reopened"),
            # Undoing a return moves the item back into review. If it had moved before that, another return was undone.
            func.min(Event.id).filter(Event.status_after.is_not(None)).label("first_move"),
        )
        .where(
            Event.plan_id == plan.id,
            Event.kind.in_((EventKind.EXCUSED, EventKind.OBJECTION_DECIDED, EventKind.MOVED)),
            Event.at > end_of(until, plan.timezone),
            Event.at <= end_of(known_on, plan.timezone),
        )
        .group_by(Event.assignment_id)
    )
    if unit is not None:
        query = query.where(Event.assignment_id.in_(select(Assignment.id).where(Assignment.unit_id == unit.id)))
    return query
