"""What the Prefect UI shows is drawn again where it is gone or not as it is now, and left alone otherwise."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from prefect.runtime.flow_run import FIELDS

from adapters.prefect_server import prefect_api
from adapters.prefect_server.prefect_api import Artifact
from adapters.settings import settings
from services import bulletins
from services.scope import by_program
from tasks import publish
from tests.support.scenes import scene
from tests.support.story import Story

KEYS = ["board-tiny", "overdue-tiny", "progress-tiny-launch", "review-tiny", "status-tiny-launch"]
BULLETIN = "bulletin-tiny"
JANUARY = "2023-01"


class Shelf:
    """Prefect's artifacts, by their keys the newest version, and by whose run each was made."""

    def __init__(self) -> None:
        self.kept: dict[str, Artifact] = {}
        self.made: list[str] = []

    def newest(self, keys: list[str]) -> dict[str, Artifact]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def create(
        self, key: str, _kind: str, data: Any, description: str, marks: Mapping[str, str], run: str | None
    ) -> None:
        self.made.append(key)
        self.kept[key] = Artifact(f"{key} {len(self.made)}", data, description, run, dict(marks))

    def change(self, artifact: str, data: Any, description: str, marks: Mapping[str, str]) -> None:
        key = artifact.split(maxsplit=1)[0]
        self.kept[key] = dataclasses.replace(self.kept[key], data=data, description=description, marks=dict(marks))


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    made = Shelf()
    monkeypatch.setattr(prefect_api, "newest_artifacts", made.newest)
    monkeypatch.setattr(prefect_api, "create_artifact", made.create)
    monkeypatch.setattr(prefect_api, "change_artifact", made.change)
    in_run(monkeypatch, "run of the patrol")
    return made


def in_run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(FIELDS, "id", lambda: name)


@scene
def launched(story: Story) -> None:
    """The launch is open, and January is over."""
    story.at("2023-01-03")
    story.open("launch")
    story.at("2023-02-01")


def published(story: Story) -> int:
    return publish.publish_plan(story.plan)


def test_what_is_gone_is_drawn_again_though_nothing_happened(launched: Story, shelf: Shelf) -> None:
    published(launched)
    assert sorted(shelf.made) == KEYS
    for gone in KEYS:
        before = dict(shelf.kept)
        del shelf.kept[gone]
        assert published(launched) == 1, gone
        assert {key: one.data for key, one in shelf.kept.items()} == {key: one.data for key, one in before.items()}
    assert published(launched) == 0


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("DUBAN_PORTAL_URL", "https://duban.example", "https://duban.example/"),
        ("DUBAN_PORTAL_PORT", "8499", "http://127.0.0.1:8499/"),
        ("DUBAN_LANGUAGE", "en", "last day"),
    ],
)
def test_what_stands_in_them_besides_facts(
    launched: Story, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    publish.publish_bulletin(launched.plan, bulletins.make(by_program(launched.plan), JANUARY).id)
    published(launched)
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    published(launched)
    assert shown in shelf.kept["progress-tiny-launch"].description
    if name != "DUBAN_LANGUAGE":
        assert all(shown in one.description for one in shelf.kept.values())
    assert published(launched) == 0


def test_a_bulletin_is_shown_as_released_by_the_run_that_made_it(
    launched: Story, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_run(monkeypatch, "run of the bulletin")
    made = bulletins.make(by_program(launched.plan), JANUARY)
    publish.publish_bulletin(launched.plan, made.id)
    in_run(monkeypatch, "run of the patrol")
    published(launched)
    assert "草稿" in shelf.kept[BULLETIN].description

    launched.release_bulletin(JANUARY)
    published(launched)
    assert "已印发" in shelf.kept[BULLETIN].description
    assert shelf.kept[BULLETIN].run == "run of the bulletin"
    assert shelf.made.count(BULLETIN) == 1

    del shelf.kept[BULLETIN]
    published(launched)
    assert "已印发" in shelf.kept[BULLETIN].description
    assert shelf.kept[BULLETIN].run == "run of the patrol"


def test_the_bulletin_that_a_run_made_is_not_taken_for_the_newest(launched: Story, shelf: Shelf) -> None:
    """Somebody has the bulletin of an older month brought up to date."""
    launched.at("2023-03-01")
    older, newer = (bulletins.make(by_program(launched.plan), month) for month in (JANUARY, "2023-02"))
    publish.publish_bulletin(launched.plan, older.id)
    launched.release_bulletin(JANUARY)
    published(launched)
    assert f"/bulletins/{older.id})" in shelf.kept[BULLETIN].description
    del shelf.kept[BULLETIN]
    published(launched)
    assert f"/bulletins/{newer.id})" in shelf.kept[BULLETIN].description
