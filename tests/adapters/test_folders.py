"""Other accounts of the machine may pass through the data folder, and look at nothing."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import folders
from adapters.folders import data_folder, kept_closed, locked, private_folder, private_log
from models.common.errors import RefusedError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_new_folders_and_logs_are_ours_alone(tmp_path: Path) -> None:
    home = data_folder(tmp_path / "somewhere" / "data")
    inner = private_folder(home / "prefect")
    with private_log(home / "server.log") as log:
        log.write(b"one\n")
    assert [mode(one) for one in (home, inner, home / "server.log")] == [0o711, 0o700, 0o600]


@pytest.mark.parametrize(
    ("was", "home_is", "inner_is"), [(0o755, 0o751, 0o750), (0o750, 0o750, 0o750), (0o777, 0o771, 0o770)]
)
def test_of_older_ones_others_lose_their_rights_and_a_group_keeps_them(
    tmp_path: Path, was: int, home_is: int, inner_is: int
) -> None:
    for folder in (tmp_path / "data", tmp_path / "inner"):
        folder.mkdir()
        folder.chmod(was)
    assert mode(data_folder(tmp_path / "data")) == home_is
    assert mode(private_folder(tmp_path / "inner")) == inner_is


def test_an_older_log_is_closed_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"one\n")
    log.chmod(0o644)
    with private_log(log) as more:
        more.write(b"two\n")
    assert (mode(log), log.read_bytes()) == (0o600, b"one\ntwo\n")


def test_what_is_opened_to_all_meanwhile_is_only_passable_afterwards(tmp_path: Path) -> None:
    closed, open_to_all = tmp_path / "closed", tmp_path / "open"
    for folder, was in ((closed, 0o700), (open_to_all, 0o755)):
        folder.mkdir()
        folder.chmod(was)
    with kept_closed([closed, open_to_all]):
        closed.chmod(0o755)
    assert (mode(closed), mode(open_to_all)) == (0o711, 0o755)


def test_a_folder_may_lie_elsewhere_and_a_link_lead_there(tmp_path: Path) -> None:
    for name in ("disk", "evidence"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    assert mode(data_folder(tmp_path / "data")) == 0o751
    (tmp_path / "disk" / "evidence").symlink_to(tmp_path / "evidence")
    assert mode(private_folder(tmp_path / "data" / "evidence")) == 0o750


@pytest.mark.parametrize("make", [data_folder, private_folder])
def test_what_is_no_folder_is_told_in_a_line(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """A link to a disk that is not there yet: a folder in its place would hide what comes with the disk."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "not there")
    for name in ("file", "link"):
        with pytest.raises(RefusedError, match="is no folder, or a link that leads to none"):
            make(tmp_path / name)
    assert not (tmp_path / "not there").exists()
    with pytest.raises(RefusedError, match="is no folder"):
        data_folder(tmp_path / "file" / "data")


def test_a_folder_of_another_account_is_refused_but_to_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it can put other files in the place of ours."""
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(folders, "ROOT", owner + 2)
    with pytest.raises(RefusedError, match=f"belongs to another account of this machine \\({owner}\\)"):
        data_folder(tmp_path)
    monkeypatch.setattr(folders, "ROOT", owner + 1)
    assert data_folder(tmp_path) == tmp_path
    monkeypatch.setattr(folders, "ROOT", owner)
    assert data_folder(tmp_path) == tmp_path


def test_what_a_link_of_a_log_leads_to_keeps_its_rights_where_it_is_no_file(tmp_path: Path) -> None:
    """Whoever wants no log makes it a link to /dev/null, which all of the machine need."""
    os.mkfifo(tmp_path / "device", 0o666)
    (tmp_path / "device").chmod(0o666)
    (tmp_path / "server.log").symlink_to(tmp_path / "device")
    reader = os.open(tmp_path / "device", os.O_RDONLY | os.O_NONBLOCK)
    with private_log(tmp_path / "server.log") as log:
        log.write(b"one\n")
    os.close(reader)
    assert mode(tmp_path / "device") == 0o666


def test_a_folder_in_the_place_of_a_file_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(RefusedError, match="is a folder, and a file of ours should be there"):
        private_log(tmp_path / "there")
    with (
        pytest.raises(RefusedError, match="is a folder, and a file of ours should be there"),
        locked(tmp_path / "there"),
    ):
        pass


def test_a_lock_leaves_what_stands_in_its_file_and_is_held_by_one(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("real work")
    (tmp_path / "stack.lock").symlink_to(tmp_path / "precious")
    with locked(tmp_path / "stack.lock"):
        with pytest.raises(BlockingIOError), locked(tmp_path / "precious", fcntl.LOCK_EX | fcntl.LOCK_NB):
            pass
        script = "import sys; from pathlib import Path; from adapters.folders import locked\n"
        script += "import fcntl; locked(Path(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB).__enter__()"
        other = [sys.executable, "-c", script, str(tmp_path / "stack.lock")]
        assert b"BlockingIOError" in subprocess.run(other, capture_output=True, check=False).stderr
    assert (tmp_path / "precious").read_text() == "real work"
    with locked(tmp_path / "stack.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
        pass
