"""A unit fills no disk: what it sends is checked before it is kept, is counted, and what nothing names goes away."""

import dataclasses
import datetime as dt
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from adapters import clock
from adapters.database.sessions import transaction
from adapters.evidence.store import EvidenceStore
from adapters.settings import settings
from deploy.cli.root import duban
from models.assignments.evidence import Evidence
from portal.uploads import UNDER_WAY
from services import evidence
from tests.support.portal_doors import LIAISON
from tests.support.portal_world import Visitor, World, world

__all__ = ["world"]
MIB = 1024 * 1024
DAY = dt.timedelta(days=1)
TOO_MUCH = 422


def files_in_store() -> set[str]:
    return {address for address, _ in EvidenceStore(settings().evidence_address).contents()}


def named() -> set[str]:
    with transaction() as session:
        return set(session.scalars(select(Evidence.sha256)))


def hand_in(visitor: Visitor, ids: object, content: bytes = b"proof", name: str = "a.txt") -> httpx.Response:
    return visitor.send("/hand-in", ids=ids, note="done", files=[("files", (name, content, "text/plain"))])


@pytest.mark.parametrize("whose", ["assignment-2022/liaison/south", "nobody"])
def test_nothing_is_kept_that_comes_for_anothers_item(world: World, whose: str) -> None:
    before = files_in_store()
    foreign = 2**62 if whose == "nobody" else world.id(whose)
    assert hand_in(world.person("north"), foreign).status_code == 404
    assert hand_in(world.person("north"), [world.id(LIAISON), foreign]).status_code == 404
    assert files_in_store() == before


def test_nothing_is_kept_where_the_items_are_named_behind_the_files(world: World) -> None:
    north, before = world.person("north"), files_in_store()
    hidden = "".join(_field(name, value) for name, value in north.hidden().items())
    content = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nproof\r\n'
    late = _field("ids", str(world.id("assignment-2022/liaison/south")))
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = north.ask("POST", "/hand-in", content=f"{hidden}{content}{late}--b--\r\n".encode(), headers=kind)
    assert answer.status_code == 404
    assert files_in_store() == before


def _field(name: str, value: str) -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


@pytest.mark.parametrize("path", ["/hand-in", "/readings/import"])
def test_whatever_is_kept_stands_with_the_files_of_a_unit(world: World, path: str) -> None:
    """Sent again, refused for its words, or a workbook with nothing in it: it is counted."""
    north, before = world.person("north"), files_in_store()
    fields = north.hidden() | {"ids": world.id(LIAISON)}
    for number in range(3):
        sent = [("files", (f"{number}.txt", f"{path} {number}".encode(), "text/plain"))]
        north.ask("POST", path, data=fields, files=sent)
    hand_in(north, world.id("assignment-2023/delivery/T1.1/north"), f"already handed in {path}".encode())
    assert files_in_store() - before <= named()
    assert len(files_in_store() - before) == 4


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(f"DUBAN_{name}", str(value))
    settings.cache_clear()


def test_a_unit_hands_in_so_many_files_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        mine = session.query(Evidence).filter(Evidence.unit_id == world.id("unit-north")).count()
    limit(monkeypatch, UNIT_DAILY_FILES=mine + 1)
    north, liaison, before = world.person("north"), world.id(LIAISON), files_in_store()
    assert hand_in(north, liaison, b"first").status_code == 303
    refused = hand_in(north, liaison, b"second")
    assert refused.status_code == TOO_MUCH
    assert f"handed in {mine + 1} files within a day" in refused.text
    assert "done" in refused.text, "what was typed is there"
    assert len(files_in_store()) == len(before) + 1
    assert hand_in(world.person("south"), world.id("assignment-2022/liaison/south")).status_code == 303


def test_a_unit_hands_in_so_many_bytes_a_day_and_in_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        session.query(Evidence).filter(Evidence.unit_id == world.id("unit-north")).limit(1).one().size = 3 * MIB
    north, liaison = world.person("north"), world.id(LIAISON)
    limit(monkeypatch, UNIT_DAILY_MB=3)
    assert "within a day; at most 3 MB" in hand_in(north, liaison).text
    limit(monkeypatch, UNIT_DAILY_MB=100, UNIT_TOTAL_MB=3)
    assert "there would be more than 3 MB" in hand_in(north, liaison).text
    limit(monkeypatch, UNIT_TOTAL_MB=4)
    assert hand_in(north, liaison).status_code == 303


def test_what_was_handed_in_yesterday_is_no_longer_todays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, UNIT_DAILY_FILES=1)
    with transaction() as session:
        for one in session.query(Evidence):
            one.at = clock.now() - DAY
    assert hand_in(world.person("north"), world.id(LIAISON)).status_code == 303


@pytest.mark.parametrize("path", ["/hand-in", "/readings/import"])
def test_a_disk_that_is_nearly_full_takes_nothing(world: World, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    limit(monkeypatch, EVIDENCE_FREE_MB=2**40)
    before = files_in_store()
    sent = [("files", ("a.txt", b"proof", "text/plain"))]
    answer = world.person("north").send(path, ids=world.id(LIAISON), files=sent)
    assert answer.status_code == TOO_MUCH
    assert "nearly full" in answer.text
    assert files_in_store() == before


# What nothing names


@dataclasses.dataclass
class Leftover:
    """A file in the store that no row names, stored at some time."""

    address: str
    path: Path


def leave(content: bytes, at: dt.datetime, tmp_path: Path) -> Leftover:
    store = EvidenceStore(settings().evidence_address)
    (tmp_path / "left").write_bytes(content)
    address = store.put(tmp_path / "left").sha256
    path = Path(store.path_of(address))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return Leftover(address, path)


def cli(*arguments: str) -> str:
    done = CliRunner().invoke(duban, arguments)
    return done.output


@pytest.fixture
def own_store(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store that was empty when this database came to it."""
    monkeypatch.setenv("DUBAN_EVIDENCE_URL", str(tmp_path / "store"))
    settings.cache_clear()
    evidence.claim_new_store()


@pytest.mark.usefixtures("own_store")
def test_what_nothing_names_goes_after_a_day(world: World, tmp_path: Path) -> None:
    old = leave(b"old", clock.now() - 2 * DAY, tmp_path)
    new = leave(b"new", clock.now(), tmp_path)
    hand_in(world.person("north"), world.id(LIAISON), b"handed in")
    kept = files_in_store() - {old.address, new.address}
    for address in kept:
        path = EvidenceStore(settings().evidence_address).path_of(address)
        os.utime(path, (0, 0))

    said = cli("evidence", "verify")
    assert f"{old.address}：库中有此文件但没有任何记录" in said
    assert f"{new.address}：库中有此文件但没有任何记录" in said
    assert "已清除 1 个残余文件" in cli("evidence", "sweep")
    assert files_in_store() == kept | {new.address}


@pytest.mark.usefixtures("own_store")
def test_what_is_stored_again_while_it_is_swept_stays(world: World, tmp_path: Path) -> None:
    old = leave(b"old", clock.now() - 2 * DAY, tmp_path)
    store = EvidenceStore(settings().evidence_address)
    store.put(tmp_path / "left")
    assert not store.remove(old.address, dt.datetime.now(dt.UTC) - DAY)
    assert old.path.exists()


def test_the_files_of_another_database_are_not_swept(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DUBAN_EVIDENCE_URL", str(tmp_path / "store"))
    settings.cache_clear()
    others = leave(b"of another database", clock.now() - 2 * DAY, tmp_path)
    evidence.claim_new_store()  # it is not new
    said = cli("evidence", "sweep")
    assert "已清除 0 个残余文件" in said
    assert "有1个文件在本数据库中没有记录，已保留" in said
    EvidenceStore(settings().evidence_address).claim("somebody else")
    assert "已保留" in cli("evidence", "sweep")
    assert others.path.exists()
    assert "已清除 1 个残余文件" in cli("evidence", "sweep", "--claim")
    assert not others.path.exists()


@pytest.mark.parametrize("path", ["/hand-in", "/readings/import"])
def test_what_others_send_just_now_takes_room_too(world: World, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Each of many who send at once would find the same room."""
    north, before = world.person("north"), files_in_store()
    free = shutil.disk_usage(settings().evidence_address).free
    fields = north.hidden() | {"ids": world.id(LIAISON)}
    sent = [("files", ("a.txt", b"proof", "text/plain"))]
    with UNDER_WAY.coming("another unit", free):
        refused = north.ask("POST", path, data=fields, files=sent)
    assert "the evidence store is nearly full" in refused.text
    assert files_in_store() == before
    assert UNDER_WAY.in_all() == 0
    assert hand_in(north, world.id(LIAISON)).status_code == 303


def test_what_a_unit_sends_just_now_counts_for_its_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, UNIT_DAILY_MB=3)
    north, liaison = world.person("north"), world.id(LIAISON)
    with UNDER_WAY.coming(world.id("unit-north"), 3 * MIB):
        assert "within a day; at most 3 MB" in hand_in(north, liaison).text
    with UNDER_WAY.coming(world.id("unit-south"), 3 * MIB):
        assert hand_in(north, liaison).status_code == 303


def test_who_does_not_say_how_much_comes_is_expected_to_send_the_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program that sends in pieces (Transfer-Encoding: chunked)."""
    limit(monkeypatch, UNIT_DAILY_MB=3, UPLOAD_MAX_MB=4)
    north, before = world.person("north"), files_in_store()
    hidden = "".join(_field(name, value) for name, value in (north.hidden() | {"ids": str(world.id(LIAISON))}).items())
    content = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nproof\r\n--b--\r\n'

    async def pieces() -> AsyncIterator[bytes]:
        yield hidden.encode()
        yield content.encode()

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = north.ask("POST", "/hand-in", content=pieces(), headers=kind)
    assert "within a day; at most 3 MB" in answer.text
    assert files_in_store() == before
