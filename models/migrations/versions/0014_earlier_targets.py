"""Targets of days gone by, so that what was met stays met when a plan is loaded that asks for more."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE indicator ADD COLUMN earlier_targets JSONB DEFAULT '[]' NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
