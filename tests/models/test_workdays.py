"""Working days: moved weekends, years that nobody has published yet, and arithmetic that can be undone."""

import datetime as dt

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dates.bounds import FIRST_DAY, LAST_DAY, Bounds
from models.dates.workdays import CalendarName, EarlierCalendar, Settled, WorkCalendar

D = dt.date
CHINA = WorkCalendar(CalendarName.CHINA)
WEEKENDS = WorkCalendar(CalendarName.WEEKENDS)
DAYS = st.dates(D(2022, 1, 1), D(2028, 12, 31))  # beyond what is published, too
COUNTS = st.integers(1, 60)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (D(2023, 9, 28), True),
        (D(2023, 9, 29), False),  # a Friday: mid-autumn
        (D(2023, 10, 6), False),  # a Friday: the last day of the holiday
        (D(2023, 10, 7), True),  # a Saturday, worked in its place
        (D(2023, 10, 8), True),  # a Sunday, worked in its place
        (D(2023, 10, 14), False),
    ],
)
def test_the_national_day_of_2023_moves_weekends(day: D, worked: bool) -> None:
    assert CHINA.is_working(day) is worked


@pytest.mark.parametrize("year", range(2004, max(chinese_calendar.holidays).year + 1))
def test_every_day_of_a_published_year_is_as_the_library_says(year: int) -> None:
    days = [D(year, 1, 1) + dt.timedelta(days=number) for number in range(365)]
    assert [CHINA.is_working(day) for day in days] == [chinese_calendar.is_workday(day) for day in days]


def test_what_is_known_of_a_year_brings_back_its_days() -> None:
    known = CHINA.known(range(2022, 2037))
    assert list(known) == [str(year) for year in range(2022, 2037) if CHINA.knows(year)]
    earlier = EarlierCalendar.read(CHINA.name, {"2023": known["2023"]})
    days = [D(2023, 1, 1) + dt.timedelta(days=number) for number in range(365)]
    assert [earlier.is_working(day) for day in days] == [CHINA.is_working(day) for day in days]
    assert earlier.is_working(D(2024, 2, 12)), "a Monday of the Spring Festival, in a year that was not known then"
    assert WEEKENDS.known([2023]) == {}


def test_a_date_in_the_holiday_moves_to_the_worked_saturday_after_it() -> None:
    assert CHINA.settle(D(2023, 9, 30)) == Settled(D(2023, 10, 7), provisional=False)
    assert CHINA.last_on_or_before(D(2023, 10, 6)) == D(2023, 9, 28)
    assert CHINA.add(D(2023, 9, 28), 3) == D(2023, 10, 9)
    assert CHINA.add(D(2023, 10, 9), -3) == D(2023, 9, 28)
    assert CHINA.count(D(2023, 9, 28), D(2023, 10, 9)) == 3


def test_a_year_that_is_not_published_counts_weekends_and_says_so() -> None:
    assert CHINA.settle(D(2036, 10, 1)) == Settled(D(2036, 10, 1), provisional=True)
    assert CHINA.settle(D(2036, 10, 4)) == Settled(D(2036, 10, 6), provisional=True)
    assert WEEKENDS.settle(D(2036, 10, 4)) == Settled(D(2036, 10, 6), provisional=False)


def test_a_date_that_moves_into_an_unpublished_year_is_provisional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
    assert CHINA.settle(D(2023, 12, 30)) == Settled(D(2024, 1, 1), provisional=True)


@pytest.mark.parametrize(
    ("day", "provisional"),
    [
        (D(2018, 12, 24), False),
        (D(2018, 12, 25), True),
        (D(2018, 12, 29), True),  # a Saturday: the notice on 2019 made it a working day
        (D(2018, 12, 31), True),  # a Monday: the notice on 2019 made it a day off
        (D(2017, 12, 29), False),  # before a year that is known
    ],
)
def test_the_last_week_of_a_year_hangs_on_the_notice_on_the_next(
    day: D, provisional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.dates.workdays._is_published", lambda year: year <= 2018)
    assert CHINA.settle(day).provisional is provisional
    assert not WEEKENDS.settle(day).provisional


def test_a_date_before_the_last_week_that_moves_into_it_is_provisional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.dates.workdays._is_published", lambda year: year <= 2022)
    assert CHINA.settle(D(2022, 12, 24)) == Settled(D(2022, 12, 26), provisional=True)


@pytest.mark.parametrize("day", [D(2022, 1, 1), D(2024, 7, 1), D(2025, 12, 31), None])
def test_work_may_be_due_from_the_first_day_of_a_plan_to_a_year_after_its_last(day: D | None) -> None:
    assert Bounds.of(2022, 2024).reasons_outside(day) == []


@pytest.mark.parametrize("day", [D.min, D(2021, 12, 31), D(2026, 1, 1), D(2123, 6, 30), D.max])
def test_a_day_out_of_a_plans_bounds_is_refused_by_both(day: D) -> None:
    (reason,) = Bounds.of(2022, 2024).reasons_outside(day)
    assert str(reason) == f"{day} is too far away; this plan takes dates from 2022-01-01 to 2025-12-31"


def test_every_day_that_any_plan_takes_can_be_counted_from() -> None:
    latest, earliest = Bounds.of(2000, 2100).last, Bounds.of(2000, 2100).first
    assert FIRST_DAY < CHINA.add(earliest, -400) < CHINA.add(latest, 400) < LAST_DAY


@given(DAYS, COUNTS)
def test_counting_undoes_adding(day: D, count: int) -> None:
    assert CHINA.count(day, CHINA.add(day, count)) == count


@given(DAYS, COUNTS)
def test_going_back_undoes_going_on(day: D, count: int) -> None:
    worked = CHINA.settle(day).on
    assert CHINA.add(CHINA.add(worked, count), -count) == worked


@given(DAYS, DAYS)
def test_counting_backwards_is_negative(one: D, other: D) -> None:
    assert CHINA.count(one, other) == -CHINA.count(other, one)


@given(DAYS)
def test_settling_finds_the_nearest_working_day_and_stays_there(day: D) -> None:
    settled = CHINA.settle(day).on
    assert settled >= day
    assert CHINA.is_working(settled)
    assert CHINA.count(day, settled) <= 1
    assert CHINA.settle(settled).on == CHINA.last_on_or_before(settled) == settled
