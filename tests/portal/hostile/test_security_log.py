"""What a security officer asks for: each refusal, each entry and each preview on a line, and no secret in any."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters import clock
from models.common.event import Actor
from portal import security_log
from services import links
from services.scope import Scope
from tests.support.portal_client import DAY
from tests.support.portal_doors import LIAISON
from tests.support.portal_links import office_link
from tests.support.portal_world import ADDRESS, Visitor, World, world

__all__ = ["world"]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where the events of this test are written."""
    handler = security_log.to_file(tmp_path / "security.log")
    yield tmp_path / "security.log"
    security_log.log.removeHandler(handler)
    handler.close()


def events(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_refusal_has_its_line(world: World, file: Path) -> None:
    north, stranger = world.person("north"), world.person()
    north.ask("GET", f"/assignments/{world.id('assignment-2022/liaison/south')}")
    north.ask("POST", "/work/sign", data={"csrf": "forged", "form": "1"})
    north.ask("POST", "/work/sign", content=b"x" * 300_000)
    stranger.ask("GET", "/work")
    stranger.ask("GET", "/enter/made-up")
    north.ask("DELETE", "/work")
    found = [(one["event"], one["status"], one["method"], one["route"], "stay" in one) for one in events(file)]
    assert found == [
        ("no such thing", 404, "GET", "/assignments/{assignment_id}", True),
        ("forged form", 403, "POST", "/work/sign", True),
        ("too large", 413, "POST", "-", False),
        ("not come in", 401, "GET", "/work", False),
        ("no such thing", 404, "GET", "/enter/{token}", False),
        ("no such method", 405, "DELETE", "/work", False),
    ]
    assert {one["address"] for one in events(file)} == {ADDRESS}


def test_looking_at_a_link_coming_in_and_leaving_have_theirs(world: World, file: Path) -> None:
    made = links.issue(Scope("tiny", Actor("test"), clock.now()), world.id("unit-north"), lasts=DAY)
    person = Visitor("")
    person.ask("HEAD", f"/enter/{made.token}")
    person.open(made.token, name="张三")
    person.post("/leave")
    _, spent = office_link("王五")
    Visitor("").come_in(spent)
    Visitor("").ask("GET", f"/enter/{spent}")
    assert [one["event"] for one in events(file)] == [
        "link looked at",
        "link looked at",
        "came in",
        "left",
        "link looked at",
        "came in",
        "link refused",
    ]


def test_ordinary_work_has_none(world: World, file: Path) -> None:
    north = world.person("north")
    north.ask("GET", "/work")
    north.send("/work/sign", ids=world.id(LIAISON))
    assert events(file) == []


def test_no_line_holds_a_secret_or_what_somebody_typed(world: World, file: Path) -> None:
    made = links.issue(Scope("tiny", Actor("test"), clock.now()), world.id("unit-north"), lasts=DAY)
    person = Visitor("")
    person.open(made.token, name="张三")
    secret = person.http.cookies["duban"]
    for path in (f"/enter/{made.token}/more", f"/work?token={made.token}", f"/nothing%0A{made.token}"):
        person.ask("GET", path, headers={"X-Forwarded-For": made.token})
    person.ask("POST", "/work/sign", data={"csrf": secret, "form": "typed words"})
    said = file.read_text(encoding="utf-8")
    assert said
    for hidden in (made.token, secret, "张三", "typed words"):
        assert hidden not in said


def test_the_instants_are_the_machines_own_in_utc(world: World, file: Path) -> None:
    world.person().ask("GET", "/work")
    at = dt.datetime.fromisoformat(events(file)[0]["time"])
    assert at.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - at) < DAY, "and not those of the rehearsal's clock"


def test_the_file_is_for_its_owner_alone_and_does_not_grow_for_ever(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_log, "FILE_BYTES", 2_000)
    monkeypatch.setattr(security_log, "FILES", 3)
    handler = security_log.to_file(tmp_path / "security.log")
    for number in range(200):
        security_log.note("tried", number=number)
    security_log.log.removeHandler(handler)
    handler.close()
    files = sorted(tmp_path.glob("security.log*"))
    assert [file.name for file in files] == ["security.log", "security.log.1", "security.log.2"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert events(files[0])[-1]["number"] == 199


def test_a_portal_without_a_file_says_it_to_the_ordinary_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "duban.security")
    world.person().ask("GET", "/work")
    assert [record.getMessage() for record in caplog.records if record.name == "duban.security"] == ["not come in"]
