"""Complaints and suggestions (投诉、建议): a unit writes to the office, about anything, and gets one answer."""

import datetime as dt
import re
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.common.typed import said
from models.outbox.message import NewMessage, post
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of


class ComplaintKind(StrEnum):
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"


TITLES = {
    ComplaintKind.COMPLAINT: Text("投诉", "Complaint"),
    ComplaintKind.SUGGESTION: Text("建议", "Suggestion"),
}
REF = re.compile(rf"(?P<kind>{'|'.join(ComplaintKind)})-(?P<id>[1-9][0-9]{{0,17}})")


class Complaint(Base):
    """What a unit complains of or suggests, and what the office answered; open while `answer` is null."""

    __tablename__ = "complaint"

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), index=True, doc="the plan (plan)")
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    kind: Mapped[ComplaintKind] = mapped_column(text_enum(ComplaintKind, "kind"), doc="which kind")
    text: Mapped[str] = mapped_column(doc="the words")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    answer: Mapped[str | None] = mapped_column(doc="the answer")
    answered_by: Mapped[str | None] = mapped_column(doc="who answered")
    answered_at: Mapped[Instant | None] = mapped_column(doc="when it was answered")

    unit: Mapped[Unit] = relationship()

    @property
    def ref(self) -> str:
        """How people name it: `complaint-12`, `suggestion-13`."""
        return f"{self.kind}-{self.id}"

    @property
    def title(self) -> Text:
        return TITLES[self.kind]


def complaint_of(session: Session, plan: Plan, ref: str) -> Complaint:
    """The complaint or suggestion of that reference. Raises NotFoundError."""
    named = REF.fullmatch(ref)
    found = named and session.scalar(
        select(Complaint).where(
            Complaint.plan_id == plan.id, Complaint.kind == named["kind"], Complaint.id == int(named["id"])
        )
    )
    if found is None:
        raise NotFoundError("no complaint or suggestion {ref!r} in the plan {plan}", ref=ref, plan=plan.code)
    return found


def file_complaint(
    session: Session, plan: Plan, unit_id: int, *, kind: ComplaintKind, text: str, actor: Actor, at: dt.datetime
) -> Complaint:
    """A unit complains or suggests, and the office is told. Raises RefusedError where nothing is said."""
    if not said(text):
        raise RefusedError("say what you complain of or suggest")
    complaint = Complaint(plan_id=plan.id, unit_id=unit_id, kind=kind, text=text.strip(), by_name=actor.name, at=at)
    session.add(complaint)
    session.flush()
    _journal(session, complaint, EventKind.COMPLAINT_FILED, actor, at, complaint.text)
    office = body_of(session, plan.id, UnitKind.OFFICE)
    _tell(session, plan, complaint, MessageKind.COMPLAINT, office.id, actor, at, complaint.text)
    return complaint


def answer(
    session: Session, plan: Plan, complaint: Complaint, *, text: str, actor: Actor, at: dt.datetime
) -> Complaint:
    """The office answers, once, and the unit is told.

    Raises RefusedError without a text, and where it was answered before.
    """
    # Locked: of two people who answer at once, the second one sees that it is answered.
    session.refresh(complaint, with_for_update={"of": Complaint})
    reasons = []
    if not said(text):
        reasons.append(Reason("an answer needs words"))
    if complaint.answered_at is not None:
        reasons.append(
            Reason("{name} answered it on {day}", name=complaint.answered_by, day=plan.day_of(complaint.answered_at))
        )
    if reasons:
        raise RefusedError("{ref} cannot be answered: {reasons}", ref=complaint.ref, reasons=reasons)
    complaint.answer, complaint.answered_by, complaint.answered_at = text.strip(), actor.name, at
    _journal(session, complaint, EventKind.COMPLAINT_ANSWERED, actor, at, complaint.answer)
    _tell(session, plan, complaint, MessageKind.COMPLAINT_ANSWERED, complaint.unit_id, actor, at, complaint.answer)
    return complaint


def _journal(
    session: Session, complaint: Complaint, kind: EventKind, actor: Actor, at: dt.datetime, words: str
) -> None:
    record(session, kind, actor, at, plan_id=complaint.plan_id, why=words, detail={"ref": complaint.ref})


def _tell(
    session: Session,
    plan: Plan,
    complaint: Complaint,
    kind: MessageKind,
    recipient_id: int,
    actor: Actor,
    at: dt.datetime,
    words: str,
) -> None:
    post(session, plan, [NewMessage(recipient_id, kind, complaint.ref, at, reason=words, by_name=actor.name)])
