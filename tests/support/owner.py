"""What only the owner of the tables can do: the program's role owns none."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from adapters.database.sessions import transaction
from models.migrations import AS_OWNER


@contextmanager
def owners_transaction() -> Iterator[Session]:
    """As `transaction`, with the rights of whoever the settings say logs in."""
    with transaction() as session:
        session.execute(text(AS_OWNER))
        yield session
