"""How much waits for the office, over all its queues."""

import dataclasses
import datetime as dt

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.common.base import AnySelect
from models.common.status import OWED
from models.complaint import Complaint
from models.outbox.message import Message
from models.phases.settling import count_unsettled
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.unit import Unit
from models.queries.queues.complaints import unanswered
from models.queries.queues.dead_messages import dead
from models.queries.queues.escalations import reached
from models.queries.queues.gates import waiting_at_gate
from models.queries.queues.promises import in_force
from models.queries.queues.requests import IS_OF_OFFICE, WAITS, pending_requests
from models.queries.worklist import counting_to_review


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for the office. `messages` are notices that were given up; `own` is what it owes itself as a lead.

    `promises` are those in force, of which `broken` were not kept; what is late by that stands among the escalated.
    `escalated` are those that nobody has seen to since, of `escalated_in_all`.
    `unsettled` are parties that the plan does not settle.
    """

    to_review: int
    extensions: int
    escalated: int
    objections: int
    messages: int
    complaints: int
    gates: int
    unsettled: int = 0
    own: int = 0
    promises: int = 0
    broken: int = 0
    escalated_in_all: int = 0

    @property
    def total(self) -> int:
        """All but the reviews, which have a place of their own."""
        decisions = self.extensions + self.objections + self.complaints + self.gates + self.unsettled
        return decisions + self.escalated + self.messages


def waiting(session: Session, plan: Plan, office: Unit, today: dt.date) -> Waiting:
    """How much waits, in one question."""
    counts = (
        counting_to_review(plan, office).scalar_subquery(),
        _count(pending_requests(plan, Extension).where(WAITS, ~IS_OF_OFFICE)),
        _count(reached(plan, today, everything=False)),
        _count(pending_requests(plan, Objection).where(Objection.upheld.is_(None))),
        _count(dead(plan, Message.id)),
        _count(select(Complaint.id).where(unanswered(plan))),
        _count(select(Phase.id).where(waiting_at_gate(plan, today))),
        count_unsettled(plan),
        _count(select(Assignment.id).where(Assignment.unit_id == office.id, Assignment.status.in_(OWED))),
        _count(in_force(plan, today)),
        _count(in_force(plan, today, only_broken=True)),
        _count(reached(plan, today)),
    )
    return Waiting(*session.execute(select(*counts)).one())


def waiting_for_leader(plan: Plan, leader: Unit) -> ScalarSelect[int]:
    """How much of the office's own waits for the head of the group: hand-ins to review, requests for more time."""
    wanted = _count(pending_requests(plan, Extension).where(WAITS, IS_OF_OFFICE))
    return select(counting_to_review(plan, leader).scalar_subquery() + wanted).scalar_subquery()


def _count(query: AnySelect) -> ScalarSelect[int]:
    return select(func.count()).select_from(query.subquery()).scalar_subquery()
