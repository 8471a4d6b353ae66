"""Seals over the journal: what its owner changes, deletes or puts in by hand is named, and nobody waits for them."""

import datetime as dt
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from adapters import clock
from adapters.database.sessions import transaction
from deploy.cli.root import duban
from models.common.errors import RefusedError
from models.common.event import Actor, Event
from models.monitoring import seal
from models.monitoring.seal import JournalSeal, Tampering
from services.monitoring import seals, watchdog
from tests.support.owner import owners_transaction
from tests.support.story import Story

PROGRAM = Actor("duban")


@pytest.fixture
def sealed(story: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A launch was opened and half of it signed for; all of that is sealed, three entries a seal."""
    monkeypatch.setattr(seal, "ENTRIES", 3)
    story.at("2022-11-01")
    story.open("launch")
    story.sign("2022/liaison/north")
    assert seals.seal_journal(PROGRAM, clock.now()) == entries()
    return story


def entries() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Event)) or 0


def ids() -> list[int]:
    with transaction() as session:
        return list(session.scalars(select(Event.id).order_by(Event.id)))


@contextmanager
def by_the_owner(table: str = "event") -> Iterator[None]:
    """Whoever owns the database can set its triggers aside."""
    with owners_transaction() as session:
        session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only"))
    yield
    with owners_transaction() as session:
        session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only"))


def execute(statement: str, **facts: object) -> None:
    with owners_transaction() as session:
        session.execute(text(statement), facts)


def found() -> list[tuple[Tampering, int | None]]:
    return [(one.kind, one.entry) for one in seals.check()[1]]


def test_what_is_as_it_was_sealed_is_sound(sealed: Story) -> None:
    last, broken = seals.check()
    assert broken == []
    assert last is not None
    assert last.last_entry == ids()[-1]
    assert seals.seal_journal(PROGRAM, clock.now()) == 0, "there is nothing new"
    sealed.sign("2022/liaison/south")
    assert found() == []
    assert seals.seal_journal(PROGRAM, clock.now()) == 1
    assert found() == []


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "why = 'because'",
        "at = at + interval '1 day'",
        "due_after = due_after + 1",
        "detail = '{}'",
        "kind = 'excused'",
        "address = '192.0.2.1'",
        "status_after = 'accepted'",
        "actor_unit_id = (SELECT min(id) FROM unit)",
        "assignment_id = NULL",
    ],
)
def test_an_entry_that_was_changed_is_named(sealed: Story, change: str) -> None:
    with transaction() as session:
        query = select(Event.id).where(Event.kind == "issued").order_by(Event.id)
        one = session.scalars(query).first()
    with by_the_owner():
        execute(f"UPDATE event SET {change} WHERE id = :one", one=one)
    assert found() == [(Tampering.CHANGED, one)]


@pytest.mark.parametrize("place", [0, 3, -1])
def test_an_entry_that_was_deleted_is_named(sealed: Story, place: int) -> None:
    one = ids()[place]
    with by_the_owner():
        execute("DELETE FROM event WHERE id = :one", one=one)
    assert found() == [(Tampering.DELETED, one)]


COPY = """
INSERT INTO event (id, at, plan_id, kind, actor, why)
OVERRIDING SYSTEM VALUE SELECT :id, at + :later, plan_id, 'excused', actor, 'put in' FROM event ORDER BY id LIMIT 1
"""


def test_an_entry_that_was_put_in_is_named(sealed: Story) -> None:
    one = ids()[1]
    with by_the_owner():
        execute("DELETE FROM event WHERE id = :one", one=one)
    execute(COPY, id=one, later=dt.timedelta(0))
    assert found() == [(Tampering.CHANGED, one)], "in the place of another"
    execute(COPY, id=0, later=dt.timedelta(0))
    assert found() == [(Tampering.CHANGED, one)], "before all"


def test_an_entry_in_a_gap_of_the_numbers_is_named(sealed: Story) -> None:
    """A transaction that is given up leaves a gap."""
    with owners_transaction() as session:
        session.execute(text("SELECT nextval(pg_get_serial_sequence('event', 'id'))"))
    sealed.sign("2022/liaison/south")
    seals.seal_journal(PROGRAM, clock.now())
    gap = ids()[-1] - 1
    assert gap not in ids()
    execute(COPY, id=gap, later=dt.timedelta(days=9))
    assert found() == [(Tampering.INSERTED, gap)]


def test_an_entry_dated_before_a_seal_that_it_does_not_stand_under_is_named(sealed: Story) -> None:
    sealed.at("2022-11-03")
    sealed.sign("2022/liaison/south")
    seals.seal_journal(PROGRAM, clock.now())
    last = ids()[-1]
    execute(COPY, id=last + 1, later=dt.timedelta(0))
    assert found() == [(Tampering.INSERTED, last + 1)]
    seals.seal_journal(PROGRAM, clock.now())
    assert found() == [(Tampering.INSERTED, last + 1)], "sealing it does not make it true"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal_seal SET digest = repeat('0', 64) WHERE id = 2",
        "DELETE FROM journal_seal WHERE id = 1",
        "UPDATE journal_seal SET hashes = substr(hashes, 1, 16) || decode(repeat('00', 32), 'hex') WHERE id = 1",
    ],
)
def test_a_seal_that_was_changed_or_is_gone_shows(sealed: Story, change: str) -> None:
    with by_the_owner("journal_seal"):
        execute(change)
    assert found()


def test_who_changes_an_entry_and_its_seal_breaks_all_that_follow(sealed: Story) -> None:
    """Only who writes all later seals anew hides it, and the digest that an archive carries still tells."""
    with by_the_owner(), by_the_owner("journal_seal"):
        execute("UPDATE event SET why = 'because' WHERE id = :one", one=ids()[0])
        with owners_transaction() as session:
            first = session.scalars(select(JournalSeal).order_by(JournalSeal.id)).first()
            assert first is not None
            anew = session.execute(seal.FOUND, {"after": 0, "upto": first.last_event_id, "before": seal.FIRST}).one()
            first.digest, first.hashes = anew.digest, bytes(anew.hashes)
    assert [kind for kind, _ in found()] == [Tampering.SEAL]


def test_no_seal_is_changed_without_setting_its_trigger_aside(sealed: Story) -> None:
    for statement in ("UPDATE journal_seal SET digest = ''", "DELETE FROM journal_seal", "TRUNCATE journal_seal"):
        with pytest.raises(RefusedError):
            execute(statement)


def test_whoever_writes_is_not_waited_for_and_does_not_wait(sealed: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "PAUSE_S", 0)
    with transaction() as session:
        session.execute(text(COPY), {"id": ids()[-1] + 1, "later": dt.timedelta(0)})
        assert seals.seal_journal(PROGRAM, clock.now()) == 0, "one writes: it is left to the next time"
    assert seals.seal_journal(PROGRAM, clock.now()) == 1


def test_two_who_seal_at_once_seal_each_entry_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "ENTRIES", 1)
    story.at("2022-11-01")
    story.open("launch")
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(seals.seal_journal(PROGRAM, clock.now()))) for _ in range(3)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    seals.seal_journal(PROGRAM, clock.now())
    with transaction() as session:
        covered = [entry for one in session.scalars(select(JournalSeal)) for entry in one.event_ids]
    assert sorted(covered) == ids()
    assert found() == []


def test_a_unit_does_not_seal(sealed: Story) -> None:
    with pytest.raises(RefusedError):
        seals.seal_journal(Actor("张三", unit_id=1), clock.now())


def test_the_settings_of_a_session_change_no_hash(sealed: Story) -> None:
    for setting in ("TimeZone = 'Asia/Shanghai'", "IntervalStyle = 'sql_standard'", "extra_float_digits = -5"):
        with transaction() as session:
            session.execute(text(f"SET LOCAL {setting}"))
            assert list(seal.broken(session)) == []


def test_the_watchdog_seals_and_the_audit_checks(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    assert "尚未封存" in cli("audit")
    watchdog.watch_over()
    shown = json.loads(cli("audit", "--json"))
    assert shown["seal"]["last_entry"] == ids()[-1]
    assert shown["broken"] == []
    assert shown["seal"]["digest"] in cli("audit")
    with by_the_owner():
        execute("UPDATE event SET why = 'because' WHERE id = :one", one=ids()[0])
    assert json.loads(cli("audit", "--json", status=1))["broken"][0]["entry"] == ids()[0]
    assert f"第 {ids()[0]} 条记录" in cli("audit", status=1)


def test_the_archive_carries_the_last_seal(sealed: Story, tmp_path: Path) -> None:
    last, _ = seals.check()
    assert last is not None
    cli("archive", "--output", str(tmp_path / "pack.zip"))
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        manifest = json.loads(pack.read("manifest.json"))
    assert manifest["journal"]["seal"]["digest"] == last.digest
    assert manifest["journal"]["seal"]["last_entry"] == last.last_entry


def test_a_digest_that_was_kept_shows_a_journal_that_was_cut_off_at_its_end(sealed: Story) -> None:
    with transaction() as session:
        first, *_, last = session.scalars(select(JournalSeal).order_by(JournalSeal.id))
        kept, cut, upto = (first.digest, last.digest), last.id, first.last_event_id
    assert kept[1] in cli("audit", "--kept", kept[0], "--kept", kept[1].upper())
    with by_the_owner(), by_the_owner("journal_seal"), owners_transaction() as session:
        session.execute(text("DELETE FROM journal_seal WHERE id > :first"), {"first": first.id})
        session.execute(text("DELETE FROM event WHERE id > :upto"), {"upto": upto})
    assert cut > first.id
    assert seals.check()[1] == [], "what is left fits together"
    assert f"没有校验值为{kept[1]}的封存" in cli("audit", "--kept", kept[0], "--kept", kept[1], status=1)
    with by_the_owner("journal_seal"), owners_transaction() as session:
        session.execute(text("DELETE FROM journal_seal"))
    assert kept[0] in cli("audit", "--kept", kept[0], status=1)


def cli(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(duban, arguments)
    assert done.exit_code == status, done.output
    return done.output


def test_a_full_disk_is_no_busy_moment(sealed: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed.sign("2022/liaison/south")
    monkeypatch.setattr(seal, "FIND_HORIZON", text("SELECT 1 / 0"))
    with pytest.raises(DBAPIError):
        seals.seal_journal(PROGRAM, clock.now())


class TestAClockThatWasWrong:
    """A machine whose clock was a month ahead for an hour, and is right again."""

    @pytest.fixture
    def back(self, sealed: Story) -> Story:
        sealed.at("2022-12-01")
        sealed.sign("2022/liaison/south")
        seals.seal_journal(PROGRAM, clock.now())
        sealed.at("2022-11-01 10:00")
        return sealed

    def test_it_is_told_once_and_not_for_each_entry_until_it_has_caught_up(self, back: Story) -> None:
        for day in ("2022-11-01 11:00", "2022-11-02", "2022-11-10", "2022-12-02"):
            back.at(day)
            back.complain("north", "太急")
            seals.seal_journal(PROGRAM, clock.now())
        assert found() == [(Tampering.CLOCK, None)]
        [told] = seals.check()[1]
        assert "2022-12-01" in str(told.reason)
        assert "2022-11-01" in str(told.reason)

    def test_what_is_put_in_with_an_older_date_is_named_all_the_same(self, back: Story) -> None:
        back.complain("north", "太急")
        seals.seal_journal(PROGRAM, clock.now())
        execute(COPY, id=ids()[-1] + 1, later=dt.timedelta(days=-3))
        assert found() == [(Tampering.CLOCK, None), (Tampering.INSERTED, ids()[-1])]

    def test_so_is_what_was_written_with_it_and_is_sealed_with_it(self, back: Story) -> None:
        with owners_transaction() as session:
            put_in = session.scalars(text("SELECT nextval(pg_get_serial_sequence('event', 'id'))")).one()
        execute(COPY, id=put_in, later=dt.timedelta(days=-3))
        back.complain("north", "太急")
        seals.seal_journal(PROGRAM, clock.now())
        assert found() == [(Tampering.CLOCK, None), (Tampering.INSERTED, put_in)]

    def test_a_few_minutes_are_nothing(self, sealed: Story) -> None:
        sealed.at("2022-11-01 08:30")
        sealed.sign("2022/liaison/south")
        seals.seal_journal(PROGRAM, clock.now())
        assert found() == []
