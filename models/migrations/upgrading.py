"""Bringing a database to the newest schema. Apart from the versions, which are asked by programs that start fast."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

from models.migrations import APPLICATION, AS_OWNER, HERE, current_by, head
from models.migrations.belongings import refuse_to_build
from models.migrations.program_role import let_in

ADVISORY_LOCK = 4_832_620_911  # any number that nothing else in this database uses
UPGRADING = "duban upgrade"
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
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))  # it takes a sign for a place to fill
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        connection.exec_driver_sql(AS_OWNER)
        # Whoever else is upgrading waits for us under this name, and is not ended.
        connection.execute(text(f"SET LOCAL application_name = '{UPGRADING}'"))
        # Work on a big table takes its time, and so does another upgrade that came first.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        refuse_to_build(connection)
        before = current_by(connection)
        config.attributes["connection"] = connection
        after = to or head()
        command.upgrade(config, after)
        if after == head():
            let_in(connection)
    if before not in {None, after}:
        with engine.begin() as connection:
            connection.exec_driver_sql(AS_OWNER)
            connection.execute(END_OTHERS, {"application": APPLICATION})
    engine.dispose()  # connections from before the program's role had its rights
    return before, after
