"""Who comes first starts the embedded PostgreSQL, the last one to leave stops it, and the dead do not count."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from adapters.database import embedded
from models.common.errors import RefusedError

USER = """
import sys
from pathlib import Path
from adapters.database import embedded
from models.common.errors import RefusedError
print(embedded.url(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""

pytestmark = pytest.mark.processes


class User:
    """A process that uses the server until it is told to leave."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("\n")

    def is_killed(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="duban-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_the_last_one_to_leave_stops_the_server(home: Path) -> None:
    first, second = User(home), User(home)
    assert first.url == second.url

    first.leave()
    assert answers(second.url)

    second.leave()
    assert not answers(second.url)


def test_a_killed_process_does_not_keep_the_server_up(home: Path) -> None:
    killed, last = User(home), User(home)

    killed.is_killed()
    assert answers(last.url)

    last.leave()
    assert not answers(last.url)


def test_a_killed_server_is_started_again_by_the_next_one_with_what_was_committed(home: Path) -> None:
    first = User(home)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'here' AS text")
    server = embedded.postmaster(home)
    assert server
    server.kill()
    psutil.wait_procs([server], timeout=30)

    second = User(home)
    assert second.url == first.url
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT text FROM note").fetchone() == ("here",)
    first.leave()
    assert answers(second.url)
    second.leave()
    assert not answers(second.url)


def test_what_was_written_is_there_for_the_next_one(home: Path) -> None:
    first = User(home)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE note AS SELECT 'here' AS text")
    first.leave()

    second = User(home)
    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT text FROM note").fetchone() == ("here",)
    second.leave()


def test_it_has_our_settings_and_keeps_those_of_its_owner(home: Path) -> None:
    first = User(home)
    first.leave()
    configuration = home / "postgres" / "postgresql.conf"
    with configuration.open("a") as file:
        file.write("work_mem = 8MB\n")
    second = User(home)
    with psycopg.connect(second.url) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("wal_buffers", "work_mem")]
    second.leave()
    assert shown == [("32MB",), ("8MB",)]
    assert configuration.read_text().count("wal_buffers = 32MB") == 1


@pytest.fixture(scope="module")
def furnished() -> Iterator[Path]:
    """A folder whose server was stopped, with a row in it."""
    with tempfile.TemporaryDirectory(prefix="duban-test-") as name:
        Path(name).chmod(0o755)
        with psycopg.connect(embedded.url(Path(name))) as connection:
            connection.execute("CREATE TABLE note AS SELECT 'here' AS text")
        embedded.leave(Path(name))
        assert not note_of(Path(name)).exists()
        yield Path(name)


@pytest.fixture
def stopped(furnished: Path, home: Path) -> Path:
    subprocess.run(["cp", "-a", f"{furnished}/.", home], check=True)
    return home


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us."""
    with subprocess.Popen(["sleep", "30000"]) as process:
        yield process
        process.kill()


def note_of(home: Path) -> Path:
    return home / "postgres" / "postmaster.pid"


def write_note(home: Path, pid: int) -> None:
    """As a server leaves it at a power cut; by now the number is that of another process."""
    data = home / "postgres"
    note_of(home).write_text(f"{pid}\n{data}\n1700000000\n5432\n{data}\n\n  1234  5\nready   \n")
    (data / ".s.PGSQL.5432.lock").write_text(f"{pid}\n{data}\n1700000000\n5432\n{data}\n")


def is_used_and_left(home: Path) -> None:
    url = embedded.url(home)
    assert embedded.postmaster(home)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT text FROM note").fetchone() == ("here",)
    embedded.leave(home)
    assert not answers(url)
    assert not note_of(home).exists()


class TestANoteThatIsNotTheServers:
    def test_another_process_has_the_number_by_now(self, stopped: Path, bystander: subprocess.Popen[bytes]) -> None:
        write_note(stopped, bystander.pid)
        is_used_and_left(stopped)
        assert bystander.poll() is None

    def test_another_process_has_the_number_when_the_last_one_leaves(
        self, stopped: Path, bystander: subprocess.Popen[bytes]
    ) -> None:
        embedded.url(stopped)
        server = embedded.postmaster(stopped)
        assert server
        server.kill()
        psutil.wait_procs([server], timeout=30)
        write_note(stopped, bystander.pid)
        embedded.leave(stopped)
        assert bystander.poll() is None
        is_used_and_left(stopped)

    def test_the_server_of_another_folder_has_the_number(self, stopped: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="duban-test-") as name:
            Path(name).chmod(0o755)
            url = embedded.url(Path(name))
            server = embedded.postmaster(Path(name))
            assert server
            write_note(stopped, server.pid)
            is_used_and_left(stopped)
            shutil.copy(note_of(Path(name)), note_of(stopped))  # as where a folder is copied beside its server
            is_used_and_left(stopped)
            assert answers(url)
            assert embedded.postmaster(Path(name)) == server
            embedded.leave(Path(name))

    def test_a_process_of_the_same_name_has_the_number(self, stopped: Path, tmp_path: Path) -> None:
        sleep = shutil.which("sleep")
        assert sleep
        (tmp_path / "postgres").symlink_to(sleep)
        with subprocess.Popen([tmp_path / "postgres", "30000"], cwd=tmp_path) as process:
            write_note(stopped, process.pid)
            is_used_and_left(stopped)
            assert process.poll() is None
            process.kill()

    @pytest.mark.parametrize("pid", [0, 1, -1, 10**20])
    def test_it_is_a_number_that_no_server_has(self, stopped: Path, pid: int) -> None:
        write_note(stopped, pid)
        is_used_and_left(stopped)

    @pytest.mark.parametrize("content", [b"", b"\n", b"garbage\n", b"1", b"\xff\xfe\x00", b"1 2\n3\n"])
    def test_it_is_no_note_at_all(self, stopped: Path, content: bytes) -> None:
        note_of(stopped).write_bytes(content)
        is_used_and_left(stopped)

    def test_it_is_a_folder(self, stopped: Path) -> None:
        note_of(stopped).mkdir()
        with pytest.raises(RefusedError, match=r"postmaster\.pid: is a folder"):
            embedded.url(stopped)
        note_of(stopped).rmdir()
        is_used_and_left(stopped)

    def test_it_is_a_link_that_leads_to_the_note_of_another_server(self, stopped: Path, tmp_path: Path) -> None:
        (tmp_path / "note").write_text(f"{os.getpid()}\n")
        note_of(stopped).symlink_to(tmp_path / "note")
        is_used_and_left(stopped)
        assert (tmp_path / "note").read_text() == f"{os.getpid()}\n"

    def test_we_ourselves_have_the_number(self, stopped: Path) -> None:
        write_note(stopped, os.getpid())
        is_used_and_left(stopped)


def test_a_server_that_we_may_not_look_at_is_known_by_its_command(
    stopped: Path, bystander: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root in a container, whom nobody gave the right to look at other users' processes."""

    def denied(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "cwd", denied)
    url = embedded.url(stopped)
    server = embedded.postmaster(stopped)
    assert server
    assert embedded.url(stopped) == url
    assert embedded.postmaster(stopped) == server
    embedded.leave(stopped)
    assert not answers(url)
    write_note(stopped, bystander.pid)
    is_used_and_left(stopped)
    assert bystander.poll() is None


def test_a_folder_that_a_link_leads_to_has_one_server(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    first, second = User(home), embedded.url(tmp_path / "link")
    assert second == first.url
    first.leave()
    assert answers(second)
    embedded.leave(tmp_path / "link")
    assert not answers(second)


@pytest.mark.parametrize("name", ["100% of it", "督办 it's; & (all)", "a" * 120])
def test_a_folder_may_be_called_as_people_call_folders(home: Path, name: str) -> None:
    url = embedded.url(home / name)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("duban",)
    [socket] = Path(str(make_url(url).query["host"])).glob(".s.PGSQL.*[0-9]")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700, "it trusts whoever connects: nobody else may"
    embedded.leave(home / name)
    assert not answers(url)


@pytest.mark.parametrize("sign", ['"', "$", "`", "\\", "\n"])
def test_a_folder_that_its_tools_would_misread_is_refused_in_a_line(home: Path, sign: str) -> None:
    with pytest.raises(RefusedError, match="the embedded PostgreSQL cannot work in a folder with"):
        embedded.url(home / f"a{sign}b")
    assert list(home.iterdir()) == []


class TestWhereItCannotBeStarted:
    def test_for_want_of_room_the_servers_own_line_is_said(self, home: Path) -> None:
        said = _refused(home, limit_bytes=100_000)
        assert str(home) in said
        assert "File too large" in said

    def test_for_what_stands_in_its_configuration(self, home: Path) -> None:
        user = User(home)
        user.leave()
        with (home / "postgres" / "postgresql.conf").open("a") as configuration:
            configuration.write("no_such_setting = 1\n")
        assert "postgresql.conf" in _refused(home)


def _refused(home: Path, limit_bytes: int | None = None) -> str:
    """The one line that `duban status` ends with. `limit_bytes`: of each file, beyond which nobody can write."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes or resource.RLIM_INFINITY,) * 2)

    done = subprocess.run(
        [Path(sys.executable).with_name("duban"), "status"],
        env=os.environ | {"DUBAN_DATA_DIR": str(home), "DUBAN_LANGUAGE": "en"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr
