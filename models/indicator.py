"""Quantified targets of the plan."""

from sqlalchemy import BigInteger, Float, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key, Named, Sourced, one_of
from models.document import Basis, Comparator


class Indicator(Named, Sourced, Base):
    """A target. `value` holds one number, two for a range, none where it is a yes or a reference.

    `due` is a year, or `yearly`, `monthly`, `each_term`; `soft` marks words such as explore or strive.
    """

    __tablename__ = "indicator"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"))
    code: Mapped[str]
    comparator: Mapped[Comparator] = mapped_column(one_of(Comparator, "comparator"))
    value: Mapped[list[float]] = mapped_column(ARRAY(Float))
    unit: Mapped[str]
    reference: Mapped[str]
    due: Mapped[str]
    due_basis: Mapped[Basis] = mapped_column(one_of(Basis, "due_basis"))
    soft: Mapped[bool]
    note: Mapped[str]
