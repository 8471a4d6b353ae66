"""`duban bulletin`: make, edit and release bulletins, and write them to files."""

from pathlib import Path

import click

from adapters.language import Code, Language
from adapters.settings import settings
from deploy.cli.base import _, by_option, plan_option, show_table, table, tell
from deploy.cli.operation.access import local_time, office_scope, work_on
from models.bulletins import bulletin as bulletins
from services import bulletins as services

PAGE = 100

bulletin_argument = click.argument("ref", metavar="PERIOD")
language_option = click.option(
    "--language", "code", type=click.Choice(["zh", "en"]), help=_("the language; that of the settings if not given")
)


@click.group()
def bulletin() -> None:
    pass


@bulletin.command("list", help=_("The bulletins of a plan, newest first."))
@plan_option
def list_bulletins(plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        rows, count = bulletins.bulletins_of(session, plan, drafts=True, limit=PAGE)
    listed = table(_("reference"), _("Number"), _("figures of"), _("status"), _("edition"), _("by"), _("when"))
    for one in rows:
        who = one.released_by or one.edited_by or one.made_by
        when = local_time(plan, one.released_at or one.edited_at or one.made_at)
        listed.add_row(one.ref, one.numbered, str(one.as_of), _(one.status), str(one.edition), who, when)
    show_table(listed)
    if count > len(rows):
        tell(_("the newest {shown} of {count}").format(shown=len(rows), count=count))


@bulletin.command(
    help=_("Draft the bulletin of a month such as 2023-03, or of a year; again, it brings the draft up to date.")
)
@bulletin_argument
@click.option("--correct", is_flag=True, help=_("draft a new version in place of the one that was released"))
@by_option
@plan_option
def make(ref: str, by_name: str, plan_code: str | None, *, correct: bool) -> None:
    made = services.make(office_scope(plan_code, by_name), ref, correct=correct)
    said = _("{ref}: {status}, edition {edition}, figures as at the end of {day}")
    tell(said.format(ref=made.ref, status=_(made.status), edition=made.edition, day=made.as_of))


@bulletin.command(help=_("Change the texts of a draft; what is not given stays."))
@bulletin_argument
@click.option("--title", help=_("the title"))
@click.option("--addressees", help=_("to whom it goes"))
@click.option("--opening", help=_("the opening words"))
@click.option("--good-cases", help=_("good cases, one a line"))
@click.option("--decisions", help=_("what the group should decide, one a line"))
@click.option("--closing", help=_("the closing words"))
@language_option
@by_option
@plan_option
def edit(ref: str, code: Code | None, by_name: str, plan_code: str | None, **texts: str | None) -> None:
    given = {name: said for name, said in texts.items() if said is not None}
    if not given:
        raise click.UsageError(_("give at least one text to change"))
    one = services.reword(office_scope(plan_code, by_name), ref, code or settings().language, given)
    tell(_("{ref}: edition {edition} is kept").format(ref=one.ref, edition=one.edition))


@bulletin.command(help=_("Release a draft: it gets its number, and each unit is sent a letter."))
@bulletin_argument
@click.option(
    "--edition", type=click.IntRange(min=1), help=_("the edition that was looked at; the newest if not given")
)
@by_option
@plan_option
def release(ref: str, edition: int | None, by_name: str, plan_code: str | None) -> None:
    one = services.release(office_scope(plan_code, by_name), ref, edition=edition)
    tell(_("{ref} is released as {number}; the units are told").format(ref=one.ref, number=one.number))


@bulletin.command(help=_("Show a bulletin, or write it to a file: Word, Excel or Markdown by the name's ending."))
@bulletin_argument
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help=_("FILE.docx, FILE.xlsx or FILE.md; an earlier file is replaced"),
)
@language_option
@plan_option
def show(ref: str, output: Path | None, code: Code | None, plan_code: str | None) -> None:
    from rendering.bulletin_files import MEDIA_TYPES  # noqa: PLC0415  (slow to load)

    ending = output.suffix.removeprefix(".").lower() if output else "md"
    if ending not in MEDIA_TYPES:
        endings = ", ".join(f".{one}" for one in MEDIA_TYPES)
        raise click.UsageError(_("{file}: expected a name that ends in {endings}").format(file=output, endings=endings))
    with work_on(plan_code) as (session, plan):
        one = bulletins.bulletin_named(session, plan, ref)
        language = Language.of(code or settings().language)
        content = services.file_of(session, plan, one, language, ending)
    if output is None:
        tell(content.decode().rstrip())
        return
    output.write_bytes(content)
    tell(str(output))
