"""Maintenance of the store of files: check every file, and remove what nothing names."""

import dataclasses
import datetime as dt

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from adapters.database.sessions import read_session
from adapters.evidence.inspection import MIB
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from models.assignments.evidence import Evidence, Quota, refuse_beyond
from models.common.errors import RefusedError

UPLOAD_LASTS = dt.timedelta(days=1)  # no upload takes longer


@dataclasses.dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that is missing in the store, or not what was handed in; `name` is what a unit called it."""

    name: str
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class VerifiedFiles:
    """`nameless`: addresses of stored files that no row names, as a refused hand-in may leave them."""

    count: int
    damaged: tuple[DamagedFile, ...]
    nameless: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Swept:
    """How many leftovers were removed, and how many stay because the store is not known to be this database's."""

    removed: int
    kept: int = 0


def refuse_without_room(session: Session, unit_id: int, size: int, at: dt.datetime, *, in_all: int) -> None:
    """Raises RefusedError where there is no room for `size` more bytes of this unit, or `in_all` of all units."""
    mine = settings()
    quota = Quota(mine.unit_daily_files, mine.unit_daily_mb * MIB, mine.unit_total_mb * MIB)
    refuse_beyond(quota, session, unit_id, size, at)
    if not _store().has_room_for(in_all, mine.evidence_free_mb * MIB):
        raise RefusedError("the evidence store is nearly full, and nothing is taken; tell the leading-group office")


def verify() -> VerifiedFiles:
    """Read every file again and compare it with its hash."""
    names = _names()
    store = _store()
    damaged = tuple(DamagedFile(name, sha256) for sha256, name in names.items() if not store.verify(sha256))
    nameless = tuple(sorted(sha256 for sha256, _ in store.contents() if sha256 not in names))
    return VerifiedFiles(len(names), damaged, nameless)


def sweep(at: dt.datetime, *, claim: bool = False) -> Swept:
    """Remove what interrupted uploads and refused hand-ins left behind more than a day ago.

    Another database may keep its files in the same folder. So stored files are removed only where the store is known to
    be this database's: it was empty when this database came, all in it was its own, or the operator says so (`claim`).
    """
    store, before = _store(), at - UPLOAD_LASTS
    removed = store.sweep(before)
    # First what lies there, then what is named: a file whose row is written in between is named.
    old = [sha256 for sha256, stored in store.contents() if stored < before]
    names = _names()
    nameless = [sha256 for sha256 in old if sha256 not in names]
    if claim or (not store.owner and not nameless):
        store.claim(_database())
    if nameless and store.owner != _database():
        return Swept(removed, kept=len(nameless))
    return Swept(removed + sum(store.remove(sha256, before) for sha256 in nameless))


def claim_new_store() -> None:
    """Where the store is still empty, its files will be this database's."""
    store = _store()
    if not store.owner and next(store.contents(), None) is None:
        store.claim(_database())


def _names() -> dict[str, str]:
    """What units called the files, by address."""
    names: dict[str, str] = {}
    with read_session() as session:
        for sha256, name in session.execute(select(Evidence.sha256, Evidence.file_name).order_by(Evidence.id)):
            names.setdefault(sha256, name)
    return names


def _database() -> str:
    """Which database this is, among all that there are; a copy of it is another."""
    with read_session() as session:
        return str(
            session.scalar(
                text(
                    "SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database"
                    " WHERE datname = current_database()"
                )
            )
        )


def _store() -> EvidenceStore:
    return EvidenceStore(settings().evidence_address)
