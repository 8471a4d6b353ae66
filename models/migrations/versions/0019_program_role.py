"""What the program's role, which owns no table, asks the journal's owner to do for it. The role itself is made after."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE FUNCTION journal_horizon() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
        LOCK TABLE event IN SHARE MODE NOWAIT;
        RETURN (SELECT max(id) FROM event);
    END
    $$
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
