"""A real PostgreSQL for every test that asks for one: one server a session, a fresh database a test."""

import dataclasses
import datetime as dt
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import hypothesis
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url

from adapters.database import embedded
from adapters.database.sessions import engine, engine_for, forget_engine, transaction
from adapters.plan_files.reader import read_plan
from adapters.settings import settings
from models.common.event import Actor
from models.loading import load_plan
from models.migrations.upgrading import upgrade
from tests.support.scenes import Stage, Store, asked, close_connections, current, scene

if TYPE_CHECKING:
    from tests.support.story import Story

ROOT = Path(__file__).parent.parent
TINY = ROOT / "tests" / "plans" / "tiny"
REAL = ROOT / "plans" / "northwest-education-centre"
TEMPLATE = "template_of_tests"
LOADED_AT = dt.datetime(2022, 10, 24, 1, 0, tzinfo=dt.UTC)

# Nobody needs what a test wrote when the machine falls over.
FASTER: tuple[LiteralString, ...] = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET autovacuum = off",
    "ALTER SYSTEM SET max_wal_size = '256MB'",
)
ROOM = 4 * 1024**3
IN_MEMORY = Path("/dev/shm")

_HOME = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """One folder for the server of the whole session, whether tests run in one process or in several."""
    given = getattr(config, "workerinput", {}).get("home")
    # Not pytest's own folder: PostgreSQL gives up root's rights, and nobody else may enter that.
    home = Path(given) if given else Path(tempfile.mkdtemp(prefix="duban-tests-", dir=_fast_folder()))
    home.chmod(0o755)
    (home / "scenes").mkdir(exist_ok=True)
    config.stash[_HOME] = home
    # How long an example takes says something about the machine, and nothing about Duban.
    hypothesis.settings.register_profile("duban", deadline=None)
    hypothesis.settings.load_profile("duban")
    # What this machine's user has set up for Prefect must not leak in.
    os.environ["PREFECT_HOME"] = str(home / "prefect")


def _fast_folder() -> Path | None:
    """In memory where there is room; a container has often 64 MB of it."""
    try:
        return IN_MEMORY if shutil.disk_usage(IN_MEMORY).free > ROOM else None
    except OSError:
        return None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["home"] = str(node.config.stash[_HOME])


# What takes longest begins first, each on a process of its own: nothing then waits alone for them at the end.
LONGEST_FIRST = ("stack", "stack-pages", "rehearsal", "portal")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, and put the longest groups first."""
    for item in items:
        needs_one = "server" in getattr(item, "fixturenames", ())
        if needs_one or any(item.get_closest_marker(name) for name in ("stack", "browser", "processes")):
            item.add_marker("server")
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    group = item.get_closest_marker("xdist_group")
    return LONGEST_FIRST.index(group.args[0]) if group and group.args[0] in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[_HOME], ignore_errors=True)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the outside reaches a test, and none of a test the next one."""
    for name in [name for name in os.environ if name.startswith("DUBAN_")]:
        monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of the server's own database; beside it stands a template with the newest schema."""
    home = pytestconfig.stash[_HOME]
    with (home / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = embedded.url(home, "postgres")
        if not (home / "template.ready").exists():
            for setting in FASTER:
                _command(address, setting)
            _command(address, "SELECT pg_reload_conf()")
            template = engine_for(embedded.url(home, TEMPLATE))
            upgrade(template)
            template.dispose()
            (home / "template.ready").touch()
    yield address
    embedded.leave(home)


@pytest.fixture
def empty_database(server: str, worker_id: str) -> Iterator[str]:
    """The address of a database without a schema."""
    with _database(server, f"empty_{worker_id}", "template1") as address:
        yield address


@pytest.fixture
def database(
    request: pytest.FixtureRequest, server: str, worker_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A database with the newest schema, and the deepest scene that the test goes through where that was acted out.

    Duban's settings point to it.
    """
    store = Store(request.config.stash[_HOME] / "scenes", TEMPLATE, server, _command)
    scenes = asked(request)
    store.ready(scenes)
    with _database(server, f"test_{worker_id}", scenes[-1].database if scenes else TEMPLATE) as address:
        monkeypatch.setenv("DUBAN_DATABASE_URL", address)
        monkeypatch.setenv("DUBAN_DATA_DIR", str(tmp_path / "data"))
        if scenes:
            store.copy_files(scenes[-1], tmp_path / "data")
        settings.cache_clear()
        forget_engine()
        current.append(Stage(store, scenes))
        yield engine()
        current.pop()
        close_connections()


@contextmanager
def _database(server: str, name: str, template: str) -> Iterator[str]:
    identifier = sql.Identifier(name)
    _command(server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, sql.Identifier(template)))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    _command(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def _command(address: str, command: LiteralString | sql.Composed) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(command)


@dataclasses.dataclass(frozen=True, slots=True)
class Clock:
    """What Duban takes for the present."""

    file: Path

    def set(self, at: dt.datetime) -> None:
        self.file.write_text(at.isoformat(), encoding="ascii")


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(tmp_path / "clock")
    clock.set(LOADED_AT)
    monkeypatch.setenv("DUBAN_CLOCK_FILE", str(clock.file))
    settings.cache_clear()
    return clock


def _load(folder: Path) -> str:
    with transaction() as session:
        return load_plan(session, read_plan(folder), actor=Actor("test"), at=LOADED_AT).code


@scene
def tiny_plan(database: Engine) -> str:
    """The code of a plan with four units, two measures and a safeguard, loaded."""
    return _load(TINY)


@scene
def real_plan(database: Engine) -> str:
    """The code of the real plan, loaded."""
    return _load(REAL)


@pytest.fixture
def story(tiny_plan: str, clock: Clock) -> "Story":
    """The tiny plan, ready to be acted out."""
    from tests.support.story import Story  # noqa: PLC0415  (it needs Prefect, which takes seconds to import)

    return Story(tiny_plan, clock.set)


NORTH = "2023/delivery/T1.1/north"


@scene
def north(story: "Story") -> None:
    """A year's work was handed out, and one county's part of one measure is all that is left of it."""
    story.at("2023-01-03")
    story.open("implementation")
    story.only(NORTH)
    story.sign(NORTH)
