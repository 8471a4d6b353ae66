"""`duban sign`, `submit`, `review`, `extend`, `waive`: what people do with assignments, all or none."""

import datetime as dt
from functools import partial
from pathlib import Path

import click

from adapters import clock
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
from deploy.cli.operation.access import office_actor, work_on
from models.assignments import evidence, extension
from models.assignments import review as reviews
from models.assignments.assignment import acknowledge, by_refs
from models.assignments.submitted_figures import read_figures
from models.common.event import Actor
from models.plan.unit import unit_of


@click.command()
@refs_argument
@by_option
@plan_option
def sign(refs: tuple[str, ...], by_name: str, plan_code: str | None) -> None:
    at = clock.now()
    with work_on(plan_code) as (session, plan):
        found = by_refs(session, plan, refs)
        signed = sum(acknowledge(session, plan, [one], actor=Actor(by_name, one.unit_id), at=at) for one in found)
    tell(_("{count} signed for; {rest} had been already").format(count=signed, rest=len(found) - signed))


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
    with work_on(plan_code) as (session, plan):
        # A slip in a reference is told before any file is copied.
        by_refs(session, plan, refs, lock=False)
    store = EvidenceStore(settings().evidence_address)
    stored = take_in([HandedIn(path, path.name, partial(store.put, path)) for path in files])
    with work_on(plan_code) as (session, plan):
        found = by_refs(session, plan, refs)
        actor = Actor(by_name, found[0].unit_id)
        evidence.submit(session, plan, found, stored, note=note, figures=values, actor=actor, at=clock.now())
        versions = [(one.ref, one.version) for one in found]
    for ref, version in versions:
        tell(_("{ref}: handed in as version {version}").format(ref=ref, version=version))


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
    at = clock.now()
    with work_on(plan_code) as (session, plan):
        actor = Actor(by_name, unit_of(session, plan.id, unit).id)
        found = by_refs(session, plan, refs)
        for one in found:
            decide = reviews.accept if accept else reviews.send_back
            decide(session, plan, one, reason=reason, actor=actor, at=at, version=version)
    for one in found:
        done = _("{ref}: accepted") if accept else _("{ref}: returned")
        tell(done.format(ref=one.ref))


@click.command()
@ref_argument
@click.option("--until", type=Day(), metavar="DATE", help=_("ask for time until this day"))
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
    one_choice(until=until, grant=grant, refuse=refuse)
    at = clock.now()
    with work_on(plan_code) as (session, plan):
        one = by_refs(session, plan, [ref])[0]
        if until is not None:
            actor = Actor(by_name, one.unit_id)
            extension.ask(session, plan, one, until=until, reason=reason, actor=actor, at=at)
            tell(
                _("{ref}: asked for time until {day}; {due} stands until the office decides").format(
                    ref=ref, day=until, due=one.due_on
                )
            )
            return
        office = office_actor(session, plan, by_name)
        extension.decide(session, plan, one, grant=grant, reason=reason, actor=office, at=at)
    done = _("{ref}: extended, now due on {due}") if grant else _("{ref}: not extended, due on {due}")
    tell(done.format(ref=ref, due=one.due_on))


@click.command()
@refs_argument
@reason_option
@by_option
@plan_option
def waive(refs: tuple[str, ...], reason: str, by_name: str, plan_code: str | None) -> None:
    at = clock.now()
    with work_on(plan_code) as (session, plan):
        actor = office_actor(session, plan, by_name)
        found = by_refs(session, plan, refs)
        for one in found:
            reviews.waive(session, plan, one, reason=reason, actor=actor, at=at)
    for one in found:
        tell(_("{ref}: waived").format(ref=one.ref))
