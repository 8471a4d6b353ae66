"""Who answers for a measure: leads of its own, several or none, and parties that the plan does not settle."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ROLES = "'lead', 'co-lead', 'responsible'"

STATEMENTS = [
    "ALTER TABLE area ALTER COLUMN lead_id DROP NOT NULL",
    """
    ALTER TABLE measure
        ADD COLUMN lead_id BIGINT CONSTRAINT measure_lead_id_fkey REFERENCES unit (id),
        ADD COLUMN names_leads BOOLEAN DEFAULT false NOT NULL,
        ADD COLUMN names_responsible BOOLEAN DEFAULT false NOT NULL
    """,
    "UPDATE measure SET lead_id = area.lead_id FROM area WHERE area.id = measure.area_id",
    f"""
    ALTER TABLE responsibility
        ADD COLUMN measure_id BIGINT CONSTRAINT responsibility_measure_id_fkey REFERENCES measure (id),
        ADD COLUMN role VARCHAR(32) DEFAULT 'responsible' NOT NULL
            CONSTRAINT responsibility_role_check CHECK (role IN ({ROLES})),
        DROP CONSTRAINT responsibility_area_id_position_key,
        ADD CONSTRAINT responsibility_area_id_measure_id_role_position_key
            UNIQUE NULLS NOT DISTINCT (area_id, measure_id, role, position)
    """,
    "CREATE INDEX responsibility_measure_id_idx ON responsibility (measure_id)",
    "ALTER TABLE requirement ADD COLUMN lead_since TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE plan ADD COLUMN co_lead_working_days BIGINT DEFAULT '3' NOT NULL",
    "ALTER TABLE addressee DROP CONSTRAINT addressee_role_check",
    f"ALTER TABLE addressee ADD CONSTRAINT addressee_role_check CHECK (role IN ({ROLES}))",
    "ALTER TABLE assignment DROP CONSTRAINT assignment_role_check",
    f"ALTER TABLE assignment ADD CONSTRAINT assignment_role_check CHECK (role IN ({ROLES}))",
    """
    CREATE TABLE co_lead (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        requirement_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        position BIGINT NOT NULL,
        CONSTRAINT co_lead_pkey PRIMARY KEY (id),
        CONSTRAINT co_lead_requirement_id_unit_id_key UNIQUE (requirement_id, unit_id),
        CONSTRAINT co_lead_requirement_id_fkey FOREIGN KEY(requirement_id) REFERENCES requirement (id),
        CONSTRAINT co_lead_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    "CREATE INDEX co_lead_unit_id_idx ON co_lead (unit_id)",
    f"""
    CREATE TABLE unsettled_party (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        item TEXT NOT NULL,
        role VARCHAR(32) NOT NULL,
        words TEXT NOT NULL,
        position BIGINT NOT NULL,
        settled_at TIMESTAMP WITH TIME ZONE,
        settled_by TEXT,
        reason TEXT,
        CONSTRAINT unsettled_party_pkey PRIMARY KEY (id),
        CONSTRAINT unsettled_party_plan_id_item_role_words_key UNIQUE (plan_id, item, role, words),
        CONSTRAINT unsettled_party_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT unsettled_party_role_check CHECK (role IN ({ROLES})),
        CONSTRAINT unsettled_party_settled_check CHECK (num_nulls(settled_at, settled_by, reason) IN (0, 3))
    )
    """,
    """
    CREATE TABLE settled_party (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        unsettled_party_id BIGINT NOT NULL,
        position BIGINT NOT NULL,
        unit_id BIGINT,
        collective_id BIGINT,
        CONSTRAINT settled_party_pkey PRIMARY KEY (id),
        CONSTRAINT settled_party_unsettled_party_id_position_key UNIQUE (unsettled_party_id, position),
        CONSTRAINT settled_party_unsettled_party_id_fkey
            FOREIGN KEY(unsettled_party_id) REFERENCES unsettled_party (id),
        CONSTRAINT settled_party_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT settled_party_collective_id_fkey FOREIGN KEY(collective_id) REFERENCES collective (id),
        CONSTRAINT settled_party_one_party_check CHECK (num_nonnulls(unit_id, collective_id) = 1)
    )
    """,
    """
    CREATE TABLE opinion (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        submission_item_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        agrees BOOLEAN NOT NULL,
        words TEXT NOT NULL,
        by_name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT opinion_pkey PRIMARY KEY (id),
        CONSTRAINT opinion_submission_item_id_fkey FOREIGN KEY(submission_item_id) REFERENCES submission_item (id),
        CONSTRAINT opinion_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    "CREATE INDEX opinion_submission_item_id_idx ON opinion (submission_item_id)",
    "ALTER TABLE event DROP CONSTRAINT event_kind_check",
    """
    ALTER TABLE event ADD CONSTRAINT event_kind_check
        CHECK (kind IN ('plan_loaded', 'party_settled', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'set_aside', 'taken_up', 'extension_asked', 'extension_refused', 'opinion_given', 'objection_raised', 'objection_decided', 'excused', 'complaint_filed', 'complaint_answered', 'finding_raised', 'finding_closed', 'reading_entered', 'bulletin_drafted', 'bulletin_released', 'verdict_given', 'commended', 'plan_accepted', 'links_withdrawn'))
    """,
    "ALTER TABLE message DROP CONSTRAINT message_kind_check",
    """
    ALTER TABLE message ADD CONSTRAINT message_kind_check
        CHECK (kind IN ('issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'opinion_asked', 'opinion_given', 'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked', 'extension_granted', 'extension_refused', 'objection', 'objection_upheld', 'objection_dismissed', 'complaint', 'complaint_answered', 'gate_ready', 'gate_due', 'set_aside', 'bulletin', 'verdict', 'backlog'))
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
