"""The work lists of units and reviewers: assignments as a person reads them, with today's light."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, Date, Select, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.changes import CHANGES
from models.assignments.co_leads import is_asked_about
from models.assignments.evidence import SubmissionItem
from models.assignments.history import changes_until, history_of
from models.assignments.light import Change, Facts, Light, light_from, was_late
from models.assignments.opinion import Opinion
from models.assignments.reviewer import is_led_by, is_reviewed_by
from models.common.base import AnyRow, AnySelect, any_of_ids
from models.common.event import Event, EventKind
from models.common.kinds import Basis
from models.common.status import CLOSED, OWED, Status
from models.common.text import Text
from models.dates.instants import end_of
from models.dates.workdays import WorkCalendar
from models.dialogue.explanation import promised_then
from models.plan.area import Role
from models.plan.phase import Phase
from models.plan.plan import Limits, Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit
from models.queries.listing import ASSIGNMENT_COLUMNS, item_of

PAGE = 50
CALENDAR = 2000  # dates in one feed: programs fetch it whole, every hour


def paged(query: AnySelect, page: int) -> AnySelect:
    """One page of `PAGE` rows; the first is 1."""
    return query.limit(PAGE).offset((page - 1) * PAGE)


class WorkState(StrEnum):
    """The three lists of a unit's work: what it has to do, what waits for its reviewer, what is closed."""

    OWED = "owed"
    SUBMITTED = "submitted"
    CLOSED = "closed"


STATES_OF_WORK: dict[WorkState, frozenset[Status]] = {
    WorkState.OWED: OWED,
    WorkState.SUBMITTED: frozenset({Status.SUBMITTED}),
    WorkState.CLOSED: CLOSED,
}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class WorkItem:
    """One assignment in a work list. `left`: working days to its date, negative when it has passed; None where that
    makes nothing late. `promised_on`: the day by which its unit promised it, also where that has passed. `period`: the
    year or part of a year, such as `2023Q1`.

    Compared by identity: equal items are made once and shared, see `_item_now`.
    """

    id: int
    ref: str
    title: Text
    period: str
    item: Text | None
    unit_code: str
    unit: Text
    role: Role
    status: Status
    light: Light
    due_on: dt.date
    planned_due_on: dt.date
    provisional: bool
    left: int | None
    version: int
    proof: Text
    source: str
    basis: Basis
    promised_on: dt.date | None = None

    @property
    def is_owed(self) -> bool:
        return self.status.is_owed


@dataclasses.dataclass(frozen=True, slots=True)
class DatedWork:
    """One entry of a calendar. `dated_at`: when its date was set. `moves`: how often the date changed until then."""

    work: WorkItem
    dated_at: dt.datetime
    moves: int


@dataclasses.dataclass(frozen=True, slots=True)
class UnitSummary:
    """How much work a unit has in each list. `asked`: how many items it was issued since the first of the month."""

    piles: dict[WorkState, int]
    unsigned: int
    to_review: int
    asked: int


_ITEMS = ASSIGNMENT_COLUMNS.add_columns(
    Assignment.role,
    Assignment.status,
    Assignment.late,
    Assignment.version,
    Assignment.issued_on,
).join(Phase, Phase.id == Requirement.phase_id)


def unit_summary(session: Session, unit: Unit, today: dt.date) -> UnitSummary:
    """What a unit's front page counts, in one question."""
    days = {"unit_id": unit.id, "first": today.replace(day=1), "today": today}
    *piles, unsigned, asked, waiting = session.execute(_UNIT_SUMMARY, days).one()
    return UnitSummary(dict(zip(STATES_OF_WORK, piles, strict=True)), unsigned, waiting, asked)


def _unit_summary() -> AnySelect:
    """Two counts side by side: with one condition for both, the database would read every assignment."""
    unit_id = bindparam("unit_id", type_=BigInteger)
    waiting = (
        select(func.count())
        .join_from(Assignment, Requirement, Requirement.id == Assignment.requirement_id)
        .where(Assignment.status == Status.SUBMITTED, is_led_by(unit_id))
    )
    this_month = Assignment.issued_on.between(bindparam("first", type_=Date), bindparam("today", type_=Date))
    return select(
        *(func.count().filter(Assignment.status.in_(statuses)) for statuses in STATES_OF_WORK.values()),
        func.count().filter(Assignment.status == Status.ISSUED),
        func.count().filter(this_month),
        waiting.scalar_subquery(),
    ).where(Assignment.unit_id == unit_id)


_UNIT_SUMMARY = _unit_summary()


def work_of(session: Session, plan: Plan, unit: Unit, pile: WorkState, today: dt.date, page: int = 1) -> list[WorkItem]:
    """One page of a list, the earliest date first; of closed work, the latest first."""
    rows = session.execute(_page_of(pile), {"unit_id": unit.id, "start": (page - 1) * PAGE})
    return _items_now(plan, rows, today)


# Statements are built once: building one takes as long as running it.
@functools.cache
def _page_of(pile: WorkState) -> AnySelect:
    order = (Assignment.due_on.desc() if pile is WorkState.CLOSED else Assignment.due_on, Assignment.requirement_id)
    # The page is cut first, so that texts are looked up only for its rows.
    cut = (
        select(Assignment.id)
        .where(
            Assignment.unit_id == bindparam("unit_id", type_=BigInteger), Assignment.status.in_(STATES_OF_WORK[pile])
        )
        .order_by(*order)
        .limit(PAGE)
        .offset(bindparam("start", type_=BigInteger))
    )
    return _ITEMS.where(Assignment.id.in_(cut)).order_by(*order)


def owes_work(session: Session, unit_id: int) -> bool:
    """Whether anything was ever issued to it, as to the office where it leads."""
    return bool(session.scalar(select(exists().where(Assignment.unit_id == unit_id))))


def to_review(session: Session, plan: Plan, unit: Unit, today: dt.date, page: int = 1) -> list[WorkItem]:
    """What waits for this unit's review, the longest wait first."""
    query = (
        _ITEMS.where(Assignment.status == Status.SUBMITTED, is_reviewed_by(unit), Phase.plan_id == plan.id)
        .order_by(Assignment.submitted_on, Requirement.ref, Assignment.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return _items_now(plan, session.execute(query), today)


def to_opine(session: Session, plan: Plan, unit: Unit, today: dt.date) -> list[WorkItem]:
    """What waits for this unit's word as a co-lead, the longest wait first; what it has spoken on is left out."""
    has_spoken = (
        exists()
        .where(
            Opinion.unit_id == unit.id,
            Opinion.submission_item_id == SubmissionItem.id,
            SubmissionItem.assignment_id == Assignment.id,
            SubmissionItem.version == Assignment.version,
        )
        .correlate(Assignment)
    )
    query = _ITEMS.where(
        Assignment.status == Status.SUBMITTED, is_asked_about(unit.id), ~has_spoken, Phase.plan_id == plan.id
    )
    rows = session.execute(query.order_by(Assignment.submitted_on, Requirement.ref, Assignment.id).limit(PAGE))
    return _items_now(plan, rows, today)


def open_refs(session: Session, plan: Plan, asked: str, unit: str) -> list[str]:
    """The references of what is open at a unit (its code) under a requirement of one period, as `2023/delivery`."""
    query = (
        select(Requirement.ref)
        .join(Assignment, Assignment.requirement_id == Requirement.id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id, Unit.code == unit, Assignment.status.not_in(CLOSED))
        .where(Requirement.period + "/" + Requirement.code == asked)
        .order_by(Requirement.ref)
    )
    return [f"{ref}/{unit}" for ref in session.scalars(query)]


def count_to_review(session: Session, plan: Plan, unit: Unit) -> int:
    return session.scalars(counting_to_review(plan, unit)).one()


def counting_to_review(plan: Plan, unit: Unit) -> Select[int]:
    """The question behind `count_to_review`, to be asked among others."""
    return (
        select(func.count())
        .select_from(Assignment)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Assignment.status == Status.SUBMITTED, is_reviewed_by(unit), Phase.plan_id == plan.id)
    )


def work_items(session: Session, plan: Plan, ids: Collection[int], on: dt.date) -> list[WorkItem]:
    """These assignments of the plan as they stood at the end of that day, what is due first first.

    One that is not of the plan is left out.
    """
    then = promised_then(plan, on).label("promised_then")
    query = _ITEMS.add_columns(then).where(any_of_ids(Assignment.id, ids), Phase.plan_id == plan.id)
    rows = session.execute(query.order_by(Assignment.due_on, Requirement.ref)).all()
    return _items(session, plan, rows, on)


def open_dates(session: Session, plan: Plan, unit: Unit, today: dt.date) -> list[DatedWork]:
    """All that a unit owes, with its dates, for a calendar."""
    query = _ITEMS.where(Assignment.unit_id == unit.id, Assignment.status.in_(OWED))
    rows = session.execute(query.order_by(Assignment.due_on, Requirement.ref).limit(CALENDAR)).all()
    dated = _dated(session, [row.id for row in rows])
    rules = _rules_of(plan, today)
    return [DatedWork(_item_now(rules, row, today), *dated[row.id]) for row in rows]


def _dated(session: Session, ids: Sequence[int]) -> dict[int, tuple[dt.datetime, int]]:
    """When the date of each assignment was set, and how often it had changed by then."""
    query = (
        select(Event.assignment_id, func.max(Event.at), func.count() - 1)  # being issued is no change
        .where(any_of_ids(Event.assignment_id, ids), Event.kind.in_(CHANGES))
        .where(Event.due_after.is_distinct_from(Event.due_before))
        .group_by(Event.assignment_id)
    )
    return {row[0]: (row[1], row[2]) for row in session.execute(query).all() if row[0] is not None}


def issued_between(
    session: Session, plan: Plan, first: dt.date, last: dt.date, *, by_then: bool = False
) -> list[tuple[Unit, int]]:
    """How many items each unit was issued in these days, most first: the burden on the units.

    `by_then` leaves out what was issued afterwards with a day of these, as when a phase is opened late.
    """
    issued = func.count(Assignment.id)
    within = and_(Assignment.unit_id == Unit.id, Assignment.issued_on.between(first, last))
    if by_then:
        within = and_(
            within,
            exists().where(
                Event.assignment_id == Assignment.id,
                Event.kind == EventKind.ISSUED,
                Event.at <= end_of(last, plan.timezone),
            ),
        )
    rows = session.execute(
        select(Unit, issued)
        .outerjoin(Assignment, within)
        .where(Unit.plan_id == plan.id, Unit.kind.not_in(BODIES))
        .group_by(Unit.id)
        .order_by(issued.desc(), Unit.code)
    )
    return [(unit, count) for unit, count in rows]


def _items(session: Session, plan: Plan, rows: Sequence[AnyRow], on: dt.date) -> list[WorkItem]:
    """These rows with their light and status at the end of that day."""
    changes = changes_until(session, plan, on, [row.id for row in rows]) if rows else {}
    rules = _rules_of(plan, on)
    return [_item(rules, row, _facts_of(plan, row, changes.get(row.id), on), on, row.promised_then) for row in rows]


def _facts_of(plan: Plan, row: AnyRow, changes: Sequence[Change] | None, on: dt.date) -> Facts:
    if not changes:
        return _facts_now(_rules_of(plan, on), row)
    history = history_of(plan, changes, row.issued_on, on, open_ended=row.open_ended)
    return Facts(changes[-1].status, changes[-1].due_on, was_late(history, on), history.sign_by, row.open_ended)


def _items_now(plan: Plan, rows: Iterable[AnyRow], today: dt.date) -> list[WorkItem]:
    rules = _rules_of(plan, today)
    return [_item_now(rules, row, today) for row in rows]


@dataclasses.dataclass(frozen=True, slots=True)
class _Rules:
    """What the light of a row depends on beside the row and the day: the plan's calendar and limits."""

    calendar: WorkCalendar
    limits: Limits


def _rules_of(plan: Plan, on: dt.date) -> _Rules:
    return _Rules(plan.work_calendar, plan.limits_on(on))


# Cached: pages are read more often than they change, and the markup of an equal item is cached as well.
@functools.lru_cache(maxsize=8192)
def _item_now(rules: _Rules, row: AnyRow, today: dt.date) -> WorkItem:
    return _item(rules, row, _facts_now(rules, row), today, row.promised_on)


def _facts_now(rules: _Rules, row: AnyRow) -> Facts:
    sign_by = rules.calendar.add(row.issued_on, rules.limits.unsigned_working_days)
    return Facts(row.status, row.due_on, row.late, sign_by, row.open_ended)


def _item(rules: _Rules, row: AnyRow, facts: Facts, on: dt.date, promised_on: dt.date | None) -> WorkItem:
    return WorkItem(
        id=row.id,
        ref=f"{row.requirement_ref}/{row.unit_code}",
        title=Text(row.title_zh, row.title_en),
        period=row.period,
        item=item_of(row),
        unit_code=row.unit_code,
        unit=Text(row.unit_zh, row.unit_en),
        role=row.role,
        status=facts.status,
        light=light_from(facts, on, rules.limits.near_limit_days),
        due_on=facts.due_on,
        planned_due_on=row.planned_due_on,
        provisional=row.due_provisional,
        left=None if row.open_ended and on > facts.due_on else rules.calendar.count(on, facts.due_on),
        version=row.version,
        proof=Text(row.proof_zh, row.proof_en),
        source=row.source,
        basis=row.basis,
        promised_on=promised_on,
    )
