"""Ports and folders that somebody else has: a clear line, and nobody else's server is taken for ours."""

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
from click.testing import CliRunner

from adapters.database import embedded
from adapters.settings import Settings, settings
from deploy.cli.root import duban
from deploy.ports import ANY, LOOPBACK, listen, listen_somewhere, port_of
from deploy.rehearsal import place
from deploy.stack import Parts, StackError, _alone_in
from models.common.errors import RefusedError
from tests.conftest import LOADED_AT, Clock
from tests.support.stack import environment, open_folder

DUBAN = str(Path(sys.executable).with_name("duban"))
WAIT_S = 120


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another portal answers."""
    with socket.create_server((LOOPBACK, 0)) as other:
        yield port_of(other)


@pytest.mark.parametrize(
    ("host", "there"), [("::1", "[::1]"), ("::", "[::]"), ("10.1.2.3", "10.1.2.3"), ("a.cn", "a.cn")]
)
def test_the_portals_address_can_be_typed(host: str, there: str) -> None:
    assert Settings(portal_host=host, portal_port=8400).portal_address == f"http://{there}:8400"


class TestAPort:
    def test_of_two_who_want_the_same_one_gets_another(self) -> None:
        with listen(LOOPBACK, ANY, "X") as first, listen_somewhere(LOOPBACK, port_of(first), "X") as second:
            assert port_of(first) != port_of(second)
            with listen_somewhere(LOOPBACK, port_of(first), "X") as third:
                assert len({port_of(one) for one in (first, second, third)}) == 3

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1"])
    def test_is_named_with_its_setting_where_another_has_it(self, host: str) -> None:
        try:
            other = listen(host, ANY, "X")
        except RefusedError:
            pytest.skip("this machine has no such address")
        with other, pytest.raises(RefusedError) as refused:
            listen(host, port_of(other), "DUBAN_PORTAL_PORT")
        assert "DUBAN_PORTAL_PORT" in str(refused.value)

    @pytest.mark.parametrize("host", ["no.such.name.invalid", "203.0.113.7"])
    def test_a_host_that_is_not_ours(self, host: str) -> None:
        with pytest.raises(RefusedError, match="DUBAN_PORTAL_PORT"):
            listen(host, ANY, "DUBAN_PORTAL_PORT")

    def test_stays_ours_while_its_part_is_started_again_and_who_calls_waits(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DUBAN_DATA_DIR", str(tmp_path))
        settings.cache_clear()
        parts = Parts(None)
        with listen(LOOPBACK, ANY, "X") as door:
            part = parts.start("listener", "tests.support.listener", str(door.fileno()), keeps=(door.fileno(),))
            assert _greeting(port_of(door)) == part.pid
            part.kill()
            part.wait()
            with socket.create_connection((LOOPBACK, port_of(door)), WAIT_S) as caller:
                assert parts.tend() == ["listener"]
                assert int(caller.recv(20)) != part.pid
            parts.stop()


def _greeting(port: int) -> int:
    with socket.create_connection((LOOPBACK, port), WAIT_S) as caller:
        return int(caller.recv(20))


class TestTheCommands:
    def test_the_portal_alone(self, taken: int) -> None:
        done = CliRunner().invoke(duban, ["portal", "--port", str(taken)])
        assert done.exit_code == 2
        assert f"127.0.0.1:{taken}" in done.stderr

    @pytest.mark.parametrize("name", ["DUBAN_PORTAL_PORT", "DUBAN_PREFECT_PORT"])
    def test_up_starts_nothing_where_another_has_a_port(self, taken: int, name: str) -> None:
        with open_folder() as home:
            said = _refused(home, {name: str(taken)})
            assert name in said
            assert not (home / "server.log").exists()

    def test_up_starts_nothing_where_another_is_at_work_in_the_folder(self) -> None:
        with open_folder() as home, _alone_in(home):
            assert str(home) in _refused(home, {})
            assert not (home / "server.log").exists()

    def test_up_starts_no_server_beside_one_elsewhere(self) -> None:
        with open_folder() as home:
            assert "DUBAN_PREFECT_URL" in _refused(home, {"DUBAN_PREFECT_URL": "http://prefect.example"})


def test_a_server_that_is_left_behind_keeps_the_folder() -> None:
    """As after a `kill -9` of `duban up`."""
    with open_folder() as home:
        with _alone_in(home) as lock:
            left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
        try:
            with pytest.raises(RefusedError), _alone_in(home):
                pass
        finally:
            left.communicate()
        with _alone_in(home):
            pass


def _refused(home: Path, extra: dict[str, str]) -> str:
    """What `duban up` says as it ends."""
    done = subprocess.run(
        [DUBAN, "up"], env=environment(home) | extra, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_portal_leaves_no_database_behind_however_it_is_ended(number: signal.Signals) -> None:
    with open_folder() as home:
        said = environment(home)
        Clock(home / "clock").set(LOADED_AT)
        with subprocess.Popen([DUBAN, "portal"], env=said, stdout=subprocess.DEVNULL) as portal:
            _until_it_answers(f"http://127.0.0.1:{said['DUBAN_PORTAL_PORT']}/health", portal)
            assert embedded.postmaster(home)
            portal.send_signal(number)
            portal.wait(WAIT_S)
        assert embedded.postmaster(home) is None


def _until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            if httpx.get(address, timeout=WAIT_S).is_success:
                return
        except httpx.TransportError:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline
            time.sleep(0.1)


class TestARehearsalThatFails:
    def test_says_why_and_keeps_its_logs_alone(self) -> None:
        folder, failed = _rehearsed(StackError("the Prefect server did not start; see {log}", log="server.log"))
        assert "the Prefect server did not start" in str(failed)
        assert str(folder) in str(failed)
        assert [path.name for path in folder.iterdir()] == ["server.log"]
        shutil.rmtree(folder)

    def test_says_of_what_nobody_foresaw_what_it_is(self) -> None:
        folder, failed = _rehearsed(LookupError("north\nand more"))
        assert "LookupError: north; " in str(failed)
        shutil.rmtree(folder)

    def test_one_that_somebody_ends_leaves_nothing(self) -> None:
        folder, ended = _rehearsed(SystemExit(143))
        assert isinstance(ended, SystemExit)
        assert not folder.exists()


def _rehearsed(how_it_ends: BaseException) -> tuple[Path, BaseException]:
    """The scratch folder of a rehearsal that ends so, and what is raised in the end."""
    made = []
    with pytest.raises(BaseException) as raised:  # noqa: PT011, PT012, SIM117  (whatever it is, it is handed back)
        with place._scratch_folder() as folder:
            made.append(folder)
            for name in ("server.log", "rehearsal.clock", "stack.lock"):
                (folder / name).write_text("x")
            (folder / "prefect").mkdir()
            raise how_it_ends
    return made[0], raised.value
