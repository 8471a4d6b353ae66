"""Words that a change set replaced: what was finished under them keeps them. Until now none were kept."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATEMENTS = ["ALTER TABLE requirement ADD COLUMN earlier_words JSONB DEFAULT '[]' NOT NULL"]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
