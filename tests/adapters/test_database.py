"""What the database cannot do is said clearly and leaves nothing half-written; what may pass is done again."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from adapters.database import sessions as adapter
from adapters.database.sessions import (
    engine,
    engine_for,
    forget_engine,
    no_statement_timeout,
    read_session,
    retrying_transaction,
    transaction,
)
from adapters.settings import settings
from models.common.errors import RefusedError, SchemaError, UnavailableError
from models.migrations import AS_OWNER, head
from models.migrations.upgrading import upgrade


@pytest.fixture
def notes(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A table of two numbers, beside Duban's own; and nobody waits long."""
    with database.begin() as connection:
        connection.execute(text(AS_OWNER))
        connection.execute(text("CREATE TABLE note AS SELECT n FROM generate_series(1, 2) AS n"))
        connection.execute(text("GRANT ALL ON note TO duban_program"))
    monkeypatch.setattr(adapter, "WAITS_S", (0.01, 0.01))
    return database


def numbers() -> list[int]:
    with transaction() as session:
        return list(session.scalars(text("SELECT n FROM note ORDER BY n")))


def cut(session: Session) -> None:
    """The server ends the session's connection."""
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    address = settings().database_url
    assert address
    with psycopg.connect(address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def wait_for_the_end_of(session: Session) -> None:
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    address = settings().database_url
    assert address
    with psycopg.connect(address, autocommit=True) as other:
        while other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchall():
            time.sleep(0.05)


def fail_with(engine: Engine, state: str, *, times: int = 1_000_000) -> None:
    """Whoever writes a note meets this error of PostgreSQL, so often."""
    with engine.begin() as connection:
        connection.execute(text(AS_OWNER))
        connection.execute(text("CREATE SEQUENCE failures"))
        connection.execute(text("GRANT ALL ON failures TO duban_program"))
        connection.execute(
            text(f"""
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('failures') <= {times} THEN
                    RAISE EXCEPTION 'could not extend file "base/1/2"' USING ERRCODE = '{state}';
                END IF;
                RETURN NULL;
            END
            $$
            """)
        )
        connection.execute(text("CREATE TRIGGER fail AFTER INSERT ON note EXECUTE FUNCTION fail()"))


def write(session: Session) -> None:
    session.execute(text("DELETE FROM note WHERE n = 1"))
    session.execute(text("INSERT INTO note VALUES (3)"))


@pytest.mark.usefixtures("notes")
class TestDoneAgain:
    @pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
    def test_what_was_in_the_way_of_others(self, notes: Engine, state: str) -> None:
        fail_with(notes, state, times=2)
        retrying_transaction(write)
        assert numbers() == [2, 3]

    def test_with_a_bound_and_then_said(self, notes: Engine) -> None:
        fail_with(notes, "40001")
        with pytest.raises(UnavailableError, match="others changed the same at the same moment; nothing was changed"):
            retrying_transaction(write)
        assert numbers() == [1, 2]

    def test_on_a_connection_that_was_lost(self) -> None:
        lines = iter([cut, cut])

        def act(session: Session) -> str:
            write(session)
            next(lines, lambda _: None)(session)
            session.execute(text("SELECT 1"))
            return "done"

        assert retrying_transaction(act) == "done"
        assert numbers() == [2, 3]

    def test_where_the_answer_to_the_commit_was_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may have happened: what is done twice has to come to the same."""
        committed, losses = adapter._committed, iter([True])

        def losing(act: Callable[[Session], int]) -> int:
            done = committed(act)
            if next(losses, False):
                raise OperationalError("COMMIT", None, psycopg.OperationalError("the connection was lost"))
            return done

        def act(session: Session) -> int:
            write(session)
            return len(session.execute(text("SELECT FROM note")).all())

        monkeypatch.setattr(adapter, "_committed", losing)
        assert retrying_transaction(act) == 3
        assert numbers() == [2, 3, 3]

    def test_two_that_deadlock_both_get_through(self) -> None:
        together = threading.Barrier(2)

        def act(first: int, second: int) -> Callable[[Session], None]:
            tries = iter([together.wait])

            def both(session: Session) -> None:
                session.execute(text("UPDATE note SET n = n + 10 WHERE n % 10 = :n"), {"n": first})
                next(tries, lambda: 0)()
                session.execute(text("UPDATE note SET n = n + 10 WHERE n % 10 = :n"), {"n": second})

            return both

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(retrying_transaction, act(1, 2)), pool.submit(retrying_transaction, act(2, 1))]:
                done.result()
        assert numbers() == [21, 22]

    def test_no_server_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DUBAN_DATABASE_URL", "postgresql://duban:hush@127.0.0.1:1/none")
        settings.cache_clear()
        forget_engine()
        with pytest.raises(UnavailableError, match=r"cannot be reached: .*refused.*tried 3 times") as said:
            retrying_transaction(write)
        assert "hush" not in str(said.value)

    def test_what_is_refused_is_refused_at_once(self) -> None:
        tries = []

        def act(_: Session) -> None:
            tries.append(1)
            raise RefusedError("no")

        with pytest.raises(RefusedError):
            retrying_transaction(act)
        assert tries == [1]


@pytest.mark.usefixtures("notes")
class TestSaidClearly:
    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ("53100", "the disk of the database is full; nothing was changed"),
            ("53200", "no memory left"),
            ("53300", "no connection left"),
            ("25006", "can only be read at the moment"),
            ("58030", 'cannot read or write its disk .could not extend file "base/1/2".'),
        ],
    )
    def test_what_the_database_has_no_room_for(self, notes: Engine, state: str, said: str) -> None:
        fail_with(notes, state)
        for way in (retrying_transaction, once):
            with pytest.raises(UnavailableError, match=said):
                way(write)
        assert numbers() == [1, 2]

    def test_a_database_that_is_really_set_to_be_read_only(self) -> None:
        def act(session: Session) -> None:
            session.execute(text("SET TRANSACTION READ ONLY"))
            write(session)

        with pytest.raises(UnavailableError, match="can only be read"):
            retrying_transaction(act)

    def test_a_statement_that_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limit(monkeypatch, STATEMENT_TIMEOUT_S="1")
        with pytest.raises(UnavailableError, match="longer than DUBAN_STATEMENT_TIMEOUT_S"):
            retrying_transaction(lambda session: session.execute(text("SELECT pg_sleep(60)")))

    def test_what_may_take_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limit(monkeypatch, STATEMENT_TIMEOUT_S="1")

        def act(session: Session) -> str:
            no_statement_timeout(session)
            return str(session.scalar(text("SHOW statement_timeout")))

        assert retrying_transaction(act) == "0"
        assert retrying_transaction(lambda session: session.scalar(text("SHOW statement_timeout"))) == "1s"

    def test_rows_that_somebody_does_not_let_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limit(monkeypatch, LOCK_TIMEOUT_S="1")
        monkeypatch.setattr(adapter, "WAITS_S", (0.01,))
        with transaction() as holding:
            write(holding)
            with pytest.raises(UnavailableError, match="others are at work on the same and did not let go"):
                retrying_transaction(write)
        assert numbers() == [2, 3]

    def test_a_transaction_that_was_forgotten_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limit(monkeypatch, IDLE_TRANSACTION_TIMEOUT_S="1")

        def forget(session: Session) -> None:
            write(session)
            wait_for_the_end_of(session)
            write(session)

        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            once(forget)
        assert numbers() == [1, 2]


class TestSchema:
    @pytest.mark.usefixtures("database")
    def test_a_connection_to_a_newer_database_is_refused(self) -> None:
        set_version("9999")
        forget_engine()
        for way in (retrying_transaction, once, read):
            with pytest.raises(SchemaError, match=r"version 9999, newer than this code knows .0"):
                way(write)

    def test_an_older_or_an_empty_database_says_what_to_do(self, database: Engine) -> None:
        def of_a_newer_code(session: Session) -> None:
            session.execute(text("SELECT what_comes_later FROM assignment"))

        with pytest.raises(SchemaError, match=r"what_comes_later.*run `duban db upgrade`"):
            retrying_transaction(of_a_newer_code)
        with database.begin() as connection:
            connection.execute(text(AS_OWNER))
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            connection.execute(text("GRANT ALL ON SCHEMA public TO duban_program"))
        with pytest.raises(SchemaError, match=r"assignment.*run `duban db upgrade`"):
            retrying_transaction(of_a_newer_code)

    def test_after_an_upgrade_running_programs_have_to_connect_again(self, empty_database: str) -> None:
        """Who does not know the new version is refused then."""
        old, ours = engine_for(empty_database), engine_for(empty_database)
        upgrade(ours, "0003")
        with old.connect() as running:
            assert upgrade(ours) == ("0003", head())
            with pytest.raises(OperationalError, match="terminating connection"):
                running.execute(text("SELECT 1"))
        with old.connect() as running:
            assert upgrade(ours) == (head(), head())
            running.execute(text("SELECT 1"))  # nothing changed, so nobody is disturbed
        old.dispose()
        ours.dispose()

    def test_a_program_older_than_the_database_upgrades_nothing(self, database: Engine) -> None:
        set_version("9999")
        with pytest.raises(SchemaError, match="install the newer Duban"):
            upgrade(database)


@pytest.mark.usefixtures("database")
def test_threads_that_come_first_at_once_share_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(address: str) -> Engine:
        time.sleep(0.05)
        return engine_for(address)

    forget_engine()
    monkeypatch.setattr(adapter, "engine_for", slow)
    with ThreadPoolExecutor(4) as pool:
        made = {asked.result() for asked in [pool.submit(engine) for _ in range(4)]}
    assert len(made) == 1


def once(act: Callable[[Session], None]) -> None:
    with transaction() as session:
        act(session)


def read(act: Callable[[Session], None]) -> None:
    with read_session() as session:
        act(session)


def limit(monkeypatch: pytest.MonkeyPatch, **limits: str) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(f"DUBAN_{name}", value)
    settings.cache_clear()
    forget_engine()


def set_version(version: str) -> None:
    with transaction() as session:
        session.execute(text(AS_OWNER))
        session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
