"""Contacts: what the office wrote in its own words, and calls and visits that it noted. Until now none were kept."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE contact (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assignment_id BIGINT NOT NULL,
        kind VARCHAR(32) NOT NULL,
        with_whom TEXT DEFAULT '' NOT NULL,
        words TEXT NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT contact_pkey PRIMARY KEY (id),
        CONSTRAINT contact_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT contact_kind_check CHECK (kind IN ('pressed', 'called', 'visited', 'seen'))
    )
    """,
    "CREATE INDEX contact_assignment_id_idx ON contact (assignment_id)",
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN (
            'plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved',
            'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given',
            'objection_raised', 'objection_decided', 'explained', 'pressed', 'contact_noted', 'excused',
            'corrected', 'complaint_filed', 'complaint_answered',
            'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released',
            'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn', 'plan_changed',
            'register_changed', 'address_tried'
        ))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN (
            'issued', 'reminder', 'unsigned', 'overdue', 'pressed', 'to_review', 'opinion_asked', 'opinion_given',
            'unreviewed', 'returned', 'accepted', 'waived', 'withdrawn', 'reopened', 'asked_again', 'due_moved',
            'extension_asked',
            'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed',
            'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'unreached', 'set_aside', 'bulletin', 'verdict',
            'plan_changed', 'backlog'
        ))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
