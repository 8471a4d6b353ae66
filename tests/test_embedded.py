"""Who comes first starts the embedded PostgreSQL, the last one to leave stops it, and the dead do not count."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

USER = """
import sys
from pathlib import Path
from adapters import embedded
print(embedded.url(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""


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
    server = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
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
