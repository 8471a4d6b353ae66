"""The walk: every route, for everybody, with what is not theirs. It is not there for them, and nothing changes."""

import re

import httpx
import pytest
from sqlalchemy import select, text

from adapters.database.sessions import transaction
from adapters.settings import settings
from models.common.event import Event
from models.plan.unit import Unit
from portal.app import build
from tests.support.portal_doors import DOORS, FOREIGN, NOWHERE, PEOPLE, Door, Key, Values, ask, role_of, routes_of
from tests.support.portal_world import ADDRESS, LEAD, OTHERS, UNITS, World, digest_of_all, world

__all__ = ["world"]  # a fixture

STRANGERS = tuple(f"{OTHERS}{person}" for person in ("north", LEAD, "office", "leader"))
NOBODY = ""
GETS = sorted(key for key in DOORS if key[0] == "GET")
POSTS = sorted(key for key in DOORS if key[0] == "POST" and DOORS[key].public is None)
MARK = re.compile(r"«([\w-]+:\w+)»")


def test_every_route_is_in_the_table(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_SLACK_SIGNING_SECRET", "s")
    monkeypatch.setenv("DUBAN_METRICS_TOKEN", "a-token-for-prometheus")
    settings.cache_clear()
    app = build()
    assert routes_of(app) == set(DOORS)
    described = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert described <= set(DOORS)


def test_every_parameter_that_names_something_is_walked(world: World) -> None:
    """A parameter of the type of an id, in an address, a question or a form, has its kind in the table."""
    found: dict[Key, set[str]] = {}
    schema = build().openapi()
    for path, methods in schema["paths"].items():
        for method, one in methods.items():
            ids = {part["name"] for part in one.get("parameters", ()) if _is_id(part["name"], part["schema"])}
            for content in one.get("requestBody", {}).get("content", {}).values():
                form = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                ids |= {name for name, field in form["properties"].items() if _is_id(name, field)}
            found[method.upper(), path] = ids
    walked = {key: set(door.kinds) for key, door in DOORS.items() if key in found}
    walked["POST", "/hand-in"] = set()  # it reads its form itself
    assert found == walked


def _is_id(name: str, schema: dict[str, object]) -> bool:
    """Numbers that count something have another range, or another name."""
    is_large = any(sign in str(schema) for sign in (str(2**63 - 1), str(float(2**63))))
    return is_large and name not in {"round", "version"}


# What is not theirs


@pytest.mark.parametrize("person", [NOBODY, *PEOPLE, *STRANGERS])
def test_the_walk(world: World, person: str) -> None:
    before = digest_of_all()
    visitor = world.person(person)
    steps = [step for key, door in DOORS.items() for step in steps_of(person, key, door)]
    wrong = []
    for key, values, expected in steps:
        answer = ask(world, visitor, key, values)
        if answer.status_code != expected or shows_too_much(person, answer):
            wrong.append(f"{key} {values}: {answer.status_code}, not {expected}; {MARK.findall(answer.text)}")
    assert not wrong, "\n".join(wrong)
    assert digest_of_all() == before
    assert len(steps) > 30, "it went somewhere"


Step = tuple[Key, Values, int]


def steps_of(person: str, key: Key, door: Door) -> list[Step]:
    """How this person tries a door, and the status that answers."""
    someone = next(iter(door.own.values()), {})
    if door.public is not None:
        return [(key, {}, door.public)]
    if person == NOBODY:
        return [(key, someone, 401)]
    if role_of(person) not in door.roles:
        return [(key, someone, 404)]
    if person in STRANGERS:
        # Whatever is the tiny plan's own is foreign to them.
        return [(key, someone, refusal(door, door.kinds))] if door.kinds else []
    own = door.own.get(person, someone)
    return [
        (key, {**own, name: [one] if isinstance(own[name], list) else one}, refusal(door, [name]))
        for name, kind in door.kinds.items()
        for one in [*FOREIGN[person][kind], NOWHERE]
    ]


def refusal(door: Door, names: object) -> int:
    assert hasattr(names, "__iter__")
    found = {door.refusals.get(name, 404) for name in names}
    return 404 if 404 in found else found.pop()


def shows_too_much(person: str, answer: httpx.Response) -> bool:
    return not set(MARK.findall(answer.text)) <= seen_by(person)


def seen_by(person: str) -> set[str]:
    """Whose words they may read."""
    plan = OTHERS if person.startswith(OTHERS) else ""
    who = person.removeprefix(OTHERS)
    if who in {"office", "leader"}:
        return {f"{plan}{unit}:{matter}" for unit in UNITS for matter in ("own", "delivery")}
    led = {f"{plan}{unit}:delivery" for unit in UNITS} if who == LEAD else set()
    return {f"{person}:own", f"{person}:delivery"} | led if who else set()


# What is theirs


@pytest.mark.parametrize("person", PEOPLE)
def test_what_is_theirs_opens(world: World, person: str) -> None:
    doors = [key for key in GETS if person in DOORS[key].own]
    for key in doors:
        answer = ask(world, world.person(person), key, DOORS[key].own[person])
        assert (answer.status_code, shows_too_much(person, answer)) == (DOORS[key].status, False), key
    assert len(doors) > 8


SHOWN = [
    ("north", "/complaints", {"north:own"}),
    ("north", "/files", {"north:own", "north:delivery"}),
    (LEAD, "/complaints", {"edu:own"}),
    ("office", "/queues/complaints", {f"{unit}:own" for unit in UNITS}),
    ("office", "/queues/extensions", {f"{unit}:own" for unit in UNITS if unit != LEAD}),
    ("office", "/queues/objections", {f"{unit}:delivery" for unit in UNITS if unit != LEAD}),
    ("other-office", "/queues/complaints", {f"other-{unit}:own" for unit in UNITS}),
]


def test_the_marks_stand_where_they_are_looked_for(world: World) -> None:
    for person, path, marks in SHOWN:
        assert set(MARK.findall(world.person(person).get(path).text)) == marks, (person, path)


def test_a_lead_sees_what_its_responsible_units_hand_in_to_it(world: World) -> None:
    lead = world.person(LEAD)
    listed = re.findall(r'href="/assignments/(\d+)"', lead.get("/reviews").text)
    handed_in = {name: one for name, one in world.ids["tiny"].items() if name.startswith("assignment-2023/delivery/T1")}
    waiting = {handed_in[f"assignment-2023/delivery/T1.1/{unit}"] for unit in ("north", "south", "finance")}
    assert {int(one) for one in listed} == waiting
    for one in handed_in.values():
        lead.get(f"/assignments/{one}")
    page = lead.get(f"/assignments/{world.id('assignment-2023/delivery/T1.1/north')}")
    [file] = set(re.findall(r'href="/files/(\d+)"', page.text))
    assert "«north:delivery»" in lead.get(f"/files/{file}").text


@pytest.mark.parametrize(("key", "person"), [(key, person) for key in POSTS for person in DOORS[key].own])
def test_what_is_theirs_to_do_is_done_in_their_name(world: World, key: Key, person: str) -> None:
    before, last = digest_of_all(without=frozenset()), last_entry()
    answer = ask(world, world.person(person), key, DOORS[key].own[person])
    assert answer.status_code == DOORS[key].status, answer.text
    assert digest_of_all(without=frozenset()) != before
    entries = entries_after(last)
    assert len(entries) == DOORS[key].entries
    assert set(entries) <= {(person, person, ADDRESS)}


def last_entry() -> int:
    with transaction() as session:
        return int(session.execute(text("SELECT max(id) FROM event")).scalar_one())


def entries_after(last: int) -> list[tuple[str, str | None, str | None]]:
    """Name, unit and address of each entry: in this world everybody is called like their unit."""
    with transaction() as session:
        query = select(Event.actor, Unit.code, Event.address).outerjoin(Unit, Unit.id == Event.actor_unit_id)
        rows = session.execute(query.where(Event.id > last).order_by(Event.id))
        return [(name, unit, address) for name, unit, address in rows]
