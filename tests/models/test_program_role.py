"""The role that the program works under: it owns nothing, and can do with the tables what the program does."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from adapters.database.sessions import engine, read_session, transaction
from models.migrations import PROGRAM_ROLE
from models.migrations.program_role import ONLY_ADDED_TO
from models.migrations.upgrading import upgrade
from models.tables import METADATA
from tests.support.owner import owners_transaction
from tests.support.story import Story

pytestmark = pytest.mark.usefixtures("database")


def who() -> str:
    with read_session() as session:
        return str(session.scalar(text("SELECT current_user")))


def test_every_way_to_the_database_is_the_roles() -> None:
    assert who() == PROGRAM_ROLE
    with transaction() as session:
        assert session.scalar(text("SELECT current_user")) == PROGRAM_ROLE


def test_it_owns_no_table_and_no_function() -> None:
    owned = text("""
        SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = :role
        UNION ALL SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = :role
    """)
    with transaction() as session:
        assert session.scalars(owned, {"role": PROGRAM_ROLE}).all() == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE event DISABLE TRIGGER event_append_only",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "DROP TRIGGER event_append_only ON event",
        "CREATE OR REPLACE FUNCTION event_refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE plan ADD COLUMN more text",
        "DROP TABLE message",
        "TRUNCATE message",
        "CREATE TABLE mine (id bigint)",
        "SET session_replication_role = 'replica'",
        "ALTER ROLE duban_program SUPERUSER",
        "COPY plan TO PROGRAM 'id'",
    ],
)
def test_what_the_program_never_does_it_may_not(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction() as session:
        session.execute(text(statement))


@pytest.mark.parametrize("table", sorted(ONLY_ADDED_TO))
def test_what_is_only_added_to_is_only_added_to(table: str) -> None:
    column = next(one.name for one in METADATA.tables[table].columns if not one.primary_key)
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction() as session:
            session.execute(text(statement))


def test_it_has_its_rights_on_every_table() -> None:
    with transaction() as session:
        for table in METADATA.tables:
            rights = {
                right
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
                if session.scalar(
                    text("SELECT has_table_privilege(:role, :table, :right)"),
                    {"role": PROGRAM_ROLE, "table": table, "right": right},
                )
            }
            expected = {"SELECT", "INSERT"} if table in ONLY_ADDED_TO else {"SELECT", "INSERT", "UPDATE", "DELETE"}
            assert rights == expected, table


def test_a_member_of_the_role_who_owns_nothing_can_run_the_program(story: Story) -> None:
    """So an operator keeps the owner's login from the program altogether."""
    with owners_transaction() as session:
        session.execute(text("DROP ROLE IF EXISTS duban_clerk"))
        session.execute(text(f"CREATE ROLE duban_clerk LOGIN IN ROLE {PROGRAM_ROLE}"))
    address = engine().url.set(username="duban_clerk").render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as monkeypatch:
        _point_to(address, monkeypatch)
        assert who() == PROGRAM_ROLE
        story.at("2022-11-01")
        story.open("launch")
        story.sign("2022/liaison/north")
        story.patrol()
        with pytest.raises(ProgrammingError), owners_transaction() as session:
            session.execute(text("ALTER TABLE event DISABLE TRIGGER ALL"))
    _forget()
    with owners_transaction() as session:
        session.execute(text("DROP ROLE duban_clerk"))


def _point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_DATABASE_URL", address)
    _forget()


def _forget() -> None:
    from adapters.database.sessions import forget_engine  # noqa: PLC0415
    from adapters.settings import settings  # noqa: PLC0415

    settings.cache_clear()
    forget_engine()


def test_without_the_role_the_owner_works_as_before(database: Engine) -> None:
    with owners_transaction() as session:
        session.execute(text(f"REVOKE ALL ON alembic_version FROM {PROGRAM_ROLE}"))
    database.dispose()
    assert who() != PROGRAM_ROLE
    upgrade(database)
    assert who() == PROGRAM_ROLE, "an upgrade gives it its rights again"
