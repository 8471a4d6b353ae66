"""Coming in: a link shows what it opens, and opens it when somebody says so on a page of ours, in their own name."""

import dataclasses

import httpx
import pytest
from click.testing import CliRunner

from adapters import clock
from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.access import Access, AccessUse
from models.common.event import Event, EventKind
from models.plan.unit import Unit
from services import links
from services.letters.links import GOING_ON, letter_link
from tests.portal.test_portal_access import opened
from tests.support.portal_client import Person, enter, hidden_fields
from tests.support.portal_links import by_test, link, office_link, uses
from tests.support.portal_world import digest_of_all
from tests.support.story import Story

__all__ = ["opened"]
NOTHING_LEFT_OUT: frozenset[str] = frozenset()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_preview_changes_nothing_and_opens_nothing(opened: Story, method: str) -> None:
    """Chat programs fetch every link that is posted, to show what it leads to."""
    tokens = [link()[1], office_link("王五")[1]]
    before = digest_of_all(without=NOTHING_LEFT_OUT)
    for token in tokens * 3:
        answer = Person().ask(method, f"/enter/{token}")
        assert answer.status_code == 200
        assert "duban" not in answer.cookies
    assert digest_of_all(without=NOTHING_LEFT_OUT) == before
    for token in tokens:
        assert Person().come_in(token).headers["location"] == "/", "it still opens"


def test_the_door_says_whose_pages_it_opens(opened: Story) -> None:
    visitor = Person()
    visitor.get(f"/enter/{link()[1]}")
    assert "This link opens the pages of North County." in visitor.words
    assert "Your full name" in visitor.words
    visitor.get(f"/enter/{office_link('王五')[1]}")
    assert "This link was made for 王五" in visitor.words
    assert "Your full name" not in visitor.words


def test_the_language_is_chosen_at_the_door(opened: Story) -> None:
    _, token = link()
    visitor = Person(language="zh")
    assert "进入" in visitor.get(f"/enter/{token}").text
    switched = visitor.ask("GET", f"/enter/{token}?language=en")
    assert (switched.status_code, switched.headers["location"]) == (303, f"/enter/{token}")
    assert switched.cookies["duban-language"] == "en"


def test_a_name_given_at_the_door_is_the_name_of_the_stay(opened: Story) -> None:
    person = Person()
    person.open(link()[1], name="张三")
    assert person.path == "/work"
    person.post("/work/sign", everything="true")
    with transaction() as session:
        assert session.query(AccessUse.person).all() == [("张三",)]


def test_a_name_that_nobody_sees_is_asked_for_again(opened: Story) -> None:
    person = Person()
    person.open(link()[1], name="\u200b")
    assert person.path == "/name"


def forgeries(good: dict[str, str], other: dict[str, str]) -> list[dict[str, str]]:
    return [{}, {"csrf": ""}, {"csrf": good["csrf"][:-1]}, {"csrf": other["csrf"]}]


def test_no_other_page_can_log_somebody_in(opened: Story) -> None:
    """A page that sends a form with the link of another unit would have a clerk work in that unit's name."""
    number, token = link()
    clerk, attacker = Person(), Person()
    mine = hidden_fields(clerk.ask("GET", f"/enter/{token}"))
    theirs = hidden_fields(attacker.ask("GET", f"/enter/{token}"))
    for fields in forgeries(mine, theirs):
        answer = clerk.ask("POST", f"/enter/{token}", data={**fields, "name": "张三"})
        assert (answer.status_code, "duban" in answer.cookies) == (403, False)
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert clerk.ask("POST", f"/enter/{token}", data=mine, headers=from_elsewhere).status_code == 403
    assert Person().ask("POST", f"/enter/{token}", data=mine).status_code == 403, "shown to another browser"
    assert uses(number) == []
    same = {"Sec-Fetch-Site": "same-origin"}
    assert clerk.ask("POST", f"/enter/{token}", data=mine, headers=same).status_code == 303


def test_coming_in_ends_the_stay_before(opened: Story) -> None:
    person = enter("tiny", "north")
    before = person.http.cookies["duban"]
    person.open(link("south")[1], name="张三")
    thief = Person()
    thief.http.cookies["duban"] = before
    thief.get("/work", status=401)
    assert person.get("/work").status_code == 200


def test_a_link_that_opens_nothing_leaves_the_stay_as_it_is(opened: Story) -> None:
    person = enter("tiny", "north")
    number, token = link()
    links.withdraw(by_test(), number)
    person.get(f"/enter/{token}", status=410)
    person.get("/work")


@pytest.mark.parametrize("colleague", ["王五", "趙 六"])
def test_nobody_comes_in_by_a_link_that_they_made_in_anothers_name(opened: Story, colleague: str) -> None:
    director = enter("tiny", "office", name="李主任")
    scope = dataclasses.replace(by_test(), actor=dataclasses.replace(by_test().actor, name="李主任"))
    made = links.issue_to_office(scope, colleague)
    director.open(made.token, status=422)
    assert f"you made this link for {colleague}" in director.refusal
    director.get("/board")
    assert uses(made.id) == [], "and it is not spent"
    assert Person().come_in(made.token).status_code == 303

    own = links.issue_to_office(scope, "李 主任")
    assert director.come_in(own.token).status_code == 303


def test_the_journal_says_by_which_link_it_was_done(opened: Story) -> None:
    number, token = link()
    Person().enter(token, "张三").post("/work/sign", everything="true")
    with transaction() as session:
        assert {row for (row,) in session.query(Event.access_id).filter(Event.kind == "moved")} == {number}


# The cookies


def test_on_an_encrypted_line_the_cookies_are_this_hosts_alone(opened: Story) -> None:
    person = Person(at="https://portal.test")
    answer = person.come_in(link()[1], name="张三")
    assert {name for name in person.http.cookies if name != "duban-language"} == {"__Host-duban", "__Host-duban-door"}
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    person.get("/work")
    # A neighbour, or a plain line, can set a cookie without the prefix.
    tossed = Person(at="https://portal.test")
    tossed.http.cookies["duban"] = person.http.cookies["__Host-duban"]
    tossed.get("/work", status=401)


def test_on_a_plain_line_nothing_speaks_of_encryption(opened: Story) -> None:
    assert "strict-transport-security" not in Person().ask("GET", "/left").headers


def test_leaving_takes_away_what_the_browser_kept(opened: Story) -> None:
    person = enter("tiny", "north")
    answer = person.ask("POST", "/leave", data=hidden_fields(person.page))
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


# HEAD


def test_head_answers_as_get_without_its_content(opened: Story) -> None:
    person = enter("tiny", "north")
    for path in ("/work", "/files", "/calendar", "/nowhere", "/static/style.css", "/health"):
        got, head = person.ask("GET", path), person.ask("HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert _told(head) == _told(got)


def _told(answer: httpx.Response) -> dict[str, str]:
    """The headers, without the length of a page that holds a new number each time."""
    return {name: value for name, value in answer.headers.items() if name not in {"content-length", "date"}}


# How many links go on


def live_links() -> list[str]:
    """By whom the links of north that still open were issued, oldest first."""
    with transaction() as session:
        rows = session.query(Access).filter(Access.revoked_at.is_(None), Access.expires_at > clock.now())
        return [one.issued_by for one in rows.order_by(Access.id)]


def test_of_the_links_of_letters_the_newest_open(opened: Story) -> None:
    link()
    tokens = [letter_link(by_test(), "north").rpartition("/")[2] for _ in range(GOING_ON)]
    person = Person().enter(tokens[0], "张三")
    tokens.append(letter_link(by_test(), "north").rpartition("/")[2])
    Person().get(f"/enter/{tokens[0]}", status=410)
    person.get("/work")
    assert Person().come_in(tokens[1]).status_code == Person().come_in(tokens[-1]).status_code == 303
    assert live_links() == ["test", *["letter"] * GOING_ON], "the one that was made by hand is not counted"


def test_the_leaders_letters_hold_no_link(opened: Story) -> None:
    """It would open everything, and a letter stays in a channel for weeks."""
    assert letter_link(by_test(), "leader") == letter_link(by_test(), "office") == "http://127.0.0.1:8400/"


def cli(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(duban, arguments)
    assert done.exit_code == status, done.output
    return done.output


def test_all_links_of_a_unit_are_withdrawn_at_once(opened: Story) -> None:
    people = [Person().enter(link()[1], "张三"), Person().enter(link()[1], "李四")]
    other = enter("tiny", "south")
    assert "已收回2个链接。" in cli("access", "revoke", "--unit", "north", "--by", "王五")
    for person in people:
        person.get("/work", status=401)
    other.get("/work")
    assert "已收回0个链接。" in cli("access", "revoke", "--unit", "north", "--by", "王五")
    with transaction() as session:
        (entry,) = session.query(Event).filter(Event.kind == EventKind.LINKS_WITHDRAWN)
        assert (entry.actor, entry.detail) == ("王五", {"unit": "north", "links": 2})
    cli("access", "revoke", "--by", "王五", status=2)
    cli("access", "revoke", "1", "--unit", "north", "--by", "王五", status=2)


def test_the_office_withdraws_them_on_a_page(opened: Story) -> None:
    person = Person().enter(link()[1], "张三")
    office = enter("tiny", "office")
    with transaction() as session:
        north = session.query(Unit.id).filter(Unit.code == "north").scalar()
    office.get(f"/links?unit={north}")
    assert "All links of North County" in office.words
    office.post("/links/revoke", unit=north)
    assert office.notice == "1 links are withdrawn; whoever came in by them is out."
    person.get("/work", status=401)
