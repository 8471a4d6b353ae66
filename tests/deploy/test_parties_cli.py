"""Parties and co-leads on the command line: check, settle, speak."""

import json

import pytest

from tests.conftest import Clock
from tests.deploy.test_cli import done, refused
from tests.services.parties.conftest import PARTIES, parties_plan, team
from tests.support.story import Story

__all__ = ["parties_plan", "team"]

NORTH = "2023/delivery/T1.3/north"


def test_check_says_what_asks_nobody_and_who_is_to_be_settled() -> None:
    said = done("plan", "check", PARTIES)
    assert "contribution 在 T1.5 没有交办对象" in said
    for item, words in (("T1.7", "其他相关部门"), ("T1.8", "主管部门"), ("S1", "有关各方")):
        assert f"{item}：“{words}”" in said


@pytest.fixture
def year(team: Story) -> Story:
    team.at("2023-01-03")
    team.open("implementation")
    return team


def test_the_office_lists_and_settles(year: Story, clock: Clock) -> None:
    found = json.loads(done("plan", "unsettled", "parties", "--json"))
    assert [(one["item"], one["waiting"], one["needs_date"]) for one in found] == [
        ("T1.7", 2, False),
        ("T1.8", 1, False),
        ("S1", 2, False),
    ]
    number = found[0]["number"]
    assert "其他相关部门" in done("plan", "unsettled")
    refused("plan", "settle", str(number), "--as", "nobody", "--reason", "纪要", "--by", "王五", because="nobody")
    told = done("plan", "settle", str(number), "--as", "health", "--as", "counties", "--reason", "纪要", "--by", "王五")
    assert "4" in told
    assert len(json.loads(done("plan", "unsettled", "--json"))) == 2


def test_several_parties_are_settled_alike(year: Story) -> None:
    found = {one["item"]: str(one["number"]) for one in json.loads(done("plan", "unsettled", "parties", "--json"))}
    alike = ("plan", "settle", found["T1.7"], found["S1"])
    refused(*alike, "--as", "office", "--reason", "纪要", "--by", "王五", because="office")
    told = done(*alike, "--as", "health", "--reason", "纪要", "--by", "王五")
    assert "T1.7" in told
    assert "S1" in told
    assert [one["item"] for one in json.loads(done("plan", "unsettled", "--json"))] == ["T1.8"]


def test_the_record_names_steps_and_the_program_in_words(year: Story) -> None:
    year.patrol_daily("2023-01-04", "2023-01-10")
    shown = done("show", NORTH)
    assert "未签收" in shown
    assert "unsigned" not in shown
    assert "督办系统" in shown


def test_a_co_lead_speaks(year: Story) -> None:
    year.submit(NORTH)
    refused("review", NORTH, "--accept", "--as", "edu", "--by", "李四", because="尚未表态")
    refused("opinion", NORTH, "--as", "health", "--object", "--by", "李四", because="请说明本单位不同意的理由")
    done("opinion", NORTH, "--as", "health", "--object", "--reason", "缺名单", "--by", "李四")
    done("opinion", NORTH, "--as", "culture", "--agree", "--by", "赵六")
    shown = done("show", NORTH)
    assert "edu、health、culture" in shown
    assert "缺名单" in shown
    refused("review", NORTH, "--accept", "--as", "edu", "--by", "李四", because="health 不同意")
    done("review", NORTH, "--accept", "--as", "edu", "--by", "李四", "--reason", "名单另报")


def test_the_head_of_the_group_decides_on_what_the_office_asks_for(year: Story) -> None:
    own = "2023/delivery/T1.6/office"
    done("extend", own, "--until", "2023-12-29", "--reason", "等文件", "--by", "王五")
    done("extend", own, "--grant", "--by", "组长")
    assert str(year.row(own).due_on) == "2023-12-29"
    year.waive("2023/delivery/T1.6/finance")  # the lead closes last
    done("submit", own, "--note", "已办", "--by", "王五")
    refused("review", own, "--accept", "--by", "赵六", because="由 leader 审核")
    done("review", own, "--accept", "--as", "leader", "--by", "组长")


def test_the_plan_shows_who_leads_what(year: Story) -> None:
    shown = done("plan", "show")
    assert "edu、health、culture" in shown
    assert "“主管部门”" in shown
