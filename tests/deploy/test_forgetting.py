"""A rehearsal throws away what an earlier one left, and nothing of anybody else's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from adapters.database.sessions import engine, engine_for, forget_engine
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.rehearsal.place import forget_rehearsals
from deploy.stack import ACTED_OUT
from models.common.errors import RefusedError, SchemaError
from models.migrations import head
from models.migrations.upgrading import upgrade
from tests.support.owner import owners_transaction

FOREIGN = "CREATE TABLE customer AS SELECT 'theirs' AS name"


def statements(*lines: str) -> None:
    with owners_transaction() as session:
        for line in lines:
            session.execute(text(line))


def ask(line: str) -> object:
    with owners_transaction() as session:
        return session.scalar(text(line))


@pytest.fixture
def bare(empty_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """A database without a schema, as others see it; the settings point to it."""
    monkeypatch.setenv("DUBAN_DATABASE_URL", empty_database)
    monkeypatch.setenv("DUBAN_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    forget_engine()
    looking = engine_for(empty_database)
    yield looking
    looking.dispose()
    forget_engine()


@pytest.mark.parametrize(
    "versions",
    [
        [],
        ["CREATE TABLE alembic_version (version_num text)"],
        ["CREATE TABLE alembic_version AS SELECT 'ae1027a6acf3' AS version_num"],
        ["CREATE TABLE alembic_version AS SELECT '00a1027a6acf' AS version_num"],
        ["CREATE TABLE alembic_version AS SELECT '0003' AS version_num"],
        ["CREATE TABLE plan AS SELECT 1 AS id"],
    ],
)
def test_a_database_of_another_program_is_refused_and_stays_as_it_was(versions: list[str], bare: Engine) -> None:
    statements(FOREIGN, *versions)
    before = inspect(bare).get_table_names()
    forget_engine()  # the next connection looks at the version
    acts: list[Callable[[], object]] = [forget_rehearsals]
    if versions:
        acts.append(lambda: upgrade(engine()))
    for act in acts:
        with pytest.raises(SchemaError, match="tables, but not those of Duban"):
            act()
    assert inspect(bare).get_table_names() == before


def test_nothing_of_ours_remains_and_everything_of_others(database: Engine) -> None:
    statements(
        FOREIGN,
        "CREATE FUNCTION customer_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TYPE colour AS ENUM ('red')",
    )
    forget_rehearsals()
    assert inspect(database).get_table_names() == ["customer"]
    assert ask("SELECT name FROM customer") == "theirs"
    functions = "SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert ask(functions) == "customer_refuse_change"
    types = "SELECT string_agg(typname, ' ') FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'"
    assert ask(types) == "colour"
    assert upgrade(database) == (None, head())


def test_what_others_built_on_our_tables_is_not_torn_down(database: Engine) -> None:
    statements("CREATE VIEW theirs AS SELECT code FROM plan")
    with pytest.raises(SchemaError, match=r"depends on its tables .*nothing was changed"):
        forget_rehearsals()
    assert ask("SELECT count(*) FROM theirs") == 0
    assert inspect(database).has_table("assignment")


@pytest.mark.usefixtures("tiny_plan")
def test_real_work_is_refused() -> None:
    with pytest.raises(RefusedError, match="holds the real work"):
        forget_rehearsals()


def test_a_role_that_owns_only_its_tables_can_do_it(bare: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    statements(
        "DROP ROLE IF EXISTS duban_office",
        "CREATE ROLE duban_office LOGIN",
        "GRANT USAGE, CREATE ON SCHEMA public TO duban_office",
        FOREIGN,
    )
    address = bare.url.set(username="duban_office").render_as_string(hide_password=False)
    monkeypatch.setenv("DUBAN_DATABASE_URL", address)
    settings.cache_clear()
    forget_engine()
    upgrade(engine())
    forget_rehearsals()
    assert inspect(bare).get_table_names() == ["customer"]


@pytest.mark.usefixtures("database")
def test_files_that_no_rehearsal_handed_in_stay() -> None:
    folder = settings().data_dir / "evidence"
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("theirs", encoding="utf-8")
    stored = EvidenceStore(str(folder)).put(folder / "letter.txt")
    forget_rehearsals()
    assert (folder / "letter.txt").exists()
    assert EvidenceStore(str(folder)).exists(stored.sha256)


@pytest.mark.usefixtures("database")
def test_the_store_of_prefect_goes_only_where_a_rehearsal_made_it() -> None:
    store = settings().data_dir / "prefect"
    for name in ("prefect.kept-1", "prefect.kept-2"):
        store.mkdir(parents=True)
        (store / "prefect.db").touch()
        forget_rehearsals()
        assert not store.exists()
        assert (store.with_name(name) / "prefect.db").exists()
    store.mkdir()
    (store / ACTED_OUT).touch()
    forget_rehearsals()
    assert [one.name for one in sorted(store.parent.iterdir())] == ["prefect.kept-1", "prefect.kept-2"]
