"""Access links: a capability for one unit and role. Only hashes are stored; every use is written down."""

import dataclasses
import datetime as dt
import hashlib
import secrets
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import AnyRow, Base, Instant, Key, text_enum
from models.common.errors import NotFoundError, Reason, RefusedError
from models.common.kinds import UnitKind
from models.common.text import Text
from models.common.typed import is_same_person, person_name
from models.plan.plan import Plan
from models.plan.unit import Unit

TOKEN_BYTES = 32
WEB_SESSION_LASTS = dt.timedelta(hours=12)  # a working day: then the link has to be opened again
RENEWED_AFTER = dt.timedelta(minutes=5)  # so that not every page writes when its reader was last seen


class AccessRole(StrEnum):
    """What a link opens."""

    UNIT = "unit"
    OFFICE = "office"
    LEADER = "leader"  # sees what the office sees, and changes nothing
    CALENDAR = "calendar"  # the feed of a unit's dates, and nothing else


ROLE_OF = {UnitKind.OFFICE: AccessRole.OFFICE, UnitKind.LEADER: AccessRole.LEADER}


class UseOutcome(StrEnum):
    OPENED = "opened"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SPENT = "spent"  # it worked once, and that was before


class Access(Base):
    """One link. `person` is who it was made for, where that is known: then nobody is asked for a name."""

    __tablename__ = "access"

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("unit.id"), index=True)
    role: Mapped[AccessRole] = mapped_column(text_enum(AccessRole, "role"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    person: Mapped[str] = mapped_column(server_default="")
    single_use: Mapped[bool]
    issued_by: Mapped[str]
    issued_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_by: Mapped[str | None]
    revoked_at: Mapped[Instant | None]


class AccessUse(Base):
    """One use of a link. A use that opened is also the web session that follows: hash of its cookie, person, end.

    `seen_at` says when something was last asked for in it, exact to RENEWED_AFTER.
    """

    __tablename__ = "access_use"

    id: Mapped[Key]
    access_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("access.id"), index=True)
    at: Mapped[Instant]
    address: Mapped[str]
    outcome: Mapped[UseOutcome] = mapped_column(text_enum(UseOutcome, "outcome"))
    secret_hash: Mapped[str | None] = mapped_column(unique=True)
    person: Mapped[str] = mapped_column(server_default="")
    ends_at: Mapped[Instant | None]
    seen_at: Mapped[Instant | None]


class IdempotencyKey(Base):
    """The key of something that must happen only once, such as a sent form. `outcome` is what the person was told."""

    __tablename__ = "deed"

    key: Mapped[str] = mapped_column(primary_key=True)
    use_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("access_use.id"))
    at: Mapped[Instant]
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


@dataclasses.dataclass(frozen=True, slots=True)
class WebSession:
    """A person who came in through a link: the use that opened it, the link, the unit and the plan."""

    use: AccessUse
    access: Access
    unit: Unit
    plan: Plan


def digest(token: str) -> str:
    """Tokens are 256 random bits: one round of a plain hash is enough, there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(
    session: Session,
    unit: Unit,
    *,
    by: str,
    at: dt.datetime,
    lasts: dt.timedelta,
    role: AccessRole | None = None,
    person: str = "",
    single_use: bool = False,
) -> tuple[Access, str]:
    """A new link to a unit, in the role of its kind where none is given; its token is known here and never again."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    access = Access(
        unit_id=unit.id,
        role=role or _role_of(unit),
        token_hash=digest(token),
        person=person_name(person),
        single_use=single_use,
        issued_by=by,
        issued_at=at,
        expires_at=at + lasts,
    )
    session.add(access)
    session.flush()
    return access, token


def issue_to_all(
    session: Session, units: Sequence[Unit], *, by: str, at: dt.datetime, lasts: dt.timedelta
) -> dict[int, str]:
    """A new link to each of these units, in the role of its kind; returns the tokens by the unit's id."""
    tokens = {unit.id: secrets.token_urlsafe(TOKEN_BYTES) for unit in units}
    rows = [
        {
            "unit_id": unit.id,
            "role": _role_of(unit),
            "token_hash": digest(tokens[unit.id]),
            "single_use": False,
            "issued_by": by,
            "issued_at": at,
            "expires_at": at + lasts,
        }
        for unit in units
    ]
    if rows:
        session.execute(insert(Access), rows)
    return tokens


def end_older(session: Session, unit_ids: Collection[int], by: str, *, keep: int, at: dt.datetime) -> None:
    """Of the links that `by` issued to each of these units only the newest go on, so many. Whoever is in stays in."""
    age = func.row_number().over(partition_by=Access.unit_id, order_by=Access.id.desc())
    going_on = select(Access.id, age.label("age")).where(
        Access.unit_id.in_(unit_ids), Access.issued_by == by, Access.expires_at > at, Access.revoked_at.is_(None)
    )
    ranked = going_on.subquery()
    older = select(ranked.c.id).where(ranked.c.age > keep)
    session.execute(update(Access).where(Access.id.in_(older)).values(expires_at=at))


def _role_of(unit: Unit) -> AccessRole:
    return ROLE_OF.get(unit.kind, AccessRole.UNIT)


@dataclasses.dataclass(frozen=True, slots=True)
class SeenLink:
    """What a link would open, before anybody comes in by it; `refused` says why it opens nothing."""

    unit: Text
    person: str
    refused: Reason | None


def look_at(session: Session, token: str, *, address: str, at: dt.datetime) -> SeenLink:
    """What stands at the door: chat programs fetch links to show them, so nothing comes of it.

    Only that somebody came with a link that opens nothing is recorded. Raises NotFoundError for a token that was never
    issued, and for the link of a calendar.
    """
    access = _by_token(session, token)
    outcome = _outcome(session, access, at)
    if outcome is not UseOutcome.OPENED:
        session.add(AccessUse(access_id=access.id, at=at, address=address, outcome=outcome, person=access.person))
    unit = session.get_one(Unit, access.unit_id)
    return SeenLink(unit.name, access.person, Reason(_REFUSALS[outcome]) if outcome in _REFUSALS else None)


def enter(
    session: Session, token: str, *, address: str, at: dt.datetime, person: str = "", leaving: str = ""
) -> str | Reason:
    """Exchange a link for the secret of a web session, or say why it does not open. The use is recorded either way.

    `person` is the name that the visitor gives, where the link was made for nobody by name. The web session of the
    secret `leaving`, which came along, ends. Raises NotFoundError for a token that was never issued, and for the link
    of a calendar; RefusedError for whoever made the link in somebody else's name.
    """
    # Two who open a single-use link at once must not both get in.
    access = _by_token(session, token, lock=True)
    before = web_session_of(session, leaving, at) if leaving else None
    outcome = _outcome(session, access, at)
    secret = secrets.token_urlsafe(TOKEN_BYTES) if outcome is UseOutcome.OPENED else None
    if before is not None and secret:
        _refuse_pretending(access, before)
        leave(before, at)
    session.add(
        AccessUse(
            access_id=access.id,
            at=at,
            address=address,
            outcome=outcome,
            secret_hash=secret and digest(secret),
            person=access.person or person_name(person),
            ends_at=at + WEB_SESSION_LASTS if secret else None,
        )
    )
    return secret or Reason(_REFUSALS[outcome])


def _by_token(session: Session, token: str, *, lock: bool = False) -> Access:
    query = select(Access).where(Access.token_hash == digest(token), Access.role != AccessRole.CALENDAR)
    access = session.scalar(query.with_for_update() if lock else query)
    if access is None:
        raise NotFoundError("this link does not exist")
    return access


def _refuse_pretending(access: Access, visitor: WebSession) -> None:
    """Whoever makes a link for a colleague would act in the colleague's name by it."""
    who = visitor.use.person
    if access.person and is_same_person(access.issued_by, who) and not is_same_person(access.person, who):
        raise RefusedError("you made this link for {person}, who alone may open it", person=access.person)


_REFUSALS = {
    UseOutcome.EXPIRED: "this link has expired",
    UseOutcome.REVOKED: "this link was withdrawn",
    UseOutcome.SPENT: "this link was used already; it opens once",
}


def _outcome(session: Session, access: Access, at: dt.datetime) -> UseOutcome:
    if access.revoked_at is not None:
        return UseOutcome.REVOKED
    if access.expires_at <= at:
        return UseOutcome.EXPIRED
    opened = select(AccessUse.id).where(AccessUse.access_id == access.id, AccessUse.outcome == UseOutcome.OPENED)
    if access.single_use and session.scalar(opened.limit(1)) is not None:
        return UseOutcome.SPENT
    return UseOutcome.OPENED


def web_session_of(
    session: Session, secret: str, at: dt.datetime, rests: dt.timedelta = WEB_SESSION_LASTS
) -> WebSession | None:
    """The web session of a cookie's secret.

    None where there is none, it has ended, its link was withdrawn, or nothing was asked for in it as long as `rests`.
    """
    asked = {"secret_hash": digest(secret), "at": at, "since": at - rests}
    row = session.execute(_WEB_SESSION, asked).one_or_none()
    return WebSession(*row) if row else None


# Every page asks this, so the statement is built once.
_WEB_SESSION = (
    select(AccessUse, Access, Unit, Plan)
    .join(Access, Access.id == AccessUse.access_id)
    .join(Unit, Unit.id == Access.unit_id)
    .join(Plan, Plan.id == Unit.plan_id)
    .where(
        AccessUse.secret_hash == bindparam("secret_hash"),
        AccessUse.ends_at > bindparam("at"),
        func.coalesce(AccessUse.seen_at, AccessUse.at) > bindparam("since"),
        Access.revoked_at.is_(None),
    )
)


def renew(session: Session, web_session: WebSession, at: dt.datetime) -> None:
    """Note that something was asked for in it, where that was not noted a short while ago."""
    use = web_session.use
    if at - (use.seen_at or use.at) >= RENEWED_AFTER:
        session.execute(update(AccessUse).where(AccessUse.id == use.id).values(seen_at=at))


def leave(stay: WebSession, at: dt.datetime) -> None:
    stay.use.ends_at = at


def say_name(session: Session, stay: WebSession, person: str) -> str:
    """Set the name of a session's person, once: a name that changes identifies nobody. Returns the name in force."""
    # Of two names that are set at the same moment, the first one stays.
    session.execute(update(AccessUse).where(AccessUse.id == stay.use.id, AccessUse.person == "").values(person=person))
    session.refresh(stay.use)
    return stay.use.person


def calendar_of(session: Session, token: str, *, address: str, at: dt.datetime) -> Unit | Reason:
    """The unit whose calendar a feed's token opens, or why it does not. The use is recorded either way.

    Raises NotFoundError for any other token.
    """
    row = session.execute(
        select(Access, Unit)
        .join(Unit, Unit.id == Access.unit_id)
        .where(Access.token_hash == digest(token), Access.role == AccessRole.CALENDAR)
    ).one_or_none()
    if row is None:
        raise NotFoundError("this link does not exist")
    access, unit = row
    outcome = _outcome(session, access, at)
    session.add(AccessUse(access_id=access.id, at=at, address=address, outcome=outcome))
    return unit if outcome is UseOutcome.OPENED else Reason(_REFUSALS[outcome])


def link_of(session: Session, plan: Plan, access_id: int, *, lock: bool = False) -> Access:
    """Raises NotFoundError where it is no link to the plan."""
    query = select(Access).join(Unit, Unit.id == Access.unit_id).where(Access.id == access_id, Unit.plan_id == plan.id)
    if lock:
        # Read anew after locking: the session may hold an older state of this row.
        query = query.with_for_update(of=Access).execution_options(populate_existing=True)
    access = session.scalar(query)
    if access is None:
        raise NotFoundError("this link does not exist")
    return access


def revoke(session: Session, plan: Plan, access_id: int, *, by: str, at: dt.datetime) -> Access:
    """Withdraw a link, and end every web session that it opened. Raises NotFoundError."""
    access = link_of(session, plan, access_id, lock=True)
    if access.revoked_at is None:
        access.revoked_at, access.revoked_by = at, by
    return access


def revoke_all(session: Session, unit_id: int, *, by: str, at: dt.datetime) -> int:
    """Withdraw every link to a unit that was not withdrawn yet, and end what they opened; returns how many."""
    withdrawn = update(Access).where(Access.unit_id == unit_id, Access.revoked_at.is_(None))
    return len(session.scalars(withdrawn.values(revoked_at=at, revoked_by=by).returning(Access.id)).all())


def count_links(session: Session, plan: Plan, *, unit_id: int | None = None) -> int:
    query = (
        select(func.count()).select_from(Access).join(Unit, Unit.id == Access.unit_id).where(Unit.plan_id == plan.id)
    )
    return session.scalars(query if unit_id is None else query.where(Access.unit_id == unit_id)).one()


def links_of(
    session: Session, plan: Plan, *, unit_id: int | None = None, limit: int = 200, offset: int = 0
) -> Sequence[AnyRow]:
    """Links with their unit and their last use, newest first."""
    last = (
        select(AccessUse.at, AccessUse.person, AccessUse.address, AccessUse.outcome)
        .where(AccessUse.access_id == Access.id)
        .order_by(AccessUse.id.desc())
        .limit(1)
        .correlate(Access)
        .lateral()
    )
    query = (
        select(
            Access,
            Unit,
            last.c.at.label("used_at"),
            last.c.person.label("used_by"),
            last.c.address.label("used_from"),
            last.c.outcome.label("used_outcome"),
        )
        .join(Unit, Unit.id == Access.unit_id)
        .outerjoin(last, last.c.at.is_not(None))
        .where(Unit.plan_id == plan.id)
        .order_by(Access.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return session.execute(query if unit_id is None else query.where(Access.unit_id == unit_id)).all()


def uses_of(session: Session, access: Access) -> Sequence[AccessUse]:
    """Who used a link, when and from where; newest first."""
    return session.scalars(
        select(AccessUse).where(AccessUse.access_id == access.id).order_by(AccessUse.id.desc()).limit(200)
    ).all()


def claim_once(session: Session, key: str, at: dt.datetime, use_id: int | None = None) -> bool:
    """Whether this is done for the first time. A second caller waits for the first one's transaction to end."""
    once = (
        insert(IdempotencyKey)
        .values(key=key, at=at, use_id=use_id)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return session.scalar(once) is not None


def told(session: Session, key: str, use_id: int) -> dict[str, Any] | None:
    """What a person was told about something that they did with this key."""
    return session.scalar(
        select(IdempotencyKey.outcome).where(IdempotencyKey.key == key, IdempotencyKey.use_id == use_id)
    )


def tell(session: Session, key: str, outcome: dict[str, Any]) -> None:
    session.execute(update(IdempotencyKey).where(IdempotencyKey.key == key).values(outcome=outcome))
