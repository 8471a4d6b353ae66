"""Plans (实施方案): what storing a document would change, and storing it; one function for each act."""

import dataclasses
import datetime as dt

from adapters.database.sessions import read_session, transaction
from models.common.errors import RefusedError
from models.common.event import Actor
from models.loading import Loaded, compare, load_plan
from models.patrol.calendar_update import note_calendar
from models.permissions import Act, require
from models.plan.document import PlanDocument
from models.plan.phase import PhaseStatus, phases_of


@dataclasses.dataclass(frozen=True, slots=True)
class PlanChanges:
    """How a document differs from what is stored: a line for each value."""

    outcome: Loaded
    differences: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class StoredPlan:
    """`opened`: phases in which work was issued already; that work stays as it was."""

    code: str
    opened: tuple[str, ...]


def check(document: PlanDocument) -> PlanChanges:
    """What storing the document would change; nothing is written."""
    with read_session() as session:
        outcome, differences = compare(session, document)
        return PlanChanges(outcome, tuple(differences))


def load(
    document: PlanDocument,
    *,
    actor: Actor,
    at: dt.datetime,
    agreed: PlanChanges | None = None,
    rehearsal_seed: int | None = None,
) -> StoredPlan:
    """Store the document; assignments that were issued before stay as they were.

    `agreed` are the changes that a person agreed to. `rehearsal_seed` marks a plan that is rehearsed. Raises
    RefusedError where storing it would by now change something else, and BlockedError where it lacks what issued work
    depends on.
    """
    with transaction() as session:
        if agreed is not None and compare(session, document) != (agreed.outcome, list(agreed.differences)):
            raise RefusedError("what is stored of {plan} has changed meanwhile; look again", plan=document.code)
        plan = load_plan(session, document, actor=actor, at=at)
        # Asked only now, as there may have been no plan before. A refusal undoes the transaction.
        require(session, plan, Act.LOAD_PLAN, actor)
        if rehearsal_seed is not None:
            plan.rehearsal_seed = rehearsal_seed
        opened = [phase.ref for phase in phases_of(session, plan) if phase.status is not PhaseStatus.PLANNED]
        if not opened:  # no date was reckoned yet, so none has to follow
            note_calendar(plan, at)
        return StoredPlan(plan.code, tuple(opened))
