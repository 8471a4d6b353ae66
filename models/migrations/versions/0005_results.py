"""Journal entries and messages about readings, bulletins and verdicts; a gate counts what it does not name."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE gate ADD COLUMN still_open BIGINT DEFAULT '0' NOT NULL",
    "UPDATE gate SET still_open = jsonb_array_length(blocking) WHERE blocking IS NOT NULL",
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN ('plan_loaded', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered', 'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released', 'verdict_given', 'commended', 'plan_accepted'))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN ('issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked', 'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed', 'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'set_aside', 'bulletin', 'verdict', 'backlog'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
