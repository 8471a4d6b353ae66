"""The Prefect UI on the real stack: names, tags, states, artifacts; and that losing all of it loses nothing."""

import datetime as dt
import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import select

from adapters.database.sessions import forget_engine, transaction
from adapters.prefect_server import prefect_api
from adapters.settings import settings
from deploy.stack import SERVER_FILE, of_any_server
from models.assignments.assignment import Assignment
from models.common.event import Event
from models.common.kinds import PhaseKind
from models.phases.gate import Answer, Gate, GateDecision
from models.plan.phase import Phase, RunName
from services import phases
from services.monitoring import watchdog
from services.scope import by_program
from tests.conftest import TINY, Clock
from tests.support.stack import Stack, stack
from tests.support.story import Story, moment

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack-pages")]

WAIT_S = 150  # for a process that imports Prefect, on a busy machine
NORTH, SOUTH = "2022/liaison/north", "2022/liaison/south"
KEYS = ["board-tiny", "overdue-tiny", "progress-tiny-launch", "review-tiny", "status-tiny-launch"]
Patrol = Callable[[str], str]


@pytest.fixture(scope="module")
def place() -> Iterator[Stack]:
    with stack(TINY, moment("2022-11-01")) as started:
        yield started


@pytest.fixture
def story(place: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """What stands in the stack's database; and this process has the stack's settings, as somebody beside it."""
    monkeypatch.setenv("DUBAN_DATABASE_URL", place.database)
    monkeypatch.setenv("DUBAN_CLOCK_FILE", str(place.clock))
    monkeypatch.setenv("DUBAN_PREFECT_URL", place.prefect)
    monkeypatch.setenv("DUBAN_PREFECT_AUTH_STRING", place.secret)
    settings.cache_clear()
    forget_engine()
    yield Story("tiny", Clock(place.clock).set)
    forget_engine()


@pytest.fixture
def patrol(place: Stack, story: Story) -> Iterator[Patrol]:
    """The flow, run in this process on the stack's server; returns the id of its run."""
    from prefect.settings import (  # noqa: PLC0415  (three seconds, for this test only)
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    from flows.patrol import patrol as flow  # noqa: PLC0415

    def run(when: str) -> str:
        story.at(when)
        state = flow("tiny", return_state=True)
        assert state.is_completed(), state
        return str(state.state_details.flow_run_id)

    there = {PREFECT_API_URL: f"{place.prefect}/api", PREFECT_API_AUTH_STRING: place.secret}
    with temporary_settings(updates={**there, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield run


def test_a_phase_is_seen_from_its_start_to_its_closing(place: Stack, story: Story, patrol: Patrol) -> None:
    run = prefect_api.start_phase("tiny", "launch", None)
    wait_for(place, run, "Suspended")
    assert seen(place, run) == ("launch tiny", {"phase", "launch", "tiny", "2022"}, "round 1, last day 2022-12-31")
    assert shown_with(place, run) == {"progress-tiny-launch": 0, "status-tiny-launch": 2}

    story.deliver()  # the office is told whom nothing reaches
    # Nothing happens: nothing new is shown, and the run says so.
    assert "nothing-due" in tags(place, patrol("2022-11-01 10:00"))
    assert versions(place) == dict.fromkeys(KEYS, 1)
    assert "nothing-due" in tags(place, patrol("2022-11-01 10:15"))
    assert versions(place) == dict.fromkeys(KEYS, 1)

    # Somebody hands in: within the day the newest version changes, on another day there is a new one of what differs.
    story.submit(NORTH)
    story.accept(NORTH)
    story.submit(SOUTH)
    assert "acted" in tags(place, patrol("2022-11-01 10:30"))  # it dropped what was settled, or sent letters
    assert versions(place) == dict.fromkeys(KEYS, 1) | {"patrol-tiny": 1}
    assert shown_with(place, run) == {"progress-tiny-launch": 16.7, "status-tiny-launch": 4}
    assert "nothing-due" in tags(place, patrol("2022-11-02"))
    assert versions(place) == dict.fromkeys(KEYS, 1) | {"patrol-tiny": 1}
    assert "2022-11-02" in prefect_api.newest_artifacts(["board-tiny"])["board-tiny"].description
    story.accept(SOUTH)
    patrol("2022-11-02 10:00")  # its morning had nothing new, and the version of the day before stays
    changed = {"board-tiny": 2, "review-tiny": 2}
    assert {key: count for key, count in versions(place).items() if count > 1 and key != "patrol-tiny"} == changed

    before, pictures = facts(), newest()
    empty(place)
    assert newest() == {}
    found = watchdog.watch_over(["tiny"]).alerts["tiny"]
    assert [one.kind for one in found if one.kind == "no_run"] == ["no_run"]
    patrol("2022-11-03 10:00")
    restored = suspended(place)
    assert newest() == pictures
    assert facts() == before

    prefect_api.answer_gate(restored, answer(GateDecision.EXTEND), dt.date(2023, 1, 31))
    wait_for(place, restored, "Extended")
    assert seen(place, restored)[1:] == (
        {"phase", "launch", "tiny", "2022", "extended"},
        "round 2, last day 2023-01-31",
    )
    prefect_api.answer_gate(restored, answer(GateDecision.CLOSE, override="并入实施阶段"), dt.date(2023, 1, 31))
    wait_for(place, restored, "Closed with override")
    assert shown_with(place, restored)["progress-tiny-launch"] == 33.3


def test_a_phase_that_is_started_again_and_again_has_one_run_at_its_gate(place: Stack, story: Story) -> None:
    """By the button in the Prefect UI, which asks nobody; and by the command, which asks first."""
    story.at("2023-01-03")
    pressed = [prefect_api.start_phase("tiny", "implementation", 2023) for _ in range(4)]
    _until(lambda: sorted(named(pressed)) == ["Joined"] * 3 + ["Suspended"], "not one of four alone stands there")
    standing = pressed[named(pressed).index("Suspended")]
    joined = next(run for run in pressed if run != standing)
    assert standing in seen(place, joined)[2], "it says which one"
    again = phases.start(by_program("tiny"), (PhaseKind.IMPLEMENTATION, 2023))
    assert (again.run_id, again.joined) == (standing, True)

    # What stood there before there was this rule.
    strays = [left_at(place, "gate-1"), left_at(place, "gate-1"), left_at(place, "gate-7")]
    watchdog.watch_over(["tiny"])
    assert named(strays) == ["Superseded"] * 3
    assert named([standing]) == ["Suspended"]

    prefect_api.answer_gate(standing, answer(GateDecision.KEEP_OPEN), dt.date(2024, 1, 31))
    _until(
        lambda: prefect_api.run_at_gate("tiny", "implementation", [RunName(2023)], [2]),
        "it does not stand at the next round",
    )
    wait_for(place, standing, "Suspended")
    prefect_api.answer_gate(standing, answer(GateDecision.CLOSE, override="并入总结"), dt.date(2024, 1, 31))
    wait_for(place, standing, "Closed with override")


def test_what_the_server_removed_and_still_names_is_shown_again(place: Stack, story: Story, patrol: Patrol) -> None:
    """As it removes artifacts with their runs, after a quarter."""
    story.at("2023-02-01")
    patrol("2023-02-01 09:00")
    with closing(sqlite3.connect(Path(place.folder) / "prefect" / "prefect.db", timeout=WAIT_S)) as store, store:
        store.execute("DELETE FROM artifact WHERE key = 'review-tiny'")
    assert "review-tiny" not in prefect_api.newest_artifacts(KEYS)
    patrol("2023-02-01 09:15")
    assert "review-tiny" in prefect_api.newest_artifacts(KEYS)


def named(runs: Sequence[str]) -> list[str]:
    return [prefect_api.state_of(run)[1] for run in runs]


def left_at(place: Stack, key: str) -> str:
    """A run of the implementation that was left suspended there."""
    run = scheduled(place, "implementation", {"plan": "tiny", "year": 2023})
    for state in ({"type": "RUNNING"}, {"type": "PAUSED", "name": "Suspended", "state_details": details(key)}):
        place.ask("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})
    return run


def details(key: str) -> dict[str, Any]:
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    return {"pause_key": key, "pause_timeout": later, "pause_reschedule": True}


def test_a_place_that_a_dead_run_holds_is_given_back(place: Stack, story: Story) -> None:
    """As its machine leaves it: nobody is there to say that it ended."""
    dead, next_one, last = (scheduled(place) for _ in range(3))
    assert pending(place, dead) == "Pending"
    assert pending(place, next_one) == "Cancelled"  # and so would be all that come after it

    assert prefect_api.end_lost_runs(["patrol"], dt.timedelta(hours=2)) == []
    named = place.ask("GET", f"/flow_runs/{dead}")["name"]
    assert prefect_api.end_lost_runs(["patrol"], dt.timedelta(0)) == [named]
    assert prefect_api.state_of(dead)[1] == "Crashed"
    assert pending(place, last) == "Pending"
    assert prefect_api.end_lost_runs(["patrol"], dt.timedelta(0)) != []


def test_what_is_kept_and_where_places_are_written_down(place: Stack) -> None:
    kept = place.ask("GET", "/admin/settings")["server"]
    vacuum = kept["services"]["db_vacuum"]
    assert sorted(vacuum["enabled"]) == ["events", "flow_runs"]
    assert vacuum["retention_period"] in {"P90D", 90 * 86400}
    assert kept["concurrency"]["lease_storage"].endswith(".filesystem")  # in memory, a restart would forget them
    assert kept["analytics_enabled"] is False
    assert kept["ui"]["show_promotional_content"] is False


def test_the_file_for_servers_elsewhere_is_read_alike_by_a_shell() -> None:
    shown = subprocess.run(
        ["sh", "-c", f"set -a; . {SERVER_FILE}; env"], capture_output=True, text=True, check=True, env={}
    ).stdout
    said = dict(line.split("=", 1) for line in shown.splitlines())
    assert of_any_server()
    assert of_any_server().items() <= said.items()


def answer(decision: GateDecision, override: str = "") -> Answer:
    return Answer(decision, "赵主任", "办公室决定", dt.date(2023, 1, 31), override)


# ---- Prefect


def wait_for(place: Stack, run: str, name: str) -> None:
    _until(lambda: prefect_api.state_of(run)[1] == name, f"{run} is not {name}")


def suspended(place: Stack) -> str:
    """The run that stands at a gate."""
    query = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    return str(_until(lambda: place.ask("POST", "/flow_runs/filter", query), "no run stands at the gate")[0]["id"])


def _until(found: Callable[[], Any], otherwise: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (what := found()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)
    return what


def seen(place: Stack, run: str) -> tuple[str, set[str], str]:
    """What a list of runs says of one, besides the name of its state."""
    shown = place.ask("GET", f"/flow_runs/{run}")
    return shown["name"], set(shown["tags"]), shown["state"]["message"]


def tags(place: Stack, run: str) -> set[str]:
    return seen(place, run)[1]


def all_artifacts(place: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.ask("POST", "/artifacts/filter", {"limit": 200})
    return [one for one in found if one["key"] != "watchdog"]


def versions(place: Stack) -> Counter[str]:
    return Counter(one["key"] for one in all_artifacts(place))


def shown_with(place: Stack, run: str) -> dict[str, float]:
    """What the page of a run shows: how far, or how many rows, by key."""
    of_run = {one["key"]: one["data"] for one in all_artifacts(place) if one["flow_run_id"] == run}
    return {key: len(json.loads(data)) if isinstance(data, str) else data for key, data in of_run.items()}


def newest() -> dict[str, Any]:
    return {key: one.data for key, one in prefect_api.newest_artifacts(KEYS).items()}


def empty(place: Stack) -> None:
    """Throw away all that Prefect remembers of runs."""
    for one in place.ask("POST", "/artifacts/filter", {"limit": 200}):
        place.ask("DELETE", f"/artifacts/{one['id']}")
    for one in place.ask("POST", "/flow_runs/filter", {"limit": 200}):
        place.ask("DELETE", f"/flow_runs/{one['id']}")
    assert place.ask("POST", "/flow_runs/filter", {}) == []


def scheduled(place: Stack, flow: str = "patrol", parameters: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A run that the worker leaves alone: it is for tomorrow."""
    deployment = place.ask("GET", f"/deployments/name/{flow}/{flow}")
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": tomorrow}}
    body = {"state": state, "parameters": dict(parameters)}
    return str(place.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", body)["id"])


def pending(place: Stack, run: str) -> str:
    """Take a run as a worker does; the name of the state that it comes into."""
    place.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING", "name": "Pending"}})
    return prefect_api.state_of(run)[1]


# ---- Duban


def facts() -> dict[str, list[Any]]:
    """Every row that says what happened and how things stand."""
    with transaction() as session:
        return {
            kind.__tablename__: [tuple(row) for row in session.execute(select(kind.__table__).order_by(kind.id))]
            for kind in (Event, Assignment, Phase, Gate)
        }
