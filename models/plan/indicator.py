"""Quantified targets of the plan."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, UniqueConstraint, inspect, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Key, Named, Sourced, text_enum
from models.common.errors import NotFoundError
from models.common.kinds import Basis, Comparator, Rollup
from models.common.text import Text

# The fields that decide whether a target is met, and the English wording, which may be corrected at any time.
JUDGED = ("comparator", "value", "unit", "reference", "due", "rollup", "reporters", "conflicts_with")
TARGET = (*JUDGED, "unit_en", "reference_en")


class Indicator(Named, Sourced, Base):
    """A target. `value` holds one number, two for a range, none where it is a yes or a reference.

    `due` is a year, or `yearly`, `monthly`, `each_term`; `soft` marks words such as explore or strive.
    `conflicts_with` holds codes of indicators that ask for the same less strictly, `reporters` those of the
    units whose readings make up the city's: the counties where it is empty.
    """

    __tablename__ = "indicator"
    __table_args__ = (UniqueConstraint("plan_id", "code"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    comparator: Mapped[Comparator] = mapped_column(
        text_enum(Comparator, "comparator"), doc="how the figure is compared with the target"
    )
    value: Mapped[list[float]] = mapped_column(ARRAY(Float), doc="the figure")
    unit: Mapped[str] = mapped_column(doc="what it is measured in")
    unit_en: Mapped[str] = mapped_column(server_default="", doc="the same in English")
    reference: Mapped[str] = mapped_column(doc="what the figure is measured against")
    reference_en: Mapped[str] = mapped_column(server_default="", doc="the same in English")
    due: Mapped[str] = mapped_column(doc="when the target is due: a year, or how often")
    due_basis: Mapped[Basis] = mapped_column(text_enum(Basis, "due_basis"), doc="whether the plan states the date")
    soft: Mapped[bool] = mapped_column(doc="true: the plan says strive or explore")
    note: Mapped[str] = mapped_column(doc="a remark")
    rollup: Mapped[Rollup] = mapped_column(text_enum(Rollup, "rollup"), doc="how the units' figures make the city's")
    rollup_basis: Mapped[Basis] = mapped_column(text_enum(Basis, "rollup_basis"), doc="whether the plan states that")
    conflicts_with: Mapped[list[str]] = mapped_column(ARRAY(SqlText), doc="codes of targets for the same matter")
    reporters: Mapped[list[str]] = mapped_column(ARRAY(SqlText), doc="codes of the units that report the figure")
    # Earlier targets, where they were different; `until` is the last day on which each was in force.
    earlier_targets: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), doc="targets that were in force before, and until when"
    )

    def as_of(self, day: dt.date) -> "Indicator":
        """It, with the target in force at the end of that day: what was met stays met when a target is raised."""
        for one in self.earlier_targets:
            if day <= dt.date.fromisoformat(one["until"]):
                whole = {column.key: getattr(self, column.key) for column in inspect(Indicator).columns}
                then = {name: one[name] for name in TARGET}
                enums = {"comparator": Comparator(one["comparator"]), "rollup": Rollup(one["rollup"])}
                return Indicator(**{**whole, **then, **enums})
        return self

    @property
    def unit_words(self) -> Text:
        return Text(self.unit, self.unit_en or self.unit)

    @property
    def reference_words(self) -> Text:
        """The words of the reference: what the value is compared with, or what has to be covered."""
        return Text(self.reference, self.reference_en or self.reference)


def indicators_of(session: Session, plan_id: int) -> Sequence[Indicator]:
    """All indicators of a plan, in the order of their codes."""
    return session.scalars(select(Indicator).where(Indicator.plan_id == plan_id).order_by(Indicator.code)).all()


def indicator_of(session: Session, plan_id: int, code: str) -> Indicator:
    """The indicator of that code. Raises NotFoundError."""
    found = session.scalar(select(Indicator).where(Indicator.plan_id == plan_id, Indicator.code == code))
    if found is None:
        raise NotFoundError("no indicator {code!r} in this plan; `duban indicator show` lists them", code=code)
    return found
