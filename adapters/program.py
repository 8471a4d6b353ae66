"""Which Duban this is: the version that was installed and, in a checkout, the commit."""

import functools
import subprocess
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

ROOT = Path(__file__).parent.parent
GIT_S = 10


@functools.cache
def version() -> str:
    """Such as `0.1.0+461b369`, with `.dirty` after it where files were changed; without a checkout or git `0.1.0`."""
    try:
        installed = version_of("duban")
    except PackageNotFoundError:  # run from its folder, without being installed
        installed = "0"
    commit = _commit(ROOT)
    return f"{installed}+{commit}" if commit else installed


def _commit(root: Path) -> str:
    """Empty where there is no checkout: what is installed into a folder of another's checkout has nothing of it."""
    if not (root / ".git").exists():
        return ""
    # Without locks: looking must not stand in the way of somebody who commits.
    ask = ["git", "--no-optional-locks", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude=*"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=GIT_S)  # noqa: S603  (our own)
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()
