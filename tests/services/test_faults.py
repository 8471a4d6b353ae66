"""Clocks that jump, zones that shift, a database that fails under a patrol: all fires, and once."""

import datetime as dt

import pytest
from sqlalchemy import select, text

from adapters.database.sessions import transaction
from models.assignments.assignment import Assignment
from models.patrol.escalation import Escalation
from services import patrol
from services.scope import by_program
from tests.support.owner import owners_transaction
from tests.support.story import Story

NORTH = "2023/delivery/T1.1/north"  # due on Wednesday 2023-12-20; edu leads it
HALF_YEAR = "2023H1/progress/north"
FAULTS = {
    "a serialization failure": "RAISE EXCEPTION 'others' USING ERRCODE = '40001';",
    "a deadlock": "RAISE EXCEPTION 'others' USING ERRCODE = '40P01';",
    "a lost connection": "PERFORM pg_terminate_backend(pg_backend_pid());",
}


def steps() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(Escalation.step).order_by(Escalation.id)))


def chase(story: Story, at: str) -> list[str]:
    """A patrol at this instant of UTC; returns the steps that it fired."""
    before = len(steps())
    story.set_clock(dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC))
    patrol.chase(by_program(story.plan))
    return sorted(steps()[before:])


def test_a_clock_that_jumps_forward_and_back_fires_nothing_twice_and_loses_nothing(north: Story) -> None:
    north.patrol("2023-12-13")
    north.patrol("2023-12-21")
    north.told()
    for day in ("2023-12-13", "2023-11-01", "2023-12-19", "2023-12-21"):
        north.patrol(day)
        north.expect()
    north.patrol("2023-12-25")
    north.expect(("office", "red overdue", NORTH))
    fired = steps()
    assert len(fired) == len(set(fired))


def test_what_is_taken_up_while_the_clock_is_back_fires_nothing_a_second_time(north: Story) -> None:
    north.patrol("2023-12-21")
    north.told()
    fired = steps()
    north.at("2023-12-14")
    with transaction() as session:
        session.execute(text("UPDATE assignment SET next_action_at = now() - interval '10 years'"))
    north.patrol("2023-12-15")
    north.patrol("2023-12-25")
    north.expect(("office", "red overdue", NORTH))
    assert steps()[: len(fired)] == fired
    assert len(steps()) == len(set(steps()))
    with transaction() as session:
        assert not session.scalars(select(Assignment.id).where(Assignment.needs_attention != "")).all()


def test_in_a_zone_with_summer_time_a_step_comes_at_the_hour_of_its_day(story: Story) -> None:
    """In New York the clocks go back on Sunday 2023-11-05: half past eight is 12:30 UTC before and 13:30 after."""
    story.at("2023-01-03")
    story.open("implementation")
    story.only(HALF_YEAR)
    story.sign(HALF_YEAR)
    with transaction() as session:
        session.execute(text("UPDATE plan SET timezone = 'America/New_York', calendar = 'weekends'"))
    story.at("2023-06-01")
    story.ask_extension(HALF_YEAR, "2023-11-06")
    story.grant(HALF_YEAR)
    assert chase(story, "2023-10-30 12:30") == ["T-30", "T-7"]
    assert chase(story, "2023-11-03 12:29") == []
    assert chase(story, "2023-11-03 12:30") == ["T-1", "T-3"]
    assert chase(story, "2023-11-06 12:30") == []
    assert chase(story, "2023-11-06 13:29") == []
    assert chase(story, "2023-11-06 13:30") == ["T+0"]
    assert chase(story, "2023-11-06 14:30") == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_patrol_goes_on_after(north: Story, fault: str) -> None:
    with owners_transaction() as session:
        session.execute(text("CREATE SEQUENCE faults"))
        session.execute(text("GRANT ALL ON faults TO duban_program"))
        session.execute(
            text(f"""
            CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                IF nextval('faults') = 1 THEN {fault} END IF;
                RETURN NULL;
            END
            $$
            """)
        )
        session.execute(text("CREATE TRIGGER fail_once AFTER INSERT ON escalation EXECUTE FUNCTION fail_once()"))
    north.patrol("2023-12-21")
    with transaction() as session:
        assert session.scalar(text("SELECT last_value FROM faults")) == 2, "it failed once and was done again"
        assert not session.scalars(select(Assignment.id).where(Assignment.needs_attention != "")).all()
    fired = steps()
    assert "T+1" in fired
    assert len(fired) == len(set(fired))
    north.expect(("north", "red overdue", NORTH), ("edu", "red overdue", NORTH))
