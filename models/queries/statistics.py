"""Named read questions: how things stand, on any date."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.changes import earlier_roles, role_on
from models.assignments.history import changes_until, history_of
from models.assignments.light import Light, light, was_late
from models.common.base import AnyRow, AnySelect
from models.common.event import Event, EventKind
from models.common.status import Status
from models.dates.instants import end_of
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.patrol.escalation import Escalation
from models.plan.area import Role
from models.plan.document import Counted
from models.plan.indicator import Indicator
from models.plan.phase import Phase, phase_label
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import BODIES, Unit
from models.queries.counts import tally


@dataclasses.dataclass(frozen=True, slots=True)
class AssignmentSnapshot:
    """One assignment on one date."""

    ref: str
    phase: str
    requirement: str
    unit: str
    role: Role
    status: Status
    light: Light
    due_on: dt.date
    was_late: bool


def snapshots(session: Session, plan: Plan, on: dt.date) -> Iterator[AssignmentSnapshot]:
    """Every assignment that was issued by that date, as it stood at its end, from the journal alone."""
    changes = changes_until(session, plan, on)
    for row in session.execute(_assignments(plan, on)):
        history = changes.get(row.id)
        if not history:
            continue
        past = history_of(plan, history, row.issued_on, on, open_ended=row.open_ended)
        shown = light(past, on, plan.limits_on(on).near_limit_days)
        yield AssignmentSnapshot(
            ref=f"{row.ref}/{row.unit}",
            phase=phase_label(row.phase, row.period, row.phase_ref),
            requirement=row.ref,
            unit=row.unit,
            role=row.role,
            status=history[-1].status,
            light=shown,
            due_on=history[-1].due_on,
            was_late=shown is Light.RED or was_late(past, on),
        )


def _assignments(plan: Plan, on: dt.date) -> AnySelect:
    earlier = earlier_roles(plan, on)
    return (
        select(
            Assignment.id,
            role_on(earlier),
            Assignment.issued_on,
            Requirement.ref,
            Requirement.open_ended,
            Unit.code.label("unit"),
            Phase.code.label("phase"),
            Phase.period,
            Phase.ref.label("phase_ref"),
        )
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .outerjoin(earlier, earlier.c.assignment_id == Assignment.id)
        .where(Phase.plan_id == plan.id)
        .order_by(Phase.starts_on, Requirement.due_on, Requirement.ref, Unit.code)
    )


def counts_by_light(session: Session, plan: Plan, on: dt.date) -> list[dict[str, Any]]:
    """How many assignments, by phase, role, status and light; the overdue and late ones among them."""
    counts: Counter[tuple[str, Role, Status, Light]] = Counter()
    for one in sorted(tally(session, plan, on), key=lambda one: (one.requirement.starts_on, one.role)):
        phase = one.requirement.label
        counts[phase, one.role, one.status, one.light] += one.amount
    return [
        {"phase": phase, "role": role.value, "status": status.value, "light": shown.value, "count": count}
        for (phase, role, status, shown), count in counts.items()
    ]


def entries_by_kind(session: Session, plan: Plan) -> dict[EventKind, int]:
    """How many entries of each kind the journal has."""
    query = select(Event.kind, func.count()).where(Event.plan_id == plan.id).group_by(Event.kind)
    return dict(session.execute(query).all())


def moves_by_status(session: Session, plan: Plan) -> dict[Status, int]:
    """How often assignments came into each status; one that was returned was handed in twice."""
    query = select(Event.status_after, func.count()).where(Event.plan_id == plan.id).group_by(Event.status_after)
    moved = query.where(Event.kind.in_((EventKind.ISSUED, EventKind.MOVED)))
    return {status: count for status, count in session.execute(moved) if status is not None}


def issued_by_phase(session: Session, plan: Plan) -> dict[str, int]:
    rows = session.execute(
        select(Phase.code, Phase.period, Phase.ref, func.count(Assignment.id))
        .join(Requirement, Requirement.phase_id == Phase.id)
        .join(Assignment, Assignment.requirement_id == Requirement.id)
        .where(Phase.plan_id == plan.id)
        .group_by(Phase.id)
        .order_by(Phase.starts_on)
    )
    return {phase_label(code, period, ref): count for code, period, ref, count in rows}


def escalations_by_step(session: Session, plan: Plan, on: dt.date | None = None) -> dict[str, dict[str, int]]:
    """How often each step fired, phase by phase, history left out."""
    query = (
        select(Phase.code, Phase.period, Phase.ref, Escalation.step, func.count())
        .join(Assignment, Assignment.id == Escalation.assignment_id)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id, ~Escalation.historic)
        .group_by(Phase.id, Escalation.step)
        .order_by(Phase.starts_on, Escalation.step)
    )
    if on is not None:
        query = query.where(Escalation.at <= end_of(on, plan.timezone))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for code, period, ref, step, count in session.execute(query):
        found[phase_label(code, period, ref)][step] = count
    return dict(found)


def message_counts(session: Session, plan: Plan, on: dt.date | None = None) -> dict[str, int]:
    """Messages by status, the letters that carried them, and how many messages stood in two letters that were sent.

    On a past day what was sent later still waited. When a message was dropped or given up is not kept.
    """
    query = select(Message.status, func.count()).join(Unit, Unit.id == Message.recipient_id).group_by(Message.status)
    query = query.where(Unit.plan_id == plan.id)
    letters = (
        select(func.count())
        .select_from(Attempt)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .where(Unit.plan_id == plan.id, Attempt.outcome == AttemptOutcome.SENT)
    )
    if on is not None:
        query = query.where(Message.created_at <= end_of(on, plan.timezone))
        letters = letters.where(Attempt.at <= end_of(on, plan.timezone))
    counts = {status.value: 0 for status in MessageStatus}
    counts |= {status.value: count for status, count in session.execute(query)}
    if on is not None:
        later = session.scalars(_sent_later(plan, end_of(on, plan.timezone))).one()
        counts[MessageStatus.SENT] -= later
        counts[MessageStatus.PENDING] += later
    counts["letters"] = session.scalars(letters).one()
    counts["duplicates"] = doubled(session, plan)
    return counts


def _sent_later(plan: Plan, until: dt.datetime) -> AnySelect:
    """How many messages were written by then and sent after it."""
    return (
        select(func.count(func.distinct(Message.id)))
        .join(AttemptMessage, AttemptMessage.message_id == Message.id)
        .join(Attempt, Attempt.id == AttemptMessage.attempt_id)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .where(
            Unit.plan_id == plan.id,
            Message.created_at <= until,
            Message.status == MessageStatus.SENT,
            Attempt.outcome == AttemptOutcome.SENT,
            Attempt.at > until,
        )
    )


def messages_by_phase(session: Session, plan: Plan) -> dict[str, int]:
    """How many messages were sent about each phase and its assignments."""
    about = func.coalesce(Message.phase_id, Requirement.phase_id)
    rows = session.execute(
        select(Phase.code, Phase.period, Phase.ref, func.count(Message.id))
        .select_from(Message)
        .outerjoin(Assignment, Assignment.id == Message.assignment_id)
        .outerjoin(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == about)
        .where(Phase.plan_id == plan.id, Message.status == MessageStatus.SENT)
        .group_by(Phase.id)
        .order_by(Phase.starts_on)
    )
    return {phase_label(code, period, ref): count for code, period, ref, count in rows}


def doubled(session: Session, plan: Plan) -> int:
    """How many messages went out more than once."""
    twice = (
        select(AttemptMessage.message_id)
        .join(Attempt, Attempt.id == AttemptMessage.attempt_id)
        .join(Unit, Unit.id == Attempt.recipient_id)
        .where(Unit.plan_id == plan.id, Attempt.outcome == AttemptOutcome.SENT)
        .group_by(AttemptMessage.message_id)
        .having(func.count() > 1)
        .subquery()
    )
    return session.scalars(select(func.count()).select_from(twice)).one()


def plan_counts(session: Session, plan: Plan) -> dict[str, Any]:
    """What the plan holds: units, measures and indicators declared and enumerated.

    Of measures what the plan declares as a whole, or else area by area; of indicators None where it declares nothing.
    """
    declared = plan.content.get("declared") or {}
    in_all = plan.content.get("declared_in_all") or {}
    areas = plan.content.get("areas") or {}
    of_areas = sum(entry["declared"] for entry in declared.values())
    return {
        "units": session.scalars(
            select(func.count()).select_from(Unit).where(Unit.plan_id == plan.id, Unit.kind.not_in(BODIES))
        ).one(),
        "measures": {
            "declared": in_all.get(Counted.MEASURES, {}).get("declared", of_areas),
            "enumerated": sum(len(area["measures"]) for area in areas.values()),
        },
        "indicators": session.scalars(
            select(func.count()).select_from(Indicator).where(Indicator.plan_id == plan.id)
        ).one(),
        "indicators_declared": in_all.get(Counted.INDICATORS, {}).get("declared"),
    }


def journal(session: Session, plan: Plan) -> Iterator[AnyRow]:
    """The journal in an order that does not depend on ids: time, then what it is about, then its own order."""
    about = func.coalesce(Requirement.ref + "/" + Unit.code, "")
    yield from session.execute(
        select(
            Event.at,
            about.label("ref"),
            Event.kind,
            Event.actor,
            Event.status_before,
            Event.status_after,
            Event.due_before,
            Event.due_after,
            Event.why,
            Event.detail,
        )
        .outerjoin(Assignment, Assignment.id == Event.assignment_id)
        .outerjoin(Requirement, Requirement.id == Assignment.requirement_id)
        .outerjoin(Unit, Unit.id == Assignment.unit_id)
        .where(Event.plan_id == plan.id)
        .order_by(Event.at, about.collate("C"), Event.id)
    )
