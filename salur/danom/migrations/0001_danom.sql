CREATE TABLE danom_entitlement (
    stage integer NOT NULL,
    branch integer NOT NULL,
    id uuid NOT NULL,
    family uuid NOT NULL,
    village bigint NOT NULL,
    amount_rp bigint NOT NULL CONSTRAINT danom_entitlement_amount_positive CHECK (amount_rp > 0),
    version integer NOT NULL,
    line integer NOT NULL,
    number text,
    held boolean NOT NULL DEFAULT false,
    CONSTRAINT danom_entitlement_pkey PRIMARY KEY (stage, branch, id),
    -- A family is on a stage's list once; led by the family, so that it also finds a family's entitlements.
    CONSTRAINT danom_entitlement_family_once UNIQUE (stage, family, branch)
) PARTITION BY LIST (stage);

-- A village's list: the danom sheet, the work list of an officer.
CREATE INDEX danom_entitlement_village ON danom_entitlement (branch, village);

CREATE TABLE danom_tally (
    stage integer NOT NULL,
    branch integer NOT NULL,
    village bigint NOT NULL,
    version integer NOT NULL,
    lines integer NOT NULL,
    amount_rp bigint NOT NULL,
    CONSTRAINT danom_tally_pkey PRIMARY KEY (stage, branch, village, version)
) PARTITION BY LIST (stage);

-- The shape of a batch's lines while they wait for approval; each batch has a table of its own (danom_line_<batch>), not logged:
-- a list that waits can be imported again, and is invisible to payments until it is approved.
CREATE TABLE danom_line (
    line integer NOT NULL,
    branch integer NOT NULL,
    id uuid NOT NULL,
    family uuid NOT NULL,
    village bigint NOT NULL,
    amount_rp bigint NOT NULL,
    number text,
    nik_sealed bytea NOT NULL,
    kk_sealed bytea,
    kk_key uuid,
    name text NOT NULL,
    birth_date date,
    sex char(1),
    address text NOT NULL,
    rt text NOT NULL,
    rw text NOT NULL
);
