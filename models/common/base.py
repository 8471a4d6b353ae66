"""What all tables share: how constraints are named, common column types, small mixins."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from enum import Enum as PyEnum
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    ColumnElement,
    DateTime,
    Enum,
    Identity,
    MetaData,
    Row,
    Select,
    any_,
    cast,
    event,
    literal,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from models.common.kinds import Basis
from models.common.text import Text

# Constraint names are part of the design: `models.common.constraints` turns them into domain errors.
NAMING = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}

AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]

Key = Annotated[
    int,
    mapped_column(
        BigInteger, Identity(always=True), primary_key=True, doc="number of the row; other tables refer to it"
    ),
]
Instant = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {int: BigInteger, str: SqlText}  # noqa: RUF012  (SQLAlchemy's own form)


def as_recordset(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Rows as the parameter `rows`, from which `json_to_recordset` takes thousands of them in one statement.

    As arrays, one a column, they would take two to three times as long: psycopg writes arrays an element at a time.
    """
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return {"rows": json.dumps(found, default=_day_or_instant, ensure_ascii=False)}


def _day_or_instant(value: dt.date) -> str:
    return value.isoformat()


def any_of_ids(column: Any, ids: Iterable[int]) -> ColumnElement[bool]:
    """Whether a column holds one of these ids, as one parameter: IN would make another statement for each count."""
    found: ColumnElement[bool] = column == any_(cast(list(ids), ARRAY(BigInteger)))
    return found


def as_array(ids: Iterable[int | None]) -> str:
    """Ids as one text that PostgreSQL reads as `bigint[]`: psycopg writes arrays an element at a time."""
    return "{" + ",".join(map(str, ids)).replace("None", "NULL") + "}"


def any_of_many(column: Any, ids: Iterable[int]) -> ColumnElement[bool]:
    """As `any_of_ids`, for tens of thousands of them."""
    found: ColumnElement[bool] = column == any_(cast(literal(as_array(ids), SqlText), ARRAY(BigInteger)))
    return found


def on_creation(table: type[Base], *statements: str) -> None:
    """What the database is told once the table is made, such as its triggers; migrations say the same."""
    for statement in statements:
        event.listen(table.__table__, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


def append_only(table: type[Base], what: str, *more: str) -> None:
    """Let the database refuse whatever would change or delete rows: `what` begins its message, as in "readings are".

    The error's constraint is the table's name with `_append_only`. `more` is told after it, as by `on_creation`.
    """
    name = table.__tablename__
    refuse = f"""
CREATE FUNCTION {name}_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = '{what} append-only: ' || TG_OP || ' refused',
        ERRCODE = 'restrict_violation',
        CONSTRAINT = '{name}_append_only';
END
$$
"""
    trigger = f"""
CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}_refuse_change()
"""
    on_creation(table, refuse, trigger, *more)


def text_enum(values: type[PyEnum], name: str) -> Enum:
    """A text column that holds an enum's values and is checked by the database."""
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=name,
        values_callable=lambda enum: [member.value for member in enum],
    )


class Named:
    """Called something in both languages."""

    name_zh: Mapped[str] = mapped_column(doc="the name in Chinese")
    name_en: Mapped[str] = mapped_column(doc="the name in English")

    @property
    def name(self) -> Text:
        return Text(self.name_zh, self.name_en)


class Sourced:
    """Has a place in the plan that states it (`source`), or is marked as inferred (`basis`)."""

    source: Mapped[str] = mapped_column(doc="where the plan says so")
    basis: Mapped[Basis] = mapped_column(
        text_enum(Basis, "basis"), doc="stated: the plan says so; inferred: it was concluded"
    )
