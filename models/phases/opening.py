"""Issuing: requirements become assignments. Opening a phase does it for all of the phase's, in one transaction."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.common.base import as_array
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.dates.instants import first_round_on
from models.outbox.message import Message, MessageStatus, NewMessage, post
from models.phases.gate import open_round
from models.plan.ladder import LadderState, next_look
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Ladder, Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit, body_of

# A unit that an item names more than once, alone or in a collective, gets one assignment, as lead where it
# leads. The caller's lock on the phase says that nothing was issued yet; ON CONFLICT would look up every row once more.
# The journal says the phase of no assignment: it follows from the requirement, and each foreign key of a million rows
# takes seconds.
AS_PLANNED: Mapping[int, dt.date] = MappingProxyType({})
ISSUE = """
WITH dated AS (
    SELECT * FROM unnest(
        CAST(:requirement_id AS bigint[]), CAST(:issued_on AS date[]), CAST(:planned_due_on AS date[]),
        CAST(:due_on AS date[]), CAST(:due_provisional AS boolean[]), CAST(:next_action_at AS timestamptz[])
    ) AS dated (requirement_id, issued_on, planned_due_on, due_on, due_provisional, next_action_at)
), named AS (
    SELECT requirement_id, coalesce(addressee.unit_id, member.unit_id) AS unit_id, role
    FROM addressee LEFT JOIN collective_member AS member USING (collective_id)
), issued AS (
    INSERT INTO assignment (
        requirement_id, unit_id, role, status, issued_on, planned_due_on, due_on, due_provisional,
        done_until, next_action_at
    )
    SELECT DISTINCT ON (requirement_id, unit_id)
           requirement_id, unit_id, role, 'issued', issued_on, planned_due_on, due_on, due_provisional,
           issued_on, next_action_at
    FROM dated JOIN named USING (requirement_id)
    WHERE {which}
    ORDER BY requirement_id, unit_id, role = 'lead' DESC, role = 'co-lead' DESC
    RETURNING id, unit_id, due_on
), journalled AS (
    INSERT INTO event (
        at, plan_id, assignment_id, kind, actor, actor_unit_id, run, address, access_id, status_after, due_after
    )
    SELECT :at, :plan_id, id, 'issued', :actor, :actor_unit_id, :run, :address, :access_id, 'issued', due_on
    FROM issued
)
SELECT unit_id, count(*) AS issued, max(due_on) AS last_due_on, min(due_on) AS first_due_on
FROM issued GROUP BY unit_id
"""
ISSUE_ALL = text(ISSUE.format(which="true"))
ISSUE_MISSING = text(
    ISSUE.format(
        which="""unit_id = ANY(CAST(:only_to AS bigint[])) AND NOT EXISTS (
        SELECT FROM assignment AS had
        WHERE had.requirement_id = dated.requirement_id AND had.unit_id = named.unit_id
    )"""
    )
)

LONG_BEFORE = 30  # days: who starts a phase earlier than that is asked whether it is meant


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """What opening did. `is_new` is false where the phase was open or closed already: then nothing was issued.

    `days_early`: before the day on which the plan hands the work out.
    """

    phase_id: int
    phase_ref: str
    status: PhaseStatus
    issued: int
    is_new: bool
    days_early: int = 0


def days_before(plan: Plan, phase: Phase, at: dt.datetime) -> int:
    """How many days before the plan's day the work of a phase that is not open yet would be handed out now."""
    return max(0, (phase.issue_on - plan.day_of(at)).days) if phase.status is PhaseStatus.PLANNED else 0


def open_phase(session: Session, plan: Plan, phase: Phase, *, actor: Actor, at: dt.datetime) -> Opening:
    """Open the phase and hand its work out. Repeatable; the caller holds the phase's row lock."""
    if phase.status is not PhaseStatus.PLANNED:
        return Opening(phase.id, phase.ref, phase.status, issued=0, is_new=False)
    today = plan.day_of(at)
    plan.go_live_on = plan.go_live_on or today
    phase.status, phase.opened_at, phase.ladder_id = PhaseStatus.OPEN, at, plan.ladder_id
    session.flush()
    requirements = session.scalars(select(Requirement).where(Requirement.phase_id == phase.id)).all()
    issued_on = issue_date(plan, phase, today)
    by_unit = issue(session, plan, phase, requirements, actor=actor, at=at, issued_on=issued_on)
    issued = sum(row.issued for row in by_unit)
    record(
        session,
        EventKind.PHASE_OPENED,
        actor,
        at,
        plan_id=plan.id,
        phase_id=phase.id,
        detail={"phase": phase.ref, "issued": issued},
    )
    post(session, plan, _messages(session, plan, phase, by_unit, at))
    open_round(session, phase, at)
    early = max(0, (phase.issue_on - today).days)
    return Opening(phase.id, phase.ref, phase.status, issued=issued, is_new=True, days_early=early)


def issue_date(plan: Plan, phase: Phase, today: dt.date) -> dt.date:
    """The day that the ladder counts from: today, or the planned day where that was before notices began."""
    live_from = plan.go_live_on or today
    return phase.issue_on if phase.issue_on < live_from else today


def issue(
    session: Session,
    plan: Plan,
    phase: Phase,
    requirements: Sequence[Requirement],
    *,
    actor: Actor,
    at: dt.datetime,
    issued_on: dt.date,
    until: Mapping[int, dt.date] = AS_PLANNED,
    only_to: Sequence[int] | None = None,
) -> Sequence[Any]:
    """Hand requirements of one phase, written to the database, out to their addressees; returns a row a unit.

    Once for each requirement: a second time breaks the constraint on requirement and unit, and writes nothing; with
    `only_to`, these units get what they do not have. `until` holds dates other than the plan's, by the requirement's
    id. The caller holds the phase's row lock.
    """
    usual = phase.ladder or plan.ladder
    rows = [dated(plan, one.ladder or usual, one, issued_on, until.get(one.id)) for one in requirements]
    columns = {
        name: [row[name] for row in rows]
        for name in (
            "requirement_id",
            "issued_on",
            "planned_due_on",
            "due_on",
            "due_provisional",
            "next_action_at",
        )
    }
    common = {
        "at": at,
        "plan_id": plan.id,
        "actor": actor.name,
        "actor_unit_id": actor.unit_id,
        "run": actor.run,
        "address": actor.address,
        "access_id": actor.access,
    }
    if only_to is None:
        return session.execute(ISSUE_ALL, columns | common).all()
    return session.execute(ISSUE_MISSING, columns | common | {"only_to": as_array(only_to)}).all()


def dated(
    plan: Plan, ladder: Ladder, requirement: Requirement, issued_on: dt.date, until: dt.date | None = None
) -> dict[str, Any]:
    """The dates that all assignments of a requirement share. A date on a day off moves as the plan says.

    `until`: the date that the office names in the place of the plan's.
    """
    settled = plan.work_calendar.settle(requirement.due_on, requirement.on_day_off)
    if until is not None:
        settled = plan.work_calendar.settle(until)
    elif settled.on < issued_on <= requirement.due_on:
        settled = plan.work_calendar.settle(requirement.due_on)  # nothing is overdue as it is handed out
    standing = LadderState(Status.ISSUED, issued_on, settled.on, None, issued_on)
    look_on = next_look(ladder.rungs, standing, plan.work_calendar, plan.go_live_on or issued_on)
    return {
        "requirement_id": requirement.id,
        "issued_on": issued_on,
        "planned_due_on": requirement.due_on,
        "due_on": settled.on,
        "due_provisional": settled.provisional,
        "next_action_at": look_on and first_round_on(look_on, plan.timezone),
    }


def _messages(session: Session, plan: Plan, phase: Phase, by_unit: Sequence[Any], at: dt.datetime) -> list[NewMessage]:
    """A notice for each unit, unless all its work was due before notices began; for that, one about the backlog."""
    live_from = plan.go_live_on or plan.day_of(at)
    messages = [
        NewMessage(row.unit_id, MessageKind.ISSUED, phase.ref, at, phase_id=phase.id)
        for row in by_unit
        if row.last_due_on >= live_from
    ]
    if any(row.first_due_on < live_from for row in by_unit):
        office = body_of(session, plan.id, UnitKind.OFFICE)
        messages.append(NewMessage(office.id, MessageKind.BACKLOG, plan.code, at, phase_id=phase.id))
    return messages


def units_to_notify(session: Session, phase: Phase) -> Sequence[str]:
    """Codes of the units whose notice of this phase waits to be sent; empty once all are told."""
    return session.scalars(
        select(Unit.code)
        .join(Message, Message.recipient_id == Unit.id)
        .where(
            Message.phase_id == phase.id,
            Message.kind == MessageKind.ISSUED,
            Message.status.in_((MessageStatus.PENDING, MessageStatus.SENDING)),
        )
        .order_by(Unit.code)
    ).all()
