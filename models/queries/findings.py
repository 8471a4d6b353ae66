"""Findings with what is open of them, and whom a new one may ask."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager, lazyload

from models.assignments.assignment import Assignment
from models.common.errors import NotFoundError
from models.common.status import CLOSED
from models.finding import Finding
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Collective, CollectiveMember
from models.queries.worklist import WorkItem, paged, work_items


@dataclasses.dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, how many units were asked to put it right, and how many of them have not."""

    finding: Finding
    issued: int
    still_open: int


def finding_rows(session: Session, plan: Plan, page: int = 1) -> tuple[list[FindingRow], int]:
    """One page of the findings, the open ones first, and how many there are."""
    count = session.scalars(select(func.count()).where(Finding.plan_id == plan.id)).one()
    query = (
        select(
            Finding,
            func.count(Assignment.id),
            func.count(Assignment.id).filter(Assignment.status.not_in(CLOSED)),
        )
        .join(Finding.requirement)
        .outerjoin(Assignment, Assignment.requirement_id == Requirement.id)
        .options(contains_eager(Finding.requirement))
        .where(Finding.plan_id == plan.id)
        .group_by(Finding.id, Requirement.id)
        .order_by(Finding.closed_at.is_not(None), Finding.number.desc())
    )
    return [FindingRow(*row) for row in session.execute(paged(query, page))], count


def finding_at(session: Session, plan: Plan, finding_id: int) -> Finding:
    """Raises NotFoundError where it is none of the plan's."""
    query = select(Finding).join(Finding.requirement).options(contains_eager(Finding.requirement))
    found = session.scalar(query.where(Finding.id == finding_id, Finding.plan_id == plan.id))
    if found is None:
        raise NotFoundError("there is no such finding")
    return found


def works_of_finding(session: Session, plan: Plan, finding: Finding, today: dt.date) -> list[WorkItem]:
    """What was issued for a finding, a row a unit."""
    ids = session.scalars(select(Assignment.id).where(Assignment.requirement_id == finding.requirement_id)).all()
    return work_items(session, plan, ids, today)


def collectives_of(session: Session, plan: Plan) -> list[tuple[Collective, Sequence[int]]]:
    """The named sets of units, each with the ids of its members."""
    rows = session.execute(
        select(Collective, func.array_agg(CollectiveMember.unit_id))
        .join(CollectiveMember, CollectiveMember.collective_id == Collective.id)
        .where(Collective.plan_id == plan.id)
        .group_by(Collective.id)
        .order_by(Collective.id)
    )
    return [(collective, members) for collective, members in rows]


def open_phases(session: Session, plan: Plan) -> Sequence[Phase]:
    query = select(Phase).options(lazyload(Phase.ladder))
    query = query.where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN)
    return session.scalars(query.order_by(Phase.starts_on)).all()
