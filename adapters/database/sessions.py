"""The only way to the database: one engine for each process, one transaction for each unit of work."""

import functools
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select, text
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import Session

from adapters.database import fitness
from adapters.settings import settings
from models.common.constraints import domain_errors, first_line, is_lost, may_pass
from models.common.errors import UnavailableError
from models.migrations import APPLICATION, AS_PROGRAM, AS_PROGRAM_LOCALLY, refuse_other, version_by

log = logging.getLogger("duban.database")

POOL = 12  # as many as the portal has threads: beyond it connections are opened and closed all the time
REST_S = 5  # after this a connection is asked whether the server is still there
CONNECT_S = 10
WAITS_S = (0.1, 0.5, 2.0, 5.0)  # between tries: a server that was killed is back within seconds
T = TypeVar("T")


def url() -> str:
    """The address of the database: the one in the settings, or the embedded one, which is started when needed."""
    if address := settings().database_url:
        return address
    from adapters.database import embedded  # noqa: PLC0415  (who has a server of their own does not pay for ours)

    return embedded.url(settings().data_dir)


def engine_for(address: str) -> Engine:
    """An engine whose connections give up after the times in the settings. It looks at no schema.

    It opens no connection to a server that Duban cannot work with: RefusedError.
    """
    place = make_url(address).set(drivername="postgresql+psycopg")
    pooled = settings().database_pooled
    made = create_engine(
        place,
        connect_args={
            "application_name": APPLICATION,
            "connect_timeout": CONNECT_S,
            # A pooler gives each transaction another session: it keeps neither options nor prepared statements.
            **({"prepare_threshold": None} if pooled else {"options": _options(place)}),
        },
        pool_size=POOL,
    )
    # First of all: SQLAlchemy itself cannot read what a database without an encoding answers.
    listens_for(made, "connect", insert=True)(_refuse_server)
    if pooled:
        listens_for(made, "begin")(_set_limits)
    listens_for(made, "checkin")(_note_rest)
    listens_for(made, "checkout")(_wake)
    return made


def _refuse_server(connection: Any, _record: Any) -> None:
    try:
        fitness.refuse_server(connection.info.server_version, connection.info.parameter_status("server_encoding"))
    except Exception:
        connection.close()  # nobody else has it yet
        raise


def _options(place: URL) -> str:
    """Sent as the connection opens, which costs no round trip. What the address itself says comes last and counts."""
    ours = [f"-c {name}={seconds}s" for name, seconds in _limits().items()]
    return " ".join([*ours, str(place.query.get("options", ""))]).strip()


def _limits() -> dict[str, int]:
    """PostgreSQL's names of our limits, in seconds."""
    return {
        "statement_timeout": settings().statement_timeout_s,
        "lock_timeout": settings().lock_timeout_s,
        "idle_in_transaction_session_timeout": settings().idle_transaction_timeout_s,
    }


def _ours_in(parameters: Mapping[str, str]) -> list[str]:
    """The limits that we set for a connection, without those that its address says otherwise."""
    options = parameters.get("options", "")
    return [name for name, seconds in _limits().items() if seconds and options.count(f"{name}=") == 1]


def _set_limits(connection: Connection) -> None:
    """For this transaction: the next one may get another session."""
    connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = '{seconds}s'" for name, seconds in _limits().items()))


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


def engine() -> Engine:
    """The engine of this process. It opens no connection to a database that is newer than this code: SchemaError."""
    with _one_at_a_time:
        return _engine()


_one_at_a_time = threading.Lock()  # two threads that come first at once would each make an engine with its connections


@functools.cache
def _engine() -> Engine:
    made = engine_for(url())
    listens_for(made, "connect")(_introduce)
    if settings().database_pooled:
        listens_for(made, "begin")(_take_role)
    return made


def _take_role(connection: Connection) -> None:
    """For this transaction: behind a pooler the session goes to others, who have nothing to do with our role."""
    connection.exec_driver_sql(AS_PROGRAM_LOCALLY)


def _introduce(connection: Any, _record: Any) -> None:
    """Asked of every connection: the database may be upgraded while an old process runs. Then it takes its role."""
    pooled = settings().database_pooled
    try:
        with connection.cursor() as cursor:
            if not pooled:
                fitness.refuse_without_limits(cursor.execute, _ours_in(connection.info.get_parameters()))
            refuse_other(version_by(cursor.execute))
            if not pooled:
                cursor.execute(AS_PROGRAM)
        connection.commit()
    except Exception:
        connection.close()  # nobody else has it yet
        raise


@contextmanager
def transaction() -> Iterator[Session]:
    """A session that commits at the end and rolls back on any error; the database's errors become domain errors."""
    with domain_errors(), Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


def retrying_transaction(act: Callable[[Session], T]) -> T:
    """Run `act` in a transaction and commit; up to five times where it may go through the next time.

    That is so where others were in the way (serialization failure, deadlock, a lock not to be had in time) and
    where the connection was lost or could not be made. `act` has to be repeatable: a COMMIT whose answer was
    lost may have happened, and then `act` runs again on what it did. It gets a new session each time, so all
    that it decides on has to be read inside.

    Raises UnavailableError where the last try fails like that too, at once what else goes wrong.
    """
    with domain_errors():
        for wait in WAITS_S:
            try:
                return _committed(act)
            except DBAPIError as error:
                if not may_pass(error):
                    raise
                log.warning("a transaction is done again: %s", first_line(error))
            time.sleep(wait * random.uniform(0.5, 1))  # noqa: S311  (so that two in each other's way part)
        try:
            return _committed(act)
        except DBAPIError as error:
            if not is_lost(error):
                raise
            raise UnavailableError(
                "the database cannot be reached: {why}; tried {tries} times",
                why=first_line(error),
                tries=len(WAITS_S) + 1,
            ) from error


def _committed(act: Callable[[Session], T]) -> T:
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        return act(session)


@contextmanager
def alone(*key: object) -> Iterator[None]:
    """One process at a time for what this key names; others wait as long as for a row that somebody holds.

    Raises UnavailableError where it takes longer.
    """
    with transaction() as session:
        name = " ".join(map(str, key))
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        yield


def no_statement_timeout(session: Session) -> None:
    """Let the statements of this transaction take as long as they need: for the few that write a whole plan."""
    session.execute(text("SET LOCAL statement_timeout = 0"))


@functools.cache
def _reader() -> Engine:
    """The same pool of connections, without transactions; behind a pooler they alone have limits."""
    return engine() if settings().database_pooled else engine().execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def read_session() -> Iterator[Session]:
    """A session whose statements each stand alone, two round trips fewer: for pages that only look."""
    with domain_errors(), Session(_reader(), expire_on_commit=False) as session:
        yield session


def forget_engine() -> None:
    """Close this process's connections, so that the next use connects anew (to what the settings then say)."""
    if _engine.cache_info().currsize:
        _engine().dispose()
    _engine.cache_clear()
    _reader.cache_clear()
