"""The leaders in charge of areas and measures, by post."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATEMENTS = [
    f"ALTER TABLE {table} ADD COLUMN {column} TEXT DEFAULT '' NOT NULL"
    for table in ("area", "measure")
    for column in ("leader_zh", "leader_en")
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
