"""`duban evidence`: check the store of files, and clean it up."""

import click

from adapters import clock
from deploy.cli.base import _, tell, tell_problem
from services import evidence as services
from services import schema


@click.group()
def evidence() -> None:
    pass


@evidence.command(help=_("Remove what interrupted uploads left behind more than a day ago."))
def sweep() -> None:
    removed = services.sweep(clock.now())
    tell(_("{count} leftovers removed").format(count=removed))


@evidence.command(help=_("Read every file again and compare it with its hash."))
def verify() -> None:
    schema.ensure()
    found = services.verify()
    for one in found.damaged:
        tell_problem(_("{name}: missing or damaged ({sha256})").format(name=one.name, sha256=one.sha256))
    tell(_("{count} files read, {damaged} missing or damaged").format(count=found.count, damaged=len(found.damaged)))
    if found.damaged:
        raise click.exceptions.Exit(2)
