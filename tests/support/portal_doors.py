"""Every route of the portal: whom it lets in, how it is asked, and what it must not be asked for.

The tests that go from door to door (walls, forms, hostile input) fail where a route is not in this table.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from models.access import AccessRole
from tests.support.portal_world import LEAD, OTHERS, T1, T2, Visitor, World
from tests.support.workbooks import figures, people

Key = tuple[str, str]  # method and pattern of the path
Values = Mapping[str, Any]
File = tuple[str, bytes, str]  # name, content and type

UNIT, OFFICE, LEADER = AccessRole.UNIT, AccessRole.OFFICE, AccessRole.LEADER
EVERYBODY = (UNIT, OFFICE, LEADER)
PEOPLE = ("north", LEAD, "office", "leader")
ROLE_OF = {"office": OFFICE, "leader": LEADER}
NOWHERE = 2**62  # the id of nothing


@dataclasses.dataclass(frozen=True)
class Id:
    """The id of that name; of the other plan where `plan` says so."""

    name: str
    plan: str = "tiny"


def other(name: str) -> Id:
    return Id(name, "other")


@dataclasses.dataclass(frozen=True)
class Door:
    """One route. `own` says by person with what it works; who is in one of `roles` but not there has nothing to do.

    `kinds` says of which kind an id is, by the parameter that holds it; `refusals` how a foreign one is
    refused where that is no 404. `public` are the statuses for everybody alike, where no role is needed.
    `entries` is how many entries of the journal an act makes.
    """

    roles: tuple[AccessRole, ...] = ()
    own: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refusals: Mapping[str, int] = dataclasses.field(default_factory=dict)
    status: int = 200
    public: int | None = None
    entries: int = 0
    files: Callable[[], File] | None = None


def alike(*people: str, **values: Any) -> dict[str, Values]:
    return dict.fromkeys(people, values)


LIAISON, SCHEME = "assignment-2022/liaison/north", f"assignment-2022/scheme/T1/{LEAD}"
DELIVERY, RETURNED = f"assignment-{T1}/north", f"assignment-{T2}/north"
EXTENDED, PRIVATE = "assignment-2023Q1/progress/north", "assignment-2023H1/progress/north"
RECTIFIED, WAIVED = "assignment-2023/rectify/1/north", "assignment-2022/liaison/finance"
OPEN_LEAD, OWN_OF_FINANCE = f"assignment-{T2}/{LEAD}", "assignment-2022/scheme/S1/finance"

DOORS: dict[Key, Door] = {
    # Coming in and going out
    ("GET", "/static"): Door(public=404),
    ("GET", "/health"): Door(public=200),
    ("GET", "/enter/{token}"): Door(public=404),
    ("POST", "/enter/{token}"): Door(public=403),
    ("GET", "/feeds/{token}/{code}.ics"): Door(public=404),
    ("GET", "/language/{code}"): Door(public=303),
    ("GET", "/left"): Door(public=200),
    ("POST", "/slack/interactions"): Door(public=404),  # who has no secret has no such route
    ("GET", "/metrics"): Door(public=404),  # nor this one who has no token
    ("GET", "/"): Door(EVERYBODY, alike(*PEOPLE), status=303),
    ("GET", "/name"): Door(EVERYBODY, alike(*PEOPLE)),
    ("POST", "/name"): Door(EVERYBODY, alike(*PEOPLE, name="王老师", to="/"), status=303),
    ("POST", "/leave"): Door(EVERYBODY, alike(*PEOPLE), status=303),
    # A unit
    ("GET", "/work"): Door((UNIT, OFFICE), alike("north", LEAD, "office")),
    ("POST", "/work/sign"): Door(
        (UNIT, OFFICE), {"north": {"ids": [Id(LIAISON)]}}, {"ids": "assignment"}, status=303, entries=1
    ),
    ("GET", "/files"): Door((UNIT,), alike("north", LEAD)),
    ("GET", "/files/{evidence_id}"): Door(
        EVERYBODY, alike(*PEOPLE, evidence_id=Id("file-north:delivery")), {"evidence_id": "file"}
    ),
    ("GET", "/calendar"): Door((UNIT,), alike("north", LEAD)),
    ("POST", "/calendar"): Door((UNIT,), alike("north", LEAD)),
    ("GET", "/hand-in"): Door((UNIT, OFFICE), {"north": {"id": [Id(LIAISON)]}}, {"id": "assignment"}),
    ("POST", "/hand-in"): Door(
        (UNIT, OFFICE),
        {"north": {"ids": [Id(LIAISON), Id(RETURNED)], "again": [Id("file-north:own")], "note": "done"}},
        {"ids": "assignment", "again": "file"},
        status=303,
        entries=2,
        files=lambda: ("a.txt", b"proof", "text/plain"),
    ),
    ("GET", "/complaints"): Door((UNIT,), alike("north", LEAD)),
    ("POST", "/complaints"): Door(
        (UNIT,), alike("north", LEAD, kind="complaint", text="too much"), status=303, entries=1
    ),
    # An assignment
    ("GET", "/assignments/{assignment_id}"): Door(
        EVERYBODY, alike(*PEOPLE, assignment_id=Id(DELIVERY)), {"assignment_id": "assignment"}
    ),
    ("GET", "/assignments/{assignment_id}/files.zip"): Door(
        EVERYBODY, alike(*PEOPLE, assignment_id=Id(DELIVERY)), {"assignment_id": "assignment"}
    ),
    ("POST", "/assignments/{assignment_id}/extension"): Door(
        (UNIT, OFFICE),
        {
            "north": {"assignment_id": Id(RETURNED), "until": "2024-01-31", "reason": "more time"},
            LEAD: {"assignment_id": Id(OPEN_LEAD), "until": "2024-01-31", "reason": "more time"},
        },
        {"assignment_id": "acting"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/explanation"): Door(
        (UNIT, OFFICE),
        {
            "north": {
                "assignment_id": Id(RETURNED),
                "why": "the builder went bankrupt",
                "until": "2023-04-28",
                "answers": "王主任",
            },
        },
        {"assignment_id": "acting"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/objection"): Door(
        (UNIT,),
        {"north": {"assignment_id": Id(LIAISON), "about": "light", "reason": "we have one"}},
        {"assignment_id": "acting"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/opinion"): Door(
        (UNIT, OFFICE),
        {"finance": {"assignment_id": Id(DELIVERY), "opinion": "agree", "version": 1}},
        {"assignment_id": "assignment"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/liaison"): Door(
        (UNIT, OFFICE),
        {"north": {"assignment_id": Id(LIAISON), "name": "李强", "telephone": "0452-2311002"}},
        {"assignment_id": "acting"},
        status=303,
        entries=2,  # the register, and the item
    ),
    ("POST", "/assignments/{assignment_id}/review"): Door(
        EVERYBODY,
        {
            LEAD: {"assignment_id": Id(DELIVERY), "decision": "accept", "version": 1},
            "office": {"assignment_id": Id(SCHEME), "decision": "return", "reason": "no seal", "version": 1},
        },
        {"assignment_id": "assignment"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/waive"): Door(
        (OFFICE,),
        {"office": {"assignment_id": Id(LIAISON), "reason": "not needed", "status": "issued"}},
        {"assignment_id": "assignment"},
        status=303,
        entries=1,
    ),
    ("POST", "/assignments/{assignment_id}/withdraw"): Door(
        (UNIT, OFFICE),
        {"north": {"assignment_id": Id(PRIVATE), "reason": "wrong file", "version": 1}},
        {"assignment_id": "assignment"},
        status=303,
        entries=2,
    ),
    ("POST", "/assignments/{assignment_id}/reopen"): Door(
        EVERYBODY,
        {"office": {"assignment_id": Id(RECTIFIED), "reason": "wrong file", "version": 1}},
        {"assignment_id": "assignment"},
        status=303,
        entries=2,
    ),
    ("POST", "/assignments/{assignment_id}/ask-again"): Door(
        (OFFICE, LEADER),
        {"office": {"assignment_id": Id(WAIVED), "reason": "needed after all", "until": "2023-03-31"}},
        {"assignment_id": "assignment"},
        status=303,
        entries=2,
    ),
    ("POST", "/assignments/{assignment_id}/objection/decision"): Door(
        (OFFICE,),
        {
            "office": {
                "assignment_id": Id(RETURNED),
                "objection": Id("objection-north"),
                "decision": "dismiss",
                "reason": "it stands",
            }
        },
        {"assignment_id": "assignment", "objection": "objection"},
        # It is not the one that waits here: the page says so, as it does where somebody has decided meanwhile.
        refusals={"objection": 422},
        status=303,
        entries=1,
    ),
    ("GET", "/reviews"): Door(EVERYBODY, alike(*PEOPLE)),
    ("GET", "/scores"): Door(EVERYBODY, alike(*PEOPLE)),
    # The leading group
    ("GET", "/board"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/assignments"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/assignments.csv"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/burden"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/plan"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/plan/asked"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/plan/changes"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/plan/changes/new"): Door((OFFICE,), alike("office")),
    ("GET", "/plan/changes/{number}"): Door((OFFICE, LEADER), alike("office", "leader", number=1)),
    ("POST", "/plan/changes"): Door(
        (OFFICE,),
        {
            "office": {
                "lines": [f'{{"kind":"move","refs":["{T1}/south"],"day":"2023-12-27"}}'],
                "why": "w",
                "authority": "a",
                "step": "carry out",
            }
        },
        status=303,
        entries=3,  # the date, the item and the plan
    ),
    ("GET", "/phases"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/phases/{phase_id}"): Door(
        (OFFICE, LEADER), alike("office", "leader", phase_id=Id("phase-launch")), {"phase_id": "phase"}
    ),
    ("POST", "/phases/{phase_id}/start"): Door(
        (OFFICE,),
        {"office": {"phase_id": Id("phase-acceptance"), "early": "true", "unreached": "true"}},
        {"phase_id": "phase"},
        status=303,
        entries=0,
    ),
    ("POST", "/phases/{phase_id}/gate"): Door(
        (OFFICE,),
        {"office": {"phase_id": Id("phase-launch"), "round": 1, "decision": "keep open", "reason": "not yet"}},
        {"phase_id": "phase"},
        status=303,
        entries=1,
    ),
    # Indicators
    ("GET", "/indicators"): Door(EVERYBODY, alike(*PEOPLE)),
    ("GET", "/indicators.xlsx"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/readings/template.xlsx"): Door((UNIT, OFFICE), alike("north", LEAD, "office")),
    ("GET", "/readings/import"): Door((UNIT, OFFICE), alike("north", LEAD, "office")),
    ("GET", "/indicators/{indicator_id}"): Door(
        EVERYBODY, alike(*PEOPLE, indicator_id=Id("indicator-I01")), {"indicator_id": "indicator"}
    ),
    ("POST", "/indicators/{indicator_id}"): Door(
        (UNIT, OFFICE),
        {
            "north": {
                "indicator_id": Id("indicator-I01"),
                "period": "2023",
                "value": "91.5",
                "weight": "1200",
                "words": "term report",
            },
            "office": {"indicator_id": Id("indicator-I01"), "period": "2023", "value": "95", "words": "yearbook"},
        },
        {"indicator_id": "indicator"},
        status=303,
        entries=1,
    ),
    ("POST", "/readings/import"): Door(
        (UNIT, OFFICE),
        {"office": {"step": "enter"}},
        status=303,
        entries=2,
        files=functools.cache(  # the same bytes, however often it is sent
            lambda: (
                "figures.xlsx",
                figures(("I01", "2022", "", 88), ("I01", "2022", "north", 86, None, 700)),
                "application/octet-stream",
            )
        ),
    ),
    ("GET", "/acceptance"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("GET", "/acceptance/report.{ending}"): Door((OFFICE, LEADER), alike("office", "leader", ending="xlsx")),
    ("GET", "/acceptance/items/{code}"): Door((OFFICE, LEADER), alike("office", "leader", code="T1.1")),
    ("POST", "/acceptance/items/{code}"): Door(
        (OFFICE,),
        {"office": {"code": "T1.1", "outcome": "reject", "reason": "not done", "units": [Id("unit-north")]}},
        {"units": "unit"},
        status=303,
        entries=1,
    ),
    ("GET", "/acceptance/commendation"): Door((OFFICE, LEADER), alike("office", "leader")),
    ("POST", "/acceptance/commendation"): Door(
        (OFFICE,),
        {"office": {"units": [Id("unit-north")], "reason": "the best"}},
        {"units": "unit"},
        status=303,
        entries=1,
    ),
    # The office
    ("GET", "/queues"): Door((OFFICE,), alike("office")),
    ("GET", "/queues/extensions"): Door((OFFICE,), alike("office")),
    ("GET", "/queues/escalated"): Door((OFFICE,), alike("office")),
    ("POST", "/contacts"): Door(
        (OFFICE,),
        {"office": {"ids": [Id(LIAISON)], "what": "called", "with_whom": "王主任", "words": "soon"}},
        {"ids": "assignment"},
        status=303,
        entries=1,
    ),
    ("GET", "/queues/promises"): Door((OFFICE,), alike("office")),
    ("GET", "/queues/objections"): Door((OFFICE,), alike("office")),
    ("GET", "/queues/messages"): Door((OFFICE,), alike("office")),
    ("GET", "/queues/complaints"): Door((OFFICE,), alike("office")),
    ("POST", "/extensions"): Door(
        (OFFICE, LEADER),
        {"office": {"ids": [Id("extension-north"), Id("extension-south")], "decision": "grant"}},
        {"ids": "extension"},
        status=303,
        entries=2,
    ),
    ("POST", "/messages/retry"): Door((OFFICE,), alike("office"), status=303),
    ("GET", "/queues/unsettled"): Door((OFFICE,), alike("office")),
    ("POST", "/unsettled/{party_id}/settle"): Door(
        (OFFICE,),
        {
            "office": {
                "party_id": Id("party-S1"),
                "also": [Id("party-S1")],  # itself once more
                "units": [Id("unit-edu")],
                "collectives": [Id("collective-counties")],  # which have it already
                "reason": "minutes of a meeting",
            }
        },
        {"party_id": "party", "also": "party", "units": "unit", "collectives": "collective"},
        status=303,
        entries=2,
    ),
    ("POST", "/complaints/{complaint_id}/answer"): Door(
        (OFFICE,),
        {"office": {"complaint_id": Id("complaint-north"), "text": "we look into it"}},
        {"complaint_id": "complaint"},
        status=303,
        entries=1,
    ),
    ("GET", "/bulletins"): Door(EVERYBODY, alike(*PEOPLE)),
    ("POST", "/bulletins"): Door((OFFICE,), alike("office", period="2022-12"), status=303, entries=1),
    ("GET", "/bulletins/{bulletin_id}"): Door(
        EVERYBODY, alike(*PEOPLE, bulletin_id=Id("bulletin-2023-02")), {"bulletin_id": "bulletin"}
    ),
    ("GET", "/bulletins/{bulletin_id}/file.{ending}"): Door(
        EVERYBODY, alike(*PEOPLE, bulletin_id=Id("bulletin-2023-02"), ending="docx"), {"bulletin_id": "bulletin"}
    ),
    ("GET", "/bulletins/{bulletin_id}/texts"): Door(
        (OFFICE,), {"office": {"bulletin_id": Id("bulletin-2023-01")}}, {"bulletin_id": "bulletin"}
    ),
    ("POST", "/bulletins/{bulletin_id}/texts"): Door(
        (OFFICE,),
        {"office": {"bulletin_id": Id("bulletin-2023-01"), "edition": 1, "title": "t", "addressees": "a"}},
        {"bulletin_id": "bulletin"},
        status=303,
        entries=1,
    ),
    ("POST", "/bulletins/{bulletin_id}/release"): Door(
        (OFFICE,),
        {"office": {"bulletin_id": Id("bulletin-2023-01"), "edition": 1}},
        {"bulletin_id": "bulletin"},
        status=303,
        entries=1,
    ),
    ("POST", "/bulletins/{bulletin_id}/correct"): Door(
        (OFFICE,),
        {"office": {"bulletin_id": Id("bulletin-2023-02")}},
        {"bulletin_id": "bulletin"},
        status=303,
        entries=1,
    ),
    ("GET", "/findings"): Door((OFFICE,), alike("office")),
    ("GET", "/findings/new"): Door((OFFICE,), alike("office")),
    ("GET", "/findings/{finding_id}"): Door(
        (OFFICE,), {"office": {"finding_id": Id("finding-1")}}, {"finding_id": "finding"}
    ),
    ("POST", "/findings"): Door(
        (OFFICE,),
        {
            "office": {
                "phase": Id("phase-implementation"),
                "title": "t",
                "what": "w",
                "proof": "p",
                "units": [Id("unit-north")],
                "collectives": [Id("collective-counties")],
                "due": "2023-06-30",
            }
        },
        {"phase": "phase", "units": "unit", "collectives": "collective"},
        status=303,
        entries=3,  # the finding, and its issue to two units
    ),
    ("POST", "/findings/{finding_id}/close"): Door(
        (OFFICE,),
        {"office": {"finding_id": Id("finding-1"), "check": "seen"}},
        {"finding_id": "finding"},
        status=303,
        entries=1,
    ),
    # The register of people
    ("GET", "/people"): Door(EVERYBODY, alike(*PEOPLE)),
    ("GET", "/people.xlsx"): Door((UNIT, OFFICE), alike("north", LEAD, "office")),
    ("GET", "/people/import"): Door((UNIT, OFFICE), alike("north", LEAD, "office")),
    ("POST", "/people/import"): Door(
        (UNIT, OFFICE),
        alike("north", "office", step="enter"),
        status=303,
        entries=1,
        files=lambda: ("people.xlsx", people(("north", "承办人", "赵敏", "科员", "0452-2311003")), "application/zip"),
    ),
    ("GET", "/people/units/{unit_id}"): Door(
        EVERYBODY, alike(*PEOPLE, unit_id=Id("unit-north")), {"unit_id": "unit-of-people"}
    ),
    ("POST", "/people/units/{unit_id}"): Door(
        EVERYBODY,
        alike("north", "office", unit_id=Id("unit-north"), post="handler", name="赵敏", telephone="0452-2311003"),
        {"unit_id": "unit-of-people"},
        status=303,
        entries=1,
    ),
    ("GET", "/people/{person_id}"): Door(
        EVERYBODY, alike(*PEOPLE, person_id=Id("person-north")), {"person_id": "person"}
    ),
    ("POST", "/people/{person_id}"): Door(
        EVERYBODY,
        alike("north", "office", person_id=Id("person-north"), name="李强", telephone="0452-2311002"),
        {"person_id": "person"},
        status=303,
        entries=1,
    ),
    ("POST", "/people/{person_id}/end"): Door(
        EVERYBODY,
        alike("north", "office", person_id=Id("person-north")),
        {"person_id": "person"},
        status=303,
        entries=1,
    ),
    ("POST", "/people/{person_id}/try"): Door(
        EVERYBODY,
        alike("north", "office", person_id=Id("person-north"), service="slack"),
        {"person_id": "person"},
        status=303,
        entries=1,
    ),
    ("GET", "/links"): Door(
        (OFFICE,),
        {"office": {"unit": Id("unit-north")}},
        {"unit": "unit"},
        refusals={"unit": 200},  # a filter that nothing passes
    ),
    ("POST", "/links"): Door((OFFICE,), {"office": {"unit": Id("unit-north"), "days": 3}}, {"unit": "unit"}),
    ("POST", "/links/revoke"): Door(
        (OFFICE,), {"office": {"unit": Id("unit-north")}}, {"unit": "unit"}, entries=1, status=303
    ),
    ("GET", "/links/{access_id}"): Door((OFFICE,), {"office": {"access_id": Id("link-north")}}, {"access_id": "link"}),
    ("POST", "/links/{access_id}/revoke"): Door(
        (OFFICE,), {"office": {"access_id": Id("link-north")}}, {"access_id": "link"}, status=303
    ),
}

# What is not theirs, by person and kind of id: a neighbour's, the lead's or the office's, and another plan's.
FOREIGN: dict[str, dict[str, list[Id]]] = {
    "north": {
        "assignment": [
            Id(f"assignment-{T1}/south"),
            Id(f"assignment-{T1}/{LEAD}"),
            Id("assignment-2022/liaison/south"),
            other(DELIVERY),
            other(LIAISON),
        ],
        "file": [Id("file-south:delivery"), Id("file-south:own"), Id(f"file-{LEAD}:delivery"), other("file-north:own")],
    },
    LEAD: {
        # It leads delivery, where the counties are responsible; nothing else of theirs is its business.
        "assignment": [
            Id(LIAISON),
            Id(EXTENDED),
            Id(PRIVATE),
            Id(OWN_OF_FINANCE),
            Id("assignment-2023/delivery/S1/north"),
            other(DELIVERY),
            other(SCHEME),
        ],
        "file": [Id("file-north:own"), Id("file-finance:own"), other("file-north:delivery")],
    },
}
FOREIGN["north"] |= {
    "unit-of-people": [Id("unit-south"), Id(f"unit-{LEAD}"), Id("unit-office"), other("unit-north")],
    "person": [Id("person-south"), Id(f"person-{LEAD}"), Id("person-office"), other("person-north")],
}
FOREIGN[LEAD] |= {
    "unit-of-people": [Id("unit-office"), Id("unit-leader"), other("unit-north"), other(f"unit-{LEAD}")],
    "person": [Id("person-office"), other("person-north"), other(f"person-{LEAD}")],
}
for _person in ("north", LEAD):
    FOREIGN[_person]["indicator"] = [other("indicator-I01")]
    FOREIGN[_person]["bulletin"] = [Id("bulletin-2023-01"), other("bulletin-2023-02")]  # a draft is the office's own
    FOREIGN[_person]["acting"] = FOREIGN[_person]["assignment"]
FOREIGN[LEAD]["acting"] = [*FOREIGN[LEAD]["assignment"], Id(DELIVERY), Id(RETURNED)]  # it sees them and reviews them
_ELSEWHERE: dict[str, list[Id]] = {
    "assignment": [other(DELIVERY), other(LIAISON), other(SCHEME)],
    "acting": [other(DELIVERY), Id(DELIVERY), Id(LIAISON)],  # what units owe, which they see
    "file": [other("file-north:delivery"), other("file-north:own")],
    "extension": [other("extension-north")],
    "objection": [Id("objection-south"), other("objection-north")],
    "phase": [other("phase-launch"), other("phase-implementation")],
    "complaint": [other("complaint-north")],
    "finding": [other("finding-1")],
    "party": [other("party-S1")],
    "bulletin": [other("bulletin-2023-01"), other("bulletin-2023-02")],
    "unit": [other("unit-north"), other("unit-office")],
    "collective": [other("collective-counties")],
    "link": [other("link-north"), other("link-office")],
    "indicator": [other("indicator-I01")],
    "unit-of-people": [other("unit-north"), other("unit-office")],
    "person": [other("person-north"), other("person-office")],
}
_ELSEWHERE["acting"] = [*_ELSEWHERE["assignment"], Id(DELIVERY), Id(RETURNED)]  # which are others' own
FOREIGN |= {"office": _ELSEWHERE, "leader": _ELSEWHERE}


def role_of(person: str) -> AccessRole:
    return ROLE_OF.get(person.removeprefix(OTHERS), UNIT)


def routes_of(app: FastAPI) -> set[Key]:
    return {key for route in app.routes for key in _keys(route)}


def _keys(route: Any) -> Iterator[Key]:
    if hasattr(route, "original_router"):  # one that was included
        inner: list[BaseRoute] = route.original_router.routes
        for one in inner:
            yield from _keys(one)
    elif isinstance(route, Mount):
        yield "GET", route.path
    else:
        for method in route.methods:
            yield method, route.path


def ask(world: World, visitor: Visitor, key: Key, values: Values, *, hidden: Values | None = None) -> httpx.Response:
    """Go to a door with these values: some stand in the path, the others in the question or in the form."""
    method, pattern = key
    known = {name: _resolved(world, value) for name, value in values.items()}
    path = pattern.format_map(_Filled(known))
    rest = {name: value for name, value in known.items() if f"{{{name}}}" not in pattern}
    if method == "GET":
        return visitor.ask("GET", path, params=rest)
    made = DOORS[key].files
    files = [("files", made())] if made else None
    fields = {**(visitor.hidden() if hidden is None else hidden), **rest}
    return visitor.ask("POST", path, data=fields, files=files)


class _Filled(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return {"code": "en"}.get(name, "x")


def _resolved(world: World, value: Any) -> Any:
    if isinstance(value, Id):
        return world.id(value.name, value.plan)
    return [_resolved(world, one) for one in value] if isinstance(value, list) else value
