"""Puts the facts behind messages together into letters: read once for many recipients."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.acceptance.verdict import named_verdict
from models.assignments.assignment import Assignment
from models.assignments.objection import named_in
from models.bulletins import bulletin as bulletins
from models.common.base import AnyRow, any_of_ids
from models.common.kinds import Basis, UnitKind
from models.common.message_kinds import MessageKind
from models.common.status import CLOSED, Status
from models.common.text import Text
from models.complaint import complaint_of
from models.delivery.changes import TOLD_BY_A_CHANGE, ChangeLines
from models.delivery.letter import Contact, Letter, Line
from models.finding import Finding
from models.outbox.message import Message
from models.people.person import Person, Post, holder_of
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit, body_of
from models.queries.listing import LETTER_COLUMNS, item_of

OBJECTIONS = frozenset({MessageKind.OBJECTION, MessageKind.OBJECTION_UPHELD, MessageKind.OBJECTION_DISMISSED})


def messages_of(session: Session, ids: Collection[int]) -> Sequence[AnyRow]:
    """These messages as the composer takes them, by recipient and in their order."""
    columns = (
        *(Message.id, Message.recipient_id, Message.kind, Message.subject, Message.order, Message.reason),
        *(Message.by_name, Message.assignment_id, Message.phase_id, Message.unsure),
    )
    query = select(*columns).where(any_of_ids(Message.id, ids)).order_by(Message.recipient_id, Message.id)
    return session.execute(query).all()


class LetterComposer:
    """Composes the letters of one tick: reads what is behind all of its messages at once, whoever is told."""

    def __init__(self, session: Session, plan: Plan, today: dt.date, messages: Sequence[AnyRow]) -> None:
        self.session, self.plan, self.today = session, plan, today
        office = body_of(session, plan.id, UnitKind.OFFICE)
        self.office, self.contact = office.name, _contact(holder_of(session, office, Post.CONTACT, today))
        self.facts = self._facts({row.assignment_id for row in messages if row.assignment_id})
        issued = [row for row in messages if row.kind is MessageKind.ISSUED and not row.assignment_id]
        self.issued = self._issued({row.phase_id for row in issued}, {row.recipient_id for row in issued})
        self.changes = ChangeLines(session, plan, today, messages)

    def of(self, unit: Unit, messages: Sequence[AnyRow], more: int = 0) -> Letter:
        lines = [line for row in messages for line in self._lines(unit, row)]
        repeat = any(row.unsure for row in messages)
        return Letter(
            unit.name,
            unit.code,
            self.today,
            self.plan.title,
            tuple(lines),
            more,
            may_be_a_repeat=repeat,
            contact=self.contact,
        )

    def _facts(self, ids: Iterable[int]) -> dict[int, AnyRow]:
        if not ids:
            return {}
        return {row.id: row for row in self.session.execute(LETTER_COLUMNS.where(any_of_ids(Assignment.id, ids)))}

    def _issued(self, phase_ids: Iterable[int], unit_ids: Iterable[int]) -> dict[tuple[int, int], list[AnyRow]]:
        """What a phase asks of each unit. What was issued for a finding or by a change set has a notice of its own."""
        found: dict[tuple[int, int], list[AnyRow]] = defaultdict(list)
        if phase_ids:
            of_phases = LETTER_COLUMNS.add_columns(Requirement.phase_id, Assignment.unit_id).where(
                any_of_ids(Requirement.phase_id, phase_ids),
                any_of_ids(Assignment.unit_id, unit_ids),
                Requirement.id.not_in(select(Finding.requirement_id)),
                Assignment.id.not_in(TOLD_BY_A_CHANGE),
                Assignment.status.not_in(CLOSED),
            )
            for row in self.session.execute(of_phases.order_by(Assignment.due_on, Requirement.ref)):
                found[row.phase_id, row.unit_id].append(row)
        return found

    def _lines(self, unit: Unit, row: AnyRow) -> Iterable[Line]:
        if row.assignment_id:
            return [self._line(row, self.facts[row.assignment_id])]
        if row.kind is MessageKind.ISSUED:
            return [self._line(row, fact) for fact in self.issued[row.phase_id, unit.id]]
        if row.kind is MessageKind.BULLETIN:
            return [self._bulletin_line(row)]
        if row.kind is MessageKind.VERDICT:
            return [self._verdict_line(row)]
        if row.kind is MessageKind.PLAN_CHANGED:
            return self.changes.of(unit, row)
        return [self._phase_line(row) if row.phase_id else self._complaint_line(row)]

    def _line(self, message: AnyRow, fact: AnyRow) -> Line:
        return Line(
            kind=message.kind,
            ref=f"{fact.requirement_ref}/{fact.unit_code}",
            title=Text(fact.title_zh, fact.title_en),
            period=fact.period,
            item=item_of(fact),
            unit=Text(fact.unit_zh, fact.unit_en),
            asked_by=self.office,
            due_on=fact.asked_until if message.kind is MessageKind.EXTENSION_ASKED else fact.due_on,
            planned_due_on=fact.planned_due_on,
            provisional=fact.due_provisional,
            working_days_left=self._left(fact),
            order=message.order,
            why=Text(fact.why_zh, fact.why_en),
            proof=Text(fact.proof_zh, fact.proof_en),
            source=fact.source,
            basis=fact.basis,
            promised_on=fact.promised_on if message.kind is MessageKind.OVERDUE else None,
            reason=message.reason,
            by=message.by_name,
            about=named_in(self.session, message.subject).about if message.kind in OBJECTIONS else "",
        )

    def _phase_line(self, message: AnyRow) -> Line:
        phase = self.session.get_one(Phase, message.phase_id)
        return Line(
            kind=message.kind,
            ref=phase.ref,
            title=phase.name,
            due_on=phase.ends_on,
            planned_due_on=phase.planned_ends_on,
            basis=Basis.STATED,
            reason=message.reason,
            by=message.by_name,
            count=0 if message.kind is MessageKind.UNREACHED else self._count_open(phase, message.kind),
        )

    def _complaint_line(self, message: AnyRow) -> Line:
        complaint = complaint_of(self.session, self.plan, message.subject)
        return Line(
            kind=message.kind,
            ref=complaint.ref,
            title=complaint.title,
            unit=complaint.unit.name,
            reason=message.reason,
            by=message.by_name,
        )

    def _left(self, fact: AnyRow) -> int | None:
        """None where the date has passed and nothing is late by that."""
        if fact.open_ended and self.today > fact.due_on:
            return None
        return self.plan.work_calendar.count(self.today, fact.due_on)

    def _bulletin_line(self, message: AnyRow) -> Line:
        bulletin = bulletins.named_in(self.session, self.plan, message.subject)
        return Line(
            kind=message.kind,
            ref=bulletin.ref,
            title=bulletin.title,
            reason=message.reason,
            by=message.by_name,
        )

    def _verdict_line(self, message: AnyRow) -> Line:
        verdict, item = named_verdict(self.session, message.subject)
        return Line(
            kind=message.kind,
            ref=item.code,
            title=item.name,
            due_on=verdict.until,
            reason=message.reason,
            by=message.by_name,
            about=verdict.outcome.value,
        )

    def _count_open(self, phase: Phase, kind: MessageKind) -> int:
        query = (
            select(func.count())
            .select_from(Assignment)
            .join(Assignment.requirement)
            .join(Phase, Phase.id == Requirement.phase_id)
            .where(Phase.plan_id == self.plan.id, Assignment.status.not_in(CLOSED))
        )
        if kind is MessageKind.BACKLOG:
            query = query.where(Assignment.due_on < self.today, Assignment.status != Status.SUBMITTED)
            query = query.where(~Requirement.open_ended)
        else:
            query = query.where(Phase.id == phase.id)
        return self.session.scalars(query).one()


def _contact(person: Person | None) -> Contact | None:
    return Contact(person.name, person.telephone or person.mobile) if person else None
