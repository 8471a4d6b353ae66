"""Files that come in with a form: off the line and straight into the evidence store, however large they are."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from adapters.evidence.inspection import MIB, clean_name
from adapters.evidence.intake import HandedIn, take_in
from adapters.evidence.store import EvidenceStore, Incoming
from adapters.settings import settings
from models.common.errors import RefusedError
from models.common.files import StoredEvidence
from portal.turns import UnderWay

UNDER_WAY = UnderWay()  # what units send just now, by their ids
MAX_FIELDS = 2000
LONGEST_TEXT_KB = 64
MAX_TEXT_KB = 1024  # in all fields together

_KIB = 1024
_BATCH = MIB
_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:\\["\\]|[^"])*+)"|([^";]*))')
_T = TypeVar("_T")

Check = Callable[[Mapping[str, list[str]]], None]


@dataclass(frozen=True)
class Upload:
    """What a form brought: the values of every field, and its files, which are in the evidence store by now."""

    fields: dict[str, list[str]]
    files: tuple[StoredEvidence, ...]


async def receive(request: Request, *, check: Check) -> Upload:
    """Read the form that `request` brings as multipart/form-data. Of its files all are kept, or none.

    `check` gets the fields that stand before the first file, and nothing is written before it returns; where more come
    behind, it gets them all before any file is kept. It runs in a thread of its own, and what it raises is passed on.
    Raises RefusedError for whatever is wrong with the form or its files, ClientDisconnect when the
    client is gone. Nothing is left behind then, nor when the task is cancelled.
    """
    fields, files = await _received(request, check, _Files.take_in)
    return Upload(fields, files)


async def look_at(
    request: Request, *, check: Check, look: Callable[[Path, str], _T]
) -> tuple[dict[str, list[str]], list[_T]]:
    """As `receive`, for files that are looked at and not kept: the fields, and what `look` says of each file.

    `look` gets where the file lies and what its sender calls it. It runs in the upload's own thread.
    """
    return await _received(request, check, partial(_Files.looked_at, look=look))


async def _received(request: Request, check: Check, end: Callable[["_Files"], _T]) -> tuple[dict[str, list[str]], _T]:
    files = _Files()
    async with _worker(files.leave) as worker:
        form = _Form(files, check)
        parser = _parser(request, form)
        async with aclosing(request.stream()) as stream:
            async for chunk in stream:
                form.read(parser, chunk)
                if form.waiting >= _BATCH:
                    await worker.hand_over(form.work())
        form.finish()
        await worker.hand_over(form.work())
        return form.fields, await worker.result_of(partial(end, files))


class _Worker:
    """The one thread that does an upload's work on the disk, in order, while the line is read on.

    It is none of the threads that pages are made in: a scan for viruses may take minutes.
    """

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._at_work: Future[None] | None = None

    async def hand_over(self, work: Callable[[], None]) -> None:
        """Waits for what was handed over before, so that memory stays flat and nothing follows a failure."""
        await self._idle()
        self._at_work = self._thread.submit(work)

    async def result_of(self, work: Callable[[], _T]) -> _T:
        await self._idle()
        return await asyncio.wrap_future(self._thread.submit(work))

    async def _idle(self) -> None:
        if self._at_work is not None:
            await asyncio.wrap_future(self._at_work)


@asynccontextmanager
async def _worker(leave: Callable[[], None]) -> AsyncIterator[_Worker]:
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upload")
    try:
        yield _Worker(thread)
    finally:
        # After whatever the thread is at, and even if nobody can wait for it because this task is cancelled.
        left = thread.submit(leave)
        thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(left))


class _Files:
    """The files of a form on their way into the store, of which the last is being written. For the worker only."""

    def __init__(self) -> None:
        self._incoming: list[Incoming] = []
        self._stack = ExitStack()

    @cached_property
    def _store(self) -> EvidenceStore:
        return EvidenceStore(settings().evidence_address)

    def open(self, name: str) -> None:
        self._incoming.append(self._stack.enter_context(self._store.receive(name)))

    def write(self, piece: bytearray) -> None:
        self._incoming[-1].write(piece)

    def finish(self) -> None:
        self._incoming[-1].finish()

    def take_in(self) -> tuple[StoredEvidence, ...]:
        return take_in([HandedIn(file.path, file.name, file.keep) for file in self._incoming])

    def looked_at(self, look: Callable[[Path, str], _T]) -> list[_T]:
        return [look(file.path, file.name) for file in self._incoming]

    def leave(self) -> None:
        self._stack.close()


@dataclass
class _Part:
    """The part of the form that is being read. Without a file name, not even an empty one, it is a field."""

    disposition: bytes = b""
    name: str = ""
    file_name: str | None = None
    is_open: bool = False
    size: int = 0


class _Form:
    """What the parser finds: fields, which are small and stay here, and files, which make work for the worker."""

    def __init__(self, files: _Files, check: Check) -> None:
        self.fields: dict[str, list[str]] = {}
        self.waiting = 0  # bytes
        self._files = files
        self._check = check
        self._checked: dict[str, list[str]] | None = None
        self._work: list[Callable[[], object]] = []
        self._part = _Part()
        self._content = bytearray()
        self._header_name = self._header_value = b""
        self._received = self._text_size = self._field_count = self._file_count = 0
        self._is_complete = False

    def read(self, parser: MultipartParser, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > settings().upload_max_mb * MIB:
            limit = f"{settings().upload_max_mb} MB"
            raise RefusedError("too much was sent at once; at most {limit} are accepted", limit=limit)
        try:
            parser.write(chunk)
        except FormParserError as failure:
            raise _broken() from failure

    def finish(self) -> None:
        if not self._is_complete:
            raise _broken()
        if self.fields != self._checked:  # more came behind the files
            self._check_now()

    def work(self) -> Callable[[], None]:
        """What there is to be done, in order, that was not given out before."""
        self._write_content()
        steps, self._work, self.waiting = self._work, [], 0
        return partial(_do, steps)

    # ---- what the parser calls

    def begin_part(self) -> None:
        self._part = _Part()
        self._header_name = self._header_value = b""

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._part.disposition = self._header_value
        self._header_name = self._header_value = b""

    def begin_content(self) -> None:
        part = self._part
        part.name, part.file_name = _names(part.disposition)
        if part.file_name:
            self._open_file(part)
        else:
            self._field_count += 1
            if self._field_count > MAX_FIELDS:
                raise RefusedError("the form has too many fields; at most {limit} are accepted", limit=MAX_FIELDS)

    def add_content(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size += end - start
        if part.file_name is None:
            self._check_text(part, end - start)
        else:
            if not part.is_open:
                self._open_file(part)
            self._check_file(part)
            self.waiting += end - start
        self._content += memoryview(data)[start:end]

    def end_part(self) -> None:
        part = self._part
        if part.file_name is None:
            self.fields.setdefault(part.name, []).append(_text(self._content))
            self._content = bytearray()
        elif part.is_open:  # a browser sends a part without a name or a byte where no file was chosen
            self._write_content()
            self._work.append(self._files.finish)

    def end(self) -> None:
        self._is_complete = True

    # ----

    def _open_file(self, part: _Part) -> None:
        self._file_count += 1
        if self._file_count > settings().upload_max_files:
            limit = settings().upload_max_files
            raise RefusedError("at most {limit} files may be handed in at once", limit=limit)
        part.file_name = clean_name(part.file_name or "")
        part.is_open = True
        if self._checked is None:
            self._check_now()
        self._work.append(partial(self._files.open, part.file_name))

    def _check_now(self) -> None:
        self._checked = {name: list(values) for name, values in self.fields.items()}
        self._work.append(partial(self._check, self._checked))

    def _write_content(self) -> None:
        if self._part.is_open and self._content:
            self._work.append(partial(self._files.write, self._content))
            self._content = bytearray()

    def _check_text(self, part: _Part, size: int) -> None:
        self._text_size += size
        if part.size > LONGEST_TEXT_KB * _KIB:
            raise RefusedError("a text of the form is too long; at most {limit} KB are accepted", limit=LONGEST_TEXT_KB)
        if self._text_size > MAX_TEXT_KB * _KIB:
            raise RefusedError("the form holds too much text; at most {limit} KB are accepted", limit=MAX_TEXT_KB)

    def _check_file(self, part: _Part) -> None:
        limit = settings().evidence_max_mb
        if part.size > limit * MIB:
            raise RefusedError(
                "{name}: is larger than {limit_mb} MB, and no more may be handed in",
                name=part.file_name,
                limit_mb=limit,
            )


def _do(steps: list[Callable[[], object]]) -> None:
    for step in steps:
        step()


def _parser(request: Request, form: _Form) -> MultipartParser:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise _broken()
    try:
        return MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.add_header_name,
                "on_header_value": form.add_header_value,
                "on_header_end": form.end_header,
                "on_headers_finished": form.begin_content,
                "on_part_data": form.add_content,
                "on_part_end": form.end_part,
                "on_end": form.end,
            },
        )
    except FormParserError as failure:  # the boundary is too long
        raise _broken() from failure


def _broken() -> RefusedError:
    return RefusedError("the form arrived damaged or incomplete; send it again")


def _text(content: bytearray) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as failure:
        raise _broken() from failure


def _names(disposition: bytes) -> tuple[str, str | None]:
    """The name of the field, and that of the file: None for a field, empty where no file was chosen."""
    header = _decoded(disposition)
    given = {name.lower(): _plain(quoted) or token.strip() for name, quoted, token in _PARAMETER.findall(header)}
    if not header.lower().startswith("form-data") or "name" not in given:
        raise _broken()
    return given["name"], _extended(given.get("filename*", "")) or given.get("filename")


def _decoded(disposition: bytes) -> str:
    """Browsers send UTF-8 as it is, some old programs what Windows speaks in China."""
    try:
        return disposition.decode()
    except UnicodeDecodeError:
        return disposition.decode("gb18030", "replace")


def _plain(quoted: str) -> str:
    """Without the escapes of RFC 9110, which programs use, and those of browsers."""
    return re.sub("%(22|0D|0A)", lambda found: unquote(found[0]), re.sub(r'\\(["\\])', r"\1", quoted))


def _extended(value: str) -> str | None:
    """A value of RFC 5987, charset'language'percent-encoded; None where it is none."""
    match = re.fullmatch("(utf-8|iso-8859-1)'[^']*'(.+)", value, re.IGNORECASE)
    try:
        return unquote_to_bytes(match[2]).decode(match[1]) if match else None
    except UnicodeDecodeError:
        return None
