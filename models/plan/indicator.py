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
from models.dates.recurrence import Every, InMonth, Recurrence

# The fields that decide whether a target is met, and the English wording, which may be corrected at any time.
JUDGED = (
    *("comparator", "value", "unit", "reference", "due", "due_day"),
    *("rollup", "reporters", "conflicts_with", "quotas"),
)
TARGET = (*JUDGED, "unit_en", "reference_en")
UNSAID: dict[str, Any] = {"due_day": None, "quotas": {}}  # of earlier targets from before plans could say it


class Indicator(Named, Sourced, Base):
    """A target. `value` holds one number, two for a range, none where it is a yes or a reference.

    `due` is a year, a day, or a word such as `yearly`, to which `due_day` may add the day of each period; `soft` marks
    words such as explore or strive. `conflicts_with` holds codes of indicators that ask for the same less strictly,
    `reporters` those of the units whose readings make up the city's: those with a quota, or the counties, where it is
    empty. `quotas` has the target of each unit that has one of its own, by its code.
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
    leads: Mapped[list[str]] = mapped_column(
        ARRAY(SqlText), server_default=text("'{}'"), doc="codes of the units that lead it; the first one answers"
    )
    names_leads: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="true: it says itself who leads it; otherwise its area's leads hold"
    )
    responsible: Mapped[list[str]] = mapped_column(
        ARRAY(SqlText), server_default=text("'{}'"), doc="codes of the units and sets of units responsible for it"
    )
    quotas: Mapped[dict[str, list[float]]] = mapped_column(
        JSONB, server_default=text("'{}'"), doc="targets of units of their own, by the code of the unit"
    )
    due_day: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), doc="the day of each period on which it is due, where the plan names one"
    )
    # Earlier targets, where they were different; `until` is the last day on which each was in force.
    earlier_targets: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), doc="targets that were in force before, and until when"
    )

    def as_of(self, day: dt.date) -> "Indicator":
        """It, with the target in force at the end of that day: what was met stays met when a target is raised."""
        for one in self.earlier_targets:
            if day <= dt.date.fromisoformat(one["until"]):
                then = {name: (UNSAID | one)[name] for name in TARGET}
                enums = {"comparator": Comparator(one["comparator"]), "rollup": Rollup(one["rollup"])}
                return self._but(**{**then, **enums})
        return self

    def of_unit(self, code: str) -> "Indicator | None":
        """The target of one unit alone, which has one figure; None where it has no quota."""
        quota = (self.quotas or {}).get(code)
        if quota is None:
            return None
        alone = {"rollup": Rollup.LATEST, "reporters": [], "conflicts_with": [], "quotas": {}}
        return self._but(value=list(quota), **alone)

    def _but(self, **changes: Any) -> "Indicator":
        """A copy that no session knows."""
        whole = {column.key: getattr(self, column.key) for column in inspect(Indicator).columns}
        return Indicator(**whole | changes)

    @property
    def recurrence(self) -> Recurrence | None:
        """The day of each period, where the plan names one."""
        rule = self.due_day
        return Recurrence(Every(rule["every"]), rule["day"], InMonth(rule["month"])) if rule else None

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
