"""Days that recur: in the month that is meant, at its end where it is shorter, in the phase and after it."""

import datetime as dt

import pytest

from models.dates.recurrence import Every, InMonth, Recurrence
from models.dates.spans import Span

YEAR = (dt.date(2023, 1, 1), dt.date(2023, 12, 31))


def days(recurrence: Recurrence, first: dt.date = YEAR[0], last: dt.date = YEAR[1]) -> dict[str, str]:
    return {period: day.isoformat() for period, day in recurrence.dues(first, last).items()}


def test_each_month_by_the_25th() -> None:
    found = days(Recurrence(Every.MONTH, 25))
    assert len(found) == 12
    assert found["2023-02"] == "2023-02-25"


def test_a_day_beyond_the_end_of_the_month_is_its_last_day() -> None:
    found = days(Recurrence(Every.MONTH, 31))
    assert (found["2023-02"], found["2023-04"], found["2023-05"]) == ("2023-02-28", "2023-04-30", "2023-05-31")
    assert days(Recurrence(Every.MONTH, 30), dt.date(2024, 2, 1), dt.date(2024, 2, 29)) == {"2024-02": "2024-02-29"}


@pytest.mark.parametrize(
    ("every", "month", "expected"),
    [
        (Every.QUARTER, InMonth.LAST, ["2023-03-20", "2023-06-20", "2023-09-20", "2023-12-20"]),
        (Every.QUARTER, InMonth.FIRST, ["2023-01-20", "2023-04-20", "2023-07-20", "2023-10-20"]),
        (Every.QUARTER, InMonth.NEXT, ["2023-04-20", "2023-07-20", "2023-10-20", "2024-01-20"]),
        (Every.HALF_YEAR, InMonth.LAST, ["2023-06-20", "2023-12-20"]),
        (Every.TERM, InMonth.LAST, ["2023-01-20", "2023-07-20"]),  # the autumn term ends in January
        (Every.TERM, InMonth.FIRST, ["2023-02-20", "2023-08-20"]),
        (Every.YEAR, InMonth.LAST, ["2023-12-20"]),
        (Every.YEAR, InMonth.NEXT, ["2024-01-20"]),
    ],
)
def test_the_month_whose_day_it_is(every: Every, month: InMonth, expected: list[str]) -> None:
    assert list(days(Recurrence(every, 20, month)).values()) == expected


def test_a_phase_asks_for_what_falls_in_it() -> None:
    first, last = dt.date(2022, 11, 10), dt.date(2023, 2, 10)
    assert days(Recurrence(Every.QUARTER, 20), first, last) == {"2022Q4": "2022-12-20"}
    assert days(Recurrence(Every.MONTH, 5), first, last) == {
        "2022-12": "2022-12-05",
        "2023-01": "2023-01-05",
        "2023-02": "2023-02-05",
    }
    # The report on a month that lies in the phase to its end may come after it; that on one that goes on does not.
    after = days(Recurrence(Every.MONTH, 5, InMonth.NEXT), first, dt.date(2023, 1, 31))
    assert after == {"2022-11": "2022-12-05", "2022-12": "2023-01-05", "2023-01": "2023-02-05"}
    assert "2023-02" not in days(Recurrence(Every.MONTH, 5, InMonth.NEXT), first, last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2023", "2023-01-01", "2023-12-31"),
        ("2023H2", "2023-07-01", "2023-12-31"),
        ("2023Q1", "2023-01-01", "2023-03-31"),
        ("2023T2", "2023-08-01", "2024-01-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2022-2024", "2022-01-01", "2024-12-31"),
    ],
)
def test_the_days_of_a_period(text: str, first: str, last: str) -> None:
    span = Span.read(text)
    assert span is not None
    assert (span.first.isoformat(), span.last.isoformat()) == (first, last)


@pytest.mark.parametrize("text", ["2023Q5", "2023-13", "2024-2022", "2023-2023", "23", "2023H3", "2023-00", "x"])
def test_what_is_no_period(text: str) -> None:
    assert Span.read(text) is None
