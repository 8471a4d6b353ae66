"""Assignments (交办件): one requirement for one unit. Most of the program works on these rows."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    any_,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import IllegalMoveError, NotFoundError, Reason
from models.common.event import Actor, EventKind, record
from models.common.status import Status, may_correct, may_move
from models.dates.instants import first_round_on
from models.plan.area import Role
from models.plan.ladder import LadderState, next_look
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

# Written exactly as in the partial indexes, as literals: with parameters the planner would not use the indexes.
OPEN = text("assignment.status NOT IN ('accepted', 'waived')")
QUARANTINED = text("assignment.needs_attention <> ''")


# What was promised is kept or broken once it is handed in or no longer asked for; `models.dialogue.explanation` has it.
END_PROMISE = text("""
UPDATE explanation SET ended_on = :today WHERE assignment_id = :assignment_id AND ended_on IS NULL
""")


class Assignment(Base):
    """What one unit owes. `next_action_at` is the next instant at which patrol must look; null when closed."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("requirement_id", "unit_id"),
        # Dates stay within what the calendars can count from and what Python can hold.
        CheckConstraint("due_on BETWEEN '1990-01-01' AND '2200-12-31'", name="due_on"),
        Index(
            "assignment_next_action_at_idx",
            "next_action_at",
            postgresql_where=text("next_action_at IS NOT NULL"),
        ),
        Index("assignment_unit_id_idx", "unit_id"),
        # A partial index: few assignments wait for a review at any time.
        Index("assignment_submitted_idx", "requirement_id", postgresql_where=text("status = 'submitted'")),
        # Every patrol asks whether anything of a phase is open; with this index it reads one row.
        Index("assignment_open_idx", "requirement_id", postgresql_where=OPEN),
        # The dates that a calendar published later may move, by year.
        Index("assignment_provisional_idx", "due_on", postgresql_where=text(f"due_provisional AND {OPEN}")),
        Index("assignment_needs_attention_idx", "id", postgresql_where=QUARANTINED),
    )

    id: Mapped[Key]
    requirement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), doc="the requirement (requirement)"
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"), doc="lead, co-lead or responsible")
    status: Mapped[Status] = mapped_column(text_enum(Status, "status"), doc="the status at the end")
    issued_on: Mapped[dt.date] = mapped_column(
        doc="the day on which it was handed out"
    )  # the day that the ladder counts from
    planned_due_on: Mapped[dt.date] = mapped_column(
        doc="the date as the plan states it"
    )  # as the plan states it, kept visible
    due_on: Mapped[dt.date] = mapped_column(doc="the date in force")  # in force: a working day, after extensions
    due_provisional: Mapped[bool] = mapped_column(
        doc="the year's working-day calendar was not published yet"
    )  # the year's working days are not published yet
    submitted_on: Mapped[dt.date | None] = mapped_column(doc="the day on which it was handed in")  # the last hand-in
    version: Mapped[int] = mapped_column(server_default="0", doc="which version")  # how often it was handed in
    # Handed in after the date in force, and not excused. It repeats what the journal says, so
    # that today's light of a thousand rows needs no journal.
    late: Mapped[bool] = mapped_column(server_default=text("false"), doc="true: handed in after its date")
    # What the unit promised; it repeats the explanation in force, so that patrol needs no other table.
    promised_on: Mapped[dt.date | None] = mapped_column(
        doc="the day by which the unit promised it; empty where it promised nothing or has handed in since"
    )
    done_until: Mapped[dt.date] = mapped_column(
        doc="the day up to which the ladder is carried out"
    )  # steps of the ladder up to this day are settled
    next_action_at: Mapped[Instant | None] = mapped_column(doc="when the program would have looked at it next")
    # Why patrol quarantined the row, so that one bad row does not stop the others; empty where nothing is wrong.
    needs_attention: Mapped[str] = mapped_column(server_default="", doc="why the program could not follow it")

    requirement: Mapped[Requirement] = relationship()
    unit: Mapped[Unit] = relationship()

    @property
    def ref(self) -> str:
        """How people name it: `2023/delivery/T3.2/longsha`."""
        return f"{self.requirement.ref}/{self.unit.code}"

    @property
    def standing(self) -> LadderState:
        dates = (self.issued_on, self.due_on, self.submitted_on, self.done_until, self.promised_on)
        return LadderState(self.status, *dates)


def of_plan(code: str) -> ColumnElement[bool]:
    """Whether an assignment is of this plan, for questions that mostly find nothing.

    PostgreSQL looks up the plan's requirements when the first assignment is held against them; joined, it would read
    them before.
    """
    asked = select(Requirement.id).join(Requirement.phase).join(Phase.plan).where(Plan.code == code)
    return Assignment.requirement_id == any_(func.array(asked.scalar_subquery()))


def by_refs(session: Session, plan: Plan, refs: Iterable[str], *, lock: bool = True) -> list[Assignment]:
    """The assignments of these references, in their order, locked for the caller's transaction.

    Raises NotFoundError that names every reference that is none.
    """
    wanted = list(dict.fromkeys(refs))
    pairs = [(requirement, unit) for requirement, _, unit in (ref.rpartition("/") for ref in wanted)]
    query = _assignments(plan, lock=lock).where(
        tuple_(Requirement.ref, Unit.code).in_(pairs),
        # Redundant, but it lets the database start from the few requirements that are asked for.
        Requirement.ref.in_({requirement for requirement, _ in pairs}),
    )
    found = {assignment.ref: assignment for assignment in session.scalars(query)}
    missing = [ref for ref in wanted if ref not in found]
    if missing:
        raise NotFoundError("no assignment {refs} in the plan {plan}", refs=", ".join(missing), plan=plan.code)
    return [found[ref] for ref in wanted]


def by_ids(session: Session, plan: Plan, ids: Iterable[int], *, lock: bool = True) -> list[Assignment]:
    """The assignments of these ids, in their order, locked for the caller's transaction.

    Raises NotFoundError where one is none of the plan's.
    """
    wanted = list(dict.fromkeys(ids))
    query = _assignments(plan, lock=lock).where(Assignment.id.in_(wanted))
    found = {assignment.id: assignment for assignment in session.scalars(query)}
    if len(found) < len(wanted):
        raise NotFoundError("there is no such assignment")
    return [found[one] for one in wanted]


def own_by_ids(session: Session, plan: Plan, ids: Iterable[int], unit_id: int) -> list[Assignment]:
    """As `by_ids`, of one unit. Raises NotFoundError also where one is another unit's."""
    found = by_ids(session, plan, ids)
    if any(assignment.unit_id != unit_id for assignment in found):
        raise NotFoundError("there is no such assignment")
    return found


def unsigned_of(session: Session, plan: Plan, unit_id: int) -> Sequence[Assignment]:
    """All that a unit has not signed for, locked."""
    query = _assignments(plan, lock=True).where(Assignment.unit_id == unit_id, Assignment.status == Status.ISSUED)
    return session.scalars(query).all()


def _assignments(plan: Plan, *, lock: bool) -> Select[Assignment]:
    query = (
        select(Assignment)
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .join(Requirement.phase)
        .options(
            contains_eager(Assignment.requirement).contains_eager(Requirement.phase),
            contains_eager(Assignment.requirement).joinedload(Requirement.lead),
            contains_eager(Assignment.unit),
        )
        .where(Phase.plan_id == plan.id)
        .order_by(Assignment.id)
    )
    if lock:
        # Everybody locks rows in the same order, so that two who need the same rows wait instead of deadlocking.
        # Not against entries of the journal that name them.
        locked = query.with_for_update(of=Assignment, key_share=True)
        query = locked.execution_options(populate_existing=True)
    return query


def move(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    after: Status,
    *,
    actor: Actor,
    at: dt.datetime,
    why: str = "",
    due_on: dt.date | None = None,
    detail: dict[str, Any] | None = None,
    correcting: bool = False,
) -> None:
    """Change the status, with its journal entry and the next wake-up. No other function writes the status.

    `due_on` sets a new date along with it; `correcting` says that it takes something back. Raises IllegalMoveError
    where the move does not exist.
    """
    before, due_before = assignment.status, assignment.due_on
    if not (may_correct if correcting else may_move)(before, after):
        raise IllegalMoveError(
            "{ref} cannot become {after}: it is {before}", ref=assignment.ref, before=before, after=after
        )
    today = plan.day_of(at)
    if not after.is_owed and assignment.promised_on is not None:
        session.execute(END_PROMISE, {"assignment_id": assignment.id, "today": today})
        assignment.promised_on = None
    _set_status(plan, assignment, after, due_on, today)
    record(
        session,
        EventKind.MOVED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        status_before=before,
        status_after=after,
        due_before=due_before,
        due_after=assignment.due_on,
        why=why,
        detail=detail,
    )


def _set_status(plan: Plan, assignment: Assignment, after: Status, due_on: dt.date | None, today: dt.date) -> None:
    before, due_before, assignment.status = assignment.status, assignment.due_on, after
    if due_on is not None and due_on != due_before:
        assignment.due_on, assignment.due_provisional = due_on, plan.work_calendar.settle(due_on).provisional
    if after is Status.SUBMITTED:
        assignment.submitted_on = today
        is_over = today > due_before and not assignment.requirement.open_ended
        assignment.late = assignment.late or (before.is_owed and is_over)
    # Who signs on the morning of a reminder or an order still gets it.
    wake(plan, assignment, void_until=None if after is Status.ACKNOWLEDGED else today)


def move_due(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    due_on: dt.date,
    *,
    provisional: bool,
    actor: Actor,
    at: dt.datetime,
    why: str,
) -> None:
    """Change the date in force, with its event and the next wake-up."""
    before = assignment.due_on
    assignment.due_on, assignment.due_provisional = due_on, provisional
    wake(plan, assignment, void_until=plan.day_of(at))
    record(
        session,
        EventKind.DUE_MOVED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        due_before=before,
        due_after=due_on,
        why=why,
    )


def wake(plan: Plan, assignment: Assignment, *, void_until: dt.date | None) -> None:
    """Set when patrol must look next. With a day given, steps of the ladder up to and including it are void."""
    if void_until is not None:
        assignment.done_until = max(assignment.done_until, void_until)
    if not assignment.status.is_open or assignment.needs_attention:
        assignment.next_action_at = None
        return
    ladder = assignment.requirement.ladder_in(plan)
    look_on = next_look(ladder.rungs, assignment.standing, plan.work_calendar, plan.go_live_on or dt.date.min)
    assignment.next_action_at = first_round_on(look_on, plan.timezone) if look_on else None


def quarantined(session: Session, plan: Plan) -> Sequence[Assignment]:
    """The assignments that patrol has set aside and that nobody has given back to it yet."""
    return session.scalars(_assignments(plan, lock=False).where(QUARANTINED)).all()


def release(session: Session, plan: Plan, assignments: Sequence[Assignment], *, actor: Actor, at: dt.datetime) -> int:
    """Give assignments that were set aside back to patrol, for its next round; returns how many."""
    aside = [assignment for assignment in assignments if assignment.needs_attention]
    for assignment in aside:
        why, assignment.needs_attention = assignment.needs_attention, ""
        assignment.next_action_at = at if assignment.status.is_open else None
        record(session, EventKind.TAKEN_UP, actor, at, plan_id=plan.id, assignment_id=assignment.id, why=why)
    return len(aside)


def acknowledge(
    session: Session, plan: Plan, assignments: Sequence[Assignment], *, actor: Actor, at: dt.datetime
) -> int:
    """Sign for those that are not signed for yet; returns how many. Signing twice changes nothing."""
    unsigned = [assignment for assignment in assignments if assignment.status is Status.ISSUED]
    for assignment in unsigned:
        move(session, plan, assignment, Status.ACKNOWLEDGED, actor=actor, at=at)
    return len(unsigned)


def reasons_not_acceptable(session: Session, assignment: Assignment) -> list[Reason]:
    """Why the first lead's assignment cannot be accepted yet: the joint item's open ones, by reference."""
    if assignment.role is not Role.LEAD:
        return []
    rows = session.execute(
        select(Requirement.ref, Unit.code, Assignment.status)
        .join(Assignment.requirement)
        .join(Assignment.unit)
        .where(
            Assignment.requirement_id == assignment.requirement_id,
            Assignment.role != Role.LEAD,
            Assignment.status.not_in((Status.ACCEPTED, Status.WAIVED)),
        )
        .order_by(Unit.code)
    ).all()
    return [still_open(f"{ref}/{unit}", status) for ref, unit, status in rows]


def still_open(ref: str, status: Status) -> Reason:
    return Reason("{ref} ({status})", ref=ref, status=status)
