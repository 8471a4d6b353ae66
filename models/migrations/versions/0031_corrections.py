"""Corrections: what is taken back is journalled, and those concerned are told."""

from alembic import op

revision = "0031"
down_revision = "0030"

STATEMENTS = [
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN (
            'plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved',
            'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given',
            'objection_raised', 'objection_decided', 'excused', 'corrected', 'complaint_filed', 'complaint_answered',
            'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released',
            'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn', 'plan_changed'
        ))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN (
            'issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'opinion_asked', 'opinion_given',
            'unreviewed', 'returned', 'accepted', 'waived', 'withdrawn', 'reopened', 'asked_again', 'due_moved',
            'extension_asked', 'extension_granted', 'extension_refused', 'objection', 'objection_upheld',
            'objection_dismissed', 'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'set_aside',
            'bulletin', 'verdict', 'plan_changed', 'backlog'
        ))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
