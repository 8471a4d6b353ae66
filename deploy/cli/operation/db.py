"""`duban db`: the schema of the database."""

import click

from deploy.cli.base import _, tell
from services import schema


@click.group()
def db() -> None:
    pass


@db.command(help=_("Bring the database to the newest schema."))
def upgrade() -> None:
    before, after = schema.upgrade()
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
    current, newest = schema.versions()
    tell(_("database {current}, this code {newest}").format(current=current or "-", newest=newest))
