"""Scope: in which plan, by whom and when something is done, and in which transaction."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import retrying_transaction, transaction
from models import access
from models.common.errors import RefusedError
from models.common.event import Actor
from models.plan.plan import Plan, plan_of

PROGRAM = "duban"
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """In which plan (its code), by whom and when. The act joins the transaction of `within`, or opens one of its own.

    The portal gives its own transaction, in which it also stores the form's key, so that a form acts only once.
    """

    plan: str
    actor: Actor
    at: dt.datetime
    within: Session | None = None

    @property
    def unit_id(self) -> int:
        """The id of the unit that the actor acts for. Raises RefusedError where there is none, as for the program."""
        if self.actor.unit_id is None:
            raise RefusedError("only a unit that work is issued to may do this")
        return self.actor.unit_id

    def joining(self, session: Session, at: dt.datetime | None = None) -> Self:
        """The same, within this transaction; at a later instant, where one is given."""
        return dataclasses.replace(self, within=session, at=at or self.at)

    @contextmanager
    def open(self) -> Iterator[tuple[Session, Plan]]:
        """The transaction and the plan. Raises NotFoundError where there is no such plan."""
        if self.within is not None:
            yield self.within, plan_of(self.within, self.plan)
            return
        with transaction() as session:
            yield session, plan_of(session, self.plan)

    def repeat(self, act: Callable[[Session, Plan], T]) -> T:
        """Run an act that may be repeated, in a transaction of its own, and again if the database failed briefly.

        Within a transaction that was given it runs once. Raises NotFoundError where there is no such plan,
        UnavailableError where the last try fails as well.
        """
        if self.within is not None:
            return act(self.within, plan_of(self.within, self.plan))
        return retrying_transaction(lambda session: act(session, plan_of(session, self.plan)))


def by_program(plan: str, at: dt.datetime | None = None, run: str | None = None) -> Scope:
    """The scope of Duban itself, now where no instant is given. `run`: the flow run that the journal names."""
    return Scope(plan, Actor(PROGRAM, run=run), at or clock.now())


@contextmanager
def together() -> Iterator[Session]:
    """One transaction for several acts, of which all are done or none; each gets it by `scope.joining(session)`."""
    with transaction() as session:
        yield session


# Keys by which what is sent twice acts only once. Each is stored in the transaction of its act.


def is_first(within: Session, key: str, at: dt.datetime, use_id: int | None = None) -> bool:
    """Whether this key comes for the first time. A second sender waits until the first one's transaction has ended."""
    return access.claim_once(within, key, at, use_id)


def keep_outcome(within: Session, key: str, outcome: dict[str, Any]) -> None:
    """Keep what was answered, so that whoever sends the same again gets the same answer."""
    access.tell(within, key, outcome)
