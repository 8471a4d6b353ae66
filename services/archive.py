"""The archive pack (归档包): one ZIP of a plan, to be read and checked without this program, offline, in many years.

Everything is streamed: memory grows with the number of files, by some hundred bytes each, never with their size.
The same state at the same instant gives the same bytes.
"""

import codecs
import csv
import datetime as dt
import errno
import hashlib
import io
import json
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from adapters.archive import verify as verify_archive
from adapters.evidence.store import EvidenceStore
from adapters.language import N_, Code, Language
from models.acceptance.summary import summary_of
from models.archive_tables import Extract, Original, extracts, journal_entries, originals
from models.bulletins.copy import issued_copies
from models.common.errors import NotFoundError, RefusedError
from models.common.file_names import fitting
from models.monitoring.audit import look_at_once
from models.monitoring.seal import last_seal
from models.permissions import Act, require
from models.plan.plan import Plan
from rendering import acceptance_report
from rendering.archive_words import readme
from rendering.printable import is_formula
from services.scope import Scope, together

FORMAT = "duban-archive/1"
MANIFEST, JOURNAL, README, VERIFY, DOCUMENT = "manifest.json", "journal.jsonl", "README.md", "verify.py", "plan.json"
TABLES, ORIGINALS, DOCUMENTS = "tables", "originals", "documents"
LONGEST_NAME = 200  # bytes: Linux allows 255 for a name, and the number of the file stands before it
EVIDENCE = "evidence"  # the table that names the originals
LANGUAGES: tuple[Code, ...] = ("zh", "en")
BEGINNING = "0" * 64  # in the place of the hash of the entry before the first one

MISSING = N_(
    "{name} of {unit} is missing in the evidence store ({sha256}): nothing was written; "
    "`duban evidence verify` names all such files"
)
DAMAGED = N_(
    "{name} of {unit} is damaged in the evidence store ({sha256}): nothing was written; "
    "`duban evidence verify` names all such files"
)

_PIECE = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FILE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3

Progress = Callable[[int, int], None]  # bytes of originals written so far, and bytes in all


@dataclass(frozen=True)
class Written:
    """What was written. `digest` is the SHA-256 of the manifest: who keeps it can prove the pack unchanged."""

    entries: int
    originals: int
    journal: int
    size: int
    digest: str


def write_archive(
    scope: Scope,
    store: EvidenceStore,
    output: Path,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Written:
    """Write the pack of a plan, as it is at one moment, to `output`; what stood there is replaced at the very end.

    The scope's instant is written into it. Raises NotFoundError where there is no such plan, and RefusedError, leaving
    nothing behind, where the disk is full, or where an original is gone or damaged.
    """
    with _settled(output) as target:
        with _packing(target, scope.at) as pack:
            with _at_one_moment(scope) as (session, plan):
                require(session, plan, Act.ARCHIVE, scope.actor)
                pack.add_text(README, readme(plan.title, scope.at))
                pack.add_text(VERIFY, Path(verify_archive.__file__).read_text(encoding="utf-8"))
                pack.add_text(DOCUMENT, json.dumps(plan.content, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
                wanted = _add_tables(pack, session, plan)
                _add_documents(pack, session, plan)
                chain = _add_journal(pack, session, plan) | _sealed(session)
                facts = {"code": plan.code, "version": plan.version, "zh": plan.title_zh, "en": plan.title_en}
            # Outside the transaction: copying gigabytes may take hours, and an open transaction would hold up VACUUM.
            _add_originals(pack, store, wanted, progress)
            digest = _add_manifest(pack, facts, chain, [one for _, one in wanted])
        return Written(len(pack.entries), len(wanted), chain["entries"], target.tell(), digest)


@contextmanager
def _at_one_moment(scope: Scope) -> Iterator[tuple[Session, Plan]]:
    """A transaction that sees the database as it was at its first statement."""
    with together() as session:
        look_at_once(session)
        with scope.joining(session).open() as place:
            yield place


class _Target(io.FileIO):
    """The file that is being written. After a failure it ignores further writes, so that the open ZIP can be closed."""

    failed = False

    def write(self, piece: Any) -> int:
        rest = memoryview(piece)
        while rest and not self.failed:
            try:
                rest = rest[self._put(rest) :]
            except OSError:
                self.failed = True
                raise
        return len(piece)

    def _put(self, piece: memoryview) -> int:
        return super().write(piece)


@contextmanager
def _settled(output: Path) -> Iterator[_Target]:
    """A temporary file beside `output` that takes its place when everything went well."""
    with _refusing_when_full(output):
        handle, name = tempfile.mkstemp(prefix=f".{output.name}-", dir=output.absolute().parent)
        temporary = Path(name)
        try:
            with _Target(handle, "w+b") as target:
                yield target
                os.fchmod(handle, 0o644)
                os.fsync(handle)
            temporary.replace(output)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _refusing_when_full(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno in _FULL:
            raise RefusedError(
                "{file}: the disk is full; nothing was written, make room and try again", file=str(output)
            ) from failure
        raise


@dataclass
class _Pack:
    """The ZIP and what is in it: path, size in bytes and SHA-256 of each entry."""

    target: _Target
    at: dt.datetime
    entries: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._zip = zipfile.ZipFile(self.target, "w")
        self._time = self.at.astimezone(dt.UTC).timetuple()[:6]

    def add(self, path: str, pieces: Iterable[bytes], *, packed: bool, size: int | None = None) -> str:
        """Write one entry piece by piece; returns the SHA-256 of its content. Give its size where it is known."""
        info = zipfile.ZipInfo(path, self._time)
        info.create_system, info.external_attr = _UNIX, _FILE
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.file_size = size or 0
        digest, length = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=size is None) as entry:
            for piece in pieces:
                digest.update(piece)
                length += len(piece)
                entry.write(piece)
        self.entries.append({"path": path, "size": length, "sha256": digest.hexdigest()})
        return digest.hexdigest()

    def add_text(self, path: str, text: str) -> str:
        return self.add(path, [text.encode()], packed=True)

    def close(self) -> None:
        self._zip.close()


@contextmanager
def _packing(target: _Target, at: dt.datetime) -> Iterator[_Pack]:
    pack = _Pack(target, at)
    try:
        yield pack
    except BaseException:
        target.failed = True
        raise
    finally:
        pack.close()


# ---- tables


def _add_tables(pack: _Pack, session: Session, plan: Plan) -> list[tuple[str, Original]]:
    """Each table as CSV. Returns the originals that have to follow, each with its path."""
    kept = _Paths(originals(session, plan))
    for extract in extracts(session, plan):
        _add_table(pack, extract, kept.path_of if extract.name == EVIDENCE else None)
    return kept.wanted


def _add_table(pack: _Pack, extract: Extract, path_of: Callable[[Mapping[str, Any]], str] | None) -> None:
    path, count = f"{TABLES}/{extract.name}.csv", 0

    def lines() -> Iterator[str]:
        nonlocal count
        for count, line in enumerate(_csv(extract, path_of)):  # noqa: B007  (the heading is number 0)
            yield line

    # Without this mark Excel reads the file in the code page of its country, and not as UTF-8.
    pack.add(path, _pieces(lines(), codecs.BOM_UTF8), packed=True)
    pack.rows[path] = count


class _Paths:
    """Where each original lies in the pack; the same content of several rows lies there once."""

    def __init__(self, files: Iterable[Original]) -> None:
        self.wanted: list[tuple[str, Original]] = []
        self._by_content: dict[str, str] = {}
        for one in files:
            if one.sha256 not in self._by_content:
                path = f"{ORIGINALS}/{one.unit}/{one.id}-{_plain_name(one.name)}"
                self._by_content[one.sha256] = path
                self.wanted.append((path, one))

    def path_of(self, row: Mapping[str, Any]) -> str:
        return self._by_content[row["sha256"]]


def _plain_name(name: str) -> str:
    """The unit's name for it, shortened, without characters that some system takes for a folder, drive or command."""
    plain = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", name).strip(" .") or "_"
    return fitting(plain, LONGEST_NAME)


def _csv(extract: Extract, extra: Callable[[Mapping[str, Any]], str] | None) -> Iterator[str]:
    line = io.StringIO()
    write = csv.writer(line, lineterminator="\r\n").writerow
    write([*extract.columns, *(["path"] if extra else [])])
    yield line.getvalue()
    for row in extract.rows:
        line.seek(0)
        line.truncate()
        more = [extra(dict(row._mapping))] if extra else []  # noqa: SLF001  (its public name in SQLAlchemy)
        write([*(_cell(value) for value in row), *more])
        yield line.getvalue()


def _cell(value: Any) -> Any:
    """What stands in a cell. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    value = _json(value)
    match value:
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_json)
        case str() if is_formula(value):
            return f"'{value}"
    return value


def _json(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case dt.date():
            return value.isoformat()
    return value


def _pieces(lines: Iterable[str], start: bytes = b"") -> Iterator[bytes]:
    """The lines joined into pieces of about a megabyte, so that there are few writes."""
    piece = bytearray(start)
    for line in lines:
        piece += line.encode()
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


# ---- documents


def _add_documents(pack: _Pack, session: Session, plan: Plan) -> None:
    """Documents for people: each bulletin as it was issued, and the acceptance report as of the day of the pack."""
    for copy, bulletin in issued_copies(session, plan):
        name = f"{DOCUMENTS}/{bulletin.ref.replace('/', '-')}.{copy.language}.{copy.ending}"
        pack.add(name, [copy.content], packed=False, size=len(copy.content))
    summary = summary_of(session, plan, plan.day_of(pack.at))
    if any(one.verdict for one in summary.items):
        for code in LANGUAGES:
            content = acceptance_report.word(summary, Language.of(code))
            pack.add(f"{DOCUMENTS}/acceptance.{code}.docx", [content], packed=False)


# ---- the journal


def _add_journal(pack: _Pack, session: Session, plan: Plan) -> dict[str, Any]:
    """The journal, one JSON object a line. Each holds the SHA-256 of the line before it, so that a line which is
    changed, moved or removed breaks the chain.
    """
    chain: dict[str, Any] = {"path": JOURNAL, "entries": 0, "root": BEGINNING}

    def lines() -> Iterator[str]:
        for entry in journal_entries(session, plan):
            known = {name: _json(value) for name, value in entry.items() if value is not None}
            line = json.dumps(known | {"previous": chain["root"]}, ensure_ascii=False, sort_keys=True)
            chain["entries"] += 1
            chain["root"] = hashlib.sha256(line.encode()).hexdigest()
            yield f"{line}\n"

    pack.add(JOURNAL, _pieces(lines()), packed=True)
    return chain


def _sealed(session: Session) -> dict[str, Any]:
    """Up to where the database's journal is sealed, over all its plans: the pack can be held against it later."""
    last = last_seal(session)
    if last is None:
        return {}
    at = last.at.astimezone(dt.UTC).isoformat()
    return {"seal": {"number": last.number, "at": at, "last_entry": last.last_entry, "digest": last.digest}}


# ---- originals and the manifest


def _add_originals(
    pack: _Pack, store: EvidenceStore, wanted: Sequence[tuple[str, Original]], progress: Progress
) -> None:
    whole, done = sum(original.size for _, original in wanted), 0
    progress(0, whole)

    def told(pieces: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal done
        for piece in pieces:
            yield piece
            done += len(piece)
            progress(done, whole)

    for path, original in wanted:
        written = pack.add(path, told(_content(store, original)), packed=False, size=original.size)
        if written != original.sha256:
            raise RefusedError(DAMAGED, name=original.name, unit=original.unit, sha256=original.sha256)


def _content(store: EvidenceStore, original: Original) -> Iterator[bytes]:
    try:
        source = store.open(original.sha256)
    except NotFoundError as gone:
        raise RefusedError(MISSING, name=original.name, unit=original.unit, sha256=original.sha256) from gone
    left = original.size
    with source:
        # Reads one byte more than is expected, to notice a file that has grown.
        while left >= 0 and (piece := source.read(min(_PIECE, left + 1))):
            left -= len(piece)
            yield piece


def _add_manifest(pack: _Pack, plan: dict[str, Any], chain: dict[str, Any], files: Sequence[Original]) -> str:
    facts = {
        "format": FORMAT,
        "plan": plan,
        "at": pack.at.astimezone(dt.UTC).isoformat(),
        "journal": chain,
        "rows": pack.rows,
        "originals": {"files": len(files), "scanned_for_viruses": sum(one.was_scanned for one in files)},
    }
    head = json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).removesuffix("\n}")
    entries = ",\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in pack.entries)
    return pack.add_text(MANIFEST, f'{head},\n "entries": [\n{entries}\n]\n}}\n')
