"""`duban withdraw`, `reopen`, `restore`: what was done by a slip of the hand is taken back, all or none."""

import datetime as dt

import click

from deploy.cli.base import Day, _, by_option, plan_option, reason_option, refs_argument, tell
from deploy.cli.operation.access import office_scope, owner_scopes, unit_scope
from services import assignments
from services.scope import together


@click.command()
@refs_argument
@reason_option
@by_option
@plan_option
def withdraw(refs: tuple[str, ...], reason: str, by_name: str, plan_code: str | None) -> None:
    scopes = owner_scopes(plan_code, refs, by_name)
    with together() as session:
        for scope, own in scopes:
            for one in assignments.withdraw(scope.joining(session), own, reason=reason):
                tell(_("{ref}: withdrawn; it is due on {due} as before").format(ref=one.ref, due=one.due_on))


@click.command()
@refs_argument
@click.option("--as", "unit", metavar="UNIT", default="office", show_default=True, help=_("the unit that reviews"))
@reason_option
@by_option
@plan_option
def reopen(refs: tuple[str, ...], unit: str, reason: str, by_name: str, plan_code: str | None) -> None:
    for one in assignments.reopen(unit_scope(plan_code, unit, by_name), refs, reason=reason):
        tell(_("{ref}: under review again").format(ref=one.ref))


@click.command()
@refs_argument
@click.option("--until", type=Day(), metavar="DATE", help=_("the new date of what is overdue by now"))
@reason_option
@by_option
@plan_option
def restore(refs: tuple[str, ...], until: dt.date | None, reason: str, by_name: str, plan_code: str | None) -> None:
    for one in assignments.ask_again(office_scope(plan_code, by_name), refs, reason=reason, until=until):
        tell(_("{ref}: asked for again, due on {due}").format(ref=one.ref, due=one.due_on))
