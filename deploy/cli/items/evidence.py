"""`duban evidence`: look after the store of files."""

import datetime as dt

import click
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.base import _, tell, tell_problem
from deploy.cli.operation.access import ensure_schema
from models.assignments.evidence import Evidence

A_DAY = dt.timedelta(days=1)  # nobody writes one file for longer


@click.group()
def evidence() -> None:
    pass


@evidence.command(help=_("Remove what interrupted uploads left behind more than a day ago."))
def sweep() -> None:
    removed = EvidenceStore(settings().evidence_address).sweep(clock.now() - A_DAY)
    tell(_("{count} leftovers removed").format(count=removed))


@evidence.command(help=_("Read every file again and compare it with its hash."))
def verify() -> None:
    ensure_schema()
    with transaction() as session:
        rows = session.execute(select(Evidence.sha256, Evidence.file_name).order_by(Evidence.id)).all()
    names: dict[str, str] = {}
    for sha256, name in rows:
        names.setdefault(sha256, name)
    store = EvidenceStore(settings().evidence_address)
    damaged = [sha256 for sha256 in names if not store.verify(sha256)]
    for sha256 in damaged:
        tell_problem(_("{name}: missing or damaged ({sha256})").format(name=names[sha256], sha256=sha256))
    tell(_("{count} files read, {damaged} missing or damaged").format(count=len(names), damaged=len(damaged)))
    if damaged:
        raise click.exceptions.Exit(2)
