"""Opinions of co-leads (会签意见): before the first lead accepts what was handed in, the others are asked.

One that says nothing within the plan's working days is taken to agree. An objection does not stop the first lead, who
then says why they go on: it stays on record beside what they say.
"""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment
from models.assignments.co_leads import co_leads_asked
from models.assignments.evidence import Submission, latest_items, under_review
from models.assignments.messages import message_about
from models.assignments.reviewer import reviewer_of
from models.common.base import Base, Instant, Key, any_of_ids
from models.common.errors import BlockedError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import is_same_person, said
from models.outbox.message import post
from models.plan.plan import Plan
from models.plan.unit import Unit


class Opinion(Base):
    """What a co-lead says on one version. The last one of a unit on a version is in force; earlier ones stay."""

    __tablename__ = "opinion"

    id: Mapped[Key]
    submission_item_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("submission_item.id"),
        index=True,
        doc="the version that it is about (submission_item)",
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    agrees: Mapped[bool] = mapped_column(doc="true: it agrees; false: it objects")
    words: Mapped[str] = mapped_column(doc="what it says")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A co-lead and what it says on the version under review; after `until`, saying nothing is agreeing."""

    unit: Unit
    until: dt.date
    opinion: Opinion | None

    @property
    def objects(self) -> bool:
        return self.opinion is not None and not self.opinion.agrees

    def is_awaited(self, today: dt.date) -> bool:
        return self.opinion is None and today <= self.until


def asked_about(session: Session, plan: Plan, assignments: Sequence[Assignment]) -> Mapping[int, Sequence[Asked]]:
    """Who is asked about the version in force of each that is under review, by the assignment's id."""
    under_review = [one for one in assignments if one.status is Status.SUBMITTED]
    units = co_leads_asked(session, under_review)
    if not units:
        return {}
    items = latest_items(session, [one for one in under_review if one.id in units])
    given = _latest(session, [item.id for item in items.values()])
    found: dict[int, list[Asked]] = defaultdict(list)
    for one in under_review:
        for unit in units.get(one.id, ()):
            until = speak_by(plan, one)
            found[one.id].append(Asked(unit, until, given.get((items[one.id].id, unit.id))))
    return found


def speak_by(plan: Plan, assignment: Assignment) -> dt.date:
    """The last day on which a co-lead that has said nothing is waited for."""
    assert assignment.submitted_on is not None
    return plan.work_calendar.add(assignment.submitted_on, plan.co_lead_working_days)


def _latest(session: Session, item_ids: Sequence[int]) -> dict[tuple[int, int], Opinion]:
    rows = session.scalars(
        select(Opinion)
        .where(any_of_ids(Opinion.submission_item_id, item_ids))
        .ext(distinct_on(Opinion.submission_item_id, Opinion.unit_id))
        .order_by(Opinion.submission_item_id, Opinion.unit_id, Opinion.id.desc())
    )
    return {(one.submission_item_id, one.unit_id): one for one in rows}


def give(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    *,
    agrees: bool,
    words: str,
    actor: Actor,
    at: dt.datetime,
    version: int | None = None,
) -> Opinion:
    """A co-lead agrees or objects, and the reviewer is told.

    Raises IllegalMoveError where nothing is under review, RefusedError for an objection without a reason and for the
    person who handed it in.
    """
    item = under_review(latest_items(session, [assignment]), assignment, version)
    if not (agrees or said(words)):
        raise RefusedError("{ref}: say why your unit objects", ref=assignment.ref)
    if is_same_person(session.get_one(Submission, item.submission_id).by_name, actor.name):
        raise RefusedError(
            "{ref} was handed in by {name}; somebody else has to speak for your unit",
            ref=assignment.ref,
            name=actor.name,
        )
    opinion = Opinion(
        submission_item_id=item.id, unit_id=actor.unit_id, agrees=agrees, words=words.strip(), by_name=actor.name, at=at
    )
    session.add(opinion)
    session.flush()
    record(
        session,
        EventKind.OPINION_GIVEN,
        actor,
        at,
        plan_id=plan.id,
        assignment_id=assignment.id,
        why=words.strip(),
        detail={"agrees": agrees, "version": item.version},
    )
    _tell_reviewer(session, plan, assignment, opinion)
    return opinion


def _tell_reviewer(session: Session, plan: Plan, assignment: Assignment, opinion: Opinion) -> None:
    """Told of each: it is for the reviewer to decide, and a change of mind is news as well."""
    reviewer = reviewer_of(session, plan, assignment)
    kind, by_name = MessageKind.OPINION_GIVEN, opinion.by_name
    told = message_about(assignment, kind, reviewer.id, opinion.at, by_name=by_name, reason=opinion.words)
    post(session, plan, [dataclasses.replace(told, subject=f"{told.subject}+{opinion.id}")])


def refuse_unheard(
    session: Session, plan: Plan, assignments: Sequence[Assignment], *, reason: str, today: dt.date
) -> None:
    """Raises BlockedError while a co-lead is waited for, RefusedError where one objects and no reason is given."""
    asked = asked_about(session, plan, assignments)
    for one in assignments:
        silent = [who for who in asked.get(one.id, ()) if who.is_awaited(today)]
        if silent:
            raise BlockedError(
                "{ref} waits for its co-leads: {reasons}", [still_awaited(who) for who in silent], ref=one.ref
            )
        against = [who.unit.code for who in asked.get(one.id, ()) if who.objects]
        if against and not said(reason):
            raise RefusedError(
                "{ref}: {units} object; say why it is accepted all the same", ref=one.ref, units=", ".join(against)
            )


def still_awaited(who: Asked) -> Reason:
    return Reason("{unit} has said nothing and may until {until}", unit=who.unit.code, until=who.until)
