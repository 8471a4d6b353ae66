"""How commands reach the database and act in it. The schema is checked first, and created where there is none.

All raise NotFoundError where there is no such plan, RefusedError where none is named and there is not exactly one, and
SchemaError where the schema is another one.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import read_session
from models.assignments.assignment import by_refs
from models.assignments.reviewer import body_over
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.plan.plan import Plan, plan_of
from models.plan.unit import body_of, unit_of
from rendering.instants import local_minute
from services import schema
from services.scope import Scope


@contextmanager
def work_on(plan_code: str | None) -> Iterator[tuple[Session, Plan]]:
    """A session for reading, and the plan: the only one there is, where none is named."""
    schema.ensure()
    with read_session() as session:
        yield session, plan_of(session, plan_code)


def office_scope(plan_code: str | None, name: str) -> Scope:
    """The scope of a person of the leading-group office, now; in the only plan there is, where none is named."""
    return _scope(plan_code, name, lambda session, plan: body_of(session, plan.id, UnitKind.OFFICE).id)


def unit_scope(plan_code: str | None, unit: str, name: str) -> Scope:
    """The scope of a person of a unit, now. Raises NotFoundError where there is no such unit."""
    return _scope(plan_code, name, lambda session, plan: unit_of(session, plan.id, unit).id)


def program_scope(plan_code: str | None, name: str) -> Scope:
    """The scope of whoever operates the program, now, for no unit; `name` is the command that was used."""
    return _scope(plan_code, name, lambda _session, _plan: None)


def _scope(plan_code: str | None, name: str, unit_id: Callable[[Session, Plan], int | None]) -> Scope:
    schema.ensure()
    with read_session() as session:
        plan = plan_of(session, plan_code)
        return Scope(plan.code, Actor(name, unit_id(session, plan)), clock.now())


def owner_scopes(plan_code: str | None, refs: Sequence[str], name: str) -> list[tuple[Scope, list[str]]]:
    """Scopes in which a person acts for the units that own these assignments, each with the unit's references.

    Raises NotFoundError, which names every reference that does not exist.
    """
    schema.ensure()
    with read_session() as session:
        plan = plan_of(session, plan_code)
        owned: dict[int, list[str]] = defaultdict(list)
        for one in by_refs(session, plan, refs, lock=False):
            owned[one.unit_id].append(one.ref)
        return [(Scope(plan.code, Actor(name, unit_id), clock.now()), own) for unit_id, own in owned.items()]


def deciding_scope(plan_code: str | None, ref: str, name: str) -> Scope:
    """The scope of who decides on requests about this: the office, and on what the office owes the head of the group.

    Raises NotFoundError where there is no such assignment.
    """

    def body(session: Session, plan: Plan) -> int:
        (one,) = by_refs(session, plan, [ref], lock=False)
        return body_of(session, plan.id, body_over(one.unit.kind)).id

    return _scope(plan_code, name, body)


def local_time(plan: Plan, at: dt.datetime) -> str:
    """An instant as the clocks of the plan show it."""
    return local_minute(at, plan.timezone)
