"""Who answers for a target, the targets of single units, and the day of each period on which one is due."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE indicator ADD COLUMN leads TEXT[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE indicator ADD COLUMN names_leads BOOLEAN DEFAULT false NOT NULL",
    "ALTER TABLE indicator ADD COLUMN responsible TEXT[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE indicator ADD COLUMN quotas JSONB DEFAULT '{}' NOT NULL",
    "ALTER TABLE indicator ADD COLUMN due_day JSONB",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
