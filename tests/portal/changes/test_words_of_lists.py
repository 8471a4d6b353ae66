"""Titles alone are ambiguous where something is asked every quarter: lists, letters and calendars name the period."""

import re

import pytest

from tests.portal.changes.drafting import running
from tests.support.portal_client import enter
from tests.support.story import Story

__all__ = ["running"]  # a fixture

QUARTER = "2023Q1/progress/north"


@pytest.mark.parametrize(
    ("code", "quarter", "half"),
    [
        ("zh", "进展报告（2023年第一季度）", "进展报告（2023年上半年）"),
        ("en", "Progress report (first quarter of 2023)", "Progress report (first half of 2023)"),
    ],
)
def test_lists_say_the_period_in_words(running: Story, code: str, quarter: str, half: str) -> None:
    running.ask_extension(QUARTER, "2023-04-28")
    north, office = enter("tiny", "north", language=code), enter("tiny", "office", language=code)
    item = running.row(QUARTER).id
    for person, path in (
        (north, "/work"),
        (north, f"/hand-in?id={item}"),
        (north, f"/assignments/{item}"),
        (office, "/assignments?unit=north"),
        (office, "/queues/extensions"),
        (office, "/plan/asked?unit=north"),
    ):
        person.get(path)
        assert quarter in person.words, path
    north.get("/work")
    assert half in north.words


def test_the_calendar_and_letters_say_it_too(running: Story) -> None:
    running.deliver()
    assert "进展报告（2023年第一季度）" in running.letter("north")
    north = enter("tiny", "north", language="zh")
    north.get("/calendar")
    north.post("/calendar")
    (address,) = re.findall(r'value="[^"]*(/feeds/[^"]+)"', north.page.text)
    feed = north.ask("GET", address).text.replace("\r\n ", "")
    assert "进展报告 · 2023年第一季度" in feed
    assert "2023Q1" not in re.sub(r"DESCRIPTION:.*", "", feed)


@pytest.mark.parametrize("code", ["zh", "en"])
def test_the_journal_names_steps_and_the_program_in_words(running: Story, code: str) -> None:
    running.patrol_daily("2023-01-03", "2023-01-10")
    running.patrol_daily("2023-03-24", "2023-04-10")
    north = enter("tiny", "north", language=code)
    north.get(f"/assignments/{running.row(QUARTER).id}")
    _, _, journal = north.words.rpartition("经过" if code == "zh" else "Journal")
    for step in ("T-7", "T-3", "T+0", "T+1", "T+3", "unsigned", "duban"):
        assert step not in journal.split(), step
    assert ("未签收" if code == "zh" else "not signed for 3 working days") in journal
    assert ("督办系统" if code == "zh" else "Duban itself") in journal


def test_a_yellow_light_says_why(running: Story) -> None:
    running.at("2023-01-10")
    north = enter("tiny", "north")
    north.get(f"/assignments/{running.row(QUARTER).id}")
    assert "yellow: not signed for in time" in north.words
