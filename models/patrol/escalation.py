"""Escalations (升级): steps of the ladder that fired, and the patrol round that fires them."""

import contextlib
import dataclasses
import datetime as dt
import operator
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ForeignKey, Select, UniqueConstraint, select, text, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, of_plan
from models.assignments.reviewer import body_over, lead_over
from models.common.base import AnyRow, AnySelect, Base, Instant, Key, any_of_ids, as_recordset, text_enum
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind, OrderColour
from models.dates.instants import first_round_on
from models.outbox.message import NewMessage, post
from models.plan.ladder import Audience, DueSteps, Fired, LadderState, due_steps
from models.plan.plan import Plan
from models.plan.requirement import Ladders, Requirement
from models.plan.unit import Unit, body_of


class Escalation(Base):
    """One step that fired for one assignment; after a new date it may fire again, for that date.

    `historic`: it fell before the office wanted notices. `told`: somebody was sent a notice of it;
    false where a later step of the same round spoke for it.
    """

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("assignment_id", "step", "anchor_on"),)

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), doc="the assignment (assignment)"
    )
    step: Mapped[str] = mapped_column(doc="the step of the ladder")
    anchor_on: Mapped[dt.date] = mapped_column(doc="the day from which the step is counted")
    fell_on: Mapped[dt.date] = mapped_column(doc="the day on which the step fell due")
    order: Mapped[OrderColour | None] = mapped_column(text_enum(OrderColour, "order"), doc="the colour of the order")
    historic: Mapped[bool] = mapped_column(doc="true: from before notices began")
    told: Mapped[bool] = mapped_column(doc="true: somebody was told")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


# Errors that one bad row can cause. Any other error is a fault of the database or the program, and stops the round.
OF_A_BAD_ROW = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, DataError, IntegrityError)

# Each JSON row is one step that fired for one assignment; one statement writes both tables.
FIRE = text("""
WITH fired AS (
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS fired (
        assignment_id bigint, step text, anchor_on date, fell_on date, "order" text, historic boolean, told boolean
    )
), journalled AS (
    INSERT INTO event (at, plan_id, assignment_id, kind, actor, run, detail)
    SELECT :at, :plan_id, assignment_id, 'escalated', :actor, :run,
           jsonb_build_object('step', step, 'fell_on', fell_on, 'historic', historic)
    FROM fired
)
INSERT INTO escalation (assignment_id, step, anchor_on, fell_on, "order", historic, told, at)
SELECT assignment_id, step, anchor_on, fell_on, "order", historic, told, :at FROM fired
""")

LOOK_AGAIN = text("""
UPDATE assignment SET done_until = GREATEST(done_until, :today), next_action_at = looked.next_action_at
FROM json_to_recordset(CAST(:rows AS json)) AS looked (id bigint, next_action_at timestamptz)
WHERE assignment.id = looked.id
""")


@dataclasses.dataclass(frozen=True, slots=True)
class Chased:
    """What one batch did; `set_aside`: rows that could not be judged."""

    looked_at: int = 0
    fired: int = 0
    historic: int = 0
    messages: int = 0
    set_aside: int = 0

    def __add__(self, other: "Chased") -> "Chased":
        return Chased(*map(operator.add, dataclasses.astuple(self), dataclasses.astuple(other)))


def claim_due(session: Session, plan: str, *, at: dt.datetime, limit: int = 1000) -> Sequence[int]:
    """Lock one batch of a plan's assignments whose time has come; any number of patrols at once claim other ones."""
    return session.scalars(
        select(Assignment.id)
        .where(Assignment.next_action_at <= at, of_plan(plan))
        .order_by(Assignment.next_action_at)
        .limit(limit)
        .with_for_update(of=Assignment, key_share=True, skip_locked=True)
    ).all()


def chase(session: Session, plan: Plan, ids: Sequence[int], *, actor: Actor, at: dt.datetime) -> Chased:
    """Look at assignments that were claimed: fire steps, write messages, set the next look.

    A row that cannot be judged is set aside and named to the office, and the others go on.
    """
    return _Round(session, plan, actor, at).go_through(ids)


def _ladder_states(ids: Sequence[int]) -> AnySelect:
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
            Assignment.promised_on,
            Requirement.phase_id,
            Requirement.ladder_id,
            Requirement.lead_id,
            (Requirement.ref + "/" + Unit.code).label("ref"),
            Unit.kind.label("unit_kind"),
        )
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(any_of_ids(Assignment.id, ids))
        .order_by(Assignment.id)
    )


_Verdicts = Sequence[tuple[Sequence[AnyRow], DueSteps]]


_Step = tuple[int, str, dt.date]  # of an assignment, by its code, for a date


def _without(verdicts: _Verdicts, fired_before: frozenset[_Step]) -> _Verdicts:
    """The same without steps that have fired for these assignments before."""
    if not fired_before:
        return verdicts
    return [
        (
            [row],
            dataclasses.replace(
                verdict, fired=tuple(one for one in verdict.fired if not _is_in(fired_before, row, one))
            ),
        )
        for batch, verdict in verdicts
        for row in batch
    ]


def _is_in(fired: frozenset[_Step], row: AnyRow, one: Fired) -> bool:
    return (row.id, one.step.code, one.anchor_on) in fired


class _Round:
    """One batch of due rows in one transaction."""

    def __init__(self, session: Session, plan: Plan, actor: Actor, at: dt.datetime) -> None:
        self.session, self.plan, self.actor, self.at = session, plan, actor, at
        self.today = plan.day_of(at)
        self.ladders = Ladders(session, plan)
        self.bodies = {
            Audience.OFFICE: body_of(session, plan.id, UnitKind.OFFICE).id,
            Audience.LEADER: body_of(session, plan.id, UnitKind.LEADER).id,
        }

    def go_through(self, ids: Sequence[int]) -> Chased:
        """Carry out what is due; where that fails, halve the rows until the one that cannot be judged stands alone."""
        with contextlib.suppress(*OF_A_BAD_ROW), self.session.begin_nested():
            return self._carry_out(ids, fired_before=frozenset())
        # A calendar that is published late can move steps that have fired into the future: rare, and checked only then.
        try:
            with self.session.begin_nested():
                return self._carry_out(ids, fired_before=self._fired_before(ids))
        except OF_A_BAD_ROW as error:
            if len(ids) == 1:
                quarantine(self.session, self.plan, ids[0], error, actor=self.actor, at=self.at)
                return Chased(looked_at=1, set_aside=1)
        middle = len(ids) // 2
        return self.go_through(ids[:middle]) + self.go_through(ids[middle:])

    def _fired_before(self, ids: Sequence[int]) -> frozenset[_Step]:
        query = select(Escalation.assignment_id, Escalation.step, Escalation.anchor_on)
        rows = self.session.execute(query.where(any_of_ids(Escalation.assignment_id, ids)))
        return frozenset((row.assignment_id, row.step, row.anchor_on) for row in rows)

    def _carry_out(self, ids: Sequence[int], fired_before: frozenset[_Step]) -> Chased:
        rows = self.session.execute(_ladder_states(ids)).all()
        verdicts = _without(self._judged(rows), fired_before)
        self._write_fired(verdicts)
        self._write_next_look(verdicts)
        told = post(self.session, self.plan, _messages(verdicts, self.bodies, self.at))
        fired = [(one, len(batch)) for batch, verdict in verdicts for one in verdict.fired]
        return Chased(
            looked_at=len(rows),
            fired=sum(count for one, count in fired if not one.historic),
            historic=sum(count for one, count in fired if one.historic),
            messages=told,
        )

    def _judged(self, rows: Sequence[AnyRow]) -> _Verdicts:
        """The due steps of each group of rows with the same ladder and ladder state: computed once a group."""
        alike: dict[tuple[tuple[int, int | None], LadderState], list[AnyRow]] = defaultdict(list)
        for row in rows:
            alike[(row.phase_id, row.ladder_id), _ladder_state(row)].append(row)
        calendar, live_from = self.plan.work_calendar, self.plan.go_live_on or self.today
        return [
            (batch, due_steps(self.ladders.of(*ids), standing, calendar, on=self.today, live_from=live_from))
            for (ids, standing), batch in alike.items()
        ]

    def _write_fired(self, verdicts: _Verdicts) -> None:
        fired = [
            (row.id, one.step.code, one.anchor_on, one.on, one.order, one.historic, bool(one.speaks_to))
            for batch, verdict in verdicts
            for one in verdict.fired
            for row in batch
        ]
        if fired:
            names = ("assignment_id", "step", "anchor_on", "fell_on", "order", "historic", "told")
            who = {"at": self.at, "plan_id": self.plan.id, "actor": self.actor.name, "run": self.actor.run}
            self.session.execute(FIRE, as_recordset(names, fired) | who)

    def _write_next_look(self, verdicts: _Verdicts) -> None:
        looks = [
            (row.id, verdict.next_on and first_round_on(verdict.next_on, self.plan.timezone))
            for batch, verdict in verdicts
            for row in batch
        ]
        self.session.execute(LOOK_AGAIN, as_recordset(("id", "next_action_at"), looks) | {"today": self.today})


def quarantine(
    session: Session, plan: Plan, assignment_id: int, error: Exception, *, actor: Actor, at: dt.datetime
) -> None:
    """Keep a row that cannot be judged out of the patrol's way, and tell the office of it."""
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    session.execute(
        update(Assignment)
        .where(Assignment.id == assignment_id)
        .values(needs_attention=why, next_action_at=None)
        .execution_options(synchronize_session=False)
    )
    record(session, EventKind.SET_ASIDE, actor, at, plan_id=plan.id, assignment_id=assignment_id, why=why)
    ref = session.scalars(_ref(assignment_id)).one()
    office = body_of(session, plan.id, UnitKind.OFFICE).id
    post(session, plan, [NewMessage(office, MessageKind.SET_ASIDE, ref, at, assignment_id=assignment_id, reason=why)])


def _ref(assignment_id: int) -> Select[str]:
    return (
        select(Requirement.ref + "/" + Unit.code)
        .select_from(Assignment)
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(Assignment.id == assignment_id)
    )


def _ladder_state(row: AnyRow) -> LadderState:
    return LadderState(row.status, row.issued_on, row.due_on, row.submitted_on, row.done_until, row.promised_on)


def _messages(verdicts: _Verdicts, bodies: dict[Audience, int], at: dt.datetime) -> Iterable[NewMessage]:
    for batch, verdict in verdicts:
        for row in batch:
            # By recipient and kind: the office is told once, also where two steps reach it as different audiences.
            latest = {
                (recipient_id, fired.step.kind): fired
                for fired in verdict.fired
                for recipient_id in _recipients(fired, row, bodies)
            }
            for (recipient_id, kind), fired in latest.items():
                yield NewMessage(
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
    lead = lead_over(row.role, row.unit_id, row.lead_id)
    who = {
        Audience.UNIT: row.unit_id,
        Audience.LEAD: lead,
        Audience.REVIEWER: lead or bodies[Audience(body_over(row.unit_kind))],
        **bodies,
    }
    return dict.fromkeys(who[one] for one in fired.speaks_to if who[one] is not None)
