"""情况说明: a unit says why it is late and until when, the weekly notices wait, and a broken promise is said."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from adapters import clock
from adapters.database.sessions import read_session, transaction
from adapters.language import Language
from deploy.cli.root import duban
from models.archive_tables import extracts
from models.assignments.light import Light
from models.bulletins.bulletin import Words
from models.bulletins.figures import figures
from models.common.errors import NotFoundError, RefusedError
from models.common.event import Event, EventKind
from models.dates.period import Period
from models.dialogue.explanation import Explanation
from models.monitoring.audit import audit
from models.plan.plan import plan_of
from rendering import bulletin_text
from services.dialogue import explanations
from tests.conftest import NORTH
from tests.support.story import Story

UNIT, LEAD, OFFICE = ("north", "red overdue", NORTH), ("edu", "red overdue", NORTH), ("office", "red overdue", NORTH)
LEADER = ("leader", "red overdue", NORTH)


def problems(story: Story) -> list[str]:
    with transaction() as session:
        plan = plan_of(session, story.plan)
        return [str(problem) for one in audit(session, plan, until=clock.now()) for problem in one.problems]


def explained() -> list[Explanation]:
    with read_session() as session:
        return list(session.scalars(select(Explanation).order_by(Explanation.id)))


@pytest.fixture
def late(story: Story, north: None) -> Story:
    """It was due on 20 December, and all the ladder has to say for the first time was said."""
    told = story.patrol_daily("2023-12-21", "2024-01-05")
    assert told["2023-12-21"] == [LEAD, UNIT]
    assert told["2024-01-04"] == [LEADER]
    story.at("2024-01-05")
    return story


def test_a_promise_is_quiet_then_broken_then_said_and_the_audit_is_clean_every_day(late: Story) -> None:
    late.explain(NORTH, "2024-02-05", needs="请住建局协调复工")
    assert late.light(NORTH, "2024-01-05") is Light.RED
    assert late.row(NORTH).due_on == dt.date(2023, 12, 20)

    day = dt.date(2024, 1, 6)
    while day <= dt.date(2024, 2, 5):
        late.patrol(day.isoformat())
        assert late.told() == [], f"nothing comes again while it is promised, and did on {day}"
        assert problems(late) == []
        day += dt.timedelta(days=1)

    late.patrol("2024-02-06")
    late.expect(UNIT, LEAD, OFFICE, LEADER)
    assert problems(late) == []
    for unit in ("north", "edu"):
        assert "2024年2月5日" in late.letter(unit)
        assert "未兑现" in late.letter(unit)

    told = late.patrol_daily("2024-02-07", "2024-02-27")
    assert list(told) == ["2024-02-19", "2024-02-26"], "weekly again, by working days from the day on which it was said"
    assert problems(late) == []


def said_in_bulletin(story: Story, on: dt.date) -> tuple[str, int]:
    """What the bulletin prints of the item, and how many broken promises it counts."""
    with read_session() as session:
        plan = plan_of(session, story.plan)
        period = Period.read(f"{on:%Y-%m}")
        assert period
        found = figures(session, plan, period, on)
        sections = bulletin_text._Sections(found, Words("", "", "", "", "", ""), Language.of("zh"), None)
        rows = next(one for one in sections._overdue()).tables[0].rows
    (row,) = [row for row in rows if NORTH in row]
    return str(row[-1]), found.broken_promises


def test_the_bulletin_prints_what_the_unit_said_on_every_day_as_it_was_then(late: Story) -> None:
    late.explain(NORTH, "2024-02-05", needs="请住建局协调复工")
    late.at("2024-03-01")
    assert said_in_bulletin(late, dt.date(2024, 1, 4)) == ("未说明", 0)
    said = "2024-01-05 张三: 承诺2024-02-05{}，责任人赵主任：施工单位停工；需要支持：请住建局协调复工"
    assert said_in_bulletin(late, dt.date(2024, 1, 31)) == (said.format("前完成"), 0)
    assert said_in_bulletin(late, dt.date(2024, 2, 29)) == (said.format("前完成，未兑现"), 1)


def test_the_command_line_explains_and_lists(late: Story) -> None:
    done = CliRunner().invoke(
        duban,
        ["explain", NORTH, "--why", "停工", "--until", "2024-01-31", "--answers", "赵主任", "--by", "张三"],
    )
    assert (done.exit_code, "2024-01-31" in done.output) == (0, True), done.output
    late.at("2024-02-01")
    listed = json.loads(CliRunner().invoke(duban, ["promises", "--broken", "--json"]).output)
    assert [(one["ref"], one["until"], one["broken"], one["times_broken"]) for one in listed] == [
        (NORTH, "2024-01-31", True, 1)
    ]
    assert "停工" in CliRunner().invoke(duban, ["promises"]).output
    assert json.loads(CliRunner().invoke(duban, ["promises", "--unit", "south", "--json"]).output) == []
    assert "赵主任" in CliRunner().invoke(duban, ["show", NORTH]).output


def test_the_archive_holds_what_was_said(late: Story) -> None:
    late.explain(NORTH, "2024-01-31")
    with transaction() as session:
        found = {one.name: list(one.rows) for one in extracts(session, plan_of(session, late.plan))}
    assert [(row.why, row.until) for row in found["explanation"]] == [("施工单位停工", dt.date(2024, 1, 31))]


def test_a_promise_taken_out_of_the_row_by_hand_is_found(late: Story) -> None:
    late.explain(NORTH, "2024-01-31")
    with transaction() as session:
        session.execute(text("UPDATE assignment SET promised_on = NULL"))
    assert problems(late) != []


def test_a_promise_that_is_kept_ends_with_it(late: Story) -> None:
    late.explain(NORTH, "2024-01-31")
    late.at("2024-01-30")
    late.submit(NORTH)
    assert late.row(NORTH).promised_on is None
    (one,) = explained()
    assert (one.ended_on, one.is_broken(dt.date(2024, 3, 1))) == (dt.date(2024, 1, 30), False)
    late.send_back(NORTH)
    late.patrol("2024-02-01")
    assert problems(late) == []
    assert "承诺" not in late.letter("north")


def test_a_new_explanation_takes_the_place_of_the_older_and_both_stay(late: Story) -> None:
    late.explain(NORTH, "2024-01-10")
    late.at("2024-01-12")  # broken, and patrol has not come
    late.explain(NORTH, "2024-01-19", why="材料未到", answers="钱主任")
    assert [one.is_broken(dt.date(2024, 1, 12)) for one in explained()] == [True, False]
    told = late.patrol_daily("2024-01-12", "2024-01-22")
    assert list(told) == ["2024-01-22"]
    assert problems(late) == []
    with read_session() as session:
        whys = session.scalars(select(Event.why).where(Event.kind == EventKind.EXPLAINED).order_by(Event.id)).all()
    assert whys == ["施工单位停工", "材料未到"]


def test_a_first_time_is_never_quiet(story: Story, north: None) -> None:
    """Promised before its date: T+1, T+3 and T+10 come on their days all the same."""
    story.at("2023-12-18")
    story.explain(NORTH, "2024-02-02")
    told = story.patrol_daily("2023-12-21", "2024-01-31")
    assert {day: [unit for unit, kind, _ in told[day] if kind == "red overdue"] for day in told} == {
        "2024-01-02": [],  # the gate
        "2023-12-21": ["edu", "north"],
        "2023-12-25": ["office"],
        "2024-01-04": ["leader"],
    }
    assert problems(story) == []


@pytest.mark.parametrize(
    ("until", "why", "answers", "reason"),
    [
        ("2024-01-05", "停工", "赵主任", "is not after today"),
        ("2024-03-06", "停工", "赵主任", "too far ahead"),
        ("2024-01-31", " … ", "赵主任", "say why"),
        ("2024-01-31", "停工", "赵", "name of the person"),
    ],
)
def test_what_says_nothing_is_refused(late: Story, until: str, why: str, answers: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        late.explain(NORTH, until, why, answers=answers)
    assert explained() == []


def test_what_is_said_twice_is_said_once(late: Story) -> None:
    late.explain(NORTH, "2024-01-31")
    with pytest.raises(RefusedError, match="said before"):
        late.explain(NORTH, "2024-01-31")
    assert len(explained()) == 1


def test_there_is_no_promise_without_end(late: Story) -> None:
    for day, until in (("2024-01-05", "2024-01-31"), ("2024-02-01", "2024-02-29"), ("2024-03-01", "2024-03-29")):
        late.at(day)
        late.explain(NORTH, until)
    with pytest.raises(RefusedError, match="promised 3 times"):
        late.explain(NORTH, "2024-04-30")


def test_nothing_is_explained_that_is_neither_late_nor_near(story: Story, north: None) -> None:
    story.at("2023-03-01")
    with pytest.raises(RefusedError, match="neither late nor due soon"):
        story.explain(NORTH, "2023-12-28")
    story.submit(NORTH)
    with pytest.raises(RefusedError, match="submitted"):
        story.explain(NORTH, "2023-12-28")


def test_what_was_returned_is_explained_though_it_is_not_late(story: Story, north: None) -> None:
    story.at("2023-03-01")
    story.submit(NORTH)
    story.send_back(NORTH)
    story.explain(NORTH, "2023-03-20")
    assert len(explained()) == 1


def test_nobody_else_explains_a_unit(late: Story) -> None:
    for unit in ("edu", "office", "south"):
        with pytest.raises(NotFoundError):
            explanations.explain(
                late._unit(unit, "李四"), NORTH, why="停工", until=dt.date(2024, 1, 31), answers="赵主任"
            )
    assert explained() == []
