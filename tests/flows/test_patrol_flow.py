"""The flow of the patrol: a plan that fails keeps no other from its patrol, and is not kept quiet."""

import datetime as dt

import pytest
from prefect.runtime.flow_run import FIELDS
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from flows import patrol as flow
from models.patrol.escalation import Chased
from models.patrol.rounds import PatrolRound
from services.letters.delivery import Delivered
from tasks import publish
from tasks.deliver import deliver_due
from tasks.patrol import chase_due, follow_calendar
from tasks.runs import keep_to_the_hour
from tests.support.story import Story


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


def test_what_fails_before_keeps_no_letter_from_leaving(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.at("2022-11-01")
    story.open("launch")

    def fail(_plan: str, _at: dt.datetime) -> tuple[int, int, int]:
        raise LookupError("a row that nobody foresaw")

    monkeypatch.setattr(flow, "follow_calendar", follow_calendar.fn)
    monkeypatch.setattr(flow, "chase_due", chase_due.fn)
    monkeypatch.setattr(flow, "deliver_due", deliver_due.fn)
    monkeypatch.setattr(flow, "keep_up", fail)
    with pytest.raises(ExceptionGroup, match="did not get through") as failed:
        flow._patrol(story.plan, None)
    assert [str(one) for one in failed.value.exceptions] == ["a row that nobody foresaw"]
    assert "新交办" in story.letter("north")
    with transaction() as session:
        assert session.scalars(select(PatrolRound.ended_at)).all() == [None]


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
