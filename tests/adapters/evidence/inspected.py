"""What becomes of a file that a unit hands in, when its content is looked at."""

from pathlib import Path

import pytest

from adapters.evidence.inspection import FileFacts, Limits, inspect
from models.common.errors import RefusedError

EMBEDDED = "is embedded and could run a program; remove it, or hand in its content as a file of its own"
DDE = "holds a field or a formula that starts another program (DDE); remove it and save it again"


def taken(content: bytes, path: Path, suffix: str) -> FileFacts:
    """What is known of the content, written to this path and handed in with that ending."""
    path.write_bytes(content)
    return inspect(path, f"件.{suffix}", Limits())


def refusal(content: bytes, path: Path, suffix: str) -> str:
    """Why it is refused."""
    with pytest.raises(RefusedError) as caught:
        taken(content, path, suffix)
    return str(caught.value)
