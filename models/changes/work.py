"""What a change set does to the work under one requirement: it ends, moves, is led by others, is handed out."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from models.assignments import extension
from models.assignments.assignment import Assignment, by_ids
from models.assignments.co_leads import asking, co_leads_asked
from models.assignments.extension import Extension
from models.assignments.reviewer import lead_over
from models.changes.change_set import Touch
from models.changes.difference import Words
from models.changes.effects import Handing, Issued, OfRequirement, Standing, Withdrawal
from models.changes.ledger import Ledger, Member
from models.common.base import any_of_many
from models.common.event import EventKind, record
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.dates.workdays import Settled
from models.outbox.message import Message
from models.phases.opening import issue
from models.plan.area import Role
from models.plan.requirement import Addressee, CoLead, Requirement

TO_A_REVIEWER = (MessageKind.TO_REVIEW, MessageKind.UNREVIEWED)


@dataclasses.dataclass(frozen=True, slots=True)
class Bodies:
    """The ids of the office, and of the head of the leading group."""

    office: int
    leader: int

    def over(self, unit_id: int) -> int:
        """Which of them reviews what no lead does."""
        return self.leader if unit_id == self.office else self.office


class Work:
    """The work that a change set touches. `units`: all of the plan by their codes; `bodies` as they were before."""

    def __init__(self, ledger: Ledger, units: Mapping[str, Member], bodies: Bodies, bodies_before: Bodies) -> None:
        self.ledger, self.units, self.bodies, self.bodies_before = ledger, units, bodies, bodies_before
        self.by_id = {one.id: one for one in units.values()}
        self.session, self.plan = ledger.session, ledger.plan

    def change(self, one: OfRequirement, requirement: Requirement, known: Issued | None) -> None:
        """`known`: what was issued of the requirement, as it stood before."""
        ended = {withdrawal.item.id for withdrawal in one.withdraw}
        left = [item for item in known.open if item.id not in ended] if known else []
        lead_before = requirement.lead_id
        self._withdraw(requirement, one.withdraw)
        if one.leads:
            self._lead(requirement, one.lead)
        if one.co_leads is not None:
            self._let_co_lead(requirement, one.co_leads, left)
        for item, role in one.roles:
            self._role(requirement, item, role)
        if one.words is not None:
            self._reword(requirement, one.words, left)
        if one.due_on is not None:
            requirement.due_on = one.due_on
        self._move(requirement, one)
        self._follow_reviewers(requirement, left, dict(self._roles_of(one)), lead_before)
        self._hand(requirement, one.hand)

    # Who is asked no longer

    def _withdraw(self, requirement: Requirement, withdrawals: Sequence[Withdrawal]) -> None:
        requests = extension.pending_of(self.session, [one.item.id for one in withdrawals])
        for one in withdrawals:
            if one.item.id in requests:
                self._settle_request(requests[one.item.id], granted=False, due_on=None)
            self.ledger.waive(one.item.id)
            before = {"status": one.item.status.value}
            after = {"because": one.because.value, "to": list(one.to)}
            self._touch(Touch.WITHDRAWN, requirement, one.item, before, after)

    def _settle_request(self, waiting: Extension, *, granted: bool, due_on: dt.date | None) -> None:
        """A request for more time is settled with the change: nothing is left to decide."""
        ledger = self.ledger
        waiting.granted, waiting.decided_by, waiting.decided_at = granted, ledger.actor.name, ledger.at
        waiting.decision_reason, waiting.due_after = ledger.why, due_on
        if not granted:
            about = {"plan_id": self.plan.id, "assignment_id": waiting.assignment_id, "why": ledger.why}
            record(self.session, EventKind.EXTENSION_REFUSED, ledger.actor, ledger.at, **about)
        ledger.about[waiting.assignment_id]["settled"] = True

    # Who leads

    def _lead(self, requirement: Requirement, code: str | None) -> None:
        before = self.by_id[requirement.lead_id] if requirement.lead_id is not None else None
        after = self.units[code] if code else None
        requirement.lead_id = after.id if after else None
        self.session.flush()
        self.session.refresh(requirement, ["lead"])
        self.ledger.led.append([requirement.id, before.id if before else None, requirement.lead_id])
        facts = ({"lead": before and before.code}, {"lead": code})
        if after is not None:
            self.ledger.touch(Touch.LEADS, after, requirement, None, *facts)
        if before is not None and not before.is_closed:
            self.ledger.touch(Touch.LEADS_NO_MORE, before, requirement, None, *facts)

    def _let_co_lead(self, requirement: Requirement, codes: Sequence[str], left: Sequence[Standing]) -> None:
        """Who leads beside the first lead: those who are new are asked about what waits for its review."""
        rows = by_ids(self.session, self.plan, [item.id for item in left], lock=False)
        before = {unit.id for units in co_leads_asked(self.session, rows).values() for unit in units}
        self.session.execute(delete(CoLead).where(CoLead.requirement_id == requirement.id))
        for position, code in enumerate(codes, start=1):
            self.session.add(CoLead(requirement_id=requirement.id, unit_id=self.units[code].id, position=position))
        self.session.flush()
        waiting = [row for row in rows if row.status is Status.SUBMITTED]
        asked = asking(self.session, waiting, self.ledger.at, self.ledger.actor.name)
        self.ledger.post([one for one in asked if one.recipient_id not in before])

    def _roles_of(self, one: OfRequirement) -> list[tuple[int, Role]]:
        return [(item.id, role) for item, role in one.roles]

    def _role(self, requirement: Requirement, item: Standing, role: Role) -> None:
        self.ledger.set_role(item.id, item.role, role)
        self._touch(Touch.ROLE_MOVED, requirement, item, {"role": item.role.value}, {"role": role.value})

    def _follow_reviewers(
        self, requirement: Requirement, left: Sequence[Standing], roles: Mapping[int, Role], lead_before: int | None
    ) -> None:
        """Who handed in under another reviewer hears who reviews it now; what waits to be said to the other is void."""
        lead, void = requirement.lead_id, defaultdict[int, list[int]](list)
        if lead == lead_before and not roles and self.bodies == self.bodies_before:
            return
        for item in left:
            unit_id = self.units[item.unit].id
            before = lead_over(item.role, unit_id, lead_before) or self.bodies_before.over(unit_id)
            after = lead_over(roles.get(item.id, item.role), unit_id, lead) or self.bodies.over(unit_id)
            if before != after:
                codes = [{"unit": self.by_id[one].code} for one in (before, after)]
                self._touch(Touch.REVIEWER_MOVED, requirement, item, *codes)
                void[before].append(item.id)
        for reviewer_id, ids in void.items():
            of_these = any_of_many(Message.assignment_id, ids)
            self.ledger.drop(of_these, Message.recipient_id == reviewer_id, Message.kind.in_(TO_A_REVIEWER))

    # What is asked, and by when

    def _reword(self, requirement: Requirement, words: Words, left: Sequence[Standing]) -> None:
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
        until = {"until": self.ledger.at.isoformat()}
        requirement.earlier_words = [*requirement.earlier_words, before | until]
        for name, text in after.items():
            setattr(requirement, name, text)
        requirement.basis = words.basis
        for item in left:
            self._touch(Touch.REWORDED, requirement, item, before, after)

    def _move(self, requirement: Requirement, one: OfRequirement) -> None:
        calendar = self.plan.work_calendar
        on_day_off = (requirement.on_day_off,) if one.due_on is not None else ()
        days = {day: calendar.settle(day, *on_day_off) for day in {due.to for due in one.move}}
        moves = [(due.item, days[due.to]) for due in one.move if days[due.to].on != due.item.due_on]
        requests = extension.pending_of(self.session, [item.id for item, _ in moves])
        dates = {
            day: {"due_on": day.isoformat()} for day in {day for item, to in moves for day in (item.due_on, to.on)}
        }
        for item, to in moves:
            if item.id in requests:
                self._settle_with(requests[item.id], to)
            self.ledger.move_due(item.id, to)
            self._touch(Touch.DUE_MOVED, requirement, item, dates[item.due_on], dates[to.on])

    def _settle_with(self, waiting: Extension, to: Settled) -> None:
        is_granted = to.on >= waiting.until
        self._settle_request(waiting, granted=is_granted, due_on=to.on if is_granted else None)

    # Who is asked now

    def _hand(self, requirement: Requirement, hand: Sequence[Handing]) -> None:
        if not hand:
            return
        for one in hand:
            if one.finding is not None:
                unit_id = self.units[one.unit].id
                self.session.add(Addressee(requirement_id=requirement.id, role=one.finding, unit_id=unit_id))
        self.session.flush()
        by_day: dict[dt.date | None, list[int]] = defaultdict(list)
        for one in hand:
            by_day[one.until].append(self.units[one.unit].id)
        for until, units in by_day.items():
            self._issue(requirement, units, until)
        ids = self._issued(requirement, [self.units[one.unit].id for one in hand])
        for one in hand:
            unit = self.units[one.unit]
            before = {"from": one.taken_from} if one.taken_from else None
            self.ledger.touch(Touch.ISSUED, unit, requirement, ids[unit.id], before)

    def _issue(self, requirement: Requirement, units: Sequence[int], until: dt.date | None) -> None:
        issue(
            self.session,
            self.plan,
            requirement.phase,
            [requirement],
            actor=self.ledger.actor,
            at=self.ledger.at,
            issued_on=self.ledger.today,
            until={requirement.id: until} if until else {},
            only_to=units,
        )

    def _issued(self, requirement: Requirement, units: Sequence[int]) -> dict[int, int]:
        """The items of these units, by the ids of both."""
        mine = select(Assignment.unit_id, Assignment.id).where(
            Assignment.requirement_id == requirement.id, any_of_many(Assignment.unit_id, units)
        )
        return {row.unit_id: row.id for row in self.session.execute(mine)}

    def _touch(
        self, what: Touch, requirement: Requirement, item: Standing, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        self.ledger.touch(what, self.units[item.unit], requirement, item.id, before, after)
