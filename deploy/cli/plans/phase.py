"""`duban phase`: list the phases, start one, decide at its gate."""

import datetime as dt

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import transaction
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
    tell_problem,
    year_option,
)
from deploy.cli.operation.access import office_actor, work_on
from models.common.errors import RefusedError
from models.phases import gate as gates
from models.phases.gate import Answer, Gate, GateDecision, Via
from models.plan.phase import Phase, PhaseCode, phase_of
from models.plan.plan import Plan
from models.queries import queues

code_argument = click.argument("code", metavar="PHASE", type=click.Choice([code.value for code in PhaseCode]))


@click.group()
def phase() -> None:
    pass


@phase.command("list", help=_("The phases of a plan, and how far they are."))
@plan_option
def list_phases(plan_code: str | None) -> None:
    with work_on(plan_code) as (session, plan):
        rows = queues.phase_rows(session, plan)
    listed = table(
        _("phase"), _("name"), _("from"), _("until"), _("status"), _("issued"), _("still open"), numbers=[5, 6]
    )
    for row in rows:
        one, counts = row.phase, (str(row.issued), str(row.still_open))
        dates = (str(one.starts_on), str(one.ends_on))
        listed.add_row(one.ref, language.text(one.name), *dates, _(one.status), *counts)
    show_table(listed)


@phase.command(help=_("Start a phase, as the button in the Prefect UI does."))
@code_argument
@year_option
@plan_option
def start(code: str, year: int | None, plan_code: str | None) -> None:
    from adapters.prefect_server import prefect_api  # noqa: PLC0415  (only those who speak to Prefect pay for an HTTP client)

    with work_on(plan_code) as (session, plan):
        one = _phase(session, plan, code, year)
    run_id = prefect_api.start_phase(plan.code, code, one.year)
    tell(_("{phase} is being started: {url}").format(phase=one.ref, url=settings().run_address(run_id)))


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
    with work_on(plan_code) as (session, plan):
        place = _phase(session, plan, code, year, lock=True)
        actor = office_actor(session, plan, by_name)
        gate = gates.decide(session, plan, place, answer, via=Via.COMMAND, actor=actor, at=clock.now())
    _tell_decision(place, gate)
    _tell_run(plan, place, gate)
    if gate.refused:
        raise click.exceptions.Exit(2)


def _phase(session: Session, plan: Plan, code: str, year: int | None, *, lock: bool = False) -> Phase:
    """The phase that is meant. Raises RefusedError where the implementation has several years and none is said."""
    place = phase_of(session, plan, PhaseCode(code), year, lock=lock)
    if year is None:
        periods = session.scalars(
            select(Phase.period).where(Phase.plan_id == plan.id, Phase.code == place.code).order_by(Phase.period)
        ).all()
        if len(periods) > 1:
            raise RefusedError("say which year is meant, one of: {years}", years=", ".join(periods))
    return place


def _tell_decision(place: Phase, gate: Gate) -> None:
    if gate.refused:
        blocking = gate.blocking or []
        tell_problem(
            _(
                "{phase} was not closed: {count} assignments are open; `--override-reason` closes it all the same"
            ).format(phase=place.ref, count=gate.still_open)
        )
        for ref in [*blocking, *(["…"] if gate.still_open > len(blocking) else [])]:
            tell_problem(f"  {ref}")
    elif gate.decision is GateDecision.CLOSE:
        tell(_("{phase} is closed.").format(phase=place.ref))
    elif gate.decision is GateDecision.EXTEND:
        tell(_("{phase} is extended to {day}.").format(phase=place.ref, day=place.ends_on))
    else:
        tell(_("{phase} stays open.").format(phase=place.ref))


def _tell_run(plan: Plan, place: Phase, gate: Gate) -> None:
    """Wake the run that stands at the gate. The decision is stored whether or not there is one."""
    from adapters.prefect_server.gate_runs import Told, tell_run  # noqa: PLC0415

    told = tell_run(plan, place, gate)
    if told is Told.RESUMED:
        with transaction() as session:
            gates.mark_told(session, [gate.id], clock.now())
        tell(_("Its run in Prefect goes on."))
    elif told is Told.UNREACHABLE:
        tell(_("The decision is stored. Prefect cannot be reached now; the next patrol tells the run."))
    else:
        tell(_("The decision is stored. No run in Prefect waits for it."))
