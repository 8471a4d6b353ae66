"""A preview: the letter that each unit would get, in its words, and nobody who works has to wait for it."""

import dataclasses
from collections.abc import Callable

import pytest

from adapters.database.sessions import forget_engine
from adapters.settings import settings
from models.changes import carry_out as carrying_out
from models.common.errors import BlockedError, RefusedError
from models.common.text import Text
from services import change_sets
from tests.services.changes.changing import (
    NORTH,
    SOUTH,
    area,
    change,
    edited,
    entries,
    heading,
    office,
    orders,
    preview,
    requirement,
    stored,
    what,
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


# What is told


def test_the_letters_are_those_that_will_be_sent(running: Story) -> None:
    edits = (with_measure("T1.3"), area("T1", lead="finance", responsible=("edu", "counties")))
    moved = orders(moves={NORTH: "2023-12-27"})
    seen = change_sets.preview(office(), edited(*edits), moved, heading(), letters=None)
    assert running.deliver().letters == 0, "nothing of it was sent"
    change(*edits, moves={NORTH: "2023-12-27"})
    running.deliver()
    assert seen.letters.keys() == {unit for unit, _, _ in running.told()} == {"edu", "finance", "north", "south"}
    for unit, letter in seen.letters.items():
        assert running.letter(unit) == letter.body
    assert "因方案调整改期1项" in seen.letters["north"].subject
    assert "2023年12月27日" in seen.letters["north"].body
    assert "改期" not in seen.letters["south"].subject


def test_a_link_of_the_unit_stands_in_no_preview(running: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBAN_PORTAL_URL", "https://duban.example")
    settings.cache_clear()
    seen = change_sets.preview(office(), None, orders(moves={NORTH: "2023-12-27"}), heading(), letters=None)
    assert "本单位的链接" in seen.letters["north"].body
    assert "https://" not in seen.letters["north"].body


def test_without_being_asked_for_letters_are_not_written(running: Story) -> None:
    assert preview(moves={NORTH: "2023-12-27"}).letters == {}


# Who waits


def during(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[object]:
    """Do this once the document is stored, while the change set is still on its way."""
    done: list[object] = []
    store = carrying_out._store

    def stored_and_then(*given: object) -> None:
        store(*given)  # type: ignore[arg-type]
        done.append(act())

    monkeypatch.setattr(carrying_out, "_store", stored_and_then)
    return done


@pytest.fixture
def impatient(running: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    """Whoever has to wait for a row fails."""
    monkeypatch.setenv("DUBAN_LOCK_TIMEOUT_S", "1")
    settings.cache_clear()
    forget_engine()
    return running


def test_units_and_patrols_go_on_while_a_preview_is_worked_out(
    impatient: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient.patrol("2023-01-04")  # the first one also notes the calendar

    def work() -> None:
        impatient.submit(NORTH)
        impatient.accept(NORTH)
        impatient.patrol("2023-06-26")

    done = during(monkeypatch, work)
    seen = preview(with_measure("T1.3"), moves={"2023/delivery": "2023-11-30"})
    assert len(done) == 1
    assert "2023/delivery/T1.3/north" in what(seen)
    assert impatient.row(NORTH).status == "accepted"
    assert wrong() == []


def test_work_that_a_change_does_not_touch_goes_on_while_it_is_carried_out(
    impatient: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "2023Q1/progress/south"
    during(monkeypatch, lambda: impatient.settle(other))
    change(with_measure("T1.3"), moves={NORTH: "2023-11-30"})
    assert impatient.row(other).status == "accepted"
    assert wrong() == []


# Units by their names


def test_units_are_named_by_name_or_alias(running: Story) -> None:
    done = change(successors={"南县": ("北县",)}, renamed={"财政局": Text("财政厅", "Treasury")})
    assert {one.unit for one in done.touched} == {"south", "finance"}, "north owes the same already"
    assert running.row(SOUTH).status == "waived"
    renamed = next(one for one in stored().units if one.code == "finance")
    assert (renamed.name, renamed.aliases) == (Text("财政厅", "Treasury"), ("财政局",))
    assert not change(renamed={"财政局": Text("财政局", "Finance")}).is_empty, "by its old name it is still found"
    assert wrong() == []


def test_a_name_that_several_have_is_refused_with_their_codes(running: Story) -> None:
    def also_called(code: str) -> None:
        units = tuple(
            dataclasses.replace(one, aliases=("县里",)) if one.code == code or one.aliases else one
            for one in stored().units
        )
        change(lambda document: dataclasses.replace(document, units=units))

    also_called("north")
    also_called("south")
    before = entries()
    with pytest.raises(RefusedError, match=r"several units are called 县里.*north, south"):
        change(successors={"县里": ()})
    assert entries() == before


def test_what_cannot_be_renamed_is_named(running: Story) -> None:
    with pytest.raises(BlockedError, match="there is no unit 西县"):
        change(renamed={"西县": Text("西市", "West")})
    with pytest.raises(BlockedError, match="south is called 南县 already"):
        change(renamed={"north": Text("南县", "South")})
    with pytest.raises(BlockedError, match="say what north is called"):
        change(renamed={"north": Text(" ", " ")})
    with pytest.raises(RefusedError, match="its new name in the files"):
        change(requirement("delivery", title=Text("新", "New")), renamed={"north": Text("北市", "North City")})
