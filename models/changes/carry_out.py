"""Carrying a change set out: the document, the items, the journal and the letters, in the caller's transaction."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models import access
from models.assignments import extension
from models.assignments.assignment import Assignment, by_ids, move, move_due
from models.assignments.co_leads import asking, co_leads_asked
from models.assignments.reviewer import reviewers_of
from models.changes.change_set import ChangeItem, ChangeSet, Touch
from models.changes.difference import Difference, Words, difference
from models.changes.effects import Days, DueMove, Effects, Issued, OfRequirement, Withdrawal, effects
from models.changes.orders import Orders, carried_out, reasons_against, succeeded
from models.changes.standing import issued, opened, phases_locked, settled
from models.common.base import any_of_ids
from models.common.errors import BlockedError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import CLOSED, Status
from models.common.typed import said
from models.loading import content_of, load_plan
from models.outbox.message import Message, MessageStatus, NewMessage, post
from models.phases.opening import issue
from models.plan.content import document_of
from models.plan.document import PlanDocument
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import BODIES, Unit
from models.plan.unsettled import SettledParty

TO_A_REVIEWER = (MessageKind.TO_REVIEW, MessageKind.UNREVIEWED)


@dataclasses.dataclass(frozen=True, slots=True)
class Heading:
    """What a change set is called, why it is made, by what authority (文号), and from which day it counts."""

    title: str
    why: str
    authority: str
    from_on: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class CarriedOut:
    """What was done. `change` is None where nothing changes; `passed`: who is not asked, as the date has passed."""

    change: ChangeSet | None
    items: Sequence[ChangeItem] = ()
    passed: Sequence[str] = ()


def carry_out(
    session: Session,
    plan: Plan,
    document: PlanDocument | None,
    orders: Orders,
    heading: Heading,
    *,
    actor: Actor,
    at: dt.datetime,
) -> CarriedOut:
    """Change a plan that runs, by a new document, by orders, or by both. What is changed already stays as it is.

    Raises RefusedError for what cannot be said so, BlockedError with every item for which it cannot be.
    """
    _refuse_heading(heading, plan.day_of(at))
    phases = phases_locked(session, plan)  # in the order in which opening a phase locks them
    session.refresh(plan, with_for_update=True)
    before = document_of(plan.content)
    after = _document(before, document, orders)
    parties = settled(session, plan)
    gone = {one.code for one in before.units} - {one.code for one in after.units}
    change = difference(before, after, parties, succeeded(parties, orders, gone))
    known = issued(session, plan, change, orders)
    found = effects(change, orders, known, opened(phases), Days(plan.day_of(at), plan.bounds, plan.work_calendar))
    _refuse(found.refusals)
    is_other = content_of(after) != plan.content
    if not is_other and all(one.is_empty for one in found.of):
        return CarriedOut(None, passed=_passed(found))
    deed = _Deed(session, plan, heading, orders, actor, at)
    deed.end(change, known, after)
    if is_other:
        load_plan(session, after, actor=actor, at=at)
    deed.begin(after)
    for one in found.of:
        deed.change(one)
    deed.tell(change)
    deed.refuse_unreviewed()
    return CarriedOut(deed.row, deed.items, _passed(found))


def _passed(found: Effects) -> list[str]:
    return [f"{one.ref}/{unit}" for one in found.of for unit in one.passed]


def _refuse(reasons: Sequence[Reason]) -> None:
    if reasons:
        raise BlockedError("the change cannot be carried out: {reasons}", list(reasons))


def _refuse_heading(heading: Heading, today: dt.date) -> None:
    reasons = []
    if not said(heading.title):
        reasons.append(Reason("say what the change is called"))
    if not said(heading.why):
        reasons.append(Reason("say why the plan changes"))
    if not said(heading.authority):
        reasons.append(Reason("say by what authority the plan changes, such as the number of a document"))
    if heading.from_on > today:
        reasons.append(Reason("{day} is still to come: a change is carried out on its day", day=heading.from_on))
    if reasons:
        raise RefusedError("the change cannot be carried out: {reasons}", reasons=reasons)


def _document(before: PlanDocument, document: PlanDocument | None, orders: Orders) -> PlanDocument:
    """The document from then on: the one that is given, or the present one with the orders carried out in it."""
    if document is None:
        _refuse(reasons_against(before, orders))
        return carried_out(before, orders)
    if document.code != before.code:
        raise RefusedError("the files are of the plan {other}, not of {plan}", other=document.code, plan=before.code)
    old, new = ({unit.code for unit in one.units} for one in (before, document))
    ending = orders.successors.keys() & old
    reasons = [Reason("there is no unit {unit}", unit=unit) for unit in orders.successors if unit not in old]
    reasons += [Reason("{unit} ends, and the files still name it", unit=unit) for unit in sorted(ending & new)]
    reasons += [
        Reason("there is no unit {unit}", unit=unit)
        for unit in sorted({one for to in orders.successors.values() for one in to} - new)
    ]
    _refuse(reasons)
    if orders.withdrawn:
        raise RefusedError("what is withdrawn is left out of the files")
    return document


class _Deed:
    """One change set on its way through the rows."""

    def __init__(
        self, session: Session, plan: Plan, heading: Heading, orders: Orders, actor: Actor, at: dt.datetime
    ) -> None:
        self.session, self.plan, self.heading, self.orders = session, plan, heading, orders
        self.actor, self.at, self.today = actor, at, plan.day_of(at)
        self.version_before = plan.version
        self.items: list[ChangeItem] = []
        self.reviewers: dict[int, Unit] = {}  # of open items, as they were
        self.about: dict[int, dict[str, Any]] = defaultdict(lambda: {"what": []})  # what the journal says of an item
        self.led: list[list[int | None]] = []  # requirement, lead before, lead after
        self.ended: list[Unit] = []

    # The document

    def end(self, change: Difference, known: Mapping[str, Issued], after: PlanDocument) -> None:
        """What stands in the document no longer stays among the rows: its history hangs on it."""
        gone = [known[one.ref].id for one in change.asks if one.after is None and one.ref in known]
        ended = update(Requirement).where(any_of_ids(Requirement.id, gone)).values(withdrawn_on=self.today)
        self.session.execute(ended.execution_options(synchronize_session=False))
        self.ended = [self._unit(code) for code in change.removed]
        for unit in self.ended:
            if unit.kind in BODIES:
                raise RefusedError("{unit} is a body of the leading group and cannot end", unit=unit.code)
            unit.closed_on = self.today
        self._let_succeed(after)
        touched = [item.id for one in known.values() for item in one.open]
        rows = by_ids(self.session, self.plan, touched)
        self.reviewers = dict(zip((one.id for one in rows), reviewers_of(self.session, self.plan, rows), strict=True))

    def _let_succeed(self, after: PlanDocument) -> None:
        """Who was settled to be a party and ends, gives way to the unit that follows; storing the document asks who."""
        self.session.flush()
        for unit in self.ended:
            query = select(SettledParty).where(SettledParty.unit_id == unit.id)
            for party in self.session.scalars(query).all():
                heir = next(iter(self.orders.successors.get(unit.code, ())), None)
                if heir is None or self._is_settled(party, self._known(heir, after)):
                    self.session.delete(party)
                else:
                    party.unit_id = self._known(heir, after).id
        self.session.flush()

    def _is_settled(self, party: SettledParty, unit: Unit) -> bool:
        same = (SettledParty.unsettled_party_id == party.unsettled_party_id, SettledParty.unit_id == unit.id)
        return self.session.scalar(select(SettledParty.id).where(*same)) is not None

    def _known(self, code: str, after: PlanDocument) -> Unit:
        """The unit, also where the document is the first to name it."""
        found = self.session.scalar(select(Unit).where(Unit.plan_id == self.plan.id, Unit.code == code))
        if found is None:
            entry = next(one for one in after.units if one.code == code)
            found = Unit(
                plan_id=self.plan.id,
                code=code,
                kind=entry.kind,
                full_name=entry.full_name,
                name_zh=entry.name.zh,
                name_en=entry.name.en,
                source=entry.source,
                basis=entry.basis,
            )
            self.session.add(found)
            self.session.flush()
        return found

    def begin(self, after: PlanDocument) -> None:
        """The change set itself, once the document is stored: past the session, which reads all of it anew."""
        self.session.flush()
        self.session.expire_all()
        newest = select(func.max(ChangeSet.number)).where(ChangeSet.plan_id == self.plan.id)
        self.row = ChangeSet(
            plan_id=self.plan.id,
            number=(self.session.scalar(newest) or 0) + 1,
            title=self.heading.title.strip(),
            why=self.heading.why.strip(),
            authority=self.heading.authority.strip(),
            from_on=self.heading.from_on,
            by_name=self.actor.name,
            at=self.at,
            version_before=self.version_before,
            version_after=self.plan.version,
            orders=self.orders.as_json(),
        )
        self.session.add(self.row)
        self.session.flush()
        units = self.session.scalars(select(Unit).where(Unit.plan_id == self.plan.id)).all()
        self.units = {unit.code: unit for unit in units}
        for unit in after.units:
            self.units[unit.code].closed_on = None

    def _unit(self, code: str) -> Unit:
        return self.session.scalars(select(Unit).where(Unit.plan_id == self.plan.id, Unit.code == code)).one()

    # One requirement

    def change(self, one: OfRequirement) -> None:
        requirement = self.session.scalar(
            select(Requirement).join(Phase).where(Phase.plan_id == self.plan.id, Requirement.ref == one.ref)
        )
        if requirement is None or one.is_empty:
            return
        rows = {row.id: row for row in by_ids(self.session, self.plan, _ids_of(one, requirement, self.session))}
        for withdrawal in one.withdraw:
            self._withdraw(rows[withdrawal.item.id], withdrawal)
        if one.leads:
            self._lead(requirement, one.lead)
        if one.co_leads is not None:
            self._let_co_lead(requirement, one.co_leads, list(rows.values()))
        for item, role in one.roles:
            self._role(rows[item.id], role)
        if one.words is not None:
            self._reword(requirement, one.words, [row for row in rows.values() if row.status.is_open])
        if one.due_on is not None:
            requirement.due_on = one.due_on
        for due in one.move:
            self._move(rows[due.item.id], due, requirement, whole=one.due_on is not None)
        self.session.flush()
        self._follow_reviewers([row for row in rows.values() if row.status.is_open])
        self._hand(requirement, one)

    def _withdraw(self, row: Assignment, withdrawal: Withdrawal) -> None:
        self._settle_request(row, granted=False, due_on=None)
        move(self.session, self.plan, row, Status.WAIVED, actor=self.actor, at=self.at, why=self.heading.why)
        after = {"because": withdrawal.because.value, "to": list(withdrawal.to)}
        self._touch(Touch.WITHDRAWN, row.unit, row.requirement, row, {"status": withdrawal.item.status.value}, after)

    def _settle_request(self, row: Assignment, *, granted: bool, due_on: dt.date | None) -> None:
        """A request for more time is settled with the change: nothing is left to decide."""
        waiting = extension.pending(self.session, row)
        if waiting is None:
            return
        waiting.granted, waiting.decided_by, waiting.decided_at = granted, self.actor.name, self.at
        waiting.decision_reason, waiting.due_after = self.heading.why, due_on
        if not granted:
            about = {"plan_id": self.plan.id, "assignment_id": row.id}
            record(self.session, EventKind.EXTENSION_REFUSED, self.actor, self.at, why=self.heading.why, **about)
        self.about[row.id]["settled"] = True

    def _lead(self, requirement: Requirement, code: str | None) -> None:
        before, after = requirement.lead, self.units[code] if code else None
        requirement.lead_id = after.id if after else None
        self.session.flush()
        self.session.refresh(requirement, ["lead"])
        self.led.append([requirement.id, before.id if before else None, requirement.lead_id])
        lead = {"lead": code}
        if after is not None:
            self._touch(Touch.LEADS, after, requirement, None, {"lead": before and before.code}, lead)
        if before is not None and before.closed_on is None:
            self._touch(Touch.LEADS_NO_MORE, before, requirement, None, {"lead": before.code}, lead)

    def _let_co_lead(self, requirement: Requirement, codes: Sequence[str], rows: Sequence[Assignment]) -> None:
        """Who leads beside the first lead: those who are new are asked about what waits for its review."""
        before = {unit.id for units in co_leads_asked(self.session, rows).values() for unit in units}
        self.session.execute(delete(CoLead).where(CoLead.requirement_id == requirement.id))
        for position, code in enumerate(codes, start=1):
            self.session.add(CoLead(requirement_id=requirement.id, unit_id=self.units[code].id, position=position))
        self.session.flush()
        waiting = [row for row in rows if row.status is Status.SUBMITTED]
        asked = asking(self.session, waiting, self.at, self.actor.name)
        post(self.session, self.plan, [one for one in asked if one.recipient_id not in before])

    def _role(self, row: Assignment, role: Any) -> None:
        before, row.role = row.role, role
        self.about[row.id] |= {"role_before": before.value, "role_after": role.value}
        self._touch(Touch.ROLE_MOVED, row.unit, row.requirement, row, {"role": before.value}, {"role": role.value})

    def _reword(self, requirement: Requirement, words: Words, rows: Sequence[Assignment]) -> None:
        after = {
            "title_zh": words.title.zh,
            "title_en": words.title.en,
            "why_zh": words.why.zh,
            "why_en": words.why.en,
            "proof_zh": words.proof.zh,
            "proof_en": words.proof.en,
            "source": words.source,
        }
        before = {name: getattr(requirement, name) for name in after}
        requirement.earlier_words = [*requirement.earlier_words, before | {"until": self.at.isoformat()}]
        for name, text in after.items():
            setattr(requirement, name, text)
        requirement.basis = words.basis
        for row in rows:
            self._touch(Touch.REWORDED, row.unit, requirement, row, before, after)

    def _move(self, row: Assignment, due: DueMove, requirement: Requirement, *, whole: bool) -> None:
        calendar = self.plan.work_calendar
        settled = calendar.settle(due.to, requirement.on_day_off) if whole else calendar.settle(due.to)
        if settled.on == row.due_on:
            return
        waiting = extension.pending(self.session, row)
        granted = waiting is not None and settled.on >= waiting.until
        self._settle_request(row, granted=granted, due_on=settled.on if granted else None)
        self._to(row, settled.on, provisional=settled.provisional)

    def _to(self, row: Assignment, day: dt.date, *, provisional: bool) -> None:
        before, why = row.due_on, self.heading.why
        move_due(self.session, self.plan, row, day, provisional=provisional, actor=self.actor, at=self.at, why=why)
        dates = ({"due_on": before.isoformat()}, {"due_on": day.isoformat()})
        self._touch(Touch.DUE_MOVED, row.unit, row.requirement, row, *dates)

    def _follow_reviewers(self, rows: Sequence[Assignment]) -> None:
        """Who handed in under another reviewer hears who reviews it now; what waits to be said to the other is void."""
        for row, reviewer in zip(rows, reviewers_of(self.session, self.plan, rows), strict=True):
            before = self.reviewers.get(row.id)
            if before is None or before.id == reviewer.id:
                continue
            self._touch(
                Touch.REVIEWER_MOVED, row.unit, row.requirement, row, {"unit": before.code}, {"unit": reviewer.code}
            )
            self._drop(
                Message.assignment_id == row.id, Message.recipient_id == before.id, Message.kind.in_(TO_A_REVIEWER)
            )

    def _drop(self, *which: Any) -> None:
        unsent = update(Message).where(*which, Message.status == MessageStatus.PENDING)
        self.session.execute(unsent.values(status=MessageStatus.DROPPED).execution_options(synchronize_session=False))

    def _hand(self, requirement: Requirement, one: OfRequirement) -> None:
        if not one.hand:
            return
        for handing in one.hand:
            if handing.finding is not None:
                unit_id = self.units[handing.unit].id
                self.session.add(Addressee(requirement_id=requirement.id, role=handing.finding, unit_id=unit_id))
        self.session.flush()
        by_day: dict[dt.date | None, list[int]] = defaultdict(list)
        for handing in one.hand:
            by_day[handing.until].append(self.units[handing.unit].id)
        for until, units in by_day.items():
            issue(
                self.session,
                self.plan,
                requirement.phase,
                [requirement],
                actor=self.actor,
                at=self.at,
                issued_on=self.today,
                until={requirement.id: until} if until else {},
                only_to=units,
            )
        mine = Assignment.requirement_id == requirement.id
        ids = {
            one.unit_id: one.id for one in self.session.execute(select(Assignment.unit_id, Assignment.id).where(mine))
        }
        for handing in one.hand:
            (row,) = by_ids(self.session, self.plan, [ids[self.units[handing.unit].id]])
            before = {"from": handing.taken_from} if handing.taken_from else None
            self._touch(Touch.ISSUED, row.unit, requirement, row, before, None)

    # What is written down of it

    def _touch(
        self,
        what: Touch,
        unit: Unit,
        requirement: Requirement | None,
        row: Assignment | None,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        item = ChangeItem(
            change_set_id=self.row.id,
            unit_id=unit.id,
            requirement_id=requirement.id if requirement else None,
            assignment_id=row.id if row else None,
            what=what,
            before=before,
            after=after,
        )
        self.session.add(item)
        self.items.append(item)
        if row is not None:
            self.about[row.id]["what"].append(what.value)

    def tell(self, change: Difference) -> None:
        """The journal, an entry for the plan and one for each item; and to each unit concerned one message."""
        for code, (old, new) in change.renamed.items():
            names = (dataclasses.asdict(old), dataclasses.asdict(new))
            if self.units[code].kind not in BODIES:
                self._touch(Touch.RENAMED, self.units[code], None, None, *names)
        for unit in self.ended:
            after = {"to": list(self.orders.successors.get(unit.code, ()))}
            self._touch(Touch.CLOSED, unit, None, None, None, after)
            self._drop(Message.recipient_id == unit.id)
            access.revoke_all(self.session, unit.id, by=self.actor.name, at=self.at)
        self._journal()
        told = dict.fromkeys(item.unit_id for item in self.items)
        messages = [
            NewMessage(
                recipient_id=unit_id,
                kind=MessageKind.PLAN_CHANGED,
                subject=subject(self.plan, self.row.number),
                at=self.at,
                reason=self.row.why,
                by_name=self.actor.name,
            )
            for unit_id in told
        ]
        post(self.session, self.plan, messages)

    def _journal(self) -> None:
        common = {"plan_id": self.plan.id, "why": self.row.why}
        number = {"change": self.row.number}
        counts: dict[str, int] = defaultdict(int)
        for item in self.items:
            counts[item.what.value] += 1
        detail = number | {
            "title": self.row.title,
            "authority": self.row.authority,
            "from": self.row.from_on.isoformat(),
            "counts": dict(counts),
            "leads": self.led,
        }
        record(self.session, EventKind.PLAN_CHANGED, self.actor, self.at, detail=detail, **common)
        for assignment_id, said_of_it in sorted(self.about.items()):
            about = common | {"assignment_id": assignment_id, "detail": number | said_of_it}
            record(self.session, EventKind.PLAN_CHANGED, self.actor, self.at, **about)
        self.session.flush()

    def refuse_unreviewed(self) -> None:
        """Whatever the documents say: each open item that was touched, or stands beside one, has a reviewer.

        Raises BlockedError where that unit has ended or owes the item itself.
        """
        touched = {item.requirement_id for item in self.items if item.requirement_id}
        query = select(Assignment.id).where(
            any_of_ids(Assignment.requirement_id, touched), Assignment.status.not_in(CLOSED)
        )
        rows = by_ids(self.session, self.plan, self.session.scalars(query).all())
        reviewers = reviewers_of(self.session, self.plan, rows)
        _refuse(
            [
                Reason("{ref}: nobody is left who could review it", ref=row.ref)
                for row, reviewer in zip(rows, reviewers, strict=True)
                if reviewer.closed_on is not None or reviewer.id == row.unit_id
            ]
        )


def subject(plan: Plan, number: int) -> str:
    """What the messages of a change set are about."""
    return f"{plan.code}~{number}"


def number_in(subject: str) -> int:
    """The number of the change set that a message is about."""
    return int(subject.rpartition("~")[2])


def _ids_of(one: OfRequirement, requirement: Requirement, session: Session) -> Iterable[int]:
    """The open items of a requirement, and those that the change names."""
    open_items = select(Assignment.id).where(
        Assignment.requirement_id == requirement.id, Assignment.status.not_in(CLOSED)
    )
    return [*session.scalars(open_items), *(withdrawal.item.id for withdrawal in one.withdraw)]
