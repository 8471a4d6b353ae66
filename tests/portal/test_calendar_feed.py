"""The calendar of a unit's dates: what its entries are called, when they ring, and that only a change is news."""

import datetime as dt
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import text

from adapters import clock
from adapters.database.sessions import transaction
from adapters.language import Code, Language
from models.common.event import Actor
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from services import links
from services.scope import Scope
from tests.support.scenes import scene
from tests.support.story import CLERK, Story

FIRST, HALF, DELIVERY = (f"{ref}/north" for ref in ("2023Q1/progress", "2023H1/progress", "2023/delivery/T1.1"))


@scene
def opened(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")


@pytest.fixture
def token(opened: Story) -> str:
    with transaction() as session:
        unit_id = unit_of(session, plan_of(session, opened.plan).id, "north").id
    return links.issue_feed(Scope(opened.plan, Actor(CLERK, unit_id), clock.now())).token


def fetched(token: str, code: Code = "zh") -> bytes:
    found = links.feed(
        token, address="192.0.2.7", at=clock.now(), language=Language.of(code), portal="https://d.example"
    )
    assert isinstance(found, bytes)
    return found


def entries(token: str, code: Code = "zh") -> dict[str, Any]:
    """By their references."""
    events = Calendar.from_ical(fetched(token, code)).walk("VEVENT")
    return {_ref(str(one["DESCRIPTION"])): one for one in events}


def _ref(description: str) -> str:
    return description.splitlines()[0].partition("：")[2] or description.splitlines()[0].partition(": ")[2]


def states(token: str, ref: str) -> tuple[dt.date, int, dt.datetime]:
    """The date of an entry, how often it changed, and when it did last."""
    one = entries(token)[ref]
    assert one.decoded("DTSTAMP") == one.decoded("LAST-MODIFIED")
    return one.decoded("DTSTART"), one["SEQUENCE"], one.decoded("DTSTAMP")


def test_each_is_called_by_its_title_period_and_item_once(token: str) -> None:
    titles = {ref: str(one["SUMMARY"]) for ref, one in entries(token).items()}
    assert titles[FIRST] == "到期：进展报告 · 2023年第一季度"
    assert titles[HALF] == "到期：进展报告 · 2023年上半年"
    assert titles[DELIVERY].startswith("到期：完成情况 · 2023年 · T1.1 ")
    assert str(entries(token, "en")[FIRST]["SUMMARY"]) == "Due: Progress report · first quarter of 2023"


def test_an_alarm_rings_in_the_morning_of_a_day_before(token: str) -> None:
    for one in entries(token).values():
        (alarm,) = one.walk("VALARM")
        rings = dt.datetime.combine(one.decoded("DTSTART"), dt.time()) + alarm.decoded("TRIGGER")
        assert rings.time() == dt.time(9)
        assert one.decoded("DTSTART") - rings.date() == dt.timedelta(days=3)


@pytest.mark.parametrize("code", ["zh", "en"])
def test_without_a_change_it_is_the_same_to_the_byte(opened: Story, token: str, code: Code) -> None:
    before = fetched(token, code)
    opened.at("2023-01-20 11:11")
    assert fetched(token, code) == before
    opened.sign(FIRST)
    assert fetched(token, code) == before, "signing moves no date"


def test_a_changed_date_is_a_further_version_of_the_same_entry(opened: Story, token: str) -> None:
    known = entries(token)[FIRST]["UID"]
    issued = states(token, FIRST)
    assert issued == (dt.date(2023, 3, 31), 0, _utc("2023-01-03 01:00"))
    opened.at("2023-02-01 10:00")
    opened.ask_extension(FIRST, "2023-04-14")
    assert states(token, FIRST) == issued, "asking for it changes nothing"
    opened.at("2023-02-02 10:00")
    opened.grant(FIRST)
    assert states(token, FIRST) == (dt.date(2023, 4, 14), 1, _utc("2023-02-02 02:00"))
    assert entries(token)[FIRST]["UID"] == known
    assert states(token, HALF)[1:] == (0, _utc("2023-01-03 01:00")), "the others stay as they are"


def test_a_return_that_gives_more_days_is_a_change_too(opened: Story, token: str) -> None:
    opened.at("2023-03-31 10:00")
    opened.submit(FIRST)
    assert FIRST not in entries(token)
    opened.at("2023-04-03 10:00")
    opened.send_back(FIRST)
    due, moves, at = states(token, FIRST)
    assert due > dt.date(2023, 4, 3)
    assert (moves, at) == (1, _utc("2023-04-03 02:00"))


def test_what_somebody_typed_makes_no_link_in_a_calendar(token: str) -> None:
    with transaction() as session:
        typed = {"title": "整改 www.evil.example", "proof": "见\n\nhttps://evil.example"}
        session.execute(text("UPDATE requirement SET title_zh = :title, proof_zh = :proof"), typed)
    one = entries(token)[FIRST]
    assert "www. evil. example" in one["SUMMARY"]
    assert "https: //evil. example" in one["DESCRIPTION"]


def _utc(instant: str) -> dt.datetime:
    return dt.datetime.fromisoformat(instant).replace(tzinfo=dt.UTC)
