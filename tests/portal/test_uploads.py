"""Files of a form go straight into the store: all or none, whatever the line, the disk or the form itself do."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import errno
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import uvicorn
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from adapters.evidence import antivirus
from adapters.evidence import store as evidence_store
from adapters.evidence.inspection import MIB
from adapters.evidence.store import EvidenceStore, Incoming
from adapters.settings import settings
from models.common.errors import DubanError, RefusedError
from models.common.files import StoredEvidence
from portal.uploads import Upload, receive
from tests.adapters.test_antivirus import VIRUS, Clamd, clamd
from tests.adapters.test_evidence_store import FullDisk
from tests.conftest import ROOT
from tests.support.files import pdf

__all__ = ["clamd"]  # a fixture

REPORT = "关于2023年工作的报告(盖章).pdf"
MINUTES = "会议纪要 “三校协同”.txt"
# The same in each process that collects tests: it stands in the names of some.
PDF = pdf(random.Random(7).randbytes(300_000))
BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW5"
CONTENT_TYPE = "multipart/form-data; boundary=" + BOUNDARY.decode()
DELIMITER = b"\r\n--" + BOUNDARY
BROKEN = "the form arrived damaged or incomplete; send it again"


def raw_part(disposition: bytes, content: bytes) -> bytes:
    head = b"--%b\r\nContent-Disposition: %b\r\nContent-Type: application/octet-stream\r\n\r\n"
    return head % (BOUNDARY, disposition) + content + b"\r\n"


def field(name: str, value: str) -> bytes:
    return raw_part(f'form-data; name="{name}"'.encode(), value.encode())


def file(name: str, content: bytes) -> bytes:
    return raw_part(f'form-data; name="files"; filename="{name}"'.encode(), content)


END = b"--%b--\r\n" % BOUNDARY


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def let_pass(fields: Mapping[str, list[str]]) -> None:
    pass


def in_pieces(body: bytes, size: int = 100_000) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def request(chunks: Sequence[bytes], content_type: str = CONTENT_TYPE, *, cut: bool = False) -> Request:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b""})
    line = iter(messages)

    async def read() -> dict[str, Any]:
        return next(line)

    headers = [(b"content-type", content_type.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}, read)


def send(body: bytes, check: Callable[[Mapping[str, list[str]]], None] = let_pass) -> Upload:
    """Without a server."""
    return asyncio.run(receive(request(in_pieces(body)), check=check))


def refusal(body: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        send(body)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "佐证材料"
    limit(monkeypatch, "EVIDENCE_URL", str(folder))
    return folder


def limit(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    monkeypatch.setenv(f"DUBAN_{name}", str(value))
    settings.cache_clear()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def is_kept(folder: Path, evidence: StoredEvidence, content: bytes) -> bool:
    with EvidenceStore(str(folder)).open(evidence.sha256) as source:
        return source.read() == content and evidence.size == len(content)


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came to pass")


# ---- a real server


def app() -> Starlette:
    async def hand_in(request: Request) -> JSONResponse:
        try:
            upload = await receive(request, check=let_pass)
        except DubanError as refused:
            return JSONResponse(str(refused), 422)
        return JSONResponse(dataclasses.asdict(upload))

    def peak(_: Request) -> JSONResponse:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return JSONResponse(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")))

    async def gone(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse("nobody reads this", 499)

    routes = [Route("/hand-in", hand_in, methods=["POST"]), Route("/peak", peak)]
    return Starlette(routes=routes, exception_handlers={ClientDisconnect: gone})


def server() -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app(), log_level="warning", lifespan="off", ws="none"))


@pytest.fixture
def line() -> Iterator[socket.socket]:
    """What a server listens on. Whoever comes before it is up only waits."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        yield line


@pytest.fixture
def address(line: socket.socket) -> Iterator[str]:
    portal = server()
    thread = threading.Thread(target=portal.run, kwargs={"sockets": [line]})
    thread.start()
    yield address_of(line)
    portal.should_exit = True
    thread.join()


@contextmanager
def server_process(line: socket.socket, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = """
        import socket, sys
        from tests.portal.test_uploads import server

        line = socket.socket(fileno=int(sys.argv[1]))
        server().run(sockets=[line])
    """
    number = line.fileno()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(number)],
        cwd=ROOT,
        pass_fds=[number],
        env={**os.environ, "DUBAN_EVIDENCE_URL": str(folder)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def address_of(line: socket.socket) -> str:
    return f"http://127.0.0.1:{line.getsockname()[1]}"


def begin(line: socket.socket, sent: bytes) -> socket.socket:
    """A browser that has sent this much of its request."""
    client = socket.create_connection(line.getsockname())
    head = f"POST /hand-in HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {50 * MIB}\r\n\r\n"
    client.sendall(head.encode() + sent)
    return client


# ---- what arrives


def test_a_form_with_two_files(folder: Path, address: str) -> None:
    files = [("files", (REPORT, PDF)), ("files", (MINUTES, "已报送。".encode()))]
    fields = {"csrf": "x", "ids": ["1", "2", "3"], "note": "第一行\r\n第二行", "empty": ""}
    with httpx.Client() as client:
        answer = client.post(f"{address}/hand-in", data=fields, files=files).json()
    assert answer["fields"] == {"csrf": ["x"], "ids": ["1", "2", "3"], "note": ["第一行\r\n第二行"], "empty": [""]}
    report, minutes = (StoredEvidence(**kept) for kept in answer["files"])
    assert (report.name, report.media_type) == (REPORT, "application/pdf")
    assert (minutes.name, minutes.media_type) == (MINUTES, "text/plain")
    assert is_kept(folder, report, PDF)
    assert is_kept(folder, minutes, "已报送。".encode())
    assert len(files_in(folder)) == 2


def test_a_form_in_which_no_file_was_chosen(folder: Path) -> None:
    assert send(form(file("", b""), field("note", "x"), file("", b""))) == Upload({"note": ["x"]}, ())
    assert not folder.exists()


def test_a_store_that_is_not_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit(monkeypatch, "EVIDENCE_URL", f"memory://{tmp_path}")
    kept = send(form(file(REPORT, PDF))).files[0]
    assert EvidenceStore(f"memory://{tmp_path}").verify(kept.sha256)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (f'filename="{REPORT}"'.encode(), REPORT),
        (b"filename=\"old.pdf\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf", "报告.pdf"),
        (b"filename*=utf-8'zh'%e6%8a%a5%e5%91%8a.pdf; filename=\"old.pdf\"", "报告.pdf"),
        (b"filename*=iso-8859-1''caf%E9.pdf", "café.pdf"),
        (b"filename=\"kept.pdf\"; filename*=UTF-8''%FF%FE.pdf", "kept.pdf"),
        (b"filename=\"kept.pdf\"; filename*=UTF-7''+AGE-.pdf", "kept.pdf"),
        (b'filename="a %22b%22; c=%25.pdf"', 'a "b"; c=%25.pdf'),  # as browsers write it
        (rb'filename="a \"b\"; c.pdf"', 'a "b"; c.pdf'),  # as programs do
        (rb'filename="C:\users\wang\b.pdf"', "b.pdf"),
        (b"FileName = plain.pdf ", "plain.pdf"),
        ('filename="报告.pdf"'.encode("gb18030"), "报告.pdf"),
        ('filename="Ａ①é.pdf"'.encode(), "Ａ①é.pdf"),
    ],
)
def test_a_file_keeps_its_name(folder: Path, disposition: bytes, name: str) -> None:
    upload = send(form(raw_part(b'form-data; name="a; filename=x.pdf"; ' + disposition, PDF)))
    assert [kept.name for kept in upload.files] == [name]


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"--", *(DELIMITER[:end] for end in range(2, len(DELIMITER)))])
        | st.binary(max_size=3)
    ),
    cuts=st.lists(st.integers(1, 60)),
)
@example(pieces=[DELIMITER[:-1], DELIMITER[:-1], b"\r\n-"], cuts=[1])
def test_content_that_looks_like_a_boundary_arrives_as_it_was(
    folder: Path, pieces: list[bytes], cuts: list[int]
) -> None:
    content = pdf(b"".join(pieces))
    assume(DELIMITER not in content + b"\r\n--")
    rest, chunks = form(field("a", "b"), file(REPORT, content)), []
    for cut in cuts:
        chunks.append(rest[:cut])
        rest = rest[cut:]
    upload = asyncio.run(receive(request([*chunks, rest]), check=let_pass))
    assert upload.fields == {"a": ["b"]}
    assert is_kept(folder, upload.files[0], content)


# ---- who sent it


class ForgedError(DubanError):
    pass


def test_a_forged_form_never_reaches_the_disk(folder: Path) -> None:
    def refuse(fields: Mapping[str, list[str]]) -> None:
        raise ForgedError("forged by {who}", who=fields["csrf"][0])

    body = form(field("csrf", "mallory"), file(REPORT, PDF * 20))
    with pytest.raises(ForgedError, match="forged by mallory"):
        send(body, refuse)
    assert not folder.exists()


def test_the_form_is_checked_with_what_stands_before_the_files_and_again_with_what_follows(folder: Path) -> None:
    seen: list[Mapping[str, list[str]]] = []
    body = form(field("csrf", "x"), file("", b""), file("a.pdf", PDF), field("late", "y"), file("b.pdf", PDF))
    upload = send(body, seen.append)
    assert upload.fields == {"csrf": ["x"], "late": ["y"]}
    assert seen == [{"csrf": ["x"]}, upload.fields]
    send(form(field("csrf", "x"), field("late", "y")), seen.append)
    assert seen[2:] == [upload.fields]


def test_what_follows_the_files_is_refused_before_any_is_kept(folder: Path) -> None:
    def refuse_late(fields: Mapping[str, list[str]]) -> None:
        if "late" in fields:
            raise ForgedError("forged")

    with pytest.raises(ForgedError):
        send(form(field("csrf", "x"), file("a.pdf", PDF), field("late", "y")), refuse_late)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


# ---- limits


def test_a_file_may_be_as_large_as_the_limit_and_not_a_byte_larger(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "EVIDENCE_MAX_MB", 1)
    content = PDF * 3 + bytes(MIB - 3 * len(PDF))
    too_large = f"{REPORT}: is larger than 1 MB, and no more may be handed in"
    assert refusal(form(file("a.pdf", content), file(REPORT, content + b"!"))) == too_large
    assert files_in(folder) == []
    assert is_kept(folder, send(form(file(REPORT, content))).files[0], content)


def test_a_limit_on_the_number_of_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "UPLOAD_MAX_FILES", 2)
    files = [file(f"{number}.pdf", PDF + bytes([number])) for number in range(3)]
    assert refusal(form(*files)) == "at most 2 files may be handed in at once"
    assert files_in(folder) == []
    assert len(send(form(*files[:2], file("", b""))).files) == 2


def test_a_limit_on_everything_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "UPLOAD_MAX_MB", 1)
    body = form(*[file(f"{number}.pdf", PDF + bytes([number])) for number in range(4)])
    assert refusal(body) == "too much was sent at once; at most 1 MB are accepted"
    assert files_in(folder) == []
    body = form(file(REPORT, PDF * 3))
    assert send(body + b" " * (MIB - len(body))).files
    assert refusal(body + b" " * (MIB - len(body) + 1)) == "too much was sent at once; at most 1 MB are accepted"


@pytest.mark.parametrize(
    ("allowed", "too_much", "words"),
    [
        ([field("a", "")] * 2000, field("a", ""), "the form has too many fields; at most 2000 are accepted"),
        ([file("", b"")] * 2000, field("a", ""), "the form has too many fields; at most 2000 are accepted"),
        (
            [field("a", "x" * 65536)],
            field("a", "x" * 65537),
            "a text of the form is too long; at most 64 KB are accepted",
        ),
        ([field("a", "x" * 65536)] * 16, field("a", "x"), "the form holds too much text; at most 1024 KB are accepted"),
    ],
)
def test_limits_on_text(folder: Path, allowed: list[bytes], too_much: bytes, words: str) -> None:
    assert send(form(*allowed)).files == ()
    assert refusal(form(*allowed, too_much)) == words


def test_whoever_sends_too_much_is_told_so(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "EVIDENCE_MAX_MB", 1)
    with httpx.Client() as client:
        answer = client.post(f"{address}/hand-in", files={"files": (REPORT, PDF * 60)})
        assert answer.status_code == 422
        assert answer.json() == f"{REPORT}: is larger than 1 MB, and no more may be handed in"
        assert client.get(f"{address}/peak").status_code == 200
    assert files_in(folder) == []


# ---- one bad file keeps all of them out


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (file("b.pdf", b"MZ" + bytes(1000)), "b.pdf: the content is not that of a pdf file"),
        (file("b.exe", b"MZ"), 'b.exe: files of the type "exe" are not accepted'),
        (file(REPORT, b""), f"{REPORT}: is empty"),
        (file("", PDF), '"": is not the name of a file'),
        (file("a%0D%0Ab.pdf", PDF), "the name holds invisible control characters"),
        (file("a\u202eb.pdf", PDF), "the name holds invisible control characters"),
        (file("..", PDF), '"..": is not the name of a file'),
        (file("报" * 201, PDF), "the name has 201 characters"),
        (file("b.pdf", PDF + VIRUS), "b.pdf: holds a virus (Eicar-Test-Signature)"),
    ],
)
def test_one_bad_file_keeps_all_out(folder: Path, clamd: Clamd, bad: bytes, words: str) -> None:
    assert words in refusal(form(file("a.pdf", PDF), bad, file("c.pdf", PDF)))
    assert files_in(folder) == []


def test_a_file_that_could_not_be_scanned_is_not_kept(folder: Path, clamd: Clamd) -> None:
    clamd.reply = lambda _: b"stream: Can't allocate memory ERROR\0"
    assert "could not be scanned for viruses" in refusal(form(file(REPORT, PDF)))
    assert files_in(folder) == []


def test_a_disk_that_fills_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_store, "FileIO", FullDisk)
    body = form(file("a.pdf", PDF), file(REPORT, PDF * 10))
    assert refusal(body).startswith(f"{REPORT}: was not stored, because the evidence store is full")
    assert files_in(folder) == []


def test_a_disk_that_turns_out_full_at_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Incoming.finish

    def full(self: Incoming) -> None:
        with monkeypatch.context() as patch:
            if self.name == REPORT:
                patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EDQUOT, "quota")))
            finish(self)

    monkeypatch.setattr(Incoming, "finish", full)
    body = form(file("a.pdf", PDF), file(REPORT, PDF))
    assert refusal(body).startswith(f"{REPORT}: was not stored, because the evidence store is full")
    assert files_in(folder) == []


# ---- forms that are none


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="])
def test_what_is_no_form_is_refused(folder: Path, content_type: str) -> None:
    with pytest.raises(RefusedError, match=BROKEN):
        asyncio.run(receive(request([form(field("a", "b"))], content_type), check=let_pass))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        form(file(REPORT, PDF))[:-4],
        form(file(REPORT, PDF))[:-200],
        form(raw_part(b'form-data; filename="a.pdf"', PDF)),
        form(raw_part(b'attachment; name="a"; filename="a.pdf"', PDF)),
        form(raw_part(b"", PDF)),
        form(raw_part(b'form-data; name="note"', b"\xff\xfe")),
        form(file(REPORT, PDF), field("a", "b")).replace(b"Content-Type:", b"Content Type:"),
        form(file("x" * 5000, PDF)),
        form(raw_part(b'form-data; name="a"' + b"\r\nX: y" * 20, PDF)),
    ],
)
def test_a_damaged_form_is_refused(folder: Path, body: bytes) -> None:
    assert refusal(body) == BROKEN
    assert files_in(folder) == []


TOKENS = st.sampled_from(
    [
        *(BOUNDARY, b"--", b"\r\n", b"\r\n\r\n", b"\r", b'"', b"'", b";", b"=", b"\\", b" ", END, DELIMITER, b"\xff"),
        *(field("a", "b"), file(REPORT, b"%PDF-1"), file("", b""), file("b.exe", b"MZ"), b"name", b"filename*"),
        *(b"Content-Disposition: form-data; ", b'form-data; name="a"; filename="', b"filename*=UTF-8''%E6", b"%22"),
    ]
)


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    chunks=st.lists(st.lists(TOKENS | st.binary(max_size=20)).map(b"".join)),
    content_type=st.just(CONTENT_TYPE)
    | st.text(st.characters(max_codepoint=255)).map("multipart/form-data; boundary={}".format)
    | st.text(st.characters(max_codepoint=255)),
    begins=st.booleans(),
    ends=st.booleans(),
)
def test_no_form_does_more_than_be_refused(
    folder: Path, chunks: list[bytes], content_type: str, begins: bool, ends: bool
) -> None:
    chunks = [b"--%b\r\n" % BOUNDARY] * begins + chunks + [END] * ends
    with contextlib.suppress(RefusedError):
        upload = asyncio.run(receive(request(chunks, content_type), check=let_pass))
        assert all(EvidenceStore(str(folder)).verify(kept.sha256) for kept in upload.files)
    assert not any(path.parent.name == "incoming" for path in files_in(folder))


# ---- lines and processes that break


def test_a_line_that_breaks_leaves_nothing(folder: Path) -> None:
    body = form(file("a.pdf", PDF), file(REPORT, PDF * 20))
    with pytest.raises(ClientDisconnect):
        asyncio.run(receive(request(in_pieces(body)[:-10], cut=True), check=let_pass))
    assert folder.exists()
    assert files_in(folder) == []


def test_a_browser_that_goes_away_leaves_nothing(folder: Path, line: socket.socket, address: str) -> None:
    with begin(line, file("a.pdf", PDF) + file(REPORT, PDF * 20)):
        eventually(lambda: len(files_in(folder)) == 2)
    eventually(lambda: files_in(folder) == [])
    with httpx.Client() as client:
        assert client.get(f"{address}/peak").status_code == 200


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_that_is_cancelled_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Although its thread is in the middle of writing, and goes on for a while."""
    writing, go_on = threading.Event(), threading.Event()
    write = Incoming.write

    def slow(self: Incoming, piece: bytes) -> None:
        write(self, piece)
        writing.set()
        go_on.wait(60)
        write(self, piece)

    async def cancelled() -> None:
        task = asyncio.create_task(receive(request(in_pieces(form(file(REPORT, PDF * 20)))), check=let_pass))
        await asyncio.to_thread(writing.wait, 60)
        assert len(files_in(folder)) == 1
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        await task

    monkeypatch.setattr(Incoming, "write", slow)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    eventually(lambda: files_in(folder) == [])


def test_other_pages_are_served_while_a_file_is_looked_at(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, go_on, answers = threading.Event(), threading.Event(), []

    def slow(*_: object) -> None:
        looking.set()
        assert go_on.wait(60)

    def hand_in() -> None:
        answers.append(httpx.post(f"{address}/hand-in", files={"files": (REPORT, PDF)}).status_code)

    monkeypatch.setattr(antivirus, "scan", slow)
    thread = threading.Thread(target=hand_in)
    thread.start()
    assert looking.wait(60)
    assert httpx.get(f"{address}/peak").status_code == 200
    go_on.set()
    thread.join()
    assert answers == [200]


def test_a_killed_server_leaves_only_what_is_swept(folder: Path, line: socket.socket) -> None:
    with server_process(line, folder) as process, begin(line, file("a.pdf", PDF) + file(REPORT, PDF * 20)):
        eventually(lambda: len(files_in(folder)) == 2)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert {path.parent.name for path in files_in(folder)} == {"incoming"}
    assert EvidenceStore(str(folder)).sweep(dt.datetime.now(dt.UTC) + dt.timedelta(days=1)) == 2
    assert files_in(folder) == []


def test_memory_does_not_grow_with_the_file(folder: Path, line: socket.socket, tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as target:
        target.write(pdf())
        target.truncate(50 * MIB)
    with server_process(line, folder), httpx.Client(base_url=address_of(line), timeout=300) as client:
        assert client.post("/hand-in", files={"files": (REPORT, PDF)}).status_code == 200
        before = client.get("/peak").json()
        with large.open("rb") as source:
            answer = client.post("/hand-in", files={"files": (REPORT, source)})
        with large.open("rb") as source:
            assert answer.json()["files"][0]["sha256"] == hashlib.file_digest(source, "sha256").hexdigest()
        assert client.get("/peak").json() - before < 20 * 1024
