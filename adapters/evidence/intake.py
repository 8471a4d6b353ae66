"""Taking in files that are handed in: by the command line from a disk, by the portal from a request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.evidence import antivirus
from adapters.evidence.apart import inspect_all
from adapters.evidence.inspection import MIB, FileFacts, Limits
from adapters.evidence.store import StoredFile
from adapters.settings import settings
from models.common.errors import RefusedError
from models.common.files import StoredEvidence


@dataclass(frozen=True)
class HandedIn:
    """A local file that a unit calls `name`, and how it comes into the evidence store."""

    path: Path
    name: str
    keep: Callable[[], StoredFile]


def take_in(files: Sequence[HandedIn]) -> tuple[StoredEvidence, ...]:
    """Look into every file first and scan it for viruses; only if all are sound, keep any.

    Raises RefusedError for the first that is not, or when the store is full.
    """
    limits = Limits(settings().evidence_max_mb * MIB, settings().evidence_unpacked_max_mb * MIB)
    facts = inspect_all([(file.path, file.name) for file in files], limits)
    scanned = [antivirus.scan(file.path, fact.name) for file, fact in zip(files, facts, strict=True)]
    return tuple(_keep(*one) for one in zip(files, facts, scanned, strict=True))


def _keep(file: HandedIn, fact: FileFacts, was_scanned: bool) -> StoredEvidence:  # noqa: FBT001  (called in order)
    stored = file.keep()
    if stored.size != fact.size:
        raise RefusedError("{name}: the file changed while it was being handed in", name=fact.name)
    return StoredEvidence(fact.name, fact.media_type, stored.size, stored.sha256, was_scanned)
