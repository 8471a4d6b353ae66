"""Requirements with a ladder of their own, and those that are never late; what is there has neither."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE requirement ADD COLUMN open_ended BOOLEAN DEFAULT false NOT NULL",
    "ALTER TABLE requirement ADD COLUMN ladder_id BIGINT",
    "ALTER TABLE requirement ADD CONSTRAINT requirement_ladder_id_fkey FOREIGN KEY (ladder_id) REFERENCES ladder (id)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
