"""The real plan stored several times, with all its phases open and the history of two and a half years.

The work is issued by the program's own code. What the units did since is drawn from the habits of the rehearsal
and written in bulk: the statuses and the journal, which are all that the pages measured here read. It holds what
is signed and not signed, handed in early and late, returned, handed in again, accepted.
"""

import dataclasses
import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from adapters.database.sessions import engine, transaction
from adapters.plan_files.reader import read_plan
from deploy.rehearsal.habits import Habit, habit
from models.assignments.assignment import Assignment
from models.common.base import AnyRow
from models.common.event import Actor, Event, EventKind
from models.common.status import OWED, Status
from models.dates.instants import first_round_on
from models.dates.workdays import WorkCalendar
from models.loading import load_plan
from models.phases.opening import open_phase
from models.plan.document import PlanDocument
from models.plan.phase import phases_of
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

COPIES = 4
SEED = 1
UNSIGNED, NEGLECTED = 0.05, 0.2  # shares of all work: never signed for, and never handed in
TODAY = dt.date(2025, 6, 27)  # in the last phase: some of its work is done, and much is still owed
NOON = dt.timedelta(hours=3, minutes=30)  # after patrol's first round
PROGRAM = Actor("benchmark")


def now() -> dt.datetime:
    """The present of the portal that is measured."""
    return first_round_on(TODAY, "Asia/Shanghai") + NOON


def load(folder: Path) -> list[str]:
    """Store the plan of this folder under several codes, and let it live until today; returns the codes."""
    document = read_plan(folder)
    codes = [f"{document.code}-{number}" for number in range(1, COPIES + 1)]
    for number, code in enumerate(codes):
        with transaction() as session:
            plan = _store(session, dataclasses.replace(document, code=code))
            _live(session, plan, seed=SEED + number)
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("RESET ROLE"))
        connection.execute(text("VACUUM ANALYZE"))  # what PostgreSQL does by itself within minutes
    return codes


def count() -> int:
    """Assignments in the database."""
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(Assignment)).one()


def busiest_unit(session: Session, plan: Plan) -> Unit:
    """The unit that owes most."""
    owed = (
        select(Unit)
        .join(Assignment, Assignment.unit_id == Unit.id)
        .where(Unit.plan_id == plan.id, Assignment.status.in_(OWED))
        .group_by(Unit.id)
        .order_by(func.count().desc(), Unit.id)
        .limit(1)
    )
    return session.scalars(owed).one()


def owed_by(session: Session, unit: Unit) -> list[int]:
    """Ids of what the unit owes."""
    mine = select(Assignment.id).where(Assignment.unit_id == unit.id, Assignment.status.in_(OWED))
    return list(session.scalars(mine.order_by(Assignment.id)))


def _store(session: Session, document: PlanDocument) -> Plan:
    first = min(phase.issue_on for phase in document.phases)
    plan = load_plan(session, document, actor=PROGRAM, at=first_round_on(first, document.timezone))
    for phase in phases_of(session, plan):
        open_phase(session, plan, phase, actor=PROGRAM, at=first_round_on(phase.issue_on, plan.timezone))
    return plan


@dataclasses.dataclass(frozen=True, slots=True)
class _Move:
    on: dt.date
    before: Status
    after: Status
    due_before: dt.date
    due_after: dt.date
    actor: str
    actor_unit_id: int


def _live(session: Session, plan: Plan, seed: int) -> None:
    events: list[dict[str, Any]] = []
    standings: list[dict[str, Any]] = []
    for row in session.execute(_issued(plan)):
        moves = [move for move in _moves(row, plan, seed) if move.on <= TODAY]
        events.extend(_event(plan, row.id, move) for move in moves)
        if moves:
            standings.append(_standing(row.id, moves))
    events.sort(key=lambda event: event["at"])
    session.execute(insert(Event), events)
    session.execute(update(Assignment), standings)


def _issued(plan: Plan) -> Any:
    return (
        select(
            Assignment.id,
            Assignment.unit_id,
            Assignment.issued_on,
            Assignment.due_on,
            Requirement.ref,
            Requirement.lead_id,
            Unit.code.label("unit"),
        )
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Unit.plan_id == plan.id)
    )


def _moves(row: AnyRow, plan: Plan, seed: int) -> Iterator[_Move]:
    """What happens to one assignment, in its order."""
    calendar, does = plan.work_calendar, habit(seed, row.unit, row.ref)
    reviewer = row.lead_id or row.unit_id

    def move(on: dt.date, before: Status, after: Status, due: dt.date, due_after: dt.date | None = None) -> _Move:
        reviews = before is Status.SUBMITTED
        actor, unit_id = ("审核人", reviewer) if reviews else (does.person, row.unit_id)
        return _Move(on, before, after, due, due_after or due, actor, unit_id)

    signed, handed_in, reviewed = _days(row, does, calendar)
    neglect = random.Random(f"{seed}/{row.unit}/{row.ref}/neglect").random()
    if neglect < UNSIGNED:
        return
    yield move(signed, Status.ISSUED, Status.ACKNOWLEDGED, row.due_on)
    if neglect < NEGLECTED:
        return
    yield move(handed_in, Status.ACKNOWLEDGED, Status.SUBMITTED, row.due_on)
    if does.rework_after is None:
        yield move(reviewed, Status.SUBMITTED, Status.ACCEPTED, row.due_on)
        return
    rework_by = max(row.due_on, calendar.add(reviewed, plan.rework_working_days))
    again = calendar.add(reviewed, does.rework_after)
    yield move(reviewed, Status.SUBMITTED, Status.RETURNED, row.due_on, rework_by)
    yield move(again, Status.RETURNED, Status.SUBMITTED, rework_by)
    yield move(calendar.add(again, does.review_after), Status.SUBMITTED, Status.ACCEPTED, rework_by)


def _days(row: AnyRow, does: Habit, calendar: WorkCalendar) -> tuple[dt.date, dt.date, dt.date]:
    """When it is signed for, handed in, and reviewed."""
    signed = calendar.add(row.issued_on, does.sign_after)
    handed_in = max(signed, calendar.add(row.due_on, does.submit_offset))
    return signed, handed_in, calendar.add(handed_in, does.review_after)


def _event(plan: Plan, assignment_id: int, move: _Move) -> dict[str, Any]:
    return {
        "at": first_round_on(move.on, plan.timezone) + NOON,
        "plan_id": plan.id,
        "assignment_id": assignment_id,
        "kind": EventKind.MOVED,
        "actor": move.actor,
        "actor_unit_id": move.actor_unit_id,
        "status_before": move.before,
        "status_after": move.after,
        "due_before": move.due_before,
        "due_after": move.due_after,
    }


def _standing(assignment_id: int, moves: list[_Move]) -> dict[str, Any]:
    last = moves[-1]
    handed_in = [move for move in moves if move.after is Status.SUBMITTED]
    standing = {
        "id": assignment_id,
        "status": last.after,
        "due_on": last.due_after,
        "late": any(move.on > move.due_before for move in handed_in),
        "submitted_on": handed_in[-1].on if handed_in else None,
        "version": len(handed_in),
        "done_until": last.on,
    }
    return standing if last.after.is_open else standing | {"next_action_at": None}
