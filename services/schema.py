"""The schema of the database: created where there is none, upgraded on request, and refused where it is another one
than this code works with.
"""

from sqlalchemy import inspect

from adapters.database.sessions import engine, engine_for, url
from models import migrations
from models.common.errors import SchemaError


def ensure() -> None:
    """Make the schema in an empty database; refuse one that is older or newer than this code. Raises SchemaError."""
    database, newest = engine(), migrations.head()
    current = migrations.current(database)
    if current is None:
        if inspect(database).get_table_names():
            raise SchemaError("the database holds tables, but not those of Duban; give Duban a database of its own")
        upgrade()
        return
    migrations.refuse_other(current)
    if current < newest:
        raise SchemaError(
            "the database is at version {current}, this code needs {newest}: run `duban db upgrade`",
            current=current,
            newest=newest,
        )


def upgrade() -> tuple[str | None, str]:
    """Bring the database to the newest schema. Returns its version before, None where it was empty, and after."""
    from models.migrations import upgrading  # noqa: PLC0415  (Alembic is slow to import, and few upgrade)

    return upgrading.upgrade(engine())


def versions() -> tuple[str | None, str]:
    """The version of the database, None where it has no schema, and the version that this code works with."""
    bare = engine_for(url())  # `engine()` refuses a database that is newer
    current = migrations.current(bare)
    bare.dispose()
    return current, migrations.head()
