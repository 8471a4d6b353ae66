"""Readings (指标读数): what an indicator came to. Never changed: a correction is a new row, and the newest counts."""

import dataclasses
import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, aliased, joinedload, mapped_column, relationship

from models.assignments.evidence import Evidence
from models.common.base import Base, Instant, Key, append_only
from models.common.errors import BlockedError, Reason
from models.common.event import Actor, EventKind, record
from models.common.kinds import Comparator, Rollup, UnitKind
from models.common.text import Text
from models.common.typed import said, word
from models.dates.instants import end_of
from models.dates.period import Period, example, fits, last_day
from models.plan.indicator import Indicator
from models.plan.plan import Plan
from models.plan.unit import BODIES, Unit

YEARS_BEFORE = 10  # a base year may lie before the plan
DECIMALS, MOST_DECIMALS = 2, 6
LARGEST = 1e12
LONGEST_WORDS = 1_000
YES, NO = {"是", "yes", "true", "完成"}, {"否", "no", "false", "未完成"}
_NUMBER = re.compile(r"[+-]? ?([0-9]{1,15}|[0-9]{1,3}([, ])[0-9]{3}(\2[0-9]{3}){0,3})(\.[0-9]{1,15})? ?%?")
CITY = Text("全市", "Whole city")

WHOLE = 100  # per cent
SHARES = {Comparator.EQUAL, Comparator.FULL}


class Reading(Base):
    """One reading: `unit_id` is null for the whole city, `value` null where an earlier one is withdrawn.

    A yes is 1 and a no is 0. `reference` is what the figure is compared with, `weight` what it counts in a mean,
    `words` where it comes from.
    """

    __tablename__ = "reading"
    __table_args__ = (
        Index("reading_newest_idx", "indicator_id", "unit_id", "period", "id"),
        # PostgreSQL holds NaN for greater than any number, so that these keep it out as well.
        CheckConstraint("value BETWEEN -1e12 AND 1e12", name="value"),
        CheckConstraint("reference BETWEEN -1e12 AND 1e12", name="reference"),
        CheckConstraint("weight > 0 AND weight <= 1e12", name="weight"),
    )

    id: Mapped[Key]
    indicator_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("indicator.id"), doc="the target (indicator)")
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    value: Mapped[float | None] = mapped_column(Float, doc="the figure")
    reference: Mapped[float | None] = mapped_column(Float, doc="what the figure is measured against")
    weight: Mapped[float | None] = mapped_column(Float, doc="how much it counts in a mean")
    words: Mapped[str] = mapped_column(doc="what was said with it")
    evidence_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("evidence.id"), doc="the file (evidence)")
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    by_unit_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("unit.id"), doc="for which unit that person acted (unit)"
    )
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")

    indicator: Mapped[Indicator] = relationship()
    unit: Mapped[Unit | None] = relationship(foreign_keys=unit_id)
    by_unit: Mapped[Unit | None] = relationship(foreign_keys=by_unit_id)
    evidence: Mapped[Evidence | None] = relationship()


append_only(Reading, "readings are")


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A reading that is to be entered: `unit` is None for the whole city, `value` None withdraws what is there."""

    indicator: Indicator
    period: str
    unit: Unit | None
    value: float | None
    reference: float | None = None
    weight: float | None = None
    words: str = ""
    is_hidden: bool = False  # in a row or a sheet that Excel does not show

    @property
    def key(self) -> tuple[int, str, int | None]:
        return self.indicator.id, self.period, self.unit.id if self.unit else None

    @property
    def content(self) -> tuple[float | None, float | None, float | None, str]:
        return self.value, self.reference, self.weight, self.words.strip()

    @property
    def ref(self) -> str:
        """How people name it: `I05/2023/longsha`, `I05/2023` for the whole city."""
        return "/".join((self.indicator.code, self.period, *([self.unit.code] if self.unit else [])))


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """What entering a figure would do to the one that counts so far."""

    figure: Figure
    change: Change
    before: Reading | None


def plain(number: float) -> str:
    """A number as people read it, with two decimals; with up to six where fewer would show a rounder one: 94.998 has
    not reached 95.
    """
    decimals = DECIMALS
    while f"{number:.{decimals}f}".endswith("0") and round(number, decimals) != round(number, MOST_DECIMALS):
        decimals += 1
    text = f"{number:,.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class YesOrNo(float):
    """1 or 0 where somebody wrote yes or no: a number where that is asked for, and nowhere else."""


def is_in_per_cent(indicator: Indicator) -> bool:
    """Whether its figures are in per cent: where the target is full coverage without a number, they are."""
    return indicator.unit == "%" or (indicator.comparator is Comparator.FULL and not indicator.value)


def says_per_cent(text: str) -> bool:
    """Whether somebody wrote a number in per cent."""
    return word(text).endswith("%")


def number_of(text: str) -> float | None:
    """The number that somebody wrote: `1,200`, `95.2%`, yes and no as 1 and 0. None where it is none.

    A comma or a space parts groups of three digits, and stands nowhere else: `95,2` may be 95.2 or a slip, and is no
    number. Nor is `95.2①` or `95²`, the number of a note, which would become a digit among others.
    """
    if any(unicodedata.category(sign) == "No" for sign in text):
        return None
    said = word(text)
    if said in YES or said in NO:
        return YesOrNo(said in YES)
    number = _NUMBER.fullmatch(said)
    return float(re.sub("[, ]", "", said.rstrip("% "))) if number else None


# ---- what may be entered

Wrong = Iterator[tuple[str, Reason]]  # the field of `Figure`, and why its value is refused


def reasons_not_readable(plan: Plan, figure: Figure, by: Unit, today: dt.date) -> list[Reason]:
    """Why this unit cannot enter this figure on that day; empty where it can."""
    return [reason for _, reason in wrong_in(plan, figure, by, today)]


def wrong_in(plan: Plan, figure: Figure, by: Unit, today: dt.date) -> Wrong:
    """The same, each with the name of the field of `Figure` that it is about."""
    yield from (("unit", reason) for reason in _wrong_unit(figure, by))
    yield from (("period", reason) for reason in _wrong_period(plan, figure, today))
    yield from _wrong_words(figure)
    yield from (("value", reason) for reason in _wrong_value(figure))
    yield from _wrong_company(figure)


def _wrong_unit(figure: Figure, by: Unit) -> Iterator[Reason]:
    named = figure.unit
    answers = leads(figure.indicator, by)
    if by.kind is not UnitKind.OFFICE and not (answers if named is None else named.id == by.id):
        yield _wrong_owner(by, answers=answers)
    elif named is not None and named.kind in BODIES:
        yield Reason("expected a bureau, a county or the whole city")
    elif named is not None and not may_report(figure.indicator, named):
        yield _wrong_reporter(figure.indicator)


def _wrong_owner(by: Unit, *, answers: bool) -> Reason:
    if answers:
        return Reason("expected a figure of {unit}, or of the whole city, for which it answers", unit=by.name)
    return Reason("expected a figure of {unit}: a unit enters its own alone", unit=by.name)


def _wrong_reporter(indicator: Indicator) -> Reason:
    if indicator.reporters:
        return Reason("expected one of the units that this is asked of: {units}", units=list(indicator.reporters))
    if indicator.leads:
        return Reason(
            "expected no unit: there is one figure for the whole city, which the office or its lead enters: {units}",
            units=list(indicator.leads),
        )
    return Reason("expected no unit: there is one figure for the whole city, which the office enters")


def _wrong_period(plan: Plan, figure: Figure, today: dt.date) -> Iterator[Reason]:
    due = figure.indicator.due
    period = Period.read(figure.period)
    if period is None or not fits(period, due):
        yield Reason("expected a period such as {example}", example=example(due))
        return
    first, last = plan.starts - YEARS_BEFORE, plan.ends
    if not first <= period.year <= last:
        yield Reason("expected a year from {first} to {last}", first=first, last=last)
    elif (until := last_day(due)) and period.year > until.year:
        yield Reason("expected a year up to {due}, in which the target is due", due=until.year)
    elif period.first > today:
        yield Reason("expected a period that has begun; this one begins on {day}", day=period.first)


def _wrong_words(figure: Figure) -> Wrong:
    for name in ("value", "reference", "weight"):
        is_asked_for = name == "value" and figure.indicator.comparator is Comparator.STATUS
        if isinstance(getattr(figure, name), YesOrNo) and not is_asked_for:
            yield name, Reason("expected a number")


def _wrong_value(figure: Figure) -> Iterator[Reason]:
    indicator, value = figure.indicator, figure.value
    if value is None:
        return
    if not abs(value) <= LARGEST:  # written this way round, so that NaN is refused as well
        yield Reason("expected a number within ±1,000,000,000,000")
    elif indicator.comparator is Comparator.STATUS:
        if value not in (0, 1):
            yield Reason("expected yes or no (1 or 0)")
    elif value < 0 and indicator.comparator is not Comparator.ABOVE_REFERENCE:
        yield Reason("expected a number that is not negative")
    elif _is_share(indicator) and value > WHOLE:
        yield Reason("expected a percentage from 0 to 100")
    elif _is_counted(indicator) and not value.is_integer():
        yield Reason("expected a whole number: this is counted")


def _is_share(indicator: Indicator) -> bool:
    """Whether a percentage must not exceed 100: a gross rate may, a target of exactly 100 may not."""
    return indicator.comparator in SHARES and (indicator.unit == "%" or not indicator.value)


def _is_counted(indicator: Indicator) -> bool:
    """Whether it comes in whole numbers: what is summed does, unless the target or a quota of it does not."""
    wanted = [*indicator.value, *(one for quota in (indicator.quotas or {}).values() for one in quota)]
    return indicator.rollup is Rollup.SUM and all(float(one).is_integer() for one in wanted)


def _wrong_company(figure: Figure) -> Wrong:
    indicator, given = figure.indicator, figure.value is not None
    if given and indicator.comparator is Comparator.ABOVE_REFERENCE and figure.reference is None:
        yield "reference", Reason("expected what it is compared with: {reference}", reference=indicator.reference_words)
    if figure.reference is not None and not abs(figure.reference) <= LARGEST:
        yield "reference", Reason("expected a number within ±1,000,000,000,000")
    if given and indicator.rollup is Rollup.WEIGHTED_MEAN and figure.unit is not None and figure.weight is None:
        yield "weight", Reason("expected what units are weighed by, such as the number of children behind a percentage")
    if figure.weight is not None and not 0 < figure.weight <= LARGEST:
        yield "weight", Reason("expected a weight greater than 0")
    if not said(figure.words):
        yield "words", Reason("expected where the figure comes from")
    elif len(figure.words) > LONGEST_WORDS:
        yield "words", Reason("expected at most {limit} characters", limit=LONGEST_WORDS)


# ---- what counts


def may_report(indicator: Indicator, unit: Unit) -> bool:
    """Whether readings of this unit are used: not where the indicator has only one figure, for the whole city."""
    if indicator.reporters:
        return unit.code in indicator.reporters
    return indicator.rollup is not Rollup.LATEST and unit.kind not in BODIES


def leads(indicator: Indicator, unit: Unit) -> bool:
    """Whether a unit answers for the target by what the target says itself: such a unit enters the city's figure."""
    return unit.code in (indicator.leads or ())


def concerns(indicator: Indicator, unit: Unit, sets: Collection[str]) -> bool:
    """Whether a unit has a part in a target. `sets` are the codes of the sets of units that it belongs to."""
    named = indicator.responsible or ()
    return (
        may_report(indicator, unit)
        or leads(indicator, unit)
        or unit.code in named
        or not frozenset(sets).isdisjoint(named)
    )


def newest(
    session: Session,
    plan: Plan,
    on: dt.date | None = None,
    *,
    indicators: Collection[Indicator] | None = None,
    unit: Unit | None = None,
) -> Sequence[Reading]:
    """The readings that count, as they were known at the end of that day; without one, as they are known now.

    Of each indicator, unit and period there is one at most: those withdrawn are left out.
    """
    query = (
        select(Reading)
        .join(Indicator, Indicator.id == Reading.indicator_id)
        .where(Indicator.plan_id == plan.id)
        .ext(distinct_on(Reading.indicator_id, Reading.unit_id, Reading.period))
        .order_by(Reading.indicator_id, Reading.unit_id, Reading.period, Reading.id.desc())
    )
    if on is not None:
        query = query.where(Reading.at <= end_of(on, plan.timezone))
    if indicators is not None:
        query = query.where(Reading.indicator_id.in_({one.id for one in indicators}))
    if unit is not None:
        query = query.where(Reading.unit_id == unit.id)
    counting = aliased(Reading, query.subquery())
    return session.scalars(select(counting).where(counting.value.is_not(None)).order_by(counting.id)).all()


def history(
    session: Session, plan: Plan, indicator: Indicator, on: dt.date, unit: Unit | None = None
) -> Sequence[Reading]:
    """Every reading that was entered for an indicator until the end of that day, of one unit or all, newest first."""
    until = end_of(on, plan.timezone)
    query = select(Reading).where(Reading.indicator_id == indicator.id, Reading.at <= until)
    if unit is not None:
        query = query.where(Reading.unit_id == unit.id)
    together = (joinedload(Reading.unit), joinedload(Reading.by_unit), joinedload(Reading.evidence))
    return session.scalars(query.options(*together).order_by(Reading.id.desc())).all()


def compare(session: Session, plan: Plan, figures: Sequence[Figure]) -> list[Compared]:
    """What entering these figures would change, in their order."""
    before = newest(session, plan, indicators=[figure.indicator for figure in figures])
    counting = {(one.indicator_id, one.period, one.unit_id): one for one in before}
    return [_compared(figure, counting.get(figure.key)) for figure in figures]


def _compared(figure: Figure, before: Reading | None) -> Compared:
    if before is None:
        return Compared(figure, Change.SAME if figure.value is None else Change.NEW, None)
    same = figure.content == (before.value, before.reference, before.weight, before.words)
    return Compared(figure, Change.SAME if same else Change.CHANGED, before)


def fingerprint(compared: Iterable[Compared]) -> str:
    """A hash of a preview: it differs where anything that the preview depends on has changed since."""
    lines = (f"{one.figure.ref} {one.figure.content} {one.before and one.before.id}" for one in compared)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def reasons_not_enterable(plan: Plan, figures: Sequence[Figure], by: Unit, today: dt.date) -> list[Reason]:
    """As `reasons_not_readable` for all of them, each with what it is about; and none may be there twice."""
    found = [
        Reason("{ref}: {reason}", ref=figure.ref, reason=reason)
        for figure in figures
        for reason in reasons_not_readable(plan, figure, by, today)
    ]
    seen: set[object] = set()
    for figure in figures:
        if figure.key in seen:
            found.append(Reason("{ref}: it is given twice", ref=figure.ref))
        seen.add(figure.key)
    return found


def enter(
    session: Session,
    plan: Plan,
    figures: Sequence[Figure],
    *,
    by: Unit,
    evidence_id: int | None = None,
    actor: Actor,
    at: dt.datetime,
) -> list[Compared]:
    """Write down what is new or changed, with a journal entry each; what counts already is left as it is.

    Raises BlockedError with everything that is wrong, and then nothing is written.
    """
    if reasons := reasons_not_enterable(plan, figures, by, plan.day_of(at)):
        raise BlockedError("nothing was entered: {reasons}", reasons)
    lock(session, plan)
    compared = compare(session, plan, figures)
    for one in compared:
        if one.change is not Change.SAME:
            _write(session, plan, one, by, evidence_id, actor, at)
    session.flush()
    return compared


def lock(session: Session, plan: Plan) -> None:
    """Until the transaction ends: of two who enter at once, the second one compares with what the first wrote."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK, plan.id % 2**31)))


_LOCK = 0x0D1C  # the first number of the advisory lock for readings; the second is the id of the plan


def _write(
    session: Session, plan: Plan, compared: Compared, by: Unit, evidence_id: int | None, actor: Actor, at: dt.datetime
) -> None:
    figure, before = compared.figure, compared.before
    value, reference, weight, words = figure.content
    session.add(
        Reading(
            indicator_id=figure.indicator.id,
            unit_id=figure.unit.id if figure.unit else None,
            period=figure.period,
            value=value,
            reference=reference,
            weight=weight,
            words=words,
            evidence_id=evidence_id,
            by_name=actor.name,
            by_unit_id=by.id,
            at=at,
        )
    )
    detail = {"ref": figure.ref, "value": value, "reference": reference, "weight": weight}
    detail |= {"before": before.value} if before else {}
    record(session, EventKind.READING_ENTERED, actor, at, plan_id=plan.id, why=words, detail=detail)
