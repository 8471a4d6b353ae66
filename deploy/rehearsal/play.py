"""The rehearsal: a plan's whole life acted out by seeded units through the real code, on a clock that is moved.

The phases are real Prefect runs on the worker, gates included; patrol is the real flow; signing, handing
in and reviewing go through the same functions as the command line's.
"""

import dataclasses
import datetime as dt
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol, Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from adapters.database.sessions import read_session
from adapters.evidence.inspection import MIB, Limits, inspect
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.rehearsal.habits import Habit, evidence_text, habit, reviewer, statistician
from deploy.rehearsal.made_up_people import register_people
from deploy.rehearsal.made_up_readings import reports
from deploy.rehearsal.office_acts import (
    DIRECTOR,
    Act,
    accept_what_can_be,
    end_the_judging,
    enter_figures,
    release_bulletins,
)
from deploy.rehearsal.phase_runs import PhaseRun
from models.assignments import extension
from models.assignments.assignment import Assignment, by_ids, reasons_not_acceptable
from models.assignments.opinion import asked_about
from models.assignments.review import Decision
from models.assignments.reviewer import body_over, reviewers_of
from models.bulletins.bulletin import is_to_be_made, month_before
from models.common.event import Actor
from models.common.files import StoredEvidence
from models.common.kinds import UnitKind
from models.common.status import OWED, Status
from models.dates.instants import first_round_on
from models.indicators.reading import Figure
from models.outbox.message import Message, MessageStatus
from models.phases.gate import Answer, GateDecision, reasons_not_closable
from models.plan.document import PlanDocument
from models.plan.indicator import indicators_of
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan, plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit, body_of, units_of
from services import assignments, plans
from services.scope import Scope, together

Progress = Callable[[dt.date, dt.date, dt.date], None]  # the first day, the last, and where it is


class Patrol(Protocol):
    """The flow of patrol. `shown`: whether it brings up to date what the Prefect UI shows."""

    def __call__(self, plan: str, on: dt.date, *, shown: bool) -> object: ...


PAPERWORK_DAYS = {1, 4}  # Tuesday and Friday, as offices do; it also keeps the days apart on which patrol has work
WORK_BEGINS = dt.timedelta(hours=1, minutes=30)  # after patrol's first round of the day
ASK_BEFORE = 8  # working days before the date, when it is plain that it cannot be met
ASKED_BECAUSE = "材料尚在会签"
EXTENSION_DAYS = 10  # working days that a unit asks for
GATE_EXTENSION_DAYS = 20  # working days by which the office extends a phase with open work
REVIEW_AGAIN_AFTER = 3  # working days, where a lead's item waits for its responsible units
# Working days before the end of the last phase: the last figures, and the panel's first and last session.
LAST_FIGURES, FIRST_SESSION, LAST_SESSION = 20, 15, 8


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """What a unit answers with one submission: references by the ids of their assignments."""

    unit: str
    unit_id: int
    work: str
    due_on: dt.date
    refs: dict[int, str]

    def only(self, ids: Collection[int]) -> Self:
        """Of this piece no more than these."""
        return dataclasses.replace(self, refs={one: self.refs[one] for one in ids})

    def scope(self, session: Session, plan: Plan, ways: Habit, at: dt.datetime) -> Scope:
        """The unit's clerk acts."""
        return Scope(plan.code, Actor(ways.person, self.unit_id), at, session)


def days_of(document: PlanDocument) -> tuple[dt.date, dt.date]:
    """The first day on which anything happens, and the last."""
    return min(entry.issue_on for entry in document.phases), dt.date(document.ends, 12, 31)


class Rehearsal:
    """One plan and one seed; `play` acts it out in the database and the Prefect server of the settings."""

    def __init__(
        self,
        document: PlanDocument,
        seed: int,
        patrol: Patrol,
        bulletin: Callable[[str, str], object],
    ) -> None:
        self.document, self.seed, self._patrol, self._bulletin = document, seed, patrol, bulletin
        self.code = document.code
        self.store = EvidenceStore(settings().evidence_address)
        self.agenda: dict[dt.date, list[Act]] = defaultdict(list)
        self.runs: dict[str, PhaseRun] = {}
        self.patrols = 0

    def play(self, progress: Progress, until: dt.date | None = None) -> None:
        """Load the plan and live through it, working day by working day, until its last phase is closed.

        The Prefect UI shows how the plan stands at the end: what it showed meanwhile nobody could look at.
        With `until` it ends on the morning of that day, and leaves the phases that are open then at their gates.
        """
        first, end = days_of(self.document)
        last = until or end
        self._set_clock(first)
        at = first_round_on(first, self.document.timezone)
        plans.load(self.document, actor=Actor("rehearsal"), at=at, rehearsal_seed=self.seed)
        with together() as session:
            register_people(session, plan_of(session, self.code), self.seed, at)
        with read_session() as session:
            plan = plan_of(session, self.code)
            self.calendar = plan.work_calendar
            self._plan_the_judging(session, plan, first)
        day = first
        while day <= last:
            self._live(day, is_left_open=day == until)
            progress(first, last, day)
            day = self.calendar.add(day, 1)
        if until is None:
            for run in self.runs.values():
                run.finish()
            self._patrol(self.code, self.calendar.last_on_or_before(last), shown=True)

    def _live(self, day: dt.date, *, is_left_open: bool) -> None:
        """One day; of the one that is left open only the morning, with its patrol and before anybody has acted."""
        self._set_clock(day)
        for phase in self._phases():
            self._phase_day(phase, day)
        if self._bulletin_is_due(day):
            self._bulletin(self.code, month_before(day))
            self._on(self.calendar.add(day, 1), release_bulletins)
        if is_left_open or self._patrol_is_due(day):
            self._patrol(self.code, day, shown=is_left_open)
            self.patrols += 1
        acts = [] if is_left_open else self.agenda.pop(day, [])
        if acts:
            at = first_round_on(day, self.document.timezone) + WORK_BEGINS
            self._act(acts, at)

    def _act(self, acts: Sequence[Act], at: dt.datetime) -> None:
        with together() as session:
            plan = plan_of(session, self.code)
            for act in acts:
                act(session, plan, at)

    def _set_clock(self, day: dt.date) -> None:
        clock_file = settings().clock_file
        assert clock_file is not None
        at = first_round_on(day, self.document.timezone)
        clock_file.write_text(at.isoformat(), encoding="ascii")

    def _phases(self) -> Sequence[Phase]:
        with read_session() as session:
            plan = plan_of(session, self.code)
            query = select(Phase).where(Phase.plan_id == plan.id, Phase.status != PhaseStatus.CLOSED)
            return session.scalars(query.order_by(Phase.starts_on)).all()

    def _patrol_is_due(self, day: dt.date) -> bool:
        """Whether patrol would find anything: a tick with nothing due does nothing, so it need not be acted out."""
        at = first_round_on(day, self.document.timezone)
        with read_session() as session:
            waiting = session.scalar(
                select(func.count()).where(Message.status == MessageStatus.PENDING, Message.next_try_at <= at)
            )
            return bool(waiting) or bool(session.scalar(select(func.count()).where(Assignment.next_action_at <= at)))

    def _bulletin_is_due(self, day: dt.date) -> bool:
        at = first_round_on(day, self.document.timezone)
        with read_session() as session:
            return is_to_be_made(session, plan_of(session, self.code), at)

    # The figures, and what is judged by them.

    def _plan_the_judging(self, session: Session, plan: Plan, first: dt.date) -> None:
        end = max(entry.ends_on for entry in self.document.phases)
        counties = [unit for unit in units_of(session, plan.id) if unit.kind is UnitKind.COUNTY]
        entries: dict[tuple[dt.date, Unit | None], list[Figure]] = defaultdict(list)
        for indicator in indicators_of(session, plan.id):
            until = self.calendar.add(end, -LAST_FIGURES)
            for on, unit, figure in reports(self.seed, plan, indicator, counties, first, until):
                entries[on, unit].append(figure)
        for (on, unit), figures in entries.items():
            self._on(on, enter_figures(figures, unit, statistician(self.seed, unit.code if unit else None)))
        self._on(max(first, self.calendar.add(end, -FIRST_SESSION)), accept_what_can_be)
        self._on(max(first, self.calendar.add(end, -LAST_SESSION)), end_the_judging)

    # The office: phases and gates.

    def _phase_day(self, phase: Phase, day: dt.date) -> None:
        run = self.runs.get(phase.ref)
        if run is None:
            if day >= phase.issue_on:
                self.runs[phase.ref] = PhaseRun.start(self.code, phase)
                self._plan_ahead(phase, day)
        elif day >= self.calendar.last_on_or_before(phase.ends_on):
            run.answer(self._answer(phase, day))

    def _answer(self, phase: Phase, day: dt.date) -> Answer:
        """Close when all is settled. The first phase tries without; others are extended once, then overridden."""
        with read_session() as session:
            still_open = bool(reasons_not_closable(session, session.get_one(Phase, phase.id)))
        rounds = self.runs[phase.ref].rounds
        close_first = phase.ref == next(iter(self.runs))
        last_day = dt.date(self.document.ends, 12, 31)
        until = min(self.calendar.add(day, GATE_EXTENSION_DAYS), last_day)
        can_wait = self.calendar.last_on_or_before(until) > day  # the gate is answered on working days
        if still_open and rounds == int(close_first) and can_wait:
            return Answer(GateDecision.EXTEND, DIRECTOR, "尚有未办结件,延期办理", until=until)
        tries_without = close_first and rounds == 0 and can_wait
        override = "未办结件继续督办" if still_open and not tries_without else ""
        return Answer(GateDecision.CLOSE, DIRECTOR, "本阶段任务已办理", override_reason=override)

    # The units: each piece of work is planned ahead when it is issued.

    def _plan_ahead(self, phase: Phase, day: dt.date) -> None:
        for piece in self._pieces(phase):
            ways = habit(self.seed, piece.unit, piece.work)
            self.agenda[self.calendar.add(day, ways.sign_after)].append(self._sign(piece, ways))
            submit_on = self.calendar.add(piece.due_on, ways.submit_offset) if ways.submit_offset else piece.due_on
            submit_on = max(submit_on, self.calendar.add(day, ways.sign_after))
            if ways.asks_for_time:
                ask_on = self.calendar.add(piece.due_on, -ASK_BEFORE)
                if ask_on > day:
                    self._on(ask_on, self._ask(piece, ways, self.calendar.add(piece.due_on, EXTENSION_DAYS)))
                    self._on(self.calendar.add(ask_on, 1), self._decide_extension(piece, ways))
            self._on(submit_on, self._submit(piece, ways, version=1))

    def _on(self, day: dt.date, act: Act) -> None:
        while day.weekday() not in PAPERWORK_DAYS or not self.calendar.is_working(day):
            day += dt.timedelta(days=1)
        self.agenda[day].append(act)

    def _pieces(self, phase: Phase) -> Iterable[Piece]:
        """Measures of one area are one piece: a fact is asked once, and one file serves several assignments."""
        with read_session() as session:
            rows = session.execute(
                select(Unit, Requirement.code, Requirement.period, Requirement.area_id, Requirement.ref, Assignment)
                .join(Assignment.requirement)
                .join(Assignment.unit)
                .where(Requirement.phase_id == phase.id)
                .order_by(Unit.code, Requirement.ref)
            ).all()
        pieces: dict[tuple[str, str, dt.date], Piece] = {}
        for unit, code, period, area_id, ref, assignment in rows:
            area = ref.split("/")[2].split(".")[0] if area_id else ""
            work = f"{period}/{code}/{area}/{assignment.role}"
            piece = pieces.setdefault(
                (unit.code, work, assignment.due_on), Piece(unit.code, unit.id, work, assignment.due_on, {})
            )
            piece.refs[assignment.id] = f"{ref}/{unit.code}"
        return pieces.values()

    def _sign(self, piece: Piece, ways: Habit) -> Act:
        def act(session: Session, plan: Plan, at: dt.datetime) -> None:
            assignments.sign(piece.scope(session, plan, ways, at), list(piece.refs))

        return act

    def _submit(self, piece: Piece, ways: Habit, version: int) -> Act:
        def act(session: Session, plan: Plan, at: dt.datetime) -> None:
            owed = piece.only(_with_status(session, piece, OWED))
            if not owed.refs:
                return
            file = self._file(owed, version)
            scope = owed.scope(session, plan, ways, at)
            assignments.submit(scope, list(owed.refs), [file], note=f"第 {version} 版")
            review_on = self.calendar.add(plan.day_of(at), ways.review_after)
            self._on(review_on, self._review(owed, ways, version))

        return act

    def _file(self, piece: Piece, version: int) -> StoredEvidence:
        """A small real file that goes through inspection and the store."""
        limits = Limits(settings().evidence_max_mb * MIB, settings().evidence_unpacked_max_mb * MIB)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "evidence.txt"
            path.write_text(evidence_text(piece.unit, list(piece.refs.values()), version), encoding="utf-8")
            facts = inspect(path, f"{piece.unit}佐证材料第{version}版.txt", limits)
            stored = self.store.put(path)
        return StoredEvidence(facts.name, facts.media_type, stored.size, stored.sha256)

    def _ask(self, piece: Piece, ways: Habit, until: dt.date) -> Act:
        def act(session: Session, plan: Plan, at: dt.datetime) -> None:
            today = plan.day_of(at)
            extendable = [
                one.id
                for one in by_ids(session, plan, piece.refs)
                if not extension.reasons_not_extendable(one, until, ASKED_BECAUSE, today, plan.bounds)
            ]
            if extendable:
                scope = piece.scope(session, plan, ways, at)
                assignments.ask_extension(scope, extendable, until=until, reason=ASKED_BECAUSE)

        return act

    def _decide_extension(self, piece: Piece, ways: Habit) -> Act:
        def act(session: Session, plan: Plan, at: dt.datetime) -> None:
            reason = "同意" if ways.is_granted else "按原定期限办理"
            for assignment in by_ids(session, plan, piece.refs):
                if extension.pending(session, assignment) is not None:
                    # The office, and on what it asks for itself the head of the group.
                    body = body_of(session, plan.id, body_over(assignment.unit.kind))
                    scope = Scope(plan.code, Actor(DIRECTOR, body.id), at, session)
                    assignments.decide_extension(scope, assignment.id, grant=ways.is_granted, reason=reason)

        return act

    def _review(self, piece: Piece, ways: Habit, version: int) -> Act:
        def act(session: Session, plan: Plan, at: dt.datetime) -> None:
            today = plan.day_of(at)
            waiting = by_ids(session, plan, _with_status(session, piece, {Status.SUBMITTED}))
            if not waiting:
                return
            if version == 1 and ways.rework_after is not None:
                self._decide_review(session, plan, at, waiting, Decision.RETURN, "请补充盖章件")
                again = self._submit(piece.only([one.id for one in waiting]), ways, version=2)
                self._on(self.calendar.add(today, ways.rework_after), again)
                return
            ready = [one for one in waiting if not reasons_not_acceptable(session, one)]
            self._let_co_leads_agree(session, plan, at, ready)
            self._decide_review(session, plan, at, ready, Decision.ACCEPT, "符合要求")
            if blocked := [one.id for one in waiting if one not in ready]:
                again = self._review(piece.only(blocked), ways, version)
                self._on(self.calendar.add(today, REVIEW_AGAIN_AFTER), again)

        return act

    def _let_co_leads_agree(self, session: Session, plan: Plan, at: dt.datetime, waiting: Sequence[Assignment]) -> None:
        """Whoever leads beside the first lead has its say just before."""
        asked = asked_about(session, plan, waiting)
        for one in waiting:
            for who in asked.get(one.id, ()):
                if who.opinion is None:
                    scope = Scope(plan.code, Actor(reviewer(self.seed, who.unit.code), who.unit.id), at, session)
                    assignments.give_opinion(scope, one.id, agrees=True)

    def _decide_review(
        self,
        session: Session,
        plan: Plan,
        at: dt.datetime,
        waiting: Sequence[Assignment],
        decision: Decision,
        reason: str,
    ) -> None:
        """Each reviewer decides on what is theirs, in the order in which the items stand."""
        reviewers = {one.id: body for one, body in zip(waiting, reviewers_of(session, plan, waiting), strict=True)}
        for body, theirs in groupby(waiting, key=lambda one: reviewers[one.id]):
            scope = Scope(plan.code, Actor(reviewer(self.seed, body.code), body.id), at, session)
            assignments.decide_review(scope, [one.id for one in theirs], decision, reason=reason)


def _with_status(session: Session, piece: Piece, statuses: Collection[Status]) -> list[int]:
    """Of this piece, the assignments that stand so, in the order of their references."""
    asked = select(Assignment.id).where(Assignment.id.in_(list(piece.refs)), Assignment.status.in_(statuses))
    found = set(session.scalars(asked))
    return [one for one in piece.refs if one in found]
