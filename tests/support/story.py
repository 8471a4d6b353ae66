"""Time travel: act a plan out through the real code, and expect exactly the messages that follow."""

import dataclasses
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import transaction
from models import finding
from models.assignments.assignment import Assignment, by_refs
from models.assignments.light import Light
from models.assignments.objection import About
from models.assignments.review import Decision
from models.assignments.reviewer import reviewer_of
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.common.text import Text
from models.complaint import ComplaintKind
from models.outbox.message import Attempt, AttemptMessage, AttemptOutcome, Message, MessageStatus
from models.phases.gate import Answer, GateDecision, Via
from models.phases.opening import Opening
from models.plan.area import Role
from models.plan.phase import phase_of
from models.plan.plan import Plan, plan_of
from models.plan.unit import Unit, body_of, collective_ids, unit_of
from models.plan.unsettled import UnsettledParty
from models.queries.statistics import AssignmentSnapshot, snapshots
from services import assignments, bulletins, complaints, findings, gates, parties, patrol, phases
from services.dialogue import explanations
from services.gates import Decided
from services.letters import delivery
from services.letters.delivery import Delivered
from services.parties import Settled
from services.scope import Scope, by_program

ZONE = ZoneInfo("Asia/Shanghai")
Told = tuple[str, str, str]  # recipient, kind (with the colour of an order before it), what it is about

FINDING = (
    Text("台账不全", "Incomplete records"),
    Text("缺少签到表", "No attendance lists"),
    Text("台账", "Records"),
)
CLERK, REVIEWER, DIRECTOR = "张三", "李四", "王五"


def moment(text: str) -> dt.datetime:
    """`2022-11-01 14:00`, or `2022-11-01` for nine in the morning of that day."""
    return dt.datetime.fromisoformat(text if " " in text else f"{text} 09:00").replace(tzinfo=ZONE)


@dataclasses.dataclass
class Story:
    """Everybody's deeds as short verbs; `expect` names all that was delivered since it was last asked."""

    plan: str
    set_clock: Callable[[dt.datetime], None]
    read_until: int = 0  # the last attempt that `expect` has seen

    def at(self, when: str) -> None:
        self.set_clock(moment(when))

    # The program

    def open(self, phase: str, year: int | None = None) -> Opening:
        return phases.open_phase(by_program(self.plan), (phase, year))

    def patrol(self, when: str | None = None) -> Delivered:
        """One round, as the flow does it."""
        if when:
            self.at(when)
        scope = by_program(self.plan)
        patrol.follow_calendar(scope)
        patrol.chase(scope)
        patrol.keep_up(scope)
        return self.deliver()

    def patrol_daily(self, first: str, last: str) -> dict[str, list[Told]]:
        """A round every day; returns what was told on the days on which anything was."""
        day, told = dt.date.fromisoformat(first), {}
        while day <= dt.date.fromisoformat(last):
            self.patrol(day.isoformat())
            if news := self.told():
                told[day.isoformat()] = news
            day += dt.timedelta(days=1)
        return told

    def deliver(self) -> Delivered:
        """Deliver what is due, and see that nobody gets two letters."""
        before = self._last_attempt()
        done = delivery.deliver(by_program(self.plan))
        with transaction() as session:
            letters = session.scalars(select(Attempt.recipient_id).where(Attempt.id > before)).all()
        assert max(Counter(letters).values(), default=1) == 1, "one digest for each recipient and tick"
        return done

    # The units

    def sign(self, *refs: str, by: str = CLERK) -> int:
        return sum(assignments.sign(self._owner(ref, by), [ref]) for ref in refs)

    def submit(self, *refs: str, by: str = CLERK, note: str = "已办") -> None:
        assignments.submit(self._owner(refs[0], by), refs, note=note)

    def ask_extension(self, ref: str, until: str, reason: str = "等待上级文件", by: str = CLERK) -> None:
        assignments.ask_extension(self._owner(ref, by), [ref], until=dt.date.fromisoformat(until), reason=reason)

    def withdraw(self, ref: str, reason: str = "材料有误", by: str = CLERK) -> None:
        assignments.withdraw(self._owner(ref, by), [ref], reason=reason)

    def explain(
        self,
        ref: str,
        until: str,
        why: str = "施工单位停工",
        *,
        answers: str = "赵主任",
        needs: str = "",
        by: str = CLERK,
    ) -> None:
        day = dt.date.fromisoformat(until)
        explanations.explain(self._owner(ref, by), ref, why=why, until=day, answers=answers, needs=needs)

    def object(self, ref: str, about: str, reason: str = "材料齐全", by: str = CLERK) -> None:
        assignments.object_to(self._owner(ref, by), ref, about=About(about), reason=reason)

    def complain(self, unit: str, text: str, *, kind: str = "complaint", by: str = CLERK) -> str:
        """Returns its reference."""
        return complaints.file_complaint(self._unit(unit, by), kind=ComplaintKind(kind), text=text)

    # Who reviews: without `unit` the one whose task it is

    def accept(
        self,
        ref: str,
        *,
        by: str = REVIEWER,
        unit: str | None = None,
        version: int | None = None,
        reason: str = "",
    ) -> None:
        scope = self._unit(unit or self._reviewer(ref), by)
        assignments.decide_review(scope, [ref], Decision.ACCEPT, version=version, reason=reason)

    def opine(self, ref: str, unit: str, words: str = "", *, agrees: bool = True, by: str = REVIEWER) -> None:
        assignments.give_opinion(self._unit(unit, by), ref, agrees=agrees, words=words)

    def send_back(self, ref: str, reason: str = "缺盖章", *, by: str = REVIEWER, version: int | None = None) -> None:
        scope = self._unit(self._reviewer(ref), by)
        assignments.decide_review(scope, [ref], Decision.RETURN, reason=reason, version=version)

    def reopen(self, ref: str, reason: str = "材料有误", *, by: str = REVIEWER) -> None:
        assignments.reopen(self._unit(self._reviewer(ref), by), [ref], reason=reason)

    # The office

    def grant(self, ref: str, *, unit: str = "office", until: str | None = None) -> None:
        self._decide_extension(ref, "同意", unit, grant=True, until=until)

    def refuse(self, ref: str, reason: str = "时间充足", *, unit: str = "office") -> None:
        self._decide_extension(ref, reason, unit, grant=False)

    def decide_objection(
        self, ref: str, *, upheld: bool, reason: str = "已核实", until: str | None = None, unit: str = "office"
    ) -> None:
        day = dt.date.fromisoformat(until) if until else None
        assignments.decide_objection(self._unit(unit, DIRECTOR), ref, upheld=upheld, reason=reason, until=day)

    def answer_complaint(self, ref: str, text: str, *, unit: str = "office") -> None:
        complaints.answer(self._unit(unit, DIRECTOR), ref, text=text)

    def raise_finding(
        self,
        *units: str,
        due: str,
        title: Text = FINDING[0],
        phase: str = "implementation",
        year: int | None = None,
        by_unit: str = "office",
        about: str = "",
    ) -> str:
        """Returns the reference of its requirement; `about` is the code of a measure or safeguard."""
        with self._plan() as (session, plan):
            phase_id = phase_of(session, plan, phase, year).id
            unit_ids = [unit_of(session, plan.id, unit).id for unit in units]
        return findings.raise_finding(
            self._unit(by_unit, DIRECTOR),
            phase_id,
            title=title,
            what=FINDING[1],
            proof=FINDING[2],
            units=unit_ids,
            due_on=dt.date.fromisoformat(due),
            about=about,
        ).ref

    def close_finding(self, number: int, check: str = "现场核查，已整改到位", *, unit: str = "office") -> None:
        with self._plan() as (session, plan):
            finding_id = finding.finding_of(session, plan, number).id
        findings.close(self._unit(unit, DIRECTOR), finding_id, check=check)

    def settle_party(
        self,
        item: str,
        *codes: str,
        role: Role = Role.RESPONSIBLE,
        reason: str = "主任会议纪要",
        until: str | None = None,
        by_unit: str = "office",
    ) -> Settled:
        """Say which units or sets of units the one party of this item and role is."""
        with self._plan() as (session, plan):
            query = select(UnsettledParty.id).where(
                UnsettledParty.plan_id == plan.id, UnsettledParty.item == item, UnsettledParty.role == role
            )
            party_id = session.scalars(query).one()
            sets = collective_ids(session, plan.id)
            units = [unit_of(session, plan.id, code).id for code in codes if code not in sets]
        return parties.settle(
            self._unit(by_unit, DIRECTOR),
            party_id,
            units=units,
            collectives=[sets[code] for code in codes if code in sets],
            reason=reason,
            until=dt.date.fromisoformat(until) if until else None,
        )

    def waive(self, ref: str, reason: str = "上级已取消", *, unit: str = "office") -> None:
        assignments.waive(self._unit(unit, DIRECTOR), [ref], reason=reason)

    def ask_again(self, ref: str, reason: str = "免办有误", *, until: str | None = None) -> None:
        day = dt.date.fromisoformat(until) if until else None
        assignments.ask_again(self._unit("office", DIRECTOR), [ref], reason=reason, until=day)

    def release(self, *refs: str) -> None:
        assignments.release(self._unit("office", DIRECTOR), refs)

    def only(self, *refs: str) -> None:
        """Waive everything else, so that the story is about these alone; what was told so far is past."""
        with self._plan() as (session, _plan):
            others = [
                row.id for row in session.scalars(select(Assignment)) if row.ref not in refs and row.status.is_open
            ]
        assignments.waive(self._unit("office", DIRECTOR), others, reason="与本故事无关")
        self.deliver()
        self.told()

    def settle(self, *refs: str) -> None:
        """Hand in and accept."""
        for ref in refs:
            self.submit(ref)
            self.accept(ref)

    def release_bulletin(self, period: str) -> None:
        bulletins.release(self._office(), period)

    def answer(
        self,
        phase: str,
        decision: str,
        *,
        year: int | None = None,
        until: str | None = None,
        override: str = "",
        reason: str = "按计划",
    ) -> Decided:
        """What the office says at the gate."""
        day = dt.date.fromisoformat(until) if until else None
        said = Answer(GateDecision(decision), DIRECTOR, reason, day, override)
        return gates.decide(self._office(), (phase, year), said, via=Via.COMMAND)

    # What can be seen

    def told(self) -> list[Told]:
        """What was delivered since this was last asked."""
        with transaction() as session:
            rows = session.execute(
                select(Unit.code, Message.kind, Message.order, Message.subject)
                .join(Attempt, Attempt.recipient_id == Unit.id)
                .join(AttemptMessage, AttemptMessage.attempt_id == Attempt.id)
                .join(Message, Message.id == AttemptMessage.message_id)
                .where(Attempt.id > self.read_until, Attempt.outcome == AttemptOutcome.SENT)
            ).all()
        self.read_until = self._last_attempt()
        return sorted(
            (unit, f"{order} {kind}" if order else str(kind), re.split("[#+]", subject)[0])
            for unit, kind, order, subject in rows
        )

    def expect(self, *expected: Told) -> None:
        assert self.told() == sorted(expected)

    def dropped(self) -> int:
        with transaction() as session:
            return session.scalars(select(func.count()).where(Message.status == MessageStatus.DROPPED)).one()

    def letter(self, unit: str) -> str:
        """The text of the last letter to a unit."""
        with self._plan() as (session, plan):
            recipient = unit_of(session, plan.id, unit).id
            latest = select(Attempt).where(Attempt.recipient_id == recipient).order_by(Attempt.id.desc()).limit(1)
            return session.scalars(latest).one().body

    def row(self, ref: str) -> Assignment:
        with self._assignment(ref) as (_, _, row):
            return row

    def standing(self, ref: str, on: str) -> AssignmentSnapshot:
        with self._plan() as (session, plan):
            return next(one for one in snapshots(session, plan, dt.date.fromisoformat(on)) if one.ref == ref)

    def light(self, ref: str, on: str) -> Light:
        return self.standing(ref, on).light

    # Means

    def _office(self) -> Scope:
        with self._plan() as (session, plan):
            return Scope(self.plan, Actor(DIRECTOR, body_of(session, plan.id, UnitKind.OFFICE).id), clock.now())

    @contextmanager
    def _plan(self) -> Iterator[tuple[Session, Plan]]:
        with transaction() as session:
            yield session, plan_of(session, self.plan)

    @contextmanager
    def _assignment(self, ref: str) -> Iterator[tuple[Session, Plan, Assignment]]:
        with self._plan() as (session, plan):
            yield session, plan, by_refs(session, plan, [ref])[0]

    def _reviewer(self, ref: str) -> str:
        """The code of the unit whose task it is."""
        with self._assignment(ref) as (session, plan, row):
            return reviewer_of(session, plan, row).code

    def _decide_extension(self, ref: str, reason: str, unit: str, *, grant: bool, until: str | None = None) -> None:
        day = dt.date.fromisoformat(until) if until else None
        assignments.decide_extension(self._unit(unit, DIRECTOR), ref, grant=grant, reason=reason, until=day)

    def as_unit(self, code: str, by: str = CLERK) -> Scope:
        """For what has no verb here: as a person of that unit, now."""
        return self._unit(code, by)

    def _unit(self, code: str, by: str) -> Scope:
        """As a person of that unit, now."""
        with self._plan() as (session, plan):
            return Scope(plan.code, Actor(by, unit_of(session, plan.id, code).id), clock.now())

    def _owner(self, ref: str, by: str) -> Scope:
        return self._unit(ref.rpartition("/")[2], by)

    def _last_attempt(self) -> int:
        with transaction() as session:
            return session.scalar(select(func.max(Attempt.id))) or 0
