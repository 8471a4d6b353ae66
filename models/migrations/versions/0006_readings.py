"""Readings of the indicators, how those of units become the city's, and which indicators contradict each other."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS: list[str] = [
    "ALTER TABLE indicator ADD COLUMN rollup VARCHAR(32)",
    """
    UPDATE indicator SET rollup = CASE
        WHEN comparator = 'gt_ref' THEN 'latest'
        WHEN comparator IN ('status', 'each', 'full', 'range') THEN 'all'
        WHEN unit = chr(37) THEN 'weighted_mean'
        ELSE 'sum' END
    """,
    "ALTER TABLE indicator ALTER COLUMN rollup SET NOT NULL",
    "ALTER TABLE indicator ADD COLUMN rollup_basis VARCHAR(32) DEFAULT 'inferred' NOT NULL",
    "ALTER TABLE indicator ALTER COLUMN rollup_basis DROP DEFAULT",
    "ALTER TABLE indicator ADD COLUMN conflicts_with TEXT[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE indicator ALTER COLUMN conflicts_with DROP DEFAULT",
    "ALTER TABLE indicator ADD COLUMN reporters TEXT[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE indicator ALTER COLUMN reporters DROP DEFAULT",
    """
    ALTER TABLE indicator ADD CONSTRAINT indicator_rollup_check
        CHECK (rollup IN ('sum', 'weighted_mean', 'latest', 'all'))
    """,
    """
    ALTER TABLE indicator ADD CONSTRAINT indicator_rollup_basis_check
        CHECK (rollup_basis IN ('stated', 'inferred'))
    """,
    """
    CREATE TABLE reading (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        indicator_id BIGINT NOT NULL,
        unit_id BIGINT,
        period TEXT NOT NULL,
        value DOUBLE PRECISION,
        reference DOUBLE PRECISION,
        weight DOUBLE PRECISION,
        words TEXT NOT NULL,
        evidence_id BIGINT,
        by_name TEXT NOT NULL,
        by_unit_id BIGINT,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT reading_pkey PRIMARY KEY (id),
        CONSTRAINT reading_value_check CHECK (value BETWEEN -1e12 AND 1e12),
        CONSTRAINT reading_reference_check CHECK (reference BETWEEN -1e12 AND 1e12),
        CONSTRAINT reading_weight_check CHECK (weight > 0 AND weight <= 1e12),
        CONSTRAINT reading_indicator_id_fkey FOREIGN KEY(indicator_id) REFERENCES indicator (id),
        CONSTRAINT reading_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT reading_evidence_id_fkey FOREIGN KEY(evidence_id) REFERENCES evidence (id),
        CONSTRAINT reading_by_unit_id_fkey FOREIGN KEY(by_unit_id) REFERENCES unit (id)
    )
    """,
    "CREATE INDEX reading_newest_idx ON reading (indicator_id, unit_id, period, id)",
    """
    CREATE FUNCTION reading_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'readings are append-only: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'reading_append_only';
    END
    $$
    """,
    """
    CREATE TRIGGER reading_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reading
        FOR EACH STATEMENT EXECUTE FUNCTION reading_refuse_change()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
