"""The people of a rehearsal: a liaison for each unit and a contact of the office, whose names show what they are."""

import datetime as dt

from sqlalchemy.orm import Session

from deploy.rehearsal.habits import made_up_person
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.people.person import Entry, Post
from models.plan.plan import Plan
from models.plan.unit import Unit, body_of, units_of
from services.people import register
from services.scope import Scope

MARK = "(演练)"  # behind each name: nobody takes them for people
TELEPHONE = "0000-0000000"


def register_people(session: Session, plan: Plan, seed: int, at: dt.datetime) -> None:
    """Each unit registers its liaison, and the office its contact, on the day on which the plan is loaded."""
    office = body_of(session, plan.id, UnitKind.OFFICE)
    for unit, post in [(office, Post.CONTACT), *((unit, Post.LIAISON) for unit in units_of(session, plan.id))]:
        _register(session, plan, unit, post, made_up_person(seed, unit.code) + MARK, at)


def _register(session: Session, plan: Plan, unit: Unit, post: Post, name: str, at: dt.datetime) -> None:
    scope = Scope(plan.code, Actor(name, unit.id), at, within=session)
    register.register(scope, unit.id, post, Entry(name, "联络人员", TELEPHONE))
