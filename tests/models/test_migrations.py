"""The schema that migrations build is the one that the models describe, down to checks and triggers."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
from sqlalchemy import Engine, text

from adapters.database.sessions import engine_for, transaction
from models.migrations import current, head
from models.migrations.upgrading import upgrade
from models.tables import MAPPED, METADATA
from tests.conftest import ROOT

# Each row says one thing that the catalogue knows, names included.
CATALOGUE = {
    "columns": """
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation,
               pg_get_expr(adbin, adrelid)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text !~ '^pg_'",
    "triggers": """
        SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal
    """,
    "functions": r"""
        SELECT proname, regexp_replace(pg_get_functiondef(oid), '\s+', ' ', 'g')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
    "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')",
}


@pytest.fixture
def empty(empty_database: str) -> Iterator[Engine]:
    engine = engine_for(empty_database)
    yield engine
    engine.dispose()


def catalogue(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        found = {name: sorted(map(tuple, connection.execute(text(sql))), key=repr) for name, sql in CATALOGUE.items()}
    return {
        name: [row for row in rows if "alembic_version" not in repr(row) and "toast" not in repr(row)]
        for name, rows in found.items()
    }


def test_migrations_build_what_the_models_describe(database: Engine, empty: Engine) -> None:
    METADATA.create_all(empty)
    described = catalogue(empty)
    built = catalogue(database)
    assert built == described
    assert {name: len(rows) > 0 for name, rows in built.items()} == {name: name != "types" for name in CATALOGUE}


def test_phases_that_are_there_keep_their_kind_and_reference(tiny_plan: str) -> None:
    """Two launches of one plan had one reference: they carry their period from then on."""
    module = import_module("models.migrations.versions.0024_phases_of_any_code")
    refill = [one for one in module.STATEMENTS if one.strip().startswith("UPDATE")]
    with transaction() as session:
        session.execute(
            text("""
            INSERT INTO phase (plan_id, code, kind, period, ref, starts_on, planned_ends_on, ends_on, issue_on, status,
                               name_zh, name_en, source, basis)
            SELECT plan_id, code, kind, '2023', 'other', starts_on, planned_ends_on, ends_on, issue_on, status,
                   name_zh, name_en, source, basis
            FROM phase WHERE code = 'launch'
            """)
        )
        session.execute(text("UPDATE phase SET ref = 'ref ' || id"))
        for statement in refill:
            session.execute(text(statement))
        found = session.execute(text("SELECT ref, kind FROM phase ORDER BY ref")).all()
    assert [tuple(one) for one in found] == [
        ("acceptance", "acceptance"),
        ("implementation-2023", "implementation"),
        ("launch-2022", "launch"),
        ("launch-2023", "launch"),
    ]


def test_every_table_is_listed() -> None:
    written = [
        str(statement.value.value)
        for path in (ROOT / "models").rglob("*.py")
        for found in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(found, ast.ClassDef)
        for statement in found.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__tablename__"
        if isinstance(statement.value, ast.Constant)
    ]
    assert sorted(written) == sorted(mapped.__tablename__ for mapped in MAPPED)


def test_upgrading_twice_changes_nothing(empty: Engine) -> None:
    assert current(empty) is None
    assert upgrade(empty) == (None, head())
    once = catalogue(empty)
    assert upgrade(empty) == (head(), head())
    assert catalogue(empty) == once
    assert current(empty) == head()


def test_two_upgrades_at_once_take_turns(empty_database: str, empty: Engine) -> None:
    code = """
import sys
from adapters.database.sessions import engine_for
from models.migrations.upgrading import upgrade
print(*upgrade(engine_for(sys.argv[1])))
"""
    command = [sys.executable, "-c", code, empty_database]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate()[0].split() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert [version for _, version in said] == [head()] * 2
    assert current(empty) == head()
