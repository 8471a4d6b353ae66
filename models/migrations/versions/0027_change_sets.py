"""Change sets: what changed of a plan while its work ran, and what each did. Until now there were none."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE requirement ADD COLUMN withdrawn_on DATE",
    "ALTER TABLE unit ADD COLUMN closed_on DATE",
    """
    CREATE TABLE change_set (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        number BIGINT NOT NULL,
        title TEXT NOT NULL,
        why TEXT NOT NULL,
        authority TEXT NOT NULL,
        from_on DATE NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        version_before BIGINT NOT NULL,
        version_after BIGINT NOT NULL,
        orders JSONB NOT NULL,
        CONSTRAINT change_set_pkey PRIMARY KEY (id),
        CONSTRAINT change_set_plan_id_number_key UNIQUE (plan_id, number),
        CONSTRAINT change_set_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plan (id)
    )
    """,
    """
    CREATE TABLE change_item (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        change_set_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        requirement_id BIGINT,
        assignment_id BIGINT,
        what VARCHAR(32) NOT NULL,
        before JSONB,
        after JSONB,
        CONSTRAINT change_item_pkey PRIMARY KEY (id),
        CONSTRAINT change_item_change_set_id_fkey FOREIGN KEY (change_set_id) REFERENCES change_set (id),
        CONSTRAINT change_item_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES unit (id),
        CONSTRAINT change_item_requirement_id_fkey FOREIGN KEY (requirement_id) REFERENCES requirement (id),
        CONSTRAINT change_item_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES assignment (id),
        CONSTRAINT change_item_what_check CHECK (what IN (
            'issued', 'due_moved', 'role_moved', 'reviewer_moved', 'reworded', 'withdrawn', 'leads', 'leads_no_more',
            'renamed', 'closed'
        ))
    )
    """,
    "CREATE INDEX change_item_change_set_id_idx ON change_item (change_set_id)",
    "CREATE INDEX change_item_assignment_id_idx ON change_item (assignment_id)",
    """
    CREATE FUNCTION change_set_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'change sets are append-only: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'change_set_append_only';
    END
    $$
    """,
    """
    CREATE TRIGGER change_set_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON change_set
        FOR EACH STATEMENT EXECUTE FUNCTION change_set_refuse_change()
    """,
    """
    CREATE FUNCTION change_item_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'what change sets did is append-only: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'change_item_append_only';
    END
    $$
    """,
    """
    CREATE TRIGGER change_item_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON change_item
        FOR EACH STATEMENT EXECUTE FUNCTION change_item_refuse_change()
    """,
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN (
            'plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved',
            'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given',
            'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered',
            'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released',
            'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn', 'plan_changed'
        ))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN (
            'issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'opinion_asked', 'opinion_given',
            'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked',
            'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed',
            'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'set_aside', 'bulletin', 'verdict',
            'plan_changed', 'backlog'
        ))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
