"""Lights: red, yellow, green, blue or none, for any date, from what was known on that date."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.assignments.light import Change, History, Light, light, was_late
from models.common.status import Status


def june(day: int) -> dt.date:
    return dt.date(2023, 6, day)


DUE = june(20)
NEAR = 3
I, A, S, R, OK, W = Status  # noqa: E741


def history(*changes: tuple[int, Status] | tuple[int, Status, int]) -> History:
    """(day, status) and the day it is due by then, where that is not the 20th."""
    return History(
        tuple(Change(june(day), status, june(due[0]) if due else DUE) for day, status, *due in changes), june(6)
    )


def excused(past: History, on: int) -> History:
    """The same, and at the end of that day the office excused what had been late."""
    known = past.until(june(on))
    excuse = dataclasses.replace(known[-1], on=june(on), excused=True)
    return History((*known, excuse, *past.changes[len(known) :]), past.sign_by)


@pytest.mark.parametrize(
    ("past", "lights"),
    [
        # signed and forgotten: blue when near, red when past
        (history((1, I), (2, A)), {1: "off", 16: "off", 17: "blue", 20: "blue", 21: "red"}),
        # never signed: behind, then red
        (history((1, I)), {6: "off", 7: "yellow", 18: "yellow", 21: "red"}),
        # in time: nothing to show while it waits, then green for good
        (history((1, I), (2, A), (19, S), (25, OK)), {18: "blue", 19: "off", 24: "off", 25: "green", 30: "green"}),
        # late: red, yellow while it waits and when it is accepted; the red stays where it was
        (history((1, I), (2, A), (22, S), (23, OK)), {21: "red", 22: "yellow", 23: "yellow", 30: "yellow"}),
        # handed in on the last day
        (history((1, I), (20, S), (20, OK)), {20: "green"}),
        # returned: yellow, with a new date; in time again: green
        (history((1, I), (19, S), (20, R, 27), (26, S, 27), (28, OK, 27)), {20: "yellow", 26: "off", 28: "green"}),
        # late first, returned, then in time for the new date: a red that was made good stays yellow
        (history((1, I), (22, S), (23, R, 29), (27, S, 29), (28, OK, 29)), {24: "yellow", 28: "yellow"}),
        # returned, and then forgotten
        (history((1, I), (19, S), (20, R, 24)), {24: "yellow", 25: "red"}),
        # an extension asked for in time and granted late
        (history((1, I), (2, A), (23, A, 29), (28, S, 29), (28, OK, 29)), {21: "red", 23: "off", 28: "green"}),
        (history((1, I), (22, W)), {21: "red", 22: "off"}),
        # handed in late, excused while it waits for review: the past stays red and yellow
        (excused(history((1, I), (22, S), (27, OK)), 24), {21: "red", 23: "yellow", 24: "off", 27: "green"}),
        # excused after it was accepted late
        (excused(history((1, I), (22, S), (23, OK)), 25), {24: "yellow", 25: "green", 30: "green"}),
        # excused, with a new date: in time for that it is green, late for that it is late
        (excused(history((1, I), (23, A, 26), (26, S, 26), (27, OK, 26)), 23), {22: "red", 26: "off", 27: "green"}),
        (excused(history((1, I), (23, A, 26), (28, S, 26), (29, OK, 26)), 23), {27: "red", 28: "yellow", 29: "yellow"}),
        # an excuse is for what was late until then, and for nothing that comes after
        (excused(history((1, I), (22, S), (25, R, 27), (28, S, 27)), 24), {24: "off", 25: "yellow", 28: "yellow"}),
        # it neither signs nor hands in
        (excused(history((1, I)), 8), {7: "yellow", 8: "yellow", 21: "red"}),
        (excused(history((1, I), (19, S), (20, R, 24)), 21), {21: "yellow", 25: "red"}),
        # the latest one counts
        (excused(excused(history((1, I), (22, S), (23, R, 24), (26, S, 24)), 22), 27), {26: "yellow", 27: "off"}),
    ],
)
def test_lights(past: History, lights: dict[int, str]) -> None:
    assert {day: light(past, june(day), NEAR).value for day in lights} == lights


@pytest.mark.parametrize(
    ("past", "lights"),
    [
        (history((1, I), (2, A)), {16: "off", 17: "blue", 20: "blue", 21: "off", 28: "off"}),  # it never comes
        (history((1, I), (2, A), (25, S), (26, OK)), {24: "off", 25: "off", 26: "green"}),  # it comes after its date
        (history((1, I), (2, A), (25, S), (26, R)), {26: "yellow", 29: "yellow"}),  # it waits for the unit again
        (history((1, I)), {8: "yellow", 22: "yellow"}),  # signing is asked of everybody
    ],
)
def test_what_has_no_end_is_never_late(past: History, lights: dict[int, str]) -> None:
    open_ended = dataclasses.replace(past, open_ended=True)
    assert {day: light(open_ended, june(day), NEAR).value for day in lights} == lights
    assert not any(was_late(open_ended, june(day)) for day in range(1, 30))


def test_before_it_was_issued_there_is_no_light() -> None:
    assert light(history((5, I)), june(4), NEAR) is Light.OFF


STEPS = st.lists(st.tuples(st.integers(1, 28), st.sampled_from(Status), st.integers(1, 30)), min_size=1, max_size=8)


@given(STEPS, st.integers(1, 27), st.integers(1, 28))
def test_what_happens_later_never_changes_a_past_light(
    steps: list[tuple[int, Status, int]], on: int, excused_on: int
) -> None:
    ordered = sorted(steps, key=lambda step: step[0])
    known = [step for step in ordered if step[0] <= on]
    assert light(history(*ordered), june(on), NEAR) is light(history(*known), june(on), NEAR)
    if ordered[0][0] <= on < excused_on:
        assert light(excused(history(*ordered), excused_on), june(on), NEAR) is light(history(*known), june(on), NEAR)
