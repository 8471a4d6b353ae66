"""Which Duban it is: told by the version, and by the commit where there is a checkout and a git to ask."""

import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

import pytest

from adapters import program


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    """Nobody has asked before, and what a test was told is forgotten."""
    program.version.cache_clear()
    yield
    program.version.cache_clear()


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose only commit holds one file; it has a tag, which is not asked for."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # of a hook that runs the tests
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.py").write_text("1\n")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    git(tmp_path, "tag", "v9")
    monkeypatch.setattr(program, "ROOT", tmp_path)
    return tmp_path


def test_in_a_checkout_it_names_the_commit_and_whether_files_were_changed(checkout: Path) -> None:
    said = program.version()
    assert re.fullmatch(re.escape(version_of("duban")) + r"\+[0-9a-f]{7,40}", said)
    (checkout / "a.py").write_text("2\n")
    program.version.cache_clear()
    assert program.version() == f"{said}.dirty"


def test_what_is_installed_into_a_folder_of_another_checkout_has_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = checkout / ".venv" / "site-packages"
    inside.mkdir(parents=True)
    monkeypatch.setattr(program, "ROOT", inside)
    assert program.version() == version_of("duban")


def test_without_git_it_is_the_version_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout / "nothing"))
    assert program.version() == version_of("duban")


@pytest.mark.usefixtures("checkout")
def test_what_was_never_installed_has_no_version_but_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(program, "version_of", missing)
    assert re.fullmatch(r"0\+[0-9a-f]{7,40}", program.version())
