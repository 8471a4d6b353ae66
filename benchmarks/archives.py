"""The archive pack beside a `zipfile` of plain Python that stores and hashes the same files, and its memory.

`python -m benchmarks.archives ours|plain FILE` is one such writer: a process of its own, which says how long it took
and the most memory that it held. Both read files from the page cache, and both bring the ZIP to the disk.
"""

import hashlib
import json
import os
import resource
import secrets
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters import clock
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import child_environment, settings
from benchmarks import ground, national
from benchmarks.report import Figure, at_least, no_more_than
from deploy.cli.operation.access import program_scope
from models.assignments.evidence import keep
from models.common.files import StoredEvidence
from models.plan.plan import plan_of
from models.plan.unit import units_of
from services.archive import write_archive
from tests.support.files import pdf

MB = 1_000_000
PIECE = 1024 * 1024
FILE = 20 * MB
FRAME = 1024  # bytes: more than a PDF has around what makes it large
FEW, MANY = 10, 100  # files: 200 MB and 2 GB
SPEED = 0.7
GROWTH_MB = 20
TOWNSHIPS = 100
WAYS = ("ours", "plain")


def measure(times: int) -> Iterator[Figure]:
    """Medians of so many packs of 2 GB, in turn with the plain ZIP; the memory beside that of a pack of 200 MB."""
    ground.create("archives")
    national.store(TOWNSHIPS)
    target = settings().data_dir / "pack.zip"
    _hand_in(FEW)
    small = _write("ours", target)["memory"]
    _hand_in(MANY - FEW)
    turns = [{way: _write(way, target) for way in order} for order in _orders(times)]
    speeds = [MANY * FILE / MB / statistics.median(turn[way]["seconds"] for turn in turns) for way in WAYS]
    grown = max(turn["ours"]["memory"] for turn in turns) - small
    yield at_least(SPEED, "archive of 2 GB", speeds[0], "MB/s", floor=speeds[1])
    yield no_more_than(GROWTH_MB, "archive: memory for 2 GB beyond that for 200 MB", grown / MB, "MB")


def _orders(times: int) -> Iterator[Sequence[str]]:
    """Each goes first as often as the other: the disk is not the same to both."""
    for turn in range(times):
        yield WAYS if turn % 2 else WAYS[::-1]


def _hand_in(count: int) -> None:
    """So many more files in the store, each a PDF of one page, made large by nonsense."""
    store, path = EvidenceStore(settings().evidence_address), settings().data_dir / "file"
    files = []
    for _ in range(count):
        path.write_bytes(pdf(secrets.token_bytes(FILE - FRAME)).ljust(FILE, b"\0"))
        stored = store.put(path)
        files.append(StoredEvidence(f"{stored.sha256[:8]}.pdf", "application/pdf", stored.size, stored.sha256))
    path.unlink()
    with transaction() as session:
        keep(session, units_of(session, plan_of(session).id)[0].id, files, clock.now())


def _write(way: str, target: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.archives", way, str(target)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=child_environment())
    target.unlink()
    os.sync()  # so that nobody pays for what the one before has written
    said: dict[str, float] = json.loads(done.stdout)
    return said


def _ours(target: Path) -> None:
    write_archive(program_scope(None, "benchmark"), EvidenceStore(settings().evidence_address), target)


def _plain(target: Path) -> None:
    with target.open("wb") as raw:
        with zipfile.ZipFile(raw, "w") as pack:
            for path in sorted(_root().glob("??/*")):
                _add(pack, path)
        raw.flush()
        os.fsync(raw.fileno())


def _add(pack: zipfile.ZipFile, path: Path) -> None:
    digest = hashlib.sha256()
    info = zipfile.ZipInfo(path.name)
    info.file_size = path.stat().st_size
    with path.open("rb") as source, pack.open(info, "w") as entry:
        while piece := source.read(PIECE):
            digest.update(piece)
            entry.write(piece)
    digest.hexdigest()


def _root() -> Path:
    return Path(EvidenceStore(settings().evidence_address).path_of("0" * 64)).parent.parent


def _warm() -> None:
    """Every file into the page cache."""
    for path in _root().glob("??/*"):
        with path.open("rb") as source:
            while source.read(PIECE):
                pass


def main(way: str, target: str) -> None:
    _warm()
    started = time.perf_counter()
    {"ours": _ours, "plain": _plain}[way](Path(target))
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    sys.stdout.write(json.dumps({"seconds": seconds, "memory": memory}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
