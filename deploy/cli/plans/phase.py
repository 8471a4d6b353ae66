"""`duban phase`: list the phases, start one, decide at its gate."""

import datetime as dt

import click

from adapters import clock
from adapters.language import N_
from adapters.settings import settings
from deploy.cli.asking import confirm
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
    tell_problem,
    year_option,
)
from deploy.cli.operation.access import office_scope, program_scope, work_on
from models.phases.gate import Answer, GateDecision, Via
from models.phases.opening import LONG_BEFORE, days_before
from models.plan.phase import PhaseStatus, phase_of
from models.queries.queues.gates import phase_rows
from services import gates, phases
from services.gates import Decided, Told

TOLD = {
    Told.RESUMED: N_("Its run in Prefect goes on."),
    Told.NOBODY: N_("The decision is stored. No run in Prefect waits for it."),
    Told.UNREACHABLE: N_("The decision is stored. Prefect cannot be reached now; the next patrol tells the run."),
}
NOBODY = N_("{phase} was not started: nobody can be asked here; `--yes` agrees")
code_argument = click.argument("code", metavar="PHASE")


@click.group()
def phase() -> None:
    pass


@phase.command("list", help=_("The phases of a plan, and how far they are."))
@plan_option
def list_phases(plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        rows = phase_rows(session, plan)
    listed = table(
        _("phase"), _("name"), _("from"), _("until"), _("status"), _("issued"), _("still open"), numbers=[5, 6]
    )
    for row in rows:
        one, counts = row.phase, (str(row.issued), str(row.still_open))
        dates = (str(one.starts_on), str(one.ends_on))
        listed.add_row(one.ref, language.text(one.name), *dates, _(one.status), *counts)
    show_table(listed)


@phase.command(
    help=_("Start a phase, as the button in the Prefect UI does. PHASE: its reference, its code, or its kind.")
)
@code_argument
@year_option
@click.option(
    "--yes", is_flag=True, help=_("start it without asking, however early, and whatever units cannot be reached")
)
@plan_option
def start(code: str, year: int | None, plan_code: str | None, *, yes: bool) -> None:
    if not yes:
        _ask_where_early(code, year, plan_code)
        _ask_where_unreached(code, year, plan_code)
    started = phases.start(program_scope(plan_code, "duban phase"), (code, year))
    url = settings().run_address(started.run_id)
    said = _("{phase} has a run already: {url}") if started.joined else _("{phase} is being started: {url}")
    tell(said.format(phase=started.ref, url=url))
    if started.early_for:
        warning = _("Its work is handed out now; the plan says {day}. Nothing takes that back.")
        tell_problem(warning.format(day=language.date(started.early_for)))


def _ask_where_early(code: str, year: int | None, plan_code: str | None) -> None:
    """Ask where the plan's day is far off: what is handed out is not taken back."""
    with work_on(plan_code) as (session, plan):
        one = phase_of(session, plan, code, year)
        days = days_before(plan, one, clock.now())
    if days > LONG_BEFORE:
        early = _("{phase} would be started {days} days before the day of the plan, {day}.")
        tell_problem(early.format(phase=one.ref, days=days, day=language.date(one.issue_on)))
        confirm(_("Hand its work out now?"), NOBODY, phase=one.ref)


def _ask_where_unreached(code: str, year: int | None, plan_code: str | None) -> None:
    """Ask where units would be handed work and nothing reaches them."""
    with work_on(plan_code) as (session, plan):
        one = phase_of(session, plan, code, year)
        is_planned = one.status is PhaseStatus.PLANNED
        units = phases.unreached_in(session, plan, one, clock.now()) if is_planned else []
    if units:
        told = _("{phase}: neither a letter nor a telephone reaches {count} units: {units}")
        names = language.list([language.text(unit) for unit in units])
        tell_problem(told.format(phase=one.ref, count=len(units), units=names))
        confirm(_("Hand its work out all the same?"), NOBODY, phase=one.ref)


@phase.command(help=_("Decide at the gate of an open phase: close it, keep it open, or extend it."))
@code_argument
@year_option
@click.option("--close", is_flag=True, help=_("close the phase"))
@click.option("--keep-open", is_flag=True, help=_("leave it open and ask again later"))
@click.option("--extend", type=Day(), metavar="DATE", help=_("move its last day to this date"))
@click.option("--override-reason", default="", help=_("why it is closed although work is open; journalled"))
@reason_option
@by_option
@plan_option
def decide(
    code: str,
    year: int | None,
    extend: dt.date | None,
    override_reason: str,
    reason: str,
    by_name: str,
    plan_code: str | None,
    *,
    close: bool,
    keep_open: bool,
) -> None:
    choice = one_choice(close=close, keep_open=keep_open, extend=extend)
    answer = Answer(GateDecision(choice.replace("_", " ")), by_name, reason, extend, override_reason)
    which = (code, year)
    decided = gates.decide(office_scope(plan_code, by_name), which, answer, via=Via.COMMAND)
    _show_decision(decided)
    tell(_(TOLD[gates.tell_run(decided)]))
    if decided.refused:
        raise click.exceptions.Exit(2)


def _show_decision(decided: Decided) -> None:
    if decided.refused:
        tell_problem(
            _(
                "{phase} was not closed: {count} assignments are open; `--override-reason` closes it all the same"
            ).format(phase=decided.phase_ref, count=decided.still_open)
        )
        for ref in [*decided.blocking, *(["…"] if decided.still_open > len(decided.blocking) else [])]:
            tell_problem(f"  {ref}")
    elif decided.decision is GateDecision.CLOSE:
        tell(_("{phase} is closed.").format(phase=decided.phase_ref))
    elif decided.decision is GateDecision.EXTEND:
        tell(_("{phase} is extended to {day}.").format(phase=decided.phase_ref, day=decided.ends_on))
    else:
        tell(_("{phase} stays open.").format(phase=decided.phase_ref))
