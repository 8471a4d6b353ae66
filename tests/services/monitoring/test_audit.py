"""The audit: what was taken away or put in by hand is found, and a life that nobody touched is clean."""

import datetime as dt
import json
import random
from collections import Counter

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from adapters import clock
from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.assignments.assignment import Assignment, acknowledge, by_ids
from models.assignments.evidence import submit
from models.assignments.extension import ask, decide
from models.assignments.review import accept, send_back
from models.assignments.reviewer import reviewer_of
from models.common.errors import BlockedError
from models.common.event import Actor
from models.common.kinds import PhaseKind, UnitKind
from models.common.status import Status
from models.monitoring import audit as audits
from models.monitoring.replay import Audited, Outcome, StepSeen
from models.patrol.escalation import Chased
from models.plan.plan import plan_of
from models.plan.unit import body_of
from services.letters.delivery import Delivered
from services.patrol import begin_round, chase, end_round
from services.phases import open_phase
from services.scope import by_program
from tests.conftest import Clock
from tests.support.owner import owners_transaction
from tests.support.scenes import scene
from tests.support.story import CLERK, DIRECTOR, Story, moment

NORTH = "2023/delivery/T1.1/north"
LEAD = "2023/delivery/T1.1/edu"


@scene
def lived(north: Story) -> None:
    """It never answered, and the patrol came on each day that mattered, and on one that did not."""
    for day in ("11-20", "12-13", "12-15", "12-19", "12-20", "12-21", "12-25", "12-26"):
        north.patrol(f"2023-{day}")


def audited(plan: str) -> list[Audited]:
    with transaction() as session:
        audits.look_at_once(session)
        return list(audits.audit(session, plan_of(session, plan), until=clock.now()))


def wrong(plan: str) -> list[tuple[str, str]]:
    """Kind and step of all that is wrong."""
    return sorted((one.kind.value, one.step) for life in audited(plan) for one in life.problems)


def steps(plan: str) -> list[StepSeen]:
    return [step for life in audited(plan) for step in life.steps]


def outcomes(plan: str) -> Counter[Outcome]:
    return Counter(step.outcome for step in steps(plan))


def by_hand(*statements: str) -> None:
    """What only somebody with the rights of the database's owner can do."""
    with owners_transaction() as session:
        session.execute(text("ALTER TABLE event DISABLE TRIGGER event_append_only"))
        for statement in statements:
            assert session.execute(text(statement)).rowcount >= 1  # type: ignore[attr-defined]
        session.execute(text("ALTER TABLE event ENABLE TRIGGER event_append_only"))


NO_EVENT = "DELETE FROM event WHERE kind = 'escalated' AND detail ->> 'step' = 'T-7'"
NO_ROW = "DELETE FROM escalation WHERE step = 'T-7'"
NO_MESSAGE = "DELETE FROM attempt_message WHERE message_id IN (SELECT id FROM message WHERE for_date = '2023-12-13')"
AGAIN = """
INSERT INTO event (at, plan_id, assignment_id, kind, actor, detail)
SELECT at + interval '2 days', plan_id, assignment_id, kind, actor, detail FROM event
WHERE kind = 'escalated' AND detail ->> 'step' = 'T-7'
"""
WRONG_DAY = """
INSERT INTO event (at, plan_id, assignment_id, kind, actor, detail)
SELECT '2023-12-10 01:00Z', plan_id, assignment_id, kind, actor, '{"step": "T-7", "fell_on": "2023-12-10"}' FROM event
WHERE kind = 'escalated' AND detail ->> 'step' = 'T-7'
"""


class TestALifeThatNobodyTouched:
    def test_every_step_fired_once(self, lived: Story) -> None:
        assert wrong(lived.plan) == []
        assert outcomes(lived.plan) == {Outcome.FIRED: 7}

    def test_after_an_outage_the_missed_ones_are_collapsed(self, north: Story) -> None:
        north.patrol("2023-12-26")
        assert wrong(north.plan) == []
        assert outcomes(north.plan) == {Outcome.FIRED: 2, Outcome.COLLAPSED: 5}
        late = {step.step: str(step.why) for step in steps(north.plan) if step.is_late}
        assert late.keys() == {"T-30", "T-7", "T-3", "T-1", "T+0", "T+1", "T+3"}
        assert late["T-7"] == "late: due on 2023-12-13 08:30, and by 2023-12-26 09:00 no patrol had come to it"

    def test_what_was_handed_in_before_the_patrol_came_was_overtaken(self, north: Story) -> None:
        north.patrol("2023-11-20")
        north.at("2023-12-14")
        north.submit(NORTH)
        north.patrol("2023-12-14 09:15")
        assert wrong(north.plan) == []
        assert outcomes(north.plan) == {Outcome.FIRED: 1, Outcome.OVERTAKEN: 1}

    def test_with_every_turn_that_a_life_can_take(self, north: Story) -> None:
        north.patrol("2023-11-20")
        north.at("2023-12-11")
        north.ask_extension(NORTH, "2024-01-31")
        north.grant(NORTH)
        north.patrol_daily("2024-01-22", "2024-01-25")
        north.submit(NORTH)
        north.patrol_daily("2024-01-26", "2024-02-04")
        north.send_back(NORTH)
        north.patrol_daily("2024-02-05", "2024-02-12")
        north.submit(NORTH)
        north.accept(NORTH)
        assert wrong(north.plan) == []

    def test_history_is_no_omission(self, story: Story) -> None:
        with transaction() as session:
            plan_of(session, story.plan).go_live_on = dt.date(2023, 2, 1)
        story.at("2023-02-01")
        story.open("launch")
        story.patrol()
        assert wrong(story.plan) == []
        assert outcomes(story.plan)[Outcome.HISTORIC] > 0

    def test_what_is_due_waits_for_the_patrol(self, north: Story) -> None:
        north.at("2023-12-13 08:31")
        assert wrong(north.plan) == []
        assert outcomes(north.plan) == {Outcome.WAITS: 2}
        assert [step.is_late for step in steps(north.plan)] == [True, False]
        north.at("2023-12-13 08:50")
        since = ["late: due on 2023-11-20", "late: due on 2023-12-13"]
        assert [str(step.why)[:23] for step in steps(north.plan)] == since


class TestWhatIsFound:
    def test_an_escalation_that_was_deleted(self, lived: Story) -> None:
        by_hand(NO_ROW)
        assert wrong(lived.plan) == [("no_escalation", "T-7")]

    def test_an_entry_of_the_journal_that_was_deleted(self, lived: Story) -> None:
        by_hand(NO_EVENT)
        assert wrong(lived.plan) == [("no_entry", "T-7")]

    def test_both_of_them(self, lived: Story) -> None:
        by_hand(NO_EVENT, NO_ROW)
        assert wrong(lived.plan) == [("not_fired", "T-7"), ("told_in_vain", "")]

    def test_a_message_that_is_called_sent_and_was_not(self, lived: Story) -> None:
        by_hand("DELETE FROM attempt_message WHERE message_id = (SELECT id FROM message WHERE for_date = '2023-12-13')")
        assert wrong(lived.plan) == [("not_sent", "")]

    def test_a_message_that_was_sent_twice(self, lived: Story) -> None:
        by_hand(
            "INSERT INTO attempt_message SELECT other.id, message.id FROM message, attempt AS other "
            "WHERE for_date = '2023-12-13' AND other.outcome = 'sent' "
            "AND NOT EXISTS (SELECT FROM attempt_message AS it "
            "WHERE it.attempt_id = other.id AND it.message_id = message.id) LIMIT 1"
        )
        assert wrong(lived.plan) == [("sent_twice", "")]

    def test_a_message_that_was_deleted(self, lived: Story) -> None:
        by_hand(NO_MESSAGE, "DELETE FROM message WHERE for_date = '2023-12-13'")
        assert wrong(lived.plan) == [("not_told", "")]

    def test_a_step_that_fired_twice(self, lived: Story) -> None:
        by_hand(AGAIN)
        assert wrong(lived.plan) == [("twice", "T-7")]

    def test_a_step_that_fired_for_a_wrong_date(self, lived: Story) -> None:
        by_hand(WRONG_DAY)
        assert wrong(lived.plan) == [("not_asked", "T-7")]

    def test_an_escalation_of_a_wrong_anchor(self, lived: Story) -> None:
        by_hand("UPDATE escalation SET anchor_on = '2023-12-21' WHERE step = 'T-7'")
        assert wrong(lived.plan) == [("not_asked", "T-7")]

    def test_a_row_that_the_patrol_was_kept_from(self, north: Story) -> None:
        north.patrol("2023-11-17")  # the first, which looks at every row once
        by_hand("UPDATE assignment SET next_action_at = NULL")
        assert wrong(north.plan) == [("row", "")]
        for when in ("08:30", "08:45", "09:00", "09:15"):
            north.patrol(f"2023-11-20 {when}")
            _came(north, f"2023-11-20 {when}")
        assert wrong(north.plan) == [("not_fired", "T-30")]

    def test_a_row_that_says_something_else_than_the_journal(self, lived: Story) -> None:
        by_hand("UPDATE assignment SET status = 'accepted' WHERE status = 'acknowledged'")
        assert wrong(lived.plan) == [("row", "")]

    def test_a_move_that_was_taken_out_of_the_journal(self, lived: Story) -> None:
        lived.submit(NORTH)
        lived.accept(NORTH)
        by_hand("DELETE FROM event WHERE kind = 'moved' AND status_after = 'submitted'")
        assert ("journal", "") in wrong(lived.plan)

    def test_the_issue_that_was_taken_out_of_the_journal(self, lived: Story) -> None:
        by_hand("DELETE FROM event WHERE kind = 'issued'")
        assert ("journal", "") in wrong(lived.plan)


def _came(story: Story, when: str) -> None:
    """A patrol came and went, as its flow writes down."""
    scope = by_program(story.plan, moment(when))
    end_round(scope, begin_round(scope), Chased(), Delivered())


@pytest.mark.usefixtures("lived")
class TestTheCommand:
    def test_it_says_that_all_is_well(self) -> None:
        done = CliRunner().invoke(duban, ["audit", "--json"])
        assert done.exit_code == 0, done.output
        facts = json.loads(done.stdout)
        assert facts["steps"]["fired"] == 7
        assert facts["problems"] == facts["shown"] == []

    def test_it_shows_the_steps_of_one_assignment(self) -> None:
        done = CliRunner().invoke(duban, ["audit", NORTH])
        assert done.exit_code == 0, done.output
        assert all(step in done.stdout for step in ("T-30", "T-1", "T+3"))

    def test_it_names_what_is_wrong_and_says_so_to_scripts(self) -> None:
        by_hand(NO_ROW)
        done = CliRunner().invoke(duban, ["audit"])
        assert done.exit_code == 1
        assert NORTH in done.stdout


def test_a_year_of_the_real_plan_is_clean(real_plan: str, clock: Clock) -> None:
    """A thousand assignments, each with a life drawn by lot, a patrol every few days."""
    chance, day = random.Random(7), dt.date(2023, 1, 3)
    clock.set(moment(day.isoformat()))
    open_phase(by_program(real_plan), (PhaseKind.IMPLEMENTATION, 2023))
    while day < dt.date(2024, 1, 20):
        clock.set(moment(f"{day} 08:30"))
        chase(by_program(real_plan, moment(f"{day} 08:30")))
        at = moment(f"{day} {chance.choice(('08:00', '14:00'))}")
        _one_day(real_plan, at, chance)
        day += dt.timedelta(days=chance.choice((5, 9, 20)))
    found = audited(real_plan)
    assert [one.problems for one in found if one.problems] == []
    assert len(found) > 1000
    assert sum(len(one.steps) for one in found) > 2000


def _one_day(code: str, at: dt.datetime, chance: random.Random) -> None:
    """Some units sign, some hand in, some ask for time, and some of it is decided on."""
    with transaction() as session:
        plan = plan_of(session, code)
        office = Actor(DIRECTOR, body_of(session, plan.id, UnitKind.OFFICE).id)
        ids = session.scalars(select(Assignment.id).where(Assignment.status.not_in(("accepted", "waived")))).all()
        for one in by_ids(session, plan, chance.sample(sorted(ids), min(40, len(ids)))):
            clerk = Actor(CLERK, one.unit_id)
            match one.status:
                case Status.ISSUED if chance.random() < 0.6:
                    acknowledge(session, plan, [one], actor=clerk, at=at)
                case Status.SUBMITTED:
                    reviewer = Actor(DIRECTOR, reviewer_of(session, plan, one).id)
                    try:
                        if chance.random() < 0.4:
                            send_back(session, plan, [one], reason="缺盖章", actor=reviewer, at=at)
                        else:
                            accept(session, plan, [one], actor=reviewer, at=at)
                    except BlockedError:
                        continue
                case _ if chance.random() < 0.3 and plan.day_of(at) < one.due_on:
                    ask(session, plan, one, until=one.due_on + dt.timedelta(15), reason="会签", actor=clerk, at=at)
                    decide(session, plan, one, grant=True, reason="同意", actor=office, at=at)
                case _:
                    submit(session, plan, [one], [], note="已办", actor=clerk, at=at)
