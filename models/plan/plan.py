"""The plan: the document, versioned, with its horizon, time zone and calendar."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Json, Key, text_enum
from models.common.errors import NotFoundError, RefusedError
from models.common.text import Text
from models.dates.bounds import Bounds
from models.dates.instants import day_of
from models.dates.workdays import CalendarName, WorkCalendar
from models.plan.ladder import Step


class Ladder(Base):
    """A ladder as it stood on a day. Never changed: a plan whose ladder changes points to a new row,
    and phases that are open keep the old one.
    """

    __tablename__ = "ladder"

    id: Mapped[Key]
    digest: Mapped[str] = mapped_column(unique=True, doc="SHA-256 of the content")
    steps: Mapped[list[dict[str, object]]] = mapped_column(JSONB, doc="the steps")

    @functools.cached_property
    def rungs(self) -> tuple[Step, ...]:
        return tuple(Step.read(step) for step in self.steps)


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What lights depend on: days before its date at which an item counts as near, and working days to sign."""

    near_limit_days: int
    unsigned_working_days: int


class Plan(Base):
    """One plan. `content` is the document as last loaded, to compare the next one with."""

    __tablename__ = "plan"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True, doc="short name, unique in the plan")
    version: Mapped[int] = mapped_column(doc="which version")
    digest: Mapped[str] = mapped_column(doc="SHA-256 of the content")
    # Large, and needed only when a newer document is loaded: not read with every plan.
    content: Mapped[Json] = mapped_column(deferred=True)
    title_zh: Mapped[str] = mapped_column(doc="the title in Chinese")
    title_en: Mapped[str] = mapped_column(doc="the title in English")
    timezone: Mapped[str] = mapped_column(doc="the time zone of the plan's days")
    calendar: Mapped[CalendarName] = mapped_column(text_enum(CalendarName, "calendar"), doc="the working-day calendar")
    starts: Mapped[int] = mapped_column(doc="the first year")
    ends: Mapped[int] = mapped_column(doc="the last year")
    # From when the office wants notices; the day the first phase opens, where the plan does not say.
    go_live_on: Mapped[dt.date | None] = mapped_column(doc="the day from which notices were sent")
    near_limit_days: Mapped[int] = mapped_column(doc="days before a date from which it counts as near")
    unsigned_working_days: Mapped[int] = mapped_column(doc="working days within which work has to be signed for")
    rework_working_days: Mapped[int] = mapped_column(doc="working days to hand in again after a return")
    co_lead_working_days: Mapped[int] = mapped_column(
        server_default="3", doc="working days after which a co-lead that says nothing is taken to agree"
    )
    # Earlier limits, where they were different; `until` is the last day on which each was in force.
    earlier_limits: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), doc="limits that were in force before, and until when"
    )
    # What was published of each year, as patrol found it: `at` when, `years` those that were other than before.
    calendar_changes: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), doc="working days as they became known, and when"
    )
    ladder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ladder.id"), doc="the ladder (ladder)")
    # Set where the plan was rehearsed: such data may be thrown away, real work may not.
    rehearsal_seed: Mapped[int | None] = mapped_column(doc="set where the work was acted out, and empty for real work")

    ladder: Mapped[Ladder] = relationship()

    def limits_on(self, day: dt.date) -> Limits:
        """The limits in force at the end of that day: when a limit changes, lights of past days stay as they were."""
        for one in self.earlier_limits:
            if day <= dt.date.fromisoformat(one["until"]):
                return Limits(one["near_limit_days"], one["unsigned_working_days"])
        return Limits(self.near_limit_days, self.unsigned_working_days)

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)

    @property
    def work_calendar(self) -> WorkCalendar:
        return WorkCalendar(self.calendar)

    @property
    def bounds(self) -> Bounds:
        return Bounds.of(self.starts, self.ends)

    def day_of(self, at: dt.datetime) -> dt.date:
        return day_of(at, self.timezone)


class PlanVersion(Base):
    """A document as it was loaded once, and how it differed from the one before: a line for each value."""

    __tablename__ = "plan_version"
    __table_args__ = (UniqueConstraint("plan_id", "version"),)

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    version: Mapped[int] = mapped_column(doc="which version")
    digest: Mapped[str] = mapped_column(doc="SHA-256 of the content")
    content: Mapped[Json] = mapped_column(deferred=True, doc="the document")
    changes: Mapped[list[str]] = mapped_column(JSONB, doc="how it differs from the version before")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    by_name: Mapped[str] = mapped_column(doc="who, by name")


def versions_of(session: Session, plan: Plan) -> Sequence[PlanVersion]:
    """What was loaded of a plan, the oldest first; what was loaded before versions were kept is not there."""
    return session.scalars(
        select(PlanVersion).where(PlanVersion.plan_id == plan.id).order_by(PlanVersion.version)
    ).all()


def version_of(session: Session, plan: Plan, number: int) -> PlanVersion:
    """Raises NotFoundError where that version is not kept."""
    found = session.scalar(select(PlanVersion).where(PlanVersion.plan_id == plan.id, PlanVersion.version == number))
    if found is None:
        raise NotFoundError("no version {number} of {plan} is kept", number=number, plan=plan.code)
    return found


def plan_codes(session: Session) -> list[str]:
    """Codes of all plans."""
    return list(session.scalars(select(Plan.code).order_by(Plan.code)))


def plan_of(session: Session, code: str | None = None) -> Plan:
    """The plan of that code; without one, the only plan there is.

    Within a transaction it is looked up once: every act of a rehearsal's day, or of a form, asks for it again. Raises
    NotFoundError for an unknown code, RefusedError where a choice is needed.
    """
    known = session.info.get((Plan, code))
    if isinstance(known, Plan) and known in session:
        return known
    wanted = select(Plan) if code is None else select(Plan).where(Plan.code == code)
    found = session.scalars(wanted.limit(2)).all()
    if len(found) == 1:
        session.info[Plan, found[0].code] = found[0]
        return found[0]
    codes = ", ".join(plan_codes(session)) or "-"
    if code is None:
        raise RefusedError("say which plan is meant, one of: {codes}", codes=codes)
    raise NotFoundError("no plan {code!r}; there is: {codes}", code=code, codes=codes)
