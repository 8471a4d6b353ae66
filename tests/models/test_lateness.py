"""What an assignment's row says of lateness is what its journal says, whatever happens."""

import datetime as dt

from sqlalchemy import select

from adapters.database.sessions import transaction
from models.assignments.assignment import Assignment
from models.assignments.history import changes_until, history_of
from models.assignments.light import was_late
from models.plan.plan import plan_of
from tests.support.story import Story

NORTH, SOUTH, LEAD = (f"2023/delivery/T1.1/{unit}" for unit in ("north", "south", "edu"))


def late_ones(story: Story, on: str) -> set[str]:
    """References of the late, by their rows; the journal has to agree on every assignment."""
    day = dt.date.fromisoformat(on)
    with transaction() as session:
        plan = plan_of(session, story.plan)
        changes = changes_until(session, plan, day)
        rows = session.scalars(select(Assignment)).all()
        for row in rows:
            assert row.late == was_late(history_of(plan, changes[row.id], row.issued_on, day, open_ended=False), day), (
                row.ref
            )
        return {row.ref for row in rows if row.late}


def test_the_row_agrees_with_the_journal(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation")
    story.submit(NORTH)
    story.send_back(NORTH)
    assert late_ones(story, "2023-01-03") == set()

    story.at("2023-12-19")
    story.ask_extension(SOUTH, "2024-01-10")
    story.at("2023-12-22")
    story.submit(NORTH)
    story.submit(LEAD)
    assert late_ones(story, "2023-12-22") == {NORTH, LEAD}

    story.grant(SOUTH)
    story.submit(SOUTH)
    assert late_ones(story, "2023-12-22") == {NORTH, LEAD}, "what was asked for in time is not late"

    story.send_back(NORTH)
    story.at("2023-12-25")
    story.submit(NORTH)
    assert late_ones(story, "2023-12-25") == {NORTH, LEAD}, "a new date after a return does not undo it"

    story.object(NORTH, about="light", reason="系统故障")
    story.decide_objection(NORTH, upheld=True, reason="属实")
    assert late_ones(story, "2023-12-25") == {LEAD}
