"""Units against their own quotas, days on which targets are due, and who answers where one is off its course."""

import datetime as dt
from typing import Any

import pytest

from models.common.kinds import Comparator, Rollup
from models.common.text import Text
from models.dates.period import Period, current, fits, last_day, recurring
from models.indicators.attainment import Attainment, Outcome, attain, own_target, reaches_quota
from models.indicators.reading import Figure
from models.plan.indicator import Indicator
from models.plan.unit import Unit
from tests.models.test_attainment import indicator, reads

MET, NOT_MET, NO_DATA = Outcome.MET, Outcome.NOT_MET, Outcome.NO_DATA
JUNE = dt.date(2023, 6, 30)
COUNTIES = ("north", "south", "west")
NAMES = {"edu": Text("教育局", "Education"), "north": Text("北县", "North"), "south": Text("南县", "South")}
EVERY_QUARTER = {"every": "quarter", "day": 10, "month": "next-month"}


def stands(one: Indicator, *rows: tuple[Any, ...], on: dt.date = JUNE) -> Attainment:
    return attain(one, reads(*rows), on, (2023, 2023), COUNTIES, NAMES)


def shared(**facts: Any) -> Indicator:
    """Fifty in all, thirty of them in the north and twenty in the south."""
    usual = {"unit": "个", "due": "2023", "rollup": Rollup.SUM, "quotas": {"south": [20.0], "north": [30.0]}}
    return indicator("ge", 50, **usual | facts)


def of_units(one: Attainment) -> dict[str, tuple[Outcome, float | None, float | None]]:
    return {unit.unit: (unit.attained.outcome, unit.attained.value, unit.attained.distance) for unit in one.of_units}


def said(one: Attainment) -> list[str]:
    return [str(remark) for remark in one.remarks]


# ---- quotas


def test_each_unit_is_held_against_its_own_and_the_city_against_the_sum() -> None:
    one = stands(shared(), ("2023", "north", 31), ("2023", "south", 19))
    assert (one.outcome, one.value) == (MET, 50.0)  # the whole is reached, and the south is short all the same
    assert of_units(one) == {"north": (MET, 31.0, 1.0), "south": (NOT_MET, 19.0, -1.0)}
    assert said(one) == ["short of their own quota: South"]
    assert [unit.attained.target.zh for unit in one.of_units] == ["≥ 30 个", "≥ 20 个"]


def test_of_many_units_that_are_short_the_first_are_named() -> None:
    codes = [f"u{number:02}" for number in range(12)]
    one = shared(quotas={code: [5.0] for code in codes})
    assert said(stands(one, *(("2023", code, 4) for code in codes)))[-1] == (
        f"short of their own quota: {'; '.join(codes[:10])} and 2 more"
    )


def test_a_unit_that_has_not_reported_is_not_called_short() -> None:
    one = stands(shared(), ("2023", "north", 31))
    assert of_units(one) == {"north": (MET, 31.0, 1.0), "south": (NO_DATA, None, None)}
    assert said(one) == ["1 of 2 units have reported"]  # the third county has no quota: nobody waits for it
    assert one.outcome is NO_DATA


def test_where_each_has_to_reach_it_each_has_to_reach_its_own() -> None:
    each = shared(rollup=Rollup.ALL)
    met = stands(each, ("2023", "north", 30), ("2023", "south", 20))
    assert (met.outcome, met.distance) == (MET, 0.0)  # neither reaches fifty
    one = stands(each, ("2023", "north", 60), ("2023", "south", 19))
    assert (one.outcome, one.value, one.distance) == (NOT_MET, 19.0, -1.0)
    other = stands(each, ("2023", "north", 29), ("2023", "south", 25))
    assert (other.outcome, other.value, other.distance) == (NOT_MET, 29.0, -1.0)  # the lowest by its own quota
    assert (other.forecast, other.trend) == (None, None)


def test_the_citys_own_figure_is_held_against_the_whole() -> None:
    each = shared(rollup=Rollup.ALL)
    one = stands(each, ("2023", "north", 30), ("2023", "south", 20), ("2023", "", 49))
    assert (one.outcome, one.value, one.distance) == (NOT_MET, 49.0, -1.0)


def test_a_range_of_its_own() -> None:
    one = indicator("range", 4, 12, unit="次", due="2023", rollup=Rollup.ALL, quotas={"north": [6.0, 12.0]})
    assert of_units(stands(one, ("2023", "north", 5.0)))["north"] == (NOT_MET, 5.0, -1.0)  # the city's begins at 4
    assert of_units(stands(one, ("2023", "north", 12.0)))["north"] == (MET, 12.0, 0.0)


def test_each_unit_has_a_forecast_of_its_own() -> None:
    one = shared(due="2025")
    rows = [("2022", "north", 10), ("2022", "south", 2), ("2023", "north", 18), ("2023", "south", 4)]
    forecasts = {unit.unit: str(unit.attained.forecast) for unit in stands(one, *rows).of_units}
    assert forecasts == {
        "north": "at +8 a year it comes to 34 in 2025, which meets ≥ 30 个",
        "south": "at +2 a year it comes to 8 in 2025, 12 short of ≥ 20 个; so not until 2031",
    }


def test_a_quota_that_was_changed_leaves_past_days_as_they_were() -> None:
    earlier = {
        "comparator": "ge",
        "value": [40.0],
        "unit": "个",
        "unit_en": "",
        "reference": "",
        "reference_en": "",
        "due": "2023",
        "rollup": "sum",
        "reporters": [],
        "conflicts_with": [],
        "due_day": None,
    }
    one = shared(earlier_targets=[earlier | {"quotas": {"south": [18.0]}, "until": "2023-06-29"}])
    rows = [("2023", "north", 31), ("2023", "south", 19)]
    then = stands(one.as_of(dt.date(2023, 6, 29)), *rows)
    assert of_units(then) == {"south": (MET, 19.0, 1.0)}
    assert of_units(stands(one.as_of(JUNE), *rows))["south"] == (NOT_MET, 19.0, -1.0)


def test_a_target_that_was_kept_before_there_were_quotas_has_none() -> None:
    old = {
        "comparator": "ge",
        "value": [40.0],
        "unit": "个",
        "unit_en": "",
        "reference": "",
        "reference_en": "",
        "due": "2023",
        "rollup": "sum",
        "reporters": [],
        "conflicts_with": [],
        "until": "2023-06-29",
    }
    then = shared(earlier_targets=[old], due_day=EVERY_QUARTER).as_of(dt.date(2023, 6, 29))
    assert (then.quotas, then.recurrence, then.value) == ({}, None, [40.0])


def test_a_figure_is_judged_by_the_quota_of_its_unit_before_it_is_entered() -> None:
    north, west = (Unit(code=code) for code in ("north", "west"))
    figures = [Figure(shared(), "2023", unit, value) for unit, value in ((north, 30.0), (north, 29.0), (north, None))]
    assert [reaches_quota(one) for one in figures] == [True, False, None]
    others = [Figure(shared(), "2023", unit, 30.0) for unit in (west, None)]
    assert [(own_target(one), reaches_quota(one)) for one in others] == [(None, None), (None, None)]


# ---- who answers


@pytest.mark.parametrize(("value", "names"), [(49.0, True), (50.0, False)])
def test_the_lead_is_named_where_the_target_is_off_its_course(value: float, names: bool) -> None:
    one = stands(indicator("ge", 50, due="2023", rollup=Rollup.LATEST, leads=["edu", "north"]), ("2023", "", value))
    assert ("Education answers for it" in said(one)) is names


def test_the_lead_is_named_where_the_time_is_up_and_nobody_knows() -> None:
    one = indicator("ge", 50, due="2023-10-31", rollup=Rollup.LATEST, leads=["edu"])
    assert said(stands(one, on=dt.date(2023, 10, 31))) == []
    assert said(stands(one, on=dt.date(2023, 11, 1))) == ["Education answers for it"]


# ---- days


def test_the_day_of_a_target_passes() -> None:
    one = indicator("ge", 50, due="2023-10-31", rollup=Rollup.LATEST)
    row = ("2023", "", 40.0)
    before, after = (stands(one, row, on=dt.date(2023, *day)) for day in ((10, 31), (11, 1)))
    assert [(each.outcome, each.is_over) for each in (before, after)] == [(NOT_MET, False), (NOT_MET, True)]
    assert before.period == "2023"
    late = attain(one, [*_entered_on(dt.date(2023, 11, 2), 50.0)], dt.date(2023, 11, 2), (2023, 2023), COUNTIES)
    assert late.outcome is MET
    assert said(late) == ["entered on 2023-11-02, after 2023-10-31 by which it was due"]


def _entered_on(day: dt.date, value: float) -> Any:
    from dataclasses import replace  # noqa: PLC0415

    return (replace(one, on=day) for one in reads(("2023", "", value)))


def test_a_period_is_asked_for_by_its_day_and_not_before() -> None:
    one = indicator("ge", 5, due="quarterly", due_day=EVERY_QUARTER, rollup=Rollup.LATEST)
    first = ("2023Q1", "", 6.0)
    assert said(stands(one, first, on=dt.date(2023, 7, 10))) == []
    late = stands(one, first, on=dt.date(2023, 7, 11))
    assert (late.outcome, said(late)) == (NO_DATA, ["no figure for 2023Q2"])
    bare = indicator("ge", 5, due="quarterly", rollup=Rollup.LATEST)
    assert said(stands(bare, first, on=dt.date(2023, 7, 1))) == ["no figure for 2023Q2"]


def test_a_day_within_the_period_ends_it_early() -> None:
    early = {"every": "half-year", "day": 25, "month": "last-month"}
    one = indicator("ge", 5, due="half_yearly", due_day=early, rollup=Rollup.LATEST)
    days = [dt.date(2023, 6, day) for day in (25, 26)]
    assert [said(stands(one, on=day)) for day in days] == [[], ["no figure for 2023H1"]]


def test_quarters_and_halves_are_periods() -> None:
    quarter, half = Period.read("2023Q3"), Period.read("2023H2")
    assert quarter is not None
    assert half is not None
    assert (quarter.first, quarter.last, quarter.position) == (dt.date(2023, 7, 1), dt.date(2023, 9, 30), 2023.75)
    assert (half.first, half.last, half.position) == (dt.date(2023, 7, 1), dt.date(2023, 12, 31), 2024.0)
    assert [fits(quarter, due) for due in ("quarterly", "half_yearly", "2023")] == [True, False, False]
    assert [one.text for one in recurring("half_yearly", 2023, 2023)] == ["2023H1", "2023H2"]
    assert [current(due, dt.date(2023, 7, 1)) for due in ("quarterly", "half_yearly")] == ["2023Q3", "2023H2"]
    assert [Period.read(text) for text in ("2023Q5", "2023H3")] == [None, None]


def test_what_is_due_once_has_a_last_day() -> None:
    assert [last_day(due) for due in ("2023", "2023-10-31", "yearly", "quarterly")] == [
        dt.date(2023, 12, 31),
        dt.date(2023, 10, 31),
        None,
        None,
    ]
    assert [current("2023-10-31", dt.date(year, 6, 1)) for year in (2022, 2024)] == ["2022", "2023"]
    assert Comparator.AT_LEAST is shared().comparator
