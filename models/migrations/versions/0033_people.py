"""The register of people: who holds which post of a unit, and how they are reached. Until now there was none."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE person (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        unit_id BIGINT NOT NULL,
        post VARCHAR(32) NOT NULL,
        name TEXT NOT NULL,
        title TEXT NOT NULL,
        telephone TEXT NOT NULL,
        mobile TEXT NOT NULL,
        addresses TEXT[] NOT NULL,
        from_on DATE NOT NULL,
        until_on DATE,
        follows_id BIGINT,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_by TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT person_pkey PRIMARY KEY (id),
        CONSTRAINT person_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES unit (id),
        CONSTRAINT person_follows_id_fkey FOREIGN KEY (follows_id) REFERENCES person (id),
        CONSTRAINT person_post_check CHECK (post IN ('head', 'member', 'contact', 'deputy', 'liaison', 'handler')),
        CONSTRAINT person_until_on_check CHECK (until_on >= from_on),
        CONSTRAINT person_ended_check CHECK (num_nonnulls(until_on, ended_by, ended_at) IN (0, 3))
    )
    """,
    """
    CREATE UNIQUE INDEX person_one_in_post_idx ON person (unit_id, post)
        WHERE until_on IS NULL AND post IN ('head', 'contact', 'deputy', 'liaison')
    """,
    "CREATE INDEX person_unit_id_idx ON person (unit_id)",
    """
    CREATE FUNCTION person_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        ending CONSTANT text[] := ARRAY['until_on', 'ended_by', 'ended_at'];
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.until_on IS NULL AND to_jsonb(NEW) - ending = to_jsonb(OLD) - ending THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION USING
            MESSAGE = 'entries of the register end, and are not changed: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'person_kept';
    END
    $$
    """,
    """
    CREATE TRIGGER person_kept BEFORE UPDATE OR DELETE ON person
        FOR EACH ROW EXECUTE FUNCTION person_refuse_change()
    """,
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN (
            'plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved',
            'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given',
            'objection_raised', 'objection_decided', 'excused', 'corrected', 'complaint_filed', 'complaint_answered',
            'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released',
            'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn', 'plan_changed', 'register_changed',
            'address_tried'
        ))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN (
            'issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'opinion_asked', 'opinion_given',
            'unreviewed', 'returned', 'accepted', 'waived', 'withdrawn', 'reopened', 'asked_again', 'due_moved',
            'extension_asked',
            'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed',
            'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'unreached', 'set_aside', 'bulletin',
            'verdict', 'plan_changed', 'backlog'
        ))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
