"""The example for nginx, in a real nginx before the real stack: who comes from another machine, and how far."""

import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT, TINY
from tests.support.browser import browser, chromium
from tests.support.stack import Stack, free_port, stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.browser,
    pytest.mark.xdist_group("stack-pages"),
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is missing"),
]

__all__ = ["browser", "chromium"]  # fixtures
AT = dt.datetime(2022, 11, 1, 0, 30, tzinfo=dt.UTC)
PEOPLE = ("clerk", "a-password-of-their-own")
PORTAL, PREFECT = "duban.localhost", "prefect.localhost"  # a browser looks for these on its own machine
READ = "/api/flow_runs/filter"
WAIT_S = 60


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def behind() -> int:
    """The port of the portal itself."""
    return free_port()


@pytest.fixture(scope="module")
def place(port: int, behind: int) -> Iterator[Stack]:
    extra = {
        "DUBAN_PREFECT_UI_URL": f"https://{PREFECT}:{port}",
        "DUBAN_PORTAL_URL": f"https://{PORTAL}:{port}",
        "DUBAN_PORTAL_PORT": str(behind),
    }
    with stack(TINY, AT, portal=True, extra=extra) as started:
        yield started


@pytest.fixture(scope="module")
def nginx(place: Stack, port: int, behind: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Nginx with our example, which differs in its ports, names and files alone; yields its port."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(configuration(folder, place, port, behind), encoding="utf-8")
    certificate(folder)
    user, password = PEOPLE
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True
    ).stdout.strip()
    (folder / "people").write_text(f"{user}:{hashed}\n", encoding="ascii")
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], env=os.environ)
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and not listens(port):
        assert process.poll() is None, (folder / "error.log").read_text()
        time.sleep(0.05)
    yield port
    process.send_signal(signal.SIGQUIT)
    process.wait(WAIT_S)


def configuration(folder: Path, place: Stack, port: int, behind: int) -> str:
    example = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for ours, theirs in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("duban.example.gov.cn", PORTAL),
        ("prefect.example.gov.cn", PREFECT),
        ("/etc/nginx/duban.crt", str(folder / "own.crt")),
        ("/etc/nginx/duban.key", str(folder / "own.key")),
        ("/etc/nginx/duban-people", str(folder / "people")),
        ("http://127.0.0.1:8400", f"http://127.0.0.1:{behind}"),
        ("http://127.0.0.1:4200", place.prefect),
    ):
        assert ours in example, ours
        example = example.replace(ours, theirs)
    return (
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nuser root;\nevents {{ }}\n"
        f"http {{\naccess_log off;\n{example}\n}}\n"
    )


def certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={PORTAL}"),
            *("-addext", f"subjectAltName=DNS:{PORTAL},DNS:{PREFECT}"),
            *("-keyout", str(folder / "own.key"), "-out", str(folder / "own.crt")),
        ],
        check=True,
        capture_output=True,
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, name: str, path: str, *, method: str = "GET", auth: tuple[str, str] | None = None) -> httpx.Response:
    """From another machine, so to speak: by the name, whose certificate is our own."""
    with httpx.Client(verify=False, trust_env=False, timeout=30) as client:
        headers = {"Host": f"{name}:{port}", "Accept": "text/html, */*"}
        content: dict[str, str] | None = {} if method == "POST" else None
        return client.request(method, f"https://127.0.0.1:{port}{path}", headers=headers, auth=auth, json=content)


def secret_of(place: Stack) -> tuple[str, str]:
    user, _, password = place.secret.partition(":")
    return user, password


def test_nobody_sees_a_page_without_a_login_of_their_own(place: Stack, nginx: int) -> None:
    assert ask(nginx, PREFECT, "/dashboard").status_code == 401
    assert ask(nginx, PREFECT, "/dashboard", auth=("clerk", "wrong")).status_code == 401
    shown = ask(nginx, PREFECT, "/dashboard", auth=PEOPLE)
    assert shown.status_code == 200
    assert place.secret not in shown.text
    assert ask(nginx, PREFECT, "/ui-settings", auth=PEOPLE).json()["api_url"] == f"https://{PREFECT}:{nginx}/api"


def test_a_login_alone_is_answered_nothing(place: Stack, nginx: int) -> None:
    for auth in (None, PEOPLE, ("duban", "wrong")):
        assert ask(nginx, PREFECT, READ, method="POST", auth=auth).status_code == 401
    assert ask(nginx, PREFECT, READ, method="POST", auth=secret_of(place)).status_code == 200


@pytest.mark.parametrize("path", ["/api/docs", "/docs", "/openapi.json", "/api/openapi.json"])
def test_the_manual_is_closed_here_too(place: Stack, nginx: int, path: str) -> None:
    assert '"openapi"' not in ask(nginx, PREFECT, path, auth=PEOPLE).text


def test_the_portal_knows_that_the_line_is_encrypted_and_who_comes(place: Stack, nginx: int) -> None:
    answer = ask(nginx, PORTAL, "/left")
    assert answer.status_code == 200
    assert "strict-transport-security" in answer.headers
    made = place_link(place)
    door = ask(nginx, PORTAL, f"/enter/{made}")
    assert "__Host-duban-door=" in door.headers["set-cookie"]


def place_link(place: Stack) -> str:
    """The token of a link as an operator makes it beside the running stack."""
    said = subprocess.run(
        [sys.executable, "-m", "deploy", "access", "unit", "north"],
        cwd=ROOT,
        env=os.environ
        | {"DUBAN_DATABASE_URL": place.database, "DUBAN_DATA_DIR": place.folder, "DUBAN_CLOCK_FILE": str(place.clock)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return said.strip().rpartition("/")[2]


def test_the_office_works_in_the_prefect_ui_from_another_machine(place: Stack, nginx: int, browser: Browser) -> None:
    user, password = PEOPLE
    context = browser.new_context(ignore_https_errors=True, http_credentials={"username": user, "password": password})
    page = context.new_page()
    page.goto(f"https://{PREFECT}:{nginx}/dashboard")
    page.locator("input[type=password]").fill(place.secret)
    page.get_by_role("button", name="Login").click()
    expect(page.locator("input[type=password]")).to_be_hidden()
    page.goto(f"https://{PREFECT}:{nginx}/deployments")
    expect(page.get_by_text("launch", exact=True).first).to_be_visible()
    context.close()
