"""Limits of days gone by, so that past lights stay as they were when a plan is loaded with others."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE plan ADD COLUMN earlier_limits JSONB DEFAULT '[]' NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
