"""When a web session was last used, and through which link what stands in the journal was done.

Of what is there nobody knows either; a web session then counts as last used when it began.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE access_use ADD COLUMN seen_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE event ADD COLUMN access_id BIGINT",
    "ALTER TABLE event ADD CONSTRAINT event_access_id_fkey FOREIGN KEY (access_id) REFERENCES access (id)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
