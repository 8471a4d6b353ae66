"""`duban explain`, `promises`, `press`, `contact`, `contacts`: what is said about an item between unit and office."""

import datetime as dt
import json

import click

from adapters import clock
from deploy.cli.base import (
    Day,
    _,
    by_option,
    language,
    one_choice,
    plan_option,
    ref_argument,
    refs_argument,
    show_table,
    table,
    tell,
)
from deploy.cli.operation.access import local_time, office_scope, owner_scopes, work_on
from models.assignments.assignment import by_refs
from models.dialogue.contact import Contact, ContactKind, contacts_of
from models.queries.queues.promises import Promised
from models.queries.queues.promises import promises as promises_of
from models.queries.worklist import PAGE
from rendering.labels import CONTACTS
from services.dialogue import contacts as contacts_acts
from services.dialogue import explanations


@click.command()
@ref_argument
@click.option("--why", required=True, help=_("what stands in the way"))
@click.option("--until", type=Day(), metavar="DATE", required=True, help=_("the day by which it is promised"))
@click.option("--answers", metavar="NAME", required=True, help=_("the name of the person who answers for it"))
@click.option("--needs", default="", help=_("what the unit needs, and from whom"))
@by_option
@plan_option
def explain(ref: str, why: str, until: dt.date, answers: str, needs: str, by_name: str, plan_code: str | None) -> None:
    ((scope, _own),) = owner_scopes(plan_code, [ref], by_name)
    one, promised = explanations.explain(scope, ref, why=why, until=until, answers=answers, needs=needs)
    told = _("{ref}: explained, and promised for {day}; the date stays {due}")
    tell(told.format(ref=one.ref, day=promised, due=one.due_on))


@click.command()
@click.option("--unit", "unit", metavar="UNIT", default="", help=_("only of this unit"))
@click.option("--broken", is_flag=True, help=_("only those that were not kept"))
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def promises(unit: str, plan_code: str | None, *, broken: bool, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        today, found, page = plan.day_of(clock.now()), list[Promised](), 1
        while rows := promises_of(session, plan, today, page, unit=unit, only_broken=broken):
            found += rows
            page += 1
            if len(rows) < PAGE:
                break
    if as_json:
        tell(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
        return
    listed = table(_("Reference"), _("Due"), _("Promised for"), _("Kept?"), _("Why"), _("Answers for it"), _("Needs"))
    for one in found:
        kept = _("not kept") if one.is_broken else _("runs")
        due, until = str(one.work.due_on), str(one.until)
        listed.add_row(one.work.ref, due, until, kept, one.why, one.answers, one.needs)
    show_table(listed)


def _as_json(one: Promised) -> dict[str, object]:
    return {
        "ref": one.work.ref,
        "unit": one.work.unit_code,
        "title": language.text(one.work.title),
        "due": one.work.due_on.isoformat(),
        "until": one.until.isoformat(),
        "broken": one.is_broken,
        "why": one.why,
        "answers": one.answers,
        "needs": one.needs,
        "by": one.by_name,
        "at": one.at.isoformat(),
        "times_promised": one.made,
        "times_broken": one.broken,
    }


@click.command()
@refs_argument
@click.option("--words", required=True, help=_("what the office writes"))
@by_option
@plan_option
def press(refs: tuple[str, ...], words: str, by_name: str, plan_code: str | None) -> None:
    done = contacts_acts.press(office_scope(plan_code, by_name), refs, words=words)
    told = _("Written to units: {units}, about items: {items}. Written the same today already: {again}.")
    tell(told.format(units=done.units, items=done.items, again=done.again))


@click.command()
@refs_argument
@click.option("--call", is_flag=True, help=_("a call"))
@click.option("--visit", is_flag=True, help=_("a visit"))
@click.option("--seen", is_flag=True, help=_("what follows from having looked at it"))
@click.option("--with", "with_whom", metavar="NAME", default="", help=_("with whom"))
@click.option("--words", required=True, help=_("what was said"))
@by_option
@plan_option
def contact(
    refs: tuple[str, ...],
    with_whom: str,
    words: str,
    by_name: str,
    plan_code: str | None,
    *,
    call: bool,
    visit: bool,
    seen: bool,
) -> None:
    chosen = one_choice(call=call, visit=visit, seen=seen)
    kind = {"call": ContactKind.CALLED, "visit": ContactKind.VISITED, "seen": ContactKind.SEEN}[chosen]
    scope = office_scope(plan_code, by_name)
    count = contacts_acts.note(scope, refs, kind=kind, words=words, with_whom=with_whom)
    tell(_("Noted. Items: {count}.").format(count=count))


@click.command()
@ref_argument
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def contacts(ref: str, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        (one,) = by_refs(session, plan, [ref], lock=False)
        found = contacts_of(session, one.id)
    if as_json:
        tell(json.dumps([_contact_as_json(one) for one in found], ensure_ascii=False, indent=2))
        return
    listed = table(_("when"), _("what"), _("With whom"), _("What is said"), _("who"))
    for each in found:
        listed.add_row(local_time(plan, each.at), _(CONTACTS[each.kind]), each.with_whom, each.words, each.by_name)
    show_table(listed)


def _contact_as_json(one: Contact) -> dict[str, object]:
    return {
        "what": one.kind.value,
        "with": one.with_whom,
        "words": one.words,
        "by": one.by_name,
        "at": one.at.isoformat(),
    }
