"""Access links and their uses, forms that act once, where an act came from; what lists of assignments count by."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE event ADD COLUMN address TEXT",
    "ALTER TABLE assignment ADD COLUMN late BOOLEAN DEFAULT false NOT NULL",
    """
    UPDATE assignment SET late = true WHERE id IN (
        SELECT event.assignment_id FROM event JOIN plan ON plan.id = event.plan_id
        WHERE event.kind = 'moved' AND event.status_after = 'submitted'
          AND CAST(event.at AT TIME ZONE plan.timezone AS date) > event.due_before
    )
    """,
    "CREATE INDEX assignment_submitted_idx ON assignment (requirement_id) WHERE (status = 'submitted')",
    "CREATE INDEX attempt_key_idx ON attempt (key)",
    "ALTER TABLE gate ADD COLUMN resumed_at TIMESTAMP WITH TIME ZONE",
    """
    CREATE TABLE access (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        unit_id BIGINT NOT NULL,
        role VARCHAR(32) NOT NULL,
        token_hash TEXT NOT NULL,
        person TEXT DEFAULT '' NOT NULL,
        single_use BOOLEAN NOT NULL,
        issued_by TEXT NOT NULL,
        issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_by TEXT,
        revoked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT access_pkey PRIMARY KEY (id),
        CONSTRAINT access_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT access_role_check CHECK (role IN ('unit', 'office', 'leader', 'calendar')),
        CONSTRAINT access_token_hash_key UNIQUE (token_hash)
    )
    """,
    "CREATE INDEX access_unit_id_idx ON access (unit_id)",
    """
    CREATE TABLE access_use (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        access_id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        address TEXT NOT NULL,
        outcome VARCHAR(32) NOT NULL,
        secret_hash TEXT,
        person TEXT DEFAULT '' NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT access_use_pkey PRIMARY KEY (id),
        CONSTRAINT access_use_access_id_fkey FOREIGN KEY(access_id) REFERENCES access (id),
        CONSTRAINT access_use_outcome_check CHECK (outcome IN ('opened', 'expired', 'revoked', 'spent')),
        CONSTRAINT access_use_secret_hash_key UNIQUE (secret_hash)
    )
    """,
    "CREATE INDEX access_use_access_id_idx ON access_use (access_id)",
    """
    CREATE TABLE deed (
        key TEXT NOT NULL,
        use_id BIGINT,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        outcome JSONB,
        CONSTRAINT deed_pkey PRIMARY KEY (key),
        CONSTRAINT deed_use_id_fkey FOREIGN KEY(use_id) REFERENCES access_use (id)
    )
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
