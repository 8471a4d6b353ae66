"""Findings (查摆整改): what the office found wrong is handed out to be put right, and checked at the end."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import finding
from models.acceptance.dossier import judged_work
from models.common.errors import NotFoundError, RefusedError
from models.common.text import Text
from models.finding import Finding
from models.permissions import Act, require
from models.plan.area import Area, Measure
from models.plan.phase import phase_at
from models.plan.plan import Plan
from models.plan.unit import Unit
from models.queries.findings import collectives_of, finding_at
from services.scope import Scope


@dataclasses.dataclass(frozen=True, slots=True)
class Raised:
    """A finding after an act; `ref` is that of its requirement."""

    id: int
    ref: str

    @classmethod
    def of(cls, one: Finding) -> "Raised":
        return cls(one.id, one.ref)


def raise_finding(
    scope: Scope,
    phase_id: int,
    *,
    title: Text,
    what: Text,
    proof: Text,
    units: Sequence[int],
    due_on: dt.date | None,
    collectives: Sequence[int] = (),
    about: str = "",
) -> Raised:
    """Hand out what is to be put right to these units, and to all of these sets of units (their ids).

    `about` is the code of the measure or safeguard that it belongs to, empty where it belongs to none.
    Raises NotFoundError for what is none of the plan's, RefusedError with every reason against it.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.RAISE_FINDING, scope.actor)
        if due_on is None:
            raise RefusedError("give the day by which it is to be put right")
        made = finding.raise_finding(
            session,
            plan,
            phase_at(session, plan, phase_id),
            title=title,
            what=what,
            proof=proof,
            units=_chosen(session, plan, units, collectives),
            due_on=due_on,
            actor=scope.actor,
            at=scope.at,
            about=_about(session, plan, about),
        )
        return Raised.of(made)


def close(scope: Scope, finding_id: int, *, check: str) -> Raised:
    """Close one whose units are done; `check` is what was found.

    Raises NotFoundError, RefusedError without a check, BlockedError while a unit is not done.
    """
    with scope.open() as (session, plan):
        require(session, plan, Act.CLOSE_FINDING, scope.actor)
        one = finding_at(session, plan, finding_id)
        finding.close(session, plan, one, check=check, actor=scope.actor, at=scope.at)
        return Raised.of(one)


def _about(session: Session, plan: Plan, code: str) -> Measure | Area | None:
    if not code:
        return None
    found = next((one for one in judged_work(session, plan) if one.code == code), None)
    if found is None:
        raise NotFoundError("there is no such measure or safeguard")
    return found


def _chosen(session: Session, plan: Plan, units: Sequence[int], collectives: Sequence[int]) -> list[Unit]:
    """The units that were named, alone or in a set. Raises NotFoundError for an id that is none of the plan's."""
    members = {one.id: ids for one, ids in collectives_of(session, plan)} if collectives else {}
    if not members.keys() >= set(collectives):
        raise NotFoundError("there is no such unit")
    wanted = dict.fromkeys([*units, *(unit for one in collectives for unit in members[one])])
    found = session.scalars(select(Unit).where(Unit.plan_id == plan.id, Unit.id.in_(wanted)))
    known = {unit.id: unit for unit in found}
    if len(known) < len(wanted):
        raise NotFoundError("there is no such unit")
    return [known[one] for one in wanted]
