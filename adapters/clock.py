"""The only reader of the clock. Everything else is told what time it is."""

import datetime as dt
from pathlib import Path

from adapters.settings import settings
from models.common.errors import RefusedError


def now() -> dt.datetime:
    """The present instant, in UTC.

    Where `DUBAN_CLOCK_FILE` names a file, the ISO 8601 instant in it is the present: this is how
    a rehearsal moves the whole stack through the years. Raises RefusedError where it holds no instant.
    """
    clock_file = settings().clock_file
    return dt.datetime.now(dt.UTC) if clock_file is None else _in_file(clock_file)


def _in_file(clock_file: Path) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(clock_file.read_text(encoding="ascii").strip())
        if found.tzinfo is not None:
            return found.astimezone(dt.UTC)
    except (ValueError, OverflowError):  # whatever stands there
        pass
    raise RefusedError(
        "{file}: expected an instant with its offset, such as 2023-01-31T09:00+08:00 (DUBAN_CLOCK_FILE)",
        file=str(clock_file),
    )


def of_machine() -> dt.datetime:
    """The machine's own time, also in a rehearsal: for comparing with times that other programs have set by it."""
    return dt.datetime.now(dt.UTC)
