"""The figures of a bulletin, as they were at the end of a day, from the journal: asked again, they are the same."""

import dataclasses
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.evidence import Submission, SubmissionItem
from models.assignments.extension import Extension
from models.assignments.history import changes_until
from models.assignments.light import Light
from models.assignments.objection import Objection
from models.common.base import AnyRow, AnySelect, any_of_ids
from models.common.event import Event
from models.common.status import CLOSED, Status
from models.dates.instants import end_of
from models.dates.period import Period
from models.dates.workdays import ONE_DAY
from models.dialogue.explanation import explanations_of
from models.indicators.attainment import Attainment, attainments
from models.phases.gate import last_day_at
from models.plan.area import Area
from models.plan.ladder import Audience
from models.plan.phase import Phase, phases_of
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit
from models.queries.board import BoardRow, Counts, board
from models.queries.counts import ALL, lit, tally
from models.queries.overdue import notified_since
from models.queries.worklist import WorkItem, issued_between, work_items

BATCH = 5000  # assignments that are looked up at one go


class StatementKind(StrEnum):
    """In which kind of entry a unit said something."""

    EXTENSION = "extension"
    OBJECTION = "objection"
    SUBMISSION = "submission"
    EXPLANATION = "explanation"


@dataclasses.dataclass(frozen=True, slots=True)
class UnitStatement:
    """What a unit said of an assignment, and what became of it by then: None while it waits, or needs no answer.

    Of an explanation `until` is the promised day, and `granted` false where that was broken.
    """

    kind: StatementKind
    text: str
    by: str
    on: dt.date
    until: dt.date | None = None  # asked for
    granted: bool | None = None
    answers: str = ""
    needs: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseStanding:
    """A phase that was open in the period. `ended`: its last day was over and its gate had not closed it."""

    phase: Phase
    opened_on: dt.date
    ends_on: dt.date
    closed_on: dt.date | None
    issued: int
    settled: int
    ended: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Overdue:
    """What was overdue, what its unit had said, oldest first, and since when who knew."""

    work: WorkItem
    days: int
    said: Sequence[UnitStatement]
    told: Mapping[Audience, dt.date]

    @property
    def promises(self) -> list[UnitStatement]:
        return [one for one in self.said if one.kind is StatementKind.EXPLANATION]

    @property
    def is_escalated(self) -> bool:
        return bool(self.told.keys() & {Audience.OFFICE, Audience.LEADER})


@dataclasses.dataclass(frozen=True, slots=True)
class Returned:
    """A return in the period."""

    work: WorkItem
    on: dt.date
    by: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A request for more time: decided in the period, or waiting at its end (`granted` is None)."""

    work: WorkItem
    on: dt.date
    before: dt.date
    until: dt.date
    reason: str
    granted: bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class Contested:
    """An objection that waited at the end."""

    work: WorkItem
    on: dt.date
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class GoodCase:
    """Accepted in the period, handed in in time, never returned. `early`: days before its date."""

    work: WorkItem
    accepted_on: dt.date
    early: int
    results: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class AreaCounts:
    """An area, None for the plan as a whole."""

    area: Area | None
    counts: Counts


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """All of a bulletin's figures, as at the end of `on`."""

    period: Period
    on: dt.date
    phases: Sequence[PhaseStanding]
    areas: Sequence[AreaCounts]
    units: Sequence[BoardRow]
    total: Counts
    overdue: Sequence[Overdue]
    returned: Sequence[Returned]
    extensions: Sequence[Asked]
    objections: Sequence[Contested]
    indicators: Sequence[Attainment]
    good_cases: Sequence[GoodCase]
    burden: Sequence[tuple[Unit, int]]

    @property
    def escalated(self) -> list[Overdue]:
        return [one for one in self.overdue if one.is_escalated]

    @property
    def explained(self) -> list[Overdue]:
        return [one for one in self.overdue if one.promises]

    @property
    def broken_promises(self) -> int:
        """Of what is overdue; what was made good since is not counted."""
        return sum(said.granted is False for one in self.overdue for said in one.promises)

    @property
    def extended(self) -> list[Asked]:
        return [one for one in self.extensions if one.granted]

    @property
    def refused(self) -> list[Asked]:
        return [one for one in self.extensions if one.granted is False]

    @property
    def waiting(self) -> list[Asked]:
        return [one for one in self.extensions if one.granted is None]

    @property
    def before_the_leader(self) -> list[Overdue]:
        return [one for one in self.overdue if Audience.LEADER in one.told]

    @property
    def gates_due(self) -> list[PhaseStanding]:
        return [one for one in self.phases if one.ended]


def figures(session: Session, plan: Plan, period: Period, on: dt.date) -> Figures:
    """The figures of a period as they were at the end of a day of it."""
    look = _Look(session, plan, period, on)
    areas, units, total = look.lights()
    return Figures(
        period=period,
        on=on,
        phases=look.phases(),
        areas=areas,
        units=units,
        total=total,
        overdue=look.overdue(),
        returned=look.returned(),
        extensions=look.extensions(),
        objections=look.objections(),
        indicators=attainments(session, plan, on),
        good_cases=look.good_cases(),
        burden=issued_between(session, plan, period.first, on, by_then=True),
    )


def all_works(session: Session, plan: Plan, on: dt.date) -> Iterator[WorkItem]:
    """Every assignment as it was at the end of that day: the rows that the figures count. A few thousand at a time."""
    for ids in _batches(lit(session, plan, on, ALL, frozenset())):
        yield from _sorted(work_items(session, plan, ids, on))


class _Look:
    """One period seen from the end of one day."""

    def __init__(self, session: Session, plan: Plan, period: Period, on: dt.date) -> None:
        self.session, self.plan, self.period, self.on = session, plan, period, on
        self.end = end_of(on, plan.timezone)
        self.before = end_of(period.first - ONE_DAY, plan.timezone)

    def phases(self) -> list[PhaseStanding]:
        counts = self._counts_by_phase()
        return [
            self._standing(phase, counts[phase.code, phase.period])
            for phase in phases_of(self.session, self.plan)
            if phase.opened_at and phase.opened_at <= self.end
            if phase.closed_at is None or phase.closed_at > self.before
        ]

    def _counts_by_phase(self) -> Mapping[tuple[str, str], Counter[bool]]:
        """How many were issued in each phase, by whether they were settled."""
        found: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
        for one in tally(self.session, self.plan, self.on):
            found[one.requirement.phase, one.requirement.period][one.status in CLOSED] += one.amount
        return found

    def _standing(self, phase: Phase, counts: Counter[bool]) -> PhaseStanding:
        assert phase.opened_at is not None
        closed_at = phase.closed_at if phase.closed_at and phase.closed_at <= self.end else None
        ends_on = last_day_at(self.session, phase, self.end)
        return PhaseStanding(
            phase=phase,
            opened_on=self.plan.day_of(phase.opened_at),
            ends_on=ends_on,
            closed_on=self.plan.day_of(closed_at) if closed_at else None,
            issued=counts.total(),
            settled=counts[True],
            ended=closed_at is None and ends_on < self.on,
        )

    def lights(self) -> tuple[list[AreaCounts], list[BoardRow], Counts]:
        """By area and by unit, all pages of the board."""
        seen = board(self.session, self.plan, self.on)
        rows = list(seen.rows)
        for page in range(2, seen.pages + 1):
            rows += board(self.session, self.plan, self.on, page=page).rows
        areas = {area.code: area for area in seen.areas}
        return [AreaCounts(areas.get(code), counts) for code, counts in seen.columns.items()], rows, seen.total

    def overdue(self) -> list[Overdue]:
        ids = lit(self.session, self.plan, self.on, ALL, frozenset({Light.RED}))
        late = self._works(ids)
        due = {work.id: work.due_on for work in late.values()}
        said, told = self._said(late), notified_since(self.session, self.plan, due, self.end)
        return [
            Overdue(work, (self.on - work.due_on).days, said[work.id], told.get(work.id, {}))
            for work in _sorted(late.values())
        ]

    def _works(self, ids: Collection[int]) -> dict[int, WorkItem]:
        found: dict[int, WorkItem] = {}
        for batch in _batches(sorted(set(ids))):
            found |= {work.id: work for work in work_items(self.session, self.plan, batch, self.on)}
        return found

    def _said(self, ids: Collection[int]) -> Mapping[int, list[UnitStatement]]:
        found: dict[int, list[UnitStatement]] = defaultdict(list)
        for assignment_id, said in (
            *self._asked(ids),
            *self._objected(ids),
            *self._handed_in(ids),
            *self._explained(ids),
        ):
            found[assignment_id].append(said)
        for said_of_one in found.values():
            said_of_one.sort(key=lambda one: one.on)
        return found

    def _asked(self, ids: Collection[int]) -> Iterator[tuple[int, UnitStatement]]:
        query = select(Extension).where(any_of_ids(Extension.assignment_id, ids), Extension.asked_at <= self.end)
        for one in self.session.scalars(query.order_by(Extension.id)):
            granted = one.granted if one.decided_at and one.decided_at <= self.end else None
            yield (
                one.assignment_id,
                UnitStatement(
                    StatementKind.EXTENSION,
                    one.reason,
                    one.asked_by,
                    self.plan.day_of(one.asked_at),
                    one.until,
                    granted,
                ),
            )

    def _objected(self, ids: Collection[int]) -> Iterator[tuple[int, UnitStatement]]:
        query = select(Objection).where(any_of_ids(Objection.assignment_id, ids), Objection.at <= self.end)
        for one in self.session.scalars(query.order_by(Objection.id)):
            upheld = one.upheld if one.decided_at and one.decided_at <= self.end else None
            yield (
                one.assignment_id,
                UnitStatement(
                    StatementKind.OBJECTION, one.reason, one.by_name, self.plan.day_of(one.at), granted=upheld
                ),
            )

    def _handed_in(self, ids: Collection[int]) -> Iterator[tuple[int, UnitStatement]]:
        query = (
            select(SubmissionItem.assignment_id, Submission)
            .join(Submission, Submission.id == SubmissionItem.submission_id)
            .where(any_of_ids(SubmissionItem.assignment_id, ids), Submission.at <= self.end, Submission.note != "")
            .order_by(SubmissionItem.id)
        )
        for assignment_id, one in self.session.execute(query):
            yield (
                assignment_id,
                UnitStatement(StatementKind.SUBMISSION, one.note, one.by_name, self.plan.day_of(one.at)),
            )

    def _explained(self, ids: Collection[int]) -> Iterator[tuple[int, UnitStatement]]:
        for assignment_id, said in explanations_of(self.session, ids, self.end).items():
            for one in said:
                yield (
                    assignment_id,
                    UnitStatement(
                        StatementKind.EXPLANATION,
                        one.why,
                        one.by_name,
                        self.plan.day_of(one.at),
                        one.until,
                        False if one.is_broken(self.on) else None,
                        one.answers,
                        one.needs,
                    ),
                )

    def returned(self) -> list[Returned]:
        rows = self._moves(Status.RETURNED)
        seen = self._works([row.assignment_id for row in rows])
        return [Returned(seen[row.assignment_id], self.plan.day_of(row.at), row.actor, row.why) for row in rows]

    def _moves(self, to: Status) -> Sequence[AnyRow]:
        """The entries of the period that moved a status there, in their order."""
        return self.session.execute(
            select(Event.assignment_id, Event.at, Event.actor, Event.why)
            .where(
                Event.plan_id == self.plan.id,
                Event.status_after == to,
                Event.status_before.is_distinct_from(to),
                Event.at > self.before,
                Event.at <= self.end,
            )
            .order_by(Event.at, Event.id)
        ).all()

    def extensions(self) -> list[Asked]:
        """What was decided in the period, and what waited at its end."""
        decided = and_(Extension.decided_at > self.before, Extension.decided_at <= self.end)
        waiting = and_(
            Extension.asked_at <= self.end, or_(Extension.decided_at.is_(None), Extension.decided_at > self.end)
        )
        rows = self.session.scalars(self._pleas(Extension).where(or_(decided, waiting)).order_by(Extension.id)).all()
        seen = self._works([row.assignment_id for row in rows])
        return [self._asking(row, seen[row.assignment_id]) for row in rows]

    def _asking(self, row: Extension, work: WorkItem) -> Asked:
        is_decided = row.decided_at is not None and row.decided_at <= self.end
        return Asked(
            work=work,
            on=self.plan.day_of(row.asked_at),
            before=row.due_before,
            until=(row.due_after if is_decided else None) or row.until,
            reason=row.reason,
            granted=row.granted if is_decided else None,
        )

    def objections(self) -> list[Contested]:
        waiting = and_(Objection.at <= self.end, or_(Objection.decided_at.is_(None), Objection.decided_at > self.end))
        rows = self.session.scalars(self._pleas(Objection).where(waiting).order_by(Objection.id)).all()
        seen = self._works([row.assignment_id for row in rows])
        return [Contested(seen[row.assignment_id], self.plan.day_of(row.at), row.reason) for row in rows]

    def _pleas(self, plea: type[Any]) -> AnySelect:
        query: AnySelect = (
            select(plea)
            .join(Assignment, Assignment.id == plea.assignment_id)
            .join(Assignment.requirement)
            .join(Phase, Phase.id == Requirement.phase_id)
            .where(Phase.plan_id == self.plan.id)
        )
        return query

    def good_cases(self) -> list[GoodCase]:
        """Those with figures to show first, then the earliest before their dates."""
        accepted = {row.assignment_id: self.plan.day_of(row.at) for row in self._moves(Status.ACCEPTED)}
        green = {one.id: one for one in self._works(accepted).values() if one.light is Light.GREEN}
        results = self._results(green)
        changes = changes_until(self.session, self.plan, self.on, list(green)) if green else {}
        found = []
        for one in _sorted(green.values()):
            statuses = [change.status for change in changes[one.id]]
            if Status.RETURNED not in statuses:
                handed_in = max(change.on for change in changes[one.id] if change.status is Status.SUBMITTED)
                early = (one.due_on - handed_in).days
                if early < 0:  # it was excused, and is no example
                    continue
                found.append(GoodCase(one, accepted[one.id], early, results.get(one.id, {})))
        return sorted(found, key=lambda one: (not one.results, -one.early))

    def _results(self, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """The figures of the newest version of each."""
        newest = (
            select(SubmissionItem.assignment_id, func.max(SubmissionItem.id).label("item_id"))
            .join(Submission, Submission.id == SubmissionItem.submission_id)
            .where(any_of_ids(SubmissionItem.assignment_id, ids), Submission.at <= self.end)
            .group_by(SubmissionItem.assignment_id)
            .subquery()
        )
        rows = self.session.execute(
            select(newest.c.assignment_id, Submission.figures)
            .join(SubmissionItem, SubmissionItem.id == newest.c.item_id)
            .join(Submission, Submission.id == SubmissionItem.submission_id)
        )
        return {row.assignment_id: row.figures for row in rows}


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _sorted(found: Iterable[WorkItem]) -> list[WorkItem]:
    """What was due first first: by the date of that day, as the present one may be another."""
    return sorted(found, key=lambda work: (work.due_on, work.ref))
