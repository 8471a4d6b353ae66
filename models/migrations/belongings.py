"""What in a database is Duban's: whoever builds there or throws away leaves everything else alone."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.common.constraints import first_line
from models.common.errors import SchemaError
from models.migrations import VERSION_TABLE, refuse_other
from models.monitoring.seal import HORIZON
from models.tables import METADATA

MARK = "event_refuse_change"  # a function of ours since the first version, and hardly anybody else's
DEPENDED_ON = "2BP01"

SCHEMA = text("""
SELECT coalesce(
    (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass(:versions)),
    quote_ident(current_schema())
)
""")
STANDING = text("""
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
""")
FUNCTIONS = text("""
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = to_regnamespace(:schema) AND pronargs = 0 AND proname = ANY(:names)
""")


NAMES = frozenset({*METADATA.tables, VERSION_TABLE})


def refuse_to_build(connection: Connection) -> None:
    """Raises SchemaError where the version table or a table with one of our names is another program's."""
    if not is_ours(connection) and _standing(connection) & NAMES:
        raise _foreign()


def refuse_to_remove(connection: Connection) -> None:
    """Raises SchemaError where tables stand, and none of ours beside them."""
    if not is_ours(connection) and _standing(connection):
        raise _foreign()


def is_ours(connection: Connection) -> bool:
    """Whether our schema stands there. Another program's versions may look like ours, its functions do not.

    Raises SchemaError where the version is none that this code knows.
    """
    schema = _schema(connection)
    if VERSION_TABLE not in _standing(connection):
        return False
    versions = connection.scalars(text(f"SELECT version_num FROM {schema}.{VERSION_TABLE}")).all()  # noqa: S608
    for version in versions:
        refuse_other(version)
    return len(versions) == 1 and bool(_functions(connection, [MARK]))


def remove(connection: Connection) -> None:
    """Drop our tables and functions, where our schema stands in the newest version, and nothing else.

    Raises SchemaError where something of others depends on them. Needs no right to the schema, only to the tables.
    """
    schema = _schema(connection)
    functions = _functions(connection, [*(f"{name}_refuse_change" for name in NAMES), HORIZON])
    ours = ", ".join(f"{schema}.{name}" for name in sorted(NAMES & _standing(connection)))
    try:
        connection.exec_driver_sql(f"DROP TABLE {ours}")
        for function in functions:
            connection.exec_driver_sql(f"DROP FUNCTION {function}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != DEPENDED_ON:
            raise
        raise SchemaError(
            "something that is not Duban's depends on its tables ({why}); nothing was changed",
            why=first_line(error),
        ) from error


def _foreign() -> SchemaError:
    return SchemaError("the database holds tables, but not those of Duban; give Duban a database of its own")


def _schema(connection: Connection) -> str | None:
    """Where our version table is found, or would be made: quoted, for statements."""
    schema: str | None = connection.scalar(SCHEMA, {"versions": VERSION_TABLE})
    return schema


def _standing(connection: Connection) -> frozenset[str]:
    return frozenset(connection.scalars(STANDING, {"schema": _schema(connection)}))


def _functions(connection: Connection, of: list[str]) -> list[str]:
    return list(connection.scalars(FUNCTIONS, {"schema": _schema(connection), "names": of}))
