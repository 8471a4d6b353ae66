"""Requests for more time, and objections, that wait for the office's decision."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from sqlalchemy import and_, literal, null, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.common.base import AnyRow, AnySelect
from models.common.errors import NotFoundError
from models.common.kinds import UnitKind
from models.common.status import OWED, Status
from models.common.text import Text
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.listing import ASSIGNMENT_COLUMNS, item_of
from models.queries.worklist import paged


@dataclasses.dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request for more time (`until` is the day asked for) or an objection, and the assignment that it is about."""

    id: int
    about: str  # "extension", or what an objection is about
    until: dt.date | None
    reason: str
    by_name: str
    at: dt.datetime
    assignment_id: int
    ref: str
    title: Text
    period: str
    item: Text | None
    unit: Text
    status: Status
    due_on: dt.date
    planned_due_on: dt.date
    provisional: bool
    phase_ends_on: dt.date

    @property
    def goes_beyond_phase(self) -> bool:
        """Whether more time until the day asked for would end after the last day of its phase."""
        return self.until is not None and self.until > self.phase_ends_on


# More time for what was handed in since changes nothing; where that is sent back, the request waits again.
WAITS = and_(Extension.granted.is_(None), Assignment.status.in_(OWED))
_ABOUT = ASSIGNMENT_COLUMNS.add_columns(Assignment.status, Phase.ends_on.label("phase_ends_on")).join(
    Phase, Phase.id == Requirement.phase_id
)


# On what the office asks for itself, the head of the group decides.
IS_OF_OFFICE = Assignment.unit_id.in_(select(Unit.id).where(Unit.kind == UnitKind.OFFICE))


def extensions(
    session: Session, plan: Plan, page: int = 1, *, decided_by: UnitKind = UnitKind.OFFICE
) -> list[PendingRequest]:
    """Requests for more time that nobody has decided and that would change something, the longest wait first.

    Those that the office decides on, or that the head of the group does.
    """
    asked = (
        Extension.id.label("plea_id"),
        literal("extension").label("about"),
        Extension.until,
        Extension.reason,
        Extension.asked_by.label("by_name"),
        Extension.asked_at.label("at"),
    )
    query = (
        _ABOUT.add_columns(*asked)
        .join(Extension, Extension.assignment_id == Assignment.id)
        .where(Phase.plan_id == plan.id, WAITS, IS_OF_OFFICE if decided_by is UnitKind.LEADER else ~IS_OF_OFFICE)
        .order_by(Extension.id)
    )
    return [_pending_request(row) for row in session.execute(paged(query, page))]


def objections(session: Session, plan: Plan, page: int = 1) -> list[PendingRequest]:
    """Objections that nobody has decided, the longest wait first."""
    raised = (
        Objection.id.label("plea_id"),
        Objection.about,
        null().label("until"),
        Objection.reason,
        Objection.by_name,
        Objection.at,
    )
    query = (
        _ABOUT.add_columns(*raised)
        .join(Objection, Objection.assignment_id == Assignment.id)
        .where(Phase.plan_id == plan.id, Objection.upheld.is_(None))
        .order_by(Objection.id)
    )
    return [_pending_request(row) for row in session.execute(paged(query, page))]


def _pending_request(row: AnyRow) -> PendingRequest:
    return PendingRequest(
        id=row.plea_id,
        about=row.about,
        until=row.until,
        reason=row.reason,
        by_name=row.by_name,
        at=row.at,
        assignment_id=row.id,
        ref=f"{row.requirement_ref}/{row.unit_code}",
        title=Text(row.title_zh, row.title_en),
        period=row.period,
        item=item_of(row),
        unit=Text(row.unit_zh, row.unit_en),
        status=row.status,
        due_on=row.due_on,
        planned_due_on=row.planned_due_on,
        provisional=row.due_provisional,
        phase_ends_on=row.phase_ends_on,
    )


def asked_for(session: Session, plan: Plan, extension_ids: Collection[int]) -> dict[int, int]:
    """For which assignment each of these requests asks for more time; ids of assignments by those of requests.

    Raises NotFoundError where one is none of the plan's.
    """
    wanted = set(extension_ids)
    query = pending_requests(plan, Extension).add_columns(Extension.assignment_id).where(Extension.id.in_(wanted))
    found = {row.id: row.assignment_id for row in session.execute(query.order_by(Extension.id))}
    if len(found) < len(wanted):
        raise NotFoundError("there is no such request")
    return found


def pending_requests(plan: Plan, plea: type[Extension | Objection]) -> AnySelect:
    return (
        select(plea.id)
        .join(Assignment, Assignment.id == plea.assignment_id)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id)
    )
