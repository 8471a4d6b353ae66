"""What a change set tells, what it leaves of the past, and what the audit still finds."""

import datetime as dt

import pytest
from sqlalchemy import select

from adapters.database.sessions import transaction
from models.access import Access
from models.assignments.assignment import by_refs
from models.assignments.extension import Extension
from models.common.errors import RefusedError
from models.common.event import Event, EventKind
from models.common.text import Text
from models.plan.plan import plan_of
from models.plan.requirement import Requirement
from models.plan.unit import unit_of
from models.queries.statistics import counts_by_light
from models.score import scores
from services import links
from tests.services.changes.changing import (
    EDU,
    FINANCE,
    NORTH,
    SOUTH,
    area,
    change,
    office,
    renamed,
    requirement,
    with_measure,
    wrong,
)
from tests.support.scenes import scene
from tests.support.story import Story


@scene
def running(story: Story) -> None:
    """2023 is open and told."""
    story.at("2023-01-03")
    story.open("implementation")
    story.deliver()
    story.told()


# Letters


def test_one_letter_says_all_of_it(running: Story) -> None:
    """New, moved, withdrawn, reworded, led by another, renamed: in this order, with why and by what authority."""
    running.ask_extension("2023H1/progress/north", "2023-07-20")
    running.deliver()
    running.told()
    change(
        with_measure("T1.3"),
        area("T1", lead="finance", responsible=("edu", "counties")),
        requirement("delivery", title=Text("新标题", "New title")),
        renamed("north", Text("北市", "North City")),
        moves={"2023H1/progress/north": "2023-07-21"},
        withdrawn=(),
        open_items_too=True,
    )
    running.deliver()
    assert [one for one in running.told() if one[0] == "north"] == [("north", "plan_changed", "tiny~1")]
    letter = running.letter("north")
    parts = ["方案调整1项", "因方案调整新增1项", "因方案调整改期1项", "文字有变", "变更牵头或审核单位", "关于本单位"]
    places = [letter.index(part) for part in parts]
    assert places == sorted(places)
    for words in ("办发〔2023〕7号", "上级要求", "新举措", "2023年6月30日", "2023年7月21日", "财政局", "原名称：北县"):
        assert words in letter, words
    with transaction() as session:
        asked = session.scalars(select(Extension)).one()
        assert (asked.granted, asked.decided_by, asked.decision_reason) == (True, "王五", "上级要求")


def test_what_ends_is_said_with_who_takes_it_over(running: Story) -> None:
    change(successors={"north": ("south",)})
    running.deliver()
    letter = running.letter("north")
    assert "已向其他单位交办：南县" in letter
    assert "不再向该单位交办" in letter


def test_what_is_new_can_be_signed_for_by_the_letter(running: Story) -> None:
    change(with_measure("T1.3"))
    running.deliver()
    running.sign("2023/delivery/T1.3/north")
    assert running.row("2023/delivery/T1.3/north").status == "acknowledged"


def test_a_notice_that_still_waits_does_not_tell_the_same_again(story: Story) -> None:
    """The phase was opened a moment ago: its notice is about what it issued, the change's about what that did."""
    story.at("2023-01-03")
    story.open("implementation")
    change(with_measure("T1.3"))
    story.deliver()
    assert story.letter("north").count("2023/delivery/T1.3/north）") == 1


# Units that end


def test_the_links_of_a_unit_that_ends_end_and_no_new_one_is_made(running: Story) -> None:
    links.issue(office(), "north", lasts=dt.timedelta(days=1))
    change(successors={"north": ("south",)})
    with transaction() as session:
        north = unit_of(session, plan_of(session, "tiny").id, "north")
        open_links = select(Access).where(Access.unit_id == north.id, Access.revoked_at.is_(None))
        assert session.scalars(open_links).all() == []
    with pytest.raises(RefusedError, match="north ended"):
        links.issue(office(), "north", lasts=dt.timedelta(days=1))


def test_what_waits_to_be_sent_to_a_unit_that_ends_is_not_sent(running: Story) -> None:
    running.submit(NORTH)
    running.send_back(NORTH)
    change(successors={"north": ("south",)})
    running.deliver()
    assert [kind for unit, kind, _ in running.told() if unit == "north"] == ["plan_changed"]


# The journal


def test_each_item_that_is_touched_has_an_entry_that_names_the_change(running: Story) -> None:
    done = change(area("T1", lead="finance", responsible=("edu", "counties")))
    touched = {one.ref for one in done.touched if one.assignment_id}
    with transaction() as session:
        plan = plan_of(session, "tiny")
        rows = {row.id: row.ref for row in by_refs(session, plan, sorted(touched))}
        entries = session.scalars(select(Event).where(Event.kind == EventKind.PLAN_CHANGED)).all()
        (whole,) = [one for one in entries if one.assignment_id is None]
        items = [one for one in entries if one.assignment_id is not None]
        assert sorted(rows[one.assignment_id or 0] for one in items) == sorted(touched)
        assert {one.detail["change"] for one in entries if one.detail} == {1}
        assert whole.detail is not None
        assert (whole.detail["authority"], whole.why, whole.actor) == ("办发〔2023〕7号", "上级要求", "王五")


# The past


def seen_on(day: str) -> object:
    on = dt.date.fromisoformat(day)
    with transaction() as session:
        plan = plan_of(session, "tiny")
        found = scores(session, plan, dt.date(2023, 1, 1), on)
        return counts_by_light(session, plan, on), [(one.unit.code, one.points, one.results) for one in found]


def test_counts_and_scores_of_past_days_keep_their_roles(running: Story) -> None:
    running.patrol_daily("2023-12-18", "2023-12-28")
    before = seen_on("2023-12-27")
    change(area("T1", lead="finance", responsible=("edu", "counties")))
    running.at("2023-12-29")
    change(moves={NORTH: "2024-01-12"})
    assert seen_on("2023-12-27") == before
    assert seen_on("2023-12-29") != before


# The audit


def test_the_audit_finds_a_role_that_was_moved_by_hand_beside_one_that_a_change_set_moved(running: Story) -> None:
    running.submit(NORTH)
    running.accept(NORTH)
    change(area("T1", lead="finance", responsible=("edu", "counties")))
    assert wrong() == []
    with transaction() as session:
        plan = plan_of(session, "tiny")
        asked = session.scalars(select(Requirement).where(Requirement.ref == "2023/delivery/T1.1")).one()
        asked.lead_id = unit_of(session, plan.id, "south").id
    assert [ref for ref, _ in wrong()] == [FINANCE]


def test_what_was_told_to_the_lead_of_then_is_no_fault_of_now(running: Story) -> None:
    """Reminders, orders and waiting reviews before and after the lead changed, twice."""
    running.submit(SOUTH)
    running.patrol_daily("2023-12-18", "2023-12-29")
    change(area("T1", lead="finance", responsible=("edu", "counties")))
    running.patrol_daily("2023-12-30", "2024-01-12")
    change(area("T1", lead="north", responsible=("edu", "finance", "south")))
    running.patrol_daily("2024-01-13", "2024-01-25")
    assert running.row(EDU).role == "responsible"
    assert running.row(NORTH).role == "lead"
    assert wrong() == []


def test_a_change_set_cannot_be_rewritten(running: Story) -> None:
    change(moves={NORTH: "2023-12-27"})
    with pytest.raises(Exception, match=r"denied|append-only"), transaction() as session:
        session.connection().exec_driver_sql("UPDATE change_set SET why = 'other'")
