"""Other accounts of the machine may pass through the data folder, and look at nothing."""

from pathlib import Path

import pytest

from adapters.folders import data_folder, kept_closed, private_folder, private_log


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
