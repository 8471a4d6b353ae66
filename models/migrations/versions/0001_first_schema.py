"""The first schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not taken from the models: a migration says what the schema was on its day.
STATEMENTS = [
    """
    CREATE TABLE ladder (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        digest TEXT NOT NULL,
        steps JSONB NOT NULL,
        CONSTRAINT ladder_pkey PRIMARY KEY (id),
        CONSTRAINT ladder_digest_key UNIQUE (digest)
    )
    """,
    """
    CREATE TABLE plan (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        code TEXT NOT NULL,
        version BIGINT NOT NULL,
        digest TEXT NOT NULL,
        content JSONB NOT NULL,
        title_zh TEXT NOT NULL,
        title_en TEXT NOT NULL,
        timezone TEXT NOT NULL,
        calendar VARCHAR(32) NOT NULL,
        starts BIGINT NOT NULL,
        ends BIGINT NOT NULL,
        go_live_on DATE,
        near_limit_days BIGINT NOT NULL,
        unsigned_working_days BIGINT NOT NULL,
        rework_working_days BIGINT NOT NULL,
        ladder_id BIGINT NOT NULL,
        rehearsal_seed BIGINT,
        CONSTRAINT plan_pkey PRIMARY KEY (id),
        CONSTRAINT plan_code_key UNIQUE (code),
        CONSTRAINT plan_calendar_check CHECK (calendar IN ('china', 'weekends')),
        CONSTRAINT plan_ladder_id_fkey FOREIGN KEY(ladder_id) REFERENCES ladder (id)
    )
    """,
    """
    CREATE TABLE collective (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        code TEXT NOT NULL,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT collective_pkey PRIMARY KEY (id),
        CONSTRAINT collective_plan_id_code_key UNIQUE (plan_id, code),
        CONSTRAINT collective_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT collective_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE TABLE indicator (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        code TEXT NOT NULL,
        comparator VARCHAR(32) NOT NULL,
        value FLOAT[] NOT NULL,
        unit TEXT NOT NULL,
        reference TEXT NOT NULL,
        due TEXT NOT NULL,
        due_basis VARCHAR(32) NOT NULL,
        soft BOOLEAN NOT NULL,
        note TEXT NOT NULL,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT indicator_pkey PRIMARY KEY (id),
        CONSTRAINT indicator_plan_id_code_key UNIQUE (plan_id, code),
        CONSTRAINT indicator_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT indicator_comparator_check CHECK (comparator IN ('ge', 'eq', 'gt_ref', 'full', 'range', 'status', 'each')),
        CONSTRAINT indicator_due_basis_check CHECK (due_basis IN ('stated', 'inferred')),
        CONSTRAINT indicator_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE TABLE phase (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        code VARCHAR(32) NOT NULL,
        period TEXT NOT NULL,
        starts_on DATE NOT NULL,
        planned_ends_on DATE NOT NULL,
        ends_on DATE NOT NULL,
        issue_on DATE NOT NULL,
        status VARCHAR(32) NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE,
        closed_at TIMESTAMP WITH TIME ZONE,
        ladder_id BIGINT,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT phase_pkey PRIMARY KEY (id),
        CONSTRAINT phase_plan_id_code_period_key UNIQUE (plan_id, code, period),
        CONSTRAINT phase_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT phase_code_check CHECK (code IN ('launch', 'implementation', 'acceptance')),
        CONSTRAINT phase_status_check CHECK (status IN ('planned', 'open', 'closed')),
        CONSTRAINT phase_ladder_id_fkey FOREIGN KEY(ladder_id) REFERENCES ladder (id),
        CONSTRAINT phase_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE TABLE unit (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        code TEXT NOT NULL,
        kind VARCHAR(32) NOT NULL,
        full_name TEXT,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT unit_pkey PRIMARY KEY (id),
        CONSTRAINT unit_plan_id_code_key UNIQUE (plan_id, code),
        CONSTRAINT unit_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT unit_kind_check CHECK (kind IN ('bureau', 'county', 'office', 'leader')),
        CONSTRAINT unit_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE UNIQUE INDEX unit_one_body_idx ON unit (plan_id, kind) WHERE kind IN ('office', 'leader')
    """,
    """
    CREATE TABLE area (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        plan_id BIGINT NOT NULL,
        code TEXT NOT NULL,
        kind VARCHAR(32) NOT NULL,
        lead_id BIGINT NOT NULL,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT area_pkey PRIMARY KEY (id),
        CONSTRAINT area_plan_id_code_key UNIQUE (plan_id, code),
        CONSTRAINT area_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT area_kind_check CHECK (kind IN ('brand', 'safeguard')),
        CONSTRAINT area_lead_id_fkey FOREIGN KEY(lead_id) REFERENCES unit (id),
        CONSTRAINT area_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE TABLE attempt (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        recipient_id BIGINT NOT NULL,
        key TEXT NOT NULL,
        channel TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        outcome VARCHAR(32) NOT NULL,
        detail TEXT DEFAULT '' NOT NULL,
        external_id TEXT DEFAULT '' NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        CONSTRAINT attempt_pkey PRIMARY KEY (id),
        CONSTRAINT attempt_recipient_id_fkey FOREIGN KEY(recipient_id) REFERENCES unit (id),
        CONSTRAINT attempt_outcome_check CHECK (outcome IN ('sending', 'sent', 'temporary', 'permanent', 'ambiguous'))
    )
    """,
    """
    CREATE INDEX attempt_recipient_id_idx ON attempt (recipient_id)
    """,
    """
    CREATE TABLE collective_member (
        collective_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        CONSTRAINT collective_member_pkey PRIMARY KEY (collective_id, unit_id),
        CONSTRAINT collective_member_collective_id_fkey FOREIGN KEY(collective_id) REFERENCES collective (id),
        CONSTRAINT collective_member_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    """
    CREATE TABLE evidence (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        unit_id BIGINT NOT NULL,
        sha256 TEXT NOT NULL,
        file_name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT evidence_pkey PRIMARY KEY (id),
        CONSTRAINT evidence_unit_id_sha256_file_name_key UNIQUE (unit_id, sha256, file_name),
        CONSTRAINT evidence_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    """
    CREATE TABLE gate (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        phase_id BIGINT NOT NULL,
        round BIGINT NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        decision VARCHAR(32),
        until DATE,
        by_name TEXT,
        via VARCHAR(32),
        reason TEXT,
        override_reason TEXT,
        refused BOOLEAN,
        blocking JSONB,
        decided_at TIMESTAMP WITH TIME ZONE,
        run TEXT,
        CONSTRAINT gate_pkey PRIMARY KEY (id),
        CONSTRAINT gate_phase_id_round_key UNIQUE (phase_id, round),
        CONSTRAINT gate_phase_id_fkey FOREIGN KEY(phase_id) REFERENCES phase (id),
        CONSTRAINT gate_decision_check CHECK (decision IN ('close', 'keep open', 'extend')),
        CONSTRAINT gate_via_check CHECK (via IN ('prefect-ui', 'command', 'portal'))
    )
    """,
    """
    CREATE TABLE submission (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        unit_id BIGINT NOT NULL,
        by_name TEXT NOT NULL,
        note TEXT NOT NULL,
        figures JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT submission_pkey PRIMARY KEY (id),
        CONSTRAINT submission_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    """
    CREATE TABLE measure (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        area_id BIGINT NOT NULL,
        code TEXT NOT NULL,
        proof_zh TEXT NOT NULL,
        proof_en TEXT NOT NULL,
        name_zh TEXT NOT NULL,
        name_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT measure_pkey PRIMARY KEY (id),
        CONSTRAINT measure_area_id_code_key UNIQUE (area_id, code),
        CONSTRAINT measure_area_id_fkey FOREIGN KEY(area_id) REFERENCES area (id),
        CONSTRAINT measure_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE TABLE responsibility (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        area_id BIGINT NOT NULL,
        position BIGINT NOT NULL,
        unit_id BIGINT,
        collective_id BIGINT,
        CONSTRAINT responsibility_pkey PRIMARY KEY (id),
        CONSTRAINT responsibility_area_id_position_key UNIQUE (area_id, position),
        CONSTRAINT responsibility_one_party_check CHECK (num_nonnulls(unit_id, collective_id) = 1),
        CONSTRAINT responsibility_area_id_fkey FOREIGN KEY(area_id) REFERENCES area (id),
        CONSTRAINT responsibility_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT responsibility_collective_id_fkey FOREIGN KEY(collective_id) REFERENCES collective (id)
    )
    """,
    """
    CREATE TABLE submission_file (
        submission_id BIGINT NOT NULL,
        evidence_id BIGINT NOT NULL,
        CONSTRAINT submission_file_pkey PRIMARY KEY (submission_id, evidence_id),
        CONSTRAINT submission_file_submission_id_fkey FOREIGN KEY(submission_id) REFERENCES submission (id),
        CONSTRAINT submission_file_evidence_id_fkey FOREIGN KEY(evidence_id) REFERENCES evidence (id)
    )
    """,
    """
    CREATE TABLE requirement (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        phase_id BIGINT NOT NULL,
        ref TEXT NOT NULL,
        code TEXT NOT NULL,
        period TEXT NOT NULL,
        scope VARCHAR(32) NOT NULL,
        area_id BIGINT,
        measure_id BIGINT,
        lead_id BIGINT,
        due_on DATE NOT NULL,
        title_zh TEXT NOT NULL,
        title_en TEXT NOT NULL,
        why_zh TEXT NOT NULL,
        why_en TEXT NOT NULL,
        proof_zh TEXT NOT NULL,
        proof_en TEXT NOT NULL,
        source TEXT NOT NULL,
        basis VARCHAR(32) NOT NULL,
        CONSTRAINT requirement_pkey PRIMARY KEY (id),
        CONSTRAINT requirement_phase_id_ref_key UNIQUE (phase_id, ref),
        CONSTRAINT requirement_phase_id_fkey FOREIGN KEY(phase_id) REFERENCES phase (id),
        CONSTRAINT requirement_scope_check CHECK (scope IN ('plan', 'area', 'measure')),
        CONSTRAINT requirement_area_id_fkey FOREIGN KEY(area_id) REFERENCES area (id),
        CONSTRAINT requirement_measure_id_fkey FOREIGN KEY(measure_id) REFERENCES measure (id),
        CONSTRAINT requirement_lead_id_fkey FOREIGN KEY(lead_id) REFERENCES unit (id),
        CONSTRAINT requirement_basis_check CHECK (basis IN ('stated', 'inferred'))
    )
    """,
    """
    CREATE INDEX requirement_phase_id_idx ON requirement (phase_id)
    """,
    """
    CREATE TABLE addressee (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        requirement_id BIGINT NOT NULL,
        role VARCHAR(32) NOT NULL,
        unit_id BIGINT,
        collective_id BIGINT,
        CONSTRAINT addressee_pkey PRIMARY KEY (id),
        CONSTRAINT addressee_requirement_id_role_unit_id_collective_id_key UNIQUE NULLS NOT DISTINCT (requirement_id, role, unit_id, collective_id),
        CONSTRAINT addressee_one_party_check CHECK (num_nonnulls(unit_id, collective_id) = 1),
        CONSTRAINT addressee_requirement_id_fkey FOREIGN KEY(requirement_id) REFERENCES requirement (id),
        CONSTRAINT addressee_role_check CHECK (role IN ('lead', 'responsible')),
        CONSTRAINT addressee_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT addressee_collective_id_fkey FOREIGN KEY(collective_id) REFERENCES collective (id)
    )
    """,
    """
    CREATE TABLE assignment (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        requirement_id BIGINT NOT NULL,
        unit_id BIGINT NOT NULL,
        role VARCHAR(32) NOT NULL,
        status VARCHAR(32) NOT NULL,
        issued_on DATE NOT NULL,
        planned_due_on DATE NOT NULL,
        due_on DATE NOT NULL,
        due_provisional BOOLEAN NOT NULL,
        submitted_on DATE,
        version BIGINT DEFAULT '0' NOT NULL,
        done_until DATE NOT NULL,
        next_action_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT assignment_pkey PRIMARY KEY (id),
        CONSTRAINT assignment_requirement_id_unit_id_key UNIQUE (requirement_id, unit_id),
        CONSTRAINT assignment_requirement_id_fkey FOREIGN KEY(requirement_id) REFERENCES requirement (id),
        CONSTRAINT assignment_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id),
        CONSTRAINT assignment_role_check CHECK (role IN ('lead', 'responsible')),
        CONSTRAINT assignment_status_check CHECK (status IN ('issued', 'acknowledged', 'submitted', 'returned', 'accepted', 'waived'))
    )
    """,
    """
    CREATE INDEX assignment_next_action_at_idx ON assignment (next_action_at) WHERE next_action_at IS NOT NULL
    """,
    """
    CREATE INDEX assignment_unit_id_idx ON assignment (unit_id)
    """,
    """
    CREATE TABLE escalation (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assignment_id BIGINT NOT NULL,
        step TEXT NOT NULL,
        anchor_on DATE NOT NULL,
        fell_on DATE NOT NULL,
        "order" VARCHAR(32),
        historic BOOLEAN NOT NULL,
        told BOOLEAN NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT escalation_pkey PRIMARY KEY (id),
        CONSTRAINT escalation_assignment_id_step_anchor_on_key UNIQUE (assignment_id, step, anchor_on),
        CONSTRAINT escalation_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT escalation_order_check CHECK ("order" IN ('blue', 'yellow', 'red'))
    )
    """,
    """
    CREATE TABLE event (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        plan_id BIGINT NOT NULL,
        phase_id BIGINT,
        assignment_id BIGINT,
        kind VARCHAR(32) NOT NULL,
        actor TEXT NOT NULL,
        actor_unit_id BIGINT,
        status_before VARCHAR(32),
        status_after VARCHAR(32),
        due_before DATE,
        due_after DATE,
        why TEXT DEFAULT '' NOT NULL,
        detail JSONB,
        run TEXT,
        CONSTRAINT event_pkey PRIMARY KEY (id),
        CONSTRAINT event_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
        CONSTRAINT event_phase_id_fkey FOREIGN KEY(phase_id) REFERENCES phase (id),
        CONSTRAINT event_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT event_kind_check CHECK (kind IN ('plan_loaded', 'phase_opened', 'gate_decided', 'issued', 'moved', 'due_moved', 'escalated', 'extension_asked', 'extension_refused')),
        CONSTRAINT event_actor_unit_id_fkey FOREIGN KEY(actor_unit_id) REFERENCES unit (id),
        CONSTRAINT event_status_before_check CHECK (status_before IN ('issued', 'acknowledged', 'submitted', 'returned', 'accepted', 'waived')),
        CONSTRAINT event_status_after_check CHECK (status_after IN ('issued', 'acknowledged', 'submitted', 'returned', 'accepted', 'waived'))
    )
    """,
    """
    CREATE INDEX event_assignment_id_idx ON event (assignment_id)
    """,
    """
    CREATE TABLE extension (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assignment_id BIGINT NOT NULL,
        until DATE NOT NULL,
        reason TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_before DATE NOT NULL,
        granted BOOLEAN,
        decided_by TEXT,
        decided_at TIMESTAMP WITH TIME ZONE,
        decision_reason TEXT,
        due_after DATE,
        CONSTRAINT extension_pkey PRIMARY KEY (id),
        CONSTRAINT extension_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id)
    )
    """,
    """
    CREATE INDEX extension_assignment_id_idx ON extension (assignment_id)
    """,
    """
    CREATE UNIQUE INDEX extension_one_pending_idx ON extension (assignment_id) WHERE granted IS NULL
    """,
    """
    CREATE TABLE message (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        recipient_id BIGINT NOT NULL,
        kind VARCHAR(32) NOT NULL,
        subject TEXT NOT NULL,
        for_date DATE NOT NULL,
        assignment_id BIGINT,
        phase_id BIGINT,
        "order" VARCHAR(32),
        reason TEXT DEFAULT '' NOT NULL,
        by_name TEXT DEFAULT '' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        status VARCHAR(32) DEFAULT 'pending' NOT NULL,
        tries BIGINT DEFAULT '0' NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT message_pkey PRIMARY KEY (id),
        CONSTRAINT message_recipient_id_kind_subject_for_date_key UNIQUE (recipient_id, kind, subject, for_date),
        CONSTRAINT message_recipient_id_fkey FOREIGN KEY(recipient_id) REFERENCES unit (id),
        CONSTRAINT message_kind_check CHECK (kind IN ('issued', 'reminder', 'unsigned', 'overdue', 'to_review', 'unreviewed', 'returned', 'accepted', 'waived', 'due_moved', 'extension_asked', 'extension_granted', 'extension_refused', 'gate_ready', 'gate_due', 'backlog')),
        CONSTRAINT message_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id),
        CONSTRAINT message_phase_id_fkey FOREIGN KEY(phase_id) REFERENCES phase (id),
        CONSTRAINT message_order_check CHECK ("order" IN ('blue', 'yellow', 'red')),
        CONSTRAINT message_status_check CHECK (status IN ('pending', 'sending', 'sent', 'dead', 'dropped'))
    )
    """,
    """
    CREATE INDEX message_next_try_at_idx ON message (next_try_at) WHERE status IN ('pending', 'sending')
    """,
    """
    CREATE TABLE submission_item (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        submission_id BIGINT NOT NULL,
        assignment_id BIGINT NOT NULL,
        version BIGINT NOT NULL,
        CONSTRAINT submission_item_pkey PRIMARY KEY (id),
        CONSTRAINT submission_item_assignment_id_version_key UNIQUE (assignment_id, version),
        CONSTRAINT submission_item_submission_id_fkey FOREIGN KEY(submission_id) REFERENCES submission (id),
        CONSTRAINT submission_item_assignment_id_fkey FOREIGN KEY(assignment_id) REFERENCES assignment (id)
    )
    """,
    """
    CREATE INDEX submission_item_submission_id_idx ON submission_item (submission_id)
    """,
    """
    CREATE TABLE attempt_message (
        attempt_id BIGINT NOT NULL,
        message_id BIGINT NOT NULL,
        CONSTRAINT attempt_message_pkey PRIMARY KEY (attempt_id, message_id),
        CONSTRAINT attempt_message_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempt (id),
        CONSTRAINT attempt_message_message_id_fkey FOREIGN KEY(message_id) REFERENCES message (id)
    )
    """,
    """
    CREATE INDEX attempt_message_message_id_idx ON attempt_message (message_id)
    """,
    """
    CREATE TABLE review (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        submission_item_id BIGINT NOT NULL,
        decision VARCHAR(32) NOT NULL,
        reason TEXT NOT NULL,
        by_name TEXT NOT NULL,
        unit_id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT review_pkey PRIMARY KEY (id),
        CONSTRAINT review_submission_item_id_key UNIQUE (submission_item_id),
        CONSTRAINT review_submission_item_id_fkey FOREIGN KEY(submission_item_id) REFERENCES submission_item (id),
        CONSTRAINT review_decision_check CHECK (decision IN ('accept', 'return')),
        CONSTRAINT review_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES unit (id)
    )
    """,
    """
    CREATE FUNCTION event_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = 'the journal is append-only: ' || TG_OP || ' refused',
            ERRCODE = 'restrict_violation',
            CONSTRAINT = 'event_append_only';
    END
    $$
    """,
    """
    CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
        FOR EACH STATEMENT EXECUTE FUNCTION event_refuse_change()
    """,
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
