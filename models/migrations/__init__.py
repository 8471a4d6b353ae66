"""The schema's history, numbered by hand so that it reads in order, and which version a database is at."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from models.common.errors import SchemaError

LOCK_TIMEOUT = "10s"
APPLICATION = "duban"  # how our sessions are named to the server
VERSION_TABLE = "alembic_version"
HERE = Path(__file__).parent
PROGRAM_ROLE = "duban_program"
# A role that is not there, not ours to take or without rights here changes nothing.
_AS_PROGRAM = f"""
SELECT set_config('role', rolname, {{is_local}}) FROM pg_roles
WHERE rolname = '{PROGRAM_ROLE}' AND pg_has_role(session_user, oid, 'MEMBER')
      AND has_table_privilege(oid, to_regclass('{VERSION_TABLE}'), 'SELECT')
"""  # noqa: S608  (constants)
AS_PROGRAM = _AS_PROGRAM.format(is_local="false")  # for as long as a connection lasts
AS_PROGRAM_LOCALLY = _AS_PROGRAM.format(is_local="true")  # for a transaction, where the next one may be another's
AS_OWNER = "SET LOCAL ROLE NONE"  # within a transaction: as whoever logged in


def head() -> str:
    """The newest version that this code knows."""
    return max(file.name[:4] for file in (HERE / "versions").glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The version that the database is at, None where it is empty."""
    with engine.connect() as connection:
        return current_by(connection)


def current_by(connection: Connection) -> str | None:
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
