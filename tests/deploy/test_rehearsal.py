"""A plan's whole life on the real stack: server, worker, database, gates, units; the same for the same seed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from deploy.rehearsal.habits import habit
from tests.support.stack import free_port, open_folder

ROOT = Path(__file__).parents[2]
PLANS = {"tiny": ROOT / "tests" / "plans" / "tiny", "real": ROOT / "plans" / "northwest-education-centre"}

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


DUBAN = str(Path(sys.executable).with_name("duban"))


def duban(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    environment = environment_of(data)
    return subprocess.run([DUBAN, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT, check=False)


def environment_of(data: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DUBAN_", "PREFECT_"))}
    return environment | {"DUBAN_DATA_DIR": str(data), "DUBAN_PREFECT_PORT": str(free_port())}


def rehearse(plan: Path, seed: int, data: Path) -> dict[str, Any]:
    done = duban("rehearse", str(plan), "--seed", str(seed), "--json", data=data)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def first_phase_of_tiny(folder: Path) -> Path:
    """The tiny plan with its first phase alone: a life of two months."""

    def rewritten(name: str, change: Callable[[dict[str, Any]], object]) -> None:
        content = yaml.safe_load((folder / name).read_text("utf-8"))
        change(content)
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    shutil.copytree(PLANS["tiny"], folder)
    rewritten("plan.yaml", lambda plan: plan.update(ends=2022))
    rewritten("phases.yaml", lambda plan: plan.update(phases=plan["phases"][:1]))
    rewritten("requirements.yaml", lambda plan: plan.update(requirements=_of_launch(plan["requirements"])))
    rewritten("indicators.yaml", lambda plan: plan.update(indicators=plan["indicators"][1:]))
    return folder


def _of_launch(requirements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in requirements if one["phase"] == "launch"]


@pytest.mark.xdist_group("stack")
def test_the_same_seed_lives_the_same_life_and_leaves_nothing_behind(tmp_path: Path) -> None:
    plan, data = first_phase_of_tiny(tmp_path / "plan"), tmp_path / "data"
    data.mkdir()
    first, second = (rehearse(plan, 7, data) for _ in range(2))

    assert first == second
    assert first["assignments"]["total"] == 6
    assert first["by_status"]["accepted"] > 0
    assert first["messages"]["sent"] > 6
    assert list(data.iterdir()) == []  # it took place aside


@pytest.mark.xdist_group("stack")
def test_two_at_once_share_neither_a_server_nor_a_folder(tmp_path: Path) -> None:
    """Both want the same port. One is ended, and the other goes on."""
    plan, port = first_phase_of_tiny(tmp_path / "plan"), str(free_port())
    with _rehearsing(plan, port) as one, _rehearsing(plan, port) as other:
        servers = [_server_of(process) for process in (one, other)]
        assert len({server.environ()["PREFECT_SERVER_API_PORT"] for server in servers}) == 2
        folders = [Path(server.environ()["DUBAN_DATA_DIR"]) for server in servers]
        assert folders[0] != folders[1]
        for process, folder, server in zip((other, one), reversed(folders), reversed(servers), strict=True):
            assert server.is_running()
            process.terminate()
            assert process.wait(120) == 128 + signal.SIGTERM
            assert _still_using(folder) == []
            assert not folder.exists()


def _rehearsing(plan: Path, port: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DUBAN_", "PREFECT_"))}
    return subprocess.Popen(
        [DUBAN, "rehearse", str(plan)],
        env=environment | {"DUBAN_PREFECT_PORT": port},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _server_of(process: subprocess.Popen[str]) -> psutil.Process:
    """The Prefect server of a rehearsal, once its worker is there as well."""
    deadline = time.monotonic() + 240
    while True:
        parts = dict(_parts_of(process))
        servers = [part for part, said in parts.items() if "deploy.prefect_server" in said]
        if servers and any("worker" in said for said in parts.values()):
            return servers[0]
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _parts_of(process: subprocess.Popen[str]) -> Iterator[tuple[psutil.Process, list[str]]]:
    """The processes that it started, and by which words."""
    for part in psutil.Process(process.pid).children():
        with suppress(psutil.Error):  # it has ended meanwhile
            yield part, part.cmdline()


def test_another_seed_is_another_life() -> None:
    """Asked of the habits: nothing else in a rehearsal depends on the seed but these and the made-up figures."""
    lives = [
        [habit(seed, unit, f"2023/delivery/{n}") for unit in ("north", "south") for n in range(20)] for seed in (7, 8)
    ]
    assert lives[0] != lives[1]
    assert lives[0] == [habit(7, unit, f"2023/delivery/{n}") for unit in ("north", "south") for n in range(20)]


@pytest.mark.xdist_group("stack")
def test_told_to_end_it_takes_what_it_started_with_it() -> None:
    with open_folder() as data:
        command = [DUBAN, "run", str(PLANS["tiny"])]
        with subprocess.Popen(command, env=environment_of(data), cwd=ROOT, stderr=subprocess.DEVNULL) as running:
            deadline = time.monotonic() + 120
            while len(_serving(data)) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            running.terminate()
            assert running.wait(60) == 128 + signal.SIGTERM
        assert _still_using(data) == []


@pytest.mark.xdist_group("rehearsal")
def test_the_real_plan_from_2022_to_2025() -> None:
    with open_folder() as data:
        done = duban("run", str(PLANS["real"]), data=data)
        assert done.returncode == 0, done.stderr
        summary = json.loads((data / "summary.json").read_text("utf-8"))
        status = duban("status", "--plan", summary["plan"], "--json", data=data)
        assert _still_using(data) == []

    assert summary["units"] == 40
    assert summary["measures"] == {"declared": 41, "enumerated": 34}
    assert summary["indicators"] == 54
    assert summary["assignments"] == {"launch": 67, "2023": 1092, "2024": 1092, "acceptance": 968, "total": 3219}
    assert sum(summary["by_status"].values()) == 3219
    assert summary["messages"]["duplicates"] == summary["messages"]["dead"] == summary["messages"]["pending"] == 0
    assert summary["messages"]["sent"] > 3219
    assert {"unsigned", "T-30", "T-7", "T-3", "T-1", "T+0", "T+1", "T+3", "T+10"} <= summary["escalations"].keys()
    assert sum(count for name, count in summary["flow_runs"].items() if name.startswith("Closed")) == 4
    assert not {"Failed", "Crashed"} & summary["flow_runs"].keys()
    # A bulletin for each month but the last, and a verdict on everything.
    assert summary["bulletins"] == 37
    assert sum(summary["targets"].values()) == 54
    assert summary["targets"]["met"] > 40
    assert summary["verdicts"].keys() == {"accept", "reject"}
    assert sum(summary["verdicts"].values()) == 34 + 5 + 54

    # What it left can be asked afterwards.
    assert json.loads(status.stdout)["assignments"]["total"] == 3219


def _serving(folder: Path) -> set[str]:
    """Which of the two servers are there."""
    said = _still_using(folder)
    return {server for server in ("bin/postgres ", "-m deploy.prefect_server") if any(server in one for one in said)}


def _still_using(folder: Path) -> list[str]:
    """Processes that were started over that folder and live on. Other tests run theirs over others."""
    found = []
    for process in psutil.process_iter():
        try:
            said = [*process.cmdline(), process.environ().get("DUBAN_DATA_DIR", "")]
        except psutil.Error:  # it has ended meanwhile
            continue
        if any(str(folder) in word for word in said):
            found.append(" ".join(said))
    return found
