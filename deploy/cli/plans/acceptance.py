"""`duban acceptance` and `duban accept`: the facts for the panel, its decisions, its report, and commendations."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from adapters import clock
from adapters.language import Code, Language
from adapters.settings import settings
from deploy.cli.base import (
    Day,
    _,
    by_option,
    language,
    one_choice,
    plan_option,
    reason_option,
    show_table,
    table,
    tell,
)
from deploy.cli.operation.access import local_time, office_scope, work_on
from models.acceptance import commendation
from models.acceptance import dossier as panel
from models.acceptance.dossier import Dossier, VerdictInput
from models.acceptance.verdict import Verdict, VerdictOutcome, verdicts_on
from models.common.errors import RefusedError
from models.phases.gate import Via
from models.plan.plan import Plan
from rendering.labels import NO_VERDICT, OUTCOMES, VERDICTS
from services import acceptance as services
from services.acceptance import GivenVerdict

ENDINGS = ("docx", "xlsx")

codes_argument = click.argument("codes", metavar="CODE...", nargs=-1, required=True)
override_option = click.option(
    "--override-reason", default="", help=_("why it is accepted although something is missing; journalled")
)


on_option = click.option("--on", "on", type=Day(), metavar="DATE", help=_("the day that counts; today if not given"))


@click.group()
def acceptance() -> None:
    pass


@acceptance.command(help=_("Every measure, safeguard and indicator with its verdict; or one with all there is to it."))
@click.argument("code", metavar="[CODE]", required=False)
@on_option
@click.option("--json", "as_json", is_flag=True, help=_("print JSON, with the keys that the documentation names"))
@plan_option
def show(code: str | None, on: dt.date | None, plan_code: str | None, *, as_json: bool) -> None:
    with work_on(plan_code) as (session, plan):
        today = on or plan.day_of(clock.now())
        if code:
            item = panel.item_of(session, plan, code)
            found = [panel.dossier(session, plan, item, today)]
            given = [one for one in verdicts_on(session, item) if plan.day_of(one.at) <= today]
        else:
            found, given = panel.dossiers(session, plan, today), []
        if as_json:
            tell(json.dumps([_facts(one) for one in found], ensure_ascii=False, indent=2))
        elif code:
            _show_one(plan, found[0], given)
        else:
            _show_all(found)


def _facts(one: Dossier) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "code": one.code,
        "kind": one.kind.value,
        "name": {"zh": one.item.name_zh, "en": one.item.name_en},
        "lead": one.lead.code if one.lead else None,
        "co_leads": [unit.code for unit in one.leads[1:]],
        "self_checks": {"asked": one.counts.asked, "accepted": one.counts.accepted, "waived": one.counts.waived},
        "open": one.counts.open,
        "files": one.counts.files,
        "findings": [finding.ref for finding in one.open_findings],
        "indicators": {figure.indicator.code: figure.outcome.value for figure in one.attained},
        "reasons": [language.say(reason) for reason in one.reasons],
        "verdict": verdict
        and {
            "outcome": verdict.outcome.value,
            "until": verdict.until and verdict.until.isoformat(),
            "by": verdict.by_name,
            "reason": verdict.reason,
            "override_reason": verdict.override_reason,
            "at": verdict.at.isoformat(),
        },
    }


def _said(verdict: Verdict | GivenVerdict | None) -> str:
    if verdict is None:
        return _(NO_VERDICT)
    said = _(VERDICTS[verdict.outcome])
    return _("{verdict}, until {day}").format(verdict=said, day=verdict.until) if verdict.until else said


def _show_all(found: Sequence[Dossier]) -> None:
    listed = table(_("code"), _("name"), _("lead"), _("verdict"), _("what is missing"), numbers=[4])
    for one in found:
        lead = language.list([language.text(unit.name) for unit in one.leads]) or "-"
        listed.add_row(one.code, language.text(one.item.name), lead, _said(one.verdict), str(len(one.reasons)))
    show_table(listed)
    left = sum(not one.is_accepted for one in found)
    tell(
        _("The plan is accepted.")
        if not left
        else _("{left} of {count} are not accepted").format(left=left, count=len(found))
    )


def _show_one(plan: Plan, one: Dossier, given: Sequence[Verdict]) -> None:
    tell(f"{one.code} {language.text(one.item.name)}: {_said(one.verdict)}")
    if one.counts.asked:
        tell(
            _("self-checks: {accepted} of {asked} accepted; files: {files}; open: {open}").format(
                accepted=one.counts.accepted, asked=one.counts.asked, files=one.counts.files, open=one.counts.open
            )
        )
    for figure in one.attained:
        outcome, target = _(OUTCOMES[figure.outcome]), language.text(figure.target)
        tell(f"{figure.indicator.code} {target}: {outcome}")
        for remark in (*figure.remarks, *panel.conflicts_of(figure)):
            tell(f"  {language.say(remark)}")
    if one.reasons:
        tell(_("What is missing:"))
    for reason in one.reasons:
        tell(f"  {language.say(reason)}")
    for verdict in given:
        tell(f"{local_time(plan, verdict.at)} {verdict.by_name}: {_said(verdict)}: {verdict.reason}")


@acceptance.command("decide", help=_("What the panel decided on measures, safeguards or indicators; all or none."))
@codes_argument
@click.option("--accept", "accepts", is_flag=True, help=_("it is accepted"))
@click.option("--conditional", type=Day(), metavar="DATE", help=_("it is, once what is missing is put right by then"))
@click.option("--reject", is_flag=True, help=_("it is not accepted"))
@click.option("--unit", "units", metavar="UNIT", multiple=True, help=_("who puts it right; the lead unit if not given"))
@override_option
@reason_option
@by_option
@plan_option
def decide_on(
    codes: tuple[str, ...],
    conditional: dt.date | None,
    units: tuple[str, ...],
    override_reason: str,
    reason: str,
    by_name: str,
    plan_code: str | None,
    *,
    accepts: bool,
    reject: bool,
) -> None:
    choice = one_choice(accept=accepts, conditional=conditional, reject=reject)
    said = VerdictInput(VerdictOutcome(choice), reason, conditional, override_reason)
    _decide(codes, said, units, by_name, plan_code)


@click.command()
@codes_argument
@override_option
@reason_option
@by_option
@plan_option
def accept(codes: tuple[str, ...], override_reason: str, reason: str, by_name: str, plan_code: str | None) -> None:
    refs = [code for code in codes if "/" in code]
    if refs:
        raise RefusedError(
            "{ref} is an assignment: `duban review {ref} --accept` accepts it; this is for T3.2, S1 or I01", ref=refs[0]
        )
    _decide(codes, VerdictInput(VerdictOutcome.ACCEPT, reason, None, override_reason), (), by_name, plan_code)


def _decide(
    codes: Sequence[str], said: VerdictInput, units: Sequence[str], by_name: str, plan_code: str | None
) -> None:
    given = services.give_verdict(office_scope(plan_code, by_name), codes, said, units=units, via=Via.COMMAND)
    for one in given:
        tell(f"{one.code}: {_said(one)}" + (f" ({one.finding})" if one.finding else ""))
    with work_on(plan_code) as (session, plan):
        done = panel.is_accepted(session, plan)
    if done:
        tell(_("The plan is accepted."))


@acceptance.command(help=_("The report, as Word or Excel: what became of every item of the plan."))
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=_("a file that ends in .docx or .xlsx"),
)
@on_option
@click.option("--language", "code", type=click.Choice(["zh", "en"]), help=_("the one of the settings if not given"))
@plan_option
def report(output: Path, on: dt.date | None, code: Code | None, plan_code: str | None) -> None:
    ending = output.suffix.removeprefix(".").lower()
    if ending not in ENDINGS:
        raise RefusedError("{file}: expected a file that ends in .docx or .xlsx", file=str(output))
    with work_on(plan_code) as (session, plan):
        day = on or plan.day_of(clock.now())
        content = services.report(session, plan, day, Language.of(code or settings().language), ending)
    output.write_bytes(content)
    tell(_("{file} is written").format(file=output))


@acceptance.command(help=_("Who is proposed for commendation by results; with --unit the list as people settle it."))
@click.option(
    "--since", type=Day(), metavar="DATE", help=_("results from this day on; from the plan's first if not given")
)
@click.option("--until", type=Day(), metavar="DATE", help=_("results until this day; until today if not given"))
@click.option("--unit", "units", metavar="UNIT", multiple=True, help=_("a unit on the list, in this order"))
@click.option("--by", "by_name", metavar="NAME", default="", help=_("the name of the person who settles the list"))
@reason_option
@plan_option
def commend(
    since: dt.date | None,
    until: dt.date | None,
    units: tuple[str, ...],
    by_name: str,
    reason: str,
    plan_code: str | None,
) -> None:
    if units:
        scope = office_scope(plan_code, by_name)
        services.commend(scope, units, since=since, until=until, reason=reason, via=Via.COMMAND)
    with work_on(plan_code) as (session, plan):
        first, last = commendation.period_of(plan, plan.day_of(clock.now()), since, until)
        proposed = commendation.proposal(session, plan, first, last)
        settled = commendation.commended(session, plan)
    listed = table(_("rank"), _("unit"), _("points"), numbers=[0, 2])
    for one in proposed:
        listed.add_row(str(one.rank), f"{one.unit.code} {language.text(one.unit.name)}", f"{one.points:g}")
    tell(_("Proposed by the results of {since} until {until}:").format(since=first, until=last))
    show_table(listed)
    if settled is None:
        tell(_("Nobody has settled a list yet: `--unit CODE… --by NAME --reason …` does."))
        return
    names = language.list([language.text(unit.name) for unit, _was_proposed in settled.units])
    tell(_("Settled by {name}: {units}").format(name=settled.made.by_name, units=names or "-"))
