"""Attempts keep their address by a digest, so that a unit that has moved is not looked for in its new place."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE attempt ADD COLUMN lane TEXT DEFAULT '' NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
