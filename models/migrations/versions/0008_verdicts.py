"""Verdicts of the acceptance, and commendations."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE verdict (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        measure_id BIGINT,
        area_id BIGINT,
        indicator_id BIGINT,
        outcome VARCHAR(32) NOT NULL,
        until DATE,
        finding_id BIGINT,
        by_name TEXT NOT NULL,
        reason TEXT NOT NULL,
        override_reason TEXT,
        missing JSONB NOT NULL,
        via VARCHAR(32) NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT verdict_pkey PRIMARY KEY (id),
        CONSTRAINT verdict_one_item_check CHECK (num_nonnulls(measure_id, area_id, indicator_id) = 1),
        CONSTRAINT verdict_until_check CHECK ((outcome = 'conditional') = (until IS NOT NULL)),
        CONSTRAINT verdict_rectification_check CHECK ((outcome = 'conditional') = (finding_id IS NOT NULL)),
        CONSTRAINT verdict_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT verdict_measure_id_fkey FOREIGN KEY(measure_id) REFERENCES measure (id),
        CONSTRAINT verdict_area_id_fkey FOREIGN KEY(area_id) REFERENCES area (id),
        CONSTRAINT verdict_indicator_id_fkey FOREIGN KEY(indicator_id) REFERENCES indicator (id),
        CONSTRAINT verdict_outcome_check CHECK (outcome IN ('accept', 'conditional', 'reject')),
        CONSTRAINT verdict_finding_id_fkey FOREIGN KEY(finding_id) REFERENCES finding (id),
        CONSTRAINT verdict_via_check CHECK (via IN ('prefect-ui', 'command', 'portal'))
    )
    """,
    "CREATE INDEX verdict_plan_id_idx ON verdict (plan_id)",
    """
    CREATE TABLE commendation (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        since DATE NOT NULL,
        until DATE NOT NULL,
        by_name TEXT NOT NULL,
        reason TEXT NOT NULL,
        via VARCHAR(32) NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT commendation_pkey PRIMARY KEY (id),
        CONSTRAINT commendation_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT commendation_via_check CHECK (via IN ('prefect-ui', 'command', 'portal'))
    )
    """,
    "CREATE INDEX commendation_plan_id_idx ON commendation (plan_id)",
    """
    CREATE TABLE commended_unit (
        commendation_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        position BIGINT NOT NULL,
        was_proposed BOOLEAN NOT NULL,
        CONSTRAINT commended_unit_pkey PRIMARY KEY (commendation_id, unit_id),
        CONSTRAINT commended_unit_commendation_id_fkey FOREIGN KEY(commendation_id) REFERENCES commendation (id),
        CONSTRAINT commended_unit_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
