"""Whatever the program writes is its owner's alone, whatever the umask of whoever started it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.settings import child_environment
from tests.conftest import ROOT

pytestmark = pytest.mark.processes
OTHERS_READ_OR_WRITE = 0o066


def test_nothing_that_a_command_writes_can_be_read_by_others(tmp_path: Path) -> None:
    home = tmp_path / "there" / "data"
    environment = child_environment(DUBAN_DATA_DIR=str(home), PYTHONPATH=str(ROOT), DUBAN_LANGUAGE="en")
    environment.pop("DUBAN_DATABASE_URL", None)

    for arguments in (("plan", "load", str(ROOT / "tests/plans/tiny"), "--by", "张三"), ("evidence", "verify")):
        command = [sys.executable, "-m", "deploy", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, umask=0, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    written = [Path(folder) / name for folder, folders, names in os.walk(home) for name in (*folders, *names)]
    assert len(written) > 100
    assert [one for one in written if one.lstat().st_mode & OTHERS_READ_OR_WRITE and not one.is_symlink()] == []
    assert home.stat().st_mode & 0o777 == 0o711
