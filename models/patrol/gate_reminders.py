"""Tells the office about gates: that a phase can close, or that its last day has come."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session, lazyload

from models.assignments.assignment import OPEN, Assignment
from models.common.kinds import UnitKind
from models.common.message_kinds import MessageKind
from models.outbox.message import NewMessage, post
from models.phases.gate import open_round
from models.plan.phase import Phase, PhaseStatus
from models.plan.plan import Plan
from models.plan.requirement import Requirement
from models.plan.unit import body_of


def open_phases(session: Session, plan: Plan) -> Sequence[tuple[Phase, bool]]:
    """The open phases of a plan, each with whether anything in it is open."""
    # Asked requirement by requirement, by an index: a search for the few open ones among many would be slow.
    one_open = select(true()).where(Assignment.requirement_id == Requirement.id, OPEN).limit(1).scalar_subquery()
    is_open = exists().where(Requirement.phase_id == Phase.id, one_open.is_(True))
    rows = session.execute(
        select(Phase, is_open)
        .options(lazyload(Phase.ladder))
        .where(Phase.plan_id == plan.id, Phase.status == PhaseStatus.OPEN)
        .order_by(Phase.starts_on)
    )
    return [(phase, still_open) for phase, still_open in rows]


def tell_gates(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """Tell the office, once a round, that a phase can close, or that its last day came; the office decides.

    A last day before notices began is history.
    """
    today = plan.day_of(at)
    messages = []
    for phase, still_open in open_phases(session, plan):
        kind = _gate_news(phase, still_open=still_open, today=today, live_from=plan.go_live_on or today)
        gate = open_round(session, _locked(session, phase), at) if kind else None
        if kind and gate:
            messages.append(
                NewMessage(
                    body_of(session, plan.id, UnitKind.OFFICE).id,
                    kind,
                    f"{phase.ref}#{gate.round}",
                    at,
                    for_date=phase.ends_on,
                    phase_id=phase.id,
                )
            )
    return post(session, plan, messages)


def _gate_news(phase: Phase, *, still_open: bool, today: dt.date, live_from: dt.date) -> MessageKind | None:
    if not still_open:
        return MessageKind.GATE_READY
    return MessageKind.GATE_DUE if live_from <= phase.ends_on < today else None


def _locked(session: Session, phase: Phase) -> Phase:
    """The phase as it is now: two patrols at once must not both open a round."""
    session.refresh(phase, with_for_update={"of": Phase})
    return phase
