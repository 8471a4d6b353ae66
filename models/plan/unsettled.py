"""Parties that a plan names without saying who they are (有关单位, 等), and as whom the office settled them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, Key, text_enum
from models.common.errors import NotFoundError
from models.plan.area import Role
from models.plan.parties import Unknown
from models.plan.plan import Plan


class UnsettledParty(Base):
    """One party, as long as the plan names it so. `settled_at` is null until the office has said who it is.

    `item` is the code of the area or the measure that names it. It stays when a newer version of the plan moves the
    measure, so that what was settled stays settled.
    """

    __tablename__ = "unsettled_party"
    __table_args__ = (
        UniqueConstraint("plan_id", "item", "role", "words"),
        CheckConstraint("num_nulls(settled_at, settled_by, reason) IN (0, 3)", name="settled"),
    )

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    item: Mapped[str] = mapped_column(doc="code of the area or the measure that names it")
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"), doc="lead, co-lead or responsible")
    words: Mapped[str] = mapped_column(doc="the words of the plan")
    position: Mapped[int] = mapped_column(doc="its place in the order")
    settled_at: Mapped[Instant | None] = mapped_column(doc="when the office said who it is")
    settled_by: Mapped[str | None] = mapped_column(doc="who said so, by name")
    reason: Mapped[str | None] = mapped_column(doc="why, or by which authority")

    @property
    def unknown(self) -> Unknown:
        return Unknown(self.item, self.role, self.words)


class SettledParty(Base):
    """A unit or a collective that an unsettled party was found to be, in the order in which it was named."""

    __tablename__ = "settled_party"
    __table_args__ = (
        UniqueConstraint("unsettled_party_id", "position"),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    unsettled_party_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("unsettled_party.id"), doc="the party (unsettled_party)"
    )
    position: Mapped[int] = mapped_column(doc="its place in the order")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    collective_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("collective.id"), doc="the set of units (collective)"
    )


Party = Mapping[str, int | None]  # `unit_id` and `collective_id`, of which one is set


def settled_of(session: Session, plan: Plan) -> Mapping[Unknown, Sequence[Party]]:
    """As whom each party of the plan was settled; those that were not are left out."""
    rows = session.execute(
        select(UnsettledParty, SettledParty.unit_id, SettledParty.collective_id)
        .join(SettledParty, SettledParty.unsettled_party_id == UnsettledParty.id)
        .where(UnsettledParty.plan_id == plan.id)
        .order_by(UnsettledParty.id, SettledParty.position)
    )
    found: dict[Unknown, list[Party]] = defaultdict(list)
    for party, unit_id, collective_id in rows:
        found[party.unknown].append({"unit_id": unit_id, "collective_id": collective_id})
    return found


def party_at(session: Session, plan: Plan, party_id: int) -> UnsettledParty:
    """Locked, so that of two people who settle it at once the second one sees it. Raises NotFoundError."""
    found = session.scalar(
        select(UnsettledParty)
        .where(UnsettledParty.id == party_id, UnsettledParty.plan_id == plan.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundError("there is no such party to settle")
    return found
