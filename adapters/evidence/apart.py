"""Looking into files without the pages having to wait for it.

Whoever made a packed file decides what looking into it costs, up to some seconds, and in this process each page would
take as much longer. So a process of its own does it, at low priority. What is told quickly is looked at here.
"""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.evidence.inspection import Budget, FileFacts, Limits, inspect
from models.common.errors import RefusedError

PACKED = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".ofd", ".zip")
MAX_SECONDS = 600  # by the clock, on a busy machine; what it may compute stands in `looking`


def inspect_all(files: Sequence[tuple[Path, str]], limits: Limits) -> list[FileFacts]:
    """As `inspect` for each file and its name; those that come in together share one budget.

    Raises RefusedError for the first that may not be handed in.
    """
    if not any(name.lower().endswith(PACKED) for _, name in files):
        budget = Budget(limits.unpacked_bytes)
        return [inspect(path, name, limits, budget) for path, name in files]
    asked = {"files": [(str(path.absolute()), name) for path, name in files], "limits": dataclasses.asdict(limits)}
    # Its own modules count, whatever lies in the folder in which the command was called (-P).
    command = [sys.executable, "-P", "-m", "adapters.evidence.looking"]
    try:
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=MAX_SECONDS)  # noqa: PLW1510, S603  (our own arguments; how it ended is asked next)
    except subprocess.TimeoutExpired:
        raise _too_much(files) from None
    if done.returncode:
        raise _too_much(files)
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise RefusedError(answer["refused"], **answer["facts"])
    return [FileFacts(**one) for one in answer["found"]]


def _too_much(files: Sequence[tuple[Path, str]]) -> RefusedError:
    names = ", ".join(name for _, name in files)
    return RefusedError(
        "{name}: is too large to be looked through; divide the document, or hand it in as a PDF", name=names
    )
