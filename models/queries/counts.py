"""How many assignments had which light on a day: counted by the database, judged by the rule.

The present is in the rows and the past in the journal; both say the same, and the rows say it much sooner. A light
does not depend on the dates themselves but on which side of a few days they fall, so the database groups by these
sides, and a million assignments come back as a few lines.
"""

import dataclasses
import datetime as dt
import functools
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    func,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.changes import changed_since, earlier_roles, in_force, role_on
from models.assignments.light import Facts, Light, light_from
from models.common.base import AnySelect
from models.common.event import Event
from models.common.status import Status
from models.dates.instants import end_of
from models.dates.workdays import ONE_DAY
from models.plan.area import Area, Role
from models.plan.phase import Phase, phase_label
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """Which assignments are meant; empty fields mean all. `open_phases`: only those of phases that were open then.

    `area` "" is what is asked of the plan as a whole.
    """

    unit: str = ""
    area: str | None = None
    open_phases: bool = False


ALL = Cut()


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What a count needs to know of a requirement."""

    area: str | None
    phase: str
    period: str
    label: str  # of the phase, as summaries name it
    open_ended: bool
    starts_on: dt.date  # of the phase, for its place among the others


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """So many assignments of a requirement, role and status with a light; of a unit, where that was asked for."""

    requirement: Asked
    unit_id: int | None
    role: Role
    status: Status
    light: Light
    amount: int


def tally(
    session: Session, plan: Plan, on: dt.date, cut: Cut = ALL, units: Collection[int] | None = None
) -> Iterator[Count]:
    """The assignments that were issued by that day, counted as they stood at its end; unit by unit for `units`."""
    asked, is_present = _asked(session, plan, on, cut)
    rule = _Rule(plan, on)
    facts = (_from_rows() if is_present else _from_journal(plan, on)).where(*_meant(cut, asked)).subquery()
    keys = [facts.c.requirement_id, facts.c.role, facts.c.status, *rule.sides(facts)]
    query = select(func.count(), null() if units is None else facts.c.unit_id, *keys)
    query = query.group_by(*(key.name for key in keys))
    if units is not None:
        query = query.where(facts.c.unit_id.in_(units)).group_by(facts.c.unit_id)
    # Columns are read by position: access by name is slow with thousands of rows.
    for amount, unit_id, requirement_id, role, status, *sides in session.execute(query):
        one = asked[requirement_id]
        yield Count(one, unit_id, role, status, rule.light(status, *sides, one.open_ended), amount)


def lit(session: Session, plan: Plan, on: dt.date, cut: Cut, lights: frozenset[Light]) -> Sequence[int]:
    """Ids of the assignments that had one of these lights at the end of that day, what was due first first."""
    return session.scalars(_in_order(_lit(plan, on, cut, lights))).all()


def lit_page(
    session: Session, plan: Plan, on: dt.date, cut: Cut, lights: frozenset[Light], *, start: int, most: int
) -> tuple[Sequence[int], int]:
    """So many of them from that place on, and how many there are in all."""
    facts = _lit(plan, on, cut, lights)
    page = func.array(_in_order(facts).limit(most).offset(start).scalar_subquery())
    ids, count = session.execute(select(page, func.count()).select_from(facts)).one()
    return ids, count


def _lit(plan: Plan, on: dt.date, cut: Cut, lights: frozenset[Light]) -> Subquery:
    has_changed = changed_since(plan, on)
    meant = _meant(cut, _requirements(plan, on, cut, Requirement.id))
    # One question: the database looks only into the half whose condition holds.
    present, past = _from_rows().where(~has_changed, *meant), _from_journal(plan, on).where(has_changed, *meant)
    facts = union_all(present, past).subquery()
    rule = _Rule(plan, on)
    return (select(facts).where(rule.has_light(facts, lights)) if lights else select(facts)).subquery()


def _in_order(facts: Subquery) -> Select[int]:
    query = select(facts.c.id).join(Requirement, Requirement.id == facts.c.requirement_id)
    return query.order_by(facts.c.due_on, Requirement.ref, facts.c.id)


class _Rule:
    """The rule of the lights on one day, asked once for each combination of sides."""

    def __init__(self, plan: Plan, on: dt.date) -> None:
        self._on, self._near = on, plan.limits_on(on).near_limit_days
        self._unsigned_before = _issued_in_time_from(plan, on)
        self.light = functools.cache(self._judge)

    def sides(self, facts: Subquery) -> list[ColumnElement[Any]]:
        return [
            (facts.c.due_on < self._on).label("is_over"),
            (facts.c.due_on <= self._on + self._near * ONE_DAY).label("is_near"),
            (facts.c.issued_on < self._unsigned_before).label("is_past_signing"),
            func.coalesce(facts.c.was_late, False).label("was_late"),
        ]

    def has_light(self, facts: Subquery, lights: frozenset[Light]) -> ColumnElement[bool]:
        """The rule as a condition: on which sides the light is one of these."""
        sides = [
            (status, *found)
            for status in Status
            for found in itertools.product((False, True), repeat=5)
            if self._judge(status, *found) in lights
        ]
        without_end = facts.c.requirement_id.in_(select(Requirement.id).where(Requirement.open_ended))
        return tuple_(facts.c.status, *self.sides(facts), without_end).in_(sides)

    def _judge(self, status: Status, *sides: bool) -> Light:
        """The light of one assignment that stands for all on these sides."""
        is_over, is_near, is_past_signing, was_late, open_ended = sides
        due_in = -1 if is_over else 0 if is_near else self._near + 1
        facts = Facts(
            status=status,
            due_on=self._on + due_in * ONE_DAY,
            was_late=was_late,
            sign_by=self._on - is_past_signing * ONE_DAY,
            open_ended=open_ended,
        )
        return light_from(facts, self._on, self._near)


def _issued_in_time_from(plan: Plan, on: dt.date) -> dt.date:
    """The first day of issue that still leaves time to sign on that day."""
    first, within = on, plan.limits_on(on).unsigned_working_days
    while plan.work_calendar.add(first - ONE_DAY, within) >= on:
        first -= ONE_DAY
    return first


def _asked(session: Session, plan: Plan, on: dt.date, cut: Cut) -> tuple[Mapping[int, Asked], bool]:
    """The requirements that are meant, and whether nothing has changed since the end of that day."""
    columns = (
        Requirement.id,
        Area.code,
        Phase.code.label("phase"),
        Phase.period,
        Phase.ref,
        Phase.starts_on,
        Requirement.open_ended,
    )
    rows = session.execute(_requirements(plan, on, cut, *columns, changed_since(plan, on).label("is_past"))).all()
    asked = {
        row.id: Asked(row.code, row.phase, row.period, phase_label(*row[2:5]), row.open_ended, row.starts_on)
        for row in rows
    }
    return asked, not any(row.is_past for row in rows)


def _requirements(plan: Plan, on: dt.date, cut: Cut, *columns: Any) -> AnySelect:
    query = (
        select(*columns)
        .select_from(Requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .outerjoin(Area, Area.id == Requirement.area_id)
        .where(Phase.plan_id == plan.id)
    )
    if cut.area is not None:
        query = query.where(Area.code == cut.area if cut.area else Requirement.area_id.is_(None))
    if cut.open_phases:
        until = end_of(on, plan.timezone)
        query = query.where(Phase.opened_at <= until, or_(Phase.closed_at.is_(None), Phase.closed_at > until))
    return query


def _meant(cut: Cut, requirements: Any) -> list[ColumnElement[bool]]:
    meant: list[ColumnElement[bool]] = [Assignment.requirement_id.in_(requirements)]
    if cut.unit:
        meant.append(Assignment.unit_id.in_(select(Unit.id).where(Unit.code == cut.unit)))
    return meant


_FIXED = (Assignment.id, Assignment.requirement_id, Assignment.unit_id, Assignment.issued_on)


def _from_rows() -> AnySelect:
    return select(*_FIXED, Assignment.role, Assignment.status, Assignment.due_on, Assignment.late.label("was_late"))


def _from_journal(plan: Plan, on: dt.date) -> AnySelect:
    known, status, due, earlier = in_force(plan, on), aliased(Event), aliased(Event), earlier_roles(plan, on)
    return (
        select(
            *_FIXED,
            role_on(earlier),
            status.status_after.label("status"),
            due.due_after.label("due_on"),
            known.c.was_late,
        )
        .select_from(known)
        .join(status, status.id == known.c.status_id)
        .join(due, due.id == known.c.due_id)
        .join(Assignment, Assignment.id == known.c.assignment_id)
        .outerjoin(earlier, earlier.c.assignment_id == known.c.assignment_id)
    )
