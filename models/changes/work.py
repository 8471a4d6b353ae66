"""What a change set does to the work under one requirement: it ends, moves, is led by others, is handed out."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.assignments import extension
from models.assignments.assignment import Assignment, by_ids, move, move_due
from models.assignments.co_leads import asking, co_leads_asked
from models.assignments.reviewer import reviewers_of
from models.changes.change_set import Touch
from models.changes.difference import Words
from models.changes.effects import DueMove, OfRequirement, Withdrawal
from models.changes.ledger import Ledger
from models.common.event import EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import CLOSED, Status
from models.outbox.message import Message, post
from models.phases.opening import issue
from models.plan.phase import Phase
from models.plan.requirement import Addressee, CoLead, Requirement
from models.plan.unit import Unit

TO_A_REVIEWER = (MessageKind.TO_REVIEW, MessageKind.UNREVIEWED)


class Work:
    """The work that a change set touches. `units` by their codes; `reviewers` of open items, as they were before."""

    def __init__(self, ledger: Ledger, units: Mapping[str, Unit], reviewers: Mapping[int, Unit]) -> None:
        self.ledger, self.units, self.reviewers = ledger, units, reviewers
        self.session, self.plan, self.actor = ledger.session, ledger.plan, ledger.actor
        self.at, self.why = ledger.at, ledger.why

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
        move(self.session, self.plan, row, Status.WAIVED, actor=self.actor, at=self.at, why=self.why)
        after = {"because": withdrawal.because.value, "to": list(withdrawal.to)}
        self.ledger.touch(
            Touch.WITHDRAWN, row.unit, row.requirement, row, {"status": withdrawal.item.status.value}, after
        )

    def _settle_request(self, row: Assignment, *, granted: bool, due_on: dt.date | None) -> None:
        """A request for more time is settled with the change: nothing is left to decide."""
        waiting = extension.pending(self.session, row)
        if waiting is None:
            return
        waiting.granted, waiting.decided_by, waiting.decided_at = granted, self.actor.name, self.at
        waiting.decision_reason, waiting.due_after = self.why, due_on
        if not granted:
            about = {"plan_id": self.plan.id, "assignment_id": row.id}
            record(self.session, EventKind.EXTENSION_REFUSED, self.actor, self.at, why=self.why, **about)
        self.ledger.about[row.id]["settled"] = True

    def _lead(self, requirement: Requirement, code: str | None) -> None:
        before, after = requirement.lead, self.units[code] if code else None
        requirement.lead_id = after.id if after else None
        self.session.flush()
        self.session.refresh(requirement, ["lead"])
        self.ledger.led.append([requirement.id, before.id if before else None, requirement.lead_id])
        lead = {"lead": code}
        if after is not None:
            self.ledger.touch(Touch.LEADS, after, requirement, None, {"lead": before and before.code}, lead)
        if before is not None and before.closed_on is None:
            self.ledger.touch(Touch.LEADS_NO_MORE, before, requirement, None, {"lead": before.code}, lead)

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
        self.ledger.about[row.id] |= {"role_before": before.value, "role_after": role.value}
        self.ledger.touch(
            Touch.ROLE_MOVED, row.unit, row.requirement, row, {"role": before.value}, {"role": role.value}
        )

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
            self.ledger.touch(Touch.REWORDED, row.unit, requirement, row, before, after)

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
        before, why = row.due_on, self.why
        move_due(self.session, self.plan, row, day, provisional=provisional, actor=self.actor, at=self.at, why=why)
        dates = ({"due_on": before.isoformat()}, {"due_on": day.isoformat()})
        self.ledger.touch(Touch.DUE_MOVED, row.unit, row.requirement, row, *dates)

    def _follow_reviewers(self, rows: Sequence[Assignment]) -> None:
        """Who handed in under another reviewer hears who reviews it now; what waits to be said to the other is void."""
        for row, reviewer in zip(rows, reviewers_of(self.session, self.plan, rows), strict=True):
            before = self.reviewers.get(row.id)
            if before is None or before.id == reviewer.id:
                continue
            self.ledger.touch(
                Touch.REVIEWER_MOVED, row.unit, row.requirement, row, {"unit": before.code}, {"unit": reviewer.code}
            )
            self.ledger.drop(
                Message.assignment_id == row.id, Message.recipient_id == before.id, Message.kind.in_(TO_A_REVIEWER)
            )

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
                issued_on=self.ledger.today,
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
            self.ledger.touch(Touch.ISSUED, row.unit, requirement, row, before, None)


def _ids_of(one: OfRequirement, requirement: Requirement, session: Session) -> Iterable[int]:
    """The open items of a requirement, and those that the change names."""
    open_items = select(Assignment.id).where(
        Assignment.requirement_id == requirement.id, Assignment.status.not_in(CLOSED)
    )
    return [*session.scalars(open_items), *(withdrawal.item.id for withdrawal in one.withdraw)]
