"""Units and references of indicators in English."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE indicator ADD COLUMN unit_en TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE indicator ADD COLUMN reference_en TEXT DEFAULT '' NOT NULL",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
