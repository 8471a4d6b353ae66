"""The audit: the journal is replayed, to prove that each step of the ladder that was due fired exactly once."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy.orm import Session

from adapters.database.sessions import transaction
from models.assignments.assignment import by_refs
from models.monitoring import audit
from models.monitoring.replay import Audited, Outcome, Problem, StepSeen
from models.plan.plan import Plan, plan_of


@dataclasses.dataclass(slots=True)
class AuditResult:
    """The result over all assignments. `steps` is filled only where assignments were named, as there are very many."""

    plan: str
    timezone: str
    assignments: int = 0
    late: int = 0
    seen: Counter[Outcome] = dataclasses.field(default_factory=Counter)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    steps: list[tuple[str, StepSeen]] = dataclasses.field(default_factory=list)


def replay(plan_code: str | None, at: dt.datetime, refs: Sequence[str] = ()) -> AuditResult:
    """Replay all assignments of a plan, or those named, up to an instant, from one snapshot. Raises NotFoundError."""
    with transaction() as session:
        audit.look_at_once(session)
        plan = plan_of(session, plan_code)
        result = AuditResult(plan.code, plan.timezone)
        _gather(result, _replayed(session, plan, refs, at), keep_steps=bool(refs))
        return result


def _replayed(session: Session, plan: Plan, refs: Sequence[str], at: dt.datetime) -> Iterator[Audited]:
    ids = [one.id for one in by_refs(session, plan, refs, lock=False)] if refs else None
    return audit.audit(session, plan, until=at, ids=ids)


def _gather(result: AuditResult, replayed: Iterable[Audited], *, keep_steps: bool) -> None:
    for one in replayed:
        result.assignments += 1
        result.late += sum(step.is_late for step in one.steps)
        result.seen.update(step.outcome for step in one.steps)
        result.problems += one.problems
        if keep_steps:
            result.steps += ((one.ref, step) for step in one.steps)
