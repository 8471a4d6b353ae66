"""Whether a database is one that Duban can work with. Said as it connects, before anything else goes wrong."""

from collections.abc import Callable, Sequence
from typing import Any

from models.common.errors import RefusedError

OLDEST = 15
ENCODING = "UTF8"
MAJOR = 10_000  # PostgreSQL counts versions so: 150004 is 15.4
LIMITS_IN_FORCE = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"


def refuse_server(version: int, encoding: str | None) -> None:
    """Raises RefusedError where the server is too old, or the database cannot hold every language."""
    if version < OLDEST * MAJOR:
        raise RefusedError(
            "the database is a PostgreSQL {version}; {oldest} or later is needed",
            version=version // MAJOR,
            oldest=OLDEST,
        )
    if encoding not in {None, ENCODING}:  # some poolers do not say
        raise RefusedError(
            "the database has the encoding {encoding}, which cannot hold Chinese; make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
            encoding=encoding,
        )


def refuse_without_limits(execute: Callable[..., Any], limits: Sequence[str]) -> None:
    """Raises RefusedError where one of these limits on time was asked for, and somebody let it fall on the way."""
    found = execute(LIMITS_IN_FORCE, [list(limits)]).fetchall()
    missing = [name for name, setting in found if setting == "0"]
    if missing:
        raise RefusedError(
            "the database has no {limits}, although they are set: a pooler stands before it; set "
            "DUBAN_DATABASE_POOLED=true",
            limits=missing,
        )
