"""Channel paces, rounds of the patrol, rows set aside, sends of which nobody knows; indexes for very many rows."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = [
    "ALTER TABLE assignment ADD COLUMN needs_attention TEXT DEFAULT '' NOT NULL",
    """
    ALTER TABLE assignment ADD CONSTRAINT assignment_due_on_check
        CHECK (due_on BETWEEN '1990-01-01' AND '2200-12-31')
    """,
    "CREATE INDEX event_at_idx ON event USING brin (at)",
    "CREATE INDEX assignment_open_idx ON assignment (requirement_id) WHERE status NOT IN ('accepted', 'waived')",
    """
    CREATE INDEX assignment_provisional_idx ON assignment (due_on)
        WHERE due_provisional AND status NOT IN ('accepted', 'waived')
    """,
    "CREATE INDEX assignment_needs_attention_idx ON assignment (id) WHERE needs_attention <> ''",
    "CREATE INDEX message_dead_idx ON message (recipient_id) WHERE status = 'dead'",
    "ALTER TABLE message ADD COLUMN unsure BIGINT DEFAULT '0' NOT NULL",
    """
    CREATE TABLE pace (
        channel TEXT NOT NULL,
        free_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pace_pkey PRIMARY KEY (channel)
    )
    """,
    """
    CREATE TABLE patrol_round (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        looked_at BIGINT DEFAULT '0' NOT NULL,
        fired BIGINT DEFAULT '0' NOT NULL,
        set_aside BIGINT DEFAULT '0' NOT NULL,
        letters BIGINT DEFAULT '0' NOT NULL,
        failed BIGINT DEFAULT '0' NOT NULL,
        CONSTRAINT patrol_round_pkey PRIMARY KEY (id),
        CONSTRAINT patrol_round_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id)
    )
    """,
    "CREATE INDEX patrol_round_plan_id_started_at_idx ON patrol_round (plan_id, started_at)",
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN ('plan_loaded', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered', 'finding_raised', 'finding_closed'))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN ('issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked', 'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed', 'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'set_aside', 'backlog'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
