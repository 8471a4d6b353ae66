"""The schema's history, numbered by hand so that it reads in order. `upgrade` brings a database to the newest.

Alembic is imported by who upgrades: everybody asks for versions, and the pages have to start fast.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from models.common.errors import SchemaError

ADVISORY_LOCK = 4_832_620_911  # any number that nothing else in this database uses
LOCK_TIMEOUT = "10s"
APPLICATION = "duban"  # how our sessions are named to the server
UPGRADING = "duban upgrade"
VERSION_TABLE = "alembic_version"
HERE = Path(__file__).parent

END_OTHERS = text("""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = :application
  AND pid <> pg_backend_pid()
""")


def upgrade(engine: Engine, to: str | None = None) -> tuple[str | None, str]:
    """Run what is missing, in one transaction under an advisory lock; returns the versions before and after.

    `to`: a version, the newest where none is named.

    Where the schema changed, sessions of running programs are ended: they connect again, and code that does not
    know the new schema is refused then.
    """
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    from models.migrations.belongings import refuse_to_build  # noqa: PLC0415  (it knows all tables)

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        # Whoever else is upgrading waits for us under this name, and is not ended.
        connection.execute(text(f"SET LOCAL application_name = '{UPGRADING}'"))
        # Work on a big table takes its time, and so does another upgrade that came first.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        refuse_to_build(connection)
        before = _current(connection)
        config.attributes["connection"] = connection
        after = to or head()
        command.upgrade(config, after)
    if before not in {None, after}:
        with engine.begin() as connection:
            connection.execute(END_OTHERS, {"application": APPLICATION})
    return before, after


def head() -> str:
    """The newest version that this code knows."""
    return max(file.name[:4] for file in (HERE / "versions").glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The version that the database is at, None where it is empty."""
    with engine.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    return version_by(connection.exec_driver_sql)


def version_by(execute: Callable[[str], Any]) -> str | None:
    """The version of the database that `execute` asks, None where it is empty."""
    if execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
        return None
    row = execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def refuse_other(current: str | None) -> None:
    """Raises SchemaError where the version is another program's, or newer than this code knows."""
    if current is None:
        return
    # Versions are numbered by hand, so that they sort.
    if not re.fullmatch("[0-9]{4}", current):
        raise SchemaError("the database holds tables, but not those of Duban; give Duban a database of its own")
    if current > head():
        raise SchemaError(
            "the database is at version {current}, newer than this code knows ({newest}): install the newer Duban",
            current=current,
            newest=head(),
        )
