"""Phases and their gates: what is open, and the office's decision whether a phase may close."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from adapters.language import N_
from adapters.settings import settings
from models.acceptance.dossier import phase_of_judging, without_verdict
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.phases.gate import Answer, Gate, GateDecision, Via, answer_of
from models.phases.opening import LONG_BEFORE, days_before
from models.plan.phase import Phase, PhaseStatus
from models.queries.queues.gates import blocking, phase_rows, rounds_of
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, read_request, write_request
from portal.forms import DayOfWork, FormId, Id, Sent, Words
from services import gates, phases
from services.gates import Decided, Told
from services.phases import PhaseToStart

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)
MAX_NAMED = 10  # open assignments that a refusal names; the page lists them all
WORDS = {
    Told.RESUMED: N_("The decision is stored. Its run in Prefect goes on."),
    Told.NOBODY: N_("The decision is stored. No run in Prefect waits for it."),
    Told.UNREACHABLE: N_("The decision is stored. Prefect cannot be reached now; the next patrol tells the run."),
}
STARTED = N_("It is being started in Prefect: its work is handed out within minutes.")
NOT_STARTED = N_("It was not started: Prefect cannot be reached now. Start it once more later.")
VIAS = {Via.PORTAL: N_("here"), Via.COMMAND: N_("by command"), Via.PREFECT_UI: N_("by the Prefect UI, as typed")}
DECISIONS = {
    GateDecision.CLOSE: N_("Close the phase"),
    GateDecision.KEEP_OPEN: N_("Keep it open"),
    GateDecision.EXTEND: N_("Extend it"),
}


class GateForm(Sent):
    """`round` is the one that the page was made for."""

    round: FormId
    decision: GateDecision
    until: DayOfWork = None
    reason: Words = ""
    override_reason: Words = ""


class StartForm(Sent):
    """`early`: that it is started long before its day is meant; `unreached`: although units cannot be reached."""

    early: bool = False
    unreached: bool = False


@router.get("/phases")
def list_phases(request: Request) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        rows = [(row, _run_address(row.run)) for row in phase_rows(ctx.session, ctx.plan)]
        return ctx.page("phases.html", rows=rows)


@router.get("/phases/{phase_id}")
def show_phase(request: Request, phase_id: Id) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        return _phase_page(ctx, phase_id)


def _phase_page(
    ctx: RequestContext, phase_id: int, refused: DubanError | None = None, typed: GateForm | None = None
) -> Response:
    rows = phase_rows(ctx.session, ctx.plan, phase_id)
    if not rows:
        raise NotFoundError("there is no such phase")
    row, rounds = rows[0], rounds_of(ctx.session, rows[0].phase)
    is_open, is_planned = row.phase.status is PhaseStatus.OPEN, row.phase.status is PhaseStatus.PLANNED
    proposed = next((one for one in rounds if one.decision), None)
    unconfirmed = proposed if proposed and proposed.unconfirmed else None
    return ctx.page(
        "phase.html",
        status=UNPROCESSABLE if refused else 200,
        row=row,
        run_address=_run_address(row.run),
        rounds=[one for one in rounds if one.decision],
        waiting=_waiting_round(rounds) if is_open else None,
        blocking=blocking(ctx.session, row.phase),
        undecided=without_verdict(ctx.session, ctx.plan) if is_open and _is_judged_in(ctx, row.phase) else [],
        may_decide=is_open and ctx.role is AccessRole.OFFICE,
        days_early=days_before(ctx.plan, row.phase, ctx.at),
        is_long_before=days_before(ctx.plan, row.phase, ctx.at) > LONG_BEFORE,
        unreached=phases.unreached_in(ctx.session, ctx.plan, row.phase, ctx.at) if is_planned else [],
        may_start=is_planned and ctx.role is AccessRole.OFFICE,
        decisions=DECISIONS,
        vias=VIAS,
        refused=refused,
        typed=typed or (unconfirmed and _as_typed(unconfirmed)),
        unconfirmed=unconfirmed,
    )


def _as_typed(gate: Gate) -> GateForm:
    """The form as it was filled in elsewhere, for whoever confirms it."""
    answer = answer_of(gate)
    return GateForm(
        round=gate.round,
        decision=answer.decision,
        until=answer.until,
        reason=answer.reason,
        override_reason=answer.override_reason,
    )


def _is_judged_in(ctx: RequestContext, phase: Phase) -> bool:
    return phase_of_judging(ctx.session, ctx.plan).id == phase.id


def _waiting_round(rounds: Sequence[Gate]) -> int:
    """The number of the round that an answer will be to: it is written down when the answer comes."""
    if not rounds:
        return 1
    return rounds[0].round + (rounds[0].decision is not None)


def _run_address(run: str | None) -> str | None:
    return settings().run_address(run) if run else None


@router.post("/phases/{phase_id}/gate")
def decide_gate(request: Request, phase_id: Id, form: Annotated[GateForm, Form()]) -> Response:
    """The decision is stored first; the run that stands at the gate is told after that, if it can be."""
    try:
        with write_request(request, form, AccessRole.OFFICE) as ctx:
            answer = Answer(form.decision, ctx.person, form.reason, form.until, form.override_reason)
            decided = gates.decide(ctx.scope, phase_id, answer, via=Via.PORTAL, to_round=form.round)
            ctx.done(f"/phases/{phase_id}", WORDS[Told.UNREACHABLE])
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _again(request, phase_id, form, refused)
    done = ctx.done_after_all(f"/phases/{phase_id}", WORDS[gates.tell_run(decided)])
    return _again(request, phase_id, form, _not_closed(decided)) if decided.refused else done


@router.post("/phases/{phase_id}/start")
def start_phase(request: Request, phase_id: Id, form: Annotated[StartForm, Form()]) -> Response:
    """Prefect is asked once the form is taken, so that nobody waits for it with the form's row locked."""
    try:
        with write_request(request, form, AccessRole.OFFICE) as ctx:
            phase = phases.to_be_started(ctx.scope, phase_id, anew=False)
            _refuse_unmeant(ctx, phase, form)
            ctx.done(f"/phases/{phase_id}", NOT_STARTED)
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _again(request, phase_id, None, refused)
    started = phases.start_run_if_reachable(phase)
    return ctx.done_after_all(f"/phases/{phase_id}", STARTED if started else NOT_STARTED)


def _refuse_unmeant(ctx: RequestContext, phase: PhaseToStart, form: StartForm) -> None:
    """Raises RefusedError where it would be started long before its day, or past units that nothing reaches, and nobody
    said that this is meant.
    """
    days = (phase.early_for - ctx.today).days if phase.early_for else 0
    if days > LONG_BEFORE and not form.early:
        raise RefusedError(
            "{phase} would be started {days} days before the day of the plan; say that this is meant",
            phase=phase.ref,
            days=days,
        )
    if phase.unreached and not form.unreached:
        raise RefusedError(
            "{phase}: neither a letter nor a telephone reaches {count} units; say that it is started all the same: "
            "{units}",
            phase=phase.ref,
            count=len(phase.unreached),
            units=list(phase.unreached[:MAX_NAMED]),
        )


def _not_closed(decided: Decided) -> RefusedError:
    named = list(decided.blocking[:MAX_NAMED])
    return RefusedError(
        "{phase} stays open: {count} assignments are not closed ({refs}). This answer is written down; "
        "to close all the same, say why in the field for it.",
        phase=decided.phase_ref,
        count=decided.still_open,
        refs=[*named, *(["…"] if decided.still_open > MAX_NAMED else [])],
    )


def _again(request: Request, phase_id: int, form: GateForm | None, refused: DubanError) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _phase_page(ctx, phase_id, refused, form)
