"""What a unit, a lead, the office and the leader are told, from the first day to the last: exactly this."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator

import chinese_calendar
import pytest
from sqlalchemy import func, select, update

from adapters import clock
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from adapters.settings import settings
from models.assignments.assignment import Assignment
from models.assignments.extension import Extension
from models.common.errors import BlockedError, IllegalMoveError, NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import OnDayOff, PhaseKind, UnitKind
from models.common.status import Status
from models.dates.workdays import _count
from models.loading import content_of, differences, load_plan
from models.monitoring.audit import audit
from models.monitoring.replay import _judged
from models.outbox.message import Message
from models.patrol.calendar_update import follow
from models.patrol.escalation import Escalation
from models.phases.gate import Answer, Closing, GateDecision, Via, WaitingRound
from models.plan.ladder import next_look
from models.plan.phase import PhaseStatus, phase_of
from models.plan.plan import plan_of
from models.plan.unit import body_of
from models.queries.queues import requests
from models.queries.queues.waiting import waiting
from rendering.gate_text import gate_text
from services import gates, patrol, plans
from services.scope import by_program
from tests.conftest import TINY
from tests.support.portal_client import enter
from tests.support.story import CLERK, DIRECTOR, Story, Told, moment

UNITS = ("edu", "finance", "north", "south")
NORTH = "2023/delivery/T1.1/north"  # due on Wednesday 2023-12-20; edu leads it
LEAD = "2023/delivery/T1.1/edu"
HALF_YEAR = "2023H1/progress/north"  # due on Friday 2023-06-30; nobody leads it

Timeline = dict[str, list[Told]]


def about(*news: tuple[str, str], ref: str = NORTH) -> list[Told]:
    return sorted((who, what, ref) for who, what in news)


def steps(story: Story) -> list[tuple[str, dt.date]]:
    with transaction() as session:
        rows = session.execute(select(Escalation.step, Escalation.anchor_on).order_by(Escalation.id))
        return [(row.step, row.anchor_on) for row in rows]


def events(kind: EventKind) -> list[Event]:
    with transaction() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


class TestTheLadder:
    def test_every_step_for_a_unit_that_never_answers(self, north: Story) -> None:
        assert north.patrol_daily("2023-11-17", "2024-01-31") == {
            "2023-11-20": about(("north", "reminder")),
            "2023-12-13": about(("north", "reminder")),
            "2023-12-15": about(("north", "blue reminder")),  # T-3 is a Sunday
            "2023-12-19": about(("north", "reminder")),
            "2023-12-20": about(("north", "reminder")),
            "2023-12-21": about(("north", "red overdue"), ("edu", "red overdue")),
            "2023-12-25": about(("office", "red overdue")),
            "2024-01-02": about(("office", "gate_due"), ref="implementation-2023"),
            "2024-01-04": about(("leader", "red overdue")),
            # While it stays late: the unit and its lead weekly, the office every two weeks.
            **{f"2024-01-{day}": about(("office", "red overdue")) for day in ("09", "23")},
            **{
                day: about(("north", "red overdue"), ("edu", "red overdue"))
                for day in ("2023-12-28", "2024-01-05", "2024-01-12", "2024-01-19", "2024-01-26")
            },
        }

    def test_who_has_not_signed_in_three_working_days_is_named_to_the_office(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.only(NORTH, LEAD)
        story.sign(LEAD)
        assert story.patrol_daily("2023-01-03", "2023-01-31") == {"2023-01-06": about(("office", "unsigned"))}

    def test_who_signs_on_the_morning_of_an_order_still_gets_it(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.only(NORTH)
        story.patrol_daily("2023-12-19", "2023-12-20")
        story.told()
        story.at("2023-12-21 08:00")
        story.sign(NORTH)
        story.patrol("2023-12-21 08:30")
        story.expect(*about(("north", "red overdue"), ("edu", "red overdue")))

    def test_a_reviewer_who_lets_a_unit_wait(self, north: Story) -> None:
        north.at("2023-03-01")
        north.submit(NORTH)
        assert north.patrol_daily("2023-03-01", "2023-04-30") == {
            "2023-03-01": about(("edu", "to_review")),
            "2023-03-08": about(("edu", "unreviewed")),
            "2023-03-15": about(("office", "unreviewed")),
        }

    def test_a_review_that_both_steps_bring_to_the_office_is_one_line_after_an_outage(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.only(HALF_YEAR)
        story.at("2023-03-01")
        story.submit(HALF_YEAR)
        story.patrol()
        story.expect(("office", "to_review", HALF_YEAR))
        story.patrol("2023-03-20")
        story.expect(("office", "unreviewed", HALF_YEAR))

    def test_a_second_patrol_on_the_same_day_adds_nothing(self, north: Story) -> None:
        north.patrol("2023-12-21")
        north.told()
        north.patrol("2023-12-21 09:15")
        north.patrol("2023-12-21 17:30")
        north.expect()

    def test_what_was_settled_before_sending_is_dropped_and_not_chased(self, north: Story) -> None:
        before = north.dropped()
        north.at("2023-12-13 08:30")
        patrol.chase(by_program(north.plan))
        north.submit(NORTH)
        north.accept(NORTH)
        north.patrol("2023-12-13 08:45")
        # Neither the reminder nor the wish to review it.
        north.expect(*about(("north", "accepted")), ("office", "gate_ready", "implementation-2023"))
        assert north.dropped() == before + 2

    def test_while_an_item_stays_late_somebody_hears_of_it(self, north: Story) -> None:
        """After the leader was told, nothing more had been said for as long as it stayed late."""
        told = north.patrol_daily("2024-01-05", "2024-02-29")
        days = {
            unit: [day for day, letters in told.items() if (unit, "red overdue", NORTH) in letters]
            for unit in ("north", "edu", "office", "leader")
        }
        assert days["north"] == days["edu"]
        assert days["north"][:4] == ["2024-01-05", "2024-01-12", "2024-01-19", "2024-01-26"]
        assert len(days["north"]) >= 7
        # First what was missed, then every ten working days; February has the Spring Festival.
        assert days["office"] == ["2024-01-05", "2024-01-09", "2024-01-23", "2024-02-05", "2024-02-23"]
        assert len(days["leader"]) == 2
        north.submit(NORTH)
        assert north.patrol_daily("2024-03-01", "2024-03-06") == {"2024-03-01": [("edu", "to_review", NORTH)]}

    def test_who_was_given_more_time_before_sending_is_not_called_overdue(self, north: Story) -> None:
        north.at("2023-12-20 10:00")
        north.ask_extension(NORTH, "2024-01-30")
        north.deliver()
        north.told()
        north.at("2023-12-21 08:30")
        patrol.chase(by_program(north.plan))
        north.grant(NORTH)
        north.deliver()
        assert [(who, what) for who, what, _ in north.told()] == [("north", "extension_granted")]
        assert "逾期" not in north.letter("north")

    def test_a_notice_of_new_work_leaves_out_what_was_settled_before_it_left(self, story: Story) -> None:
        story.at("2023-01-03 08:30")
        story.open("implementation")
        story.only(NORTH)
        assert "新交办 1 件" in story.letter("north")
        assert "新交办" not in story.letter("south")
        assert "取消" in story.letter("south")


class TestCatchingUp:
    def test_after_72_hours_of_silence_each_unit_gets_one_digest_with_one_reminder(self, story: Story) -> None:
        story.at("2022-11-01")
        story.open("launch")
        refs = [f"2022/liaison/{unit}" for unit in UNITS]
        story.sign(*refs, "2022/scheme/T1/edu", "2022/scheme/S1/finance")
        story.patrol("2022-11-10 17:30")
        story.told()
        # T-3 (Saturday, so Friday) and T-1 (Monday) fell while nobody looked; the blue of T-3 stays.
        done = story.patrol("2022-11-14 08:30")
        story.expect(*((unit, "blue reminder", f"2022/liaison/{unit}") for unit in UNITS))
        assert done
        assert (done.letters, done.messages) == (4, 4)
        assert [step for step, _ in steps(story)].count("T-3") == 4

    def test_an_outage_across_the_deadline(self, north: Story) -> None:
        north.patrol("2023-12-18")
        north.told()
        north.patrol("2023-12-26")
        north.expect(*about(("north", "red overdue"), ("edu", "red overdue"), ("office", "red overdue")))

    def test_a_holiday_week_with_moved_weekends(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.only(HALF_YEAR)
        story.sign(HALF_YEAR)
        story.at("2023-06-01")
        story.ask_extension(HALF_YEAR, "2023-10-01")
        story.grant(HALF_YEAR)
        story.patrol("2023-09-08")
        story.told()
        assert story.row(HALF_YEAR).due_on == dt.date(2023, 10, 7)
        told = story.patrol_daily("2023-09-11", "2023-10-13")
        assert told == {
            # T-7, T-3 and T-1 all fall into the holiday: said once, on the last day of work before it.
            "2023-09-28": about(("north", "blue reminder"), ref=HALF_YEAR),
            "2023-10-07": about(("north", "reminder"), ref=HALF_YEAR),  # a Saturday that is worked
            "2023-10-08": about(("north", "red overdue"), ref=HALF_YEAR),  # a Sunday that is worked
            "2023-10-10": about(("office", "red overdue"), ref=HALF_YEAR),
            "2023-10-13": about(("north", "red overdue"), ref=HALF_YEAR),  # a week of work later
        }

    def test_on_a_day_off_a_letter_waits(self, north: Story) -> None:
        north.at("2023-10-02")
        north.submit(NORTH)
        assert north.patrol().waiting == 1
        north.expect()
        north.patrol("2023-10-07")
        north.expect(*about(("edu", "to_review")))


def asking(story: Story) -> tuple[list[str], int]:
    """Whose requests for more time the office sees waiting, and how many it is told of."""
    with transaction() as session:
        plan = plan_of(session, story.plan)
        office = body_of(session, plan.id, UnitKind.OFFICE)
        count = waiting(session, plan, office, plan.day_of(clock.now())).extensions
        return [one.ref for one in requests.extensions(session, plan)], count


class TestExtensions:
    def test_the_old_steps_stop_and_the_new_ones_start(self, north: Story) -> None:
        north.patrol("2023-11-20")
        north.expect(*about(("north", "reminder")))
        north.at("2023-12-14")
        north.ask_extension(NORTH, "2024-01-31", "等待上级文件")
        north.patrol()
        north.expect(*about(("office", "extension_asked"), ("north", "reminder")))
        assert "申请延至：2024年1月31日" in north.letter("office")
        north.grant(NORTH)
        north.patrol()
        north.expect(*about(("north", "extension_granted")))
        assert "2024年1月31日" in north.letter("north")
        assert "2023年12月20日" in north.letter("north"), "the original date stays visible"
        told = north.patrol_daily("2023-12-15", "2024-02-02")
        del told["2024-01-02"]  # the last day of the phase is told to the office
        assert told == {
            "2023-12-29": about(("north", "reminder")),
            "2024-01-24": about(("north", "reminder")),
            "2024-01-26": about(("north", "blue reminder")),
            "2024-01-30": about(("north", "reminder")),
            "2024-01-31": about(("north", "reminder")),
            "2024-02-01": about(("north", "red overdue"), ("edu", "red overdue")),
        }
        row = north.row(NORTH)
        assert (row.planned_due_on, row.due_on) == (dt.date(2023, 12, 20), dt.date(2024, 1, 31))

    def test_silence_is_not_consent(self, north: Story) -> None:
        north.at("2023-12-18")
        north.ask_extension(NORTH, "2024-01-31")
        north.patrol_daily("2023-12-18", "2023-12-20")
        north.told()
        north.patrol("2023-12-21")
        north.expect(*about(("north", "red overdue"), ("edu", "red overdue")))
        assert north.row(NORTH).due_on == dt.date(2023, 12, 20)

    def test_asked_in_time_and_granted_late_it_is_no_blot_but_the_red_days_stay_red(self, north: Story) -> None:
        north.at("2023-12-18")
        north.ask_extension(NORTH, "2023-12-29")
        north.at("2023-12-25")
        north.grant(NORTH)
        north.at("2023-12-28")
        north.settle(NORTH)
        lights = [north.light(NORTH, f"2023-12-{day}").value for day in (20, 21, 26, 28)]
        assert lights == ["blue", "red", "blue", "green"]

    def test_for_what_is_handed_in_meanwhile_nobody_has_to_decide_until_it_comes_back(self, north: Story) -> None:
        north.at("2023-12-01")
        north.ask_extension(NORTH, "2024-01-31")
        assert asking(north) == ([NORTH], 1)
        north.submit(NORTH)
        assert asking(north) == ([], 0)
        north.send_back(NORTH)
        assert asking(north) == ([NORTH], 1)
        north.grant(NORTH)
        assert asking(north) == ([], 0)

    def test_nor_for_what_is_settled_or_waived(self, north: Story) -> None:
        north.at("2023-12-01")
        north.ask_extension(NORTH, "2024-01-31")
        north.settle(NORTH)
        assert asking(north) == ([], 0)

    def test_what_is_waived_is_not_asked_for_either(self, north: Story) -> None:
        north.at("2023-12-01")
        north.ask_extension(NORTH, "2024-01-31")
        north.waive(NORTH)
        assert asking(north) == ([], 0)

    @pytest.mark.parametrize(
        ("day", "until", "reason", "why"),
        [
            ("2023-12-21", "2024-01-31", "忙", "it was due on 2023-12-20; more time is asked for before the deadline"),
            ("2023-12-01", "2023-12-20", "忙", "2023-12-20 is not later than 2023-12-20"),
            ("2023-12-01", "2024-01-31", "  ", "a reason is needed"),
        ],
    )
    def test_refused_at_once_with_the_reason(self, north: Story, day: str, until: str, reason: str, why: str) -> None:
        north.at(day)
        with pytest.raises(RefusedError, match=why):
            north.ask_extension(NORTH, until, reason)
        north.deliver()
        north.expect()

    def test_a_refusal_needs_a_reason_and_the_steps_go_on(self, north: Story) -> None:
        north.at("2023-12-01")
        north.ask_extension(NORTH, "2024-01-31")
        with pytest.raises(RefusedError, match="an earlier request is not decided yet"):
            north.ask_extension(NORTH, "2024-02-28")
        with pytest.raises(RefusedError, match="say why"):
            north.refuse(NORTH, reason=" ")
        with pytest.raises(RefusedError, match="only the leading-group office"):
            north.grant(NORTH, unit="edu")
        north.refuse(NORTH)
        with pytest.raises(NotFoundError, match="no extension waits"):
            north.grant(NORTH)
        north.patrol("2023-12-13")
        north.expect(*about(("north", "extension_refused"), ("north", "reminder")))

    def test_asked_again_on_the_day_of_the_refusal_the_office_hears_of_what_is_not_decided(self, north: Story) -> None:
        north.at("2023-12-01")
        north.ask_extension(NORTH, "2024-01-31")
        north.refuse(NORTH)
        north.ask_extension(NORTH, "2023-12-29")
        north.deliver()
        north.expect(*about(("office", "extension_asked"), ("north", "extension_refused")))


class TestHandingIn:
    def test_one_submission_serves_several_assignments_of_one_unit(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        both = (NORTH, "2023/delivery/T1.2/north")
        story.only(*both, LEAD)
        story.submit(*both)
        story.deliver()
        story.expect(*(("edu", "to_review", ref) for ref in both))
        with pytest.raises(RefusedError, match="for assignments of one unit; these are of 2"):
            story.submit(*both, LEAD)
        with pytest.raises(IllegalMoveError, match="cannot become submitted: it is submitted"):
            story.submit(NORTH)
        with pytest.raises(RefusedError, match="needs a file, a figure or a note"):
            story.submit(LEAD, note=" ")
        with pytest.raises(NotFoundError, match="no assignment 2023/delivery/T9/north, x in the plan tiny"):
            story.submit(NORTH, "2023/delivery/T9/north", "x")

    def test_signing_twice_is_signing_once(self, story: Story) -> None:
        story.at("2022-11-01")
        story.open("launch")
        assert [story.sign("2022/liaison/edu", "2022/scheme/T1/edu") for _ in range(2)] == [2, 0]


class TestReviews:
    def test_returned_it_has_a_new_date_and_a_yellow_light(self, north: Story) -> None:
        north.at("2023-12-18")
        north.submit(NORTH)
        north.at("2023-12-19")
        north.send_back(NORTH, "缺盖章")
        north.patrol()
        north.expect(*about(("north", "returned")))
        assert "缺盖章" in north.letter("north")
        row = north.row(NORTH)
        assert (row.planned_due_on, row.due_on) == (dt.date(2023, 12, 20), dt.date(2023, 12, 26))
        assert north.light(NORTH, "2023-12-19") == "yellow"
        assert north.patrol_daily("2023-12-20", "2023-12-27") == {
            "2023-12-22": about(("north", "blue reminder")),
            "2023-12-25": about(("north", "reminder")),
            "2023-12-26": about(("north", "reminder")),
            "2023-12-27": about(("north", "red overdue"), ("edu", "red overdue")),
        }

    def test_returned_long_before_its_date_it_keeps_it(self, north: Story) -> None:
        north.at("2023-03-01")
        north.submit(NORTH)
        north.send_back(NORTH)
        assert north.row(NORTH).due_on == dt.date(2023, 12, 20)

    def test_two_returns_on_one_day_are_two_messages(self, north: Story) -> None:
        north.at("2023-03-01")
        for _ in range(2):
            north.submit(NORTH)
            north.send_back(NORTH)
        north.deliver()
        north.expect(*about(("north", "returned"), ("north", "returned")))

    def test_late_and_made_good_it_is_yellow_and_the_red_days_stay_red(self, north: Story) -> None:
        north.at("2023-12-22")
        north.settle(NORTH)
        before = {day: north.light(NORTH, f"2023-12-{day:02}").value for day in range(15, 32)}
        assert before == (
            dict.fromkeys(range(15, 17), "off")
            | dict.fromkeys(range(17, 21), "blue")
            | {21: "red"}
            | dict.fromkeys(range(22, 32), "yellow")
        )
        assert north.standing(NORTH, "2023-12-31").was_late

    def test_whatever_follows_past_lights_stay_as_they_were(self, north: Story) -> None:
        deeds: list[tuple[str, Callable[[], None]]] = [
            ("2023-12-14", lambda: north.ask_extension(NORTH, "2023-12-27")),
            ("2023-12-22", lambda: north.grant(NORTH)),
            ("2023-12-28", lambda: north.submit(NORTH)),
            ("2023-12-29", lambda: north.send_back(NORTH)),
            ("2024-01-04", lambda: north.submit(NORTH)),
            ("2024-01-08", lambda: north.accept(NORTH)),
        ]
        days = [dt.date(2023, 12, 10) + dt.timedelta(days=n) for n in range(30)]
        seen: dict[dt.date, str] = {}
        for when, deed in deeds:
            seen |= {day: north.light(NORTH, str(day)) for day in days if str(day) < when and day not in seen}
            north.at(when)
            deed()
        now = {day: north.light(NORTH, str(day)) for day in days}
        assert {day: now[day] for day in seen} == seen
        assert set(now.values()) == {"off", "blue", "red", "yellow"}

    def test_a_lead_waits_for_its_responsible_units_and_hears_which(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.submit(LEAD)
        story.settle(NORTH)
        story.waive("2023/delivery/T1.1/finance")
        with pytest.raises(BlockedError) as refused:
            story.accept(LEAD)
        assert [reason.facts for reason in refused.value.reasons] == [
            {"ref": "2023/delivery/T1.1/south", "status": Status.ISSUED}
        ]
        assert story.row(LEAD).status is Status.SUBMITTED
        story.settle("2023/delivery/T1.1/south")
        story.accept(LEAD)
        assert story.row(LEAD).status is Status.ACCEPTED

    def test_who_may_not_review(self, north: Story) -> None:
        north.at("2023-03-01")
        with pytest.raises(IllegalMoveError, match="has nothing to review: it is acknowledged"):
            north.accept(NORTH)
        north.submit(NORTH)
        with pytest.raises(RefusedError, match="handed in by 张三; somebody else"):
            north.accept(NORTH, by=CLERK)
        for unit in ("office", "north", "south"):
            with pytest.raises(RefusedError, match="is reviewed by edu"):
                north.accept(NORTH, unit=unit)
        with pytest.raises(RefusedError, match="say why it is returned"):
            north.send_back(NORTH, reason=" ")
        assert north.row(NORTH).status is Status.SUBMITTED

    def test_a_version_that_was_overtaken_is_not_decided_on(self, north: Story) -> None:
        north.at("2023-03-01")
        north.submit(NORTH)
        north.send_back(NORTH, version=1)
        north.submit(NORTH)
        with pytest.raises(RefusedError, match="version 1 was looked at, but version 2 came in since"):
            north.accept(NORTH, version=1)
        north.accept(NORTH, version=2)

    def test_only_the_office_waives_and_says_why(self, north: Story) -> None:
        with pytest.raises(RefusedError, match="only the leading-group office"):
            north.waive(NORTH, unit="edu")
        with pytest.raises(RefusedError, match="say why it is waived"):
            north.waive(NORTH, reason="")
        north.waive(NORTH)
        north.patrol_daily("2023-12-13", "2023-12-28")
        assert north.row(NORTH).status is Status.WAIVED
        with pytest.raises(IllegalMoveError, match="cannot become submitted: it is waived"):
            north.submit(NORTH)

    def test_a_rework_date_in_an_unpublished_year_is_provisional(
        self, north: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
        north.at("2023-12-28")
        north.submit(NORTH)
        north.send_back(NORTH)
        row = north.row(NORTH)
        assert (row.due_on, row.due_provisional) == (dt.date(2024, 1, 4), True)


class TestPlansThatBeganInThePast:
    def test_a_plan_wholly_in_the_past_is_one_backlog_digest(self, story: Story) -> None:
        story.at("2026-03-02")
        issued = [
            story.open("launch").issued,
            story.open("implementation").issued,
            story.open("acceptance").issued,
        ]
        assert issued == [6, 17, 11]
        story.patrol()
        story.expect(("office", "backlog", "tiny"))
        assert "34" in story.letter("office")
        assert story.patrol_daily("2026-03-02", "2026-04-30") == {}
        with transaction() as session:
            assert session.scalar(select(func.count()).select_from(Message)) == 1
            assert set(session.scalars(select(Escalation.historic))) == {True}

    def test_a_plan_that_goes_live_in_the_middle_of_a_year(self, story: Story) -> None:
        document = dataclasses.replace(read_plan(TINY), go_live_on=dt.date(2023, 6, 1))
        with transaction() as session:
            load_plan(session, document, actor=Actor("test"), at=clock.now())
        story.at("2023-06-01")
        story.open("implementation")
        story.patrol()
        # The first quarter is history and one line to the office; what is still ahead is handed out.
        issued = [(unit, "issued", "implementation-2023") for unit in UNITS]
        story.expect(*issued, ("office", "backlog", "tiny"))
        refs = [f"2023H1/progress/{unit}" for unit in ("finance", "north", "south")]
        assert story.patrol_daily("2023-06-02", "2023-06-27") == {
            # T-7 is in the dragon-boat holiday, T-3 after a Sunday that is worked.
            "2023-06-21": [(ref.rpartition("/")[2], "reminder", ref) for ref in refs],
            "2023-06-27": [(ref.rpartition("/")[2], "blue reminder", ref) for ref in refs],
        }


class TestGates:
    def test_closing_with_open_work_is_refused_and_says_what_is_open(self, north: Story) -> None:
        gate = north.answer("implementation", "close")
        assert (gate.refused, gate.blocking, gate.round) == (True, [NORTH], 1)
        assert self.phase(north) == ("open", "2023-12-31")
        assert north.answer("implementation", "keep open").round == 2

    def test_of_very_many_that_are_open_some_are_named_and_all_are_counted(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        everything = story.answer("implementation", "close")
        monkeypatch.setattr("models.phases.gate.MAX_NAMED", 2)
        some = story.answer("implementation", "close")
        assert (everything.still_open, some.still_open) == (len(everything.blocking or []),) * 2
        assert some.blocking == (everything.blocking or [])[:2]
        decided = [event.detail and event.detail["open"] for event in events(EventKind.GATE_DECIDED)]
        assert decided == [everything.still_open] * 2

    def test_an_override_closes_and_is_journalled(self, north: Story) -> None:
        gate = north.answer("implementation", "close", override="组长会议决定")
        assert not gate.refused
        assert self.phase(north)[0] == "closed"
        decided = events(EventKind.GATE_DECIDED)[-1]
        assert (decided.why, decided.actor) == ("组长会议决定", "王五")
        assert decided.detail
        assert (decided.detail["overridden"], decided.detail["open"]) == (True, 1)
        with pytest.raises(IllegalMoveError, match="its gate asks nothing"):
            north.answer("implementation", "keep open")

    def test_extending_moves_the_end_and_asks_again(self, north: Story) -> None:
        north.at("2024-01-02")
        with pytest.raises(RefusedError, match="give a date after 2024-01-02"):
            north.answer("implementation", "extend", until="2024-01-02")
        north.answer("implementation", "extend", until="2024-01-31")
        assert self.phase(north) == ("open", "2024-01-31")
        told = north.patrol_daily("2024-01-02", "2024-02-02")
        assert [day for day, news in told.items() for one in news if one[1] == "gate_due"] == ["2024-02-01"]

    def test_an_extension_shortens_no_phase(self, north: Story) -> None:
        north.at("2023-06-01")
        with pytest.raises(RefusedError, match="give a date after 2023-12-31"):
            north.answer("implementation", "extend", until="2023-09-01")
        assert self.phase(north) == ("open", "2023-12-31")

    def test_a_decision_needs_a_reason(self, north: Story) -> None:
        with pytest.raises(RefusedError, match="a reason is needed"):
            north.answer("implementation", "keep open", reason=" ")

    def test_when_all_is_settled_the_office_hears_it_once_and_decides_itself(self, north: Story) -> None:
        north.at("2023-05-04")
        north.settle(NORTH)
        told = north.patrol_daily("2023-05-04", "2023-05-31")
        ready = ("office", "gate_ready", "implementation-2023")
        assert told == {"2023-05-04": sorted([*about(("north", "accepted")), ready])}
        assert self.phase(north)[0] == "open"
        gate = north.answer("implementation", "close")
        assert (gate.refused, gate.blocking) == (False, [])
        assert north.patrol_daily("2023-06-01", "2023-06-02") == {}

    def test_an_answer_in_the_form_that_cannot_be_carried_out_is_asked_for_again(self, north: Story) -> None:
        scope, place = by_program(north.plan), (PhaseKind.IMPLEMENTATION, 2023)
        wrong = Answer(GateDecision.EXTEND, "王五", "还差一件", until=dt.date(2022, 1, 1))
        assert gates.decide_as_typed(scope, place, 1, wrong) is PhaseStatus.OPEN
        again = gates.ask(scope, place)
        assert isinstance(again, WaitingRound)
        assert (again.number, again.still_open) == (2, 1)
        assert "the answer was incomplete" in gate_text(again)
        right = Answer(GateDecision.CLOSE, "王五", "已到期", override_reason="组长会议决定")
        assert gates.decide_as_typed(scope, place, 2, right) is PhaseStatus.CLOSED
        assert gates.ask(scope, place) == Closing("implementation-2023", "王五", "组长会议决定", overridden=True)

    def test_an_answer_in_the_form_waits_for_a_person_where_the_settings_say_so(
        self, north: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Prefect knows nobody: whoever reaches its pages could close a phase in the director's name."""
        monkeypatch.setenv("DUBAN_GATE_CONFIRMED", "true")
        settings.cache_clear()
        scope, place = by_program(north.plan), (PhaseKind.IMPLEMENTATION, 2023)
        typed = Answer(GateDecision.CLOSE, "组长", "已到期", override_reason="会议决定")
        assert gates.decide_as_typed(scope, place, 1, typed) is PhaseStatus.OPEN
        again = gates.ask(scope, place)
        assert isinstance(again, WaitingRound)
        assert again.number == 2
        assert "waits until the office confirms it in the portal" in gate_text(again)

        office = enter(north.plan, "office", name="李主任")
        with transaction() as session:
            phase = phase_of(session, plan_of(session, north.plan), PhaseKind.IMPLEMENTATION, 2023).id
        office.get(f"/phases/{phase}")
        assert "somebody answered so, as 组长" in office.words
        assert "waits for its confirmation" in office.words
        assert 'value="close" checked' in office.page.text
        assert "会议决定" in office.page.text
        office.post(f"/phases/{phase}/gate", round=2, decision="close", reason="已到期", override_reason="会议决定")
        assert gates.ask(scope, place) == Closing("implementation-2023", "李主任", "会议决定", overridden=True)

    def test_an_answer_that_comes_twice_is_carried_out_once(self, north: Story) -> None:
        scope, place = by_program(north.plan), (PhaseKind.IMPLEMENTATION, 2023)
        keep = Answer(GateDecision.KEEP_OPEN, "王五", "还差一件")
        for _ in range(2):
            assert gates.decide_as_typed(scope, place, 1, keep) is PhaseStatus.OPEN
        waiting = gates.ask(scope, place)
        assert isinstance(waiting, WaitingRound)
        assert waiting.number == 2

    def phase(self, story: Story) -> tuple[str, str]:
        with transaction() as session:
            phase = phase_of(session, plan_of(session, story.plan), PhaseKind.IMPLEMENTATION)
            return phase.status.value, phase.ends_on.isoformat()


def check_due(on: dt.date, *, plan: OnDayOff | None = None, requirement: OnDayOff | None = None) -> None:
    """The last requirement of the tiny plan, due on another day; where a day off moves to, by plan and requirement."""
    document = read_plan(TINY)
    *others, check = document.requirements
    check = dataclasses.replace(check, due={"2024": on}, on_day_off=requirement)
    changed = dataclasses.replace(document, requirements=(*others, check), on_day_off=plan)
    with transaction() as session:
        load_plan(session, changed, actor=Actor("test"), at=clock.now())


def forget_days() -> None:
    for kept in (next_look, _count, _judged):  # for a process, which knows one calendar
        kept.cache_clear()


@dataclasses.dataclass
class Festival:
    """One item due on Monday 2024-02-19, after the Spring Festival, in a calendar that is amended."""

    story: Story
    monkeypatch: pytest.MonkeyPatch

    def begin(self, due: dt.date = dt.date(2024, 2, 19), *, everything: bool = False) -> None:
        check_due(due)
        self.story.at("2024-01-02")
        self.story.open("acceptance")
        if not everything:
            self.story.only(TestAnAmendedCalendar.MINE)
            self.story.sign(TestAnAmendedCalendar.MINE)
        self.story.patrol("2024-02-06")
        self.story.told()

    def lengthen(self, *off: dt.date) -> None:
        """These are days off as well; without any, it is as it was published first."""
        self.monkeypatch.setattr(
            "models.dates.workdays._is_worked_in_china",
            lambda day: day not in off and bool(chinese_calendar.is_workday(day)),
        )
        forget_days()

    def count(self) -> int:
        with transaction() as session:
            return session.scalar(select(func.count()).select_from(Assignment)) or 0

    def check_audit(self) -> None:
        with transaction() as session:
            plan = plan_of(session, self.story.plan)
            assert [one.problems for one in audit(session, plan, until=clock.now()) if one.problems] == []


@pytest.fixture
def festival(story: Story, monkeypatch: pytest.MonkeyPatch) -> Festival:
    made = Festival(story, monkeypatch)
    made.begin()
    return made


class TestProvisionalDates:
    def test_where_the_date_stays_the_reminders_before_it_move_all_the_same(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_due(dt.date(2024, 10, 16))
        mine = "2024/self-check/S1/north"
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
            next_look.cache_clear()
            story.at("2023-10-09")
            story.open("acceptance")
            story.only(mine)
            story.sign(mine)
            story.patrol("2023-10-10")
        next_look.cache_clear()
        story.patrol("2023-10-26")
        assert story.row(mine).due_on == dt.date(2024, 10, 16)
        # 30 days before it is a Monday in the holiday: the Saturday before is worked instead.
        assert story.patrol_daily("2024-09-13", "2024-09-16") == {"2024-09-14": about(("north", "reminder"), ref=mine)}

    def test_a_row_whose_date_cannot_be_settled_is_set_aside_and_the_others_are_told(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_due(dt.date(2024, 10, 2))
        bad, good = "2024/self-check/S1/north", "2024/self-check/S1/south"
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
            story.at("2023-10-09")
            story.open("acceptance")
            story.only(bad, good)
            story.sign(bad, good)
            story.patrol("2023-10-10")
        with transaction() as session:
            beyond = {"status": Status.SUBMITTED, "submitted_on": dt.date(9999, 12, 31)}
            session.execute(update(Assignment).where(Assignment.id == story.row(bad).id).values(**beyond))
        story.patrol("2023-10-26")
        story.expect(("south", "due_moved", good), ("office", "set_aside", bad))
        assert story.row(bad).needs_attention.startswith("OverflowError")
        assert story.row(good).due_on == dt.date(2024, 10, 8)

    def test_a_calendar_that_comes_out_late_lets_no_step_fire_twice_and_none_fail(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mine = "2022/liaison/north"
        story.at("2022-11-01")
        story.open("launch")
        story.only(mine)
        story.sign(mine)
        story.ask_extension(mine, "2022-12-30")
        story.grant(mine)
        story.patrol_daily("2022-11-02", "2022-12-30")
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2022)
            next_look.cache_clear()  # it is kept for a process, which knows one calendar
            # By weekends these are the 1st and the 3rd working day after it; in truth the 2nd was one off.
            told = story.patrol_daily("2022-12-31", "2023-01-04")
            assert [what for day in told.values() for _, what, ref in day if ref == mine] == ["red overdue"] * 2
        next_look.cache_clear()
        told = story.patrol_daily("2023-01-05", "2023-01-20")
        assert [(day, who) for day, news in told.items() for who, _, ref in news if ref == mine] == [
            ("2023-01-10", "north"),
            ("2023-01-16", "leader"),
            ("2023-01-17", "north"),
            ("2023-01-19", "office"),
        ]
        assert story.row(mine).needs_attention == ""
        with transaction() as session:
            plan = plan_of(session, story.plan)
            assert [one.problems for one in audit(session, plan, until=clock.now()) if one.problems] == []

    def test_a_date_in_the_last_week_settles_when_the_next_year_comes_out(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_due(dt.date(2024, 12, 31))
        mine = "2024/self-check/S1/north"
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2024)
            story.at("2024-10-08")
            story.open("acceptance")
            story.only(mine)
            story.sign(mine)
            for _ in range(2):
                story.patrol()
                story.expect()
                row = story.row(mine)
                assert (row.due_on, row.due_provisional) == (dt.date(2024, 12, 31), True)
        # The notice on 2025 is out, and leaves it a working day.
        story.patrol("2024-11-13")
        story.expect()
        assert (story.row(mine).due_on, story.row(mine).due_provisional) == (dt.date(2024, 12, 31), False)

    def test_a_date_settles_when_the_calendar_of_its_year_comes_out(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        check_due(dt.date(2024, 10, 2))
        mine = "2024/self-check/S1/north"
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
            story.at("2023-10-09")
            story.open("acceptance")
            story.only(mine)
            story.sign(mine)
            assert (story.row(mine).due_on, story.row(mine).due_provisional) == (dt.date(2024, 10, 2), True)
            story.patrol("2023-10-10")
            story.expect()
        # The notice on 2024 is out: the 2nd of October is in the holiday, and the 8th is the next day of work.
        story.patrol("2023-10-26")
        story.expect(("north", "due_moved", mine))
        row = story.row(mine)
        assert (row.due_on, row.due_provisional, row.planned_due_on) == (
            dt.date(2024, 10, 8),
            False,
            dt.date(2024, 10, 2),
        )
        story.patrol("2024-09-24")
        story.expect(("north", "reminder", mine))  # the T-30 of an outage
        assert story.patrol_daily("2024-09-25", "2024-10-09") == {
            "2024-09-30": about(("north", "blue reminder"), ref=mine),
            "2024-10-08": about(("north", "reminder"), ref=mine),
            "2024-10-09": about(("north", "red overdue"), ("finance", "red overdue"), ref=mine),
        }


class TestWhereADateOnADayOffMoves:
    CHECK = "2024/self-check/S1/north"

    def open(self, story: Story, due: dt.date, **said: OnDayOff) -> Assignment:
        check_due(due, **said)
        story.at("2023-10-09")
        story.open("acceptance")
        story.only(self.CHECK)
        story.sign(self.CHECK)
        story.patrol("2023-10-10")
        story.told()
        return story.row(self.CHECK)

    @pytest.mark.parametrize(
        ("said", "due_on"),
        [
            ({}, "2024-10-21"),
            ({"plan": OnDayOff.EARLIER}, "2024-10-18"),
            ({"requirement": OnDayOff.EARLIER}, "2024-10-18"),
            ({"plan": OnDayOff.EARLIER, "requirement": OnDayOff.LATER}, "2024-10-21"),
        ],
    )
    def test_by_the_20th_on_a_sunday(self, story: Story, said: dict[str, OnDayOff], due_on: str) -> None:
        row = self.open(story, dt.date(2024, 10, 20), **said)
        assert (row.planned_due_on.isoformat(), row.due_on.isoformat()) == ("2024-10-20", due_on)

    def test_before_a_holiday_that_is_published_later(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as unpublished:
            unpublished.setattr("models.dates.workdays._is_published", lambda year: year <= 2023)
            row = self.open(story, dt.date(2024, 10, 6), plan=OnDayOff.EARLIER)
            assert (row.due_on, row.due_provisional) == (dt.date(2024, 10, 4), True)
        story.patrol("2023-10-26")
        story.expect(("north", "due_moved", self.CHECK))
        row = story.row(self.CHECK)
        assert (row.due_on, row.due_provisional) == (dt.date(2024, 9, 30), False)
        story.patrol("2023-10-27")
        story.expect()

    def test_what_is_handed_out_on_the_weekend_itself_is_not_overdue_at_once(self, story: Story) -> None:
        check_due(dt.date(2024, 10, 20), plan=OnDayOff.EARLIER)
        story.at("2022-11-01")
        story.open("launch")
        story.at("2024-10-19")
        story.open("acceptance")
        assert story.row(self.CHECK).due_on == dt.date(2024, 10, 21)
        story.patrol("2024-10-20")
        assert story.row(self.CHECK).due_on == dt.date(2024, 10, 21)

    def test_more_time_ends_on_the_day_after_in_any_case(self, story: Story) -> None:
        self.open(story, dt.date(2024, 10, 20), plan=OnDayOff.EARLIER)
        story.ask_extension(self.CHECK, "2024-11-03")
        story.grant(self.CHECK)
        assert story.row(self.CHECK).due_on == dt.date(2024, 11, 4)

    def test_a_plan_that_says_nothing_of_it_is_stored_as_before(self) -> None:
        document = read_plan(TINY)
        assert "on_day_off" not in repr(content_of(document))
        earlier = dataclasses.replace(document, on_day_off=OnDayOff.EARLIER)
        assert differences(content_of(document), content_of(earlier)) == ["on_day_off: - → earlier"]


class TestDaysThatAreTooFarAway:
    FAR = pytest.mark.parametrize("day", ["2021-12-31", "2026-01-01", "2123-06-30", "9999-12-31"])
    SAYS = "too far away; this plan takes dates from 2022-01-01 to 2025-12-31"

    @FAR
    def test_more_time(self, north: Story, day: str) -> None:
        with pytest.raises(RefusedError, match=self.SAYS):
            north.ask_extension(NORTH, day)
        north.ask_extension(NORTH, "2025-12-31")

    @FAR
    def test_a_request_that_was_taken_before_is_not_granted(self, north: Story, day: str) -> None:
        north.ask_extension(NORTH, "2024-02-01")
        with transaction() as session:
            session.execute(update(Extension).values(until=dt.date.fromisoformat(day)))
        with pytest.raises(RefusedError, match=self.SAYS):
            north.grant(NORTH)
        north.refuse(NORTH)

    @FAR
    def test_the_new_date_of_what_is_excused(self, north: Story, day: str) -> None:
        north.at("2023-12-28")
        north.object(NORTH, "light")
        with pytest.raises(RefusedError, match=self.SAYS):
            north.decide_objection(NORTH, upheld=True, until=day)
        north.decide_objection(NORTH, upheld=True, until="2024-01-31")

    @FAR
    def test_a_finding(self, north: Story, day: str) -> None:
        with pytest.raises(RefusedError, match=self.SAYS):
            north.raise_finding("north", due=day)

    @FAR
    def test_a_phase_that_is_kept_open(self, north: Story, day: str) -> None:
        answer = Answer(GateDecision.EXTEND, DIRECTOR, "延期", until=dt.date.fromisoformat(day))
        with pytest.raises(RefusedError, match=self.SAYS):
            gates.decide(north._office(), (PhaseKind.IMPLEMENTATION, None), answer, via=Via.COMMAND)


class TestAnAmendedCalendar:
    """The State Council amends a year that it has published: in January 2020 the Spring Festival became longer."""

    MINE = "2024/self-check/S1/north"

    @pytest.fixture(autouse=True)
    def forgotten(self) -> Iterator[None]:
        yield
        forget_days()

    def test_a_date_that_became_a_day_off_moves_once_and_the_unit_is_told(self, festival: Festival) -> None:
        story = festival.story
        assert story.patrol_daily("2024-02-12", "2024-02-14") == {}
        festival.lengthen(dt.date(2024, 2, 19), dt.date(2024, 2, 20))
        story.patrol("2024-02-15")
        row = story.row(self.MINE)
        assert (row.planned_due_on, row.due_on, row.due_provisional) == (
            dt.date(2024, 2, 19),
            dt.date(2024, 2, 21),
            False,
        )
        # Letters wait for the next day of work, which is the last before the date, too.
        assert story.patrol_daily("2024-02-16", "2024-02-20") == {
            "2024-02-18": about(("north", "due_moved"), ("north", "blue reminder"), ref=self.MINE)
        }
        assert [entry.due_after for entry in events(EventKind.DUE_MOVED)] == [dt.date(2024, 2, 21)]
        story.at("2024-02-21")
        story.submit(self.MINE)
        assert not story.row(self.MINE).late
        festival.check_audit()

    def test_who_handed_in_by_the_new_date_before_the_program_knew_it_was_not_late(self, festival: Festival) -> None:
        story = festival.story
        story.at("2024-02-21")
        story.submit(self.MINE)
        assert story.row(self.MINE).late
        festival.lengthen(dt.date(2024, 2, 19), dt.date(2024, 2, 20))
        story.patrol("2024-02-22")
        assert not story.row(self.MINE).late
        assert len(events(EventKind.EXCUSED)) == 1

    def test_who_handed_in_after_the_new_date_stays_late(self, festival: Festival) -> None:
        story = festival.story
        story.at("2024-02-22")
        story.submit(self.MINE)
        festival.lengthen(dt.date(2024, 2, 19), dt.date(2024, 2, 20))
        story.patrol("2024-02-23")
        assert story.row(self.MINE).late
        assert events(EventKind.EXCUSED) == []

    def test_an_overdue_item_gets_no_order_for_a_date_that_moved(self, festival: Festival) -> None:
        story = festival.story
        festival.lengthen(dt.date(2024, 2, 19), dt.date(2024, 2, 20))
        story.patrol("2024-02-21")
        story.expect(("north", "due_moved", self.MINE))
        story.patrol("2024-02-22")
        story.expect(("north", "red overdue", self.MINE), ("finance", "red overdue", self.MINE))

    @pytest.mark.parametrize(
        ("until", "off", "due_on"),
        [
            ("2024-03-05", [dt.date(2024, 2, 19)], "2024-03-05"),  # it is a working day still
            ("2024-03-05", [dt.date(2024, 3, 5)], "2024-03-06"),
            ("2024-03-02", [dt.date(2024, 3, 4)], "2024-03-05"),  # a Saturday, which had become the 4th
        ],
    )
    def test_a_date_that_the_office_set_moves_only_off_a_day_off(
        self, festival: Festival, until: str, off: list[dt.date], due_on: str
    ) -> None:
        story = festival.story
        story.at("2024-02-08")
        story.ask_extension(self.MINE, until)
        story.grant(self.MINE)
        festival.lengthen(*off)
        story.patrol("2024-02-15")
        assert story.row(self.MINE).due_on.isoformat() == due_on
        festival.check_audit()

    def test_the_reminders_of_a_date_that_stays_move_with_the_days_off(self, festival: Festival) -> None:
        story = festival.story
        festival.lengthen(dt.date(2024, 2, 16), dt.date(2024, 2, 18))  # T-3 and the day before the date
        assert story.patrol_daily("2024-02-07", "2024-02-19") == {
            "2024-02-09": about(("north", "blue reminder"), ref=self.MINE),
            "2024-02-19": about(("north", "reminder"), ref=self.MINE),
        }

    def test_a_step_that_fired_on_what_is_a_day_off_by_now_was_right_and_fires_once(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        festival = Festival(story, monkeypatch)
        festival.begin(dt.date(2024, 2, 9))
        red = about(("north", "red overdue"), ("finance", "red overdue"), ref=self.MINE)
        # A Sunday that was to be worked in place of a day of the festival.
        assert story.patrol_daily("2024-02-07", "2024-02-18")["2024-02-18"] == red
        festival.lengthen(dt.date(2024, 2, 18))
        assert story.patrol_daily("2024-02-19", "2024-02-20") == {}
        festival.check_audit()
        assert story.patrol_daily("2024-02-21", "2024-02-21") == {
            "2024-02-21": about(("office", "red overdue"), ref=self.MINE)
        }
        festival.check_audit()

    def test_no_date_moves_back_to_a_day_that_has_passed(self, festival: Festival) -> None:
        story = festival.story
        festival.lengthen(dt.date(2024, 2, 19), dt.date(2024, 2, 20))
        story.patrol("2024-02-15")
        festival.lengthen()
        story.patrol("2024-02-20")
        assert story.row(self.MINE).due_on == dt.date(2024, 2, 21)

    def test_a_row_that_is_set_aside_is_looked_at_once_it_is_given_back(self, festival: Festival) -> None:
        story = festival.story
        with transaction() as session:
            found = update(Assignment).where(Assignment.id == story.row(self.MINE).id)
            session.execute(found.values(needs_attention="made up", next_action_at=None))
        festival.lengthen(dt.date(2024, 2, 19))
        story.patrol("2024-02-15")
        assert (story.row(self.MINE).due_on, story.row(self.MINE).due_provisional) == (dt.date(2024, 2, 19), True)
        story.release(self.MINE)
        story.patrol("2024-02-16")
        assert (story.row(self.MINE).due_on, story.row(self.MINE).due_provisional) == (dt.date(2024, 2, 20), False)

    def test_more_rows_than_one_batch_are_all_looked_at(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.patrol.BATCH", 3)
        festival = Festival(story, monkeypatch)
        festival.begin(everything=True)
        festival.lengthen(dt.date(2024, 2, 19))
        story.patrol("2024-02-15")
        assert len(events(EventKind.DUE_MOVED)) == festival.count() > 6
        story.patrol("2024-02-15 10:00")
        assert len(events(EventKind.DUE_MOVED)) == festival.count()

    def test_a_patrol_cut_short_moves_the_rest_and_nothing_twice(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.patrol.BATCH", 3)
        festival = Festival(story, monkeypatch)
        festival.begin(everything=True)
        festival.lengthen(dt.date(2024, 2, 19))
        story.at("2024-02-15")
        scope = by_program(story.plan)
        with transaction() as session:
            follow(session, plan_of(session, story.plan), after=0, limit=3, actor=scope.actor, at=scope.at)
        assert len(events(EventKind.DUE_MOVED)) == 3
        story.patrol()
        assert len({entry.assignment_id for entry in events(EventKind.DUE_MOVED)}) == festival.count()
        assert len(events(EventKind.DUE_MOVED)) == festival.count()

    @pytest.mark.usefixtures("database", "clock")
    def test_a_plan_that_was_just_stored_has_nothing_to_follow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plans.load(read_plan(TINY), actor=Actor("test"), at=moment("2022-10-31"))
        story = Story("tiny", lambda _: None)
        assert not patrol.begin_round(by_program(story.plan)).is_other_calendar
        Festival(story, monkeypatch).lengthen(dt.date(2024, 2, 19))
        plans.load(read_plan(TINY), actor=Actor("test"), at=moment("2022-10-31"))
        assert not patrol.begin_round(by_program(story.plan)).is_other_calendar

    def test_storing_a_plan_again_hides_no_amendment_from_its_open_work(self, festival: Festival) -> None:
        festival.lengthen(dt.date(2024, 2, 19))
        plans.load(read_plan(TINY), actor=Actor("test"), at=moment("2024-02-14"))
        assert patrol.begin_round(by_program(festival.story.plan)).is_other_calendar

    def test_with_the_calendar_as_it_was_no_row_is_read(self, festival: Festival) -> None:
        story = festival.story
        story.patrol("2024-02-12")
        begun = patrol.begin_round(by_program(story.plan))
        assert not begun.is_other_calendar
        festival.lengthen(dt.date(2024, 2, 19))
        assert patrol.begin_round(by_program(story.plan)).is_other_calendar
