"""What waits for the leading-group office, queue by queue, and the lists that it works with."""

import dataclasses
import datetime as dt
import re
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Date, ScalarSelect, and_, cast, column, exists, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import JSONB, array, distinct_on
from sqlalchemy.orm import Session, contains_eager, lazyload

from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.objection import Objection
from models.common.base import AnyRow, AnySelect
from models.common.errors import NotFoundError
from models.common.event import Event, EventKind
from models.common.message_kinds import MessageKind
from models.common.status import CLOSED, OWED, Status
from models.common.text import Text
from models.complaint import Complaint
from models.finding import Finding
from models.outbox.message import Attempt, AttemptMessage, Message, MessageStatus
from models.patrol.escalation import Escalation
from models.phases.gate import Gate
from models.plan.ladder import Audience, Condition
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Ladder, Plan
from models.plan.requirement import Requirement
from models.plan.unit import Collective, CollectiveMember, Unit
from models.queries.listing import ASSIGNMENT_COLUMNS, item_of
from models.queries.worklist import PAGE, WorkItem, counting_to_review, work_items

MAX_BLOCKING_SHOWN = 200  # of what keeps a phase open: nobody reads further


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for the office. `messages` are notices that were given up."""

    to_review: int
    extensions: int
    escalated: int
    objections: int
    messages: int
    complaints: int
    gates: int

    @property
    def total(self) -> int:
        """All but the reviews, which have a place of their own."""
        return self.extensions + self.escalated + self.objections + self.messages + self.complaints + self.gates


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
    item: Text | None
    unit: Text
    status: Status
    due_on: dt.date
    planned_due_on: dt.date
    provisional: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Escalated:
    """Overdue work, and since when the office and the leader of the group know of it."""

    work: WorkItem
    office_since: dt.date | None
    leader_since: dt.date | None


@dataclasses.dataclass(frozen=True, slots=True)
class DeadMessage:
    """A notice that was given up; `said` is what the channel answered last."""

    unit_code: str
    unit: Text
    kind: MessageKind
    subject: str
    tries: int
    said: str
    at: dt.datetime

    @property
    def ref(self) -> str:
        """What it is about, as people name it."""
        return re.split("[#+]", self.subject)[0]


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase, how much was issued in it, the newest round of its gate, and the run in Prefect that is known."""

    phase: Phase
    issued: int
    still_open: int
    round: int | None
    run: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Blocking:
    """What keeps a phase open: `count` of all, and the first of them, unit by unit."""

    count: int
    rows: Sequence[AnyRow]


@dataclasses.dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, how many units were asked to put it right, and how many of them have not."""

    finding: Finding
    issued: int
    still_open: int


def waiting(session: Session, plan: Plan, office: Unit, today: dt.date) -> Waiting:
    """How much waits, in one question."""
    counts = (
        counting_to_review(plan, office).scalar_subquery(),
        _count(_pending_requests(plan, Extension).where(Extension.granted.is_(None))),
        _count(_reached(plan, today)),
        _count(_pending_requests(plan, Objection).where(Objection.upheld.is_(None))),
        _count(_dead(plan, Message.id)),
        _count(select(Complaint.id).where(_unanswered(plan))),
        _count(select(Phase.id).where(_waits_at_gate(plan, today))),
    )
    return Waiting(*session.execute(select(*counts)).one())


def _count(query: AnySelect) -> ScalarSelect[int]:
    return select(func.count()).select_from(query.subquery()).scalar_subquery()


def _paged(query: AnySelect, page: int) -> AnySelect:
    return query.limit(PAGE).offset((page - 1) * PAGE)


# Requests for more time, and objections


def _pending_requests(plan: Plan, plea: type[Extension | Objection]) -> AnySelect:
    return (
        select(plea.id)
        .join(Assignment, Assignment.id == plea.assignment_id)
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .where(Phase.plan_id == plan.id)
    )


_ABOUT = ASSIGNMENT_COLUMNS.add_columns(Assignment.status).join(Phase, Phase.id == Requirement.phase_id)


def extensions(session: Session, plan: Plan, page: int = 1) -> list[PendingRequest]:
    """Requests for more time that nobody has decided, the longest wait first."""
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
        .where(Phase.plan_id == plan.id, Extension.granted.is_(None))
        .order_by(Extension.id)
    )
    return [_pending_request(row) for row in session.execute(_paged(query, page))]


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
    return [_pending_request(row) for row in session.execute(_paged(query, page))]


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
        item=item_of(row),
        unit=Text(row.unit_zh, row.unit_en),
        status=row.status,
        due_on=row.due_on,
        planned_due_on=row.planned_due_on,
        provisional=row.due_provisional,
    )


def asked_for(session: Session, plan: Plan, extension_ids: Collection[int]) -> dict[int, int]:
    """For which assignment each of these requests asks for more time; ids of assignments by those of requests.

    Raises NotFoundError where one is none of the plan's.
    """
    wanted = set(extension_ids)
    query = _pending_requests(plan, Extension).add_columns(Extension.assignment_id).where(Extension.id.in_(wanted))
    found = {row.id: row.assignment_id for row in session.execute(query.order_by(Extension.id))}
    if len(found) < len(wanted):
        raise NotFoundError("there is no such request")
    return found


# Overdue work that was taken to the office or to the leader


def escalated(session: Session, plan: Plan, today: dt.date, page: int = 1) -> list[Escalated]:
    """Overdue work for which a step of the ladder reached the office or the leader; the longest overdue first."""
    rows = session.execute(_paged(_reached(plan, today), page)).all()
    shown = {work.id: work for work in work_items(session, plan, [row.id for row in rows], today)}
    return [Escalated(shown[row.id], row.office_since, row.leader_since) for row in rows]


def _reached(plan: Plan, today: dt.date) -> AnySelect:
    """The day on which a step for the date in force reached this audience; historic steps were never sent."""
    step = func.jsonb_array_elements(Ladder.steps).table_valued(column("value", JSONB)).lateral("step")
    audience = step.c.value["audience"]

    def since(body: Audience) -> ColumnElement[dt.date]:
        told_on = cast(func.timezone(plan.timezone, Escalation.at), Date)
        return func.min(told_on).filter(audience.contains([body.value]))

    return (
        select(
            Assignment.id,
            since(Audience.OFFICE).label("office_since"),
            since(Audience.LEADER).label("leader_since"),
        )
        .join(Assignment.requirement)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(
            Escalation,
            and_(
                Escalation.assignment_id == Assignment.id,
                Escalation.anchor_on == Assignment.due_on,
                ~Escalation.historic,
            ),
        )
        .join(Ladder, Ladder.id == func.coalesce(Phase.ladder_id, plan.ladder_id))
        .join(
            step,
            and_(
                step.c.value["code"].astext == Escalation.step,
                step.c.value["condition"].astext == Condition.OPEN,
                audience.has_any(array([Audience.OFFICE.value, Audience.LEADER.value])),
            ),
        )
        .where(Phase.plan_id == plan.id, Assignment.status.in_(OWED), Assignment.due_on < today)
        .group_by(Assignment.id, Requirement.ref)
        .order_by(Assignment.due_on, Requirement.ref, Assignment.id)
    )


# Notices that were given up


def dead_messages(session: Session, plan: Plan, page: int | None = None) -> list[DeadMessage]:
    """Notices that were given up, oldest first; all of them where no page is asked for."""
    said = (
        select(Attempt.detail)
        .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
        .where(AttemptMessage.message_id == Message.id)
        .order_by(Attempt.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (Unit.code, Unit.name_zh, Unit.name_en, Message.kind, Message.subject, Message.tries, Message.created_at)
    query = _dead(plan, *columns, said.label("said")).order_by(Message.id)
    rows = session.execute(query if page is None else _paged(query, page))
    return [
        DeadMessage(
            unit_code=row.code,
            unit=Text(row.name_zh, row.name_en),
            kind=row.kind,
            subject=row.subject,
            tries=row.tries,
            said=row.said or "",
            at=row.created_at,
        )
        for row in rows
    ]


def _dead(plan: Plan, *columns: Any) -> AnySelect:
    return (
        select(*columns)
        .select_from(Message)
        .join(Unit, Unit.id == Message.recipient_id)
        .where(Unit.plan_id == plan.id, Message.status == MessageStatus.DEAD)
    )


# Complaints and suggestions


def complaints(session: Session, plan: Plan, page: int = 1) -> Sequence[Complaint]:
    """What waits for an answer, the longest wait first."""
    query = select(Complaint).join(Complaint.unit).options(contains_eager(Complaint.unit)).where(_unanswered(plan))
    return session.scalars(query.order_by(Complaint.id).limit(PAGE).offset((page - 1) * PAGE)).all()


def _unanswered(plan: Plan) -> ColumnElement[bool]:
    return and_(Complaint.plan_id == plan.id, Complaint.answered_at.is_(None))


def complaints_of(session: Session, unit: Unit, page: int = 1) -> tuple[Sequence[Complaint], int]:
    """One page of what a unit has written, newest first, and how many there are."""
    own = Complaint.unit_id == unit.id
    count = session.scalars(select(func.count()).where(own)).one()
    query = select(Complaint).where(own).order_by(Complaint.id.desc()).limit(PAGE).offset((page - 1) * PAGE)
    return session.scalars(query).all(), count


def complaint_at(session: Session, plan: Plan, complaint_id: int) -> Complaint:
    """Raises NotFoundError where it is none of the plan's."""
    found = session.scalar(select(Complaint).where(Complaint.id == complaint_id, Complaint.plan_id == plan.id))
    if found is None:
        raise NotFoundError("there is no such complaint or suggestion")
    return found


# Phases and their gates


def phase_rows(session: Session, plan: Plan, phase_id: int | None = None) -> list[PhaseRow]:
    """The plan's phases in their order; or the one that is named, or none."""
    rounds = select(func.max(Gate.round)).where(Gate.phase_id == Phase.id).scalar_subquery()
    # The program itself writes its run down where it opens a phase, and where it takes in an answer.
    run = (
        select(Event.phase_id, Event.run)
        .where(
            Event.plan_id == plan.id,
            Event.kind.in_((EventKind.PHASE_OPENED, EventKind.GATE_DECIDED)),
            Event.run.is_not(None),
        )
        .ext(distinct_on(Event.phase_id))
        .order_by(Event.phase_id, Event.id.desc())
        .subquery()
    )
    still_open = func.count(Assignment.id).filter(Assignment.status.not_in(CLOSED))
    query = (
        select(Phase, func.count(Assignment.id), still_open, rounds, run.c.run)
        .outerjoin(Requirement, Requirement.phase_id == Phase.id)
        .outerjoin(Assignment, Assignment.requirement_id == Requirement.id)
        .outerjoin(run, run.c.phase_id == Phase.id)
        .options(lazyload(Phase.ladder))
        .where(Phase.plan_id == plan.id)
        .group_by(Phase.id, run.c.run)
        .order_by(Phase.starts_on)
    )
    if phase_id is not None:
        query = query.where(Phase.id == phase_id)
    return [PhaseRow(*row) for row in session.execute(query)]


def waits_at_gate(row: PhaseRow, today: dt.date) -> bool:
    """Whether the office should decide now: nothing is open, or the last day has passed."""
    return row.phase.status is PhaseStatus.OPEN and (row.still_open == 0 or row.phase.ends_on < today)


def _waits_at_gate(plan: Plan, today: dt.date) -> ColumnElement[bool]:
    """The rule of `waits_at_gate`, as a condition."""
    still_open = (
        exists(Assignment.id)
        .where(Assignment.requirement_id == Requirement.id, Requirement.phase_id == Phase.id)
        .where(Assignment.status.not_in(CLOSED))
        .correlate(Phase)
    )
    return and_(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN, or_(~still_open, Phase.ends_on < today))


def rounds_of(session: Session, phase: Phase) -> Sequence[Gate]:
    """The rounds at a phase's gate, newest first."""
    return session.scalars(select(Gate).where(Gate.phase_id == phase.id).order_by(Gate.round.desc())).all()


def blocking(session: Session, phase: Phase) -> Blocking:
    """What keeps a phase open, unit by unit."""
    rows = session.execute(
        select(
            Assignment.id,
            Assignment.status,
            Assignment.due_on,
            Requirement.ref,
            Requirement.title_zh,
            Requirement.title_en,
            Unit.code.label("unit_code"),
            Unit.name_zh.label("unit_zh"),
            Unit.name_en.label("unit_en"),
            func.count().over().label("total"),
        )
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Requirement.phase_id == phase.id, Assignment.status.not_in(CLOSED))
        .order_by(Unit.code, Assignment.due_on, Requirement.ref)
        .limit(MAX_BLOCKING_SHOWN)
    ).all()
    return Blocking(rows[0].total if rows else 0, rows)


def phase_at(session: Session, plan: Plan, phase_id: int, *, lock: bool = False) -> Phase:
    """Raises NotFoundError where it is none of the plan's."""
    query = select(Phase).where(Phase.id == phase_id, Phase.plan_id == plan.id)
    if lock:
        query = query.with_for_update(of=Phase).execution_options(populate_existing=True)
    phase = session.scalar(query)
    if phase is None:
        raise NotFoundError("there is no such phase")
    return phase


# Findings


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
    return [FindingRow(*row) for row in session.execute(_paged(query, page))], count


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


# Whom to ask


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
