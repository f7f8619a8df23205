-- round is the number of voids before this payment: so the key itself is the gate against paying twice, and no payment is ever updated.
CREATE TABLE payments_payment (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    round smallint NOT NULL CONSTRAINT payments_payment_round_not_negative CHECK (round >= 0),
    id uuid NOT NULL,
    officer integer NOT NULL,
    channel smallint NOT NULL CONSTRAINT payments_payment_channel_known CHECK (channel BETWEEN 1 AND 3),
    amount_rp bigint NOT NULL CONSTRAINT payments_payment_amount_positive CHECK (amount_rp > 0),
    paid_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT payments_payment_pkey PRIMARY KEY (stage, branch, entitlement, round),
    CONSTRAINT payments_payment_not_in_future CHECK (paid_at <= recorded_at),
    -- Stops a family from being moved to another branch while it is being paid.
    CONSTRAINT payments_payment_entitlement_fkey FOREIGN KEY (stage, branch, entitlement) REFERENCES danom_entitlement (stage, branch, id)
) PARTITION BY LIST (stage);

-- Figures as of a past moment read one day's rows: they lie together, so a few numbers per block are index enough.
CREATE INDEX payments_payment_recorded_at ON payments_payment USING brin (recorded_at) WITH (pages_per_range = 16);

CREATE TABLE payments_void (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    round smallint NOT NULL,
    id uuid NOT NULL,
    reason text NOT NULL CONSTRAINT payments_void_reason_given CHECK (reason <> ''),
    voided_by text NOT NULL,
    approved_by text NOT NULL,
    voided_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT payments_void_pkey PRIMARY KEY (stage, branch, entitlement, round),
    CONSTRAINT payments_void_second_person CHECK (voided_by <> approved_by),
    CONSTRAINT payments_void_payment_fkey FOREIGN KEY (stage, branch, entitlement, round)
        REFERENCES payments_payment (stage, branch, entitlement, round)
) PARTITION BY LIST (stage);

CREATE TABLE payments_failure (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    id uuid NOT NULL,
    officer integer NOT NULL,
    reason text NOT NULL CONSTRAINT payments_failure_reason_known CHECK (reason IN (
        'not_home', 'ill', 'away', 'not_collected', 'data_differs', 'dead', 'moved', 'unknown', 'duplicate', 'not_entitled', 'refused')),
    visited_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT payments_failure_pkey PRIMARY KEY (stage, branch, entitlement, id),
    CONSTRAINT payments_failure_not_in_future CHECK (visited_at <= recorded_at),
    CONSTRAINT payments_failure_entitlement_fkey FOREIGN KEY (stage, branch, entitlement) REFERENCES danom_entitlement (stage, branch, id)
) PARTITION BY LIST (stage);

-- Dated changes, not running totals: paid and failed of a day may be negative (a void, or a failed family that was paid after all).
-- day is when it happened, recorded_day when it became known here; both are local days of the branch.
CREATE TABLE payments_tally (
    stage integer NOT NULL,
    branch integer NOT NULL,
    village bigint NOT NULL,
    version integer NOT NULL,
    day date NOT NULL,
    recorded_day date NOT NULL,
    paid integer NOT NULL DEFAULT 0,
    paid_rp bigint NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    CONSTRAINT payments_tally_pkey PRIMARY KEY (stage, branch, village, version, day, recorded_day)
) PARTITION BY LIST (stage);
