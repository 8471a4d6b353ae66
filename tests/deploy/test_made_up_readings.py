"""What a rehearsal's units report: figures that may be entered, on the way up, the same for the same seed."""

import datetime as dt

import pytest

from adapters.database.sessions import transaction
from deploy.rehearsal.made_up_readings import reports
from models.common.kinds import Rollup, UnitKind
from models.indicators.reading import reasons_not_readable
from models.plan.indicator import indicators_of
from models.plan.plan import plan_of
from models.plan.unit import body_of, units_of

FIRST, LAST = dt.date(2022, 11, 1), dt.date(2025, 12, 3)
SEED = 7
Row = tuple[str, str, str, float]


def reported(seed: int = SEED) -> list[Row]:
    """All figures of the real plan, each held against what may be entered on its day."""
    found = []
    with transaction() as session:
        plan = plan_of(session)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        counties = [unit for unit in units_of(session, plan.id) if unit.kind is UnitKind.COUNTY]
        for indicator in indicators_of(session, plan.id):
            for on, unit, figure in reports(seed, plan, indicator, counties, FIRST, LAST):
                assert FIRST <= on <= LAST
                assert reasons_not_readable(plan, figure, unit or office, on) == []
                assert figure.value is not None
                found.append((indicator.code, figure.period, unit.code if unit else "", figure.value))
    return found


@pytest.mark.usefixtures("real_plan")
def test_every_target_is_reported_by_those_of_whom_it_is_asked_in_figures_that_may_be_entered() -> None:
    rows = reported()
    with transaction() as session:
        rollups = {one.code: one.rollup for one in indicators_of(session, plan_of(session).id)}
    assert {code for code, *_ in rows} == rollups.keys()
    assert {code for code, _, unit, _ in rows if not unit} == {
        code for code, rollup in rollups.items() if rollup is Rollup.LATEST
    }
    assert {unit for code, _, unit, _ in rows if code == "I29"} == {"jianhua", "fuyu"}


@pytest.mark.usefixtures("real_plan")
def test_what_counties_count_comes_to_the_whole_and_grows() -> None:
    totals: dict[str, float] = {}
    for code, period, _unit, value in reported():
        if code == "I19":
            totals[period] = totals.get(period, 0) + value
    assert list(totals) == ["2022", "2023", "2024", "2025"]
    assert list(totals.values()) == sorted(totals.values())
    assert totals["2022"] < 3000 <= totals["2025"]


@pytest.mark.usefixtures("real_plan")
def test_the_same_seed_reports_the_same() -> None:
    assert reported() == reported()
    assert reported(SEED + 1) != reported()
