"""The schema's history, numbered by hand so that it reads in order. `upgrade` brings a database to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

ADVISORY_LOCK = 4_832_620_911  # any number that nothing else in this database uses
LOCK_TIMEOUT = "10s"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Run what is missing, in one transaction under an advisory lock; returns the versions before and after."""
    config = _config()
    with engine.begin() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head()


def head() -> str:
    """The newest version that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(engine: Engine) -> str | None:
    """The version that the database is at, None where it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
