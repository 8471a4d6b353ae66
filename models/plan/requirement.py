"""Requirements: what is asked, of whom, at which scope, in which period, due when, proven by what."""

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.common.base import Base, Key, text_enum
from models.common.kinds import Basis, OnDayOff, Scope
from models.common.text import Text
from models.plan.area import Area, Measure, Role
from models.plan.phase import Phase
from models.plan.unit import Unit


class Requirement(Base):
    """One thing asked in one period, of one item of the plan where its scope is an area or a measure.

    `ref` is unique in its plan and reads `period/code` or `period/code/item`, as in `2023/delivery/T3.2`.
    """

    __tablename__ = "requirement"
    __table_args__ = (UniqueConstraint("phase_id", "ref"),)

    id: Mapped[Key]
    phase_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("phase.id"), index=True, doc="the phase (phase)")
    ref: Mapped[str] = mapped_column(doc="the reference that people use")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    scope: Mapped[Scope] = mapped_column(text_enum(Scope, "scope"), doc="asked of the plan, an area or a measure")
    area_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)"
    )
    measure_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("measure.id"), doc="the measure (measure)")
    # The unit that reviews what the responsible units hand in; the office does where this is null.
    lead_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the lead unit (unit)")
    due_on: Mapped[dt.date] = mapped_column(doc="the date in force")
    # Of the date above alone: one that people set later moves to the working day after it.
    on_day_off: Mapped[OnDayOff] = mapped_column(
        text_enum(OnDayOff, "on_day_off"), server_default=OnDayOff.LATER, doc="to which working day a day off gives way"
    )
    title_zh: Mapped[str] = mapped_column(doc="the title in Chinese")
    title_en: Mapped[str] = mapped_column(doc="the title in English")
    why_zh: Mapped[str] = mapped_column(doc="why it is asked, in Chinese")
    why_en: Mapped[str] = mapped_column(doc="why it is asked, in English")
    proof_zh: Mapped[str] = mapped_column(doc="what proves it, in Chinese")
    proof_en: Mapped[str] = mapped_column(doc="what proves it, in English")
    source: Mapped[str] = mapped_column(doc="where the plan says so")
    basis: Mapped[Basis] = mapped_column(
        text_enum(Basis, "basis"), doc="stated: the plan says so; inferred: it was concluded"
    )
    # A change set ended it: it stands in the plan no longer, and what was issued stays as it was.
    withdrawn_on: Mapped[dt.date | None] = mapped_column(doc="the day from which it was asked no longer")

    phase: Mapped[Phase] = relationship()
    lead: Mapped[Unit | None] = relationship()
    area: Mapped[Area | None] = relationship()
    measure: Mapped[Measure | None] = relationship()

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)

    @property
    def why(self) -> Text:
        return Text(self.why_zh, self.why_en)

    @property
    def proof(self) -> Text:
        return Text(self.proof_zh, self.proof_en)

    @property
    def item(self) -> Text | None:
        """The measure or area that it is asked of, with its code."""
        item = self.measure or self.area
        return Text(f"{item.code} {item.name_zh}", f"{item.code} {item.name_en}") if item else None


class Addressee(Base):
    """A unit or a collective that a requirement is asked of, and in which role."""

    __tablename__ = "addressee"
    __table_args__ = (
        UniqueConstraint("requirement_id", "role", "unit_id", "collective_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    requirement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), doc="the requirement (requirement)"
    )
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"), doc="lead or responsible")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    collective_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("collective.id"), doc="the set of units (collective)"
    )
