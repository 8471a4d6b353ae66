"""Seals over the journal. What is there already is sealed by the watchdog's next round, as it stands then."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE journal_seal (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_event_id BIGINT NOT NULL,
        digest TEXT NOT NULL,
        event_ids BIGINT[] NOT NULL,
        hashes BYTEA NOT NULL,
        CONSTRAINT journal_seal_pkey PRIMARY KEY (id),
        CONSTRAINT journal_seal_last_event_id_key UNIQUE (last_event_id)
    )
    """,
    """
    CREATE FUNCTION journal_seal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'seals of the journal are append-only: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'journal_seal_append_only';
    END
    $$
    """,
    """
    CREATE TRIGGER journal_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_seal
        FOR EACH STATEMENT EXECUTE FUNCTION journal_seal_refuse_change()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
