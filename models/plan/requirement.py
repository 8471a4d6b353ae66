"""Requirements: what is asked, of whom, at which scope, in which period, due when, proven by what."""

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.common.base import Base, Key, text_enum
from models.common.kinds import Basis, Scope
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
    phase_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("phase.id"), index=True)
    ref: Mapped[str]
    code: Mapped[str]
    period: Mapped[str]
    scope: Mapped[Scope] = mapped_column(text_enum(Scope, "scope"))
    area_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("area.id"))
    measure_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("measure.id"))
    # Reviews what the responsible units hand in; where it is null, the office does.
    lead_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    due_on: Mapped[dt.date]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    why_zh: Mapped[str]
    why_en: Mapped[str]
    proof_zh: Mapped[str]
    proof_en: Mapped[str]
    source: Mapped[str]
    basis: Mapped[Basis] = mapped_column(text_enum(Basis, "basis"))

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
    requirement_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("requirement.id"))
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    collective_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("collective.id"))
