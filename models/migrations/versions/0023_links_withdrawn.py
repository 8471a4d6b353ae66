"""The journal says when all links of a unit were withdrawn."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN ('plan_loaded', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered', 'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released', 'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
