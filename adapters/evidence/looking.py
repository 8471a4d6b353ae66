"""Looks into files and answers in JSON: `python -m adapters.evidence.looking`, with what is asked on its input.

It is started by `apart`, at low priority, and computes and holds no more than the system lets it.
"""

import dataclasses
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from adapters.evidence.inspection import Budget, Limits, inspect
from models.common.errors import RefusedError

NICE = 10  # pages go first
CPU_SECONDS = 120  # for 500 MiB of packed pictures it takes less than a tenth of it
MEMORY_BYTES = 1024**3


def main() -> None:
    asked = json.load(sys.stdin)
    os.nice(NICE)
    for kind, most in (("CPU", CPU_SECONDS), ("AS", MEMORY_BYTES), ("CORE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{kind}"), (most, most))
    json.dump(_answer([(Path(path), name) for path, name in asked["files"]], Limits(**asked["limits"])), sys.stdout)


def _answer(files: list[tuple[Path, str]], limits: Limits) -> dict[str, Any]:
    budget = Budget(limits.unpacked_bytes)
    try:
        return {"found": [dataclasses.asdict(inspect(path, name, limits, budget)) for path, name in files]}
    except RefusedError as refused:
        return {"refused": refused.template, "facts": refused.facts}


if __name__ == "__main__":
    main()
