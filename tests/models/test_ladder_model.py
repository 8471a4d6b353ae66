"""The real engine against a model of the ladder in a few lines: whatever is done in whatever order, they agree."""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from typing import ClassVar

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from adapters import clock
from adapters.database.sessions import engine, transaction
from models.common.errors import RefusedError
from models.common.event import Actor
from models.dates.workdays import CalendarName, WorkCalendar
from models.patrol.escalation import Escalation, chase, claim_due
from models.plan.ladder import Anchor, Audience, Condition, Step
from models.plan.plan import Ladder as PlanLadder
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from services import patrol
from services.scope import by_program
from tests.support.story import Story

REF = "2023/delivery/T1.1/north"
FIRST = dt.date(2023, 12, 14)  # near enough to the date that plays reach the overdue steps
CALENDAR = WorkCalendar(CalendarName.CHINA)


@dataclasses.dataclass(frozen=True)
class Steps:
    """Days before the date; working days after it, the first time and again; working days that a review may wait."""

    before: dict[str, int]
    after: dict[str, tuple[int, int]]
    waits: dict[str, int]


USUAL = Steps(
    before={"T-30": 30, "T-7": 7, "T-3": 3, "T-1": 1, "T+0": 0},
    after={"T+1": (1, 5), "T+3": (3, 10), "T+10": (10, 20)},
    waits={"review-5": 5, "review-10": 10},
)
# The ladder of one requirement, and the same as its plan's would be written.
OWN = Steps(before={"early": 4}, after={"late": (2, 3)}, waits={"slow": 1})
OWN_STEPS = [
    Step("early", Anchor.DUE, -4, False, Condition.OPEN, (Audience.UNIT,)),
    Step("late", Anchor.DUE, 2, True, Condition.OPEN, (Audience.UNIT, Audience.LEAD), every=3),
    Step("slow", Anchor.SUBMITTED, 1, True, Condition.UNREVIEWED, (Audience.REVIEWER,)),
]


class Model:
    """The ladder as the plan's readers understand it; days only."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.status, self.due, self.submitted, self.settled = "acknowledged", dt.date(2023, 12, 20), FIRST, FIRST
        self.promised: dt.date | None = None
        self.fired: set[tuple[str, dt.date]] = set()

    def falls(self) -> dict[tuple[str, dt.date], dt.date]:
        """The day of each step that may fire as things stand, by its name and the day that it counts from."""
        if self.status == "submitted":
            return {
                (step, self.submitted): CALENDAR.add(self.submitted, days) for step, days in self.steps.waits.items()
            }
        if self.status == "accepted":
            return {}
        before = self.steps.before.items()
        early = {step: CALENDAR.last_on_or_before(self.due - dt.timedelta(days)) for step, days in before}
        late: dict[tuple[str, dt.date], dt.date] = {}
        for step, (first, every) in self.steps.after.items():
            counts_from, day = self.due, CALENDAR.add(self.due, first)
            if self.promised and day <= self.promised:
                late[step, counts_from] = day
                counts_from, day = self.promised, CALENDAR.add(self.promised, 1)
            while day <= FIRST + dt.timedelta(days=600):
                late[step, counts_from] = day
                counts_from, day = day, CALENDAR.add(day, every)
        return {(step, self.due): day for step, day in early.items()} | late

    def patrol(self, today: dt.date) -> None:
        self.fired |= {step for step, day in self.falls().items() if self.settled < day <= today}
        self.settled = max(self.settled, today)

    def change(self, today: dt.date, status: str, due: dt.date | None = None) -> None:
        """Whatever the ladder asked up to today is void."""
        self.status, self.due, self.settled = status, due or self.due, max(self.settled, today)
        if status in {"submitted", "accepted"}:
            self.promised = None
        self.submitted = today if status == "submitted" else self.submitted


class Ladder(RuleBasedStateMachine):
    story: ClassVar[Story]
    steps: ClassVar[Steps]
    empty: ClassVar[list[str]]

    @initialize()
    def begin(self) -> None:
        self.model, self.today = Model(self.steps), FIRST
        restore()
        self.story.at(FIRST.isoformat())

    @rule(days=st.integers(1, 20))
    def some_time_passes(self, days: int) -> None:
        self.time_passes(days)

    def time_passes(self, days: int) -> None:
        self.today += dt.timedelta(days)
        self.story.at(self.today.isoformat())

    def a_step_comes_near(self, early: bool) -> None:
        """The day of the next step, or the one before it: where mistakes would be."""
        days = [day for day in self.model.falls().values() if day > self.today]
        self.today = max(self.today, min(days, default=self.today) - dt.timedelta(early))
        self.story.at(self.today.isoformat())

    @rule(times=st.integers(1, 2), early=st.booleans())
    def patrol_at_the_next_step(self, times: int, early: bool) -> None:
        self.a_step_comes_near(early)
        self.patrol(times)

    @rule(times=st.integers(1, 2))
    def patrol_some_times(self, times: int) -> None:
        self.patrol(times)

    def patrol(self, times: int) -> None:
        for _ in range(times):
            patrol.chase(by_program(self.story.plan))
        self.model.patrol(self.today)

    @rule(days=st.integers(3, 14))
    def patrol_daily(self, days: int) -> None:
        for _ in range(days):
            self.time_passes(1)
            self.patrol(1)
            self.each_step_fired_once_and_no_other()

    @rule()
    def a_patrol_dies_before_its_commit(self) -> None:
        with Session(engine()) as session:
            if ids := claim_due(session, self.story.plan, at=clock.now()):
                chase(session, plan_of(session, self.story.plan), ids, actor=Actor("dying"), at=clock.now())
            session.rollback()

    @precondition(lambda self: self.model.status in {"acknowledged", "returned"})
    @rule()
    def hand_in(self) -> None:
        self.story.submit(REF)
        self.model.change(self.today, "submitted")

    @precondition(lambda self: self.model.status == "submitted")
    @rule()
    def send_back(self) -> None:
        self.story.send_back(REF)
        self.model.change(self.today, "returned", max(CALENDAR.add(self.today, 5), self.model.due))

    @precondition(lambda self: self.model.status == "submitted")
    @rule()
    def accept(self) -> None:
        self.story.accept(REF)
        self.model.change(self.today, "accepted")

    @precondition(lambda self: self.model.status in {"acknowledged", "returned"} and self.today <= self.model.due)
    @rule(days=st.integers(1, 40))
    def extend(self, days: int) -> None:
        until = self.model.due + dt.timedelta(days)
        self.story.ask_extension(REF, until.isoformat())
        self.story.grant(REF)
        self.model.change(self.today, self.model.status, CALENDAR.settle(until).on)

    @precondition(lambda self: self.model.status in {"acknowledged", "returned"})
    @rule(days=st.integers(1, 25), is_patrolled=st.booleans())
    def promise(self, days: int, is_patrolled: bool) -> None:
        if is_patrolled:
            self.patrol(1)
        until = max(self.today, self.model.due) + dt.timedelta(days)
        try:
            self.story.explain(REF, until.isoformat())
        except RefusedError:  # not due soon, or promised often enough; nothing has changed then
            return
        self.model.promised = until

    @invariant()
    def each_step_fired_once_and_no_other(self) -> None:
        if not hasattr(self, "model"):
            return
        with transaction() as session:
            rows = session.execute(select(Escalation.step, Escalation.anchor_on)).all()
        assert sorted(map(tuple, rows)) == sorted(self.model.fired)
        assert self.story.row(REF).due_on == self.model.due


# What the plays change, in an order in which it can be emptied; the journal is let be: it does not forget.
CHANGED = (
    "attempt_message",
    "attempt",
    "message",
    "escalation",
    "extension",
    "explanation",
    "review",
    "submission_item",
    "submission",
)


def restore() -> None:
    """As it was on the first day: nothing fired, nothing handed in."""
    with transaction() as session:
        for table in CHANGED:
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(
            text("""
            UPDATE assignment SET status = 'acknowledged', version = 0, late = false, submitted_on = NULL,
                promised_on = NULL,
                due_on = '2023-12-20', done_until = :first, next_action_at = :first
            WHERE status <> 'waived'
            """),
            {"first": FIRST},
        )


@pytest.fixture(params=[USUAL, OWN], ids=["the plan's ladder", "the requirement's own"])
def ladder(story: Story, request: pytest.FixtureRequest) -> Iterator[type[Ladder]]:
    if request.param is OWN:
        give_its_own()
    story.at("2023-01-03")
    story.open("implementation")
    story.only(REF)
    story.sign(REF)
    Ladder.story, Ladder.steps = story, request.param
    yield Ladder
    del Ladder.story, Ladder.steps


def give_its_own() -> None:
    """As loading stores it; of all requirements only this one has steps of its own."""
    with transaction() as session:
        own = PlanLadder(digest="own", steps=json.loads(json.dumps([dataclasses.asdict(one) for one in OWN_STEPS])))
        session.add(own)
        session.flush()
        ref = REF.rpartition("/")[0]
        session.execute(update(Requirement).where(Requirement.ref == ref).values(ladder_id=own.id))


def test_the_engine_and_the_model_agree(ladder: type[Ladder]) -> None:
    bounds = hypothesis.settings(
        max_examples=25,
        stateful_step_count=12,
        phases=[hypothesis.Phase.generate],  # shrinking takes minutes; a failure is short enough to read
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(ladder, settings=bounds)
