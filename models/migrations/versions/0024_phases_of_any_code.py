"""Phases with any code, of a kind, each with the reference by which people name it.

What is there keeps its reference: its code, of the implementation with its year. Where a plan had several launches or
acceptances, whose references were the same, those now carry their period too.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE phase DROP CONSTRAINT phase_code_check",
    "ALTER TABLE phase ADD COLUMN kind VARCHAR(32)",
    "UPDATE phase SET kind = code",
    "ALTER TABLE phase ALTER COLUMN kind SET NOT NULL",
    """
    ALTER TABLE phase ADD CONSTRAINT phase_kind_check CHECK (kind IN ('launch', 'implementation', 'acceptance'))
    """,
    "ALTER TABLE phase ALTER COLUMN code TYPE TEXT",
    "ALTER TABLE phase ADD COLUMN ref TEXT",
    """
    UPDATE phase SET ref = CASE WHEN code = 'implementation' OR EXISTS (
        SELECT FROM phase AS other
        WHERE other.plan_id = phase.plan_id AND other.code = phase.code AND other.id <> phase.id
    ) THEN code || '-' || period ELSE code END
    """,
    "ALTER TABLE phase ALTER COLUMN ref SET NOT NULL",
    "ALTER TABLE phase ADD CONSTRAINT phase_plan_id_ref_key UNIQUE (plan_id, ref)",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
