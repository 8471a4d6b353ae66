"""Complaints and suggestions: filed by a unit, answered once by the office, and everybody concerned is told."""

import pytest
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from models.common.errors import NotFoundError, RefusedError
from models.common.event import Actor, Event, EventKind
from models.complaint import Complaint, answer, complaint_of
from models.plan.plan import plan_of
from models.plan.unit import unit_of
from tests.support.story import CLERK, DIRECTOR, Story


@pytest.fixture
def spring(story: Story) -> Story:
    story.at("2023-03-01")
    return story


def journal() -> list[tuple[object, ...]]:
    with transaction() as session:
        entries = session.scalars(select(Event).where(Event.kind != EventKind.PLAN_LOADED).order_by(Event.id))
        return [
            (one.kind.value, one.actor, one.why, one.detail, one.phase_id, one.assignment_id, one.actor_unit_id)
            for one in entries
        ]


def unit_id(story: Story, code: str) -> int:
    with transaction() as session:
        return unit_of(session, plan_of(session, story.plan).id, code).id


def test_a_complaint_reaches_the_office_and_its_answer_the_unit(spring: Story) -> None:
    ref = spring.complain("north", "同一份报表要求报送三次\n请合并")
    assert ref == "complaint-1"
    spring.deliver()
    spring.expect(("office", "complaint", ref))
    letter = spring.letter("office")
    assert "投诉建议 1 件" in letter
    assert "1. 投诉\n" in letter
    assert "   内容：\n   > 同一份报表要求报送三次\n   > 请合并\n" in letter
    assert "提出人：张三" in letter
    assert "- 北县（编号：complaint-1）" in letter

    spring.at("2023-03-03")
    spring.answer_complaint(ref, "自第二季度起合并报送")
    spring.deliver()
    spring.expect(("north", "complaint_answered", ref))
    letter = spring.letter("north")
    assert "投诉建议已答复 1 件" in letter
    assert "答复：自第二季度起合并报送\n   答复人：王五" in letter
    assert "编号：complaint-1" in letter
    assert journal() == [
        (
            "complaint_filed",
            CLERK,
            "同一份报表要求报送三次\n请合并",
            {"ref": ref},
            None,
            None,
            unit_id(spring, "north"),
        ),
        (
            "complaint_answered",
            DIRECTOR,
            "自第二季度起合并报送",
            {"ref": ref},
            None,
            None,
            unit_id(spring, "office"),
        ),
    ]


def test_several_stand_in_one_letter_each_under_its_kind(spring: Story) -> None:
    refs = [
        spring.complain("north", "通知太频繁"),
        spring.complain("south", "通知太频繁"),
        spring.complain("south", "希望提供模板", kind="suggestion"),
    ]
    assert refs == ["complaint-1", "complaint-2", "suggestion-3"]
    assert spring.deliver().letters == 1
    spring.expect(*(("office", "complaint", ref) for ref in refs))
    letter = spring.letter("office")
    assert "投诉建议 3 件" in letter
    assert "1. 投诉（2 件）\n" in letter
    assert "2. 建议\n" in letter


def test_it_needs_words(spring: Story) -> None:
    with pytest.raises(RefusedError, match="say what you complain of or suggest"):
        spring.complain("north", " \n ")
    spring.deliver()
    spring.expect()
    assert journal() == []


def test_only_the_office_answers_once_and_with_words(spring: Story) -> None:
    ref = spring.complain("north", "通知太频繁")
    for unit in ("north", "edu", "leader"):
        with pytest.raises(RefusedError, match="only the leading-group office"):
            spring.answer_complaint(ref, "好", unit=unit)
    with pytest.raises(RefusedError, match="complaint-1 cannot be answered: an answer needs words"):
        spring.answer_complaint(ref, " ")
    spring.answer_complaint(ref, " 已调整 ")
    with pytest.raises(RefusedError) as refused:
        spring.answer_complaint(ref, " ")
    assert str(refused.value) == (
        "complaint-1 cannot be answered: an answer needs words; 王五 answered it on 2023-03-01"
    )
    spring.deliver()
    spring.expect(("office", "complaint", ref), ("north", "complaint_answered", ref))
    with transaction() as session:
        row = session.scalars(select(Complaint)).one()
        assert (row.answer, row.answered_by, row.answered_at) == ("已调整", DIRECTOR, clock.now())


def test_who_looked_before_somebody_else_answered_is_refused(spring: Story) -> None:
    ref = spring.complain("north", "通知太频繁")
    office = Actor("赵六", unit_id(spring, "office"))
    with transaction() as session:
        plan = plan_of(session, spring.plan)
        seen = complaint_of(session, plan, ref)
        spring.answer_complaint(ref, "已调整")
        with pytest.raises(RefusedError, match="王五 answered it"):
            answer(session, plan, seen, text="不采纳", actor=office, at=clock.now())


@pytest.mark.parametrize(
    "ref", ["complaint-2", "suggestion-1", "complaint-", "complaint-x", "1", "", "complaint-1x", f"complaint-{10**30}"]
)
def test_a_reference_that_names_nothing(spring: Story, ref: str) -> None:
    spring.complain("north", "通知太频繁")
    with pytest.raises(NotFoundError, match="no complaint or suggestion"):
        spring.answer_complaint(ref, "好")
