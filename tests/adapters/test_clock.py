"""The file that replaces the clock: an instant, or a line that says what was expected."""

import datetime as dt
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters import clock
from adapters.settings import settings
from deploy.cli.root import duban
from models.common.errors import RefusedError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUBAN_CLOCK_FILE", str(tmp_path / "clock"))
    settings.cache_clear()
    return tmp_path / "clock"


@pytest.mark.parametrize("said", ["2023-01-31T09:00+08:00", "2023-01-31T01:00Z\n", "2023-01-31 01:00:00.000+00:00"])
def test_an_instant(file: Path, said: str) -> None:
    file.write_text(said)
    assert clock.now() == dt.datetime(2023, 1, 31, 1, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "said",
    [
        b"0001-01-01T00:00+08:00",
        b"1700000000",
        b"",
        b"garbage",
        b"2023-01-31",
        b"2023-01-31T09:00",
        b"2023-13-01T09:00Z",
        "二〇二三年".encode(),
        b"\xff\xfe2",
    ],
)
def test_anything_else(file: Path, said: bytes) -> None:
    file.write_bytes(said)
    with pytest.raises(RefusedError, match="DUBAN_CLOCK_FILE"):
        clock.now()


@pytest.mark.usefixtures("tiny_plan")
def test_a_command_says_so_in_a_line(file: Path) -> None:
    file.write_text("garbage")
    done = CliRunner().invoke(duban, ["phase", "start", "launch", "--yes"])
    assert done.exit_code == 2
    assert str(file) in done.stderr
