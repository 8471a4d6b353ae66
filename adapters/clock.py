"""The only reader of the clock. Everything else is told what time it is."""

import datetime as dt

from adapters.settings import settings


def now() -> dt.datetime:
    """The present instant, in UTC.

    Where `DUBAN_CLOCK_FILE` names a file, the ISO 8601 instant in it is the present: this is how
    a rehearsal moves the whole stack through the years.
    """
    clock_file = settings().clock_file
    if clock_file is not None:
        return dt.datetime.fromisoformat(clock_file.read_text(encoding="ascii").strip()).astimezone(dt.UTC)
    return dt.datetime.now(dt.UTC)


def of_machine() -> dt.datetime:
    """The machine's own time, also in a rehearsal: for comparing with times that other programs have set by it."""
    return dt.datetime.now(dt.UTC)
