"""Answers at a gate that wait for their confirmation."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE gate ADD COLUMN unconfirmed BOOLEAN DEFAULT false NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
