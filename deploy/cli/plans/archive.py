"""`duban archive`: everything of a plan in one ZIP that can be read and checked without this program."""

import sys
from pathlib import Path

import click

from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.base import _, tell
from deploy.cli.operation.access import program_scope


@click.command()
@click.argument("plan_code", metavar="[PLAN]", required=False)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=_("where the ZIP is written; it appears only when it is whole"),
)
def archive(plan_code: str | None, output: Path) -> None:
    from services.archive import write_archive  # noqa: PLC0415  (it knows every table, which takes a moment)

    scope = program_scope(plan_code, "duban archive")
    store = EvidenceStore(settings().evidence_address)
    # The progress bar goes to standard error, so that the output can be redirected.
    quiet = not sys.stderr.isatty()
    with click.progressbar(length=1, label=_("Files"), file=sys.stderr, hidden=quiet) as bar:

        def show(done: int, whole: int) -> None:
            bar.length = max(whole, 1)
            bar.update(done - bar.pos)

        written = write_archive(scope, store, output, progress=show)
    tell(
        _("{file}: {entries} files, {originals} of them originals, {journal} entries of the journal, {size} MB").format(
            file=output,
            entries=written.entries,
            originals=written.originals,
            journal=written.journal,
            size=f"{written.size / 1_000_000:.1f}",
        )
    )
    tell(_("Digest of its manifest, to be kept elsewhere: {digest}").format(digest=written.digest))
