"""Escalations (升级): steps of the ladder that fired, and the patrol round that fires them."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.area import Role
from models.assignment import Assignment
from models.base import AnyRow, AnySelect, Base, Instant, Key, one_of
from models.document import UnitKind
from models.event import Actor, Event, EventKind
from models.ladder import Audience, Fired, Standing, Verdict, judge
from models.message import Notice, post
from models.moments import tick_of
from models.notice import OrderColour
from models.phase import Phase, phases_of
from models.plan import Plan
from models.requirement import Requirement
from models.unit import Unit, body_of


class Escalation(Base):
    """One step that fired for one assignment; after a new date it may fire again, for that date.

    `historic`: it fell before the office wanted notices. `told`: somebody was sent a notice of it;
    false where a later step of the same round spoke for it.
    """

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("assignment_id", "step", "anchor_on"),)

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("assignment.id"))
    step: Mapped[str]
    anchor_on: Mapped[dt.date]
    fell_on: Mapped[dt.date]
    order: Mapped[OrderColour | None] = mapped_column(one_of(OrderColour, "order"))
    historic: Mapped[bool]
    told: Mapped[bool]
    at: Mapped[Instant]


@dataclasses.dataclass(frozen=True, slots=True)
class Chased:
    """What one batch did."""

    looked_at: int = 0
    fired: int = 0
    historic: int = 0
    messages: int = 0

    def __add__(self, other: "Chased") -> "Chased":
        return Chased(
            self.looked_at + other.looked_at,
            self.fired + other.fired,
            self.historic + other.historic,
            self.messages + other.messages,
        )


def chase(session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, limit: int = 1000) -> Chased:
    """Look at one batch of assignments whose time has come: fire steps, write messages, set the next look.

    Any number of patrols may do this at once: each claims other rows. It costs what is due.
    """
    rows = session.execute(_due(plan, at, limit)).all()
    if not rows:
        return Chased()
    today = plan.day_of(at)
    ladders = {phase.id: (phase.ladder or plan.ladder).rungs for phase in phases_of(session, plan)}
    batches: dict[tuple[int, Standing], list[AnyRow]] = defaultdict(list)
    for row in rows:
        batches[row.phase_id, _standing(row)].append(row)
    verdicts = [
        (
            batch,
            judge(
                ladders[phase_id],
                standing,
                plan.work_calendar,
                on=today,
                live_from=plan.go_live_on or today,
            ),
        )
        for (phase_id, standing), batch in batches.items()
    ]
    _write_fired(session, plan, verdicts, actor, at)
    _write_next_look(session, plan, verdicts, today)
    told = post(session, plan, _notices(session, plan, verdicts, at))
    fired = [(one, len(batch)) for batch, verdict in verdicts for one in verdict.fired]
    return Chased(
        looked_at=len(rows),
        fired=sum(count for one, count in fired if not one.historic),
        historic=sum(count for one, count in fired if one.historic),
        messages=told,
    )


def _due(plan: Plan, at: dt.datetime, limit: int) -> AnySelect:
    return (
        select(
            Assignment.id,
            Assignment.unit_id,
            Assignment.role,
            Assignment.status,
            Assignment.issued_on,
            Assignment.due_on,
            Assignment.submitted_on,
            Assignment.done_until,
            Requirement.phase_id,
            Requirement.lead_id,
            (Requirement.ref + "/" + Unit.code).label("ref"),
        )
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Phase, Phase.id == Requirement.phase_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Phase.plan_id == plan.id, Assignment.next_action_at <= at)
        .order_by(Assignment.next_action_at)
        .limit(limit)
        .with_for_update(of=Assignment, skip_locked=True)
    )


def _standing(row: AnyRow) -> Standing:
    return Standing(row.status, row.issued_on, row.due_on, row.submitted_on, row.done_until)


_Verdicts = Sequence[tuple[list[AnyRow], Verdict]]


def _write_fired(session: Session, plan: Plan, verdicts: _Verdicts, actor: Actor, at: dt.datetime) -> None:
    escalations, events = [], []
    for batch, verdict in verdicts:
        for fired in verdict.fired:
            step = {
                "step": fired.step.code,
                "anchor_on": fired.anchor_on,
                "fell_on": fired.on,
                "order": fired.order,
                "historic": fired.historic,
                "told": bool(fired.speaks_to),
                "at": at,
            }
            entry = {
                "at": at,
                "plan_id": plan.id,
                "kind": EventKind.ESCALATED,
                "actor": actor.name,
                "run": actor.run,
                "detail": {
                    "step": fired.step.code,
                    "fell_on": fired.on.isoformat(),
                    "historic": fired.historic,
                },
            }
            escalations += [{"assignment_id": row.id, **step} for row in batch]
            events += [{"assignment_id": row.id, **entry} for row in batch]
    if escalations:
        session.execute(insert(Escalation), escalations)
        session.execute(insert(Event), events)


def _write_next_look(session: Session, plan: Plan, verdicts: _Verdicts, today: dt.date) -> None:
    for batch, verdict in verdicts:
        look_at = verdict.next_on and tick_of(verdict.next_on, plan.timezone)
        session.execute(
            update(Assignment)
            .where(Assignment.id.in_([row.id for row in batch]))
            .values(done_until=today, next_action_at=look_at)
            .execution_options(synchronize_session=False)
        )


def _notices(session: Session, plan: Plan, verdicts: _Verdicts, at: dt.datetime) -> Iterable[Notice]:
    bodies = {
        Audience.OFFICE: body_of(session, plan.id, UnitKind.OFFICE).id,
        Audience.LEADER: body_of(session, plan.id, UnitKind.LEADER).id,
    }
    for batch, verdict in verdicts:
        for row in batch:
            # By recipient and kind: the office is told once, also where two steps reach it as different audiences.
            latest = {
                (recipient_id, fired.step.kind): fired
                for fired in verdict.fired
                for recipient_id in _recipients(fired, row, bodies)
            }
            for (recipient_id, kind), fired in latest.items():
                yield Notice(
                    recipient_id=recipient_id,
                    kind=kind,
                    subject=row.ref,
                    at=at,
                    for_date=fired.on,
                    assignment_id=row.id,
                    order=fired.order,
                )


def _recipients(fired: Fired, row: AnyRow, bodies: dict[Audience, int]) -> Iterable[int]:
    """Whom a step tells; a unit that is its own lead is told once."""
    lead = row.lead_id if row.role is Role.RESPONSIBLE else None
    who = {
        Audience.UNIT: row.unit_id,
        Audience.LEAD: lead,
        Audience.REVIEWER: lead or bodies[Audience.OFFICE],
        **bodies,
    }
    return dict.fromkeys(who[one] for one in fired.speaks_to if who[one] is not None)
