"""Verdicts (验收结论): what the panel decided on a measure, a safeguard or a target; and who was commended.

Newer replaces older, and all are kept.
"""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import Reason
from models.common.status import Status
from models.finding import Finding
from models.phases.gate import Via
from models.plan.area import Area, Measure
from models.plan.indicator import Indicator
from models.plan.plan import Plan

Item = Measure | Area | Indicator


class VerdictOutcome(StrEnum):
    ACCEPT = "accept"
    CONDITIONAL = "conditional"  # what is missing is put right by a day, and then it can be accepted
    REJECT = "reject"


class Verdict(Base):
    """One decision on one item, by a named person.

    `missing`: what stood against accepting at that moment, a list of `{"template", "facts"}`; `override_reason` says
    why it was accepted all the same. `finding_id`: the rectification that a conditional one handed out.
    """

    __tablename__ = "verdict"
    __table_args__ = (
        CheckConstraint("num_nonnulls(measure_id, area_id, indicator_id) = 1", name="one_item"),
        CheckConstraint("(outcome = 'conditional') = (until IS NOT NULL)", name="until"),
        CheckConstraint("(outcome = 'conditional') = (finding_id IS NOT NULL)", name="rectification"),
    )

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), index=True, doc="the plan (plan)")
    measure_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("measure.id"), doc="the measure (measure)")
    area_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)"
    )
    indicator_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("indicator.id"), doc="the target (indicator)"
    )
    outcome: Mapped[VerdictOutcome] = mapped_column(text_enum(VerdictOutcome, "outcome"), doc="what came of it")
    until: Mapped[dt.date | None] = mapped_column(doc="until this day")
    finding_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("finding.id"), doc="the rectification (finding)"
    )
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    reason: Mapped[str] = mapped_column(doc="why")
    override_reason: Mapped[str | None] = mapped_column(doc="why it was done although something stood against it")
    missing: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, doc="what stood against accepting at that moment")
    via: Mapped[Via] = mapped_column(text_enum(Via, "via"), doc="where it was decided")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")

    finding: Mapped[Finding | None] = relationship()

    @property
    def key(self) -> tuple[str, int]:
        """What it is about, as `key_of` names an item."""
        kind, number = next(
            (kind, number)
            for kind, number in (
                ("measure", self.measure_id),
                ("area", self.area_id),
                ("indicator", self.indicator_id),
            )
            if number is not None
        )
        return kind, number

    @property
    def was_missing(self) -> list[Reason]:
        """What stood against it, to be said in the reader's language."""
        return [Reason(one["template"], **_as_known(one["facts"])) for one in self.missing]


def _as_known(facts: dict[str, Any]) -> dict[str, Any]:
    """A status is kept as its bare value, which no language has a word for."""
    return facts | ({"status": Status(facts["status"])} if "status" in facts else {})


class Commendation(Base):
    """A list of units to be commended (表彰), as people settled it; `since` and `until` are the days of the results."""

    __tablename__ = "commendation"

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), index=True, doc="the plan (plan)")
    since: Mapped[dt.date] = mapped_column(doc="from this day on")
    until: Mapped[dt.date] = mapped_column(doc="until this day")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    reason: Mapped[str] = mapped_column(doc="why")
    via: Mapped[Via] = mapped_column(text_enum(Via, "via"), doc="where it was decided")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")


class CommendedUnit(Base):
    """A unit on a list, in its order. `was_proposed`: the results put it there, and people kept it."""

    __tablename__ = "commended_unit"

    commendation_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("commendation.id"), primary_key=True, doc="the list (commendation)"
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), primary_key=True, doc="the unit (unit)")
    position: Mapped[int] = mapped_column(doc="its place in the order")
    was_proposed: Mapped[bool] = mapped_column(doc="true: the results proposed it")


def key_of(item: Item) -> tuple[str, int]:
    """A key that is unique for each item that is judged."""
    return item.__tablename__, item.id


def latest_verdicts(session: Session, plan: Plan, by: dt.datetime | None = None) -> dict[tuple[str, int], Verdict]:
    """The verdict in force on each item that has one, or that was in force by then."""
    query = select(Verdict).where(Verdict.plan_id == plan.id).order_by(Verdict.id)
    # A later entry of a dict replaces an earlier one.
    rows = session.scalars(query if by is None else query.where(Verdict.at <= by))
    return {one.key: one for one in rows}


def verdicts_on(session: Session, item: Item) -> list[Verdict]:
    """All verdicts on an item, newest first."""
    column = {"measure": Verdict.measure_id, "area": Verdict.area_id, "indicator": Verdict.indicator_id}
    query = select(Verdict).where(column[item.__tablename__] == item.id).order_by(Verdict.id.desc())
    return list(session.scalars(query))


def subject_of(verdict: Verdict) -> str:
    """How a message names it."""
    return f"verdict/{verdict.id}"


def named_verdict(session: Session, subject: str) -> tuple[Verdict, Item]:
    """The verdict that a message names, and what it is about."""
    verdict = session.get_one(Verdict, int(subject.rpartition("/")[2]))
    kind, number = verdict.key
    if kind == Measure.__tablename__:
        return verdict, session.get_one(Measure, number)
    return verdict, session.get_one(Area, number) if kind == Area.__tablename__ else session.get_one(Indicator, number)


def latest_commendation(session: Session, plan: Plan, by: dt.datetime | None = None) -> Commendation | None:
    query = select(Commendation).where(Commendation.plan_id == plan.id)
    if by is not None:
        query = query.where(Commendation.at <= by)
    return session.scalar(query.order_by(Commendation.id.desc()).limit(1))
