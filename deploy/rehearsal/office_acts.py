"""What the office of a rehearsal does beside its gates: figures of the city, bulletins, verdicts, commendations."""

import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from models.acceptance import commendation
from models.acceptance import dossier as acceptance
from models.acceptance.dossier import Dossier, VerdictInput
from models.acceptance.verdict import VerdictOutcome
from models.bulletins.bulletin import bulletins_of
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.indicators.reading import Figure, enter
from models.phases.gate import Via
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of
from rendering import bulletin_files

Act = Callable[[Session, Plan, dt.datetime], None]

DIRECTOR = "赵主任"
RECENT = 3  # bulletins among which drafts are looked for: one a month is made


def director(session: Session, plan: Plan) -> Actor:
    return Actor(DIRECTOR, body_of(session, plan.id, UnitKind.OFFICE).id)


def enter_figures(figures: Sequence[Figure], unit: Unit | None, person: str) -> Act:
    """A unit enters its own, the office (None) those of the whole city."""

    def act(session: Session, plan: Plan, at: dt.datetime) -> None:
        by = unit or body_of(session, plan.id, UnitKind.OFFICE)
        enter(session, plan, figures, by=by, actor=Actor(person, by.id), at=at)

    return act


def release_bulletins(session: Session, plan: Plan, at: dt.datetime) -> None:
    """Whatever is drafted goes out as it was proposed."""
    actor = director(session, plan)
    for bulletin in bulletins_of(session, plan, drafts=True, limit=RECENT)[0]:
        if bulletin.is_draft:
            bulletin_files.release(session, plan, bulletin, edition=bulletin.edition, actor=actor, at=at)


def accept_what_can_be(session: Session, plan: Plan, at: dt.datetime) -> None:
    """The panel's first session."""
    _judge(session, plan, at, lambda one: not one.reasons, VerdictOutcome.ACCEPT, "材料齐全,符合要求")


def end_the_judging(session: Session, plan: Plan, at: dt.datetime) -> None:
    """Its last one: what still lacks something is not accepted, and the best are commended as proposed."""
    accept_what_can_be(session, plan, at)
    _judge(session, plan, at, lambda one: one.verdict is None, VerdictOutcome.REJECT, "所列问题尚未解决")
    since, until = commendation.period_of(plan, plan.day_of(at))
    best = [one.unit for one in commendation.proposal(session, plan, since, until)]
    actor = director(session, plan)
    commendation.commend(
        session, plan, best, since=since, until=until, reason="按结果评分", via=Via.COMMAND, actor=actor, at=at
    )


def _judge(
    session: Session, plan: Plan, at: dt.datetime, which: Callable[[Dossier], bool], outcome: VerdictOutcome, why: str
) -> None:
    actor, said = director(session, plan), VerdictInput(outcome, why)
    for one in acceptance.dossiers(session, plan, plan.day_of(at)):
        if which(one) and not one.is_accepted:
            acceptance.decide(session, plan, one.item, said, via=Via.COMMAND, actor=actor, at=at)
