"""The role that the program works under: it may read and write the tables, owns none, and changes no journal.

It is one role for all databases of a server, and nobody logs in as it: whoever may log in is made a member. Where the
owner may make no roles, the program works as the owner, as before.
"""

from sqlalchemy import Connection, text

from models.changes.change_set import ChangeItem, ChangeSet
from models.common.event import Event
from models.indicators.reading import Reading
from models.migrations import PROGRAM_ROLE, VERSION_TABLE
from models.monitoring.seal import JournalSeal
from models.tables import METADATA

ONLY_ADDED_TO = frozenset(one.__tablename__ for one in (ChangeItem, ChangeSet, Event, JournalSeal, Reading))

MAY_GRANT = text(f"""
SELECT pg_get_userbyid(relowner) = current_user
       AND (EXISTS (SELECT FROM pg_roles WHERE rolname = '{PROGRAM_ROLE}')
            OR (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user))
FROM pg_class WHERE oid = to_regclass('{Event.__tablename__}')
""")  # noqa: S608
MAKE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{PROGRAM_ROLE}') THEN
        CREATE ROLE {PROGRAM_ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
JOIN = f"""
DO $$ BEGIN
    IF NOT pg_has_role(current_user, '{PROGRAM_ROLE}', 'MEMBER') THEN
        GRANT {PROGRAM_ROLE} TO CURRENT_USER;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$
"""
SCHEMA = text("SELECT quote_ident(current_schema())")


def let_in(connection: Connection) -> None:
    """Give the program's role what it needs, where whoever is connected owns the tables and may do so."""
    if not connection.scalar(MAY_GRANT):
        return
    schema = connection.scalar(SCHEMA)
    for statement in (
        MAKE,
        JOIN,
        f"GRANT USAGE ON SCHEMA {schema} TO {PROGRAM_ROLE}",
        *(f"GRANT {_rights(table)} ON {schema}.{table} TO {PROGRAM_ROLE}" for table in sorted(METADATA.tables)),
        f"GRANT SELECT ON {schema}.{VERSION_TABLE} TO {PROGRAM_ROLE}",
    ):
        connection.exec_driver_sql(statement)


def _rights(table: str) -> str:
    return "SELECT, INSERT" if table in ONLY_ADDED_TO else "SELECT, INSERT, UPDATE, DELETE"
