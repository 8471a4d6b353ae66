"""Areas of work and safeguards, their measures, and who answers for them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Key, Named, Sourced, text_enum
from models.common.kinds import AreaKind


class Role(StrEnum):
    LEAD = "lead"
    CO_LEAD = "co-lead"  # a lead after the first
    RESPONSIBLE = "responsible"


class Area(Named, Sourced, Base):
    __tablename__ = "area"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    kind: Mapped[AreaKind] = mapped_column(text_enum(AreaKind, "kind"), doc="which kind")
    lead_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the lead unit (unit)")


class Measure(Named, Sourced, Base):
    __tablename__ = "measure"
    __table_args__ = (UniqueConstraint("area_id", "code"),)

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    proof_zh: Mapped[str] = mapped_column(doc="what proves it, in Chinese")
    proof_en: Mapped[str] = mapped_column(doc="what proves it, in English")
    # Its own, or its area's.
    lead_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the lead unit (unit)")
    names_leads: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="true: it names its own leads; otherwise its area's hold"
    )
    names_responsible: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="true: it names its own responsible units; otherwise its area's hold"
    )


class Responsibility(Base):
    """A unit or a collective that an area or a measure names, as co-lead or responsible, in the order of the plan.

    The first lead stands in the row of the area or the measure itself.
    """

    __tablename__ = "responsibility"
    __table_args__ = (
        UniqueConstraint("area_id", "measure_id", "role", "position", postgresql_nulls_not_distinct=True),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)")
    measure_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("measure.id"), index=True, doc="the measure, where it names its own (measure)"
    )
    role: Mapped[Role] = mapped_column(
        text_enum(Role, "role"), server_default=Role.RESPONSIBLE, doc="lead, co-lead or responsible"
    )
    position: Mapped[int] = mapped_column(doc="its place in the order")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    collective_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("collective.id"), doc="the set of units (collective)"
    )


def areas_of(session: Session, plan_id: int) -> Sequence[Area]:
    """The plan's areas, then its safeguards, each in the order in which the plan came to name them."""
    return session.scalars(select(Area).where(Area.plan_id == plan_id).order_by(Area.kind, Area.id)).all()


def lead_ids(session: Session, plan_id: int) -> Mapping[tuple[int, int | None], list[int]]:
    """The units that lead each area and each measure, the first one first; by the area's id and the measure's.

    What is asked of an area as a whole stands under the measure None.
    """
    areas = {one.id: one.lead_id for one in areas_of(session, plan_id)}
    measures = session.scalars(select(Measure).where(Measure.area_id.in_(areas))).all()
    own: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    rows = select(Responsibility).where(Responsibility.area_id.in_(areas), Responsibility.role == Role.CO_LEAD)
    for one in session.scalars(rows.order_by(Responsibility.position)):
        own[one.area_id, one.measure_id].extend(_known(one.unit_id))
    found: dict[tuple[int, int | None], list[int]] = {}
    for area_id, lead_id in areas.items():
        found[area_id, None] = [*_known(lead_id), *own[area_id, None]]
    for measure in measures:
        names = measure.id if measure.names_leads else None
        found[measure.area_id, measure.id] = [*_known(measure.lead_id), *own[measure.area_id, names]]
    return found


def _known(unit_id: int | None) -> list[int]:
    return [] if unit_id is None else [unit_id]
