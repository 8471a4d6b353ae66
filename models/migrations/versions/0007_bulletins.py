"""Bulletins."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS: list[str] = [
    """
    CREATE TABLE bulletin (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        period TEXT NOT NULL,
        version BIGINT NOT NULL,
        status VARCHAR(32) NOT NULL,
        as_of DATE NOT NULL,
        texts JSONB NOT NULL,
        edition BIGINT DEFAULT '1' NOT NULL,
        corrects_id BIGINT,
        number BIGINT,
        number_year BIGINT,
        made_by TEXT NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        edited_by TEXT,
        edited_at TIMESTAMP WITH TIME ZONE,
        released_by TEXT,
        released_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT bulletin_pkey PRIMARY KEY (id),
        CONSTRAINT bulletin_plan_id_period_version_key UNIQUE (plan_id, period, version),
        CONSTRAINT bulletin_plan_id_number_year_number_key UNIQUE (plan_id, number_year, number),
        CONSTRAINT bulletin_released_check CHECK (
            (status = 'released') = (num_nonnulls(released_at, released_by, number, number_year) = 4)
        ),
        CONSTRAINT bulletin_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT bulletin_status_check CHECK (status IN ('draft', 'released')),
        CONSTRAINT bulletin_corrects_id_fkey FOREIGN KEY(corrects_id) REFERENCES bulletin (id)
    )
    """,
    "CREATE UNIQUE INDEX bulletin_one_draft_idx ON bulletin (plan_id, period) WHERE status = 'draft'",
    """
    CREATE FUNCTION bulletin_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.status = 'released' THEN
            RAISE EXCEPTION USING
                MESSAGE = 'a released bulletin stays as it is: ' || TG_OP || ' refused',
                ERRCODE = 'restrict_violation',
                CONSTRAINT = 'bulletin_released';
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER bulletin_released BEFORE UPDATE OR DELETE ON bulletin
        FOR EACH ROW EXECUTE FUNCTION bulletin_refuse_change()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
