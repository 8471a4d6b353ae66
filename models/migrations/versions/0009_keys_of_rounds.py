"""Rounds of the patrol are known by when they set out: one index less for each, and no sequence."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE patrol_round ADD COLUMN mark UUID DEFAULT gen_random_uuid() NOT NULL",
    "ALTER TABLE patrol_round DROP COLUMN id",
    "ALTER TABLE patrol_round ADD CONSTRAINT patrol_round_pkey PRIMARY KEY (plan_id, started_at, mark)",
    "DROP INDEX patrol_round_plan_id_started_at_idx",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
