"""`duban explain` and `promises`: why an item is late, until when it is promised, and what was not kept."""

import datetime as dt
import json

import click

from adapters import clock
from deploy.cli.base import Day, _, by_option, language, plan_option, ref_argument, show_table, table, tell
from deploy.cli.operation.access import owner_scopes, work_on
from models.queries.queues.promises import Promised
from models.queries.queues.promises import promises as promises_of
from models.queries.worklist import PAGE
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
