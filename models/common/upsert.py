"""Many rows in one statement, whatever their number: as JSON in one parameter."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import JSON, BindParameter, Table, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from models.common.base import Base, as_recordset

AS_GIVEN: Mapping[str, Any] = MappingProxyType({})


def insert_rows(session: Session, model: type[Base], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns."""
    if rows := list(rows):
        session.execute(_insert(_table(model), rows[0]), _parameters(rows))


def upsert(
    session: Session,
    model: type[Base],
    key: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    in_place: Mapping[str, Any] = AS_GIVEN,
) -> dict[tuple[Any, ...], int]:
    """Insert rows that all name the same columns, or update those whose `key` is there; returns ids by key.

    New rows are numbered in their order. `in_place`: what a row that is there gets instead of the value given. Past
    the session: objects of this table that it has read stay as they were.
    """
    rows = list(rows)
    if not rows:
        return {}
    table = _table(model)
    statement = _insert(table, rows[0])
    given = {name: statement.excluded[name] for name in rows[0] if name not in key}
    statement = statement.on_conflict_do_update(index_elements=key, set_=given | dict(in_place))
    returned = [table.c[name] for name in (*key, "id")]
    stored = session.execute(statement.returning(*returned), _parameters(rows))
    return {tuple(values): id_ for *values, id_ in stored}


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _insert(table: Table, names: Iterable[str]) -> Insert:
    columns = [column(name, table.c[name].type) for name in names]
    parameter: BindParameter[str] = bindparam("rows")
    given = func.json_to_recordset(cast(parameter, JSON)).table_valued(*columns, name="given")
    return insert(table).from_select(
        [one.name for one in columns], select(given.render_derived(with_types=True)), include_defaults=False
    )


def _parameters(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    names = list(rows[0])
    return as_recordset(names, ([row[name] for name in names] for row in rows))
