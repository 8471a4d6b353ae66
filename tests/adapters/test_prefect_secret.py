"""The secret of a data folder: made once, nobody else's; and what is sent to which server."""

import base64
import os
import stat
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from adapters.language import Language
from adapters.prefect_server import prefect_api, prefect_secret
from adapters.prefect_server.prefect_api import PrefectRefusedError, PrefectUnreachableError
from adapters.settings import Settings, settings
from deploy.cli.main import _tell_settings
from deploy.cli.operation import running
from deploy.cli.root import duban, error_lines
from models.common.errors import RefusedError

PASSWORD = "office:一个密码"
ELSEWHERE = "https://prefect.example.cn"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    setting(monkeypatch, DUBAN_DATA_DIR=str(tmp_path))
    return tmp_path


def setting(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


class TestMaking:
    def test_it_is_long_stays_the_same_and_is_read_by_nobody_else(self, folder: Path) -> None:
        before = os.umask(0)
        try:
            made = prefect_secret.ensure_in(folder)
        finally:
            os.umask(before)

        user, _, password = made.partition(":")
        assert (user, len(password) >= 43) == ("duban", True)
        assert prefect_secret.ensure_in(folder) == prefect_secret.kept_in(folder) == made
        assert stat.S_IMODE(prefect_secret.file_in(folder).stat().st_mode) == 0o600
        assert [file.name for file in folder.iterdir()] == ["prefect-secret"]

    def test_of_many_who_make_it_at_once_one_is_kept(self, folder: Path) -> None:
        with ThreadPoolExecutor(16) as pool:
            made = set(pool.map(lambda _: prefect_secret.ensure_in(folder), range(64)))

        assert made == {prefect_secret.kept_in(folder)}

    def test_folders_have_secrets_of_their_own(self, folder: Path) -> None:
        other = folder / "other"
        other.mkdir()

        assert prefect_secret.ensure_in(folder) != prefect_secret.ensure_in(other)

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
    def test_what_others_may_read_or_write_is_made_anew(self, folder: Path, mode: int) -> None:
        made = prefect_secret.ensure_in(folder)
        prefect_secret.file_in(folder).chmod(mode)

        assert prefect_secret.ensure_in(folder) != made
        assert stat.S_IMODE(prefect_secret.file_in(folder).stat().st_mode) == 0o600

    @pytest.mark.parametrize("left", ["", "\n"])
    def test_an_empty_one_would_let_everybody_in_and_is_made_anew(self, folder: Path, left: str) -> None:
        prefect_secret.file_in(folder).write_text(left)
        prefect_secret.file_in(folder).chmod(0o600)

        assert prefect_secret.kept_in(folder) is None
        assert len(prefect_secret.ensure_in(folder)) > 43

    @pytest.mark.parametrize("left", [b"garbage", b"duban:", b":x", b"a:b\nc:d", b"\xff\xfe", b"duban:one two"])
    def test_what_no_server_could_ask_for_is_made_anew(self, folder: Path, left: bytes) -> None:
        prefect_secret.file_in(folder).write_bytes(left)
        prefect_secret.file_in(folder).chmod(0o600)

        assert prefect_secret.kept_in(folder) is None
        assert prefect_secret.ensure_in(folder).startswith("duban:")
        assert len(prefect_secret.ensure_in(folder)) > 43

    def test_one_that_another_account_put_there_is_made_anew(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = prefect_secret.ensure_in(folder)
        owner = prefect_secret.file_in(folder).stat().st_uid
        monkeypatch.setattr(prefect_secret, "ROOT", owner + 2)
        with monkeypatch.context() as other:
            other.setattr(os, "geteuid", lambda: owner + 1)
            assert prefect_secret.ensure_in(folder) != made

    def test_a_link_that_leads_nowhere_is_replaced_and_a_folder_told(self, folder: Path) -> None:
        prefect_secret.file_in(folder).symlink_to(folder / "elsewhere")
        made = prefect_secret.ensure_in(folder)
        assert not (folder / "elsewhere").exists()
        assert prefect_secret.kept_in(folder) == made

        prefect_secret.file_in(folder).unlink()
        prefect_secret.file_in(folder).mkdir()
        with pytest.raises(RefusedError, match="is a folder"):
            prefect_secret.ensure_in(folder)


class TestWhatIsSent:
    @pytest.mark.usefixtures("folder")
    def test_nothing_is_known(self) -> None:
        assert prefect_secret.for_requests() is None

    def test_our_own_server_hears_what_lies_in_the_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        own = prefect_secret.ensure_in(folder)
        setting(monkeypatch, PREFECT_API_AUTH_STRING="for:another")

        assert prefect_secret.for_requests() == prefect_secret.for_own_server(folder) == own

    def test_another_never_hears_it(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        prefect_secret.ensure_in(folder)
        setting(monkeypatch, DUBAN_PREFECT_URL=ELSEWHERE)

        assert prefect_secret.for_requests() is None
        setting(monkeypatch, PREFECT_API_AUTH_STRING="for:another")
        assert prefect_secret.for_requests() == "for:another"

    @pytest.mark.parametrize("url", ["", ELSEWHERE])
    def test_what_is_set_comes_first(self, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        prefect_secret.ensure_in(folder)
        setting(
            monkeypatch,
            DUBAN_PREFECT_URL=url,
            DUBAN_PREFECT_AUTH_STRING=PASSWORD,
            PREFECT_API_AUTH_STRING="for:another",
        )

        assert prefect_secret.for_requests() == prefect_secret.for_own_server(folder) == PASSWORD

    def test_it_is_not_shown_with_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        setting(monkeypatch, DUBAN_PREFECT_AUTH_STRING=PASSWORD)

        assert PASSWORD not in repr(settings())


class Guarded(BaseHTTPRequestHandler):
    """A server that asks for a password."""

    def do_GET(self) -> None:
        expected = f"Basic {base64.b64encode(PASSWORD.encode()).decode()}"
        is_known = self.headers["Authorization"] == expected
        body = b'{"state": {"type": "PAUSED", "name": "Suspended", "id": "1"}}' if is_known else b"{}"
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its own name)
        pass


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[str]:
    """The address of such a server, which is that of the settings."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        setting(monkeypatch, DUBAN_PREFECT_URL=address)
        yield address
        prefect_api._client().close()
        prefect_api._client.cache_clear()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("end", ["", "/", "/api", "/api/", "//api//"])
@pytest.mark.parametrize("base", ["http://prefect.example:4200", "https://example.cn/prefect"])
def test_an_address_is_taken_as_it_is_meant(monkeypatch: pytest.MonkeyPatch, base: str, end: str) -> None:
    setting(monkeypatch, DUBAN_PREFECT_URL=base + end)
    assert settings().prefect_api == f"{base}/api"
    assert settings().run_address("1") == f"{base}/runs/flow-run/1"


class TestAServerThatAsks:
    @pytest.mark.usefixtures("guarded")
    def test_it_answers_who_knows_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        setting(monkeypatch, DUBAN_PREFECT_AUTH_STRING=PASSWORD)

        assert prefect_api.state_of("1") == ("PAUSED", "Suspended", "1")

    @pytest.mark.usefixtures("guarded")
    def test_prefects_own_variable_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        setting(monkeypatch, PREFECT_API_AUTH_STRING=PASSWORD)

        assert prefect_api.state_of("1") == ("PAUSED", "Suspended", "1")

    @pytest.mark.parametrize("said", ["", "office:wrong"])
    def test_a_refusal_is_a_clear_line(self, guarded: str, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
        setting(monkeypatch, DUBAN_PREFECT_AUTH_STRING=said)

        with pytest.raises(PrefectRefusedError) as refused:
            prefect_api.state_of("1")

        assert isinstance(refused.value, PrefectUnreachableError)  # whoever goes on without Prefect goes on
        (line,) = error_lines(refused.value)
        assert f"{guarded}/api" in line
        for code in ("zh", "en"):
            told = Language.of(code).say(refused.value)
            assert "DUBAN_PREFECT_AUTH_STRING" in told
            assert "office:wrong" not in told
        assert Language.of("zh").say(refused.value) != Language.of("en").say(refused.value)


@pytest.mark.parametrize("url", ["https://office:secret@prefect.example.cn", "http://office@127.0.0.1:4200"])
def test_a_password_in_an_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    setting(monkeypatch, DUBAN_PREFECT_URL=url)
    with pytest.raises(ValidationError) as error:
        Settings()
    _tell_settings(error.value)

    told = capsys.readouterr().err
    assert "DUBAN_PREFECT_URL" in told
    assert "DUBAN_PREFECT_AUTH_STRING" in told
    assert "secret" not in told


class TestTheOffice:
    def test_it_is_told_on_a_terminal(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        running._say_how_to_come_in()

        assert prefect_secret.ensure_in(folder) in capsys.readouterr().out

    def test_a_file_is_told_the_command_instead(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        secret = prefect_secret.ensure_in(folder)
        running._say_how_to_come_in()

        said = capsys.readouterr().out
        assert "duban access prefect" in said
        assert secret not in said

    def test_the_command_says_it(self, folder: Path) -> None:
        secret = prefect_secret.ensure_in(folder)

        assert CliRunner().invoke(duban, ["access", "prefect"]).stdout.strip() == secret

    def test_the_command_says_where_there_is_none(self, folder: Path) -> None:
        result = CliRunner().invoke(duban, ["access", "prefect"])

        assert result.exit_code == 2
        assert str(prefect_secret.file_in(folder)) in result.stderr
