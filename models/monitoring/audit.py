"""The audit: every assignment of a plan replayed, read in one pass over the journal and in little memory."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.reviewer import body_over, lead_over
from models.common.base import AnyRow, AnySelect, any_of_ids
from models.common.event import Event, EventKind
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.monitoring.moved_roles import moves_of_roles
from models.monitoring.replay import (
    CHANGES,
    AssignmentHistory,
    Audited,
    Entry,
    EscalationRow,
    Rules,
    SentMessage,
    replay,
)
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.patrol.calendar_update import earlier_calendars
from models.patrol.escalation import Escalation
from models.patrol.rounds import PatrolRound
from models.plan.area import Role
from models.plan.ladder import Audience
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Ladders, Requirement
from models.plan.unit import Unit, body_of

MAX_ROWS_IN_MEMORY = 2000  # rows of each table that are held in memory
BY_LADDER = (MessageKind.REMINDER, MessageKind.OVERDUE, MessageKind.UNSIGNED, MessageKind.UNREVIEWED)


def look_at_once(session: Session) -> None:
    """Let the transaction see the database as it is now, whatever patrol does meanwhile; its first statement."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    # Sorting a national journal takes longer than the statement timeout allows.
    session.execute(text("SET LOCAL statement_timeout = 0"))


def audit(session: Session, plan: Plan, *, until: dt.datetime, ids: Collection[int] | None = None) -> Iterator[Audited]:
    """Replay every assignment of a plan (or these), one after the other: as many as there are, in little memory."""
    rules = _rules(session, plan)
    for life in _lives(session, plan, ids):
        yield replay(life, rules, until)


def _rules(session: Session, plan: Plan) -> Rules:
    return Rules(
        calendar=plan.work_calendar,
        timezone=plan.timezone,
        live_from=plan.go_live_on or dt.date.min,
        office_id=body_of(session, plan.id, UnitKind.OFFICE).id,
        leader_id=body_of(session, plan.id, UnitKind.LEADER).id,
        rounds=_rounds(session, plan),
        earlier=earlier_calendars(plan),
    )


def _rounds(session: Session, plan: Plan) -> Sequence[dt.datetime]:
    """When patrol ran to its end. Where no round is recorded, steps that fired show that it ran."""
    rounds = session.execute(select(PatrolRound.at, PatrolRound.ended_at).where(PatrolRound.plan_id == plan.id)).all()
    ended = {at for at, ended_at in rounds if ended_at is not None}
    cut_short = {at for at, ended_at in rounds if ended_at is None}
    fired = select(Event.at).where(Event.plan_id == plan.id, Event.kind == EventKind.ESCALATED).distinct()
    return sorted(ended | (set(session.scalars(fired)) - cut_short))


def _lives(session: Session, plan: Plan, ids: Collection[int] | None) -> Iterator[AssignmentHistory]:
    entries = _Stream(session, _entries(plan), Event.assignment_id, ids)
    traces = _Stream(session, _traces(plan), Escalation.assignment_id, ids)
    messages = _Stream(session, _messages(plan), Message.assignment_id, ids)
    moved = moves_of_roles(session, plan)
    ladders = Ladders(session, plan)
    assignments = _assignments(plan) if ids is None else _assignments(plan).where(any_of_ids(Assignment.id, ids))
    for row in session.execute(assignments.order_by(Assignment.id).execution_options(yield_per=MAX_ROWS_IN_MEMORY)):
        yield AssignmentHistory(
            ref=row.ref,
            unit_id=row.unit_id,
            lead_id=lead_over(row.role, row.unit_id, row.lead_id),
            lead_since=row.lead_since,
            leads_before=moved.leads_before(row),
            body_over=Audience(body_over(row.unit_kind)),
            leads=row.role is Role.LEAD,
            is_led=row.lead_id == row.unit_id or moved.was_led(row),
            ladder=ladders.of(row.phase_id, row.ladder_id),
            issued_on=row.issued_on,
            status=row.status,
            due_on=row.due_on,
            done_until=row.done_until,
            promised_on=row.promised_on,
            next_action_at=row.next_action_at,
            is_aside=bool(row.needs_attention),
            entries=[_entry(one) for one in entries.of(row.id)],
            traces=[EscalationRow(*one[1:]) for one in traces.of(row.id)],
            told=[_telling(one) for one in messages.of(row.id)],
        )


class _Stream:
    """The rows of one table in the order of their assignments, read once from front to back."""

    def __init__(self, session: Session, query: AnySelect, key: Any, ids: Collection[int] | None) -> None:
        mine = query if ids is None else query.where(any_of_ids(key, ids))
        rows = session.execute(mine.execution_options(yield_per=MAX_ROWS_IN_MEMORY))
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, assignment_id: int) -> Sequence[AnyRow]:
        """The rows of an assignment; ids are asked for in their order."""
        while self._next is not None and self._next[0] < assignment_id:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != assignment_id:
            return ()
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows


def _assignments(plan: Plan) -> AnySelect:
    return (
        select(
            Assignment.id,
            (Requirement.ref + "/" + Unit.code).label("ref"),
            Assignment.unit_id,
            Assignment.role,
            Assignment.status,
            Assignment.issued_on,
            Assignment.due_on,
            Assignment.done_until,
            Assignment.promised_on,
            Assignment.next_action_at,
            Assignment.needs_attention,
            Requirement.phase_id,
            Requirement.id.label("requirement_id"),
            Requirement.ladder_id,
            Requirement.lead_id,
            Requirement.lead_since,
            Unit.kind.label("unit_kind"),
        )
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id)
    )


def _entries(plan: Plan) -> AnySelect:
    return (
        select(
            Event.assignment_id,
            Event.at,
            Event.kind,
            Event.status_before,
            Event.status_after,
            Event.due_before,
            Event.due_after,
            Event.detail,
            Event.actor_unit_id,
            Event.id,
        )
        .where(
            Event.plan_id == plan.id,
            Event.assignment_id.is_not(None),
            Event.kind.in_((EventKind.ISSUED, EventKind.ESCALATED, *CHANGES)),
        )
        .order_by(Event.assignment_id, Event.id)
    )


def _entry(row: AnyRow) -> Entry:
    fields = (row.at, row.kind, row.status_before, row.status_after, row.due_before, row.due_after)
    detail: Mapping[str, Any] = row.detail or {}
    if row.kind is EventKind.EXPLAINED:
        return Entry(*fields, promised_on=dt.date.fromisoformat(detail["until"]), id=row.id)
    if row.kind is not EventKind.ESCALATED:
        return Entry(*fields, by_unit_id=row.actor_unit_id, id=row.id)
    fell_on = dt.date.fromisoformat(detail.get("fell_on", "0001-01-01"))
    return Entry(*fields, detail.get("step", ""), fell_on, bool(detail.get("historic")), id=row.id)


def _traces(plan: Plan) -> AnySelect:
    return (
        select(
            Escalation.assignment_id,
            Escalation.step,
            Escalation.anchor_on,
            Escalation.fell_on,
            Escalation.historic,
            Escalation.at,
        )
        .join(Assignment, Assignment.id == Escalation.assignment_id)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id)
        .order_by(Escalation.assignment_id, Escalation.id)
    )


# In how many letters that were sent a message stands.
_LETTERS = (
    select(func.count())
    .select_from(AttemptMessage)
    .join(Attempt, Attempt.id == AttemptMessage.attempt_id)
    .where(AttemptMessage.message_id == Message.id, Attempt.outcome == AttemptOutcome.SENT)
    .scalar_subquery()
)


def _telling(row: AnyRow) -> SentMessage:
    is_sent = row.status is MessageStatus.SENT
    return SentMessage(row.recipient_id, row.kind, row.for_date, is_sent, row.letters, may_be_a_repeat=row.unsure)


def _messages(plan: Plan) -> AnySelect:
    return (
        select(
            Message.assignment_id,
            Message.recipient_id,
            Message.kind,
            Message.for_date,
            Message.status,
            Message.unsure,
            _LETTERS.label("letters"),
        )
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.assignment_id.is_not(None), Message.kind.in_(BY_LADDER))
        .order_by(Message.assignment_id, Message.id)
    )
