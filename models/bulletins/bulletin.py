"""Bulletins (督查通报): drafted from the journal, edited and released by the office, sent to every unit.

What the office writes is kept here; the figures are not: `models.bulletins.figures` finds the same ones again.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, Key, on_creation, text_enum
from models.common.errors import IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.common.text import Text
from models.common.typed import said
from models.dates.instants import end_of
from models.dates.period import Period
from models.dates.workdays import ONE_DAY
from models.outbox.message import NewMessage, post
from models.plan.phase import Phase
from models.plan.plan import Plan
from models.plan.unit import body_of, units_at_work

LONGEST_TEXT = 10_000  # characters of one text


class BulletinStatus(StrEnum):
    DRAFT = "draft"
    RELEASED = "released"


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """What the office writes, in one language; of several paragraphs each is a line."""

    title: str
    addressees: str
    opening: str
    good_cases: str
    decisions: str
    closing: str


NEEDED = {
    "title": Text("标题", "title"),
    "addressees": Text("主送单位", "addressees"),
    "opening": Text("开头语", "opening words"),
}
Texts = Mapping[str, Words]
"""By language, `zh` and `en`."""

Proposed = Callable[[Period, dt.date], Texts]
"""Words to begin with, for a period as it stood at the end of a day."""


class Bulletin(Base):
    """One version. `as_of`: its figures are those of the end of that day. `edition` counts how often it was edited.

    `corrects_id` is the released version in whose place this one steps.
    """

    __tablename__ = "bulletin"
    __table_args__ = (
        UniqueConstraint("plan_id", "period", "version"),
        UniqueConstraint("plan_id", "number_year", "number"),
        CheckConstraint(
            "(status = 'released') = (num_nonnulls(released_at, released_by, number, number_year) = 4)", name="released"
        ),
        Index("bulletin_one_draft_idx", "plan_id", "period", unique=True, postgresql_where=text("status = 'draft'")),
    )

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("plan.id"), doc="the plan (plan)")
    period: Mapped[str] = mapped_column(doc="the year or part of a year")
    version: Mapped[int] = mapped_column(doc="which version")
    status: Mapped[BulletinStatus] = mapped_column(text_enum(BulletinStatus, "status"), doc="the status at the end")
    as_of: Mapped[dt.date] = mapped_column(doc="the day as of which the figures are")
    texts: Mapped[dict[str, Any]] = mapped_column(JSONB, doc="the words in it that people wrote")
    edition: Mapped[int] = mapped_column(server_default="1", doc="which edition: a correction is a new one")
    corrects_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("bulletin.id"), doc="the edition that it corrects (bulletin)"
    )
    number: Mapped[int | None] = mapped_column(doc="its number in the plan")
    number_year: Mapped[int | None] = mapped_column(doc="the year in which it is numbered")
    made_by: Mapped[str] = mapped_column(doc="who made it")
    made_at: Mapped[Instant] = mapped_column(doc="when it was made")
    edited_by: Mapped[str | None] = mapped_column(doc="who edited it")
    edited_at: Mapped[Instant | None] = mapped_column(doc="when it was edited")
    released_by: Mapped[str | None] = mapped_column(doc="who released it")
    released_at: Mapped[Instant | None] = mapped_column(doc="when it was released")

    @property
    def ref(self) -> str:
        """How people name it: `bulletin/2023-03`, and a correction `bulletin/2023-03/2`."""
        return f"bulletin/{self.period}" + (f"/{self.version}" if self.version > 1 else "")

    @property
    def is_draft(self) -> bool:
        return self.status is BulletinStatus.DRAFT

    @property
    def numbered(self) -> str:
        """The number as it is printed on the document; empty for a draft."""
        return f"〔{self.number_year}〕{self.number}号" if self.number else ""

    @property
    def title(self) -> Text:
        return Text(self.words("zh").title, self.words("en").title)

    def words(self, language: str) -> Words:
        return Words(**self.texts[language])


REFUSE_CHANGES = """
CREATE FUNCTION bulletin_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'released' THEN
        RAISE EXCEPTION USING
            MESSAGE = 'a released bulletin stays as it is: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'bulletin_released';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$
"""
REFUSE_CHANGES_TRIGGER = """
CREATE TRIGGER bulletin_released BEFORE UPDATE OR DELETE ON bulletin
    FOR EACH ROW EXECUTE FUNCTION bulletin_refuse_change()
"""

on_creation(Bulletin, REFUSE_CHANGES, REFUSE_CHANGES_TRIGGER)


# Making


def make(
    session: Session,
    plan: Plan,
    period: str,
    *,
    proposed: Proposed,
    actor: Actor,
    at: dt.datetime,
    correct: bool = False,
) -> Bulletin:
    """The bulletin of a period: the draft there is, brought up to date, or a new one. Safe to do again.

    A released one is returned as it is, unless its period has gone on since; then, and with `correct`, a new version is
    drafted to step in its place.
    A running period is shown as it stood at the end of yesterday: only a day that is over keeps its figures.
    Raises RefusedError for what is no period, or one that nothing can be said of yet.
    """
    meant = period_of(period)
    as_of = _as_of(session, plan, meant, at)
    _take_turns(session, plan)
    last = newest(session, plan, period)
    if last is not None and not last.is_draft and last.as_of >= as_of and not correct:
        return last
    if last is not None and last.is_draft:
        return _brought_up_to_date(session, last, meant, as_of, proposed, actor, at)
    return _drafted(session, plan, meant, as_of, last, proposed, actor, at)


def period_of(text: str) -> Period:
    """A month or a year. Raises RefusedError."""
    period = Period.read(text)
    if period is None or "T" in text:
        raise RefusedError("{period}: expected a month such as 2023-03, or a year such as 2023", period=text)
    return period


def month_before(day: dt.date) -> str:
    """The month that had ended by that day."""
    return f"{day.replace(day=1) - ONE_DAY:%Y-%m}"


def _as_of(session: Session, plan: Plan, period: Period, at: dt.datetime) -> dt.date:
    as_of = min(period.last, plan.day_of(at) - ONE_DAY)
    if as_of < period.first:
        raise RefusedError("{period}: no day of it is over yet", period=period.text)
    if not _anything_opened(session, plan, as_of):
        raise RefusedError("{period}: no phase of the plan was open yet", period=period.text)
    return as_of


def _anything_opened(session: Session, plan: Plan, by: dt.date) -> bool:
    opened = Phase.opened_at <= end_of(by, plan.timezone)
    return session.scalar(select(Phase.id).where(Phase.plan_id == plan.id, opened).limit(1)) is not None


def _take_turns(session: Session, plan: Plan) -> None:
    """Lock: versions and numbers are counted up, and two at once would get the same one."""
    session.execute(select(Plan.id).where(Plan.id == plan.id).with_for_update(key_share=True))


def _brought_up_to_date(
    session: Session,
    draft: Bulletin,
    period: Period,
    as_of: dt.date,
    proposed: Proposed,
    actor: Actor,
    at: dt.datetime,
) -> Bulletin:
    """A new edition of the draft with the figures of a later day; an edit of the former edition is then refused."""
    if as_of > draft.as_of:
        draft.texts = _carried_on(draft, period, as_of, proposed)
        draft.as_of, draft.edition = as_of, draft.edition + 1
        _journal(session, EventKind.BULLETIN_DRAFTED, draft, actor, at, as_of=as_of.isoformat())
    return draft


def _carried_on(last: Bulletin, period: Period, as_of: dt.date, proposed: Proposed) -> dict[str, Any]:
    """The texts for a later day: what a person wrote stays, proposed texts are proposed anew."""
    before, now = _stored(proposed(period, last.as_of)), _stored(proposed(period, as_of))
    return {
        language: {
            name: now[language][name] if said == before[language][name] else said for name, said in words.items()
        }
        for language, words in last.texts.items()
    }


def _drafted(
    session: Session,
    plan: Plan,
    period: Period,
    as_of: dt.date,
    last: Bulletin | None,
    proposed: Proposed,
    actor: Actor,
    at: dt.datetime,
) -> Bulletin:
    draft = Bulletin(
        plan_id=plan.id,
        period=period.text,
        version=last.version + 1 if last else 1,
        status=BulletinStatus.DRAFT,
        as_of=as_of,
        texts=_carried_on(last, period, as_of, proposed) if last else _stored(proposed(period, as_of)),
        edition=1,
        corrects_id=last.id if last else None,
        made_by=actor.name,
        made_at=at,
    )
    session.add(draft)
    session.flush()
    _journal(session, EventKind.BULLETIN_DRAFTED, draft, actor, at, as_of=as_of.isoformat())
    return draft


def _stored(texts: Texts) -> dict[str, Any]:
    return {language: dataclasses.asdict(words) for language, words in texts.items()}


def _journal(
    session: Session, kind: EventKind, bulletin: Bulletin, actor: Actor, at: dt.datetime, **detail: Any
) -> None:
    about = {"bulletin": bulletin.ref, "edition": bulletin.edition}
    record(session, kind, actor, at, plan_id=bulletin.plan_id, detail=about | detail)


# Editing and releasing


def reworded(words: Words, said: Mapping[str, str]) -> Words:
    """The words with these in place of those of their names."""
    return dataclasses.replace(words, **said)


def edit(
    session: Session, plan: Plan, bulletin: Bulletin, texts: Texts, *, edition: int, actor: Actor, at: dt.datetime
) -> None:
    """The office writes. `edition` is the one that was looked at.

    Raises RefusedError where somebody else has edited it since, or a text is too long, IllegalMoveError after release.
    """
    _changeable(session, plan, bulletin, edition)
    stored = {**bulletin.texts, **_stored(texts)}
    for words in stored.values():
        if any(len(said) > LONGEST_TEXT for said in words.values()):
            raise RefusedError("{ref}: a text has at most {limit} characters", ref=bulletin.ref, limit=LONGEST_TEXT)
    changed = sorted(
        f"{language}.{name}"
        for language, words in stored.items()
        for name, said in words.items()
        if said != bulletin.texts[language][name]
    )
    if not changed:
        return
    bulletin.texts, bulletin.edition = stored, bulletin.edition + 1
    bulletin.edited_by, bulletin.edited_at = actor.name, at
    _journal(session, EventKind.BULLETIN_DRAFTED, bulletin, actor, at, changed=changed)


def release(
    session: Session, plan: Plan, bulletin: Bulletin, *, edition: int, actor: Actor, at: dt.datetime
) -> Bulletin:
    """A named person of the office sends it out: it gets its number, and each unit and the leader get one letter.

    Raises what `edit` raises, and RefusedError where a text that it needs is empty.
    """
    _changeable(session, plan, bulletin, edition)
    empty = [title for name, title in NEEDED.items() if not said(bulletin.texts["zh"][name])]
    if empty:
        raise RefusedError("{ref}: it has no {names} yet", ref=bulletin.ref, names=empty)
    bulletin.number_year = plan.day_of(at).year
    bulletin.number = _next_number(session, plan, bulletin.number_year)
    bulletin.status, bulletin.released_by, bulletin.released_at = BulletinStatus.RELEASED, actor.name, at
    session.flush()
    _journal(session, EventKind.BULLETIN_RELEASED, bulletin, actor, at, number=bulletin.numbered)
    readers = [*units_at_work(session, plan.id), body_of(session, plan.id, UnitKind.LEADER)]
    subject = f"bulletin/{bulletin.period}#{bulletin.version}"
    post(
        session,
        plan,
        [
            NewMessage(reader.id, MessageKind.BULLETIN, subject, at, reason=bulletin.numbered, by_name=actor.name)
            for reader in readers
        ],
    )
    return bulletin


def _changeable(session: Session, plan: Plan, bulletin: Bulletin, edition: int) -> None:
    _take_turns(session, plan)
    session.refresh(bulletin)
    if not bulletin.is_draft:
        raise IllegalMoveError("{ref} is released and stays as it is; correct it instead", ref=bulletin.ref)
    if edition != bulletin.edition:
        raise RefusedError(
            "{ref}: edition {edition} was looked at, but {name} has edited it since",
            ref=bulletin.ref,
            edition=edition,
            name=bulletin.edited_by or bulletin.made_by,
        )


def _next_number(session: Session, plan: Plan, year: int) -> int:
    given = select(func.max(Bulletin.number)).where(Bulletin.plan_id == plan.id, Bulletin.number_year == year)
    return (session.scalar(given) or 0) + 1


# Finding


def newest(session: Session, plan: Plan, period: str, *, drafts: bool = True) -> Bulletin | None:
    """The newest version for a period; without `drafts` the newest that was released."""
    query = select(Bulletin).where(Bulletin.plan_id == plan.id, Bulletin.period == period)
    if not drafts:
        query = query.where(Bulletin.status == BulletinStatus.RELEASED)
    return session.scalar(query.order_by(Bulletin.version.desc()).limit(1))


def newest_id(session: Session, plan: Plan) -> int | None:
    """Of all periods and versions the one that was made last, drafts too; None before the first."""
    return session.scalar(select(func.max(Bulletin.id)).where(Bulletin.plan_id == plan.id))


def bulletin_of(session: Session, plan: Plan, period: str, version: int | None = None) -> Bulletin:
    """Raises NotFoundError."""
    query = select(Bulletin).where(Bulletin.plan_id == plan.id, Bulletin.period == period)
    if version is not None:
        query = query.where(Bulletin.version == version)
    found = session.scalar(query.order_by(Bulletin.version.desc()).limit(1))
    if found is None:
        raise NotFoundError("there is no bulletin for {period}; `duban bulletin list` names them", period=period)
    return found


def bulletin_at(session: Session, plan: Plan, bulletin_id: int, *, drafts: bool) -> Bulletin:
    """Raises NotFoundError where it is none of the plan's, or a draft that the reader may not see."""
    found = session.scalar(select(Bulletin).where(Bulletin.id == bulletin_id, Bulletin.plan_id == plan.id))
    if found is None or (found.is_draft and not drafts):
        raise NotFoundError("there is no such bulletin")
    return found


def bulletins_of(
    session: Session, plan: Plan, *, drafts: bool, limit: int, page: int = 1
) -> tuple[Sequence[Bulletin], int]:
    """One page of them, the newest period first, and how many there are."""
    wanted = [Bulletin.plan_id == plan.id]
    if not drafts:
        wanted.append(Bulletin.status == BulletinStatus.RELEASED)
    count = session.scalars(select(func.count(Bulletin.id)).where(*wanted)).one()
    query = select(Bulletin).where(*wanted).order_by(Bulletin.period.desc(), Bulletin.version.desc())
    return session.scalars(query.limit(limit).offset((page - 1) * limit)).all(), count


def named_in(session: Session, plan: Plan, subject: str) -> Bulletin:
    """The bulletin that the subject of a message is about."""
    period, _, version = subject.removeprefix("bulletin/").partition("#")
    return bulletin_of(session, plan, period, int(version))


def corrected_by(session: Session, bulletin: Bulletin) -> Bulletin | None:
    """The released version that stepped in its place, None where it still stands."""
    query = select(Bulletin).where(Bulletin.corrects_id == bulletin.id, Bulletin.status == BulletinStatus.RELEASED)
    return session.scalar(query)


def bulletin_named(session: Session, plan: Plan, ref: str) -> Bulletin:
    """By its reference, or by its period alone, which means the newest version. Raises NotFoundError."""
    period, _, version = ref.removeprefix("bulletin/").partition("/")
    if version and not version.isdecimal():
        raise NotFoundError("there is no bulletin for {period}; `duban bulletin list` names them", period=ref)
    # The reference of a first version bears no number.
    wanted = int(version) if version else 1 if ref.startswith("bulletin/") else None
    return bulletin_of(session, plan, period, wanted)


def is_to_be_made(session: Session, plan: Plan, at: dt.datetime) -> bool:
    """Whether today is a working day, and the bulletin of the month that ended is missing or stops short of its end.

    A month at whose beginning all phases were closed has none.
    """
    today = plan.day_of(at)
    period = Period.read(month_before(today))
    assert period is not None
    last = newest(session, plan, period.text)
    if not plan.work_calendar.is_working(today) or (last is not None and last.as_of >= period.last):
        return False
    return _was_at_work(session, plan, period)


def _was_at_work(session: Session, plan: Plan, period: Period) -> bool:
    opened = Phase.opened_at <= end_of(period.last, plan.timezone)
    lasted = or_(Phase.closed_at.is_(None), Phase.closed_at > end_of(period.first - ONE_DAY, plan.timezone))
    return session.scalar(select(Phase.id).where(Phase.plan_id == plan.id, opened, lasted).limit(1)) is not None
