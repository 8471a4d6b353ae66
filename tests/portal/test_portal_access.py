"""Links: what they open, for how long, for whom, and that nobody finds one where it does not belong."""

import base64
import datetime as dt
import functools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner
from icalendar import Calendar
from sqlalchemy import select, text

from adapters.database.sessions import transaction
from adapters.settings import settings
from deploy.cli.root import duban
from models.access import Access, AccessRole, AccessUse, digest
from models.common.event import Event
from models.outbox.message import Attempt
from models.plan.plan import plan_of
from models.plan.unit import Unit, unit_of
from services import links
from tests.support.owner import owners_transaction
from tests.support.portal_client import PORTAL, Person, enter, hidden_fields
from tests.support.portal_links import by_test, link, office_link, uses
from tests.support.portal_served import served
from tests.support.scenes import scene
from tests.support.slack_server import SlackServer
from tests.support.story import Story

NORTH = "192.0.2.7"


@scene
def opened(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")


def withdraw(number: int) -> None:
    links.withdraw(by_test(), number)


def places_of(secret: str) -> list[str]:
    """The tables in which a text stands, in any column of any row."""
    found = []
    with owners_transaction() as session:
        tables = session.execute(
            text("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables")
        ).scalars()
        for table in tables.all():
            query = text(f"SELECT count(*) FROM {table} AS one WHERE strpos(one::text, :secret) > 0")
            if session.execute(query, {"secret": secret}).scalar_one():
                found.append(table)
    return found


def at_once(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The answers to what several people do at the same moment."""
    start = threading.Barrier(len(acts))

    def act(one: Callable[[], httpx.Response]) -> httpx.Response:
        start.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


# What a link is


def test_a_token_is_256_bits_and_no_two_are_alike(opened: Story) -> None:
    tokens = {link()[1] for _ in range(20)}
    assert len(tokens) == 20
    assert {len(base64.urlsafe_b64decode(f"{token}=")) * 8 for token in tokens} == {256}


def test_the_database_holds_hashes_alone(opened: Story) -> None:
    _, token = link()
    person = Person().enter(token, "张三")
    person.get("/calendar")
    person.post("/calendar")
    feed = re.search(r"/feeds/([\w-]{43})/", person.page.text)
    assert feed
    secret = person.http.cookies["duban"]

    for hidden in (token, feed[1], secret):
        assert places_of(hidden) == []
    assert places_of(digest(token)) == places_of(digest(feed[1])) == ["public.access"], "it would be found"
    assert places_of(digest(secret)) == ["public.access_use"]


def test_opening_exchanges_the_link_for_a_cookie(opened: Story) -> None:
    _, token = link()
    answer = Person().come_in(token)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert token not in f"{answer.text}{answer.headers['location']}{answer.headers['set-cookie']}"
    assert attributes(answer) == {"httponly", "samesite=lax", "path=/", "max-age=43200"}
    assert len(base64.urlsafe_b64decode(f"{answer.cookies['duban']}=")) == 32


def test_the_cookie_is_secure_where_the_line_is(opened: Story) -> None:
    _, token = link()
    answer = Person(at="https://portal.test").come_in(token)
    assert attributes(answer) == {"httponly", "samesite=lax", "path=/", "max-age=43200", "secure"}


def attributes(answer: httpx.Response) -> set[str]:
    """Those of the cookie, without its value; the date beside max-age says the same."""
    _, *rest = answer.headers["set-cookie"].lower().split("; ")
    return {one for one in rest if not one.startswith("expires=")}


def test_no_page_and_no_address_holds_the_token(opened: Story) -> None:
    _, token = link()
    person = Person()
    answers = [person.open(token)]
    answers.append(person.post("/name", name="张三", to="/"))
    answers.append(person.get("/work"))
    for answer in answers:
        assert token not in answer.text
        assert token not in str(answer.url)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert person.http.cookies["duban"] not in answer.text


# For how long it opens


def test_a_link_expires(opened: Story) -> None:
    number, token = link(lasts=dt.timedelta(hours=2))
    opened.at("2022-11-01 10:59")
    assert Person(address=NORTH).come_in(token).status_code == 303
    opened.at("2022-11-01 11:00")
    late = Person(address="192.0.2.8")
    assert late.get(f"/enter/{token}", status=410)
    assert late.refusal == "This was not done this link has expired"
    assert "duban" not in late.http.cookies
    assert uses(number) == [("opened", NORTH), ("expired", "192.0.2.8")]


def test_a_stay_ends_after_twelve_hours_and_not_with_its_link(opened: Story) -> None:
    _, token = link(lasts=dt.timedelta(minutes=15))
    person = Person().enter(token, "张三")
    for hour in range(10, 21):
        opened.at(f"2022-11-01 {hour}:59")
        person.get("/work")
    opened.at("2022-11-01 21:00")
    person.get("/work", status=401)


def test_a_stay_ends_where_nobody_was_there_for_two_hours(opened: Story) -> None:
    _, token = link()
    person = Person().enter(token, "张三")
    opened.at("2022-11-01 10:50")
    page = person.get("/work")
    opened.at("2022-11-01 12:49")
    person.get("/files")
    opened.at("2022-11-01 14:49")
    person.post("/work/sign", status=401, seen=page, everything="true")
    assert opened.row("2022/liaison/north").status == "issued"


def test_withdrawing_a_link_ends_its_stays_at_once(opened: Story) -> None:
    number, token = link()
    staying, other = Person(address=NORTH).enter(token, "张三"), enter("tiny", "north")
    page = staying.get("/work")

    withdraw(number)

    staying.get("/work", status=401)
    staying.post("/work/sign", status=401, seen=page, everything="true")
    staying.get(f"/enter/{token}", status=410)
    assert opened.row("2022/liaison/north").status == "issued"
    assert uses(number) == [("opened", NORTH), ("revoked", NORTH)]
    assert other.get("/work"), "another link of the unit is another link"


def test_leaving_ends_the_stay_also_for_who_kept_the_cookie(opened: Story) -> None:
    person = enter("tiny", "north")
    kept = dict(person.http.cookies)
    page = person.page
    person.post("/leave")
    assert person.path == "/left"
    assert "duban" not in person.http.cookies
    thief = Person()
    thief.http.cookies.update(kept)
    thief.get("/work", status=401)
    thief.post("/work/sign", status=401, seen=page, everything="true")


def test_a_link_for_one_use_opens_once(opened: Story) -> None:
    number, token = office_link("王五")
    office = Person(address=NORTH)
    office.open(token)
    assert "王五" in office.page.text, "it was made for a person, who is not asked for a name"
    late = Person(address="192.0.2.8")
    late.get(f"/enter/{token}", status=410)
    assert "it opens once" in late.refusal
    assert uses(number) == [("opened", NORTH), ("spent", "192.0.2.8")]


def test_of_two_who_open_it_at_the_same_moment_one_comes_in(opened: Story) -> None:
    for _ in range(5):
        number, token = office_link()
        people = [Person(address=NORTH), Person(address="192.0.2.8")]
        for one in people:
            one.ask("GET", "/left")  # routes are built at the first request, which no two threads do at once
        answers = at_once(*[functools.partial(one.come_in, token) for one in people])
        assert sorted(answer.status_code for answer in answers) == [303, 410]
        assert ["duban" in answer.cookies for answer in answers].count(True) == 1
        assert sorted(outcome for outcome, _ in uses(number)) == ["opened", "spent"]


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..%2F..", "%F0%9F%92%A9", "a" * 5000])
def test_what_was_never_issued_opens_nothing(opened: Story, token: str) -> None:
    person = Person()
    person.get(f"/enter/{token}", status=404)
    assert "duban" not in person.http.cookies


@pytest.mark.parametrize("secret", ["", "x", "\N{POUND SIGN}", "%00", "A" * 43, "B" * 5000])
def test_what_is_no_cookie_of_ours_opens_nothing(opened: Story, secret: str) -> None:
    person = Person()
    answer = person.ask("GET", "/work", headers={"Cookie": b"duban=" + secret.encode("latin-1")})
    assert answer.status_code == 401


# The feed of a calendar


@pytest.fixture
def feed(opened: Story) -> tuple[int, str]:
    """The number and the token of the feed that north made for itself."""
    north = enter("tiny", "north")
    north.get("/calendar")
    north.post("/calendar")
    address = re.search(rf"{PORTAL}/feeds/([\w-]+)/en\.ics", north.page.text)
    assert address
    with transaction() as session:
        number = session.scalars(select(Access.id).where(Access.role == AccessRole.CALENDAR)).one()
    return number, address[1]


def test_a_feed_opens_the_dates_of_its_unit(opened: Story, feed: tuple[int, str]) -> None:
    number, token = feed
    answer = Person(address=NORTH).ask("GET", f"/feeds/{token}/zh.ics")
    dates = Calendar.from_ical(answer.content).walk("VEVENT")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert [("2022/liaison/north" in one.to_ical().decode(), one.decoded("DTSTART")) for one in dates] == [
        (True, dt.date(2022, 11, 15))
    ]
    assert "set-cookie" not in answer.headers
    assert token not in answer.text
    assert uses(number) == [("opened", NORTH)]


def test_a_feed_opens_nothing_else(opened: Story, feed: tuple[int, str]) -> None:
    _, token = feed
    person = Person()
    person.get(f"/enter/{token}", status=404)
    person.http.cookies["duban"] = token
    for path in ("/work", "/files", "/calendar", "/reviews", "/name", "/"):
        person.get(path, status=401)


def test_the_link_of_a_unit_is_no_feed(opened: Story) -> None:
    _, token = link()
    Person().get(f"/feeds/{token}/zh.ics", status=404)


def test_a_feed_that_is_over_gives_nothing_and_is_written_down(opened: Story, feed: tuple[int, str]) -> None:
    number, token = feed
    withdraw(number)
    Person(address=NORTH).get(f"/feeds/{token}/zh.ics", status=410)
    old, expired = link(role=AccessRole.CALENDAR, lasts=dt.timedelta(0))
    Person(address=NORTH).get(f"/feeds/{expired}/zh.ics", status=410)
    assert uses(number) == [("revoked", NORTH)]
    assert uses(old) == [("expired", NORTH)]


# Who it is


def test_nobody_acts_without_a_name(opened: Story) -> None:
    _, token = link()
    person = Person()
    assert person.open(token).url.path == "/name"
    page = person.page
    for path in ("/work", "/files?x=1", "/reviews", "/calendar", "/hand-in?id=1"):
        asked = person.ask("GET", path)
        assert (asked.status_code, asked.headers["location"]) == (303, f"/name?next={quote(path)}")
    sent = person.post("/work/sign", seen=page, everything="true")
    assert sent.url.path == "/name"
    assert opened.row("2022/liaison/north").status == "issued"


@pytest.mark.parametrize("name", ["", "   ", "\u3000", "\u200b", "\u200e\u2060\ufeff", "\u202e", "\x07"])
def test_a_name_that_nobody_sees_is_none(opened: Story, name: str) -> None:
    _, token = link()
    person = Person()
    person.open(token)
    person.post("/name", status=422, name=name, to="/work")
    assert "a name is needed" in person.refusal
    assert person.get("/work").url.path == "/name"


def test_a_name_holds_no_signs_that_make_it_look_like_another(opened: Story) -> None:
    _, token = link()
    Person().enter(token, " 张\u200b三\u202e \n 甲 ")
    assert names() == ["张三 甲"]


def test_a_name_is_said_once_in_a_stay(opened: Story) -> None:
    _, token = link()
    person = Person().enter(token, "张三")
    page = person.get("/name")
    person.post("/name", seen=page, name="李四", to="/work")
    assert person.path == "/work"
    person.post("/work/sign", everything="true")
    assert names() == ["张三"]
    assert actors() == [("张三", "north", "192.0.2.1")]


def test_of_two_names_at_the_same_moment_one_stays(opened: Story) -> None:
    for _ in range(5):
        _, token = link()
        person = Person()
        person.open(token)
        pages = [person.get("/name"), person.get("/name")]
        sent = zip(pages, ("张三", "李四"), strict=True)
        answers = at_once(*[functools.partial(naming, person, page, name) for page, name in sent])
        assert {told_name(person, answer) for answer in answers} == {names()[-1]}


def naming(person: Person, page: httpx.Response, name: str) -> httpx.Response:
    return person.ask("POST", "/name", data=hidden_fields(page) | {"name": name, "to": "/work"})


def told_name(person: Person, answer: httpx.Response) -> str:
    person.get(answer.headers["location"])
    return person.notice.removeprefix("You act as ").removesuffix(".")


def names() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AccessUse.person).order_by(AccessUse.id)))


def actors(kind: str = "moved") -> list[tuple[str, str, str | None]]:
    """Who did it, for which unit and from where, by the journal."""
    with transaction() as session:
        rows = session.execute(
            select(Event.actor, Unit.code, Event.address)
            .join(Unit, Unit.id == Event.actor_unit_id)
            .where(Event.kind == kind)
            .order_by(Event.id)
        )
        return [(actor, unit, address) for actor, unit, address in rows]


# Languages and redirects


def test_the_language_stays(opened: Story) -> None:
    person = enter("tiny", "north", language="zh")
    assert '<html lang="zh-CN">' in person.get("/work").text
    switched = person.ask("GET", "/language/en?next=/work%3Fpile%3Dclosed")
    assert (switched.status_code, switched.headers["location"]) == (303, "/work?pile=closed")
    assert attributes(switched) == {"httponly", "samesite=lax", "path=/", "max-age=31536000"}
    person.http.cookies.clear(domain="")  # the one that the test set
    for path in ("/work", "/files", "/calendar"):
        page = person.get(path)
        assert '<html lang="en">' in page.text
    person.post("/leave")
    assert '<html lang="en">' in person.page.text
    assert '<html lang="en">' in person.get("/work", status=401).text


def test_the_page_links_to_itself_in_the_other_language(opened: Story) -> None:
    person = enter("tiny", "north", language="zh")
    page = person.get("/work?pile=closed&page=1")
    found = re.search(r'href="(/language/en\?next=[^"]+)"', page.text)
    assert found
    assert person.ask("GET", found[1].replace("&amp;", "&")).headers["location"] == "/work?pile=closed&page=1"


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "/\r\nSet-Cookie: a=b",
    "/\N{RIGHT-TO-LEFT OVERRIDE}x",
    "http:evil.example",
    "///evil.example",
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_redirect_leads_elsewhere(opened: Story, target: str) -> None:
    _, token = link()
    person = Person()
    switched = person.ask("GET", f"/language/en?next={quote(target, safe='')}")
    assert (switched.status_code, switched.headers["location"]) == (303, "/")

    person.open(token)
    page = person.get(f"/name?next={quote(target, safe='')}")
    assert '<input type="hidden" name="to" value="/">' in page.text
    named = person.ask("POST", "/name", data=hidden_fields(page) | {"name": "张三", "to": target})
    assert re.fullmatch(r"/\?done=[\w-]+", named.headers["location"])
    assert Person().ask("GET", "/language/en?next=/work").headers["location"] == "/work", "it would have gone there"


# Links in letters


@pytest.fixture
def slack(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """North is told in Slack, and so is the office; everybody else has the mailbox."""
    addresses = tmp_path / "addresses.yaml"
    addresses.write_text("north: slack:CNORTH\noffice: slack:COFFICE\n", encoding="utf-8")
    with SlackServer() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DUBAN_SLACK_TOKEN", "xoxb")
        monkeypatch.setenv("DUBAN_SLACK_API_URL", server.url)
        monkeypatch.setenv("DUBAN_ADDRESSES_FILE", str(addresses))
        monkeypatch.setenv("DUBAN_PORTAL_URL", f"{PORTAL}/")
        settings.cache_clear()
        story.at("2022-11-01")
        story.open("launch")
        story.submit("2022/liaison/edu")  # the office has something to review
        story.patrol()
        yield server


def links_in(words: object) -> list[str]:
    """The tokens of the links in it, each once."""
    return list(dict.fromkeys(re.findall(rf"{PORTAL}/enter/([\w-]+)", str(words))))


def test_a_letter_in_slack_brings_a_link_that_works(slack: SlackServer, story: Story) -> None:
    [token] = links_in(slack.posts["CNORTH"])
    person = Person().enter(token, "张三")
    person.get("/work")
    assert "liaison" in person.get(f"/assignments/{story.row('2022/liaison/north').id}").text
    person.get(f"/assignments/{story.row('2022/liaison/south').id}", status=404)
    with transaction() as session:
        row = session.scalars(select(Access).where(Access.token_hash == digest(token))).one()
        issued = (row.role.value, row.single_use, row.expires_at - row.issued_at, row.issued_by)
    assert issued == ("unit", False, dt.timedelta(days=60), "letter")


def test_no_two_letters_bring_the_same_link(slack: SlackServer, story: Story) -> None:
    story.send_back("2022/liaison/edu")
    story.submit("2022/liaison/north")
    story.send_back("2022/liaison/north")
    story.patrol("2022-11-02")
    assert len(links_in(slack.posts["CNORTH"])) == 2


def test_what_is_stored_of_a_letter_opens_nothing(slack: SlackServer, story: Story) -> None:
    [token] = links_in(slack.posts["CNORTH"])
    assert places_of(token) == []
    assert "/enter/" not in story.letter("north")


def test_the_office_gets_the_address_alone(slack: SlackServer, story: Story) -> None:
    assert f"{PORTAL}/" in str(slack.posts["COFFICE"])
    assert "/enter/" not in str(slack.posts["COFFICE"])
    Person().get("/", status=401)


def test_a_letter_to_the_leader_holds_no_link_that_opens_everything(slack: SlackServer, story: Story) -> None:
    story.patrol_daily("2022-11-02", "2022-12-20")
    with transaction() as session:
        leader = unit_of(session, plan_of(session, "tiny").id, "leader").id
        assert session.scalars(select(Attempt).where(Attempt.recipient_id == leader)).all(), "the leader was written to"
    for shown in (printed("mailbox", "leader"), printed("mailbox", "leader", "--link")):
        assert f"{PORTAL}/" in shown
        assert links_in(shown) == []


def test_the_mailbox_shows_a_fresh_link_that_works(slack: SlackServer, story: Story) -> None:
    assert links_in(printed("mailbox", "edu")) == [], "none is made where nobody asks for it"
    first, second = [links_in(printed("mailbox", "edu", "--link")) for _ in range(2)]
    assert (len(first), len(second), first == second) == (1, 1, False)
    for token in (*first, *second):
        assert Person().enter(token, "张三").path == "/work"
        assert places_of(token) == []
    assert "/enter/" not in printed("mailbox", "office")


def test_without_an_address_of_the_portal_no_letter_has_a_link(opened: Story) -> None:
    opened.patrol()
    assert "/enter/" not in printed("mailbox", "edu")
    with transaction() as session:
        assert session.scalars(select(Access)).all() == []


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(duban, arguments)
    assert result.exit_code == 0, result.output
    return result.output


# The real server


def test_no_log_holds_a_token(opened: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tokens = [link()[1] for _ in range(4)]
    number, spent = office_link("王五")
    with served(tmp_path) as portal:
        person = portal.person().enter(tokens[0], "张三")
        pages = [person.get("/work"), person.get("/calendar"), person.post("/calendar")]
        [address] = re.findall(r"/feeds/[\w-]+/zh\.ics|/feeds/[\w-]+/en\.ics", person.page.text)
        person.ask("GET", address)
        person.post("/work/sign", everything="true")
        for token in (*tokens, address.split("/")[2]):
            person.ask("PUT", f"/enter/{token}")  # 405
            person.ask("POST", f"/enter/{token}")  # 403
            person.ask("GET", f"/enter/{token}/more")  # 404
            person.ask("GET", f"/language/en?next=/enter/{token}")
            person.ask("GET", f"/work?page=x&token={token}")
            portal.raw(b"GET /enter/%b HTTP/1.1\r\nHost: [\r\n\r\n" % token.encode())
            portal.raw(b"GET /enter/%b  HTTP/9.9\r\n\r\n" % token.encode())
        portal.person().open(spent)
        portal.person().get(f"/enter/{spent}", status=410)
        withdraw(number)
        portal.person().get(f"/enter/{spent}", status=410)
        secret, csrf = person.http.cookies["duban"], hidden_fields(pages[0])["csrf"]

    said = portal.says()
    assert "duban.portal:POST /enter/{token} 303" in said
    assert "duban.portal:GET /feeds/{token}/{code}.ics 200" in said
    assert "duban.portal:POST /work/sign 303" in said
    for hidden in (*tokens, spent, address.split("/")[2], secret, csrf):
        assert hidden not in said


def test_a_failure_puts_no_token_into_the_log(opened: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst that can happen on the way in: the database has no such table."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _, token = link()
    with served(tmp_path) as portal:
        person = portal.person()
        with owners_transaction() as session:
            session.execute(text("ALTER TABLE access_use RENAME TO hidden"))
        person.open(token, status=500)
        with owners_transaction() as session:
            session.execute(text("ALTER TABLE hidden RENAME TO access_use"))
        assert token not in person.page.text
        person.enter(token, "张三")
        assert person.path == "/work"

    said = portal.says()
    assert re.search(r"duban\.portal:error [0-9a-f]{8}\n", said)
    assert "Traceback" in said
    assert "duban.portal:POST /enter/{token} 500" in said
    assert token not in said


def test_where_a_person_comes_from_is_what_the_proxy_says(
    opened: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    number, token = link()
    claimed = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}
    with served(tmp_path / "a", DUBAN_TRUSTED_PROXIES="127.0.0.1") as portal:
        answer = portal.person().come_in(token, headers=claimed)
        assert "secure" in attributes(answer)
        assert "server" not in answer.headers
    with served(tmp_path / "b", DUBAN_TRUSTED_PROXIES="192.0.2.99") as portal:
        answer = portal.person().come_in(token, headers=claimed)
        assert "secure" not in attributes(answer)
    assert uses(number) == [("opened", "203.0.113.5"), ("opened", "127.0.0.1")]


RAW = [
    b"GET http://evil.example/work HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //evil.example/work HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /work HTTP/1.1\r\nHost: [\r\n\r\n",
    b"GET /work HTTP/1.1\r\nHost: x:99999\r\n\r\n",
    b"GET /work HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    b"GET /work HTTP/1.0\r\n\r\n",
    b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /work?page=%ff%00&%ff=%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /language/en?next=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /work HTTP/1.1\r\nHost: x\r\nCookie: duban=\xff\xfe; \xff; =; duban-language=\xff\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"BREW /work HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /static/%2e%2e/%2e%2e/pyproject.toml HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /static/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
    b"POST /hand-in HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"a" * 1000,
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /name HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nContent-Length: 3\r\n\r\nabc",
]


def test_lines_that_no_browser_sends(opened: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served(tmp_path) as portal:
        statuses = {line: portal.raw(line) for line in RAW}
        assert portal.person().get("/health")
    assert {line: status for line, status in statuses.items() if not 300 <= status < 500} == {}
    assert "Traceback" not in portal.says()
