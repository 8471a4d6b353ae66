"""`duban demo`: a plan left open on a day, the people to look at it as, and what it keeps away from."""

import datetime as dt
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from adapters.settings import settings
from deploy.cli.operation.progress import LINE_EVERY_S, Lines
from deploy.cli.root import duban
from tests.conftest import ROOT, TINY
from tests.support.portal_client import hidden_fields
from tests.support.stack import free_port, open_folder
from tests.support.story import Story

DUBAN = str(Path(sys.executable).with_name("duban"))
DAY = "2022-11-18"
READY_S = 480


@contextmanager
def shown(data: Path) -> Iterator[list[str]]:
    """A demo of the tiny plan, once it stays open, and the lines that it said until then."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DUBAN_", "PREFECT_"))}
    real = "postgresql://nobody@127.0.0.1:1/real"  # nothing of it is asked
    ours = {"DUBAN_DATA_DIR": str(data), "DUBAN_LANGUAGE": "en", "DUBAN_DATABASE_URL": real}
    ports = {"DUBAN_PREFECT_PORT": str(free_port()), "DUBAN_PORTAL_PORT": str(free_port())}
    command = [DUBAN, "demo", str(TINY), "--until", DAY]
    with subprocess.Popen(
        command, env=outside | ours | ports, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        try:
            deadline = time.monotonic() + READY_S
            while not (lines and lines[-1].startswith("Ctrl-C")) and time.monotonic() < deadline:
                line = process.stdout.readline()
                assert line, process.stderr and process.stderr.read()
                lines.append(line)
            assert lines[-1].startswith("Ctrl-C")
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


@pytest.mark.stack
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("stack")
def test_it_stays_open_on_that_day_for_four_people_and_ends_at_ctrl_c() -> None:
    with open_folder() as folder:
        home = folder / "data-demo"
        with shown(folder / "data") as lines:
            links = [found[0] for line in lines if (found := re.search(r"http://\S+/enter/\S+", line))]
            pages = [opened(link) for link in links]
            status = subprocess.run(
                [DUBAN, "status", "--json"], capture_output=True, text=True, check=True, env=environment_in(lines)
            )

        assert [page.url.path for page in pages] == ["/board", "/work", "/work", "/board"]
        assert json.loads(status.stdout)["on"] == DAY
        assert json.loads(status.stdout)["by_status"]
        assert not (folder / "data").exists()  # where real work would be
        assert not (home / "postgres" / "postmaster.pid").exists()


def opened(link: str) -> httpx.Response:
    """The page that a link leads to; the person's name is known, and nobody asks for it."""
    with httpx.Client(follow_redirects=True) as client:
        door = client.get(link).raise_for_status()
        return client.post(link, data=hidden_fields(door)).raise_for_status()


def environment_in(lines: list[str]) -> dict[str, str]:
    """What it says to set for commands in another terminal."""
    said = next(line.partition("export ")[2] for line in lines if "export " in line)
    return os.environ | dict(word.split("=", 1) for word in said.split())


def refusal(*options: str) -> str:
    result = CliRunner().invoke(duban, ["demo", str(TINY), *options])
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUBAN_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    return tmp_path / "data-demo"


def test_a_day_outside_the_plan_is_refused(data: Path) -> None:
    assert "2022年10月31日" in refusal("--until", "2022-10-31")
    assert "2025年1月1日" in refusal("--until", "2025-01-01")
    assert not data.exists()


def test_a_folder_of_somebody_else_is_left_alone(data: Path) -> None:
    (data / "evidence").mkdir(parents=True)
    (data / "evidence" / "theirs.txt").write_text("theirs", "utf-8")

    assert str(data) in refusal("--until", DAY)

    assert [one.name for one in data.rglob("*")] == ["evidence", "theirs.txt"]


def test_one_demo_at_a_time_in_a_folder(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    with (data / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert str(data) in refusal("--until", DAY)


def test_a_line_every_ten_seconds_says_the_day_and_what_was_done(story: Story) -> None:
    story.at("2022-11-01")
    story.open("launch")
    said: list[str] = []
    now = [0.0]
    lines = Lines(story.plan, said.append, lambda: now[0])
    first, last = dt.date(2022, 11, 1), dt.date(2024, 12, 31)

    for day, seconds in ((1, LINE_EVERY_S - 1), (2, LINE_EVERY_S), (3, LINE_EVERY_S + 1), (4, 3 * LINE_EVERY_S)):
        now[0] = seconds
        lines(first, last, dt.date(2022, 11, day))

    assert [line[:10] for line in said] == ["2022-11-02", "2022-11-04"]
    assert re.findall(r"\d+", said[0].partition("2024-12-31")[2]) == ["6", "0", "0", "0"]
