"""Overdue work with those who were notified of it, and work that waits for its reviewer. The first of each.

How many there are in all is for the board to say.
"""

import dataclasses
import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from models.assignments.assignment import Assignment
from models.assignments.reviewer import HAS_LEAD_OVER, reviewer_id
from models.common.base import any_of_ids
from models.common.message_kinds import MessageKind
from models.common.status import OWED, Status
from models.common.text import Text
from models.dates.instants import end_of
from models.patrol.escalation import Escalation
from models.plan.ladder import Audience, Step
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Ladders, Requirement
from models.plan.unit import Unit, bodies_of
from models.queries.worklist import WorkItem, work_items


@dataclasses.dataclass(frozen=True, slots=True)
class Overdue:
    """Overdue work; `told`: who was notified of it, with the day of the first notice."""

    work: WorkItem
    told: Mapping[Audience, dt.date]


@dataclasses.dataclass(frozen=True, slots=True)
class InReview:
    """Work that was handed in on a day and that `reviewer` has not judged."""

    work: WorkItem
    reviewer: Text
    since: dt.date


def overdue(session: Session, plan: Plan, today: dt.date, limit: int) -> list[Overdue]:
    """What has been overdue longest first."""
    ids = session.scalars(
        select(Assignment.id)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id, Assignment.status.in_(OWED), Assignment.due_on < today)
        .where(~Requirement.open_ended)
        .order_by(Assignment.due_on, Requirement.ref, Assignment.id)
        .limit(limit)
    ).all()
    shown = _shown(session, plan, ids, today)
    due = {work.id: work.due_on for work in shown.values()}
    told = notified_since(session, plan, due, end_of(today, plan.timezone))
    return [Overdue(shown[one], told.get(one, {})) for one in ids]


def notified_since(
    session: Session, plan: Plan, due: Mapping[int, dt.date], by: dt.datetime
) -> Mapping[int, dict[Audience, dt.date]]:
    """Who had been notified by then that these assignments were past these dates; historic steps were never sent.

    The day is the one on which patrol told them: after an outage it is later than the step's own. What was said before
    an extension is settled with it.
    """
    ladders = Ladders(session, plan)
    fired = session.execute(
        select(
            Escalation.assignment_id,
            Escalation.anchor_on,
            Escalation.step,
            Escalation.at,
            Requirement.phase_id,
            Requirement.ladder_id,
            and_(HAS_LEAD_OVER, WAS_KNOWN).label("has_lead"),
        )
        .join(Assignment, Assignment.id == Escalation.assignment_id)
        .join(Assignment.requirement)
        .where(any_of_ids(Escalation.assignment_id, due), Escalation.at <= by, ~Escalation.historic)
        .order_by(Escalation.at, Escalation.id)
    )
    told: dict[int, dict[Audience, dt.date]] = defaultdict(dict)
    for row in fired:
        step = _overdue_steps(ladders.of(row.phase_id, row.ladder_id)).get(row.step)
        if step is None or row.anchor_on != due[row.assignment_id]:
            continue
        for audience in step.audience:
            # For a lead's own item, and for one that nobody leads, there is no other unit to tell.
            if audience is not Audience.LEAD or row.has_lead:
                told[row.assignment_id].setdefault(audience, plan.day_of(row.at))
    return told


# A lead that was settled later heard of nothing before.
WAS_KNOWN = or_(Requirement.lead_since.is_(None), Requirement.lead_since < Escalation.at)


@functools.cache
def _overdue_steps(rungs: tuple[Step, ...]) -> Mapping[str, Step]:
    return {step.code: step for step in rungs if step.kind is MessageKind.OVERDUE}


def in_review(session: Session, plan: Plan, today: dt.date, limit: int) -> list[InReview]:
    """What has waited longest first."""
    reviewer = aliased(Unit)
    office, leader = bodies_of(session, plan.id)
    rows = session.execute(
        select(Assignment.id, Assignment.submitted_on, reviewer.name_zh, reviewer.name_en)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(reviewer, reviewer.id == reviewer_id(office.id, leader.id))
        .where(Phase.plan_id == plan.id, Assignment.status == Status.SUBMITTED)
        .order_by(Assignment.submitted_on, Requirement.ref, Assignment.id)
        .limit(limit)
    ).all()
    shown = _shown(session, plan, [row.id for row in rows], today)
    return [InReview(shown[row.id], Text(row.name_zh, row.name_en), row.submitted_on) for row in rows]


def _shown(session: Session, plan: Plan, ids: Sequence[int], today: dt.date) -> Mapping[int, WorkItem]:
    return {work.id: work for work in work_items(session, plan, ids, today)}
