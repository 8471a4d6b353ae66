"""Explanations (情况说明): why an item is late or will be, until when it is promised, and who answers for it.

A promised day (承诺时限) moves no deadline and turns no light. While it lasts the steps of the ladder that come again
are quiet; on the working day after a promise that was not kept they come back.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, ForeignKey, Index, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, wake
from models.common.base import Base, Instant, Key, any_of_ids
from models.common.errors import Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.status import Status
from models.common.typed import person_name, said
from models.dates.instants import end_of
from models.plan.plan import Plan

MOST_DAYS_AHEAD = 60  # calendar days from today: a promise is for weeks, more time is for the office to grant
MOST_PROMISES = 3  # for one deadline: who has promised it three times is to be talked with


class Explanation(Base):
    """What a unit said. The last one is in force until the item is handed in; earlier ones stay on record."""

    __tablename__ = "explanation"
    __table_args__ = (
        CheckConstraint("until BETWEEN '1990-01-01' AND '2200-12-31'", name="until"),
        Index("explanation_one_in_force_idx", "assignment_id", unique=True, postgresql_where=text("ended_on IS NULL")),
    )

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), index=True, doc="the assignment (assignment)"
    )
    why: Mapped[str] = mapped_column(doc="why it is late, or will be")
    until: Mapped[dt.date] = mapped_column(doc="the day by which the unit promised it")
    answers: Mapped[str] = mapped_column(doc="who answers for it, by name")
    needs: Mapped[str] = mapped_column(server_default="", doc="what the unit needs; empty where it needs nothing")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    due_on: Mapped[dt.date] = mapped_column(doc="the date in force at that time")
    ended_on: Mapped[dt.date | None] = mapped_column(
        doc="the day on which it was handed in, explained anew or no longer asked for; empty while it is in force"
    )

    def is_broken(self, on: dt.date) -> bool:
        """Whether its day had passed by then with nothing handed in and nothing new said."""
        return min(self.ended_on or on, on) > self.until

    def says(self, one: "Said") -> bool:
        """Whether it says just that: who sends it twice has said it once."""
        typed = (said(one.why), one.until, person_name(one.answers), said(one.needs))
        return (self.why, self.until, self.answers, self.needs) == typed


class Field(StrEnum):
    """What a unit fills in."""

    WHY = "why"
    UNTIL = "until"
    ANSWERS = "answers"


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """An explanation as it was typed; `needs` may be empty."""

    why: str
    until: dt.date | None
    answers: str
    needs: str = ""


# May it be said


def reasons_not_to_explain(plan: Plan, assignment: Assignment, today: dt.date) -> list[Reason]:
    """Why there is nothing to explain; empty where it is late, due within the near limit, or returned."""
    if not assignment.status.is_owed:
        return [Reason("it is {status}", status=assignment.status)]
    if assignment.requirement.open_ended:
        return [Reason("it is open-ended and never late")]
    is_near = (assignment.due_on - today).days <= plan.limits_on(today).near_limit_days
    if is_near or assignment.status is Status.RETURNED:
        return []
    return [Reason("it is neither late nor due soon; it is due on {due_on}", due_on=assignment.due_on)]


def problems_with(plan: Plan, one: Said, today: dt.date) -> dict[Field, Reason]:
    """What is wrong with it, by field; empty where nothing is."""
    found = {}
    if not said(one.why):
        found[Field.WHY] = Reason("say why it is late, or will be")
    if problem := _problem_with_day(plan, one.until, today):
        found[Field.UNTIL] = problem
    if not person_name(one.answers):
        found[Field.ANSWERS] = Reason("give the name of the person who answers for it")
    return found


def _problem_with_day(plan: Plan, until: dt.date | None, today: dt.date) -> Reason | None:
    if until is None:
        return Reason("give the day by which it is promised")
    if until <= today:
        return Reason("{until} is not after today", until=until)
    last = today + dt.timedelta(days=MOST_DAYS_AHEAD)
    if until > last:
        return Reason("{until} is too far ahead; until {last} at the latest", until=until, last=last)
    return next(iter(plan.bounds.reasons_outside(until)), None)


def reasons_past_promising(session: Session, assignment: Assignment) -> list[Reason]:
    """Why no further promise is taken for the date in force."""
    made = select(Explanation.id).where(
        Explanation.assignment_id == assignment.id, Explanation.due_on == assignment.due_on
    )
    if len(session.scalars(made).all()) < MOST_PROMISES:
        return []
    many = Reason(
        "it was promised {count} times for {due_on}; talk to the leading-group office",
        count=MOST_PROMISES,
        due_on=assignment.due_on,
    )
    return [many]


# Saying it


def explain(
    session: Session, plan: Plan, assignment: Assignment, one: Said, *, actor: Actor, at: dt.datetime
) -> Explanation:
    """A unit explains itself, in the place of what it said before. Raises RefusedError with every reason against it.

    Steps of the ladder that were due by today and come again wait as well; the others stay due.
    """
    today = plan.day_of(at)
    earlier = in_force(session, assignment)
    reasons = reasons_not_to_explain(plan, assignment, today) or [
        *problems_with(plan, one, today).values(),
        *reasons_past_promising(session, assignment),
    ]
    if earlier is not None and earlier.says(one):
        reasons = [Reason("it says what was said before")]
    if reasons:
        raise RefusedError("{ref}: this cannot be said of it: {reasons}", ref=assignment.ref, reasons=reasons)
    assert one.until is not None
    if earlier is not None:
        earlier.ended_on = today
        session.flush()
    explanation = Explanation(
        assignment_id=assignment.id,
        why=said(one.why),
        until=one.until,
        answers=person_name(one.answers),
        needs=said(one.needs),
        by_name=actor.name,
        at=at,
        due_on=assignment.due_on,
    )
    session.add(explanation)
    assignment.promised_on = one.until
    wake(plan, assignment, void_until=None)
    record(
        session,
        EventKind.EXPLAINED,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        why=explanation.why,
        detail={"until": one.until.isoformat(), "answers": explanation.answers, "needs": explanation.needs},
    )
    session.flush()
    return explanation


# What was said


def in_force(session: Session, assignment: Assignment) -> Explanation | None:
    query = select(Explanation).where(Explanation.assignment_id == assignment.id, Explanation.ended_on.is_(None))
    return session.scalars(query).one_or_none()


def explanations_of(session: Session, ids: Collection[int], until: dt.datetime) -> Mapping[int, Sequence[Explanation]]:
    """All that was said by then of these assignments, the earliest first."""
    query = select(Explanation).where(any_of_ids(Explanation.assignment_id, ids), Explanation.at <= until)
    found: dict[int, list[Explanation]] = defaultdict(list)
    for one in session.scalars(query.order_by(Explanation.id)):
        found[one.assignment_id].append(one)
    return found


def promised_then(plan: Plan, on: dt.date) -> ColumnElement[dt.date]:
    """Until when an assignment was promised at the end of that day, also where that has passed; beside its columns."""
    return (
        select(Explanation.until)
        .where(
            Explanation.assignment_id == Assignment.id,
            Explanation.at <= end_of(on, plan.timezone),
            or_(Explanation.ended_on.is_(None), Explanation.ended_on > on),
        )
        .order_by(Explanation.id.desc())
        .limit(1)
        .correlate(Assignment)
        .scalar_subquery()
    )
