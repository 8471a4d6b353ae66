"""Hostile input at every door: whatever comes, a page answers that people can read, and nobody's words become code."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.app import build
from tests.portal.test_portal_walls import GETS
from tests.support.portal_doors import DOORS, Id, Key, ask
from tests.support.portal_world import LEAD, UNITS, Visitor, World, world

__all__ = ["world"]  # a fixture

CANARY = "x-canary"
VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
HARMFUL = re.compile(r"^\s*(javascript|data|vbscript):", re.IGNORECASE)

MARKUP = [
    f"<{CANARY}>",
    f'"><{CANARY} a="',
    f"'><{CANARY} a='",
    f'" {CANARY}="1" autofocus onfocus="alert(1)',
    f"' {CANARY}='1",
    f"</title><{CANARY}>",
    f"</textarea><{CANARY}>",
    f"</main></body></html><{CANARY}>",
    f"--><{CANARY}>",
    f"<!--<{CANARY}>",
    f"<![CDATA[<{CANARY}>]]>",
    f"<script>document.{CANARY}</script>",
    f"&lt;{CANARY}&gt;",
    f"&#60;{CANARY}&#62;",
    f"<svg/onload={CANARY}>",
    "javascript:alert(1)",
    f"{{{{ '<{CANARY}>' }}}}",
    "{{ 7 * 7 }}",
    "{% raw %}",
]
WORDS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\r\nSet-Cookie: duban=x",
    "\x1b[31m",
    "\x7f\x85\u2028",
    "\u202egnp.exe",
    "\u200b\u200d\ufeff",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\N{FAMILY}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\N{ZERO WIDTH JOINER}\N{WOMAN}",
    "e" + "\u0301" * 500,
    "\ufffe\uffff\U0010ffff\ue000",
    "{0.__class__} {x} %s %n {",
    "}",
    "'; DROP TABLE plan; --",
    "../../../../etc/passwd",
    "..%2f..%2f",
    "%00%ff",
    "\\\\host\\share",
    "⟦link⟧",
    "null",
    "true",
    "[]",
    "名" * 9_999,
    "a" * 10_000,
    "a" * 10_001,
    "\n" * 3_000,
    "a = 1\n" * 101,
    "=1+1",
]
NUMBERS = [
    *("0", "-0", "-1", "1.0", "1e3", "1e309", "NaN", "inf", " 1 ", "+1", "0x10", "1_000", "\N{FULLWIDTH DIGIT ONE}"),
    *(str(2**31), str(2**32), str(2**63 - 1), str(2**63), str(2**64), str(-(2**63)), "9" * 400, "9" * 5000),
    *("99999", "100000", "100001"),
]
DAYS = [
    *("0001-01-01", "9999-12-31", "1989-12-31", "1990-01-01", "2200-12-31", "2201-01-01", "2023-02-29", "2023-2-1"),
    *("-2023-01-01", "20230-01-01", "2023-01-01T00:00:00Z", "1672531200", "\u0662\u0660\u0662\u0663-01-01"),
]
CODES = ["accept", "return", "grant", "refuse", "uphold", "dismiss", "close", "keep open", "extend", "issued", "light"]
HOSTILE = [*MARKUP, *WORDS, *NUMBERS, *DAYS, *CODES]

anything = st.sampled_from(HOSTILE) | st.text(max_size=50) | st.integers().map(str) | st.dates().map(str)


class Page(HTMLParser):
    """What is wrong with a page, in words; empty where nothing is."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(convert_charrefs=False)
        self.faults: list[str] = []
        self.open: list[str] = []
        self.title = self.lang = ""
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(answer.text)
        self.close()
        self._judge()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if len(given) < len(attributes):
            self.faults.append(f"{tag}: an attribute twice")
        names = " ".join((tag, *given))
        if CANARY in names or tag in {"style", "iframe", "object", "base"} or re.search(r"\bon\w+|\bstyle\b", names):
            self.faults.append(f"<{names}>")
        if tag == "script" and "src" not in given:
            self.faults.append("a script in the page")
        for name in ("href", "src", "action", "formaction"):
            if HARMFUL.match(given.get(name, "")):
                self.faults.append(f"{name}={given[name]}")
        if tag == "html":
            self.lang = given.get("lang", "")
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> ends nothing")

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script" and data.strip():
            self.faults.append("a script in the page")
        if "<" in data:
            self.faults.append(f"unescaped: {data[:80]}")
        if inside == "title":
            self.title += data.strip()
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data[:80]}")

    def handle_entityref(self, name: str) -> None:
        self.text.append(f"&{name};")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"a declaration: {data[:80]}")

    def _judge(self) -> None:
        if self.open:
            self.faults.append(f"not ended: {self.open}")
        if self.lang not in {"en", "zh-CN"}:
            self.faults.append(f"lang {self.lang!r}")
        if not self.title:
            self.faults.append("no title")
        twice = {one for one in self.ids if self.ids.count(one) > 1}
        if twice:
            self.faults.append(f"ids twice: {twice}")


def faults_in(answer: httpx.Response) -> list[str]:
    """What is wrong with an answer, whatever was asked."""
    faults = [f"header {name!r}" for name, value in answer.headers.raw if re.search(rb"[\r\n\0]", value)]
    if answer.status_code >= 500:
        faults.append(f"status {answer.status_code}")
    if answer.headers.get("content-type", "").startswith("text/html"):
        faults += Page(answer).faults
    elif answer.status_code >= 400 and answer.content:
        faults.append(f"no page, but {answer.headers.get('content-type')}")
    return faults


def assert_sound(answer: httpx.Response) -> None:
    assert faults_in(answer) == [], answer.request.url


# The judge itself


PLAIN = '<!DOCTYPE html><html lang="en"><head><title>t</title></head><body><p title="{0}">{0}</p></body></html>'


@pytest.mark.parametrize("inside", [*MARKUP[:2], MARKUP[3], *MARKUP[5:12]])
def test_the_judge_sees_what_is_not_escaped(inside: str) -> None:
    assert faults_in(httpx.Response(200, html=PLAIN.format(inside)))
    assert not faults_in(httpx.Response(200, html=PLAIN.format(escaped(inside))))


# Every door


def _fields() -> dict[Key, list[str]]:
    """The names of what each route takes: in its path, its question, its form."""
    schema = build().openapi()
    found: dict[Key, list[str]] = {("POST", "/hand-in"): ["ids", "again", "note", "figures"]}
    found["POST", "/readings/import"] = ["step", "kept", "name", "shown"]
    for path, methods in schema["paths"].items():
        for method, one in methods.items():
            names = [part["name"] for part in one.get("parameters", ())]
            for content in one.get("requestBody", {}).get("content", {}).values():
                form = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                names += [name for name in form["properties"] if name not in {"csrf", "form"}]
            found.setdefault((method.upper(), path), names)
    return found


FIELDS = _fields()
READING = sorted(key for key in FIELDS if key[0] == "GET")
ACTING = sorted(key for key in FIELDS if key[0] == "POST" and DOORS[key].own)
hostile = functools.partial(
    settings,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@hostile(max_examples=250)
@given(data=st.data())
def test_every_page_stands_hostile_questions(world: World, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(READING))
    person = data.draw(st.sampled_from(sorted(DOORS[key].own) or ["", "north"]))
    assert_sound(knock(world, world.person(person), key, drawn(data, key, person)))


@pytest.mark.parametrize(("key", "person"), [(key, person) for key in ACTING for person in DOORS[key].own])
@hostile(max_examples=10)
@given(data=st.data())
def test_every_act_stands_hostile_forms(world: World, key: Key, person: str, data: st.DataObject) -> None:
    assert_sound(knock(world, world.person(person), key, drawn(data, key, person)))


def drawn(data: st.DataObject, key: Key, person: str) -> dict[str, Any]:
    """Some fields are as they should be, so that the others are looked at; and perhaps there is one that is unknown."""
    values: dict[str, Any] = dict(DOORS[key].own.get(person, {}))
    names = data.draw(st.lists(st.sampled_from(FIELDS[key]), unique=True)) if FIELDS[key] else []
    for name in names:
        values[name] = data.draw(anything | st.lists(anything, min_size=2, max_size=3))
    if data.draw(st.integers(0, 9)) == 0:
        values[data.draw(anything.filter(bool))] = data.draw(anything)
    return values


def test_every_hostile_word_in_every_question(world: World) -> None:
    for key in READING:
        try_every_word(world, key)


@pytest.mark.parametrize("key", [key for key in ACTING if FIELDS[key]])
def test_every_hostile_word_in_every_field(world: World, key: Key) -> None:
    try_every_word(world, key)


def try_every_word(world: World, key: Key) -> None:
    """One at a time, each word in every other field; the rest is as it should be."""
    person, own = next(iter(DOORS[key].own.items()), ("north", {}))
    visitor = world.person(person)
    for number, name in enumerate(FIELDS[key]):
        for word in [*MARKUP[:6], *WORDS[:12], *NUMBERS, *DAYS][number::2]:
            values = {**own, name: [word] if isinstance(own.get(name), list) else word}
            assert_sound(knock(world, visitor, key, values))


def knock(world: World, visitor: Visitor, key: Key, values: Mapping[str, Any]) -> httpx.Response:
    """As `ask`, with anything in the path; what stands there more than once is one text."""
    in_path = set(re.findall(r"\{(\w+)\}", key[1]))
    plain = {
        name: in_a_path(value) if name in in_path and not isinstance(value, Id) else value
        for name, value in values.items()
    }
    return ask(world, visitor, key, plain if key[0] == "POST" else {cut(name): cut(one) for name, one in plain.items()})


def in_a_path(value: object) -> str:
    return quote(cut(str(value)), safe="") or "-"


def cut(value: Any) -> Any:
    """Clients and servers have limits of their own for an address."""
    if isinstance(value, list):
        return [cut(one) for one in value]
    return value[:2000] if isinstance(value, str) else value


def test_every_form_stands_bodies_that_are_none(world: World) -> None:
    for key in sorted(ACTING, key=[("POST", "/links/{access_id}/revoke"), ("POST", "/leave")].count):
        visitor = world.person(next(iter(DOORS[key].own)))
        path = re.sub(r"\{\w+\}", "1", key[1])
        for kind, body in odd_bodies(urlencode(visitor.hidden()).encode()):
            headers = {"Content-Type": kind.encode("latin-1")}
            assert_sound(visitor.ask("POST", path, content=body, headers=headers))


def odd_bodies(hidden: bytes) -> list[tuple[str, bytes]]:
    """With their types, as they say."""
    return [
        ("", b""),
        ("", hidden),
        ("application/json", b'{"csrf": 1}'),
        ("application/json", b"["),
        ("text/plain", hidden),
        ("application/x-www-form-urlencoded", b"%"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00" + hidden),
        ("application/x-www-form-urlencoded", hidden + b"&a=%ED%A0%80&ids=%ff&reason=%C3%28&text=%F0%9F"),
        ("application/x-www-form-urlencoded", hidden + b"&" + hidden),
        ("application/x-www-form-urlencoded", hidden + b"&ids=1" * 1500),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(1500))),
        ("application/x-www-form-urlencoded", b"=" * 1000 + b"&" * 1000),
        ("application/x-www-form-urlencoded; charset=utf-16", hidden),
        ("multipart/form-data", hidden),
        ("multipart/form-data; boundary=", hidden),
        ("multipart/form-data; boundary=a", b"--a\r\n"),
        ("multipart/form-data; boundary=a", b"--a--\r\n"),
        ("multipart/form-data; boundary=a", part("csrf", hidden, ' filename="x"') + END),
        ("multipart/form-data; boundary=a", part("csrf\r\nX: y", hidden)),
        ("multipart/form-data; boundary=a", part("ids", b"\xff\xfe\x00") + END),
        ("multipart/form-data; boundary=a", part("ids", b"1")),
        ("multipart/form-data; boundary=a", b"".join(part(f"f{n}", b"1") for n in range(1200))),
        ("multipart/form-data; boundary=" + "a" * 500, b"--" + b"a" * 500),
        ("\xff\xfe", hidden),
    ]


END = b"--a--\r\n"


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--a\r\nContent-Disposition: form-data; name="{name}";{more}\r\n\r\n'.encode() + content + b"\r\n"


# What is stored and shown


@pytest.fixture
def defaced(world: World) -> World:
    """Everybody has written markup wherever anything can be written."""
    for number, unit in enumerate(unit for unit in UNITS if unit != LEAD):
        _deface(world, unit, " ".join(MARKUP[number::3]), number)
    return world


def _deface(world: World, unit: str, words: str, number: int) -> None:
    delivery, returned = (world.id(f"assignment-2023/delivery/T1.{measure}/{unit}") for measure in (1, 2))
    liaison = world.id(f"assignment-2022/liaison/{unit}")
    owner, lead, office = (world.person(one) for one in (unit, LEAD, "office"))
    files = [("files", (f"{words}.txt", words.encode(), "text/plain"))]
    owner.send("/hand-in", ids=[liaison, returned], note=words, figures=f"{words[:50]} = {words[:50]}", files=files)
    owner.send("/complaints", kind="complaint", text=words)
    owner.send(f"/assignments/{liaison}/objection", about="light", reason=words)
    lead.send(f"/assignments/{delivery}/review", decision="return", reason=words, version=1)
    lead.send(f"/assignments/{returned}/review", decision="return", reason=words, version=2)
    owner.send(f"/assignments/{delivery}/extension", until="2024-03-01", reason=words)
    office.send("/links", unit=world.id(f"unit-{unit}"), days=3)
    office.send("/links", colleague=words[:40])
    office.send(f"/complaints/{world.id(f'complaint-{unit}')}/answer", text=words)
    office.send("/extensions", ids=world.id(f"extension-{unit}"), decision="refuse", reason=words)
    office.send(f"/assignments/{returned}/objection/decision", objection=world.id(f"objection-{unit}"), reason=words)
    phase = world.id("phase-implementation")
    finding = {"title": words, "what": words, "proof": words, "due": "2023-06-30"}
    office.send("/findings", phase=phase, units=world.id(f"unit-{unit}"), **finding)
    office.send(f"/phases/{phase}/gate", round=number + 1, decision="keep open", reason=words)
    office.send(f"/findings/{world.id('finding-1')}/close", check=words)


def test_nobodys_words_become_code(defaced: World) -> None:
    seen: dict[str, str] = {}
    for number, person in enumerate(("north", LEAD, "office", "leader")):
        visitor = defaced.person(person)
        visitor.http.cookies["duban-language"] = ("zh", "en")[number % 2]
        for answer in walk(visitor):
            assert_sound(answer)
            seen[person] = seen.get(person, "") + answer.text
    for words in MARKUP:
        assert escaped(words) in seen["office"], f"{words} is shown somewhere"
    for words in MARKUP[::3]:
        assert escaped(words) in seen["north"]


def walk(visitor: Visitor) -> Iterator[httpx.Response]:
    """The pages that this person can open, and of pages that differ in a number alone not all."""
    waiting, kinds = [path for method, path in GETS if "{" not in path], Counter[str]()
    while waiting:
        path = waiting.pop()
        kind = re.sub(r"\d+|\?.*", "", path)
        kinds[kind] += 1
        if kinds[kind] <= MAX_OF_A_KIND and not path.startswith("/language"):
            answer = visitor.ask("GET", path)
            yield answer
            if answer.headers.get("content-type", "").startswith("text/html"):
                links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"#]*)', answer.text)}
                waiting += sorted(links)
    assert len(kinds) > 10


MAX_OF_A_KIND = 8


def escaped(words: str) -> str:
    marks = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
    return "".join(marks.get(sign, sign) for sign in words)
