"""Objections, complaints and suggestions, findings of a rectification."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = [
    """
    CREATE TABLE objection (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assignment_id BIGINT NOT NULL,
        about VARCHAR(32) NOT NULL,
        version BIGINT NOT NULL,
        reason TEXT NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        upheld BOOLEAN,
        decided_by TEXT,
        decided_at TIMESTAMP WITH TIME ZONE,
        decision_reason TEXT,
        CONSTRAINT objection_pkey PRIMARY KEY (id),
        CONSTRAINT objection_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT objection_about_check CHECK (about IN ('return', 'light'))
    )
    """,
    """
    CREATE INDEX objection_assignment_id_idx ON objection (assignment_id)
    """,
    """
    CREATE UNIQUE INDEX objection_one_pending_idx ON objection (assignment_id) WHERE upheld IS NULL
    """,
    """
    CREATE TABLE complaint (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        kind VARCHAR(32) NOT NULL,
        text TEXT NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        answer TEXT,
        answered_by TEXT,
        answered_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT complaint_pkey PRIMARY KEY (id),
        CONSTRAINT complaint_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT complaint_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT complaint_kind_check CHECK (kind IN ('complaint', 'suggestion'))
    )
    """,
    """
    CREATE INDEX complaint_plan_id_idx ON complaint (plan_id)
    """,
    """
    CREATE TABLE finding (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        number BIGINT NOT NULL,
        requirement_id BIGINT NOT NULL,
        raised_by TEXT NOT NULL,
        raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
        closed_by TEXT,
        closed_at TIMESTAMP WITH TIME ZONE,
        check_text TEXT,
        CONSTRAINT finding_pkey PRIMARY KEY (id),
        CONSTRAINT finding_plan_id_number_key UNIQUE (plan_id, number),
        CONSTRAINT finding_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT finding_requirement_id_key UNIQUE (requirement_id),
        CONSTRAINT finding_requirement_id_fkey FOREIGN KEY(requirement_id) REFERENCES requirement (id)
    )
    """,
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN ('plan_loaded', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'extension_asked', 'extension_refused', 'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered', 'finding_raised', 'finding_closed'))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN ('issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked', 'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed', 'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'backlog'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
