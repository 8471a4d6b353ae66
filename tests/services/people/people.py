"""Entering people in stories: somebody of a unit does it, now."""

from typing import Any

from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session
from models.common.event import Actor, Event, EventKind
from models.people.person import Entry, Person, Post
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services.people import register
from services.people.register import KeptEntry
from services.scope import Scope

WANG = Entry("王丽", "办公室主任", "0452-2311001", "138 0000 0001", ("dingtalk://secret0@token1",))
LI = Entry("李强", "副主任", "0452-2311002")


def scope_of(unit: str, by: str = "张三", plan: str = "tiny") -> Scope:
    with read_session() as session:
        return Scope(plan, Actor(by, unit_of(session, plan_of(session, plan).id, unit).id), clock.now())


def registered(unit: str, post: str = "liaison", entry: Entry = WANG, **more: Any) -> KeptEntry:
    """By a person of that unit."""
    return register.register(scope_of(unit), unit, Post(post), entry, **more)


def row(person_id: int) -> Person:
    with read_session() as session:
        return session.get_one(Person, person_id)


def entries_of_journal() -> list[Event]:
    with read_session() as session:
        kinds = (EventKind.REGISTER_CHANGED, EventKind.ADDRESS_TRIED)
        return list(session.scalars(select(Event).where(Event.kind.in_(kinds)).order_by(Event.id)))
