"""Forms: only our own, once each, never half; and what holds for every answer, whatever went wrong."""

import functools
import itertools
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import TypeAdapter
from sqlalchemy import event, func, select, text

from adapters import clock
from adapters.database.sessions import engine, forget_engine, transaction
from adapters.settings import settings
from models.assignments import review
from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.assignments.review import Review
from models.common.event import Actor, Event
from models.outbox.message import post
from portal import middleware
from portal.app import make_app
from portal.context import csrf_token
from portal.forms import Words
from portal.middleware import FORM_BYTES, HEADERS, MIB, UPLOADS
from portal.routes import unit as unit_routes
from services import links
from services.scope import Scope
from tests.portal.test_portal_access import at_once
from tests.portal.test_portal_walls import POSTS, entries_after, last_entry
from tests.support.portal_client import DAY, Person, counted
from tests.support.portal_doors import DELIVERY, DOORS, LIAISON, RETURNED, SCHEME, Id, Key, ask
from tests.support.portal_world import LEAD, Visitor, World, digest_of_all, world

__all__ = ["world"]  # a fixture

ALL = frozenset[str]()
REVIEW = ("POST", "/assignments/{assignment_id}/review")
ACTS = [(key, person) for key in POSTS for person in DOORS[key].own]


def another(world: World, unit: str, name: str) -> Visitor:
    """A second person of a unit, in a stay of their own."""
    made = links.issue(Scope("tiny", Actor("test"), clock.now()), unit, lasts=DAY)
    return Visitor(Person().enter(made.token, name).http.cookies["duban"])


def shown(answer: httpx.Response) -> str:
    """What a page says it refused."""
    found = re.search(r'<div class="refused".*?<p>(.*?)</p>', answer.text, re.DOTALL)
    assert found, answer.text
    return found[1]


# Only our own forms


def test_a_form_that_is_not_ours_does_nothing(world: World) -> None:
    before = digest_of_all(without=ALL)
    found = {}
    for key, person in ACTS:
        visitor = world.person(person)
        for number, hidden in enumerate(forgeries(world, visitor)):
            found[key, person, number] = ask(world, visitor, key, DOORS[key].own[person], hidden=hidden).status_code
    assert {act: status for act, status in found.items() if status != 403} == {}
    assert len(found) == 10 * len(ACTS)
    assert digest_of_all(without=ALL) == before


def forgeries(world: World, visitor: Visitor) -> list[dict[str, str]]:
    """Hidden fields that no page of theirs holds."""
    good = visitor.hidden()
    return [
        {},
        {"form": good["form"]},
        {"csrf": "", "form": good["form"]},
        {"csrf": good["csrf"][:-1], "form": good["form"]},
        {"csrf": good["csrf"].upper(), "form": good["form"]},
        {"csrf": "\N{PILE OF POO}" * 20, "form": good["form"]},
        {"csrf": csrf_token(world.stays["south"]), "form": good["form"]},
        {"csrf": visitor.secret, "form": good["form"]},
        {"csrf": good["csrf"]},
        {"csrf": good["csrf"], "form": ""},
    ]


def test_a_form_of_nobody_does_nothing(world: World) -> None:
    before = digest_of_all(without=ALL)
    for key, person in ACTS:
        mine = world.person(person).hidden()
        answer = ask(world, world.person(), key, DOORS[key].own[person], hidden=mine)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False), key
    assert digest_of_all(without=ALL) == before


def test_no_address_acts_when_it_is_only_asked_for(world: World) -> None:
    before = digest_of_all()
    for (_, pattern), person in ACTS:
        path = re.sub(r"\{\w+\}", "1", pattern)
        values = world.person(person).hidden() | {"everything": "true", "decision": "accept", "version": "1"}
        world.person(person).ask("GET", path, params=values)
    assert digest_of_all() == before


# Once


@pytest.mark.parametrize(("key", "person"), ACTS)
def test_a_double_click_acts_once(world: World, key: Key, person: str) -> None:
    """Two at the same moment, and the same once more later: one act, and all are led to the same page."""
    door, last = DOORS[key], last_entry()
    visitor = world.person(person)
    send = functools.partial(ask, world, visitor, key, door.own[person], hidden=visitor.hidden())

    answers = at_once(send, send)
    after = digest_of_all(without=ALL)

    assert len(entries_after(last)) == door.entries
    assert answers[0].cookies.keys() <= {"duban"}
    if key == ("POST", "/leave"):  # who has left already is nobody
        assert {answer.status_code for answer in answers} <= {303, 401}
        assert {answer.headers["location"].partition("?")[0] for answer in answers if answer.is_redirect} == {"/left"}
        return
    answers.append(send())
    assert digest_of_all(without=ALL) == after
    led = [answer.headers["location"] for answer in answers if answer.status_code == 303]
    assert len(led) == 3 if door.status == 303 else 2
    assert len(set(led)) == 1
    assert visitor.get(led[0]).status_code == 200
    assert visitor.notice
    if door.status == 200:  # what is shown once is shown to one
        assert [answer.status_code for answer in answers].count(200) == 1


def test_a_form_belongs_to_its_stay(world: World) -> None:
    """Two people whose forms happen to have one number both act, and neither reads what the other was told."""
    north, south = world.person("north"), world.person("south")
    first = north.send("/complaints", form="one", kind="complaint", text="of north")
    second = south.send("/complaints", form="one", kind="suggestion", text="of south")
    assert first.headers["location"] == second.headers["location"] == "/complaints?done=one"
    north.get("/complaints?done=one")
    south.get("/complaints?done=one")
    assert north.notice.startswith("complaint-")
    assert south.notice.startswith("suggestion-")
    edu = world.person(LEAD)
    edu.get("/complaints?done=one")
    assert edu.notice == ""


def test_what_was_refused_may_be_sent_again(world: World) -> None:
    north = world.person("north")
    hidden = north.hidden()
    path = f"/assignments/{world.id(LIAISON)}/objection"
    assert north.ask("POST", path, data=hidden | {"about": "light", "reason": " "}).status_code == 422
    assert north.ask("POST", path, data=hidden | {"about": "light", "reason": "we have one"}).status_code == 303


# Two people, one matter


Pair = tuple[Key, dict[str, Any], dict[str, Any]]
RIVALS: dict[str, tuple[str, Pair]] = {
    "review": (
        LEAD,
        (
            ("POST", "/assignments/{assignment_id}/review"),
            {"assignment_id": Id(DELIVERY), "decision": "accept", "version": 1},
            {"assignment_id": Id(DELIVERY), "decision": "return", "version": 1, "reason": "no seal"},
        ),
    ),
    "waive": (
        "office",
        (
            ("POST", "/assignments/{assignment_id}/waive"),
            {"assignment_id": Id(LIAISON), "status": "issued", "reason": "first"},
            {"assignment_id": Id(LIAISON), "status": "issued", "reason": "second"},
        ),
    ),
    "objection": (
        "office",
        (
            ("POST", "/assignments/{assignment_id}/objection/decision"),
            {
                "assignment_id": Id(RETURNED),
                "objection": Id("objection-north"),
                "decision": "uphold",
                "reason": "first",
            },
            {
                "assignment_id": Id(RETURNED),
                "objection": Id("objection-north"),
                "decision": "dismiss",
                "reason": "second",
            },
        ),
    ),
    "asking": (
        "north",
        (
            ("POST", "/assignments/{assignment_id}/objection"),
            {"assignment_id": Id(LIAISON), "about": "light", "reason": "first"},
            {"assignment_id": Id(LIAISON), "about": "light", "reason": "second"},
        ),
    ),
    "extension": (
        "north",
        (
            ("POST", "/assignments/{assignment_id}/extension"),
            {"assignment_id": Id(RETURNED), "until": "2024-01-31", "reason": "first"},
            {"assignment_id": Id(RETURNED), "until": "2024-02-29", "reason": "second"},
        ),
    ),
    "gate": (
        "office",
        (
            ("POST", "/phases/{phase_id}/gate"),
            {"phase_id": Id("phase-launch"), "round": 1, "decision": "keep open", "reason": "first"},
            {"phase_id": Id("phase-launch"), "round": 1, "decision": "close", "reason": "x", "override_reason": "y"},
        ),
    ),
    "answer": (
        "office",
        (
            ("POST", "/complaints/{complaint_id}/answer"),
            {"complaint_id": Id("complaint-north"), "text": "first"},
            {"complaint_id": Id("complaint-north"), "text": "second"},
        ),
    ),
    "closing": (
        "office",
        (
            ("POST", "/findings/{finding_id}/close"),
            {"finding_id": Id("finding-1"), "check": "first"},
            {"finding_id": Id("finding-1"), "check": "second"},
        ),
    ),
    "revoking": (
        "office",
        (
            ("POST", "/links/{access_id}/revoke"),
            {"access_id": Id("link-north")},
            {"access_id": Id("link-north")},
        ),
    ),
    "handing in": (
        "north",
        (
            ("POST", "/hand-in"),
            {"ids": [Id(LIAISON)], "note": "first"},
            {"ids": [Id(LIAISON)], "note": "second"},
        ),
    ),
}


@pytest.mark.parametrize("matter", RIVALS)
def test_who_comes_second_changes_nothing_and_reads_why(world: World, matter: str) -> None:
    unit, (key, one, other) = RIVALS[matter]
    assert ask(world, world.person(unit), key, one).status_code == 303
    after = digest_of_all()

    answer = ask(world, another(world, unit, "somebody else"), key, other)

    assert answer.status_code == 422
    assert len(shown(answer)) > 20
    assert without_links(digest_of_all()) == without_links(after)


def without_links(digest: dict[str, str]) -> dict[str, str]:
    """That the second person came in by a link is another matter."""
    return {table: found for table, found in digest.items() if table not in {"access", "evidence"}}


@pytest.mark.parametrize("matter", RIVALS)
def test_of_two_at_the_same_moment_one_wins(world: World, matter: str) -> None:
    unit, (key, one, other) = RIVALS[matter]
    last = last_entry()
    people = (world.person(unit), another(world, unit, "somebody else"))
    sends = [functools.partial(ask, world, who, key, what) for who, what in zip(people, (one, other), strict=True)]

    answers = at_once(*sends)

    assert sorted(answer.status_code for answer in answers) == [303, 422]
    winner = [answer.status_code for answer in answers].index(303)
    done_by = {name for name, _, _ in entries_after(last)}
    assert done_by <= {(unit, "somebody else")[winner]}
    assert chain_is_whole()


def test_many_decide_on_the_same_requests_at_once(world: World) -> None:
    """Each request is decided once; who finds nothing left is told so."""
    last = last_entry()
    ids = [world.id(f"extension-{unit}") for unit in ("north", "south", "finance")]
    people = [another(world, "office", f"person {number}") for number in range(4)]
    answers = at_once(
        *[
            functools.partial(who.send, "/extensions", ids=ids[::step], decision="grant", page=1)
            for who, step in zip(people, (1, -1, 1, -1), strict=True)
        ]
    )
    assert [answer.status_code for answer in answers] == [303] * 4
    assert len(entries_after(last)) == 3
    told = [notice_of(who, answer) for who, answer in zip(people, answers, strict=True)]
    assert sorted(told)[:3] == ["0 granted; 3 had been decided meanwhile and stay as they are"] * 3


def notice_of(who: Visitor, answer: httpx.Response) -> str:
    who.get(answer.headers["location"])
    return who.notice


def test_three_acts_at_once_on_one_assignment(world: World) -> None:
    """A unit hands in while the office waives, and while a colleague signs: the journal tells one story."""
    last = last_entry()
    colleague = another(world, "north", "colleague")
    waived = {"assignment_id": Id(LIAISON), "status": "issued", "reason": "not needed"}
    answers = at_once(
        functools.partial(
            ask, world, world.person("north"), ("POST", "/hand-in"), {"ids": [Id(LIAISON)], "note": "done"}
        ),
        functools.partial(ask, world, world.person("office"), ("POST", "/assignments/{assignment_id}/waive"), waived),
        functools.partial(ask, world, colleague, ("POST", "/work/sign"), {"ids": [Id(LIAISON)]}),
    )
    handed_in, waive, signed = (answer.status_code for answer in answers)
    assert signed == 303, "signing for what is done already is nothing"
    assert {handed_in, waive} <= {303, 422}
    assert (handed_in, waive) != (303, 303), "the office saw a page on which nothing was handed in"
    names = {name for name, _, _ in entries_after(last)}
    assert names - {"colleague"} == {name for name, one in (("north", handed_in), ("office", waive)) if one == 303}
    assert chain_is_whole()


def chain_is_whole() -> bool:
    """Every status change begins where the one before ended, and the row is where the last one did."""
    with transaction() as session:
        rows = session.execute(
            select(Event.assignment_id, Event.status_before, Event.status_after)
            .where(Event.kind.in_(("issued", "moved")))
            .order_by(Event.id)
        ).all()
        now = {row.id: row.status for row in session.execute(select(Assignment.id, Assignment.status))}
    reached: dict[int | None, Any] = {}
    for one, before, after in rows:
        assert reached.get(one) == before, (one, before, after)
        reached[one] = after
    return reached == now


def test_who_handed_it_in_does_not_review_it(world: World) -> None:
    before = digest_of_all()
    namesake = another(world, LEAD, "north")
    values = {"assignment_id": Id(DELIVERY), "decision": "accept", "version": 1}
    answer = ask(world, namesake, REVIEW, values)
    assert answer.status_code == 422
    assert "somebody else has to review it" in shown(answer)
    assert without_links(digest_of_all()) == without_links(before)


@pytest.mark.parametrize(
    ("person", "assignment", "status"),
    [
        ("office", DELIVERY, 422),
        ("north", DELIVERY, 422),
        ("finance", DELIVERY, 422),
        ("finance", RETURNED, 404),
        (LEAD, SCHEME, 422),
    ],
)
def test_a_reviewer_is_of_the_right_unit(world: World, person: str, assignment: str, status: int) -> None:
    before = digest_of_all()
    values = {"assignment_id": Id(assignment), "decision": "accept", "version": 1}
    answer = ask(world, world.person(person), REVIEW, values)
    assert answer.status_code == status
    if status == 422:
        assert "is reviewed by" in shown(answer)
    assert digest_of_all() == before


def test_a_review_of_an_old_version_is_none(world: World) -> None:
    page = world.person(LEAD)
    ask(
        world,
        another(world, LEAD, "the other"),
        ("POST", "/assignments/{assignment_id}/review"),
        {"assignment_id": Id(DELIVERY), "decision": "return", "version": 1, "reason": "no seal"},
    )
    ask(world, world.person("north"), ("POST", "/hand-in"), {"ids": [Id(DELIVERY)], "note": "sealed"})
    before = digest_of_all()
    values = {"assignment_id": Id(DELIVERY), "decision": "accept", "version": 1}
    answer = ask(world, page, REVIEW, values)
    assert answer.status_code == 422
    assert "version 1 was looked at, but version 2 came in since" in shown(answer)
    assert digest_of_all() == before


def test_a_day_that_is_far_away_breaks_nothing(world: World) -> None:
    """What is reckoned from a day (the next working day, the steps of the ladder) stays near the plan."""
    north, office = world.person("north"), world.person("office")
    path, last_day = f"/assignments/{world.id(RETURNED)}/extension", "2025-12-31"
    for day in ("9999-12-31", "0001-01-01", "2201-01-01"):
        answer = north.send(path, until=day, reason="time")
        assert answer.status_code == 422
        assert "this plan takes dates from" in shown(answer)
    assert north.send(path, until=last_day, reason="time").status_code == 303
    with transaction() as session:
        asked = session.scalar(select(func.max(Extension.id)))
    assert office.send("/extensions", ids=asked, decision="grant").status_code == 303
    phase = world.id("phase-launch")
    gate = {"round": 1, "decision": "extend", "until": last_day, "reason": "time"}
    assert office.send(f"/phases/{phase}/gate", **gate).status_code == 303
    for who, pages in ((north, ("/work", "/calendar")), (office, ("/board", "/assignments", "/phases", "/queues"))):
        for page in (*pages, f"/assignments/{world.id(RETURNED)}"):
            who.get(page)


# Every answer


def transport(**how: Any) -> httpx.ASGITransport:
    """A portal of its own, with the limits that the settings say now."""
    return httpx.ASGITransport(make_app(), raise_app_exceptions=False, **how)


def limit(monkeypatch: pytest.MonkeyPatch, **limits: object) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(f"DUBAN_{name}", str(value))
    settings.cache_clear()


KINDS: list[tuple[str, str, str, int]] = [
    ("north", "GET", "/work", 200),
    ("north", "GET", "/", 303),
    ("", "GET", "/work", 401),
    ("", "GET", "/left", 200),
    ("north", "GET", "/board", 404),
    ("north", "GET", "/nowhere", 404),
    ("north", "GET", "/docs", 404),
    ("north", "GET", "/openapi.json", 404),
    ("north", "GET", "/work?page=x", 400),
    ("north", "GET", "/work/", 307),
    ("north", "PUT", "/work", 405),
    ("north", "POST", "/work/sign", 403),
    ("north", "GET", "/static/style.css", 200),
    ("north", "GET", "/static/nothing.css", 404),
    ("north", "POST", "/static/style.css", 405),
    ("north", "GET", "/files/{file}", 200),
    ("north", "GET", "/assignments/{delivery}/files.zip", 200),
    ("office", "GET", "/assignments.csv", 200),
    ("", "GET", "/health", 200),
    ("", "GET", "/enter/x", 404),
    ("", "GET", "/language/en", 303),
]


def test_every_answer_has_the_headers(world: World) -> None:
    for person, method, pattern, status in KINDS:
        path = pattern.format(file=world.id("file-north:own"), delivery=world.id(DELIVERY))
        answer = world.person(person).ask(method, path)
        assert answer.status_code == status, path
        assert_headers(answer)
        if status >= 400:
            assert_page(answer)
        if status == 405:
            assert answer.headers["allow"]


def assert_headers(answer: httpx.Response) -> None:
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert [name for name, _ in answer.headers.raw if name.lower() == b"content-security-policy"].__len__() == 1
    assert answer.headers["cache-control"]


def assert_page(answer: httpx.Response) -> None:
    """Words for a person, whatever happened."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.search(r'<html lang="(en|zh-CN)">', answer.text)
    assert answer.status_code == 401 or len(shown(answer)) > 10


def test_the_policy_lets_nothing_in(world: World) -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert "form-action" in policy


def test_what_is_private_is_not_kept_by_browsers(world: World) -> None:
    north = world.person("north")
    for path in ("/work", f"/files/{world.id('file-north:own')}", "/nowhere"):
        assert north.ask("GET", path).headers["cache-control"] == "no-store"
    assert north.ask("GET", "/static/style.css").headers["cache-control"] == "public, max-age=3600"


# Too much


class Endless:
    """A body that notes how much of it was read."""

    def __init__(self, head: bytes = b"") -> None:
        self.head, self.read = head, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.head
        while self.read < 50 * MIB:
            self.read += 65536
            yield b"a" * 65536


FORMS = [re.sub(r"\{\w+\}", "1", path) for _, path in POSTS if path not in UPLOADS]
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"
PART = b'--a\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'


def test_a_form_that_is_too_large_is_not_read(world: World) -> None:
    for path, length in itertools.product(FORMS, (str(FORM_BYTES + 1), "9" * 30)):
        body = Endless()
        headers = {"Content-Type": URLENCODED, "Content-Length": length}
        answer = world.person("north").ask("POST", path, content=body, headers=headers)
        assert (answer.status_code, body.read) == (413, 0), path
        assert_headers(answer)
        assert "at most 256 KB" in shown(answer)


@pytest.mark.parametrize(
    ("kind", "head"),
    [(URLENCODED, b""), (MULTIPART, PART % (b"reason", b"")), (MULTIPART, PART % (b"x", b'; filename="x"'))],
)
def test_a_form_of_unknown_length_is_read_to_the_limit(world: World, kind: str, head: bytes) -> None:
    for path in FORMS:
        body = Endless(head)
        answer = world.person("north").ask("POST", path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 413, path
        assert body.read <= FORM_BYTES + 2 * 65536
        assert_headers(answer)
        assert "at most 256 KB" in shown(answer)


def test_an_upload_that_is_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, UPLOAD_MAX_MB=1)
    before = digest_of_all(without=ALL)
    north = world.person("north")
    told = Endless()
    kind = {"Content-Type": MULTIPART}
    answer = north.ask("POST", "/hand-in", content=told, headers=kind | {"Content-Length": str(MIB + 1)})
    assert (answer.status_code, told.read) == (413, 0)
    assert "at most 1 MB" in shown(answer)

    fields = north.hidden() | {"ids": str(world.id(LIAISON))}
    head = b"".join(PART % (name.encode(), b"") + value.encode() + b"\r\n" for name, value in fields.items())
    untold = Endless(head + PART % (b"files", b'; filename="a.txt"'))
    answer = north.ask("POST", "/hand-in", content=untold, headers=kind)
    assert answer.status_code in {413, 422}
    assert "at most 1 MB" in shown(answer)
    assert untold.read <= 2 * MIB
    assert digest_of_all(without=ALL) == before


def test_an_upload_of_nobody_is_not_read(world: World) -> None:
    for person, status in (("", 401), ("office", 404), ("leader", 404)):
        body = Endless()
        kind = {"Content-Type": MULTIPART}
        answer = world.person(person).ask("POST", "/hand-in", content=body, headers=kind)
        assert (answer.status_code, body.read) == (status, 0)


# Too often


def statuses(visitor: Visitor, path: str, times: int) -> list[int]:
    return [visitor.ask("GET", path).status_code for _ in range(times)]


def test_a_stay_cannot_ask_too_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    shared = transport()
    north, south = world.person("north", transport=shared), world.person("south", transport=shared)
    assert statuses(north, "/work", 7) == [200] * 5 + [429] * 2
    assert statuses(south, "/work", 5) == [200] * 5, "they share an address, and nothing else"
    assert statuses(north, "/static/style.css", 9) == [200] * 9
    refused = north.ask("GET", "/work")
    assert_headers(refused)
    assert "too many requests" in shown(refused)
    assert world.person("north", transport=transport(client=("192.0.2.9", 1))).ask("GET", "/work").status_code == 200


def test_another_address_does_not_help_a_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    app = make_app()
    found = [
        Visitor(world.stays["north"], httpx.ASGITransport(app, client=(f"192.0.2.{number}", 1)))
        .ask("GET", "/work")
        .status_code
        for number in range(7)
    ]
    assert found == [200] * 5 + [429] * 2


def test_an_address_cannot_ask_too_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    app = make_app()
    one, two = (httpx.ASGITransport(app, client=(address, 1)) for address in ("192.0.2.1", "192.0.2.2"))
    assert statuses(world.person(transport=one), "/work", 7) == [401] * 5 + [429] * 2
    assert statuses(world.person(transport=two), "/work", 5) == [401] * 5


def test_strangers_shut_out_nobody_who_has_come_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole town hall may have one address."""
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    shared = transport()
    north, south = world.person("north", transport=shared), world.person("south", transport=shared)
    assert statuses(north, "/work", 1) == [200]
    assert statuses(world.person(transport=shared), "/left", 9) == [200] * 4 + [429] * 5
    assert statuses(north, "/work", 5) == [200] * 4 + [429], "by their own count"
    assert statuses(south, "/work", 6) == [200] * 5 + [429], "whom this portal has not seen before"
    assert statuses(Visitor("made-up", shared), "/work", 2) == [429] * 2


def test_who_comes_in_beside_strangers_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    shared = transport()
    token = links.issue(Scope("tiny", Actor("test"), clock.now()), world.id("unit-north"), lasts=DAY).token
    newcomer = Visitor("", shared)
    assert newcomer.come_in(token, name="张三").status_code == 303
    assert statuses(world.person(transport=shared), "/left", 9)[-1] == 429
    assert statuses(newcomer, "/work", 2) == [200] * 2


def test_so_many_made_up_cookies_are_looked_up_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=1)
    monkeypatch.setattr(middleware, "UNPROVEN_PER_MINUTE", 3)
    shared = transport()
    with counted() as statements:
        found = [Visitor(f"made-up-{number}", shared).ask("GET", "/work").status_code for number in range(20)]
    assert found == [401] + [429] * 19
    assert len(statements) == 4


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.99"])
def test_who_watches_the_portal_from_near_is_not_counted(
    world: World, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5, TRUSTED_PROXIES="192.0.2.99")
    near = world.person(transport=transport(client=(address, 1)))
    assert statuses(near, "/health", 9) == [200] * 9
    assert statuses(near, "/left", 6) == [200] * 5 + [429]


def test_a_new_cookie_for_each_request_does_not_help(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, REQUESTS_PER_MINUTE=5)
    shared = transport()
    found = [Visitor(f"made-up-{number}", shared).ask("GET", "/left").status_code for number in range(7)]
    assert found == [200] * 5 + [429] * 2


def test_links_cannot_be_tried_too_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, ENTRIES_PER_MINUTE=3)
    shared = transport()
    found = [world.person(transport=shared).ask("GET", f"/enter/guess-{n}").status_code for n in range(5)]
    assert found == [404] * 3 + [429] * 2
    assert world.person(transport=shared).ask("GET", "/feeds/guess/zh.ics").status_code == 429


def test_a_link_cannot_be_opened_too_often_wherever_from(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, ENTRIES_PER_MINUTE=3)
    app = make_app()
    scope = Scope("tiny", Actor("test"), clock.now())
    tokens = [links.issue(scope, world.id("unit-north"), lasts=DAY).token for _ in range(2)]
    lines = [httpx.ASGITransport(app, client=(f"192.0.2.{number}", 1)) for number in range(5)]
    found = [Visitor("", line).ask("GET", f"/enter/{tokens[0]}").status_code for line in lines]
    assert found == [200] * 3 + [429] * 2
    assert Visitor("", lines[4]).ask("GET", f"/enter/{tokens[1]}").status_code == 200


# When something fails


def test_a_failure_shows_a_number_and_the_log_has_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(unit_routes, "work_of", _fail)
    answer = world.person("north").ask("GET", "/work")
    assert answer.status_code == 500
    assert_headers(answer)
    assert_page(answer)
    assert "nobody&#39;s business" not in answer.text
    assert "Traceback" not in answer.text
    number = re.search(r"error ([0-9a-f]{8})", shown(answer))
    assert number
    [entry] = [one for one in caplog.records if one.getMessage() == f"error {number[1]}"]
    assert entry.exc_info
    assert "a detail that is nobody's business" in str(entry.exc_info[1])
    assert re.search(r"GET /work 500 \d+ ms", caplog.text)


def test_a_failure_in_the_middle_of_an_act_undoes_all_of_it(world: World) -> None:
    before = digest_of_all(without=ALL)
    edu = world.person(LEAD)
    send = functools.partial(ask, world, edu, REVIEW, DOORS[REVIEW].own[LEAD], hidden=edu.hidden())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(review, "post", _fail)  # the last that a review does
        assert send().status_code == 500
    assert digest_of_all(without=ALL) == before
    assert send().status_code == 303, "nothing was done, so the same form may act"
    assert send().status_code == 303
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Review).where(Review.by_name == LEAD)) == 1


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("a detail that is nobody's business")


# When the database goes away


def end_connections(pids: list[int] | None = None) -> None:
    """What a restart does to those that are connected."""
    address = settings().database_url
    assert address
    chosen = (
        "pid <> pg_backend_pid() AND datname = current_database() "
        "AND backend_type = 'client backend' AND (%(pids)s::int[] IS NULL OR pid = ANY(%(pids)s))"
    )
    with psycopg.connect(address, autocommit=True) as connection:
        while connection.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {chosen}", {"pids": pids}
        ).fetchall():
            time.sleep(0.01)


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert_headers(answer)
    assert_page(answer)
    assert "the database cannot be reached" in shown(answer)


def test_after_a_restart_one_request_may_fail_and_the_next_does_not(world: World) -> None:
    """A connection that was just used is not asked whether it is still there; one failure ends all of them."""
    north = world.person("north")
    at_once(*[functools.partial(north.ask, "GET", "/work")] * 4)  # so that there are several
    end_connections()
    first = north.ask("GET", "/work")
    if first.status_code != 200:
        assert_unavailable(first)
    assert [north.ask("GET", "/work").status_code for _ in range(6)] == [200] * 6


def test_a_connection_that_is_cut_in_the_middle_of_an_act(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of_all(without=ALL)
    edu = world.person(LEAD)
    send = functools.partial(ask, world, edu, REVIEW, DOORS[REVIEW].own[LEAD], hidden=edu.hidden())

    def cut_first(session: Any, *arguments: Any) -> Any:
        session.flush()
        end_connections([session.connection().scalar(text("SELECT pg_backend_pid()"))])
        return post(session, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(review, "post", cut_first)
        assert_unavailable(send())
    assert digest_of_all(without=ALL) == before
    assert send().status_code == 303, "nothing was done, so the same form may act"


def test_a_connection_that_is_cut_before_the_end(world: World) -> None:
    """All is written, and then there is nobody to say so to."""
    before = digest_of_all(without=ALL)
    edu = world.person(LEAD)
    send = functools.partial(ask, world, edu, REVIEW, DOORS[REVIEW].own[LEAD], hidden=edu.hidden())

    def cut(connection: Any) -> None:
        end_connections([connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()])

    event.listen(engine(), "commit", cut)
    assert_unavailable(send())
    event.remove(engine(), "commit", cut)
    assert digest_of_all(without=ALL) == before
    assert send().status_code == 303


def test_a_connection_that_is_cut_while_it_waits(world: World) -> None:
    edu = world.person(LEAD)
    with held(world.id(DELIVERY)), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, world, edu, REVIEW, DOORS[REVIEW].own[LEAD])
        end_connections(until_it_waits())
        assert_unavailable(waiting.result())
    assert ask(world, edu, REVIEW, DOORS[REVIEW].own[LEAD]).status_code == 303


@contextmanager
def held(assignment_id: int) -> Iterator[None]:
    """Somebody is at this assignment and does not let go."""
    address = settings().database_url
    assert address
    with psycopg.connect(address) as connection:
        connection.execute("SELECT 1 FROM assignment WHERE id = %s FOR UPDATE", [assignment_id])
        yield


def until_it_waits() -> list[int]:
    address = settings().database_url
    assert address
    with psycopg.connect(address, autocommit=True) as connection:
        for _ in range(2000):
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).fetchall()
            if rows:
                return [row[0] for row in rows]
            time.sleep(0.01)
    pytest.fail("nobody waits")


def test_without_a_database_there_is_a_page_that_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    north = world.person("north")
    address = settings().database_url
    assert address
    limit(monkeypatch, DATABASE_URL="postgresql://duban:hidden@127.0.0.1:1/duban")
    forget_engine()
    answers = [north.ask("GET", "/work"), north.ask("GET", "/enter/x"), north.ask("GET", "/health")]
    answers.append(north.send("/work/sign", everything="true"))
    for answer in answers:
        assert_unavailable(answer)
        assert "hidden" not in answer.text
    limit(monkeypatch, DATABASE_URL=address)
    forget_engine()
    north.get("/work")


def test_the_line_ends_of_a_browser_are_not_kept() -> None:
    assert TypeAdapter(Words).validate_python("一、督办\r\n二、通报\r三、问责") == "一、督办\n二、通报\n三、问责"
