"""`duban up` as an office starts it: patrol, watchdog and bulletin come by themselves."""

import datetime as dt
import json
import re
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from adapters.prefect_server import prefect_secret
from adapters.program import version
from tests.support.stack import ROOT, STOP_S, environment, open_folder

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def ask(prefect: str, secret: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", **prefect_secret.header(secret)}
    request = urllib.request.Request(f"{prefect}/api{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def next_run(prefect: str, secret: str, flow: str) -> dt.datetime:
    body = {
        "flows": {"name": {"any_": [flow]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 1,
    }
    (first,) = ask(prefect, secret, "/flow_runs/filter", body)
    return dt.datetime.fromisoformat(first["expected_start_time"])


@pytest.mark.timeout(300)
def test_what_is_started_has_its_next_rounds_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with (
        open_folder() as home,
        (home / "up.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "deploy", "up"],
            cwd=ROOT,
            env=environment(home) | {"DUBAN_LANGUAGE": "en"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as up,
    ):
        try:
            assert up.stdout is not None
            said = re.search(r"http://[^/]+", up.stdout.readline())
            assert said, (home / "up.log").read_text()
            secret = prefect_secret.kept_in(home)
            assert secret
            versions = {one["version"] for one in ask(said[0], secret, "/deployments/filter", {})}
            assert versions == {version()}, "each deployment says of which commit it is"
            now = dt.datetime.now(dt.UTC)
            assert next_run(said[0], secret, "patrol") - now < dt.timedelta(hours=16), "nights are quiet"
            assert next_run(said[0], secret, "watchdog") - now <= dt.timedelta(minutes=15)
            assert next_run(said[0], secret, "bulletin") - now < dt.timedelta(days=32)
        finally:
            up.send_signal(signal.SIGINT)
            assert up.stdout is not None
            rest = up.stdout.read()  # and not `communicate`, which loses what was read along with the first line
            up.wait(STOP_S)
        assert up.returncode == 0
        assert "`duban access prefect`" in rest  # and not what it says: this is no terminal
        assert secret not in rest + (home / "up.log").read_text()
