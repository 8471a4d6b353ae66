"""The working days as each plan knew them, so that dates follow a calendar that is amended.

Plans that are there have seen none: the first patrol looks at all their open assignments once.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE plan ADD COLUMN calendar_changes JSONB DEFAULT '[]' NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
