"""A machine whose clock jumps a month ahead while patrols come, and back: nobody is told twice, the office knows."""

import datetime as dt
from collections import Counter

import pytest

from adapters import clock
from models.patrol.escalation import Chased
from services import patrol
from services.letters.delivery import Delivered
from services.monitoring import seals, watchdog
from services.monitoring.audit import replay
from services.scope import by_program
from tests.support.story import Story

REPORT = "2023Q1/progress/north"  # due on 2023-03-31


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_PREFECT_URL", "http://127.0.0.1:1")


@pytest.fixture
def owing(story: Story, nobody: None) -> Story:
    """North owes one report and has signed for it; it is eleven days before its date."""
    story.at("2023-01-03")
    story.open("implementation")
    story.deliver()
    story.only(REPORT)
    story.sign(REPORT)
    story.at("2023-03-20")
    return story


def rounds(story: Story, first: str, last: str) -> Counter[str]:
    """Patrols and looks of the watchdog each few hours; what north was told."""
    told: Counter[str] = Counter()
    day, until = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    while day <= until:
        for hour in (9, 13, 17):
            story.at(f"{day} {hour:02}:00")
            begun = patrol.begin_round(by_program(story.plan))
            story.patrol()
            patrol.end_round(by_program(story.plan), begun, Chased(), Delivered())
            watchdog.watch_over()
            told.update(f"{day} {kind}" for unit, kind, _ in story.told() if unit == "north")
        day += dt.timedelta(days=1)
    return told


def alarms(story: Story) -> list[str]:
    return [str(one.reason) for one in watchdog.look(by_program(story.plan)) if one.kind == "clock"]


def test_nobody_is_told_twice_and_the_office_knows_why_nothing_is_said(owing: Story) -> None:
    assert rounds(owing, "2023-03-20", "2023-03-20") == {"2023-03-20 reminder": 1}
    assert rounds(owing, "2023-04-20", "2023-04-20") == {"2023-04-20 red overdue": 1}, "it was told too early"
    owing.at("2023-03-20 17:30")
    [told] = alarms(owing)
    assert "patrols are dated up to" in told
    assert "2023-04-20" in told
    assert "1 open assignments" in told
    owing.complain("north", "为何已逾期？")
    assert rounds(owing, "2023-03-21", "2023-04-20") == {}
    assert alarms(owing) == [], "it has caught up"
    assert rounds(owing, "2023-04-21", "2023-04-28") == {"2023-04-24 red overdue": 1}
    # The audit names the steps that came by the wrong clock, and nothing else.
    assert {(one.ref, one.kind) for one in replay(owing.plan, clock.now()).problems} == {(REPORT, "late")}
    # What was sealed ahead is told once, however much is written until the clock has caught up.
    assert [one.kind for one in seals.check()[1]] == ["clock"]


def test_a_unit_that_is_in_time_is_not_late_for_the_clocks_sake(owing: Story) -> None:
    rounds(owing, "2023-04-20", "2023-04-20")
    owing.at("2023-03-24")
    owing.submit(REPORT)
    assert not owing.row(REPORT).late
    owing.send_back(REPORT)
    owing.settle(REPORT)
    assert owing.row(REPORT).status == "accepted"
    assert replay(owing.plan, clock.now()).problems == []


def test_a_few_minutes_are_nothing(owing: Story) -> None:
    rounds(owing, "2023-03-20", "2023-03-20")
    owing.at("2023-03-20 16:50")
    assert alarms(owing) == []
