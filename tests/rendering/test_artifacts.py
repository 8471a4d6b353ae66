"""What the Prefect UI shows of a plan: drawn from the same figures as the board, bounded, and exact."""

import datetime as dt
import json
import re
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from adapters.database.sessions import engine, transaction
from adapters.settings import settings
from deploy.cli.root import duban
from models.common.event import Actor, EventKind, mark, record
from models.plan.plan import plan_of
from models.queries import board
from models.queries.queues.escalations import escalated
from rendering import artifacts
from rendering.artifacts import Shown, key_of
from services.artifacts import plan_artifacts
from tests.support.scenes import scene
from tests.support.story import Story, moment

PORTAL = "http://127.0.0.1:8400"
LEAD, FINANCE, NORTH, SOUTH = (f"2022/liaison/{unit}" for unit in ("edu", "finance", "north", "south"))


def drawn(story: Story, on: str) -> dict[str, Shown]:
    return {one.key: one for one in plan_artifacts(story.plan, dt.date.fromisoformat(on))}


def rows(shown: Shown) -> list[dict[str, Any]]:
    assert isinstance(shown.data, str)
    found: list[dict[str, Any]] = json.loads(shown.data)
    return found


@scene
def late(story: Story) -> None:
    """The liaisons were due on 15 November: one is accepted, one waits for review, two are overdue."""
    story.at("2022-11-01")
    story.open("launch")
    story.patrol("2022-11-01 09:00")
    story.at("2022-11-14")
    story.submit(LEAD)
    story.submit(FINANCE)
    story.accept(LEAD)
    for day in ("2022-11-16", "2022-11-18"):
        story.patrol(day)


def test_how_far_each_open_phase_is(late: Story) -> None:
    shown = drawn(late, "2022-11-18")

    progress, status = shown["progress-tiny-launch"], shown["status-tiny-launch"]
    assert (progress.kind, progress.data) == ("progress", 16.7)
    assert progress.description.startswith("已办结 1 / 6 · 启动阶段 2022,截止 2022-12-31 · ")
    assert [list(row.values()) for row in rows(status)] == [
        ["牵头", "已交办", "黄灯", 2],
        ["责任", "已提交", "无灯", 1],
        ["责任", "已交办", "红灯", 2],
        ["责任", "已办结", "绿灯", 1],
    ]


def test_the_board_has_the_figures_of_the_board(late: Story) -> None:
    shown = drawn(late, "2022-11-18")["board-tiny"]

    assert shown.description.startswith("红灯 2 · 黄灯 2 · 蓝灯 0 · 绿灯 1 · 无灯 1 · [")
    assert list(rows(shown)[0]) == ["单位", "合计", "方案整体", "T1 质量城", "S1 经费保障"]
    assert [list(row.values()) for row in rows(shown)] == [
        [f"[全部单位]({PORTAL}/board)", "红灯 2 黄灯 2 绿灯 1 无灯 1", "红灯 2 绿灯 1 无灯 1", "黄灯 1", "黄灯 1"],
        [f"[教育局]({PORTAL}/assignments?unit=edu)", "黄灯 1 绿灯 1", "绿灯 1", "黄灯 1", ""],
        [f"[财政局]({PORTAL}/assignments?unit=finance)", "黄灯 1 无灯 1", "无灯 1", "", "黄灯 1"],
        [f"[北县]({PORTAL}/assignments?unit=north)", "红灯 1", "红灯 1", "", ""],
        [f"[南县]({PORTAL}/assignments?unit=south)", "红灯 1", "红灯 1", "", ""],
    ]


def test_what_is_overdue_and_who_knows_since_when(late: Story) -> None:
    shown = drawn(late, "2022-11-18")["overdue-tiny"]

    told = "责任单位 2022-11-16、领导小组办公室 2022-11-18"
    assert shown.description.startswith(f"共 2 件 · [逾期及已告知对象]({PORTAL}/assignments?light=red) · 2022-11-18")
    assert [list(row.values()) for row in rows(shown)] == [
        [link(late, NORTH), "北县", "2022-11-15", 3, told, "确定联络员"],
        [link(late, SOUTH), "南县", "2022-11-15", 3, told, "确定联络员"],
    ]


def test_after_an_outage_it_says_when_they_were_told_and_not_when_they_should_have_been(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    story.patrol("2022-11-01 09:00")
    story.patrol("2022-12-05")
    found = {row["交办件"]: row["已告知何人(自何日起)"] for row in rows(drawn(story, "2022-12-05")["overdue-tiny"])}
    assert found[link(story, NORTH)] == "责任单位 2022-12-05、领导小组办公室 2022-12-05、领导小组组长 2022-12-05"
    with transaction() as session:
        [first, *_] = escalated(session, plan_of(session, story.plan), dt.date(2022, 12, 5))
    assert (first.office_since, first.leader_since) == (dt.date(2022, 12, 5), dt.date(2022, 12, 5))


def test_a_lead_is_named_where_there_is_another_one(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation", 2023)
    for day in ("2023-12-20", "2023-12-21"):
        story.patrol(day)

    found = {row["交办件"]: row["已告知何人(自何日起)"] for row in rows(drawn(story, "2023-12-21")["overdue-tiny"])}
    assert found[link(story, "2023/delivery/T1.1/north")] == "责任单位 2023-12-21、牵头单位 2023-12-21"
    assert found[link(story, "2023/delivery/T1.1/edu")] == "责任单位 2023-12-21"


def test_what_waits_for_whom(late: Story) -> None:
    shown = drawn(late, "2022-11-18")["review-tiny"]

    assert [list(row.values()) for row in rows(shown)] == [
        [link(late, FINANCE), "财政局", "确定联络员", "2022-11-15", "领导小组办公室", "2022-11-14"]
    ]


def test_the_lead_reviews_what_its_responsible_units_hand_in(story: Story) -> None:
    story.at("2023-01-03")
    story.open("implementation", 2023)
    story.submit("2023/delivery/T1.1/north")

    assert rows(drawn(story, "2023-01-03")["review-tiny"])[0]["审核单位"] == "教育局"


def test_a_long_list_is_cut_and_says_how_much_there_is(late: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "ROWS", 1)
    shown = drawn(late, "2022-11-18")["overdue-tiny"]

    assert [row["单位"] for row in rows(shown)] == ["北县"]
    assert shown.description.startswith("共 2 件 · 仅列前 1 件,其余见门户 · ")


def test_a_board_of_many_units_shows_the_first_and_the_sums_of_all(
    late: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "PAGE", 2)
    shown = drawn(late, "2022-11-18")["board-tiny"]

    assert [row["合计"] for row in rows(shown)] == ["红灯 2 黄灯 2 绿灯 1 无灯 1", "黄灯 1 绿灯 1", "黄灯 1 无灯 1"]
    assert "无灯 1 · 仅列前 2 个单位,其余见门户 · " in shown.description


def test_in_english(late: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_LANGUAGE", "en")
    settings.cache_clear()

    assert rows(drawn(late, "2022-11-18")["board-tiny"])[1]["All together"] == "yellow 1 green 1"


def test_a_plan_without_work_has_empty_lists(story: Story) -> None:
    shown = drawn(story, "2022-10-25")

    assert sorted(shown) == ["board-tiny", "overdue-tiny", "review-tiny"]
    assert rows(shown["overdue-tiny"]) == []


@pytest.mark.parametrize(
    ("plan", "key"),
    [("tiny", "board-tiny"), ("Tiny", "board-tiny-"), ("a.b", "board-a-b-"), ("a-b", "board-a-b")],
)
def test_keys_are_of_small_letters_digits_and_dashes(plan: str, key: str) -> None:
    assert re.fullmatch(re.escape(key) + ("[0-9a-f]{8}" if key.endswith("-") else ""), key_of("board", plan))


def test_the_journal_stands_still_until_something_is_written(late: Story) -> None:
    before = where(late)
    late.patrol("2022-11-18 09:15")
    assert where(late) == before
    late.sign(NORTH)
    assert where(late) != before


def test_what_was_written_earlier_and_committed_later_is_seen(late: Story) -> None:
    with Session(engine()) as slow:
        plan = plan_of(slow, late.plan)
        record(slow, EventKind.COMPLAINT_FILED, Actor("slow"), moment("2022-11-18"), plan_id=plan.id)
        slow.flush()
        late.sign(NORTH)
        before = where(late)
        slow.commit()
    assert where(late) != before


def where(story: Story) -> str:
    with transaction() as session:
        return mark(session)


def link(story: Story, ref: str) -> str:
    return f"[{ref}]({PORTAL}/assignments/{story.row(ref).id})"


class TestTheCommand:
    @pytest.mark.usefixtures("late")
    def test_json(self) -> None:
        done = CliRunner().invoke(duban, ["board", "--on", "2022-11-18", "--json"])
        facts = json.loads(done.stdout)

        assert facts["total"] == {"red": 2, "yellow": 2, "green": 1, "off": 1}
        assert facts["areas"] == {"-": {"red": 2, "green": 1, "off": 1}, "T1": {"yellow": 1}, "S1": {"yellow": 1}}
        assert facts["units"]["edu"] == {
            "total": {"yellow": 1, "green": 1},
            "areas": {"-": {"green": 1}, "T1": {"yellow": 1}, "S1": {}},
        }
        assert (facts["on"], facts["page"], facts["pages"]) == ("2022-11-18", 1, 1)

    @pytest.mark.usefixtures("late")
    def test_a_table_for_people(self) -> None:
        shown = CliRunner().invoke(duban, ["board", "--on", "2022-11-18"]).stdout
        assert "edu 教育局" in shown
        sums = shown[shown.index("合计", shown.index("edu 教育局")) :]
        assert re.findall(r"合计 +│ (红灯 2)|^│ +│ (黄灯 2|绿灯 1|无灯 1)", sums, re.MULTILINE) == [
            ("红灯 2", ""),
            *(("", light) for light in ("黄灯 2", "绿灯 1", "无灯 1")),
        ]
        assert "…" not in shown
