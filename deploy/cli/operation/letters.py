"""`duban mailbox`, `duban dead` and `duban attention`: what was sent, what could not be, what needs a person."""

import click

from deploy.cli.base import _, plan_option, show_table, table, tell
from deploy.cli.operation.access import office_scope, program_scope, work_on
from models.assignments.assignment import by_refs, quarantined
from models.common.typed import person_name
from models.queries.queues.dead_messages import dead_messages
from services.assignments import release
from services.letters.given_up import retry_letters
from services.letters.mailbox import read_mailbox


@click.command()
@click.argument("unit")
@click.option("--last", type=click.IntRange(min=1), help=_("only so many of the newest letters"))
@click.option("--link", is_flag=True, help=_("with a new link in place of each old one, to pass the letters on"))
@plan_option
def mailbox(unit: str, last: int | None, plan_code: str | None, *, link: bool) -> None:
    letters = read_mailbox(program_scope(plan_code, "duban mailbox"), unit, last, with_link=link)
    if not letters:
        tell(_("no letters to {unit} yet").format(unit=unit))
    for letter in letters:
        tell(f"── {letter.at} · {letter.channel} ── {letter.subject}\n")
        tell(f"{letter.body.rstrip()}\n")


@click.command()
@click.option("--retry", is_flag=True, help=_("try them all again with the next delivery"))
@plan_option
def dead(plan_code: str | None, *, retry: bool) -> None:
    with work_on(plan_code) as (session, plan):
        rows = dead_messages(session, plan)
    revived = retry_letters(program_scope(plan_code, "duban dead")) if retry else 0
    if not rows:
        tell(_("no notice was given up"))
        return
    listed = table(_("unit"), _("about"), _("tries"), _("what the channel said last"), numbers=[2])
    for one in rows:
        listed.add_row(one.unit_code, one.subject, str(one.tries), one.said or "-")
    show_table(listed)
    if retry:
        tell(_("{count} notices are tried again with the next delivery").format(count=revived))


@click.command()
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--retry", is_flag=True, help=_("give these back to the patrol, all of them if none is named"))
@click.option("--by", "by_name", metavar="NAME", help=_("the name of the person who gives them back"))
@plan_option
def attention(refs: tuple[str, ...], by_name: str | None, plan_code: str | None, *, retry: bool) -> None:
    if retry and not person_name(by_name or ""):
        raise click.UsageError(_("--retry needs --by NAME: every act has a named person"))
    if retry and by_name:
        shown = release(office_scope(plan_code, by_name), refs or None)
    else:
        with work_on(plan_code) as (session, plan):
            aside = by_refs(session, plan, refs, lock=False) if refs else quarantined(session, plan)
            shown = [(one.ref, one.needs_attention) for one in aside if one.needs_attention]
    if not shown:
        tell(_("nothing is set aside"))
        return
    listed = table(_("reference"), _("what went wrong"))
    for ref, why in shown:
        listed.add_row(ref, why)
    show_table(listed)
    if retry:
        tell(_("{count} are looked at again by the next patrol").format(count=len(shown)))
