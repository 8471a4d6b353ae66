"""The journal refuses to be changed, whoever asks."""

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from adapters.database.sessions import transaction
from models.common.errors import RefusedError
from models.common.event import Event
from tests.support.owner import owners_transaction


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event SET actor = 'nobody'",
        "UPDATE event SET actor = actor WHERE false",
        "DELETE FROM event",
        "TRUNCATE event",
        "TRUNCATE plan CASCADE",
    ],
)
def test_what_is_written_stays(tiny_plan: str, change: str) -> None:
    with pytest.raises(RefusedError, match="the journal is append-only"), owners_transaction() as session:
        session.execute(text(change))
    with pytest.raises(ProgrammingError, match="permission denied"), transaction() as session:
        session.execute(text(change))
    with transaction() as session:
        assert session.scalars(select(func.count()).select_from(Event)).one() == 1
        assert session.scalars(select(Event.actor)).one() == "test"
