"""Seals over the journal: each covers the entries since the one before, by their hashes and by that of the seal before.

Entries are not sealed as they are written: patrols at once would wait in one line for the last hash. A round of the
watchdog seals what is there; until then an entry is guarded by the trigger alone.
"""

import bisect
import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from enum import StrEnum

from sqlalchemy import ARRAY, BigInteger, LargeBinary, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.common.base import Base, Instant, Key, append_only
from models.common.errors import Reason
from models.common.event import Event
from models.dates.instants import LocalInstant

ENTRIES = 5000  # that one seal covers at most: what is hashed at once
HASH_BYTES = 16  # of each entry's SHA-256, to name the one that was changed
FIRST = ""  # what stands for the seal before the first one
# Work that began before a seal may be written after it, but not long after: a person's request, a patrol's batch.
GRACE = dt.timedelta(hours=2)


class JournalSeal(Base):
    """One seal. `digest` covers the entries' whole hashes and the digest of the seal before."""

    __tablename__ = "journal_seal"

    id: Mapped[Key]
    at: Mapped[Instant]
    last_event_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    digest: Mapped[str]
    event_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


# The program may not lock the journal itself, as its role does not own it.
HORIZON = "journal_horizon"
HORIZON_FUNCTION = f"""
CREATE FUNCTION {HORIZON}() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE event IN SHARE MODE NOWAIT;
    RETURN (SELECT max(id) FROM event);
END
$$
"""  # noqa: S608  (a constant)

append_only(JournalSeal, "seals of the journal are", HORIZON_FUNCTION)

# All that an entry says, in a form that depends on no setting of the session. A new column begins a new form.
HASHED = """
sha256(convert_to(jsonb_build_array(
    id, extract(epoch FROM at), plan_id, phase_id, assignment_id, kind, actor, actor_unit_id, status_before,
    status_after, due_before, due_after, why, detail, run, address, access_id
)::text, 'UTF8'))
"""
SEAL = text(f"""
WITH entries AS (
    SELECT id, {HASHED} AS hash FROM event WHERE id > :after AND id <= :horizon ORDER BY id LIMIT :most
)
INSERT INTO journal_seal (at, last_event_id, digest, event_ids, hashes)
SELECT :at, max(id),
       encode(sha256(convert_to(:before, 'UTF8') || string_agg(hash, '' ORDER BY id)), 'hex'),
       array_agg(id ORDER BY id), string_agg(substr(hash, 1, {HASH_BYTES}), '' ORDER BY id)
FROM entries HAVING count(*) > 0
RETURNING cardinality(event_ids)
""")  # noqa: S608  (constants of this module)
FOUND = text(f"""
SELECT encode(sha256(convert_to(:before, 'UTF8') || coalesce(string_agg(hash, '' ORDER BY id), '')), 'hex') AS digest,
       coalesce(array_agg(id ORDER BY id), '{{}}') AS ids,
       coalesce(string_agg(substr(hash, 1, {HASH_BYTES}), '' ORDER BY id), '') AS hashes
FROM (SELECT id, {HASHED} AS hash FROM event WHERE id > :after AND id <= :upto) AS entries
""")  # noqa: S608
# An id is taken inside INSERT, which holds a lock that this one conflicts with: below the last id nothing is to come.
FIND_HORIZON = text(f"SELECT {HORIZON}()")
ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtext('journal_seal'))")


class Tampering(StrEnum):
    """What a check of the seals can find."""

    CHANGED = "changed"
    DELETED = "deleted"
    INSERTED = "inserted"
    SEAL = "seal"  # the seal itself does not fit
    CLOCK = "clock"  # the machine's clock was set back: what was written before is dated ahead


@dataclasses.dataclass(frozen=True, slots=True)
class Broken:
    """One thing that is not as it was sealed; `entry` is the id of the journal's row, None where it is a seal."""

    kind: Tampering
    reason: Reason
    entry: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class LastSeal:
    """Up to where the journal is sealed. Whoever keeps `digest` elsewhere can prove all before it unchanged."""

    number: int
    at: dt.datetime
    last_entry: int
    digest: str


def horizon(session: Session) -> int:
    """The id below which no entry is still to come; the transaction has to end at once.

    Raises UnavailableError, as any lock that cannot be had, where somebody is writing just now.
    """
    return session.scalar(FIND_HORIZON) or 0


def seal_next(session: Session, upto: int, at: dt.datetime) -> int:
    """Seal the next entries up to an id below which none is to come; how many, 0 where all are or another does it."""
    if not session.scalar(ONE_AT_A_TIME):
        return 0
    before = last_seal(session)
    what = {"after": before.last_entry if before else 0, "horizon": upto, "most": ENTRIES, "at": at}
    return session.scalar(SEAL, what | {"before": before.digest if before else FIRST}) or 0


def last_seal(session: Session) -> LastSeal | None:
    columns = (JournalSeal.id, JournalSeal.at, JournalSeal.last_event_id, JournalSeal.digest)
    row = session.execute(select(*columns).order_by(JournalSeal.id.desc()).limit(1)).one_or_none()
    return LastSeal(*row) if row else None


def forgotten(session: Session, kept: Sequence[str]) -> Iterator[Broken]:
    """Digests kept elsewhere that no seal bears: all that is in the database would fit where its end was cut off, or
    all of its seals were written anew.
    """
    found = set(
        session.scalars(select(JournalSeal.digest).where(JournalSeal.digest.in_([one.lower() for one in kept])))
    )
    for one in kept:
        if one.lower() not in found:
            yield Broken(
                Tampering.SEAL,
                Reason("no seal has the digest {digest}: the journal was cut off, or sealed anew", digest=one),
            )


def broken(session: Session) -> Iterator[Broken]:
    """Everything in the journal that is not as it was sealed, seal by seal, in little memory."""
    after, before = 0, FIRST
    times: list[dt.datetime] = []  # of the seals so far, each later than those before it
    seals = session.scalars(select(JournalSeal).order_by(JournalSeal.id).execution_options(yield_per=20))
    for one in seals:
        found = session.execute(FOUND, {"after": after, "upto": one.last_event_id, "before": before}).one()
        differing = list(_differing(one, found.ids, bytes(found.hashes)))
        yield from differing
        if not differing and found.digest != one.digest:
            yield Broken(
                Tampering.SEAL, Reason("the seal of {at} was changed, or one before it is gone", at=_instant(one.at))
            )
        if times and one.at < times[-1] - GRACE:
            yield _set_back(times[-1], one.at)
            del times[bisect.bisect_right(times, one.at) :]
        yield from _dated_back(session, after, one.last_event_id, times)
        if not times or one.at > times[-1]:
            times.append(one.at)
        after, before = one.last_event_id, one.digest
    yield from _dated_back(session, after, None, times)


def _set_back(ahead: dt.datetime, at: dt.datetime) -> Broken:
    """Told once for each time, and not for each entry that was written until the clock had caught up."""
    back = Reason(
        "the clock was set back: a seal is dated {ahead}, and the one after it {at}",
        ahead=_instant(ahead),
        at=_instant(at),
    )
    return Broken(Tampering.CLOCK, back)


def _differing(seal: JournalSeal, ids: Sequence[int], hashes: bytes) -> Iterator[Broken]:
    sealed, found = _by_id(seal.event_ids, seal.hashes), _by_id(ids, hashes)
    for entry in sorted(sealed.keys() | found.keys()):
        if entry not in found:
            gone = Reason("entry {entry} was deleted after it was sealed on {at}", entry=entry, at=_instant(seal.at))
            yield Broken(Tampering.DELETED, gone, entry)
        elif entry not in sealed:
            put_in = Reason(
                "entry {entry} was put in after its place was sealed on {at}", entry=entry, at=_instant(seal.at)
            )
            yield Broken(Tampering.INSERTED, put_in, entry)
        elif sealed[entry] != found[entry]:
            changed = Reason("entry {entry} was changed after it was sealed on {at}", entry=entry, at=_instant(seal.at))
            yield Broken(Tampering.CHANGED, changed, entry)


def _instant(at: dt.datetime) -> LocalInstant:
    return LocalInstant(at, "UTC")


def _by_id(ids: Sequence[int], hashes: bytes) -> dict[int, bytes]:
    return {entry: hashes[n * HASH_BYTES : (n + 1) * HASH_BYTES] for n, entry in enumerate(ids)}


def _dated_back(session: Session, after: int, upto: int | None, times: Sequence[dt.datetime]) -> Iterator[Broken]:
    """Entries that say to be older than the last of the seals before them: they would have stood under it."""
    if not times:
        return
    sealed_at = times[-1]
    query = select(Event.id, Event.at).where(Event.id > after, Event.at < sealed_at - GRACE).order_by(Event.id)
    for entry, at in session.execute(query if upto is None else query.where(Event.id <= upto)):
        back = Reason(
            "entry {entry} is dated {at}, and was written after the seal of {sealed}",
            entry=entry,
            at=_instant(at),
            sealed=_instant(sealed_at),
        )
        yield Broken(Tampering.INSERTED, back, entry)
