"""The files of the evidence store as people see them: whose they are, and who may read them."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.assignments.co_leads import is_asked_about
from models.assignments.evidence import Evidence, Submission, SubmissionFile, SubmissionItem
from models.assignments.reviewer import is_reviewed_by
from models.common.base import AnyRow
from models.common.errors import NotFoundError
from models.common.files import StoredEvidence
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import Unit

SHELF = 500  # files that a page offers; a unit hands in some dozens a year


def files_of_unit(session: Session, unit_id: int, limit: int = SHELF) -> Sequence[AnyRow]:
    """A unit's files, newest first, each with how many assignments it has served."""
    served = (
        select(func.count(func.distinct(SubmissionItem.assignment_id)))
        .join(SubmissionFile, SubmissionFile.submission_id == SubmissionItem.submission_id)
        .where(SubmissionFile.evidence_id == Evidence.id)
        .correlate(Evidence)
        .scalar_subquery()
    )
    return session.execute(
        select(Evidence, served.label("served"))
        .where(Evidence.unit_id == unit_id)
        .order_by(Evidence.id.desc())
        .limit(limit)
    ).all()


def kept(session: Session, unit_id: int, ids: Collection[int]) -> list[StoredEvidence]:
    """Files of a unit that are to serve once more. Raises NotFoundError where one is not the unit's."""
    rows = session.scalars(
        select(Evidence).where(Evidence.id.in_(ids), Evidence.unit_id == unit_id).order_by(Evidence.id)
    ).all()
    if len(rows) < len(set(ids)):
        raise NotFoundError("there is no such file")
    return [row.stored for row in rows]


def readable(session: Session, plan: Plan, evidence_id: int, reader: Unit, *, sees_all: bool) -> Evidence:
    """A file that this unit may read: its own, or one that was handed in to it for review or for its opinion.

    Raises NotFoundError otherwise: who may not read a file is not told that it exists.
    """
    handed_to_reader = exists(
        select(SubmissionFile.evidence_id)
        .join(SubmissionItem, SubmissionItem.submission_id == SubmissionFile.submission_id)
        .join(Assignment, Assignment.id == SubmissionItem.assignment_id)
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .where(
            SubmissionFile.evidence_id == Evidence.id,
            or_(is_reviewed_by(reader), is_asked_about(reader.id)),
        )
    )
    may: ColumnElement[bool] = true() if sees_all else or_(Evidence.unit_id == reader.id, handed_to_reader)
    row = session.scalar(
        select(Evidence)
        .join(Unit, Unit.id == Evidence.unit_id)
        .where(Evidence.id == evidence_id, Unit.plan_id == plan.id, may)
    )
    if row is None:
        raise NotFoundError("there is no such file")
    return row


def files_of_assignment(session: Session, assignment_id: int) -> Sequence[tuple[int, Evidence]]:
    """Every file that was handed in for an assignment, with its version, oldest first."""
    rows = session.execute(
        select(SubmissionItem.version, Evidence)
        .join(Submission, Submission.id == SubmissionItem.submission_id)
        .join(SubmissionFile, SubmissionFile.submission_id == Submission.id)
        .join(Evidence, Evidence.id == SubmissionFile.evidence_id)
        .where(SubmissionItem.assignment_id == assignment_id)
        .order_by(SubmissionItem.version, Evidence.id)
    )
    return [(version, evidence) for version, evidence in rows]
