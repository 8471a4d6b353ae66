"""The ladder as a rule: what fires when, that nothing is missed after a gap, and nothing fires twice."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.message_kinds import MessageKind, OrderColour
from models.common.status import Status
from models.dates.workdays import CalendarName, WorkCalendar
from models.plan.ladder import (
    Audience,
    Condition,
    Fired,
    LadderState,
    default_ladder,
    due_steps,
    never_late,
    next_look,
)

D = dt.date
CHINA = WorkCalendar(CalendarName.CHINA)
LADDER = default_ladder()
EVER = D(2000, 1, 1)
ISSUED, DUE = D(2023, 1, 3), D(2023, 12, 20)
OPEN = LadderState(Status.ACKNOWLEDGED, ISSUED, DUE, None, ISSUED)


def fired(standing: LadderState, on: D, live_from: D = EVER) -> tuple[Fired, ...]:
    return due_steps(LADDER, standing, CHINA, on=on, live_from=live_from).fired


def walk(standing: LadderState, days: list[D]) -> list[tuple[str, D]]:
    """What fires when somebody looks on these days only."""
    seen = []
    for day in days:
        seen += [(one.step.code, one.on) for one in fired(standing, day)]
        standing = dataclasses.replace(standing, done_until=day)
    return seen


@pytest.mark.parametrize(
    ("step", "day"),
    [
        ("T-30", D(2023, 11, 20)),
        ("T-7", D(2023, 12, 13)),
        ("T-3", D(2023, 12, 15)),  # the 17th is a Sunday: never later than it was meant
        ("T-1", D(2023, 12, 19)),
        ("T+0", D(2023, 12, 20)),
        ("T+1", D(2023, 12, 21)),
        ("T+3", D(2023, 12, 25)),
        ("T+10", D(2024, 1, 4)),  # New Year's Day is not worked
    ],
)
def test_a_step_falls_on_its_day(step: str, day: D) -> None:
    before = dataclasses.replace(OPEN, done_until=day - dt.timedelta(days=1))
    assert [one.step.code for one in fired(before, day)] == [step]


def test_a_reminder_speaks_for_those_that_were_missed_and_keeps_their_colour() -> None:
    missed = fired(OPEN, D(2023, 12, 19))
    assert [(one.step.code, bool(one.speaks_to)) for one in missed] == [
        ("T-30", False),
        ("T-7", False),
        ("T-3", False),
        ("T-1", True),
    ]
    assert missed[-1].order is OrderColour.BLUE


def test_after_a_long_gap_each_audience_hears_the_latest_only() -> None:
    heard = {one.step.code: one.speaks_to for one in fired(OPEN, D(2024, 2, 1)) if one.speaks_to}
    assert heard == {
        "T+1": (Audience.UNIT, Audience.LEAD),
        "T+3": (Audience.OFFICE,),
        "T+10": (Audience.LEADER,),
    }


def test_a_late_item_is_never_silent() -> None:
    """For half a year: unit and lead hear of it weekly, the office every two weeks, the leader every four."""
    days = [DUE + dt.timedelta(days=n) for n in range(1, 190)]
    seen = walk(dataclasses.replace(OPEN, done_until=DUE), days)
    for step, first, every in (("T+1", 1, 5), ("T+3", 3, 10), ("T+10", 10, 20)):
        asked = CHINA.add(DUE, first)
        expected = [asked]
        while (asked := CHINA.add(asked, every)) <= days[-1]:
            expected.append(asked)
        assert [day for code, day in seen if code == step] == expected
        assert len(expected) > 5


def test_a_step_that_comes_again_counts_from_the_day_it_came_before() -> None:
    weekly = [one for one in fired(dataclasses.replace(OPEN, done_until=DUE), D(2024, 1, 12)) if one.step.code == "T+1"]
    assert [(one.anchor_on, one.on) for one in weekly] == [
        (DUE, D(2023, 12, 21)),
        (D(2023, 12, 21), D(2023, 12, 28)),
        (D(2023, 12, 28), D(2024, 1, 5)),
        (D(2024, 1, 5), D(2024, 1, 12)),
    ]
    assert [bool(one.speaks_to) for one in weekly] == [False, False, False, True], "after a gap only the latest"


def test_the_backlog_from_before_notices_began_does_not_come_again() -> None:
    past = fired(OPEN, D(2024, 6, 10), live_from=D(2024, 6, 3))
    assert [one.step.code for one in past if not one.historic] == []
    assert sum(one.historic for one in past) == 8, "each step once"


def test_a_step_may_come_only_once() -> None:
    once = tuple(dataclasses.replace(one, every=None) for one in LADDER)
    late = due_steps(once, dataclasses.replace(OPEN, done_until=DUE), CHINA, on=D(2025, 1, 1), live_from=EVER)
    assert [one.step.code for one in late.fired] == ["T+1", "T+3", "T+10"]
    assert late.next_on is None


def test_what_fell_before_notices_began_is_history() -> None:
    past = fired(OPEN, D(2023, 12, 21), live_from=D(2023, 12, 20))
    assert [(one.step.code, one.historic) for one in past][-3:] == [("T-1", True), ("T+0", False), ("T+1", False)]
    assert all(one.speaks_to == () for one in past if one.historic)


def test_nothing_is_asked_of_a_unit_that_has_handed_in_or_is_done() -> None:
    waiting = dataclasses.replace(OPEN, status=Status.SUBMITTED, submitted_on=D(2023, 12, 18))
    assert [one.step.code for one in fired(waiting, D(2024, 6, 1))] == ["review-5", "review-10"]
    assert next_look(LADDER, dataclasses.replace(OPEN, status=Status.ACCEPTED), CHINA) is None


DAYS = st.dates(D(2022, 6, 1), D(2027, 6, 1))
STANDINGS = st.builds(
    lambda status, issued, due_in, handed_in, since: LadderState(
        status,
        issued,
        issued + dt.timedelta(days=due_in),
        issued + dt.timedelta(days=handed_in) if status is Status.SUBMITTED else None,
        issued + dt.timedelta(days=since),
    ),
    st.sampled_from(Status),
    DAYS,
    st.integers(0, 90),
    st.integers(0, 90),
    st.integers(0, 60),
)


@given(STANDINGS, st.sets(st.integers(0, 150)))
def test_looking_often_or_once_finds_the_same_and_nothing_twice(standing: LadderState, looks: set[int]) -> None:
    last = standing.issued_on + dt.timedelta(days=150)
    often = [standing.issued_on + dt.timedelta(days=look) for look in sorted(looks)]
    found = walk(standing, [day for day in often if day >= standing.done_until] + [last])
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(walk(standing, [last]))


@given(STANDINGS)
def test_the_next_look_is_the_day_of_the_next_step(standing: LadderState) -> None:
    day = next_look(LADDER, standing, CHINA)
    far = standing.issued_on + dt.timedelta(days=400)
    if day is None:
        assert fired(standing, far) == ()
        return
    assert fired(standing, day - dt.timedelta(days=1)) == ()
    assert fired(standing, day)


@given(STANDINGS, st.integers(0, 150))
def test_a_verdict_names_the_next_look_itself(standing: LadderState, later: int) -> None:
    on = standing.done_until + dt.timedelta(days=later)
    verdict = due_steps(LADDER, standing, CHINA, on=on, live_from=EVER)
    assert verdict.next_on == next_look(LADDER, dataclasses.replace(standing, done_until=on), CHINA)


@given(STANDINGS, st.integers(0, 400))
def test_what_has_no_end_is_reminded_of_and_never_called_overdue(standing: LadderState, later: int) -> None:
    ladder = never_late(LADDER)
    on = standing.issued_on + dt.timedelta(days=later)
    found = due_steps(ladder, standing, CHINA, on=on, live_from=EVER).fired
    usual = [one for one in fired(standing, on) if one.step.kind is not MessageKind.OVERDUE]
    assert [(one.step.code, one.on) for one in found] == [(one.step.code, one.on) for one in usual]
    assert OrderColour.RED not in {one.order for one in found}


def test_a_step_that_comes_again_comes_once_where_there_is_no_end() -> None:
    again = [dataclasses.replace(one, every=5) for one in LADDER]
    assert {one.code for one in never_late(again)} == {one.code for one in never_late(LADDER)}
    assert {one.every for one in never_late(again) if one.condition is Condition.OPEN} == {None}
    assert never_late(again)[0].every == 5  # whoever has not signed is named again


@given(STANDINGS, st.integers(0, 150))
def test_nobody_hears_of_one_condition_twice_at_once(standing: LadderState, later: int) -> None:
    heard = [
        (audience, one.step.condition)
        for one in fired(standing, standing.issued_on + dt.timedelta(days=later))
        for audience in one.speaks_to
    ]
    assert len(heard) == len(set(heard))


# Promises

PROMISED = dataclasses.replace(OPEN, promised_on=D(2024, 1, 15))
EVERY_DAY = [DUE + dt.timedelta(days=count) for count in range(60)]


def test_what_comes_again_is_quiet_until_the_promised_day_and_back_the_working_day_after_it() -> None:
    days = [DUE + dt.timedelta(days=count) for count in range(42)]
    assert [one for one in walk(PROMISED, days) if one[1] > DUE] == [
        # The first time of each is never quiet.
        *(("T+1", D(2023, 12, 21)), ("T+3", D(2023, 12, 25)), ("T+10", D(2024, 1, 4))),
        # Broken: all of them say so, and count from there.
        *(("T+1", D(2024, 1, 16)), ("T+3", D(2024, 1, 16)), ("T+10", D(2024, 1, 16))),
        *(("T+1", D(2024, 1, 23)), ("T+1", D(2024, 1, 30)), ("T+3", D(2024, 1, 30))),
    ]


def test_a_promise_that_ends_before_a_step_comes_first_changes_nothing_of_that_step() -> None:
    short = dataclasses.replace(OPEN, promised_on=D(2023, 12, 22))
    days = [DUE + dt.timedelta(days=count) for count in range(60)]
    with_it, without = walk(short, days), walk(OPEN, days)
    assert [one for one in with_it if one[0] == "T+10"] == [one for one in without if one[0] == "T+10"]
    assert [day for step, day in with_it if step == "T+1"][:2] == [D(2023, 12, 21), D(2023, 12, 25)]


def test_after_an_outage_a_broken_promise_is_said_once() -> None:
    late = dataclasses.replace(PROMISED, done_until=D(2024, 1, 10))
    found = fired(late, D(2024, 2, 1))
    assert [(one.step.code, one.on) for one in found if one.speaks_to == (Audience.UNIT, Audience.LEAD)] == [
        ("T+1", D(2024, 1, 30))
    ]
    assert {one.anchor_on for one in found} >= {PROMISED.promised_on}


@given(st.integers(0, 90), st.lists(st.integers(0, 150), max_size=12))
def test_whenever_somebody_looks_nothing_that_came_comes_again_while_it_is_promised(
    ahead: int, looks: list[int]
) -> None:
    promised_on = DUE + dt.timedelta(days=ahead)
    days = sorted({DUE + dt.timedelta(days=one) for one in looks})
    first = {step.code: step.date(DUE, CHINA) for step in LADDER if step.every}
    seen = walk(dataclasses.replace(OPEN, promised_on=promised_on), days)
    again = [(step, day) for step, day in seen if step in first and day != first[step]]
    assert all(day > promised_on for step, day in again if first[step] <= promised_on)
    assert len(set(seen)) == len(seen)
