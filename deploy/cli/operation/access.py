"""The database as the commands use it: they see to its schema first."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from adapters.database.sessions import engine, transaction
from models import migrations
from models.common.errors import SchemaError
from models.common.event import Actor
from models.common.kinds import UnitKind
from models.plan.plan import Plan, plan_of
from models.plan.unit import body_of


def ensure_schema() -> None:
    """Make the schema in an empty database; refuse one that is older or newer than this code. Raises SchemaError."""
    database, newest = engine(), migrations.head()
    current = migrations.current(database)
    if current is None:
        if inspect(database).get_table_names():
            raise SchemaError("the database holds tables, but not those of Duban; give Duban a database of its own")
        from models.migrations.upgrading import upgrade  # noqa: PLC0415  (Alembic is slow to import)

        upgrade(database)
        return
    migrations.refuse_other(current)
    if current < newest:
        raise SchemaError(
            "the database is at version {current}, this code needs {newest}: run `duban db upgrade`",
            current=current,
            newest=newest,
        )


@contextmanager
def work_on(plan_code: str | None) -> Iterator[tuple[Session, Plan]]:
    """One transaction on a plan; the only plan there is, where none is named."""
    ensure_schema()
    with transaction() as session:
        yield session, plan_of(session, plan_code)


def office_actor(session: Session, plan: Plan, name: str) -> Actor:
    """A person of the leading-group office."""
    return Actor(name, body_of(session, plan.id, UnitKind.OFFICE).id)


def local_time(plan: Plan, at: dt.datetime) -> str:
    """An instant as the clocks of the plan show it."""
    return f"{at.astimezone(ZoneInfo(plan.timezone)):%Y-%m-%d %H:%M}"
