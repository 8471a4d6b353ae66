"""What is downloaded is what was handed in, under its name, however strange that is; and the line never lies."""

import asyncio
import errno
import io
import os
import re
import shutil
import socket
import subprocess
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import httpx
import hypothesis
import pytest
import uvicorn
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.evidence.store import EvidenceStore
from portal.downloads import File, attachment, bundle
from tests.portal.test_uploads import address_of, eventually, line

__all__ = ["line"]  # a fixture

REPORT = "关于2023年工作的报告(盖章).pdf"
CONTENT = os.urandom(1_000_000)


class Source(io.BytesIO):
    """Remembers how large its pieces were."""

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__(content)
        self.largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.largest = max(self.largest, len(piece))
        return piece


class Portal:
    """Answers with whatever stands in `response`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.response = Response()

    def get(self) -> httpx.Response:
        return httpx.get(self.address)


@pytest.fixture
def portal(line: socket.socket) -> Iterator[Portal]:
    portal = Portal(address_of(line))

    async def answer(_: Request) -> Response:
        return portal.response

    config = uvicorn.Config(Starlette(routes=[Route("/", answer)]), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [line]})
    thread.start()
    yield portal
    server.should_exit = True
    thread.join()


def names(answer: httpx.Response) -> tuple[str, str]:
    """What an old client makes of the header, and what a new one does."""
    header = next(value for name, value in answer.headers.raw if name.lower() == b"content-disposition").decode("ascii")
    extended = re.fullmatch(
        r"attachment; filename=\"[ -~]*\"; filename\*=UTF-8''([!#$&+.^_`|~\w%-]*)", header, re.ASCII
    )
    assert extended
    message = Message()
    message["Content-Disposition"] = header.partition("; filename*")[0]
    assert message.get_content_disposition() == "attachment"
    return str(message.get_filename()), unquote(extended[1], errors="strict")


# ---- one file


def test_a_file_and_its_headers(portal: Portal) -> None:
    source = Source()
    portal.response = attachment(REPORT, "application/pdf", len(CONTENT), source)
    answer = portal.get()
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert names(answer) == ("__2023______(__).pdf", REPORT)
    eventually(lambda: source.closed)
    assert source.largest == 256 * 1024


@pytest.mark.parametrize(
    ("name", "plain", "extended"),
    [
        ("plain.pdf", "plain.pdf", "plain.pdf"),
        ("报告 “三校协同”.docx", "__ ______.docx", "报告 “三校协同”.docx"),
        ("a;b=c, d'e.pdf", "a;b=c, d'e.pdf", "a;b=c, d'e.pdf"),
        ("100%41.pdf", "100_41.pdf", "100%41.pdf"),
        ("😀é.pdf", "__.pdf", "😀é.pdf"),
        ('"; filename="evil.exe', "_; filename=_evil.exe", "_; filename=_evil.exe"),
        ("a\r\nSet-Cookie: b=c\r\n\r\n<script>.pdf", *["a__Set-Cookie_ b=c_____script_.pdf"] * 2),
        ("..\\..\\a/../b:c.pdf", *[".._.._a_.._b_c.pdf"] * 2),
        ("\u202efdp.exe\u2066\u0085\ud800\0\x7f", *["_fdp.exe_____"] * 2),
        ("", "_", "_"),
        ("..", "_", "_"),
    ],
)
def test_names(portal: Portal, name: str, plain: str, extended: str) -> None:
    portal.response = attachment(name, "text/plain", 1, Source(b"x"))
    answer = portal.get()
    assert names(answer) == (plain, extended)
    assert "set-cookie" not in answer.headers
    assert answer.content == b"x"


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text())
def test_no_name_breaks_the_header(name: str) -> None:
    header = attachment(name, "text/plain", 0, Source(b"")).headers["content-disposition"]
    names(httpx.Response(200, headers={"content-disposition": header}))


def test_nobody_says_what_a_text_is_written_in(portal: Portal) -> None:
    content = "已报送".encode("gb18030")
    portal.response = attachment("a.txt", "text/plain", len(content), Source(content))
    answer = portal.get()
    assert (answer.headers["content-type"], answer.content) == ("text/plain", content)


def test_an_empty_file(portal: Portal) -> None:
    portal.response = attachment("a.txt", "text/plain", 0, Source(b""))
    assert portal.get().content == b""


def test_a_file_that_ends_early_is_not_taken_for_whole(portal: Portal) -> None:
    source = Source()
    portal.response = attachment(REPORT, "application/pdf", len(CONTENT) + 1, source)
    with pytest.raises(httpx.RemoteProtocolError):
        portal.get()
    eventually(lambda: source.closed)


def test_a_file_that_cannot_be_read_on_is_not_taken_for_whole(portal: Portal) -> None:
    class Broken(Source):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(errno.EIO, "the disk is broken")
            return super().read(size)

    source = Broken()
    portal.response = attachment(REPORT, "application/pdf", len(CONTENT), source)
    with pytest.raises(httpx.RemoteProtocolError):
        portal.get()
    eventually(lambda: source.closed)


def test_the_source_is_closed_when_the_client_goes_away(portal: Portal) -> None:
    class Endless(Source):
        def read(self, size: int | None = -1, /) -> bytes:
            return bytes(size or 0)

    source = Endless()
    portal.response = attachment(REPORT, "application/pdf", 1 << 40, source)
    with httpx.stream("GET", portal.address) as answer:
        # Held: an iterator that is thrown away hangs up at once.
        chunks = answer.iter_raw(1000)
        assert next(chunks) == bytes(1000)
        assert not source.closed
    eventually(lambda: source.closed)


def test_files_are_closed_when_not_even_the_headers_get_out() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        raise KeyError

    source = Source()
    for response in (attachment("a.pdf", "application/pdf", len(CONTENT), source), bundle("a.zip", [])):
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        with pytest.raises(KeyError):
            asyncio.run(response(scope, receive, send))
    assert source.closed


# ---- several


def opened(contents: Sequence[tuple[str, bytes]]) -> tuple[list[File], list[Source]]:
    """Files, and those of them that were opened."""
    sources: list[Source] = []

    def opener(content: bytes) -> Any:
        def start() -> BinaryIO:
            assert all(source.closed for source in sources)
            sources.append(Source(content))
            return sources[-1]

        return start

    return [(path, len(content), opener(content)) for path, content in contents], sources


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} <= {zipfile.ZIP_STORED}
        assert len(set(archive.namelist())) == len(archive.infolist())
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_a_bundle(portal: Portal, tmp_path: Path) -> None:
    contents = [(f"v1/{REPORT}", CONTENT), ("v1/空.txt", b""), (f"v2/{REPORT}", b"short"), ("v2/b.txt", b"x" * 300_000)]
    files, sources = opened(contents)
    portal.response = bundle("T3.2 交办件.zip", iter(files))
    answer = portal.get()
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-type"] == "application/zip"
    assert names(answer) == ("T3.2 ___.zip", "T3.2 交办件.zip")
    assert unzipped(answer.content) == dict(contents)
    assert len(sources) == 4
    eventually(lambda: all(source.closed for source in sources))
    if shutil.which("unzip"):
        (tmp_path / "a.zip").write_bytes(answer.content)
        subprocess.run(["unzip", "-tq", str(tmp_path / "a.zip")], check=True, capture_output=True)


def test_nothing_makes_a_bundle_too(portal: Portal) -> None:
    portal.response = bundle("a.zip", [])
    assert unzipped(portal.get().content) == {}


def body(response: Response) -> bytes:
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    asyncio.run(response({"type": "http"}, receive, send))
    content = b"".join(sent)
    assert response.headers["content-length"] == str(len(content))
    return content


def test_paths_that_are_the_same_are_told_apart() -> None:
    paths = ["报告.pdf", "报告.pdf", "报告 (2).pdf", "报告.pdf", "A/b", "a/B", ".pdf", ".pdf", "a?.txt", "a*.txt"]
    files, _ = opened([(path, str(number).encode()) for number, path in enumerate(paths)])
    assert unzipped(body(bundle("a.zip", files))) == {
        "报告.pdf": b"0",
        "报告 (2).pdf": b"1",
        "报告 (2) (2).pdf": b"2",
        "报告 (3).pdf": b"3",
        "A/b": b"4",
        "a/B (2)": b"5",
        ".pdf": b"6",
        ".pdf (2)": b"7",
        "a_.txt": b"8",
        "a_ (2).txt": b"9",
    }


def test_long_names_fit_into_any_folder_and_stay_apart() -> None:
    """Linux takes 255 bytes; a Chinese character has three, and browsers take names of 200 characters."""
    name = "关" * 196 + ".pdf"
    paths = [
        f"v1/{name}",
        f"v1/{name}",
        f"v1/{'关' * 195}于.pdf",
        f"{'档' * 100}/a.pdf",
        "v1/" + "无" * 200,
        "v1/a." + "句" * 99,
    ]
    files, _ = opened([(path, b"x") for path in paths])
    assert list(unzipped(body(bundle("a.zip", files)))) == [
        f"v1/{'关' * 83}.pdf",
        f"v1/{'关' * 82} (2).pdf",
        f"v1/{'关' * 82} (3).pdf",
        f"{'档' * 85}/a.pdf",
        f"v1/{'无' * 85}",
        f"v1/a.{'句' * 84}",
    ]


def test_a_long_name_keeps_its_ending_when_it_is_saved(portal: Portal) -> None:
    portal.response = attachment("关于" * 98 + ".pdf", "application/pdf", 1, Source(b"x"))
    assert names(portal.get())[1] == "关于" * 41 + "关.pdf"


def test_no_path_leads_out_of_the_folder() -> None:
    paths = ["../../etc/passwd", "/etc/passwd", "C:\\a", "a//./b", "", "a\0b", "\u202ea"]
    files, _ = opened([(path, b"x") for path in paths])
    wanted = ["etc/passwd", "etc/passwd (2)", "C__a", "a/b", "_", "a_b", "_a"]
    assert list(unzipped(body(bundle("a.zip", files)))) == wanted


CONTENTS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=100)), max_size=12)


@given(contents=CONTENTS)
def test_the_size_is_known_beforehand(contents: list[tuple[str, bytes]]) -> None:
    files, _ = opened(contents)
    assert list(unzipped(body(bundle("a.zip", files))).values()) == [content for _, content in contents]


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=CONTENTS)
def test_the_size_of_huge_bundles_too(contents: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if two gigabytes came after 50 bytes, and too many files after three."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    files, _ = opened(contents)
    assert list(unzipped(body(bundle("a.zip", files))).values()) == [content for _, content in contents]


def test_a_bundle_that_lacks_something_is_not_taken_for_whole(portal: Portal) -> None:
    files, sources = opened([("a.txt", b"abc"), ("b.txt", b"abc")])
    portal.response = bundle("a.zip", [files[0], ("b.txt", 4, files[1][2])])
    with pytest.raises(httpx.RemoteProtocolError):
        portal.get()
    eventually(lambda: len(sources) == 2 and all(source.closed for source in sources))


def test_a_bundle_closes_its_files_when_the_client_goes_away(portal: Portal) -> None:
    files, sources = opened([("a.bin", CONTENT * 50)])
    portal.response = bundle("a.zip", files)
    with httpx.stream("GET", portal.address) as answer:
        next(answer.iter_raw(1000))
    eventually(lambda: [source.closed for source in sources] == [True])


def test_memory_stays_flat(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path / "store"))
    large = tmp_path / "large.bin"
    with large.open("wb") as target:
        target.truncate(48 * 1024 * 1024)
    kept = store.put(large)
    files: list[File] = [(f"{number}.bin", kept.size, lambda: store.open(kept.sha256)) for number in range(2)]
    received = 0

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        nonlocal received
        received += len(message.get("body", b""))

    response = bundle("a.zip", files)
    tracemalloc.start()
    try:
        asyncio.run(response({"type": "http"}, receive, send))
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert received == int(response.headers["content-length"]) > 2 * kept.size
