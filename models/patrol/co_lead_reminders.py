"""Reminds co-leads that have said nothing, while what they say still counts."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment, by_ids
from models.assignments.messages import message_about
from models.assignments.opinion import asked_about
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.dates.workdays import ONE_DAY
from models.outbox.message import NewMessage, post
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import CoLead, Requirement

LONGEST_HOLIDAY = 15  # days off in a row that no calendar exceeds


def remind_co_leads(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """On the last day on which a co-lead may speak, ask those once more that have not; returns how many messages.

    Afterwards saying nothing is agreeing, and there is nothing to remind of.
    """
    today = plan.day_of(at)
    query = (
        select(Assignment.id)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(
            Phase.plan_id == plan.id,
            Requirement.id.in_(select(CoLead.requirement_id)),
            Assignment.status == Status.SUBMITTED,
            Assignment.submitted_on.in_(_submitted_on(plan, today)),
        )
        .order_by(Assignment.id)
    )
    rows = by_ids(session, plan, session.scalars(query).all(), lock=False)
    asked = asked_about(session, plan, rows)
    messages: list[NewMessage] = [
        message_about(one, MessageKind.OPINION_ASKED, who.unit.id, at)
        for one in rows
        for who in asked.get(one.id, ())
        if who.opinion is None
    ]
    return post(session, plan, messages)


def _submitted_on(plan: Plan, today: dt.date) -> list[dt.date]:
    """The days from which the time to speak ends today."""
    calendar, days = plan.work_calendar, plan.co_lead_working_days
    earliest = today - (2 * days + LONGEST_HOLIDAY) * ONE_DAY
    span = (earliest + number * ONE_DAY for number in range((today - earliest).days))
    return [day for day in span if calendar.add(day, days) == today]
