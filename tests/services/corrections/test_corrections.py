"""A slip of the hand is taken back: who is told, what the lights and scores of past days say, and what is refused."""

import datetime as dt

import pytest
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from models.assignments.review import Decision
from models.common.errors import BlockedError, IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Event, EventKind
from models.common.status import Status
from models.monitoring.audit import audit
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from models.score import POINTS, Result, score_of
from services import assignments
from tests.support.story import CLERK, DIRECTOR, REVIEWER, Story, Told

NORTH = "2023/delivery/T1.1/north"  # due on Wednesday 2023-12-20; edu leads it
EDU = "2023/delivery/T1.1/edu"


def about(*news: tuple[str, str], ref: str = NORTH) -> list[Told]:
    return sorted((who, what, ref) for who, what in news)


def lights(story: Story, *days: int) -> list[str]:
    return [story.light(NORTH, f"2023-12-{day:02}").value for day in days]


def corrections() -> list[tuple[str, str, dict[str, object] | None]]:
    with transaction() as session:
        query = select(Event).where(Event.kind == EventKind.CORRECTED).order_by(Event.id)
        return [(entry.actor, entry.why, entry.detail) for entry in session.scalars(query)]


def points(known_on: str, until: str = "2023-12-31") -> float | None:
    with transaction() as session:
        plan = plan_of(session, "tiny")
        days = [dt.date.fromisoformat(one) for one in ("2023-10-01", until, known_on)]
        scored = score_of(session, plan, unit_of(session, plan.id, "north"), *days)
        return scored.points if scored else None


def problems() -> list[str]:
    with transaction() as session:
        found = audit(session, plan_of(session, "tiny"), until=clock.now())
        return [str(problem) for one in found for problem in one.problems]


class TestWithdrawing:
    def test_what_nobody_reviewed_goes_back_and_its_date_runs_on(self, north: Story) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.deliver()
        north.told()
        north.at("2023-12-19")
        north.withdraw(NORTH, "传错了附件")
        north.deliver()
        north.expect(*about(("edu", "withdrawn")))
        letter = north.letter("edu")
        assert "单位撤回反馈 1 件" in letter
        assert "撤回的理由：传错了附件" in letter
        assert north.row(NORTH).status is Status.ACKNOWLEDGED
        assert corrections() == [(CLERK, "传错了附件", {"what": "hand-in"})]
        # Nothing came in: the ladder goes on as for what was never handed in.
        told = north.patrol_daily("2023-12-20", "2023-12-21")
        assert told["2023-12-21"] == about(("north", "red overdue"), ("edu", "red overdue"))
        assert lights(north, 17, 18, 19, 20, 21) == ["blue", "off", "blue", "blue", "red"]
        north.submit(NORTH)
        north.accept(NORTH, version=2)
        assert north.row(NORTH).late
        assert problems() == []

    def test_what_was_returned_before_is_returned_again(self, north: Story) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.send_back(NORTH)
        north.submit(NORTH)
        north.withdraw(NORTH)
        assert north.row(NORTH).status is Status.RETURNED

    def test_what_was_reviewed_cannot_be_withdrawn(self, north: Story) -> None:
        north.at("2023-12-18")
        with pytest.raises(IllegalMoveError, match="nothing of that kind"):
            north.withdraw(NORTH)
        north.submit(NORTH)
        with pytest.raises(RefusedError, match="say why"):
            north.withdraw(NORTH, "　")
        north.accept(NORTH)
        with pytest.raises(IllegalMoveError, match="nothing of that kind"):
            north.withdraw(NORTH)
        north.reopen(NORTH)
        with pytest.raises(RefusedError, match="reviewer decides on it anew"):
            north.withdraw(NORTH)

    def test_only_the_unit_itself_takes_it_back(self, north: Story) -> None:
        north.submit(NORTH)
        for unit in ("edu", "office"):
            with pytest.raises(NotFoundError, match="only north itself"):
                assignments.withdraw(north.as_unit(unit), [NORTH], reason="不对")
        with pytest.raises(NotFoundError, match="no such assignment"):
            assignments.withdraw(north.as_unit("south"), [NORTH], reason="不对")
        assert north.row(NORTH).status is Status.SUBMITTED


class TestReopening:
    def test_an_acceptance_is_taken_back_and_past_days_keep_what_was_known(self, north: Story) -> None:
        north.at("2023-12-18")
        north.settle(NORTH)
        north.deliver()
        north.told()
        assert points("2023-12-31") == POINTS[Result.ON_TIME]
        north.at("2024-01-08")
        north.reopen(NORTH, "抽查发现附件是上一年的")
        north.deliver()
        north.expect(*about(("north", "reopened"), ("edu", "to_review")))
        assert "撤销办结的理由：抽查发现附件是上一年的" in north.letter("north")
        row = north.row(NORTH)
        assert (row.status, row.version, row.late) == (Status.SUBMITTED, 2, False), "it makes nobody late"
        assert corrections() == [(REVIEWER, "抽查发现附件是上一年的", {"what": "acceptance"})]
        assert lights(north, 18, 31) == ["green", "green"], "a past day keeps what was known on it"
        assert north.light(NORTH, "2024-01-08").value == "off"
        assert points("2023-12-31") == POINTS[Result.ON_TIME], "what was published stays"
        assert points("2024-01-08") is None, "the same period, corrected"

        north.at("2024-01-09")
        north.send_back(NORTH, "请提交当年的附件", version=2)
        assert north.light(NORTH, "2024-01-09").value == "yellow"
        north.at("2024-01-10")
        north.submit(NORTH)
        north.accept(NORTH, version=3)
        assert points("2024-01-10", "2024-01-10") == POINTS[Result.ON_TIME], "it counts where it was accepted anew"
        assert problems() == []

    def test_the_reviewer_and_the_office_may_and_nobody_else(self, north: Story) -> None:
        north.settle(NORTH)
        with pytest.raises(RefusedError, match="is reviewed by edu"):
            assignments.reopen(north.as_unit("north"), [NORTH], reason="不对")
        assignments.reopen(north.as_unit("office", DIRECTOR), [NORTH], reason="不对")
        assert north.row(NORTH).status is Status.SUBMITTED
        with pytest.raises(IllegalMoveError, match="nothing of that kind"):
            assignments.reopen(north.as_unit("office", DIRECTOR), [NORTH], reason="不对")

    def test_what_the_leads_own_item_rests_on_waits_for_that(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.only(NORTH, EDU)
        story.settle(NORTH, EDU)
        with pytest.raises(BlockedError, match="reopen that first") as refused:
            story.reopen(NORTH)
        assert EDU in str(refused.value)
        story.reopen(EDU, by=DIRECTOR)
        story.reopen(NORTH)
        # The joint item is accepted only when its parts are.
        with pytest.raises(BlockedError, match="waits for its responsible units"):
            story.accept(EDU)

    def test_who_handed_it_in_reviews_it_no_more_than_before(self, north: Story) -> None:
        north.settle(NORTH)
        north.reopen(NORTH)
        with pytest.raises(RefusedError, match="somebody else has to review it"):
            assignments.decide_review(north.as_unit("edu", CLERK), [NORTH], Decision.ACCEPT)


class TestAskingAgain:
    def test_a_waiver_is_taken_back_with_a_new_date_where_the_old_one_has_passed(self, north: Story) -> None:
        north.at("2023-12-15")
        north.waive(NORTH)
        north.deliver()
        north.told()
        told = north.patrol_daily("2023-12-18", "2023-12-22")
        assert told == {"2023-12-18": [("office", "gate_ready", "implementation-2023")]}, "nobody is chased"
        with pytest.raises(RefusedError, match="give a new date"):
            north.ask_again(NORTH)
        with pytest.raises(RefusedError, match="not later than today"):
            north.ask_again(NORTH, until="2023-12-22")
        north.ask_again(NORTH, "免办有误", until="2023-12-30")  # a Saturday; Monday is New Year's Day
        north.deliver()
        north.expect(*about(("north", "asked_again")))
        assert "恢复交办的理由：免办有误" in north.letter("north")
        row = north.row(NORTH)
        assert (row.status, row.due_on, row.planned_due_on) == (
            Status.ACKNOWLEDGED,
            dt.date(2024, 1, 2),
            dt.date(2023, 12, 20),
        )
        told = north.patrol_daily("2023-12-23", "2024-01-03")
        assert lights(north, 21, 31) == ["off", "blue"]
        assert told["2024-01-03"] == about(("north", "red overdue"), ("edu", "red overdue"))
        assert problems() == []

    def test_what_was_under_review_is_under_review_again(self, north: Story) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.waive(NORTH)
        with pytest.raises(RefusedError, match="only for what the unit still has to hand in"):
            north.ask_again(NORTH, until="2024-01-15")
        north.at("2024-01-08")
        north.ask_again(NORTH)
        row = north.row(NORTH)
        assert (row.status, row.late) == (Status.SUBMITTED, False)
        north.accept(NORTH)
        assert problems() == []


class TestAnotherDate:
    def test_the_office_grants_another_day_than_the_one_asked_for(self, north: Story) -> None:
        north.at("2023-12-18")
        north.ask_extension(NORTH, "2024-02-29")
        north.grant(NORTH, until="2024-01-10")
        assert north.row(NORTH).due_on == dt.date(2024, 1, 10)

    def test_a_day_that_is_no_later_or_with_a_refusal_is_refused(self, north: Story) -> None:
        north.at("2023-12-18")
        north.ask_extension(NORTH, "2024-01-31")
        with pytest.raises(RefusedError, match="not later than 2023-12-20"):
            north.grant(NORTH, until="2023-12-20")
        with pytest.raises(RefusedError, match="a refusal grants no day"):
            assignments.decide_extension(
                north.as_unit("office", DIRECTOR), NORTH, grant=False, reason="不同意", until=dt.date(2024, 1, 10)
            )
        assert north.row(NORTH).due_on == dt.date(2023, 12, 20)
