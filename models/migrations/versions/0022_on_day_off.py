"""To which working day a date moves that falls on a day off: until now always to the one after it."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    ALTER TABLE requirement ADD COLUMN on_day_off VARCHAR(32) DEFAULT 'later' NOT NULL
        CONSTRAINT requirement_on_day_off_check CHECK (on_day_off IN ('earlier', 'later'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
