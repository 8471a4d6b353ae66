"""Each document that was loaded, and how it differed from the one before. Of earlier ones only the newest is known."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE plan_version (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        version BIGINT NOT NULL,
        digest TEXT NOT NULL,
        content JSONB NOT NULL,
        changes JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        by_name TEXT NOT NULL,
        CONSTRAINT plan_version_pkey PRIMARY KEY (id),
        CONSTRAINT plan_version_plan_id_version_key UNIQUE (plan_id, version),
        CONSTRAINT plan_version_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plan (id)
    )
    """,
    """
    INSERT INTO plan_version (plan_id, version, digest, content, changes, at, by_name)
    SELECT plan.id, plan.version, plan.digest, plan.content, coalesce(loaded.detail -> 'changes', '[]'), loaded.at,
           loaded.actor
    FROM plan JOIN LATERAL (
        SELECT at, actor, detail FROM event
        WHERE event.plan_id = plan.id AND event.kind = 'plan_loaded' ORDER BY id DESC LIMIT 1
    ) AS loaded ON true
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
