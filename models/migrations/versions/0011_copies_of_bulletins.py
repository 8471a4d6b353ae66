"""Bulletins as they were issued."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE bulletin_copy (
        bulletin_id BIGINT NOT NULL,
        language TEXT NOT NULL,
        ending TEXT NOT NULL,
        content BYTEA NOT NULL,
        CONSTRAINT bulletin_copy_pkey PRIMARY KEY (bulletin_id, language, ending),
        CONSTRAINT bulletin_copy_bulletin_id_fkey FOREIGN KEY(bulletin_id) REFERENCES bulletin (id)
    )
    """,
    """
    CREATE FUNCTION bulletin_copy_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'a released bulletin stays as it is: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'bulletin_released';
    END
    $$
    """,
    """
    CREATE TRIGGER bulletin_copy_released BEFORE UPDATE OR DELETE ON bulletin_copy
        FOR EACH ROW EXECUTE FUNCTION bulletin_copy_refuse_change()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
