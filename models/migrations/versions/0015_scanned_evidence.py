"""Whether a file was scanned for viruses as it came in. Of those that are there nobody knows: they count as unscanned."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE evidence ADD COLUMN was_scanned BOOLEAN DEFAULT false NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
