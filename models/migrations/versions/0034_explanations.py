"""Explanations (情况说明): why an item is late, and until when it is promised. Until now none were kept."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE assignment ADD COLUMN promised_on DATE",
    """
    CREATE TABLE explanation (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assignment_id BIGINT NOT NULL,
        why TEXT NOT NULL,
        until DATE NOT NULL,
        answers TEXT NOT NULL,
        needs TEXT DEFAULT '' NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_on DATE NOT NULL,
        ended_on DATE,
        CONSTRAINT explanation_pkey PRIMARY KEY (id),
        CONSTRAINT explanation_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT explanation_until_check CHECK (until BETWEEN '1990-01-01' AND '2200-12-31')
    )
    """,
    "CREATE INDEX explanation_assignment_id_idx ON explanation (assignment_id)",
    """
    CREATE UNIQUE INDEX explanation_one_in_force_idx ON explanation (assignment_id) WHERE ended_on IS NULL
    """,
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN (
            'plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved',
            'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given',
            'objection_raised', 'objection_decided', 'explained', 'excused', 'corrected',
            'complaint_filed', 'complaint_answered',
            'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released',
            'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn', 'plan_changed',
            'register_changed', 'address_tried'
        ))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
