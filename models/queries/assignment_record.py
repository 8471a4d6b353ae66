"""All that is known of one assignment: what is asked, every version, what was asked for, and the journal."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, literal, null, select, union_all
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from models.assignments.assignment import Assignment, reasons_not_acceptable
from models.assignments.changes import CHANGES
from models.assignments.evidence import Evidence, Submission, SubmissionFile, SubmissionItem
from models.assignments.extension import Extension
from models.assignments.history import change_of, history_of
from models.assignments.light import Change, Light, light
from models.assignments.objection import Objection
from models.assignments.opinion import Asked, Opinion, asked_about
from models.assignments.review import Decision, Review
from models.assignments.reviewer import is_body_over, reviewing_lead
from models.common.base import AnyRow
from models.common.errors import NotFoundError, Reason
from models.common.event import Event, EventKind
from models.common.status import CLOSED, Status
from models.common.text import Text
from models.dialogue.explanation import Explanation
from models.plan.ladder import Step
from models.plan.phase import Phase
from models.plan.plan import Plan, PlanVersion
from models.plan.requirement import CoLead, Requirement, Wording, co_leads_of
from models.plan.unit import Unit

EXTENSION = "extension"


@dataclasses.dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a version, as a page lists it; `size` in bytes."""

    id: int
    name: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """What was handed in at one time, and how it was answered; `decision` is None while nobody has."""

    number: int
    at: dt.datetime
    by_name: str
    note: str
    figures: dict[str, Any]
    files: tuple[KeptFile, ...]
    decision: Decision | None
    reviewed_by: str
    reviewer: str
    reviewed_at: dt.datetime | None
    review_reason: str
    opinions: tuple["SaidOpinion", ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class SaidOpinion:
    """What a co-lead said on a version, the earliest first."""

    unit: Text
    agrees: bool
    words: str
    by_name: str
    at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request for more time (`until` is the day asked for) or an objection; `granted` is None while undecided."""

    id: int
    about: str  # "extension", or what an objection is about
    until: dt.date | None
    reason: str
    by_name: str
    at: dt.datetime
    granted: bool | None
    decided_by: str | None
    decided_at: dt.datetime | None
    answer: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """`waits_for`: the open parts of a joint item, where the unit leads it. `left`: as a `WorkItem` has it.

    `leads` are the units that lead the item, the first one first. `asked` are those beside it that are asked about the
    version under review. `explanations`: what its unit said of being late, the last first.
    """

    assignment: Assignment
    reviewer: Unit
    light: Light
    left: int | None
    versions: tuple[Version, ...]
    pleas: tuple[PendingRequest, ...]
    journal: Sequence[Event]
    waits_for: list[Reason]
    leads: Sequence[Unit] = ()
    asked: Sequence[Asked] = ()
    issued_under: int | None = None
    explanations: Sequence[Explanation] = ()

    @property
    def wording(self) -> Wording:
        """What is asked; of what is finished, as it was asked then."""
        ends = (event.at for event in reversed(self.journal) if event.status_after in CLOSED)
        is_open = self.assignment.status.is_open
        return self.assignment.requirement.words_at(None if is_open else next(ends, None))

    @property
    def objecting(self) -> list[Asked]:
        return [one for one in self.asked if one.objects]

    def awaited(self, today: dt.date) -> list[Asked]:
        """The co-leads that the first lead has to wait for."""
        return [one for one in self.asked if one.is_awaited(today)]

    @property
    def pending(self) -> PendingRequest | None:
        """The request that nobody has answered yet, if there is one."""
        return next((plea for plea in self.pleas if plea.granted is None and plea.about == EXTENSION), None)

    @property
    def goes_beyond_phase(self) -> bool:
        """Whether the time that is asked for would end after the last day of the item's phase."""
        asked = self.pending
        return asked is not None and asked.until is not None and asked.until > self.assignment.requirement.phase.ends_on

    @property
    def was_judged(self) -> bool:
        """Whether what is under review was accepted before, which was taken back."""
        into = (event.status_before for event in reversed(self.journal) if event.status_after is Status.SUBMITTED)
        return next(into, None) in CLOSED

    @property
    def objection(self) -> PendingRequest | None:
        return next((plea for plea in self.pleas if plea.granted is None and plea.about != EXTENSION), None)


def record_of(session: Session, plan: Plan, assignment_id: int, today: dt.date) -> Record:
    """Raises NotFoundError where it is none of the plan's assignments."""
    assignment, body, is_co_led, issued_under = _assignment(session, plan, assignment_id)
    journal = session.scalars(select(Event).where(Event.assignment_id == assignment.id).order_by(Event.id)).all()
    open_ended = assignment.requirement.open_ended
    history = history_of(plan, _changes(plan, journal), assignment.issued_on, today, open_ended=open_ended)
    co_leads = co_leads_of(session, assignment.requirement_id) if is_co_led else []
    opinions = _opinions(session, assignment) if co_leads else {}
    lead = assignment.requirement.lead
    return Record(
        assignment=assignment,
        reviewer=reviewing_lead(assignment) or body,
        light=light(history, today, plan.limits_on(today).near_limit_days),
        left=None if open_ended and today > assignment.due_on else plan.work_calendar.count(today, assignment.due_on),
        versions=tuple(
            dataclasses.replace(version, opinions=tuple(opinions.get(version.number, ())))
            for version in (_version(row) for row in session.execute(_VERSIONS.where(_of(assignment))))
        ),
        pleas=tuple(PendingRequest(*row) for row in session.execute(_pending_requests(assignment.id))),
        journal=journal,
        waits_for=reasons_not_acceptable(session, assignment),
        issued_under=issued_under,
        explanations=_explanations(session, journal, assignment.id),
        leads=[*([lead] if lead else []), *co_leads],
        asked=asked_about(session, plan, [assignment]).get(assignment.id, ()) if co_leads else (),
    )


def steps_of(plan: Plan, record: Record) -> Mapping[str, Step]:
    """The steps of the ladder by which the assignment was followed, by code; read only where one of them fired."""
    if all(event.kind is not EventKind.ESCALATED for event in record.journal):
        return {}
    return {step.code: step for step in record.assignment.requirement.ladder_in(plan).rungs}


def _explanations(session: Session, journal: Sequence[Event], assignment_id: int) -> Sequence[Explanation]:
    """The journal, which is read already, says whether there are any."""
    if all(event.kind is not EventKind.EXPLAINED for event in journal):
        return ()
    query = select(Explanation).where(Explanation.assignment_id == assignment_id)
    return session.scalars(query.order_by(Explanation.id.desc())).all()


def _assignment(session: Session, plan: Plan, assignment_id: int) -> tuple[Assignment, Unit, bool, int | None]:
    """With the body that reviews it where no lead does, whether anybody leads it beside the first lead, and the
    version of the plan under which it was issued.
    """
    body = aliased(Unit)
    is_co_led = exists().where(CoLead.requirement_id == Assignment.requirement_id)
    row = session.execute(
        select(Assignment, body, is_co_led, _issued_under(plan, assignment_id))
        .join(Assignment.requirement)
        .join(Requirement.phase)
        .join(Assignment.unit)
        .join(body, (body.plan_id == Phase.plan_id) & is_body_over(body))
        .options(
            contains_eager(Assignment.requirement).options(
                contains_eager(Requirement.phase).lazyload(Phase.ladder),
                joinedload(Requirement.lead),
                joinedload(Requirement.area),
                joinedload(Requirement.measure),
            ),
            contains_eager(Assignment.unit),
        )
        .where(Assignment.id == assignment_id, Phase.plan_id == plan.id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("there is no such assignment")
    return row[0], row[1], row[2], row[3]


def _issued_under(plan: Plan, assignment_id: int) -> Any:
    issued_at = (
        select(func.min(Event.at))
        .where(Event.assignment_id == assignment_id, Event.kind == EventKind.ISSUED)
        .scalar_subquery()
    )
    version = select(func.max(PlanVersion.version)).where(PlanVersion.plan_id == plan.id, PlanVersion.at <= issued_at)
    return version.scalar_subquery()


def _changes(plan: Plan, journal: Sequence[Event]) -> list[Change]:
    changes: list[Change] = []
    for event in journal:
        if event.kind in CHANGES:
            changes.append(change_of(plan, event, changes[-1] if changes else None))
    return changes


_files = (
    select(func.jsonb_agg(func.jsonb_build_array(Evidence.id, Evidence.file_name, Evidence.size, Evidence.sha256)))
    .join(SubmissionFile, SubmissionFile.evidence_id == Evidence.id)
    .where(SubmissionFile.submission_id == Submission.id)
    .correlate(Submission)
    .scalar_subquery()
)
_VERSIONS = (
    select(
        SubmissionItem.version,
        Submission.at,
        Submission.by_name,
        Submission.note,
        Submission.figures,
        _files.label("files"),
        Review.decision,
        Review.by_name.label("reviewed_by"),
        Unit.code.label("reviewer"),
        Review.at.label("reviewed_at"),
        Review.reason,
    )
    .join(Submission, Submission.id == SubmissionItem.submission_id)
    .outerjoin(Review, Review.submission_item_id == SubmissionItem.id)
    .outerjoin(Unit, Unit.id == Review.unit_id)
    .order_by(SubmissionItem.version.desc())
)


def _of(assignment: Assignment) -> Any:
    return SubmissionItem.assignment_id == assignment.id


def _version(row: AnyRow) -> Version:
    return Version(
        number=row.version,
        at=row.at,
        by_name=row.by_name,
        note=row.note,
        figures=row.figures,
        files=tuple(KeptFile(*file) for file in row.files or ()),
        decision=row.decision,
        reviewed_by=row.reviewed_by or "",
        reviewer=row.reviewer or "",
        reviewed_at=row.reviewed_at,
        review_reason=row.reason or "",
    )


def _opinions(session: Session, assignment: Assignment) -> dict[int, list[SaidOpinion]]:
    """What co-leads said, by the version."""
    rows = session.execute(
        select(SubmissionItem.version, Opinion, Unit)
        .join(Opinion, Opinion.submission_item_id == SubmissionItem.id)
        .join(Unit, Unit.id == Opinion.unit_id)
        .where(_of(assignment))
        .order_by(Opinion.id)
    )
    found: dict[int, list[SaidOpinion]] = defaultdict(list)
    for version, one, unit in rows:
        found[version].append(SaidOpinion(unit.name, one.agrees, one.words, one.by_name, one.at))
    return found


def _pending_requests(assignment_id: int) -> Any:
    extensions = select(
        Extension.id,
        literal(EXTENSION).label("about"),
        Extension.until,
        Extension.reason,
        Extension.asked_by,
        Extension.asked_at.label("at"),
        Extension.granted,
        Extension.decided_by,
        Extension.decided_at,
        Extension.decision_reason,
    ).where(Extension.assignment_id == assignment_id)
    objections = select(
        Objection.id,
        Objection.about.cast(Extension.reason.type),
        null(),
        Objection.reason,
        Objection.by_name,
        Objection.at,
        Objection.upheld,
        Objection.decided_by,
        Objection.decided_at,
        Objection.decision_reason,
    ).where(Objection.assignment_id == assignment_id)
    return union_all(extensions, objections).order_by("at")
