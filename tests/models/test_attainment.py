"""Whether a target is met: every comparator and roll-up, what recurs, what is missing, and arithmetic about later."""

import datetime as dt
from typing import Any

import pytest

from models.common.kinds import Comparator, Rollup
from models.common.text import Text
from models.dates.period import Period
from models.indicators.attainment import Attainment, Outcome, Read, attain, slope, with_conflicts
from models.plan.indicator import Indicator

MET, NOT_MET, NO_DATA = Outcome.MET, Outcome.NOT_MET, Outcome.NO_DATA
ON = dt.date(2024, 6, 30)
YEARS = (2023, 2025)
COUNTIES = ("north", "south")


def indicator(comparator: str = "ge", *value: float, **facts: Any) -> Indicator:
    usual = {"code": "I01", "unit": "%", "due": "2025", "reference": "全省平均", "rollup": Rollup.WEIGHTED_MEAN}
    lists: dict[str, Any] = {"conflicts_with": [], "reporters": []}
    return Indicator(comparator=Comparator(comparator), value=list(value), **{**usual, **lists, **facts})


def reads(*rows: tuple[Any, ...]) -> list[Read]:
    """Rows of period, unit, value, and perhaps reference and weight, in the order in which they were entered."""
    found = []
    for order, (text, unit, value, *more) in enumerate(rows):
        period = Period.read(text)
        assert period is not None
        reference, weight = (*more, None, None)[:2]
        found.append(Read(unit, period, value, reference, weight, order, dt.date(2024, 2, 1)))
    return found


def stands(one: Indicator, *rows: tuple[Any, ...], on: dt.date = ON) -> Attainment:
    return attain(one, reads(*rows), on, YEARS, COUNTIES)


# ---- every comparator

FIGURES = [
    ("ge", [95], 95.0, None, MET, 0.0),
    ("ge", [95], 94.9, None, NOT_MET, -0.1),
    ("ge", [95], 103.2, None, MET, 8.2),
    ("eq", [14], 14.0, None, MET, 0.0),
    ("eq", [14], 13.0, None, NOT_MET, -1.0),
    ("eq", [14], 15.0, None, MET, 1.0),  # one more than planned, which is remarked on
    ("gt_ref", [], 520.5, 515.0, MET, 5.5),
    ("gt_ref", [], 515.0, 515.0, NOT_MET, 0.0),  # above is above
    ("full", [], 100.0, None, MET, 0.0),
    ("full", [], 99.5, None, NOT_MET, -0.5),
    ("full", [3], 3.0, None, MET, 0.0),
    ("range", [1, 2], 1.4, None, MET, 0.0),
    ("range", [1, 2], 2.5, None, NOT_MET, -0.5),
    ("range", [1, 2], 0.5, None, NOT_MET, -0.5),
    ("status", [], 1.0, None, MET, 0.0),
    ("status", [], 0.0, None, NOT_MET, -1.0),
    ("each", [1], 1.0, None, MET, 0.0),
    ("each", [1], 0.0, None, NOT_MET, -1.0),
]


@pytest.mark.parametrize(("comparator", "target", "value", "reference", "outcome", "away"), FIGURES)
def test_every_comparator(
    comparator: str, target: list[float], value: float, reference: float | None, outcome: Outcome, away: float
) -> None:
    one = stands(indicator(comparator, *target), ("2024", "", value, reference))
    assert (one.outcome, one.value, one.distance, one.period) == (outcome, value, away, "2024")


def test_a_target_says_itself_in_both_languages() -> None:
    schools = stands(indicator("ge", 6, unit="所", unit_en="schools"))
    assert schools.target == Text("≥ 6 所", "≥ 6 schools")
    above = stands(indicator("gt_ref", reference="全省平均", reference_en="the province's average"))
    assert above.target == Text("> 全省平均", "> the province's average")
    said = {
        one.comparator: (target.zh, target.en)
        for one, target in (
            (one, stands(one).target)
            for one in (
                indicator("ge", 95),
                indicator("eq", 600000, unit="人次"),
                indicator("gt_ref"),
                indicator("full"),
                indicator("range", 1, 2, unit="项/生"),
                indicator("status"),
                indicator("each", 1, unit="所/乡镇"),
            )
        )
    }
    assert said == {
        Comparator.AT_LEAST: ("≥ 95%", "≥ 95%"),
        Comparator.EQUAL: ("= 600,000 人次", "= 600,000 人次"),
        Comparator.ABOVE_REFERENCE: ("> 全省平均", "> 全省平均"),
        Comparator.FULL: ("全覆盖 100%", "full coverage 100%"),
        Comparator.RANGE: ("1–2 项/生", "1–2 项/生"),
        Comparator.STATUS: ("完成", "done"),
        Comparator.EACH: ("每个 ≥ 1 所/乡镇", "each ≥ 1 所/乡镇"),
    }


def test_without_a_reading_nothing_is_claimed() -> None:
    one = stands(indicator("ge", 95))
    assert (one.outcome, one.value, one.distance, one.trend, one.read_on) == (NO_DATA, None, None, None, None)
    assert (one.period, one.forecast, one.remarks) == ("2025", None, ())


# ---- every roll-up


def test_counts_add_up_and_percentages_are_weighed() -> None:
    rows = [("2024", "north", 90.0, None, 1000.0), ("2024", "south", 99.0, None, 3000.0)]
    assert stands(indicator("ge", 95), *rows).value == 96.75
    # Who has not reported may pull the mean down.
    assert [stands(indicator("ge", 95), *some).outcome for some in (rows, rows[1:])] == [MET, NO_DATA]
    assert stands(indicator("ge", 180, rollup=Rollup.SUM), *rows).value == 189.0


def test_the_city_has_one_figure_the_last_that_was_entered() -> None:
    one = stands(indicator("ge", 95, rollup=Rollup.LATEST), ("2024", "edu", 90.0), ("2024", "north", 97.0))
    assert (one.value, one.outcome) == (97.0, MET)


def test_where_each_has_to_reach_it_the_lowest_stands_for_all() -> None:
    each = indicator("each", 1, rollup=Rollup.ALL)
    assert stands(each, ("2024", "north", 2.0), ("2024", "south", 0.0)).outcome is NOT_MET
    assert stands(each, ("2024", "north", 2.0), ("2024", "south", 1.0)).value == 1.0
    missing = stands(each, ("2024", "north", 2.0))
    assert (missing.outcome, [str(one) for one in missing.remarks]) == (NO_DATA, ["1 of 2 units have reported"])
    # Who fails, fails, whoever has not reported yet.
    assert stands(each, ("2024", "south", 0.0)).outcome is NOT_MET


def test_the_plan_may_name_who_reports() -> None:
    two = indicator("status", rollup=Rollup.ALL, reporters=["south"])
    assert stands(two, ("2024", "south", 1.0)).outcome is MET


def test_the_citys_own_figure_counts_and_the_difference_is_shown() -> None:
    rows = [("2024", "north", 90.0, None, 1.0), ("2024", "south", 94.0, None, 1.0)]
    one = stands(indicator("ge", 95), *rows, ("2024", "", 95.0))
    assert (one.value, one.outcome) == (95.0, MET)
    assert [str(remark) for remark in one.remarks] == ["the city's own figure is 95, its units' together 92"]
    agreed = stands(indicator("ge", 95), *rows, ("2024", "", 92.0))
    assert agreed.remarks == ()


def test_a_year_of_which_half_is_there_is_not_compared_with_whole_ones() -> None:
    schools = indicator("eq", 14, unit="所", rollup=Rollup.SUM)
    whole = [("2022", "north", 3.0), ("2022", "south", 3.0), ("2023", "north", 5.0), ("2023", "south", 5.0)]
    one = stands(schools, *whole, ("2024", "north", 6.0))
    assert (one.period, one.value, one.trend) == ("2023", 10.0, 4.0)
    assert [str(remark) for remark in one.remarks] == ["2024 is not complete: 1 of 2 units have reported"]


def test_more_than_was_planned_is_met_and_remarked_on() -> None:
    one = stands(indicator("eq", 14, unit="所", rollup=Rollup.SUM), ("2024", "", 15.0))
    assert (one.outcome, [str(remark) for remark in one.remarks]) == (MET, ["1 more than the plan says"])


# ---- over the years


def test_the_change_a_year_is_a_line_through_two_points_and_of_least_squares_through_more() -> None:
    assert slope([(2023, 90.0)]) is None
    assert slope([(2023, 90.0), (2024, 91.2)]) == 1.2
    assert slope([(2021, 1.0), (2022, 2.0), (2023, 4.0)]) == 1.5


COURSE = [("2022", "", 89.8), ("2023", "", 91.0), ("2024", "", 92.2)]
FORECASTS = [
    (indicator("ge", 93), "at +1.2 a year it comes to 93.4 in 2025, which meets"),
    (indicator("ge", 95), "at +1.2 a year it comes to 93.4 in 2025, 1.6 short of"),
    (indicator("range", 1, 2), "at +1.2 a year it comes to 93.4 in 2025, 91.4 outside"),
]


@pytest.mark.parametrize(("one", "said"), FORECASTS)
def test_whether_it_comes_in_time_is_arithmetic(one: Indicator, said: str) -> None:
    found = stands(one, *COURSE).forecast
    assert found is not None
    assert str(found).startswith(said)


def test_arithmetic_names_the_year_in_which_the_pace_would_do() -> None:
    found = stands(indicator("ge", 95), *COURSE).forecast
    assert found is not None
    assert str(found).endswith("so not until 2027")
    falling = stands(indicator("ge", 95), ("2023", "", 94.0), ("2024", "", 93.6)).forecast
    assert falling is not None
    assert "at -0.4 a year it comes to 93.2 in 2025, 1.8 short of" in str(falling)
    assert "until" not in str(falling)


def test_a_share_of_a_whole_never_comes_to_more_than_the_whole() -> None:
    found = stands(indicator("eq", 100), ("2023", "", 80.0), ("2024", "", 97.0)).forecast
    assert found is not None
    assert "it comes to 100 in 2025, which meets" in str(found)


def test_above_a_reference_it_is_the_lead_that_goes_on() -> None:
    found = stands(indicator("gt_ref"), ("2023", "", 500.0, 503.0), ("2024", "", 509.0, 510.0)).forecast
    assert str(found) == "at +2 a year its lead over the reference comes to +1 in 2025: that is enough"
    found = stands(indicator("gt_ref"), ("2023", "", 500.0, 503.0), ("2024", "", 508.0, 510.5)).forecast
    assert str(found) == "at +0.5 a year its lead over the reference comes to -2 in 2025: that is too little"


@pytest.mark.parametrize(
    ("one", "rows"),
    [
        (indicator("ge", 95), COURSE[:1]),
        (indicator("status"), [("2023", "", 0.0), ("2024", "", 1.0)]),
        (indicator("ge", 95, due="yearly"), COURSE),
        (indicator("ge", 95, due="2024"), COURSE),
    ],
)
def test_where_there_is_nothing_to_reckon_nothing_is_said(one: Indicator, rows: list[tuple[Any, ...]]) -> None:
    assert stands(one, *rows).forecast is None


def test_not_met_is_final_when_its_time_is_up() -> None:
    one = indicator("ge", 95)
    assert [
        stands(one, *COURSE, on=dt.date(year, month, day)).is_over
        for year, month, day in ((2025, 12, 31), (2026, 1, 1))
    ] == [
        False,
        True,
    ]


# ---- what recurs


def test_what_has_to_hold_every_year_is_not_met_once_it_was_missed() -> None:
    yearly = indicator("ge", 95, due="yearly")
    assert stands(yearly, ("2023", "", 96.0)).outcome is MET
    assert stands(yearly, ("2023", "", 96.0), on=dt.date(2025, 1, 1)).outcome is NO_DATA  # 2024 is over
    one = stands(yearly, ("2023", "", 94.0), ("2024", "", 97.0), on=dt.date(2025, 1, 1))
    assert (one.outcome, [str(remark) for remark in one.remarks]) == (NOT_MET, ["not met in 2023"])


@pytest.mark.parametrize("rollup", [Rollup.SUM, Rollup.WEIGHTED_MEAN])
def test_of_a_year_that_goes_on_what_only_some_have_reported_says_nothing(rollup: Rollup) -> None:
    one = indicator("ge", 95, due="yearly", rollup=rollup)
    whole = [("2023", "north", 96, None, 100), ("2023", "south", 96, None, 100)]
    some = ("2024", "north", 90, None, 100)
    now = stands(one, *whole, some)
    assert (now.outcome, now.period) == (MET, "2023")
    assert [str(remark) for remark in now.remarks] == ["2024 is not complete: 1 of 2 units have reported"]
    assert stands(one, *whole, some, on=dt.date(2025, 3, 1)).outcome is NO_DATA


def test_when_the_year_is_over_a_figure_of_an_earlier_one_says_nothing_of_it() -> None:
    early = ("2023", "", 96)
    one = indicator("ge", 95)
    assert stands(one, early, on=dt.date(2025, 12, 31)).outcome is MET
    late = stands(one, early, on=dt.date(2026, 1, 1))
    assert (late.outcome, [str(remark) for remark in late.remarks]) == (NO_DATA, ["the newest figure is of 2023"])


def test_what_those_who_are_missing_cannot_change_counts_at_once() -> None:
    grown = indicator("ge", 100, due="yearly", rollup=Rollup.SUM)
    found = stands(grown, ("2023", "north", 60), ("2023", "south", 60), ("2024", "north", 100))
    assert (found.outcome, found.period) == (MET, "2024")
    each = indicator("each", 1, rollup=Rollup.ALL)
    whole = [("2023", "north", 1), ("2023", "south", 1)]
    assert stands(each, *whole, ("2024", "north", 1)).period == "2023"
    missed = stands(each, *whole, ("2024", "north", 0))
    assert (missed.outcome, missed.period) == (NOT_MET, "2024")
    yearly = indicator("each", 1, rollup=Rollup.ALL, due="yearly")
    assert stands(yearly, *whole, ("2024", "north", 0)).outcome is NOT_MET


def test_a_base_year_before_the_work_does_not_count_against_it() -> None:
    one = stands(indicator("ge", 95, due="yearly"), ("2022", "", 80.0), ("2023", "", 96.0))
    assert (one.outcome, one.trend) == (MET, 16.0)


def test_every_month_and_every_term() -> None:
    monthly = indicator("eq", 1, unit="期", due="monthly", rollup=Rollup.LATEST)
    year = [(f"2023-{month:02}", "", 1.0) for month in range(1, 13)]
    assert stands(monthly, *year, on=dt.date(2023, 12, 31)).outcome is MET
    gap = stands(monthly, *year[:10], *year[11:], on=dt.date(2024, 1, 1))
    assert (gap.outcome, [str(remark) for remark in gap.remarks]) == (NO_DATA, ["no figure for 2023-11"])

    term = indicator("ge", 2, unit="次", due="each_term", rollup=Rollup.ALL, reporters=["north"])
    both = [("2023T1", "north", 2.0), ("2023T2", "north", 1.0)]
    assert stands(term, *both[:1], on=dt.date(2024, 1, 31)).outcome is MET  # the autumn term has one more day
    assert stands(term, *both[:1], on=dt.date(2024, 2, 1)).outcome is NO_DATA
    assert stands(term, *both, on=dt.date(2024, 2, 1)).outcome is NOT_MET


# ---- targets for the same matter


def test_who_asks_for_more_is_named_and_what_cannot_both_be_is_pointed_out() -> None:
    weaker = stands(indicator("full", code="I23"), ("2024", "", 90.0))
    stricter = stands(indicator("full", code="I35", conflicts_with=["I23", "gone"]), ("2024", "", 100.0))
    first, second = with_conflicts([weaker, stricter])
    [of_first], [of_second] = first.conflicts, second.conflicts
    assert (of_first.other.code, of_first.is_stricter) == ("I35", False)
    assert (of_second.other.code, of_second.is_stricter) == ("I23", True)
    said = "in 2024 I35 is met and I23, which asks for less, is not: one of the two figures is wrong"
    assert (str(of_first.contradiction), str(of_second.contradiction)) == (said, said)


def test_figures_of_different_years_do_not_contradict_each_other() -> None:
    weaker = stands(indicator("full", code="I23"), ("2023", "", 90.0))
    stricter = stands(indicator("full", code="I35", conflicts_with=["I23"]), ("2024", "", 100.0))
    assert [one.conflicts[0].contradiction for one in with_conflicts([weaker, stricter])] == [None, None]
