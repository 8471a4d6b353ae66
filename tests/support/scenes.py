"""Scenes: what many tests begin with is acted out once a session, kept as a database, and cloned for each of them.

    @scene
    def north(story: Story) -> None:
        story.at("2023-01-03")
        …

makes a fixture that hands on what its parameter gave: a `story`, the code of a plan, or another scene's. Kept are the
database, the data folder and the clock. A scene is acted out in an environment without any setting of its tests.
"""

import dataclasses
import datetime as dt
import fcntl
import inspect
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from psycopg import sql
from sqlalchemy import QueuePool, make_url

from adapters.database.sessions import engine, forget_engine
from adapters.settings import settings

if TYPE_CHECKING:
    from tests.support.story import Story

LOADED = "2022-10-24T01:00:00+00:00"
MAX_NAME = 63  # PostgreSQL cuts longer ones off


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """`before` is the fixture that it goes on from; `build` returns the plan's code where it loads one."""

    name: str
    before: str
    build: Callable[[Any], str | None]

    @property
    def database(self) -> str:
        return self.name[-MAX_NAME:]

    def play(self, value: Any) -> Any:
        return self.build(value) or value


@dataclasses.dataclass(frozen=True, slots=True)
class Store:
    """Where scenes are kept in this session."""

    folder: Path
    template: str  # the database that they begin with
    server: str
    command: Callable[[str, sql.Composed], None]

    def ready(self, scenes: Sequence[Scene]) -> None:
        """See that they are there, each going on from the one before. Others who want one that is played wait."""
        for number, scene in enumerate(scenes):
            if not self._note(scene).exists():
                with (self.folder / f"{scene.name}.lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    if not self._note(scene).exists():
                        self._keep(scenes[:number], scene)

    def state(self, scene: Scene) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._note(scene).read_text("utf-8"))
        return state

    def copy_files(self, scene: Scene, data: Path) -> None:
        if (files := self.folder / scene.name).exists():
            shutil.copytree(files, data)

    def _note(self, scene: Scene) -> Path:
        return self.folder / f"{scene.name}.json"

    def _keep(self, earlier: Sequence[Scene], scene: Scene) -> None:
        name = sql.Identifier(scene.database)
        parent = sql.Identifier(earlier[-1].database if earlier else self.template)
        self.command(self.server, sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        self.command(self.server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, parent))
        with pytest.MonkeyPatch.context() as bare:
            for setting in [setting for setting in os.environ if setting.startswith("DUBAN_")]:
                bare.delenv(setting)
            address = make_url(self.server).set(database=scene.database).render_as_string(hide_password=False)
            clock = self.folder / f"{scene.name}.clock"
            bare.setenv("DUBAN_DATABASE_URL", address)
            bare.setenv("DUBAN_DATA_DIR", str(self.folder / scene.name))
            bare.setenv("DUBAN_CLOCK_FILE", str(clock))
            state = self._act_out(earlier, scene, clock)
        settings.cache_clear()
        forget_engine()
        written = self._note(scene).with_suffix(".new")
        written.write_text(json.dumps(state), encoding="utf-8")
        written.rename(self._note(scene))

    def _act_out(self, earlier: Sequence[Scene], scene: Scene, clock: Path) -> dict[str, Any]:
        settings.cache_clear()
        forget_engine()
        state = self.state(earlier[-1]) if earlier else {"clock": "", "read_until": 0, "plan": None}
        if earlier:
            self.copy_files(earlier[-1], self.folder / scene.name)
        clock.write_text(str(state["clock"] or LOADED), encoding="ascii")
        is_story = any(one.before == "story" for one in (*earlier, scene))
        value = scene.play(_story(state, clock) if is_story else state["plan"])
        close_connections()
        return {
            "clock": clock.read_text("ascii"),
            "read_until": getattr(value, "read_until", 0),
            "plan": getattr(value, "plan", value),
        }


def _story(state: dict[str, Any], clock: Path) -> "Story":
    from tests.support.story import Story  # noqa: PLC0415  (it needs Prefect, which takes seconds to import)

    def set_clock(at: dt.datetime) -> None:
        clock.write_text(at.isoformat(), encoding="ascii")

    return Story(state["plan"], set_clock, state["read_until"])


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """What the database of the test that runs holds from its beginning."""

    store: Store
    held: Sequence[Scene]

    def play(self, scene: Scene, value: Any) -> Any:
        if scene not in self.held:
            return scene.play(value)
        state, clock = self.store.state(scene), settings().clock_file
        assert clock is not None
        clock.write_text(state["clock"], encoding="ascii")
        if hasattr(value, "read_until"):
            value.read_until = state["read_until"]
            return value
        return state["plan"]


current: list[Stage] = []  # of the test that runs; one at most


def scene(build: Callable[[Any], str | None]) -> Any:
    """A fixture whose acts are played once; it goes on from its parameter."""
    (before,) = inspect.signature(build).parameters
    name = re.sub(r"\W", "_", f"scene_{build.__module__.removeprefix('tests.')}_{build.__name__}")
    made = Scene(name, before, build)

    def fixture(**given: Any) -> Any:
        return current[-1].play(made, given[before])

    needed = dict.fromkeys([before, "database", "clock"])
    kind = inspect.Parameter.KEYWORD_ONLY
    fixture.__signature__ = inspect.Signature([inspect.Parameter(one, kind) for one in needed])  # type: ignore[attr-defined]
    fixture.__doc__, fixture.scene = build.__doc__, made  # type: ignore[attr-defined]
    return pytest.fixture(name=build.__name__)(fixture)


def asked(request: pytest.FixtureRequest) -> Sequence[Scene]:
    """The scenes that a test goes through, one after the other: the longest way, where there are several."""
    definitions = request.node._fixtureinfo.name2fixturedefs
    scenes = {}
    for name in request.fixturenames:
        if found := getattr(definitions[name][-1].func, "scene", None) if name in definitions else None:
            scenes[name] = found
    return max((_way(scenes, name) for name in scenes), key=len, default=())


def _way(scenes: dict[str, Scene], name: str) -> tuple[Scene, ...]:
    # A story has no acts of its own.
    before = "tiny_plan" if scenes[name].before == "story" else scenes[name].before
    return (*(_way(scenes, before) if before in scenes and before != name else ()), scenes[name])


def close_connections() -> None:
    """A thread that still has a connection would give it back to a pool that nobody closes any more."""
    pool, until = cast(QueuePool, engine().pool), time.monotonic() + 10
    while pool.checkedout() and time.monotonic() < until:
        time.sleep(0.01)
    forget_engine()
