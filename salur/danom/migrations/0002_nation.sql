-- Who shares village, birth date and name has the same likeness: a supplement finds whom it may repeat among millions by one look-up each.
ALTER TABLE danom_entitlement ADD COLUMN likeness bigint;
CREATE INDEX danom_entitlement_likeness ON danom_entitlement (likeness);

-- A batch's lines now wait in tables of the final shapes, made for each batch (see staging.py).
DROP TABLE danom_line;

ALTER TABLE danom_quarantine
    ADD COLUMN key_version smallint NOT NULL DEFAULT 1,
    ADD COLUMN earlier_line integer,
    ADD COLUMN mended_by integer CONSTRAINT danom_quarantine_mended_by_fkey REFERENCES danom_batch (id);

-- Which quarantined line a line of a batch mends: settled when the batch is approved.
CREATE TABLE danom_mending (
    batch integer NOT NULL CONSTRAINT danom_mending_batch_fkey REFERENCES danom_batch (id),
    line integer NOT NULL,
    of_batch integer NOT NULL,
    of_line integer NOT NULL,
    CONSTRAINT danom_mending_pkey PRIMARY KEY (batch, line),
    CONSTRAINT danom_mending_quarantine_fkey FOREIGN KEY (of_batch, of_line) REFERENCES danom_quarantine (batch_id, line)
);

-- Two families that may be one person: judged once, whichever list brings them again.
CREATE TABLE danom_pair (
    batch integer NOT NULL CONSTRAINT danom_pair_batch_fkey REFERENCES danom_batch (id),
    line integer NOT NULL,
    family uuid NOT NULL,
    other uuid NOT NULL,
    CONSTRAINT danom_pair_pkey PRIMARY KEY (batch, line, other),
    CONSTRAINT danom_pair_of_two CHECK (family <> other)
);

CREATE TABLE danom_judgement (
    one uuid NOT NULL,
    other uuid NOT NULL,
    same boolean NOT NULL,
    reason text NOT NULL CONSTRAINT danom_judgement_reason_given CHECK (reason <> ''),
    judged_by text NOT NULL,
    judged_at timestamptz NOT NULL,
    CONSTRAINT danom_judgement_pkey PRIMARY KEY (one, other),
    CONSTRAINT danom_judgement_in_order CHECK (one < other)
);

-- How much a reason weighs in a programme, where that differs from rules.ERRORS.
CREATE TABLE danom_policy (
    programme integer NOT NULL CONSTRAINT danom_policy_programme_fkey REFERENCES programmes_programme (id),
    reason text NOT NULL,
    weight text NOT NULL CONSTRAINT danom_policy_weight_known CHECK (weight IN ('error', 'warning')),
    CONSTRAINT danom_policy_pkey PRIMARY KEY (programme, reason)
);

-- Why an entitlement is held or was; the last row of an entitlement that is not released is what holds it.
CREATE TABLE danom_hold (
    id uuid NOT NULL,
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    reason text NOT NULL CONSTRAINT danom_hold_reason_given CHECK (reason <> ''),
    batch integer CONSTRAINT danom_hold_batch_fkey REFERENCES danom_batch (id),
    held_by text NOT NULL,
    held_at timestamptz NOT NULL,
    released_by text,
    released_at timestamptz,
    release_reason text,
    CONSTRAINT danom_hold_pkey PRIMARY KEY (id),
    CONSTRAINT danom_hold_released_whole CHECK ((released_by IS NULL) = (released_at IS NULL) AND (released_by IS NULL) = (release_reason IS NULL))
);
-- An entitlement is held once at a time; also finds what holds it.
CREATE UNIQUE INDEX danom_hold_once ON danom_hold (stage, branch, entitlement) WHERE released_at IS NULL;

-- What a correction changed: the entitlement before, kept because the entitlement itself says only what counts now.
CREATE TABLE danom_change (
    stage integer NOT NULL,
    version integer NOT NULL,
    line integer NOT NULL,
    entitlement uuid NOT NULL,
    branch_before integer NOT NULL,
    branch_after integer NOT NULL,
    village_before bigint NOT NULL,
    village_after bigint NOT NULL,
    amount_before_rp bigint NOT NULL,
    amount_after_rp bigint NOT NULL,
    CONSTRAINT danom_change_pkey PRIMARY KEY (stage, version, line)
);
