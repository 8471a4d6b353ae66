"""Requirements: what is asked, of whom, at which scope, in which period, due when, proven by what."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, false, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.common.base import Base, Instant, Key, text_enum
from models.common.kinds import Basis, OnDayOff, Scope
from models.common.text import Text
from models.plan.area import Area, Measure, Role
from models.plan.ladder import Step
from models.plan.phase import Phase, phases_of
from models.plan.plan import Ladder, Plan
from models.plan.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """What people read of a requirement."""

    title: Text
    why: Text
    proof: Text
    source: str


class Requirement(Base):
    """One thing asked in one period, of one item of the plan where its scope is an area or a measure.

    `ref` is unique in its plan and reads `period/code` or `period/code/item`, as in `2023/delivery/T3.2`.
    """

    __tablename__ = "requirement"
    __table_args__ = (UniqueConstraint("phase_id", "ref"),)

    id: Mapped[Key]
    phase_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("phase.id"), index=True, doc="the phase (phase)")
    ref: Mapped[str] = mapped_column(doc="the reference that people use")
    code: Mapped[str] = mapped_column(doc="short name, unique in the plan")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    scope: Mapped[Scope] = mapped_column(text_enum(Scope, "scope"), doc="asked of the plan, an area or a measure")
    area_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("area.id"), doc="the area of work or safeguard (area)"
    )
    measure_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("measure.id"), doc="the measure (measure)")
    # The unit that reviews what the responsible units hand in; the office does where this is null.
    lead_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the lead unit (unit)")
    # Null where the lead was known from the beginning; before this instant nobody led.
    lead_since: Mapped[Instant | None] = mapped_column(doc="since when the lead is known, where it was not at first")
    due_on: Mapped[dt.date] = mapped_column(doc="the date in force")
    # Of the date above alone: one that people set later moves to the working day after it.
    on_day_off: Mapped[OnDayOff] = mapped_column(
        text_enum(OnDayOff, "on_day_off"), server_default=OnDayOff.LATER, doc="to which working day a day off gives way"
    )
    title_zh: Mapped[str] = mapped_column(doc="the title in Chinese")
    title_en: Mapped[str] = mapped_column(doc="the title in English")
    why_zh: Mapped[str] = mapped_column(doc="why it is asked, in Chinese")
    why_en: Mapped[str] = mapped_column(doc="why it is asked, in English")
    proof_zh: Mapped[str] = mapped_column(doc="what proves it, in Chinese")
    proof_en: Mapped[str] = mapped_column(doc="what proves it, in English")
    source: Mapped[str] = mapped_column(doc="where the plan says so")
    basis: Mapped[Basis] = mapped_column(
        text_enum(Basis, "basis"), doc="stated: the plan says so; inferred: it was concluded"
    )
    # A report on what has no end: it is never late, and its ladder has no steps after its date.
    open_ended: Mapped[bool] = mapped_column(server_default=false(), doc="true: without an end, and never late")
    # Its own steps; those of the phase count where this is null.
    ladder_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("ladder.id"), doc="the ladder (ladder)")
    # A change set ended it: it stands in the plan no longer, and what was issued stays as it was.
    withdrawn_on: Mapped[dt.date | None] = mapped_column(doc="the day from which it was asked no longer")
    # Words that a change set replaced, the oldest first; `until` is the instant at which it did.
    earlier_words: Mapped[list[dict[str, str]]] = mapped_column(
        JSONB, server_default=text("'[]'"), doc="words that were in force before, and until when"
    )

    phase: Mapped[Phase] = relationship()
    lead: Mapped[Unit | None] = relationship()
    area: Mapped[Area | None] = relationship()
    measure: Mapped[Measure | None] = relationship()
    ladder: Mapped[Ladder | None] = relationship()

    def ladder_in(self, plan: Plan) -> Ladder:
        """The steps that its work follows."""
        return self.ladder or self.phase.ladder or plan.ladder

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)

    @property
    def why(self) -> Text:
        return Text(self.why_zh, self.why_en)

    @property
    def proof(self) -> Text:
        return Text(self.proof_zh, self.proof_en)

    def words_at(self, at: dt.datetime | None) -> "Wording":
        """What people read at that instant: what was finished by then stays as it was. Without one, what holds now."""
        then = (one for one in self.earlier_words if at is not None and dt.datetime.fromisoformat(one["until"]) > at)
        for one in then:
            title, why, proof = (Text(one[f"{name}_zh"], one[f"{name}_en"]) for name in ("title", "why", "proof"))
            return Wording(title, why, proof, one["source"])
        return Wording(self.title, self.why, self.proof, self.source)

    @property
    def leader(self) -> Text | None:
        """The leader in charge of the measure or area, by post."""
        item = self.measure or self.area
        return item.leader if item else None

    @property
    def item(self) -> Text | None:
        """The measure or area that it is asked of, with its code."""
        item = self.measure or self.area
        return Text(f"{item.code} {item.name_zh}", f"{item.code} {item.name_en}") if item else None


class Ladders:
    """The ladders of a plan's work, as `Requirement.ladder_in` has them, for rows that carry ids alone."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session, self._plan = session, plan
        self._of_phases = {phase.id: phase.ladder or plan.ladder for phase in phases_of(session, plan)}
        self._own: dict[int, Ladder] = {}

    def of(self, phase_id: int, ladder_id: int | None) -> tuple[Step, ...]:
        """The steps of a requirement in that phase, with that ladder of its own."""
        if ladder_id is None:
            return self._of_phases[phase_id].rungs
        if ladder_id not in self._own:
            self._own[ladder_id] = self._session.get_one(Ladder, ladder_id)
        return self._own[ladder_id].rungs

    def all(self) -> list[tuple[Step, ...]]:
        query = select(Requirement.phase_id, Requirement.ladder_id).distinct()
        own = query.join(Phase, Phase.id == Requirement.phase_id).where(
            Phase.plan_id == self._plan.id, Requirement.ladder_id.is_not(None)
        )
        found = [self.of(phase_id, ladder_id) for phase_id, ladder_id in self._session.execute(own)]
        return [*found, *(one.rungs for one in self._of_phases.values())]


class Addressee(Base):
    """A unit or a collective that a requirement is asked of, and in which role."""

    __tablename__ = "addressee"
    __table_args__ = (
        UniqueConstraint("requirement_id", "role", "unit_id", "collective_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("num_nonnulls(unit_id, collective_id) = 1", name="one_party"),
    )

    id: Mapped[Key]
    requirement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), doc="the requirement (requirement)"
    )
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"), doc="lead, co-lead or responsible")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    collective_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("collective.id"), doc="the set of units (collective)"
    )


class CoLead(Base):
    """A unit that leads what is asked beside the first lead. It is asked before others' work on it is accepted."""

    __tablename__ = "co_lead"
    __table_args__ = (UniqueConstraint("requirement_id", "unit_id"),)

    id: Mapped[Key]
    requirement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("requirement.id"), doc="the requirement (requirement)"
    )
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), index=True, doc="the unit (unit)")
    position: Mapped[int] = mapped_column(doc="its place in the order")

    unit: Mapped[Unit] = relationship()


def co_leads_of(session: Session, requirement_id: int) -> Sequence[Unit]:
    """The leads after the first, in the order of the plan."""
    return session.scalars(
        select(Unit)
        .join(CoLead, CoLead.unit_id == Unit.id)
        .where(CoLead.requirement_id == requirement_id)
        .order_by(CoLead.position)
    ).all()
