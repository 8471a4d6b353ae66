"""Units, and the named sets of units that a plan speaks of."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, any_, literal, or_, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Key, Named, Sourced, text_enum
from models.common.errors import NotFoundError
from models.common.kinds import UnitKind
from models.common.text import Text

# The two bodies of the leading group: they receive notices, but no work is issued to them.
BODIES = (UnitKind.OFFICE, UnitKind.LEADER)


class Unit(Named, Sourced, Base):
    """A bureau or county that work is issued to, or a body of the leading group."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("plan_id", "code"),
        # A plan has one office and one leader: escalation has to know whom to tell.
        Index(
            "unit_one_body_idx",
            "plan_id",
            "kind",
            unique=True,
            postgresql_where=text("kind IN ('office', 'leader')"),
        ),
    )

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    kind: Mapped[UnitKind] = mapped_column(text_enum(UnitKind, "kind"), doc="which kind")
    full_name: Mapped[str | None] = mapped_column(doc="the full name")
    # A change set ended it: nothing new is asked of it, its links and letters end, and its history stays.
    closed_on: Mapped[dt.date | None] = mapped_column(doc="the day from which nothing was asked of it")
    aliases: Mapped[list[str]] = mapped_column(
        ARRAY(SqlText), server_default=text("'{}'"), doc="other names by which it is called"
    )


class Collective(Named, Sourced, Base):
    """A named set of units, such as 各县(市)区; its wording is kept where it is named."""

    __tablename__ = "collective"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")


class CollectiveMember(Base):
    __tablename__ = "collective_member"

    collective_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("collective.id"), primary_key=True, doc="the set of units (collective)"
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), primary_key=True, doc="the unit (unit)")


def unit_of(session: Session, plan_id: int, code: str) -> Unit:
    """The unit of that code in the plan, or the only one of that name, full name or alias. Raises NotFoundError."""
    is_called_so = or_(
        Unit.code == code, Unit.name_zh == code, Unit.full_name == code, literal(code) == any_(Unit.aliases)
    )
    found = session.scalars(select(Unit).where(Unit.plan_id == plan_id, is_called_so)).all()
    of_code = [one for one in found if one.code == code] or found
    if len(of_code) != 1:
        raise NotFoundError("no unit {code!r} in this plan; `duban units` lists them", code=code)
    return of_code[0]


def collective_ids(session: Session, plan_id: int) -> dict[str, int]:
    """The ids of the plan's sets of units, by code."""
    rows = session.execute(select(Collective.code, Collective.id).where(Collective.plan_id == plan_id))
    return {row.code: row.id for row in rows}


def collective_names(session: Session, plan_id: int) -> dict[str, Text]:
    """The names of the plan's sets of units, by code."""
    return {one.code: one.name for one in session.scalars(select(Collective).where(Collective.plan_id == plan_id))}


def collectives_with(session: Session, unit: Unit) -> frozenset[str]:
    """The codes of the sets that this unit belongs to."""
    query = select(Collective.code).join(CollectiveMember, CollectiveMember.collective_id == Collective.id)
    return frozenset(session.scalars(query.where(CollectiveMember.unit_id == unit.id)))


def units_of(session: Session, plan_id: int) -> Sequence[Unit]:
    """The units that work is issued to, in the order of the plan."""
    query = select(Unit).where(Unit.plan_id == plan_id, Unit.kind.not_in(BODIES)).order_by(Unit.kind, Unit.id)
    return session.scalars(query).all()


def units_at_work(session: Session, plan_id: int) -> list[Unit]:
    """As `units_of`, without those that ended."""
    return [unit for unit in units_of(session, plan_id) if unit.closed_on is None]


def names_of(session: Session, plan_id: int) -> dict[str, Text]:
    """The names of all units of the plan, those that ended included, by their codes."""
    names = select(Unit.code, Unit.name_zh, Unit.name_en).where(Unit.plan_id == plan_id)
    return {code: Text(zh, en) for code, zh, en in session.execute(names)}


def body_of(session: Session, plan_id: int, kind: UnitKind) -> Unit:
    """The office or the leader of a plan."""
    return session.scalars(select(Unit).where(Unit.plan_id == plan_id, Unit.kind == kind)).one()


def bodies_of(session: Session, plan_id: int) -> tuple[Unit, Unit]:
    """The office and the leader of a plan."""
    found = session.scalars(select(Unit).where(Unit.plan_id == plan_id, Unit.kind.in_(BODIES)))
    by_kind = {unit.kind: unit for unit in found}
    return by_kind[UnitKind.OFFICE], by_kind[UnitKind.LEADER]
