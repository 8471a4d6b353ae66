"""Where measurements happen: a folder with an embedded PostgreSQL, and databases that are copied before each use.

PostgreSQL runs with the settings it comes with, so what is committed is on the disk. Only its autovacuum is off,
which would otherwise fall into one measurement and not into the other; each database is vacuumed and analyzed once it
is filled. A checkpoint stands before every measurement, so that none pays for what was written before.
"""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from adapters.database import embedded
from adapters.database import sessions as database
from adapters.database.sessions import forget_engine
from adapters.settings import override, settings
from models.migrations.upgrading import upgrade

COPY = "measured"


def say(line: str) -> None:
    print(line, flush=True)


@contextmanager
def furnished(at: dt.datetime) -> Iterator[Path]:
    """A folder with a database and a clock that stands; the settings of this process and its children point there.

    Nothing of what the outside has set counts here.
    """
    # Open to others: PostgreSQL gives up root's rights.
    home = Path(tempfile.mkdtemp(prefix="duban-bench-"))
    home.chmod(0o755)
    (home / "clock").write_text(at.isoformat(), encoding="ascii")
    override(**dict.fromkeys(name for name in os.environ if name.startswith("DUBAN_")))
    override(DUBAN_DATA_DIR=str(home), DUBAN_CLOCK_FILE=str(home / "clock"))
    try:
        override(DUBAN_DATABASE_URL=database.url())
        yield home
    finally:
        forget_engine()
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def quieten() -> None:
    """No autovacuum on this server."""
    _command("ALTER SYSTEM SET autovacuum = off")
    _command("SELECT pg_reload_conf()")


def create(name: str) -> None:
    """A database with the newest schema, to which the settings point from now on."""
    use(name)
    upgrade(database.engine())


def use(name: str) -> None:
    forget_engine()
    override(DUBAN_DATABASE_URL=embedded.url(settings().data_dir, name))


@contextmanager
def copied(template: str) -> Iterator[None]:
    """A copy of a database, to which the settings point until the block ends."""
    before = database.url()
    copy(template, COPY)
    use(COPY)
    checkpoint()
    try:
        yield
    finally:
        forget_engine()
        override(DUBAN_DATABASE_URL=before)
        drop(COPY)


def copy(template: str, name: str) -> None:
    forget_engine()
    names = sql.Identifier(name), sql.Identifier(template)
    _command(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))


def rename(name: str, to: str) -> None:
    forget_engine()
    _command(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))


def drop(name: str) -> None:
    _command(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def tidy() -> None:
    """What autovacuum does by itself within minutes."""
    with connected() as connection:
        connection.execute("VACUUM ANALYZE")


def checkpoint() -> None:
    _command("CHECKPOINT")


@contextmanager
def connected() -> Iterator[psycopg.Connection]:
    """A plain connection to the database that the settings point to; each statement stands alone."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection


def _command(command: LiteralString | sql.Composed) -> None:
    with psycopg.connect(embedded.url(settings().data_dir, "postgres"), autocommit=True) as connection:
        connection.execute(command)
