"""Other names of units."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE unit ADD COLUMN aliases TEXT[] DEFAULT '{}' NOT NULL",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
