"""`duban evidence`: check the store of files, and clean it up."""

import click

from adapters import clock
from deploy.cli.base import _, tell, tell_problem
from services import evidence as services
from services import schema


@click.group()
def evidence() -> None:
    pass


@evidence.command(help=_("Remove what uploads and refused hand-ins left behind more than a day ago."))
@click.option("--claim", is_flag=True, help=_("no other database keeps files in this store"))
def sweep(claim: bool) -> None:  # noqa: FBT001  (click calls it by name)
    schema.ensure()
    swept = services.sweep(clock.now(), claim=claim)
    tell(_("{count} leftovers removed").format(count=swept.removed))
    if swept.kept:
        tell_problem(
            _(
                "{count} stored files are named by nothing in this database and stay: another database may keep its "
                "files in this store. If none does: duban evidence sweep --claim"
            ).format(count=swept.kept)
        )


@evidence.command(help=_("Read every file again and compare it with its hash."))
def verify() -> None:
    schema.ensure()
    found = services.verify()
    for one in found.damaged:
        tell_problem(_("{name}: missing or damaged ({sha256})").format(name=one.name, sha256=one.sha256))
    for sha256 in found.nameless:
        tell(_("{sha256}: stored, and named by nothing; `duban evidence sweep` removes it").format(sha256=sha256))
    tell(_("{count} files read, {damaged} missing or damaged").format(count=found.count, damaged=len(found.damaged)))
    if found.damaged:
        raise click.exceptions.Exit(2)
