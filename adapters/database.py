"""The one way to the database: an engine a process, a transaction a unit of work."""

import functools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from adapters.settings import settings
from models.integrity import domain_errors

APPLICATION = "duban"
POOL = 12  # as many as the portal has threads: beyond it connections are opened and closed all the time
REST_S = 5  # after this a connection is asked whether the server is still there


def url() -> str:
    """The address of the database: the one in the settings, or the embedded one, which is started when needed."""
    if address := settings().database_url:
        return address
    from adapters import embedded  # noqa: PLC0415  (who has a server of their own does not pay for ours)

    return embedded.url(settings().data_dir)


def engine_for(address: str) -> Engine:
    made = create_engine(
        make_url(address).set(drivername="postgresql+psycopg"),
        connect_args={"application_name": APPLICATION},
        pool_size=POOL,
    )
    listens_for(made, "checkin")(_note_rest)
    listens_for(made, "checkout")(_wake)
    return made


def _note_rest(_connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _wake(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask a connection that has rested whether it is still there; one that was just used is not asked again.

    Raises DisconnectionError where it is gone: the pool then opens another.
    """
    import psycopg  # noqa: PLC0415  (it is there when this is called, and commands that never connect do without)

    if time.monotonic() - record.info.get("rests_since", math.inf) < REST_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg.OperationalError as gone:
        raise DisconnectionError from gone


@functools.cache
def engine() -> Engine:
    return engine_for(url())


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits at the end and rolls back on any error; violated constraints become domain errors."""
    with domain_errors(), Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@functools.cache
def _reader() -> Engine:
    """The same pool of connections, without transactions."""
    return engine().execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def reading() -> Iterator[Session]:
    """A session whose statements each stand alone, two round trips fewer: for pages that only look."""
    with domain_errors(), Session(_reader(), expire_on_commit=False) as session:
        yield session


def forget_engine() -> None:
    """Close this process's connections, so that the next use connects anew (to what the settings then say)."""
    if engine.cache_info().currsize:
        engine().dispose()
    engine.cache_clear()
    _reader.cache_clear()
