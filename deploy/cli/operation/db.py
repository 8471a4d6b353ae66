"""`duban db`: the schema of the database."""

import click

from adapters.database.sessions import engine, engine_for, url
from deploy.cli.base import _, tell
from models import migrations
from models.migrations import upgrading


@click.group()
def db() -> None:
    pass


@db.command(help=_("Bring the database to the newest schema."))
def upgrade() -> None:
    before, after = upgrading.upgrade(engine())
    if before == after:
        tell(_("The database is at version {version}; nothing to do.").format(version=after))
    else:
        tell(
            _("The database is now at version {version} (before: {before}).").format(
                version=after, before=before or "-"
            )
        )


@db.command(help=_("The version of the schema, in the database and in this code."))
def version() -> None:
    bare = engine_for(url())  # `engine()` refuses a database that is newer
    current = migrations.current(bare) or "-"
    bare.dispose()
    tell(_("database {current}, this code {newest}").format(current=current, newest=migrations.head()))
