"""Databases that Duban cannot work with say so in a line as it connects; behind PgBouncer all limits hold."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from adapters.database import fitness
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
from deploy.cli.root import duban
from models.common.errors import RefusedError, UnavailableError
from models.migrations import PROGRAM_ROLE
from models.plan.plan import plan_codes
from services import schema
from tests.support.stack import free_port, open_folder

WAIT_S = 60
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


def use(monkeypatch: pytest.MonkeyPatch, address: str, **said: str) -> None:
    for name, value in {"DUBAN_DATABASE_URL": address, **said}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    forget_engine()


@pytest.fixture(autouse=True)
def left_behind() -> Iterator[None]:
    """No connection outlives the database that it leads to."""
    yield
    forget_engine()


@pytest.fixture
def of_encoding(server: str, worker_id: str) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of an encoding; its address."""
    name = f"odd_{worker_id}"

    def make(encoding: str) -> str:
        command = "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        _ask(server, sql.SQL(command).format(sql.Identifier(name), sql.Literal(encoding)))
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    yield make
    _ask(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _ask(address: str, command: sql.Composed) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(command)


class TestAnEncoding:
    @pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_CN"])
    @pytest.mark.parametrize("command", [["db", "upgrade"], ["db", "version"], ["status"], ["portal"]])
    def test_that_cannot_hold_every_language_is_refused_by_every_command(
        self,
        of_encoding: Callable[[str], str],
        monkeypatch: pytest.MonkeyPatch,
        encoding: str,
        command: list[str],
    ) -> None:
        use(monkeypatch, of_encoding(encoding), DUBAN_PORTAL_PORT=str(free_port()))
        done = CliRunner().invoke(duban, command)
        assert done.exit_code == 2
        assert encoding in done.stderr
        assert "ENCODING 'UTF8'" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_that_holds_them_is_taken(self, of_encoding: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, of_encoding("UTF8"))
        schema.ensure()


@pytest.mark.parametrize(("version", "is_taken"), [(90624, False), (140011, False), (150000, True), (180001, True)])
def test_a_server_that_is_too_old(version: int, *, is_taken: bool) -> None:
    with nullcontext() if is_taken else pytest.raises(RefusedError, match="15 or later"):
        fitness.refuse_server(version, "UTF8")


def test_a_limit_that_the_address_itself_says_otherwise_is_meant(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_url(settings().database_url or "")
    said = place.update_query_dict({"options": "-c statement_timeout=0"})
    use(monkeypatch, said.render_as_string(hide_password=False))
    assert in_force() == ["0", "10s", "5min"]


def in_force() -> list[str]:
    with transaction() as session:
        return [str(session.scalar(text(f"SHOW {name}"))) for name in LIMITS]


@contextmanager
def pgbouncer(address: str, **extra: str) -> Iterator[str]:
    """PgBouncer in transaction mode with a single session; the address at which it stands before this database."""
    place, port = make_url(address), free_port()
    with open_folder() as folder:
        lines = [
            "[databases]",
            f"{place.database} = host={place.query['host']} user={place.username} dbname={place.database} pool_size=1",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {port}",
            "unix_socket_dir =",
            "auth_type = any",
            "pool_mode = transaction",
            *(f"{name} = {value}" for name, value in extra.items()),
        ]
        configuration = folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines))
        # It does not run as root, and PostgreSQL neither, whose user may come in.
        user = ["-u", Path(str(place.query["host"])).owner()] if os.geteuid() == 0 else []
        with (folder / "log").open("w") as log, _started(configuration, user, log.fileno()) as process:
            there = f"postgresql://{place.username}@127.0.0.1:{port}/{place.database}"
            _until_it_listens(there, process, folder / "log")
            yield there


@contextmanager
def _started(configuration: Path, user: Sequence[str], log: int) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    with subprocess.Popen([program, *user, str(configuration)], stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            forget_engine()
            process.kill()


def _until_it_listens(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def pooled(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with pgbouncer(settings().database_url or "") as address:
        use(monkeypatch, address, DUBAN_DATABASE_POOLED="true")
        yield address


@pytest.mark.processes
@pytest.mark.skipif(
    not (shutil.which("pgbouncer") or Path("/usr/sbin/pgbouncer").exists()), reason="PgBouncer is not installed"
)
class TestBehindPgBouncer:
    @pytest.mark.usefixtures("database")
    def test_without_the_setting_a_line_says_which_one_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pgbouncer(settings().database_url or "") as address:
            use(monkeypatch, address)
            with pytest.raises(RefusedError, match="DUBAN_DATABASE_POOLED"):
                retrying_transaction(plan_codes)
            assert "DUBAN_DATABASE_POOLED" in CliRunner().invoke(duban, ["status"]).stderr

    @pytest.mark.usefixtures("database")
    def test_one_that_drops_our_limits_without_a_word_is_found_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pgbouncer(settings().database_url or "", ignore_startup_parameters="options") as address:
            use(monkeypatch, address)
            with pytest.raises(RefusedError, match="statement_timeout"):
                retrying_transaction(plan_codes)

    @pytest.mark.usefixtures("pooled")
    def test_the_limits_hold_in_each_transaction_and_for_each_reader(self) -> None:
        assert in_force() == ["1min", "10s", "5min"]
        with read_session() as session:
            assert session.scalar(text("SHOW statement_timeout")) == "1min"
        with transaction() as session:
            no_statement_timeout(session)
            assert session.scalar(text("SHOW statement_timeout")) == "0"
        assert in_force() == ["1min", "10s", "5min"]

    def test_what_takes_too_long_is_ended(self, pooled: str, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, pooled, DUBAN_STATEMENT_TIMEOUT_S="1")
        with pytest.raises(UnavailableError), read_session() as session:
            session.execute(text("SELECT pg_sleep(60)"))

    def test_no_limit_of_ours_stays_with_the_next_one(self, pooled: str) -> None:
        in_force()
        with psycopg.connect(pooled, prepare_threshold=None) as other:
            row = other.execute("SHOW statement_timeout").fetchone()
        assert row == ("0",)

    def test_the_programs_role_is_taken_in_each_transaction_and_stays_with_none(self, pooled: str) -> None:
        for _ in range(2):
            with transaction() as session:
                assert session.scalar(text("SELECT current_user")) == PROGRAM_ROLE
            with read_session() as session:
                assert session.scalar(text("SELECT current_user")) == PROGRAM_ROLE
            with psycopg.connect(pooled) as neighbour:
                assert neighbour.execute("SELECT current_user = session_user").fetchone() == (True,)

    @pytest.mark.usefixtures("pooled")
    def test_the_same_statement_again_and_again(self) -> None:
        for _ in range(12):  # the driver would prepare it after five
            for other in (engine(), engine_for(settings().database_url or "")):
                with other.connect() as connection:
                    assert connection.scalar(text("SELECT :n + 1"), {"n": 1}) == 2
                other.dispose()

    @pytest.mark.usefixtures("pooled")
    def test_a_database_is_built_there(self) -> None:
        assert schema.upgrade()[1] == schema.versions()[1]


def test_an_error_of_a_statement_is_not_taken_for_a_poolers(database: Engine) -> None:
    with pytest.raises(DBAPIError), transaction() as session:
        session.execute(text("SELECT CAST('unsupported startup parameter: options' AS integer)"))
