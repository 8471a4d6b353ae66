"""clamd is asked in its own protocol, over real sockets; what it did not find clean is refused."""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.evidence import antivirus
from adapters.evidence.antivirus import scan
from adapters.evidence.intake import HandedIn, take_in
from adapters.settings import settings
from models.common.errors import RefusedError
from tests.support.files import pdf

NAME = "关于2023年工作的报告(盖章).pdf"
CONTENT = pdf(bytes(range(256)) * 4096)
VIRUS = b"this stands for a virus"
CLEAN = b"stream: OK\0"
FOUND = b"stream: Eicar-Test-Signature FOUND\0"
TOO_LARGE = b"INSTREAM size limit exceeded. ERROR\0"


class Clamd:
    """Speaks INSTREAM. `reply` says what a content is answered with; what came stands in `scanned`."""

    def __init__(self) -> None:
        self.scanned: list[bytes] = []
        self.most_bytes = 10 * len(CONTENT)
        self.reply: Callable[[bytes], bytes] = lambda content: FOUND if VIRUS in content else CLEAN
        self.silence = threading.Event()
        self.is_silent = False

    def answer(self, source: BufferedIOBase, target: BufferedIOBase) -> None:
        assert source.read(10) == b"zINSTREAM\0"
        content = b""
        while size := struct.unpack(">I", source.read(4))[0]:
            content += source.read(size)
            if len(content) > self.most_bytes:
                target.write(TOO_LARGE)
                return
        self.scanned.append(content)
        if self.is_silent:
            self.silence.wait(60)
        target.write(self.reply(content))


@contextmanager
def serving(clamd: Clamd, server: type[socketserver.BaseServer], address: object) -> Iterator[socketserver.BaseServer]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            clamd.answer(self.rfile, self.wfile)

    with server(address, Handler) as running:  # type: ignore[arg-type]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            clamd.silence.set()
            running.shutdown()
            thread.join()


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def clamd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clamd]:
    clamd = Clamd()
    with serving(clamd, TcpServer, ("127.0.0.1", 0)) as running:
        monkeypatch.setenv("DUBAN_CLAMD", f"tcp://127.0.0.1:{running.server_address[1]}")  # type: ignore[index]
        settings.cache_clear()
        yield clamd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "put-x"
    path.write_bytes(CONTENT)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        scan(path, NAME)
    return str(caught.value)


def unscanned(why: str) -> str:
    return (
        f"{NAME}: could not be scanned for viruses and was not taken ({why}); "
        "try again later, or tell the leading-group office"
    )


def test_without_a_scanner_nothing_is_scanned() -> None:
    scan(Path("/nowhere"), NAME)


def test_a_clean_file_passes_and_was_seen_whole(clamd: Clamd, file: Path) -> None:
    scan(file, NAME)
    assert clamd.scanned == [CONTENT]


def test_over_a_unix_socket(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clamd.sock"
    monkeypatch.setenv("DUBAN_CLAMD", f"unix://{path}")
    settings.cache_clear()
    assert refusal(file) == unscanned("No such file or directory")
    clamd = Clamd()
    with serving(clamd, UnixServer, str(path)):
        scan(file, NAME)
    assert clamd.scanned == [CONTENT]


def test_a_virus_is_refused_by_its_name(clamd: Clamd, file: Path) -> None:
    file.write_bytes(CONTENT + VIRUS)
    assert refusal(file) == (
        f"{NAME}: holds a virus (Eicar-Test-Signature) and was not taken; have your computer checked"
    )


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"stream: Can't allocate memory ERROR\0", "Can't allocate memory ERROR"),
        (b"UNKNOWN COMMAND\0", "UNKNOWN COMMAND"),
        (b"stream: OK", "the scanner broke off"),  # who knows what would have come after it
        (b"", "the scanner broke off"),
        (b"stream: \0", "the scanner broke off"),
        (b"a" * 100_000, "the scanner broke off"),
    ],
)
def test_whatever_is_not_clean_is_refused(clamd: Clamd, file: Path, reply: bytes, why: str) -> None:
    clamd.reply = lambda _: reply
    assert refusal(file) == unscanned(why)


def test_a_file_beyond_the_limit_of_the_scanner_is_refused(clamd: Clamd, file: Path) -> None:
    clamd.most_bytes = 100_000
    assert refusal(file) == unscanned("INSTREAM size limit exceeded. ERROR")


def test_a_silent_scanner_is_not_waited_for_for_ever(clamd: Clamd, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(antivirus, "TIMEOUT_S", 0.05)
    clamd.is_silent = True
    assert refusal(file) == unscanned("timed out")


def test_no_scanner_where_one_should_be(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TcpServer(("127.0.0.1", 0), socketserver.StreamRequestHandler) as closed:
        port = closed.server_address[1]
    monkeypatch.setenv("DUBAN_CLAMD", f"tcp://127.0.0.1:{port}")
    settings.cache_clear()
    assert refusal(file) == unscanned("Connection refused")


@pytest.mark.parametrize("address", ["localhost:3310", "tcp://localhost", "unix://run/clamd.sock", "http://x:1"])
def test_an_address_that_is_none_is_told_at_the_start(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_CLAMD", address)
    with pytest.raises(ValidationError, match="clamd"):
        settings()


def test_one_virus_keeps_all_files_out(clamd: Clamd, file: Path, tmp_path: Path) -> None:
    sick = tmp_path / "sick.pdf"
    sick.write_bytes(CONTENT + VIRUS)
    files = [HandedIn(path, path.name + ".pdf", lambda: pytest.fail("kept")) for path in (file, sick)]
    with pytest.raises(RefusedError, match=r"sick\.pdf\.pdf: holds a virus"):
        take_in(files)
