"""Findings: raised by the office, put right by chosen units, checked and closed; a plan loaded again leaves them be."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import func, select

from adapters import clock
from adapters.database.sessions import transaction
from adapters.plan_files.reader import read_plan
from models import finding
from models.assignments.assignment import Assignment
from models.common.constraints import MEANINGS
from models.common.errors import BlockedError, NotFoundError, Reason, RefusedError
from models.common.event import Actor, Event, EventKind
from models.common.kinds import Basis, PhaseKind
from models.common.status import Status
from models.common.text import Text
from models.finding import Finding
from models.loading import Loaded, compare, load_plan
from models.plan.area import Role
from models.plan.phase import phase_of
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import Unit, unit_of
from tests.conftest import TINY
from tests.support.scenes import scene
from tests.support.story import DIRECTOR, FINDING, Story, Told

FIRST = "2023/rectify/1"
NORTH, SOUTH = f"{FIRST}/north", f"{FIRST}/south"


@scene
def quiet(story: Story) -> None:
    """The year is open, all that the plan asks for is waived, and it is Monday 2023-05-08."""
    story.at("2023-01-03")
    story.open("implementation")
    story.only()
    story.at("2023-05-08")
    story.patrol()
    story.told()  # that the phase can close


def about(*news: tuple[str, str, str]) -> list[Told]:
    return sorted(news)


def journal(kind: EventKind) -> list[Event]:
    with transaction() as session:
        return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


def count(table: type[Finding | Requirement | Assignment]) -> int:
    with transaction() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def reload(**changes: object) -> None:
    document = dataclasses.replace(read_plan(TINY), **changes)  # type: ignore[arg-type]
    with transaction() as session:
        load_plan(session, document, actor=Actor("test"), at=clock.now())


class TestTheLifeOfAFinding:
    def test_issued_reminded_returned_accepted_checked_and_closed(self, quiet: Story) -> None:
        assert quiet.raise_finding("north", "south", due="2023-05-31") == FIRST
        quiet.deliver()
        quiet.expect(("north", "issued", NORTH), ("south", "issued", SOUTH))
        letter = quiet.letter("north")
        assert "新交办 1 件" in letter
        assert "1. 台账不全（2023年）\n   期限：2023年5月31日 星期三（还有 17 个工作日）" in letter
        assert "为什么办：缺少签到表" in letter
        assert "佐证材料：台账" in letter
        assert "日期为推定，方案未写明" in letter
        assert "查摆整改 1" in letter
        assert "编号：2023/rectify/1/north" in letter

        quiet.sign(NORTH)
        assert quiet.patrol_daily("2023-05-08", "2023-05-26") == {
            "2023-05-11": about(("office", "unsigned", SOUTH)),
            "2023-05-24": about(("north", "reminder", NORTH), ("south", "reminder", SOUTH)),
            "2023-05-26": about(("north", "blue reminder", NORTH), ("south", "blue reminder", SOUTH)),
        }
        quiet.at("2023-05-29")
        quiet.submit(NORTH)
        quiet.deliver()
        quiet.expect(("office", "to_review", NORTH))
        quiet.send_back(NORTH, "缺三月")
        quiet.deliver()
        quiet.expect(("north", "returned", NORTH))
        assert quiet.patrol_daily("2023-05-30", "2023-06-01") == {
            "2023-05-30": about(("south", "reminder", SOUTH)),
            "2023-05-31": about(("south", "reminder", SOUTH)),
            "2023-06-01": about(("south", "red overdue", SOUTH)),
        }
        with pytest.raises(BlockedError) as blocked:
            quiet.close_finding(1)
        assert [reason.facts for reason in blocked.value.reasons] == [
            {"ref": NORTH, "status": Status.RETURNED},
            {"ref": SOUTH, "status": Status.ISSUED},
        ]
        quiet.at("2023-06-02")
        quiet.settle(NORTH)
        quiet.waive(SOUTH)
        quiet.deliver()
        quiet.expect(("north", "accepted", NORTH), ("south", "waived", SOUTH))
        quiet.close_finding(1)
        quiet.deliver()
        quiet.expect()
        with transaction() as session:
            row = session.scalars(select(Finding)).one()
            assert (row.closed_by, row.check_text) == (DIRECTOR, "现场核查，已整改到位")
            assert row.closed_at == clock.now()

    def test_what_is_written(self, quiet: Story) -> None:
        quiet.raise_finding("south", "north", "south", due="2023-05-31")
        with transaction() as session:
            row = session.scalars(select(Finding)).one()
            asked = row.requirement
            assert (row.number, row.raised_by, row.closed_at) == (1, DIRECTOR, None)
            assert (asked.title, asked.why, asked.proof) == FINDING
            assert (asked.area_id, asked.lead_id, asked.basis, asked.source) == (
                None,
                None,
                Basis.INFERRED,
                "查摆整改 1",
            )
            assignments = session.scalars(
                select(Assignment).where(Assignment.requirement_id == asked.id).order_by(Assignment.id)
            ).all()
            assert [(one.ref, one.role, one.issued_on) for one in assignments] == [
                (ref, Role.RESPONSIBLE, dt.date(2023, 5, 8)) for ref in (NORTH, SOUTH)
            ]
            office = unit_of(session, row.plan_id, "office").id
            phase_id = asked.phase_id
        raised = journal(EventKind.FINDING_RAISED)[0]
        assert (raised.why, raised.detail, raised.phase_id) == (
            "缺少签到表",
            {"number": 1, "ref": FIRST},
            phase_id,
        )
        issued = journal(EventKind.ISSUED)[-2:]
        assert {(one.actor, one.actor_unit_id) for one in issued} == {(DIRECTOR, office)}
        quiet.waive(NORTH)
        quiet.waive(SOUTH)
        quiet.close_finding(1, "已到位")
        closed = journal(EventKind.FINDING_CLOSED)[0]
        assert (closed.why, closed.detail, closed.phase_id) == ("已到位", {"number": 1, "ref": FIRST}, phase_id)

    def test_numbers_run_on_through_the_phases_of_a_plan(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-05-31")
        quiet.raise_finding("edu", due="2023-06-30", title=Text("再查", "Once more"))
        quiet.at("2024-01-02")
        quiet.open("acceptance")
        assert quiet.raise_finding("north", due="2024-03-29", phase="acceptance") == "2024/rectify/3"

    def test_a_date_on_a_day_off_moves_to_the_next_working_day(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-06-22")  # the dragon-boat holiday; Sunday is worked
        row = quiet.row(NORTH)
        assert (row.planned_due_on, row.due_on) == (dt.date(2023, 6, 22), dt.date(2023, 6, 25))

    def test_it_follows_the_ladder_of_its_phase(self, quiet: Story) -> None:
        step = {"code": "T-2", "anchor": "due", "offset": -2, "working": False, "condition": "open"}
        reload(ladder=(step | {"audience": ["unit"]},))
        quiet.raise_finding("north", due="2023-05-31")
        quiet.sign(NORTH)
        told = quiet.patrol_daily("2023-05-08", "2023-05-31")
        assert list(told) == ["2023-05-08", "2023-05-24", "2023-05-26", "2023-05-30", "2023-05-31"]

    def test_raised_before_the_phase_was_told_it_stands_in_the_letter_once(self, story: Story) -> None:
        story.at("2023-01-03")
        story.open("implementation")
        story.raise_finding("north", due="2023-05-31")
        story.deliver()
        assert ("north", "issued", NORTH) in story.told()
        assert story.letter("north").count(NORTH) == 1


class TestWhatIsRefused:
    def test_every_reason_is_told_at_once_and_nothing_is_written(self, quiet: Story) -> None:
        before = count(Requirement), count(Assignment)
        with pytest.raises(RefusedError) as refused:
            quiet.raise_finding("office", "leader", due="2026-01-01", phase="acceptance", title=Text("标题", " "))
        assert str(refused.value) == (
            "this finding cannot be raised: the phase acceptance is planned; "
            "say in both languages what it is called, what is wrong, and what proves it put right; "
            "2026-01-01 is too far away; this plan takes dates from 2022-01-01 to 2025-12-31; "
            "no work is issued to office; no work is issued to leader"
        )
        with pytest.raises(RefusedError) as refused:
            quiet.raise_finding(due="2023-05-08")
        assert str(refused.value) == (
            "this finding cannot be raised: 2023-05-08 is not later than today; name at least one unit"
        )
        quiet.deliver()
        quiet.expect()
        assert (count(Requirement), count(Assignment)) == before
        assert count(Finding) == 0
        quiet.raise_finding("north", due="2024-12-31")

    def test_only_the_office_raises_and_closes(self, quiet: Story) -> None:
        for unit in ("edu", "leader"):
            with pytest.raises(RefusedError, match="only the leading-group office"):
                quiet.raise_finding("north", due="2023-05-31", by_unit=unit)
        quiet.raise_finding("north", due="2023-05-31")
        quiet.waive(NORTH)
        for unit in ("edu", "leader", "north"):
            with pytest.raises(RefusedError, match="only the leading-group office"):
                quiet.close_finding(1, unit=unit)

    def test_closing_needs_a_check_and_happens_once(self, quiet: Story) -> None:
        with pytest.raises(NotFoundError, match="the plan tiny has no finding 1"):
            quiet.close_finding(1)
        quiet.raise_finding("north", due="2023-05-31")
        with pytest.raises(BlockedError, match="2023/rectify/1 waits for its units: 2023/rectify/1/north"):
            quiet.close_finding(1)
        quiet.waive(NORTH)
        with pytest.raises(RefusedError, match="say what the closing check found"):
            quiet.close_finding(1, " ")
        quiet.close_finding(1)
        with pytest.raises(RefusedError, match="2023/rectify/1 was closed by 王五 on 2023-05-08"):
            quiet.close_finding(1)
        assert len(journal(EventKind.FINDING_CLOSED)) == 1

    def test_a_phase_that_was_closed_meanwhile_takes_no_finding(self, quiet: Story) -> None:
        with transaction() as session:
            plan = plan_of(session, quiet.plan)
            seen = phase_of(session, plan, PhaseKind.IMPLEMENTATION)
            office, north = unit_of(session, plan.id, "office"), unit_of(session, plan.id, "north")
            quiet.answer("implementation", "close")
            with pytest.raises(RefusedError, match="the phase implementation-2023 is closed"):
                finding.raise_finding(
                    session,
                    plan,
                    seen,
                    title=FINDING[0],
                    what=FINDING[1],
                    proof=FINDING[2],
                    units=[north],
                    due_on=dt.date(2023, 5, 31),
                    actor=Actor(DIRECTOR, office.id),
                    at=clock.now(),
                )

    def test_a_unit_of_another_plan_gets_no_work(self, quiet: Story) -> None:
        with transaction() as session:
            plan = plan_of(session, quiet.plan)
            phase = phase_of(session, plan, PhaseKind.IMPLEMENTATION)
            stranger = Unit(plan_id=plan.id + 1, code="west", kind="county")
            today, due_on = dt.date(2023, 5, 8), dt.date(2023, 5, 31)
            found = finding.reasons_not_raisable(plan, phase, FINDING, [stranger], due_on, today, plan.bounds)
        assert [str(one) for one in found] == [str(Reason("no work is issued to west"))]

    def test_of_two_with_one_number_the_second_is_refused(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-05-31")
        with transaction() as session:
            first = session.scalars(select(Finding)).one()
            other = session.scalars(select(Requirement.id).where(Requirement.id != first.requirement_id)).first()
        with (
            pytest.raises(RefusedError, match=MEANINGS["finding_plan_id_number_key"].template),
            transaction() as session,
        ):
            session.add(
                Finding(plan_id=first.plan_id, number=1, requirement_id=other, raised_by="x", raised_at=clock.now())
            )


class TestAPlanThatIsLoadedAgain:
    def test_it_leaves_findings_alone(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-05-31")
        with transaction() as session:
            before = [tuple(row) for row in session.execute(select(Requirement.__table__).order_by(Requirement.id))]
            assert compare(session, read_plan(TINY)) == (Loaded.UNCHANGED, [])
        reload(near_limit_days=5)
        with transaction() as session:
            assert [
                tuple(row) for row in session.execute(select(Requirement.__table__).order_by(Requirement.id))
            ] == before
        quiet.settle(NORTH)
        quiet.close_finding(1)

    def test_a_unit_with_a_finding_in_hand_cannot_vanish(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-05-31")
        kept = tuple(unit for unit in read_plan(TINY).units if unit.code != "north")
        collectives = tuple(
            dataclasses.replace(one, members=tuple(code for code in one.members if code != "north"))
            for one in read_plan(TINY).collectives
        )
        with pytest.raises(BlockedError, match="have work in hand and cannot vanish: north"):
            reload(units=kept, collectives=collectives)

    def test_what_the_plan_itself_no_longer_asks_for_still_cannot_vanish(self, quiet: Story) -> None:
        quiet.raise_finding("north", due="2023-05-31")
        kept = tuple(one for one in read_plan(TINY).requirements if one.code != "progress")
        with pytest.raises(BlockedError) as blocked:
            reload(requirements=kept)
        named = [reason.facts["ref"] for reason in blocked.value.reasons]
        assert named == ["2023Q1/progress", "2023H1/progress"]
