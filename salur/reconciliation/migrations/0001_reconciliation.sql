CREATE TABLE reconciliation_ending (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    number smallint NOT NULL CONSTRAINT reconciliation_ending_number_from_one CHECK (number >= 1),
    ending text NOT NULL CONSTRAINT reconciliation_ending_known CHECK (ending IN ('paid', 'disputed', 'held', 'returned')),
    reason text NOT NULL,
    amount_rp bigint NOT NULL CONSTRAINT reconciliation_ending_amount_positive CHECK (amount_rp > 0),
    closing uuid NOT NULL,
    CONSTRAINT reconciliation_ending_pkey PRIMARY KEY (stage, branch, entitlement, number),
    -- Whose money is accounted for at a branch does not move to another one.
    CONSTRAINT reconciliation_ending_entitlement_fkey FOREIGN KEY (stage, branch, entitlement) REFERENCES danom_entitlement (stage, branch, id)
) PARTITION BY LIST (stage);

CREATE TABLE reconciliation_line (
    stage integer NOT NULL,
    branch integer NOT NULL,
    village bigint NOT NULL,
    number integer NOT NULL,
    closing uuid NOT NULL,
    allocated integer NOT NULL,
    allocated_rp bigint NOT NULL,
    paid integer NOT NULL,
    paid_rp bigint NOT NULL,
    final_failed integer NOT NULL,
    returned integer NOT NULL,
    returned_rp bigint NOT NULL,
    held integer NOT NULL,
    held_rp bigint NOT NULL,
    disputed integer NOT NULL,
    disputed_rp bigint NOT NULL,
    CONSTRAINT reconciliation_line_pkey PRIMARY KEY (stage, branch, village, number),
    -- Each entitlement ended in exactly one way.
    CONSTRAINT reconciliation_line_families_add_up CHECK (allocated = paid + returned + held + disputed),
    CONSTRAINT reconciliation_line_money_adds_up CHECK (allocated_rp = paid_rp + returned_rp + held_rp + disputed_rp),
    CONSTRAINT reconciliation_line_final_are_returned CHECK (final_failed <= returned)
) PARTITION BY LIST (stage);

CREATE TABLE reconciliation_task (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    number smallint NOT NULL,
    chance text NOT NULL CONSTRAINT reconciliation_task_chance_known CHECK (chance IN ('door', 'office', 'confirm')),
    officer integer,
    due date NOT NULL,
    given_by text NOT NULL CONSTRAINT reconciliation_task_says_who CHECK (given_by <> ''),
    given_at timestamptz NOT NULL,
    CONSTRAINT reconciliation_task_pkey PRIMARY KEY (stage, branch, entitlement, number)
) PARTITION BY LIST (stage);

CREATE TABLE reconciliation_confirmation (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    number smallint NOT NULL,
    reason text NOT NULL CONSTRAINT reconciliation_confirmation_reason_known CHECK (reason IN
        ('dead', 'moved', 'unknown', 'duplicate', 'not_entitled', 'refused', 'lives_here')),
    said_by text NOT NULL CONSTRAINT reconciliation_confirmation_says_who CHECK (said_by <> ''),
    office text NOT NULL CONSTRAINT reconciliation_confirmation_office_known CHECK (office IN ('tksk', 'village', 'companion')),
    document_sha256 bytea CONSTRAINT reconciliation_confirmation_document_is_sha256 CHECK (length(document_sha256) = 32),
    noted_by text NOT NULL CONSTRAINT reconciliation_confirmation_noted_by CHECK (noted_by <> ''),
    noted_at timestamptz NOT NULL,
    CONSTRAINT reconciliation_confirmation_pkey PRIMARY KEY (stage, branch, entitlement, number)
) PARTITION BY LIST (stage);

-- Stages that are open already get their partitions; later ones get theirs when they are opened.
DO $$
DECLARE
    known record;
    hot text;
BEGIN
    FOR known IN SELECT id FROM programmes_stage WHERE to_regclass('payments_payment_s' || id) IS NOT NULL LOOP
        FOREACH hot IN ARRAY ARRAY['reconciliation_ending', 'reconciliation_line', 'reconciliation_task', 'reconciliation_confirmation'] LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s)', hot || '_s' || known.id, hot, known.id);
        END LOOP;
    END LOOP;
END $$;
