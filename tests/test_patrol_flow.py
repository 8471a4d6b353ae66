"""The flow of the patrol: a plan that fails keeps no other from its patrol, and is not kept quiet."""

import datetime as dt

import pytest
from prefect.runtime.flow_run import FIELDS

from adapters import clock
from flows import patrol as flow
from models.escalation import Chased
from tasks import publish
from tasks.deliver import Delivered
from tasks.runs import keep_to_the_hour


def test_a_plan_that_fails_keeps_no_other_from_its_patrol(monkeypatch: pytest.MonkeyPatch) -> None:
    at = dt.datetime(2023, 12, 13, 0, 30, tzinfo=dt.UTC)
    seen: list[str] = []

    def patrolled(plan: str, _on: dt.date | None) -> tuple[dt.datetime, flow.Patrolled]:
        if plan == "bad":
            raise LookupError(plan)
        chased, delivered = Chased(fired=1), Delivered()
        return at, flow.Patrolled(
            plan=plan,
            looked_at=chased.looked_at,
            fired=chased.fired,
            historic=0,
            set_aside=0,
            messages=0,
            gates=0,
            dates_moved=0,
            resumed=0,
            letters=delivered.letters,
            dropped=0,
            failed=0,
            waiting=0,
        )

    monkeypatch.setattr(flow, "plans_on_patrol", lambda: ["bad", "good"])
    monkeypatch.setattr(flow, "_patrol", patrolled)
    monkeypatch.setattr(publish, "publish_plan", seen.append)
    monkeypatch.setattr(publish, "publish_effects", lambda plan, *_: seen.append(f"{plan}: effects"))
    monkeypatch.setattr(publish, "tag_patrol", lambda *, acted: seen.append(f"acted: {acted}"))
    with pytest.raises(ExceptionGroup) as failed:
        flow.patrol.fn()
    assert [str(one) for one in failed.value.exceptions] == ["bad"]
    assert seen == ["good", "good: effects", "acted: True"]


@pytest.mark.parametrize("early_s", [-5.0, 0.45])
def test_a_run_that_begins_before_its_hour_waits_for_it(monkeypatch: pytest.MonkeyPatch, early_s: float) -> None:
    hour = clock.of_machine() + dt.timedelta(seconds=early_s)
    monkeypatch.setitem(FIELDS, "scheduled_start_time", lambda: hour)
    keep_to_the_hour()
    assert clock.of_machine() >= hour


def test_a_run_by_hand_that_stands_before_a_later_hour_goes_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = clock.of_machine() + dt.timedelta(minutes=5)
    monkeypatch.setitem(FIELDS, "scheduled_start_time", lambda: hour)
    keep_to_the_hour()
    assert clock.of_machine() < hour
