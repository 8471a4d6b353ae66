"""`duban sign`, `submit`, `review`, `opinion`, `extend`, `waive`: what people do with assignments, all or none."""

import datetime as dt
from functools import partial
from pathlib import Path

import click

from adapters.evidence.intake import HandedIn, take_in
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.base import (
    Day,
    _,
    by_option,
    one_choice,
    plan_option,
    reason_option,
    ref_argument,
    refs_argument,
    tell,
)
from deploy.cli.operation.access import deciding_scope, office_scope, owner_scopes, unit_scope
from models.assignments.review import Decision
from models.assignments.submitted_figures import read_figures
from services import assignments
from services.scope import together


@click.command()
@refs_argument
@by_option
@plan_option
def sign(refs: tuple[str, ...], by_name: str, plan_code: str | None) -> None:
    scopes = owner_scopes(plan_code, refs, by_name)
    count = sum(len(own) for _scope, own in scopes)
    with together() as session:
        signed = sum(assignments.sign(scope.joining(session), own) for scope, own in scopes)
    tell(_("{count} signed for; {rest} had been already").format(count=signed, rest=count - signed))


@click.command()
@refs_argument
@click.option("--file", "files", type=click.Path(path_type=Path), multiple=True, help=_("a file; may be repeated"))
@click.option("--note", default="", help=_("what there is to say"))
@click.option("--figure", "figures", metavar="NAME=VALUE", multiple=True, help=_("a figure; may be repeated"))
@by_option
@plan_option
def submit(
    refs: tuple[str, ...],
    files: tuple[Path, ...],
    note: str,
    figures: tuple[str, ...],
    by_name: str,
    plan_code: str | None,
) -> None:
    values = read_figures(figures)
    # A wrong reference is refused before any file is copied.
    scopes = owner_scopes(plan_code, refs, by_name)
    store = EvidenceStore(settings().evidence_address)
    stored = take_in([HandedIn(path, path.name, partial(store.put, path)) for path in files])
    handed_in = assignments.submit(scopes[0][0], refs, stored, note=note, figures=values)
    for one in handed_in:
        tell(_("{ref}: handed in as version {version}").format(ref=one.ref, version=one.version))


@click.command()
@refs_argument
@click.option("--accept", is_flag=True, help=_("it is done"))
@click.option("--return", "send_back", is_flag=True, help=_("it has to be handed in again; needs a reason"))
@click.option("--as", "unit", metavar="UNIT", default="office", show_default=True, help=_("the unit that reviews"))
@click.option("--version", type=int, help=_("refuse if a newer version than this came in"))
@reason_option
@by_option
@plan_option
def review(
    refs: tuple[str, ...],
    unit: str,
    version: int | None,
    reason: str,
    by_name: str,
    plan_code: str | None,
    *,
    accept: bool,
    send_back: bool,
) -> None:
    one_choice(accept=accept, **{"return": send_back})
    if version is not None and len(refs) > 1:
        raise click.UsageError(_("--version is for one reference"))
    scope = unit_scope(plan_code, unit, by_name)
    decision = Decision.ACCEPT if accept else Decision.RETURN
    for one in assignments.decide_review(scope, refs, decision, reason=reason, version=version):
        done = _("{ref}: accepted") if accept else _("{ref}: returned")
        tell(done.format(ref=one.ref))


@click.command()
@ref_argument
@click.option("--agree", is_flag=True, help=_("it may be accepted"))
@click.option("--object", "objects", is_flag=True, help=_("it should not be accepted; needs a reason"))
@click.option("--as", "unit", metavar="UNIT", required=True, help=_("the unit that leads beside the first lead"))
@click.option("--version", type=int, help=_("refuse if a newer version than this came in"))
@reason_option
@by_option
@plan_option
def opinion(
    ref: str,
    unit: str,
    version: int | None,
    reason: str,
    by_name: str,
    plan_code: str | None,
    *,
    agree: bool,
    objects: bool,
) -> None:
    one_choice(agree=agree, object=objects)
    scope = unit_scope(plan_code, unit, by_name)
    one = assignments.give_opinion(scope, ref, agrees=agree, words=reason, version=version)
    done = _("{ref}: {unit} agrees") if agree else _("{ref}: {unit} objects")
    tell(done.format(ref=one.ref, unit=unit))


@click.command()
@ref_argument
@click.option(
    "--until", type=Day(), metavar="DATE", help=_("ask for time until this day; with --grant, grant until this day")
)
@click.option("--grant", is_flag=True, help=_("the office grants the request"))
@click.option("--refuse", is_flag=True, help=_("the office refuses the request; needs a reason"))
@reason_option
@by_option
@plan_option
def extend(
    ref: str,
    until: dt.date | None,
    reason: str,
    by_name: str,
    plan_code: str | None,
    *,
    grant: bool,
    refuse: bool,
) -> None:
    one_choice(until=until is not None and not grant, grant=grant, refuse=refuse)
    if until is not None and not grant:
        ((scope, own),) = owner_scopes(plan_code, [ref], by_name)
        (one,) = assignments.ask_extension(scope, own, until=until, reason=reason)
        tell(
            _("{ref}: asked for time until {day}; {due} stands until the office decides").format(
                ref=ref, day=until, due=one.due_on
            )
        )
        return
    scope = deciding_scope(plan_code, ref, by_name)
    one = assignments.decide_extension(scope, ref, grant=grant, reason=reason, until=until)
    done = _("{ref}: extended, now due on {due}") if grant else _("{ref}: not extended, due on {due}")
    tell(done.format(ref=ref, due=one.due_on))


@click.command()
@refs_argument
@reason_option
@by_option
@plan_option
def waive(refs: tuple[str, ...], reason: str, by_name: str, plan_code: str | None) -> None:
    for one in assignments.waive(office_scope(plan_code, by_name), refs, reason=reason):
        tell(_("{ref}: waived").format(ref=one.ref))
