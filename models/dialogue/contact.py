"""What passes between the office and a unit about an item: reminders in the office's own words (催办), calls, visits.

A contact works an item off the list of what was escalated, until a further step of the ladder reaches the office.
"""

import dataclasses
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment
from models.common.base import Base, Instant, Key, any_of_ids, text_enum
from models.common.errors import RefusedError
from models.common.event import Actor, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.typed import person_name, said
from models.dates.instants import end_of
from models.dates.workdays import ONE_DAY
from models.outbox.message import NewMessage, post
from models.plan.plan import Plan

LONGEST = 1000  # characters of what the office says: a letter holds the words once for each item


class ContactKind(StrEnum):
    PRESSED = "pressed"  # the office wrote in its own words, and the unit gets a letter
    CALLED = "called"
    VISITED = "visited"
    SEEN = "seen"  # the office looked at it, and says what follows


WITH_SOMEBODY = frozenset({ContactKind.CALLED, ContactKind.VISITED})


class Contact(Base):
    """One contact about one item; never changed."""

    __tablename__ = "contact"

    id: Mapped[Key]
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), index=True, doc="the assignment (assignment)"
    )
    kind: Mapped[ContactKind] = mapped_column(text_enum(ContactKind, "kind"), doc="which kind")
    with_whom: Mapped[str] = mapped_column(server_default="", doc="with whom, by name; empty where with nobody")
    words: Mapped[str] = mapped_column(doc="what was said")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


@dataclasses.dataclass(frozen=True, slots=True)
class Pressed:
    """How many items were pressed at how many units; `again` were with the same words today and are left alone."""

    items: int
    units: int
    again: int


def press(
    session: Session, plan: Plan, assignments: Sequence[Assignment], *, words: str, actor: Actor, at: dt.datetime
) -> Pressed:
    """催办: write to the units that owe these; each gets one letter with all that is its own.

    Raises RefusedError without words or with too many, where one is not owed, and where all were told just that today.
    """
    text = _words(words)
    if closed := [one.ref for one in assignments if not one.status.is_owed]:
        raise RefusedError("{refs}: nothing is owed there that could be pressed for", refs=", ".join(closed[:5]))
    told = _told_today(session, plan, [one.id for one in assignments], text, at)
    fresh = [one for one in assignments if one.id not in told]
    if not fresh:
        raise RefusedError("the same was written about it today")
    written = _note(session, plan, fresh, ContactKind.PRESSED, "", text, actor, at)
    kind, by_name = MessageKind.PRESSED, actor.name
    post(
        session,
        plan,
        [
            NewMessage(
                recipient_id=one.unit_id,
                kind=kind,
                subject=f"{one.ref}+{contact.id}",  # so that other words on one day are another message
                at=at,
                assignment_id=one.id,
                reason=text,
                by_name=by_name,
            )
            for one, contact in zip(fresh, written, strict=True)
        ],
    )
    return Pressed(len(fresh), len({one.unit_id for one in fresh}), len(told))


def note(
    session: Session,
    plan: Plan,
    assignments: Sequence[Assignment],
    *,
    kind: ContactKind,
    with_whom: str,
    words: str,
    actor: Actor,
    at: dt.datetime,
) -> Sequence[Contact]:
    """Write down a call, a visit, or what follows from having looked at it; nobody is sent a letter.

    Raises RefusedError without words or with too many, and for a call or a visit without a name.
    """
    if kind is ContactKind.PRESSED:
        raise RefusedError("a reminder is sent, and not only noted")
    text, who = _words(words), person_name(with_whom) if kind in WITH_SOMEBODY else ""
    if kind in WITH_SOMEBODY and not who:
        raise RefusedError("give the name of the person who was called or visited")
    return _note(session, plan, assignments, kind, who, text, actor, at)


def _words(words: str) -> str:
    text = said(words)
    if not text:
        raise RefusedError("write what is to be said")
    if len(text) > LONGEST:
        raise RefusedError("this is too long: at most {most} characters", most=LONGEST)
    return text


def _told_today(session: Session, plan: Plan, ids: Collection[int], words: str, at: dt.datetime) -> frozenset[int]:
    begin = end_of(plan.day_of(at) - ONE_DAY, plan.timezone)
    query = select(Contact.assignment_id).where(
        any_of_ids(Contact.assignment_id, ids),
        Contact.kind == ContactKind.PRESSED,
        Contact.words == words,
        Contact.at > begin,
    )
    return frozenset(session.scalars(query))


def _note(
    session: Session,
    plan: Plan,
    assignments: Sequence[Assignment],
    kind: ContactKind,
    with_whom: str,
    words: str,
    actor: Actor,
    at: dt.datetime,
) -> Sequence[Contact]:
    written = [
        Contact(assignment_id=one.id, kind=kind, with_whom=with_whom, words=words, by_name=actor.name, at=at)
        for one in assignments
    ]
    session.add_all(written)
    session.flush()
    event = EventKind.PRESSED if kind is ContactKind.PRESSED else EventKind.CONTACT_NOTED
    detail = None if kind is ContactKind.PRESSED else {"contact": kind.value, "with": with_whom}
    for one in assignments:
        record(session, event, actor, at, plan_id=plan.id, assignment_id=one.id, why=words, detail=detail)
    return written


def last_contacts(session: Session, ids: Collection[int]) -> Mapping[int, Contact]:
    """The last contact about each of these assignments, by id."""
    query = (
        select(Contact)
        .ext(distinct_on(Contact.assignment_id))
        .where(any_of_ids(Contact.assignment_id, ids))
        .order_by(Contact.assignment_id, Contact.id.desc())
    )
    return {one.assignment_id: one for one in session.scalars(query)}


def contacts_of(session: Session, assignment_id: int) -> Sequence[Contact]:
    """All contacts about an assignment, the last first."""
    query = select(Contact).where(Contact.assignment_id == assignment_id)
    return session.scalars(query.order_by(Contact.id.desc())).all()
