"""Areas of work and safeguards, their measures, and who answers for them."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Key, Named, Sourced, text_enum
from models.common.kinds import AreaKind


class Role(StrEnum):
    LEAD = "lead"
    RESPONSIBLE = "responsible"


class Area(Named, Sourced, Base):
    __tablename__ = "area"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"))
    code: Mapped[str]
    kind: Mapped[AreaKind] = mapped_column(text_enum(AreaKind, "kind"))
    lead_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"))


class Measure(Named, Sourced, Base):
    __tablename__ = "measure"
    __table_args__ = (UniqueConstraint("area_id", "code"),)

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"))
    code: Mapped[str]
    proof_zh: Mapped[str]
    proof_en: Mapped[str]


class Responsibility(Base):
    """A unit or a collective that an area names as responsible, in the order of the plan."""

    __tablename__ = "responsibility"
    __table_args__ = (
        UniqueConstraint("area_id", "position"),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"))
    position: Mapped[int]
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    collective_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("collective.id"))


def areas_of(session: Session, plan_id: int) -> Sequence[Area]:
    """The plan's areas, then its safeguards."""
    return session.scalars(select(Area).where(Area.plan_id == plan_id).order_by(Area.kind, Area.code)).all()
