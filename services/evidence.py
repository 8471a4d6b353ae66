"""Maintenance of the store of files: check every file, and remove what interrupted uploads left behind."""

import dataclasses
import datetime as dt

from sqlalchemy import select

from adapters.database.sessions import read_session
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from models.assignments.evidence import Evidence

UPLOAD_LASTS = dt.timedelta(days=1)  # no upload takes longer


@dataclasses.dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that is missing in the store, or not what was handed in; `name` is what a unit called it."""

    name: str
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class VerifiedFiles:
    count: int
    damaged: tuple[DamagedFile, ...]


def verify() -> VerifiedFiles:
    """Read every file again and compare it with its hash."""
    with read_session() as session:
        rows = session.execute(select(Evidence.sha256, Evidence.file_name).order_by(Evidence.id)).all()
    names: dict[str, str] = {}
    for sha256, name in rows:
        names.setdefault(sha256, name)
    store = EvidenceStore(settings().evidence_address)
    damaged = tuple(DamagedFile(name, sha256) for sha256, name in names.items() if not store.verify(sha256))
    return VerifiedFiles(len(names), damaged)


def sweep(at: dt.datetime) -> int:
    """Remove what interrupted uploads left behind; returns how many."""
    return EvidenceStore(settings().evidence_address).sweep(at - UPLOAD_LASTS)
