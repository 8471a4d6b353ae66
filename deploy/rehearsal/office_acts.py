"""What the office of a rehearsal does beside its gates: figures of the city, bulletins, verdicts, commendations."""

import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from models.acceptance import commendation
from models.acceptance.dossier import Dossier, VerdictInput, dossiers
from models.acceptance.verdict import VerdictOutcome
from models.bulletins.bulletin import bulletins_of
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.indicators.reading import Figure
from models.phases.gate import Via
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of
from services import acceptance, bulletins
from services.indicators import readings
from services.indicators.readings import FigureInput
from services.scope import Scope

Act = Callable[[Session, Plan, dt.datetime], None]

DIRECTOR = "赵主任"
RECENT = 3  # bulletins among which drafts are looked for: one a month is made


def _scope(session: Session, plan: Plan, at: dt.datetime, person: str = DIRECTOR, unit: Unit | None = None) -> Scope:
    """A person of a unit, or of the office where none is given."""
    body = unit or body_of(session, plan.id, UnitKind.OFFICE)
    return Scope(plan.code, Actor(person, body.id), at, within=session)


def enter_figures(figures: Sequence[Figure], unit: Unit | None, person: str) -> Act:
    """A unit enters its own, the office (None) those of the whole city."""
    wanted = [
        FigureInput(one.indicator.code, one.period, one.unit.code if one.unit else None, *one.content)
        for one in figures
    ]

    def act(session: Session, plan: Plan, at: dt.datetime) -> None:
        readings.enter(_scope(session, plan, at, person, unit), wanted)

    return act


def release_bulletins(session: Session, plan: Plan, at: dt.datetime) -> None:
    """Whatever is drafted goes out as it was proposed."""
    for bulletin in bulletins_of(session, plan, drafts=True, limit=RECENT)[0]:
        if bulletin.is_draft:
            bulletins.release(_scope(session, plan, at), bulletin.id)


def accept_what_can_be(session: Session, plan: Plan, at: dt.datetime) -> None:
    """The panel's first session."""
    _judge(session, plan, at, lambda one: not one.reasons, VerdictOutcome.ACCEPT, "材料齐全,符合要求")


def end_the_judging(session: Session, plan: Plan, at: dt.datetime) -> None:
    """Its last one: what still lacks something is not accepted, and the best are commended as proposed."""
    accept_what_can_be(session, plan, at)
    _judge(session, plan, at, lambda one: one.verdict is None, VerdictOutcome.REJECT, "所列问题尚未解决")
    since, until = commendation.period_of(plan, plan.day_of(at))
    best = [one.unit.id for one in commendation.proposal(session, plan, since, until)]
    acceptance.commend(_scope(session, plan, at), best, reason="按结果评分", via=Via.COMMAND)


def _judge(
    session: Session, plan: Plan, at: dt.datetime, which: Callable[[Dossier], bool], outcome: VerdictOutcome, why: str
) -> None:
    codes = [one.code for one in dossiers(session, plan, plan.day_of(at)) if which(one) and not one.is_accepted]
    acceptance.give_verdict(_scope(session, plan, at), codes, VerdictInput(outcome, why), via=Via.COMMAND)
