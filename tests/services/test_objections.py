"""Objections: to a return and to a light, upheld and dismissed, with exactly the messages and lights that follow."""

import datetime as dt

import pytest
from sqlalchemy import select, update

from adapters import clock
from adapters.database.sessions import transaction
from models.assignments.assignment import Assignment
from models.assignments.evidence import Submission, SubmissionItem, hand_in_again
from models.assignments.light import Light
from models.assignments.objection import About, Objection, reasons_not_objectable
from models.common.constraints import MEANINGS
from models.common.errors import IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.status import Status
from models.plan.plan import plan_of
from tests.support.scenes import scene
from tests.support.story import CLERK, DIRECTOR, Story, Told

NORTH = "2023/delivery/T1.1/north"  # due on Wednesday 2023-12-20; edu leads it


@scene
def returned(north: Story) -> None:
    """Handed in on time and returned on Tuesday 2023-12-19; the rework is due on Tuesday 2023-12-26."""
    north.at("2023-12-18")
    north.submit(NORTH)
    north.at("2023-12-19")
    north.send_back(NORTH)
    north.deliver()
    north.told()


@scene
def late(north: Story) -> None:
    """Nothing came by the date; it is Friday 2023-12-22, two days later."""
    north.patrol("2023-12-22")
    north.told()


def about(*news: tuple[str, str], ref: str = NORTH) -> list[Told]:
    return sorted((who, what, ref) for who, what in news)


def lights(story: Story, *days: int) -> list[str]:
    return [story.light(NORTH, f"2023-12-{day:02}").value for day in days]


def journal(*kinds: EventKind) -> list[tuple[str, str, str, dict[str, object] | None]]:
    with transaction() as session:
        entries = session.scalars(select(Event).where(Event.kind.in_(kinds)).order_by(Event.id))
        return [(entry.kind.value, entry.actor, entry.why, entry.detail) for entry in entries]


def rows() -> list[Objection]:
    with transaction() as session:
        return list(session.scalars(select(Objection).order_by(Objection.id)))


class TestToAReturn:
    def test_upheld_it_is_under_review_again_and_accepted_without_lateness(self, returned: Story) -> None:
        returned.at("2023-12-20")
        returned.object(NORTH, "return", "盖章页在附件二")
        returned.deliver()
        returned.expect(*about(("office", "objection")))
        letter = returned.letter("office")
        assert "异议事项：退回" in letter
        assert "异议理由：盖章页在附件二" in letter
        assert "提出人：张三" in letter
        assert "- 北县 · T1.1 举措一" in letter

        returned.at("2023-12-21")
        returned.decide_objection(NORTH, upheld=True, reason="材料确已盖章")
        returned.deliver()
        returned.expect(*about(("edu", "to_review"), ("north", "objection_upheld")))
        assert "答复理由：材料确已盖章" in returned.letter("north")
        assert "说明：材料确已盖章" in returned.letter("edu"), "the reviewer hears why it is back"
        assert "提交人：张三" in returned.letter("edu")
        row = returned.row(NORTH)
        assert (row.status, row.version, row.due_on) == (Status.SUBMITTED, 2, dt.date(2023, 12, 26))

        returned.at("2023-12-27")
        returned.accept(NORTH, version=2)
        assert lights(returned, 18, 19, 20, 21, 26, 27) == ["off", "yellow", "yellow", "off", "off", "green"]
        assert not returned.standing(NORTH, "2023-12-31").was_late

    def test_the_new_version_is_the_same_submission(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        returned.decide_objection(NORTH, upheld=True)
        with transaction() as session:
            items = session.scalars(select(SubmissionItem).order_by(SubmissionItem.version)).all()
            assert [item.version for item in items] == [1, 2]
            assert len({item.submission_id for item in items}) == 1
            assert session.scalars(select(Submission.by_name)).all() == [CLERK]
        # Who handed it in may still not review it.
        with pytest.raises(RefusedError, match="handed in by 张三; somebody else"):
            returned.accept(NORTH, by=CLERK)
        returned.send_back(NORTH, "缺统计表", version=2)
        assert returned.row(NORTH).version == 2

    def test_the_office_took_long_and_that_makes_nobody_late(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        told = returned.patrol_daily("2023-12-20", "2023-12-27")
        assert told["2023-12-20"] == about(("office", "objection"))
        # Until the decision the return stands, and the ladder goes on.
        assert told["2023-12-27"] == about(("north", "red overdue"), ("edu", "red overdue"))
        returned.at("2023-12-28")
        returned.decide_objection(NORTH, upheld=True)
        row = returned.row(NORTH)
        assert (row.status, row.due_on, row.planned_due_on) == (
            Status.SUBMITTED,
            dt.date(2023, 12, 28),
            dt.date(2023, 12, 20),
        )
        returned.patrol()
        returned.expect(*about(("edu", "to_review"), ("north", "objection_upheld")))
        returned.at("2023-12-29")
        returned.accept(NORTH)
        assert lights(returned, 26, 27, 28, 29) == ["yellow", "red", "off", "green"]
        assert not returned.standing(NORTH, "2023-12-31").was_late

    def test_decided_on_a_day_off_the_date_is_the_next_working_day(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        returned.at("2023-12-30")  # a Saturday; Monday is New Year's Day
        returned.decide_objection(NORTH, upheld=True)
        assert returned.row(NORTH).due_on == dt.date(2024, 1, 2)

    def test_what_was_late_before_the_return_stays_late(self, north: Story) -> None:
        north.at("2023-12-22")
        north.submit(NORTH)
        north.send_back(NORTH)
        north.object(NORTH, "return")
        north.decide_objection(NORTH, upheld=True)
        north.accept(NORTH)
        assert lights(north, 21, 22) == ["red", "yellow"]

    def test_dismissed_the_return_stands_and_the_unit_is_told_why(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        returned.decide_objection(NORTH, upheld=False, reason="第三页未盖章")
        returned.deliver()
        returned.expect(*about(("north", "objection_dismissed")))
        letter = returned.letter("north")
        assert "异议不成立 1 件" in letter
        assert "答复理由：第三页未盖章" in letter
        assert "期限：2023年12月26日 星期二\n" in letter
        row = returned.row(NORTH)
        assert (row.status, row.version, row.due_on) == (Status.RETURNED, 1, dt.date(2023, 12, 26))
        assert journal(EventKind.OBJECTION_RAISED, EventKind.OBJECTION_DECIDED, EventKind.EXCUSED) == [
            ("objection_raised", CLERK, "材料齐全", {"about": "return"}),
            ("objection_decided", DIRECTOR, "第三页未盖章", {"about": "return", "upheld": False}),
        ]
        decided = rows()[0]
        assert (decided.upheld, decided.decided_by, decided.decision_reason) == (False, DIRECTOR, "第三页未盖章")

    def test_a_return_that_was_answered_meanwhile_cannot_be_undone(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        returned.at("2023-12-21")
        returned.submit(NORTH)
        with pytest.raises(RefusedError, match="not in force any more; there is nothing to undo"):
            returned.decide_objection(NORTH, upheld=True)
        returned.send_back(NORTH)
        # It is returned once more, but that is another return.
        with pytest.raises(RefusedError, match="not in force any more; there is nothing to undo"):
            returned.decide_objection(NORTH, upheld=True)
        returned.decide_objection(NORTH, upheld=False, reason="已重新提交")
        returned.object(NORTH, "return")
        returned.decide_objection(NORTH, upheld=True)
        assert (returned.row(NORTH).status, returned.row(NORTH).version) == (Status.SUBMITTED, 3)


class TestToALight:
    def test_handed_in_late_and_excused_the_past_keeps_its_light(self, late: Story) -> None:
        late.submit(NORTH)
        late.deliver()
        late.expect(*about(("edu", "to_review")))
        late.object(NORTH, "light", "系统故障，当日无法提交")
        late.deliver()
        before = lights(late, *range(15, 23))
        late.at("2023-12-25")
        late.decide_objection(NORTH, upheld=True, reason="故障属实")
        late.patrol()
        late.expect(*about(("office", "objection"), ("north", "objection_upheld")))
        assert "异议事项：亮灯" in late.letter("office")
        assert "已逾期" not in late.letter("office")
        late.at("2023-12-27")
        late.accept(NORTH)
        assert lights(late, *range(15, 23)) == before
        assert lights(late, 21, 22, 24, 25, 26, 27, 31) == ["red", "yellow", "yellow", "off", "off", "green", "green"]
        assert late.standing(NORTH, "2023-12-24").was_late
        assert not late.standing(NORTH, "2023-12-25").was_late
        assert late.row(NORTH).due_on == dt.date(2023, 12, 20)
        assert journal(EventKind.OBJECTION_DECIDED, EventKind.EXCUSED) == [
            ("objection_decided", DIRECTOR, "故障属实", {"about": "light", "upheld": True}),
            ("excused", DIRECTOR, "故障属实", None),
        ]

    def test_accepted_late_and_excused_it_is_green_from_that_day_on(self, late: Story) -> None:
        late.settle(NORTH)
        late.at("2023-12-26")
        late.object(NORTH, "light")
        late.at("2023-12-28")
        late.decide_objection(NORTH, upheld=True)
        assert lights(late, 22, 27, 28, 31) == ["yellow", "yellow", "green", "green"]

    def test_what_is_overdue_needs_a_new_date_and_is_held_to_it(self, late: Story) -> None:
        late.object(NORTH, "light")
        late.deliver()
        late.expect(*about(("office", "objection")))
        with pytest.raises(RefusedError, match="due on 2023-12-20 and is not handed in; give a new date"):
            late.decide_objection(NORTH, upheld=True)
        with pytest.raises(RefusedError, match="2023-12-22 is not later than today"):
            late.decide_objection(NORTH, upheld=True, until="2023-12-22")
        late.decide_objection(NORTH, upheld=True, until="2023-12-30")  # in the New Year's days off
        row = late.row(NORTH)
        assert (row.status, row.due_on) == (Status.ACKNOWLEDGED, dt.date(2024, 1, 2))
        told = late.patrol_daily("2023-12-22", "2024-01-03")
        assert told.pop("2024-01-02") == sorted(
            [*about(("north", "reminder")), ("office", "gate_due", "implementation-2023")]
        )
        assert told == {
            "2023-12-22": about(("north", "objection_upheld")),
            "2023-12-26": about(("north", "reminder")),
            "2023-12-29": about(("north", "blue reminder")),
            "2024-01-03": about(("north", "red overdue"), ("edu", "red overdue")),
        }
        assert lights(late, 20, 21, 22, 29, 30) == ["blue", "red", "off", "off", "blue"]
        late.at("2024-01-04")
        late.settle(NORTH)
        assert late.light(NORTH, "2024-01-03") is Light.RED
        assert late.light(NORTH, "2024-01-04") is Light.YELLOW, "late for the new date, which nobody excused"

    def test_in_time_for_the_new_date_there_is_no_blot(self, late: Story) -> None:
        late.object(NORTH, "light")
        late.decide_objection(NORTH, upheld=True, until="2023-12-27")
        late.at("2023-12-27")
        late.settle(NORTH)
        assert lights(late, 21, 22, 26, 27) == ["red", "off", "blue", "green"]

    def test_a_new_date_is_for_nothing_else(self, late: Story) -> None:
        late.object(NORTH, "light")
        with pytest.raises(RefusedError, match="a new date is only for what is overdue and excused"):
            late.decide_objection(NORTH, upheld=False, until="2023-12-29")
        late.submit(NORTH)
        with pytest.raises(RefusedError, match="a new date is only for what is overdue and excused"):
            late.decide_objection(NORTH, upheld=True, until="2023-12-29")
        late.decide_objection(NORTH, upheld=True)

    def test_dismissed_nothing_changes(self, late: Story) -> None:
        late.object(NORTH, "light")
        late.decide_objection(NORTH, upheld=False)
        late.deliver()
        late.expect(*about(("north", "objection_dismissed")))  # the office has decided, and needs no notice
        assert lights(late, 21, 22) == ["red", "red"]
        assert late.row(NORTH).due_on == dt.date(2023, 12, 20)
        assert journal(EventKind.EXCUSED, EventKind.DUE_MOVED) == []


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("against", "status", "light", "reason", "why"),
        [
            ("return", Status.RETURNED, Light.YELLOW, "x", []),
            ("light", Status.ACKNOWLEDGED, Light.RED, "x", []),
            ("light", Status.ACCEPTED, Light.YELLOW, "x", []),
            ("return", Status.SUBMITTED, Light.OFF, "x", ["it was not returned, it is submitted"]),
            ("light", Status.ACCEPTED, Light.GREEN, "x", ["its light is neither yellow nor red today"]),
            (
                "light",
                Status.ACKNOWLEDGED,
                Light.BLUE,
                " ",
                ["a reason is needed", "its light is neither yellow nor red today"],
            ),
        ],
    )
    def test_what_can_be_objected_to(
        self, against: str, status: Status, light: Light, reason: str, why: list[str]
    ) -> None:
        assert [str(one) for one in reasons_not_objectable(About(against), status, light, reason, is_late=True)] == why

    def test_a_light_that_says_nothing_of_lateness_can_not_be_excused(self, returned: Story) -> None:
        with pytest.raises(RefusedError, match="object to the return, or sign for it"):
            returned.object(NORTH, "light")

    def test_every_reason_is_told_at_once_and_nobody_else_is_told(self, late: Story) -> None:
        late.object(NORTH, "light")
        with pytest.raises(RefusedError) as refused:
            late.object(NORTH, "return", " ")
        assert str(refused.value) == (
            f"{NORTH}: no objection can be raised: a reason is needed; "
            "it was not returned, it is acknowledged; an earlier objection is not decided yet"
        )
        late.deliver()
        late.expect(*about(("office", "objection")))
        with pytest.raises(RefusedError) as refused:
            late.decide_objection(NORTH, upheld=True, reason=" ")
        assert str(refused.value) == (
            f"{NORTH}: this cannot be decided so: a reason is needed; "
            "it was due on 2023-12-20 and is not handed in; give a new date"
        )

    def test_on_its_last_day_the_light_is_no_cause(self, north: Story) -> None:
        north.at("2023-12-20")
        with pytest.raises(RefusedError, match="its light is neither yellow nor red today"):
            north.object(NORTH, "light")

    def test_only_the_office_decides_once_and_says_why(self, returned: Story) -> None:
        with pytest.raises(NotFoundError, match="no objection waits"):
            returned.decide_objection(NORTH, upheld=True)
        returned.object(NORTH, "return")
        for unit in ("edu", "north", "leader"):
            with pytest.raises(RefusedError, match="only the leading-group office"):
                returned.decide_objection(NORTH, upheld=True, unit=unit)
        for upheld in (True, False):
            with pytest.raises(RefusedError, match="a reason is needed"):
                returned.decide_objection(NORTH, upheld=upheld, reason=" ")
        returned.decide_objection(NORTH, upheld=False)
        with pytest.raises(NotFoundError, match="no objection waits"):
            returned.decide_objection(NORTH, upheld=True)
        # Objected again on the same day, the unit hears of both, and the office of what it has not decided.
        returned.object(NORTH, "return")
        returned.decide_objection(NORTH, upheld=False)
        returned.object(NORTH, "return")
        returned.deliver()
        returned.expect(*about(("office", "objection"), *[("north", "objection_dismissed")] * 2))

    def test_the_database_holds_one_pending_for_each_assignment(self, returned: Story) -> None:
        returned.object(NORTH, "return")
        first = rows()[0]
        fields = {"assignment_id": first.assignment_id, "about": About.LIGHT, "version": 1, "by_name": CLERK}
        with (
            pytest.raises(RefusedError, match=MEANINGS["objection_one_pending_idx"].template),
            transaction() as session,
        ):
            session.add(Objection(**fields, reason="x", at=clock.now()))
        with transaction() as session:
            session.execute(update(Objection).values(upheld=False))
            session.add(Objection(**fields, reason="x", at=clock.now()))

    def test_only_a_return_is_undone(self, north: Story) -> None:
        with transaction() as session:
            plan, row = plan_of(session, north.plan), session.get_one(Assignment, north.row(NORTH).id)
            with pytest.raises(IllegalMoveError, match="is acknowledged: there is no review to undo"):
                hand_in_again(session, plan, row, actor=Actor(DIRECTOR), at=clock.now(), why="x")
