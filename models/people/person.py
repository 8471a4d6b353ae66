"""Entries of the register: who holds which post of a unit, from when until when, and how they are reached.

Nothing is overwritten: a change ends one row and begins another, which the database holds as well. A row counts from
`from_on` on, and no longer on `until_on`, so that its successor may begin on that very day.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    and_,
    func,
    or_,
    select,
    text,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from models.common.base import Base, Instant, Key, any_of_ids, on_creation, text_enum
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.event import Actor, EventKind, record
from models.common.kinds import UnitKind
from models.common.typed import person_name, plain
from models.plan.plan import Plan
from models.plan.unit import Unit


class Post(StrEnum):
    """What somebody is in the work of a plan, whatever else their office calls them. In the order of listing."""

    HEAD = "head"  # 组长
    MEMBER = "member"  # 成员 of the leading group
    CONTACT = "contact"  # of the office: whom every letter names
    DEPUTY = "deputy"  # 分管领导: the deputy head of the unit who answers for it
    LIAISON = "liaison"  # 联络员
    HANDLER = "handler"  # 承办人


ALONE = frozenset({Post.HEAD, Post.CONTACT, Post.DEPUTY, Post.LIAISON})  # one at a time in a unit
OF_A_UNIT = (Post.DEPUTY, Post.LIAISON, Post.HANDLER)
_POSTS: Mapping[UnitKind, tuple[Post, ...]] = MappingProxyType(
    {
        UnitKind.OFFICE: (Post.CONTACT, Post.DEPUTY, Post.HANDLER),
        UnitKind.LEADER: (Post.HEAD, Post.MEMBER),
    }
)
# Whose address the letters to a unit go to: of these the first who has one.
_RECEIVE: Mapping[UnitKind, tuple[Post, ...]] = MappingProxyType(
    {
        UnitKind.OFFICE: (Post.CONTACT, Post.HANDLER),
        UnitKind.LEADER: (Post.HEAD,),
    }
)

MAX_IN_FORCE = 40  # entries of one unit: the members of a leading group
MAX_NAME, MAX_TITLE, MAX_TELEPHONE = 40, 60, 40  # characters
MAX_ADDRESSES, MAX_ADDRESS = 4, 300
MIN_DIGITS = 3
# 0452-1234567转8012, +86 (452) 123 4567, 138 0000 0000, 2311 / 2312
_TELEPHONE = re.compile(r"\+?[0-9(][0-9 ()/,;+#-]*(?:(?:转|分机|ext\.?|x)\s*[0-9]+)?", re.IGNORECASE)


def posts_of(kind: UnitKind) -> tuple[Post, ...]:
    """The posts that a unit of this kind has."""
    return _POSTS.get(kind, OF_A_UNIT)


def receiving_posts(kind: UnitKind) -> tuple[Post, ...]:
    """Whose address the letters to a unit of this kind go to, the first one first."""
    return _RECEIVE.get(kind, (Post.LIAISON, Post.HANDLER))


class Person(Base):
    """One entry. `follows_id` is the entry in whose place it stepped: the same person, or who had the post before."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("until_on >= from_on", name="until_on"),
        CheckConstraint("num_nonnulls(until_on, ended_by, ended_at) IN (0, 3)", name="ended"),
        Index(
            "person_one_in_post_idx",
            "unit_id",
            "post",
            unique=True,
            postgresql_where=text("until_on IS NULL AND post IN ('head', 'contact', 'deputy', 'liaison')"),
        ),
        Index("person_unit_id_idx", "unit_id"),
    )

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), doc="the unit (unit)")
    post: Mapped[Post] = mapped_column(text_enum(Post, "post"), doc="the post in the work of the plan")
    name: Mapped[str] = mapped_column(doc="the person's name")
    title: Mapped[str] = mapped_column(doc="what the unit calls the person's position")
    telephone: Mapped[str] = mapped_column(doc="the telephone of the office")
    mobile: Mapped[str] = mapped_column(doc="the mobile telephone")
    # The first one is where letters go; they may hold secrets, and are shown without them.
    addresses: Mapped[list[str]] = mapped_column(ARRAY(SqlText), doc="where letters reach the person")
    from_on: Mapped[dt.date] = mapped_column(doc="the day from which it counts")
    until_on: Mapped[dt.date | None] = mapped_column(doc="the day from which it counts no longer")
    follows_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("person.id"), doc="the entry in whose place it stepped (person)"
    )
    by_name: Mapped[str] = mapped_column(doc="who, by name")
    at: Mapped[Instant] = mapped_column(doc="when, in world time (UTC)")
    ended_by: Mapped[str | None] = mapped_column(doc="who ended it")
    ended_at: Mapped[Instant | None] = mapped_column(doc="when it was ended")

    unit: Mapped[Unit] = relationship()

    @property
    def entry(self) -> "Entry":
        return Entry(self.name, self.title, self.telephone, self.mobile, tuple(self.addresses))

    def is_in_force(self, on: dt.date) -> bool:
        return self.from_on <= on and (self.until_on is None or self.until_on > on)


REFUSE_CHANGES = """
CREATE FUNCTION person_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending CONSTANT text[] := ARRAY['until_on', 'ended_by', 'ended_at'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.until_on IS NULL AND to_jsonb(NEW) - ending = to_jsonb(OLD) - ending THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING
        MESSAGE = 'entries of the register end, and are not changed: ' || TG_OP || ' refused',
        ERRCODE = 'restrict_violation',
        CONSTRAINT = 'person_kept';
END
$$
"""
REFUSE_CHANGES_TRIGGER = """
CREATE TRIGGER person_kept BEFORE UPDATE OR DELETE ON person
    FOR EACH ROW EXECUTE FUNCTION person_refuse_change()
"""
on_creation(Person, REFUSE_CHANGES, REFUSE_CHANGES_TRIGGER)


# What people type


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What is said of a person. `addresses`: where letters reach them, in the order of preference."""

    name: str
    title: str = ""
    telephone: str = ""
    mobile: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def tidy(self) -> "Entry":
        """As it is kept: one form of what looks alike, nothing that nobody sees."""
        kept = tuple(dict.fromkeys(one.strip() for one in self.addresses if one.strip()))
        title, telephone, mobile = (_one_line(one) for one in (self.title, self.telephone, self.mobile))
        return Entry(person_name(self.name), title, telephone, mobile, kept)

    @property
    def has_telephone(self) -> bool:
        return bool(self.telephone or self.mobile)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", plain(text))


class EntryError(RefusedError):
    """An entry that cannot be taken; `faults` says what is wrong with which field."""

    def __init__(self, template: str, faults: Mapping[str, Reason]) -> None:
        super().__init__(template, reasons=list(faults.values()))
        self.faults = dict(faults)


def faults_of(entry: Entry) -> dict[str, Reason]:
    """What is wrong with an entry that was made tidy, by the names of its fields; empty where nothing is."""
    found = {}
    if not entry.name:
        found["name"] = Reason("a name is needed, of two letters at least")
    elif len(entry.name) > MAX_NAME:
        found["name"] = Reason("the name is too long; expected at most {limit} characters", limit=MAX_NAME)
    if len(entry.title) > MAX_TITLE:
        found["title"] = Reason("the position is too long; expected at most {limit} characters", limit=MAX_TITLE)
    for field, number in (("telephone", entry.telephone), ("mobile", entry.mobile)):
        if number and not _is_telephone(number):
            found[field] = Reason(
                "{number}: expected a telephone number, such as 0452-1234567转8012", number=number[:60]
            )
    if len(entry.addresses) > MAX_ADDRESSES:
        found["addresses"] = Reason("too many addresses; expected at most {limit}", limit=MAX_ADDRESSES)
    elif any(len(one) > MAX_ADDRESS for one in entry.addresses):
        found["addresses"] = Reason("an address is too long; expected at most {limit} characters", limit=MAX_ADDRESS)
    return found


def _is_telephone(number: str) -> bool:
    is_short = len(number) <= MAX_TELEPHONE
    return is_short and sum(map(str.isdigit, number)) >= MIN_DIGITS and bool(_TELEPHONE.fullmatch(number))


# Acts


def register(
    session: Session,
    plan: Plan,
    unit: Unit,
    post: Post,
    entry: Entry,
    *,
    from_on: dt.date | None = None,
    actor: Actor,
    at: dt.datetime,
) -> Person:
    """Enter somebody into the register, from a day on; today where none is given.

    Raises EntryError with what is wrong in which field.
    """
    # Locked: of two who register the same post at once, the second one sees that it is taken.
    session.refresh(unit, with_for_update={"key_share": True})
    entry, day = entry.tidy, from_on or plan.day_of(at)
    open_ones = _open_ones(session, unit)
    faults = faults_of(entry) | _faults_of_post(unit, post, open_ones) | _faults_of_day("from_on", plan, day)
    if len(open_ones) >= MAX_IN_FORCE:
        faults["post"] = Reason("{count} people of this unit are registered; end an entry first", count=len(open_ones))
    refuse(faults)
    person = _begin(session, unit, post, entry, day, None, actor, at)
    _journal(session, plan, person, "registered", actor, at)
    return person


def change(
    session: Session,
    plan: Plan,
    person: Person,
    entry: Entry,
    *,
    from_on: dt.date | None = None,
    actor: Actor,
    at: dt.datetime,
) -> Person:
    """End an entry and begin another in its place: other telephones or addresses, or somebody else in the post.

    Raises EntryError with what is wrong in which field, RefusedError where it was ended or nothing would change.
    """
    _lock_open(session, plan, person)
    entry = entry.tidy
    day = from_on or max(plan.day_of(at), person.from_on)
    faults = faults_of(entry) | _faults_of_day("from_on", plan, day, since=person.from_on)
    refuse(faults)
    if entry == person.entry:
        raise RefusedError("nothing was changed: {name} stands in the register so already", name=person.name)
    changed = [field.name for field in dataclasses.fields(Entry) if _differ(entry, person.entry, field.name)]
    _end(person, day, actor, at)
    session.flush()  # the post is free before somebody else has it
    new = _begin(session, person.unit, person.post, entry, day, person.id, actor, at)
    _journal(session, plan, new, "changed", actor, at, was=person.name, fields=changed)
    return new


def end(
    session: Session, plan: Plan, person: Person, *, until_on: dt.date | None = None, actor: Actor, at: dt.datetime
) -> Person:
    """End an entry: from this day on it counts no longer; today where none is given.

    Raises EntryError where the day cannot be, RefusedError where it was ended before.
    """
    _lock_open(session, plan, person)
    day = until_on or max(plan.day_of(at), person.from_on)
    refuse(_faults_of_day("until_on", plan, day, since=person.from_on))
    _end(person, day, actor, at)
    _journal(session, plan, person, "ended", actor, at, until=day.isoformat())
    return person


def refuse(faults: Mapping[str, Reason]) -> None:
    """Raises EntryError where there are any."""
    if faults:
        raise EntryError("this entry of the register cannot be taken: {reasons}", faults)


def _differ(one: Entry, other: Entry, field: str) -> bool:
    return bool(getattr(one, field) != getattr(other, field))


def _faults_of_post(unit: Unit, post: Post, open_ones: Sequence[Person]) -> dict[str, Reason]:
    if unit.closed_on is not None:
        return {"post": Reason("the unit {unit} has ended", unit=unit.name)}
    if post not in posts_of(unit.kind):
        return {"post": Reason("{unit} has no such post", unit=unit.name)}
    holder = next((one for one in open_ones if one.post is post), None)
    if post in ALONE and holder is not None:
        return {"post": Reason("{name} has this post; change or end that entry", name=holder.name)}
    return {}


def _faults_of_day(field: str, plan: Plan, day: dt.date, since: dt.date | None = None) -> dict[str, Reason]:
    outside = plan.bounds.reasons_outside(day)
    if outside:
        return {field: outside[0]}
    if since is not None and day < since:
        return {field: Reason("{day} is before {since}, from which on the entry counts", day=day, since=since)}
    return {}


def _open_ones(session: Session, unit: Unit) -> Sequence[Person]:
    """The entries of a unit that nobody has ended, whether they count already or not."""
    return session.scalars(
        select(Person).where(Person.unit_id == unit.id, Person.until_on.is_(None)).order_by(Person.id)
    ).all()


def _lock_open(session: Session, plan: Plan, person: Person) -> None:
    session.refresh(person, with_for_update={"of": Person, "key_share": True})
    if person.until_on is not None:
        raise RefusedError(
            "{by} ended this entry on {day}; look again",
            by=person.ended_by,
            day=plan.day_of(person.ended_at or person.at),
        )


def _begin(
    session: Session,
    unit: Unit,
    post: Post,
    entry: Entry,
    day: dt.date,
    follows: int | None,
    actor: Actor,
    at: dt.datetime,
) -> Person:
    person = Person(
        unit_id=unit.id,
        post=post,
        name=entry.name,
        title=entry.title,
        telephone=entry.telephone,
        mobile=entry.mobile,
        addresses=list(entry.addresses),
        from_on=day,
        follows_id=follows,
        by_name=actor.name,
        at=at,
    )
    session.add(person)
    session.flush()
    return person


def _end(person: Person, day: dt.date, actor: Actor, at: dt.datetime) -> None:
    person.until_on, person.ended_by, person.ended_at = day, actor.name, at


def _journal(
    session: Session, plan: Plan, person: Person, what: str, actor: Actor, at: dt.datetime, **more: object
) -> None:
    """Who and what, and neither telephones nor addresses: the journal is read by many, and never forgets."""
    said = {"what": what, "person": person.id, "unit": person.unit.code, "post": person.post.value, "name": person.name}
    record(
        session,
        EventKind.REGISTER_CHANGED,
        actor,
        at,
        plan_id=plan.id,
        detail=said | {"from": person.from_on.isoformat()} | more,
    )


# Questions


def person_at(session: Session, plan: Plan, person_id: int) -> Person:
    """The entry of that id. Raises NotFoundError where the plan has none."""
    found = session.scalar(select(Person).join(Person.unit).where(Person.id == person_id, Unit.plan_id == plan.id))
    if found is None:
        raise NotFoundError("there is no such entry in the register")
    return found


def in_force(on: dt.date) -> ColumnElement[bool]:
    """Whether an entry counts on that day."""
    return and_(Person.from_on <= on, or_(Person.until_on.is_(None), Person.until_on > on))


def people_of(
    session: Session, plan: Plan, on: dt.date, units: Collection[int] | None = None
) -> dict[int, list[Person]]:
    """Who is registered on that day, by the unit's id (of these units, where named), each in the order of the posts."""
    query = select(Person).join(Person.unit).options(contains_eager(Person.unit))
    query = query.where(Unit.plan_id == plan.id, in_force(on))
    if units is not None:
        query = query.where(any_of_ids(Person.unit_id, units))
    found: dict[int, list[Person]] = {}
    for one in session.scalars(query.order_by(Person.unit_id, Person.id)):
        found.setdefault(one.unit_id, []).append(one)
    places = {post: place for place, post in enumerate(Post)}
    return {unit: sorted(people, key=lambda one: (places[one.post], one.id)) for unit, people in found.items()}


def open_entries(session: Session, unit: Unit, on: dt.date) -> list[Person]:
    """What stands in a unit's register: what counts on that day, and what will count later, in the order of posts."""
    query = select(Person).where(Person.unit_id == unit.id, or_(Person.until_on.is_(None), Person.until_on > on))
    places = {post: place for place, post in enumerate(Post)}
    return sorted(session.scalars(query), key=lambda one: (places[one.post], one.from_on, one.id))


def past_entries(session: Session, unit: Unit, on: dt.date, limit: int) -> tuple[Sequence[Person], int]:
    """What counted before, the newest first, and how many there are."""
    past = select(Person, func.count().over()).where(Person.unit_id == unit.id, Person.until_on <= on)
    rows = session.execute(past.order_by(Person.until_on.desc(), Person.id.desc()).limit(limit)).all()
    return [one for one, _ in rows], rows[0][1] if rows else 0


def history_of(session: Session, person: Person) -> list[Person]:
    """The entry, and those before it in whose place each stepped, the newest first."""
    found = [person]
    while found[-1].follows_id is not None and len(found) < MAX_HISTORY:
        found.append(session.get_one(Person, found[-1].follows_id))
    return found


MAX_HISTORY = 100  # entries that a page shows
TO_REACH = (Post.LIAISON, Post.CONTACT, Post.HEAD)  # whom one asks for, whatever unit it is


def units_with_nobody(session: Session, plan: Plan, on: dt.date, limit: int) -> tuple[Sequence[Unit], int]:
    """The units at work of which nobody is registered whom one would ask for, and how many they are."""
    reached = select(Person.unit_id).where(Person.post.in_(TO_REACH), in_force(on))
    without = select(Unit).where(Unit.plan_id == plan.id, Unit.closed_on.is_(None), Unit.id.not_in(reached))
    count = session.scalar(select(func.count()).select_from(without.subquery())) or 0
    return session.scalars(without.order_by(Unit.kind, Unit.id).limit(limit)).all(), count


def contact_of(session: Session, plan: Plan, on: dt.date) -> Person | None:
    """The contact of the leading-group office on that day, with the office as its unit."""
    of_office = select(Person).join(Person.unit).options(contains_eager(Person.unit))
    return _first(session, of_office.where(Unit.plan_id == plan.id, Unit.kind == UnitKind.OFFICE), Post.CONTACT, on)


def holder_of(session: Session, unit: Unit, post: Post, on: dt.date) -> Person | None:
    """Who has this post on that day; of several the first who was registered."""
    return _first(session, select(Person).where(Person.unit_id == unit.id), post, on)


def _first(session: Session, people: Select[Person], post: Post, on: dt.date) -> Person | None:
    held = people.where(Person.post == post, in_force(on)).order_by(Person.id).limit(1)
    return session.scalars(held).one_or_none()
