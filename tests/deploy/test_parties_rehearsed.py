"""A plan with co-leads, with the office as lead and with parties that are not settled is acted out without a person."""

import datetime as dt

from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import read_session
from adapters.plan_files.reader import read_plan
from deploy.rehearsal.play import Rehearsal
from models.assignments.assignment import Assignment
from models.assignments.opinion import Opinion
from models.plan.phase import phase_of
from models.plan.plan import plan_of
from services.monitoring.audit import replay
from tests.services.parties.conftest import PARTIES, parties_plan, team
from tests.support.story import Story

__all__ = ["parties_plan", "team"]

OPENED = dt.date(2023, 1, 3)


def nothing(*_: object, **_said: object) -> None:
    """No flow runs here."""


def test_everything_that_is_issued_gets_done(team: Story) -> None:
    team.at("2023-01-03")
    team.open("implementation")
    played = Rehearsal(read_plan(PARTIES), 7, nothing, nothing)
    with read_session() as session:
        plan = plan_of(session, team.plan)
        played.calendar = plan.work_calendar
        phase = phase_of(session, plan, "implementation", None)
    played._plan_ahead(phase, OPENED)
    while played.agenda:
        day = min(played.agenda)
        team.patrol(day.isoformat())
        played._act(played.agenda.pop(day), clock.now() + dt.timedelta(hours=1))
    with read_session() as session:
        assert [one.ref for one in session.scalars(select(Assignment)) if one.status.is_open] == []
        # Both units that co-lead T1.3, on what each of two counties handed in for two requirements.
        assert len(session.scalars(select(Opinion)).all()) == 2 * 2 * 2
    assert replay(team.plan, clock.now()).problems == []
