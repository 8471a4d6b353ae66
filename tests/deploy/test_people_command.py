"""`duban people`: the register on the command line, and what a rehearsal registers."""

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from adapters.database.sessions import read_session, transaction
from adapters.settings import settings
from deploy.rehearsal.made_up_people import MARK, register_people
from models.common.event import Event, EventKind
from models.people.person import Post, people_of
from models.plan.plan import plan_of
from services.phases import to_be_started
from services.scope import by_program
from tests.conftest import LOADED_AT
from tests.deploy.test_cli import done, refused, run
from tests.support.story import Story
from tests.support.workbooks import people

BY = ("--by", "王五")


@pytest.fixture
def november(story: Story) -> Story:
    story.at("2022-11-01")
    return story


def listed(*more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done("people", "list", "--json", *more))
    return found


def test_people_are_added_changed_and_ended_and_their_history_can_be_read(november: Story) -> None:
    told = ("--position", "办公室主任", "--telephone", "0452-2311001", "--address", "slack:C0NORTH")
    assert "王丽" in done("people", "add", "北县", "liaison", "王丽", *told, "--as", "north", "--by", "王丽")
    [one] = listed()
    assert one == {
        "id": one["id"],
        "unit": "north",
        "post": "liaison",
        "name": "王丽",
        "position": "办公室主任",
        "telephone": "0452-2311001",
        "mobile": "",
        "addresses": [{"address": "slack:C0NORTH", "state": "untried", "at": None}],
        "from": "2022-11-01",
        "until": None,
    }
    done("people", "change", str(one["id"]), "--name", "李强", "--from", "2023-01-01", *BY)
    [new] = listed("--on", "2023-01-01")
    assert (new["name"], new["position"], new["telephone"]) == ("李强", "办公室主任", "0452-2311001")
    assert [each["name"] for each in listed("--history", str(new["id"]))] == ["李强", "王丽"]
    assert listed("--unit", "south") == []
    refused("people", "change", str(one["id"]), "--name", "赵敏", *BY, because="王五 已于")
    refused("people", "add", "north", "liaison", "赵敏", *BY, because="李强")
    refused("people", "add", "south", "liaison", "赵敏", "--as", "north", *BY, because="没有这个单位")
    refused("people", "add", "south", "liaison", "赵", "--telephone", "见墙上", *BY, because="见墙上")
    done("people", "end", str(new["id"]), "--on", "2023-02-01", *BY)
    assert listed("--on", "2023-02-01") == []
    assert "李强" in done("people", "list", "--on", "2023-01-31")


def test_an_address_is_tried_and_one_that_fails_is_said_by_the_exit_code(november: Story) -> None:
    done("people", "add", "north", "liaison", "王丽", "--address", "slack:C0NORTH", *BY)
    number = str(listed()[0]["id"])
    tried = run("people", "try", number, "slack", *BY)
    assert (tried.exit_code, "slack:C0NORTH" in tried.stdout) == (1, True)
    assert listed()[0]["addresses"][0]["state"] == "refused"
    refused("people", "try", number, "dingtalk", *BY, because="dingtalk")


def test_excel_out_and_in(november: Story, tmp_path: Path) -> None:
    done("people", "add", "north", "liaison", "王丽", "--telephone", "0452-2311001", *BY)
    out = tmp_path / "out.xlsx"
    done("people", "export", str(out))
    rows = list(load_workbook(out).worksheets[0].iter_rows(values_only=True))
    assert ("north", "北县", "联络员", "王丽", None, "0452-2311001", None, None) in rows
    assert {row[0] for row in rows[1:]} == {"leader", "office", "edu", "finance", "north", "south"}
    file = tmp_path / "in.xlsx"
    file.write_bytes(people(("north", "联络员", "李强"), ("south", "联络员", "钱进")))
    shown = done("people", "import", str(file), "--preview")
    assert "将新增 1，变更 1，不变 0" in shown
    assert [one["name"] for one in listed()] == ["王丽"]
    done("people", "import", str(file), *BY)
    assert sorted(one["name"] for one in listed()) == ["李强", "钱进"]
    file.write_bytes(people(("north", "书记", "李强")))
    refused("people", "import", str(file), *BY, because="C2")


def test_a_rehearsal_registers_people_whom_nobody_takes_for_real(november: Story) -> None:
    with transaction() as session:
        register_people(session, plan_of(session, november.plan), 7, LOADED_AT)
    with read_session() as session:
        plan = plan_of(session, november.plan)
        found = [one for of in people_of(session, plan, plan.day_of(LOADED_AT)).values() for one in of]
        kinds = session.scalars(select(Event.kind).where(Event.at == LOADED_AT)).all()
    assert [one.post for one in found].count(Post.LIAISON) == 4
    assert all(one.name.endswith(MARK) and not one.addresses for one in found)
    assert kinds.count(EventKind.REGISTER_CHANGED) == 5
    assert set(kinds) <= {EventKind.PLAN_LOADED, EventKind.REGISTER_CHANGED}
    assert to_be_started(by_program(november.plan), ("launch", None)).unreached == ()


def test_a_phase_that_starts_names_whom_nothing_reaches_and_asks(
    november: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start_phase(*told: Any) -> str:
        started.append(str(told))
        return "1"

    monkeypatch.setattr("adapters.prefect_server.prefect_api.run_at_gate", lambda *_: None)
    monkeypatch.setattr("adapters.prefect_server.prefect_api.start_phase", start_phase)
    for unit in ("edu", "finance", "south"):
        done("people", "add", unit, "liaison", "王丽", "--telephone", "0452-2311001", *BY)
    refused("phase", "start", "launch", because="1 个单位既无收信地址也无电话：北县")
    assert started == []
    done("phase", "start", "launch", "--yes")
    done("people", "add", "north", "liaison", "王丽", "--telephone", "0452-2311001", *BY)
    done("phase", "start", "launch")
    assert len(started) == 2
    assert settings().addresses_file is None
