"""Evidence (佐证材料) and submissions (反馈): files, figures and words; versioned, hashed, never overwritten."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, false, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.assignments.assignment import Assignment, move
from models.assignments.co_leads import asking
from models.assignments.messages import message_about
from models.assignments.reviewer import reviewer_of, reviewers_of
from models.common.base import Base, Instant, Key
from models.common.errors import IllegalMoveError, RefusedError
from models.common.event import Actor
from models.common.files import StoredEvidence
from models.common.message_kinds import MessageKind
from models.common.status import Status
from models.common.typed import said
from models.outbox.message import post
from models.plan.plan import Plan


class Evidence(Base):
    """A file of a unit. The same content under the same name is one row, however often it serves."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("unit_id", "sha256", "file_name"),)

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    sha256: Mapped[str] = mapped_column(doc="SHA-256 of the file")
    file_name: Mapped[str] = mapped_column(doc="what the unit called the file")
    media_type: Mapped[str] = mapped_column(doc="the type of the file")
    size: Mapped[int] = mapped_column(doc="size in bytes")
    was_scanned: Mapped[bool] = mapped_column(
        server_default=false(), doc="true: scanned for viruses as it came in, and found clean"
    )
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")

    @property
    def stored(self) -> StoredEvidence:
        return StoredEvidence(self.file_name, self.media_type, self.size, self.sha256, self.was_scanned)


class Submission(Base):
    """What a unit hands in at one time, for one or several assignments."""

    __tablename__ = "submission"

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    note: Mapped[str] = mapped_column(doc="a remark")
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB, doc="figures that were handed in")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


class SubmissionItem(Base):
    """One version of what an assignment was answered with."""

    __tablename__ = "submission_item"
    __table_args__ = (UniqueConstraint("assignment_id", "version"),)

    id: Mapped[Key]
    submission_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("submission.id"), index=True, doc="what was handed in (submission)"
    )
    assignment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("assignment.id"), doc="the assignment (assignment)"
    )
    version: Mapped[int] = mapped_column(doc="which version")


class SubmissionFile(Base):
    __tablename__ = "submission_file"

    submission_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("submission.id"), primary_key=True, doc="what was handed in (submission)"
    )
    evidence_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("evidence.id"), primary_key=True, doc="the file (evidence)"
    )


def submit(
    session: Session,
    plan: Plan,
    assignments: Sequence[Assignment],
    files: Sequence[StoredEvidence],
    *,
    note: str,
    figures: dict[str, Any] | None = None,
    actor: Actor,
    at: dt.datetime,
) -> Submission:
    """Hand in once for one or several assignments of one unit, and tell their reviewers.

    Raises RefusedError where it is empty or not one unit's, IllegalMoveError where one is not open.
    """
    unit_id = one_unit_of(assignments)
    if not (files or said(note) or figures):
        raise RefusedError("a submission needs a file, a figure or a note")
    submission = Submission(unit_id=unit_id, by_name=actor.name, note=note.strip(), figures=figures or {}, at=at)
    session.add(submission)
    session.flush()
    for evidence_id in keep(session, submission.unit_id, files, at):
        session.add(SubmissionFile(submission_id=submission.id, evidence_id=evidence_id))
    reviewers = reviewers_of(session, plan, assignments)
    for assignment in assignments:
        _hand_in(session, plan, assignment, submission, actor, at)
    kind = MessageKind.TO_REVIEW
    messages = [
        message_about(assignment, kind, reviewer.id, at, by_name=actor.name)
        for assignment, reviewer in zip(assignments, reviewers, strict=True)
    ]
    post(session, plan, [*messages, *asking(session, assignments, at, actor.name)])
    return submission


def one_unit_of(assignments: Sequence[Assignment]) -> int:
    """The id of the unit whose they all are. Raises RefusedError where they are none's or several units'."""
    units = {assignment.unit_id for assignment in assignments}
    if len(units) != 1:
        raise RefusedError("one submission is for assignments of one unit; these are of {count}", count=len(units))
    return units.pop()


def keep(session: Session, unit_id: int, files: Sequence[StoredEvidence], at: dt.datetime) -> list[int]:
    """Record files that are in the store as files of a unit; returns their ids."""
    ids = []
    for file in dict.fromkeys(files):
        row = {
            "unit_id": unit_id,
            "sha256": file.sha256,
            "file_name": file.name,
            "media_type": file.media_type,
            "size": file.size,
            "was_scanned": file.was_scanned,
            "at": at,
        }
        kept = insert(Evidence).values(row)
        kept = kept.on_conflict_do_update(
            constraint="evidence_unit_id_sha256_file_name_key",
            set_={"was_scanned": or_(Evidence.was_scanned, kept.excluded.was_scanned)},
        )
        ids.append(session.scalars(kept.returning(Evidence.id)).one())
    return ids


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """How much one unit may hand in: files and bytes within DAY, and bytes in all."""

    daily_files: int
    daily_bytes: int
    total_bytes: int


DAY = dt.timedelta(days=1)


def refuse_beyond(quota: Quota, session: Session, unit_id: int, size: int, at: dt.datetime) -> None:
    """Raises RefusedError where a unit that sends `size` bytes more has handed in more than there is room for."""
    new = Evidence.at > at - DAY
    files, new_bytes, all_bytes = session.execute(
        select(
            func.count().filter(new),
            func.coalesce(func.sum(Evidence.size).filter(new), 0),
            func.coalesce(func.sum(Evidence.size), 0),
        ).where(Evidence.unit_id == unit_id)
    ).one()
    if files >= quota.daily_files:
        raise RefusedError(
            "your unit has handed in {count} files within a day, and no more are taken; go on tomorrow", count=files
        )
    if new_bytes + size > quota.daily_bytes:
        raise RefusedError(
            "your unit has handed in {size} MB within a day; at most {limit} MB are taken, go on tomorrow",
            size=_mib(new_bytes),
            limit=_mib(quota.daily_bytes),
        )
    if all_bytes + size > quota.total_bytes:
        raise RefusedError(
            "the files of your unit take up {size} MB; with these there would be more than {limit} MB. "
            "Ask the leading-group office for room",
            size=_mib(all_bytes),
            limit=_mib(quota.total_bytes),
        )


def _mib(size: int) -> int:
    return round(size / 1024**2)


def _hand_in(
    session: Session,
    plan: Plan,
    assignment: Assignment,
    submission: Submission,
    actor: Actor,
    at: dt.datetime,
    why: str = "",
    *,
    correcting: bool = False,
) -> None:
    assignment.version += 1
    session.add(SubmissionItem(submission_id=submission.id, assignment_id=assignment.id, version=assignment.version))
    move(
        session,
        plan,
        assignment,
        Status.SUBMITTED,
        actor=actor,
        at=at,
        why=why,
        detail={"version": assignment.version},
        correcting=correcting,
    )


def hand_in_again(
    session: Session, plan: Plan, assignment: Assignment, *, actor: Actor, at: dt.datetime, why: str
) -> None:
    """Undo a return or an acceptance: what was handed in last is under review again as a new version.

    The reviewer hears why. Raises IllegalMoveError where it is neither returned nor accepted.
    """
    item, was_accepted = latest_item(session, assignment), assignment.status is Status.ACCEPTED
    if not (was_accepted or assignment.status is Status.RETURNED) or item is None:
        raise IllegalMoveError(
            "{ref} is {status}: there is no review to undo", ref=assignment.ref, status=assignment.status
        )
    submission = session.get_one(Submission, item.submission_id)
    _hand_in(session, plan, assignment, submission, actor, at, why, correcting=was_accepted)
    reviewer = reviewer_of(session, plan, assignment)
    kind, by_name = MessageKind.TO_REVIEW, submission.by_name
    told = message_about(assignment, kind, reviewer.id, at, by_name=by_name, reason=why)
    post(session, plan, [told, *asking(session, [assignment], at, by_name)])


def under_review(items: Mapping[int, SubmissionItem], assignment: Assignment, version: int | None) -> SubmissionItem:
    """The version that waits for its reviewer, of those in force.

    Raises IllegalMoveError where there is none, RefusedError where `version` is another.
    """
    item = items.get(assignment.id)
    if assignment.status is not Status.SUBMITTED or item is None:
        raise IllegalMoveError(
            "{ref} has nothing to review: it is {status}", ref=assignment.ref, status=assignment.status
        )
    if version is not None and version != item.version:
        raise RefusedError(
            "{ref}: version {version} was looked at, but version {newest} came in since",
            ref=assignment.ref,
            version=version,
            newest=item.version,
        )
    return item


def latest_item(session: Session, assignment: Assignment) -> SubmissionItem | None:
    """The version that is in force, None before the first."""
    return latest_items(session, [assignment]).get(assignment.id)


def latest_items(session: Session, assignments: Iterable[Assignment]) -> dict[int, SubmissionItem]:
    """The versions that are in force, by the ids of their assignments; those that have none are left out."""
    versions = (
        select(SubmissionItem)
        .where(SubmissionItem.assignment_id.in_([one.id for one in assignments]))
        .ext(distinct_on(SubmissionItem.assignment_id))
        .order_by(SubmissionItem.assignment_id, SubmissionItem.version.desc())
    )
    return {item.assignment_id: item for item in session.scalars(versions)}
