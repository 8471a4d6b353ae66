"""Phases and their gates: what is open, and the office's decision whether a phase may close."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import N_
from adapters.settings import settings
from models.acceptance.dossier import without_verdict
from models.access import AccessRole
from models.common.errors import DubanError, NotFoundError, RefusedError
from models.phases import gate as gates
from models.phases.gate import Answer, Gate, GateDecision, Via
from models.plan.phase import Phase, PhaseCode, PhaseStatus
from models.queries import queues
from portal.context import UNPROCESSABLE, ForgedError, RequestContext, read_request, write_request
from portal.forms import Day, FormId, Id, Sent, Words

router = APIRouter()

LEADING_GROUP = (AccessRole.OFFICE, AccessRole.LEADER)
MAX_NAMED = 10  # open assignments that a refusal names; the page lists them all
# By the values of `adapters.prefect_server.gate_runs.Told`, which is imported only where a run is told.
WORDS = {
    "resumed": N_("The decision is stored. Its run in Prefect goes on."),
    "nobody": N_("The decision is stored. No run in Prefect waits for it."),
    "unreachable": N_("The decision is stored. Prefect cannot be reached now; the next patrol tells the run."),
}
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
    until: Day = None
    reason: Words = ""
    override_reason: Words = ""


@router.get("/phases")
def list_phases(request: Request) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        rows = [(row, _run_address(row.run)) for row in queues.phase_rows(ctx.session, ctx.plan)]
        return ctx.page("phases.html", rows=rows)


@router.get("/phases/{phase_id}")
def show_phase(request: Request, phase_id: Id) -> Response:
    with read_request(request, *LEADING_GROUP) as ctx:
        return _phase_page(ctx, phase_id)


def _phase_page(
    ctx: RequestContext, phase_id: int, refused: DubanError | None = None, typed: GateForm | None = None
) -> Response:
    rows = queues.phase_rows(ctx.session, ctx.plan, phase_id)
    if not rows:
        raise NotFoundError("there is no such phase")
    row, rounds = rows[0], queues.rounds_of(ctx.session, rows[0].phase)
    is_open = row.phase.status is PhaseStatus.OPEN
    return ctx.page(
        "phase.html",
        status=UNPROCESSABLE if refused else 200,
        row=row,
        run_address=_run_address(row.run),
        rounds=[one for one in rounds if one.decision],
        waiting=_waiting_round(rounds) if is_open else None,
        blocking=queues.blocking(ctx.session, row.phase),
        undecided=without_verdict(ctx.session, ctx.plan) if is_open and _is_acceptance(row.phase) else [],
        may_decide=is_open and ctx.role is AccessRole.OFFICE,
        decisions=DECISIONS,
        vias=VIAS,
        refused=refused,
        typed=typed,
    )


def _is_acceptance(phase: Phase) -> bool:
    return phase.code is PhaseCode.ACCEPTANCE


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
            phase, made = _decide(ctx, phase_id, form)
            ctx.done(f"/phases/{phase_id}", WORDS["unreachable"])
    except (NotFoundError, ForgedError):
        raise
    except DubanError as refused:
        return _again(request, phase_id, form, refused)
    answer = _tell_run(ctx, phase, made)
    return _again(request, phase_id, form, _not_closed(phase, made)) if made.refused else answer


def _decide(ctx: RequestContext, phase_id: int, form: GateForm) -> tuple[Phase, Gate]:
    phase = queues.phase_at(ctx.session, ctx.plan, phase_id, lock=True)
    waiting = gates.open_round(ctx.session, phase, ctx.at)
    if waiting is not None and waiting.round != form.round:
        raise RefusedError(
            "{phase}: this page was made for round {before} of its gate, which is answered; it is at round {now}",
            phase=phase.ref,
            before=form.round,
            now=waiting.round,
        )
    said = Answer(form.decision, ctx.person, form.reason, form.until, form.override_reason)
    made = gates.decide(ctx.session, ctx.plan, phase, said, via=Via.PORTAL, actor=ctx.actor, at=ctx.at)
    return phase, made


def _tell_run(ctx: RequestContext, phase: Phase, made: Gate) -> Response:
    """Nothing is lost where this fails: patrol looks for runs that were not told."""
    from adapters.prefect_server.gate_runs import Told, tell_run  # noqa: PLC0415  (its HTTP client takes a while to import)

    told = tell_run(ctx.plan, phase, made)
    with transaction() as session:
        if told is Told.RESUMED:
            gates.mark_told(session, [made.id], clock.now())
        return dataclasses.replace(ctx, session=session).done(f"/phases/{phase.id}", WORDS[told])


def _not_closed(phase: Phase, made: Gate) -> RefusedError:
    blocking = made.blocking or []
    return RefusedError(
        "{phase} stays open: {count} assignments are not closed ({refs}). This answer is written down; "
        "to close all the same, say why in the field for it.",
        phase=phase.ref,
        count=made.still_open,
        refs=[*blocking[:MAX_NAMED], *(["…"] if made.still_open > MAX_NAMED else [])],
    )


def _again(request: Request, phase_id: int, form: GateForm, refused: DubanError) -> Response:
    with read_request(request, AccessRole.OFFICE) as ctx:
        return _phase_page(ctx, phase_id, refused, form)
