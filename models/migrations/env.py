"""Runs the migrations, never waiting long for a lock."""

from alembic import context
from sqlalchemy import Connection, text

from models.migrations import LOCK_TIMEOUT
from models.tables import METADATA


def run(connection: Connection) -> None:
    # A migration that waits for a long transaction would block everybody behind it: it fails instead, to be run again.
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    context.configure(connection=connection, target_metadata=METADATA, transaction_per_migration=False)
    context.run_migrations()


run(context.config.attributes["connection"])
