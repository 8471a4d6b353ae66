"""What a page costs the database: a handful of statements, however much lies on the desk."""

import dataclasses

import pytest
from sqlalchemy import Engine, select

from adapters import clock as clocks
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models.access import AccessRole
from models.assignments import evidence
from models.assignments.assignment import Assignment, by_ids
from models.common.event import Actor
from models.loading import load_plan
from models.plan.plan import plan_of
from models.plan.unit import Unit
from tests.conftest import LOADED_AT, TINY, Clock
from tests.support.portal_client import Person, counted, enter
from tests.support.portal_doors import DOORS
from tests.support.story import Story

MAX_STATEMENTS = 6
MANY = 200
WITHOUT_ID = [key for key in DOORS if key[0] == "GET" and AccessRole.UNIT in DOORS[key].roles and not DOORS[key].kinds]


@pytest.fixture
def busy(database: Engine, clock: Clock) -> Story:
    """Each unit was asked for two hundred things; north has handed half of them in, and edu has to review them."""
    document = read_plan(TINY)
    first, *rest = document.areas
    measures = [dataclasses.replace(first.measures[0], code=f"T1.{number}") for number in range(1, MANY + 1)]
    areas = (dataclasses.replace(first, measures=tuple(measures)), *rest)
    with transaction() as session:
        load_plan(session, dataclasses.replace(document, areas=areas), actor=Actor("test"), at=LOADED_AT)
    story = Story("tiny", clock.set)
    story.at("2023-01-03")
    story.open("implementation")
    story.at("2023-03-01")
    with transaction() as session:
        plan = plan_of(session, "tiny")
        north = select(Assignment.id).join(Unit).where(Unit.code == "north").order_by(Assignment.id).limit(MANY // 2)
        for one in by_ids(session, plan, session.scalars(north)):
            evidence.submit(session, plan, [one], [], note="done", actor=Actor("王老师"), at=clocks.now())
    return story


@pytest.mark.parametrize("unit", ["north", "edu"])
def test_a_page_of_a_unit_asks_few_questions(busy: Story, unit: str) -> None:
    person = enter("tiny", unit)
    asked: dict[str, int] = {}
    with transaction() as session:
        ids = session.scalars(select(Assignment.id).join(Unit).where(Unit.code == unit).order_by(Assignment.id)).all()
    assert len(ids) >= MANY
    paths = [path for _, path in WITHOUT_ID]
    paths += [f"/work?pile={pile}&page=2" for pile in ("owed", "submitted", "closed")]
    paths += [f"/assignments/{ids[0]}", f"/assignments/{ids[0]}/files.zip", f"/assignments/{ids[-1]}"]
    paths.append(f"/hand-in?{'&'.join(f'id={one}' for one in ids[-MANY:])}")
    for path in paths:
        asked[path] = questions(person, path)
    assert {path: count for path, count in asked.items() if count > MAX_STATEMENTS} == {}
    assert len(asked) > 10


def questions(person: Person, path: str) -> int:
    with counted() as statements:
        answer = person.ask("GET", path)
    assert answer.status_code in {200, 303}, path
    return len(statements)
