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
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    kind: Mapped[AreaKind] = mapped_column(text_enum(AreaKind, "kind"), doc="which kind")
    lead_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the lead unit (unit)")


class Measure(Named, Sourced, Base):
    __tablename__ = "measure"
    __table_args__ = (UniqueConstraint("area_id", "code"),)

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    proof_zh: Mapped[str] = mapped_column(doc="what proves it, in Chinese")
    proof_en: Mapped[str] = mapped_column(doc="what proves it, in English")


class Responsibility(Base):
    """A unit or a collective that an area names as responsible, in the order of the plan."""

    __tablename__ = "responsibility"
    __table_args__ = (
        UniqueConstraint("area_id", "position"),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)")
    position: Mapped[int] = mapped_column(doc="its place in the order")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    collective_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("collective.id"), doc="the set of units (collective)"
    )


def areas_of(session: Session, plan_id: int) -> Sequence[Area]:
    """The plan's areas, then its safeguards."""
    return session.scalars(select(Area).where(Area.plan_id == plan_id).order_by(Area.kind, Area.code)).all()
