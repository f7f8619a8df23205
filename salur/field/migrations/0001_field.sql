-- What phones said, as they said it. Never changed; a later answer to an event is a row of field_answer.
CREATE TABLE field_event (
    stage integer NOT NULL,
    branch integer NOT NULL,
    device uuid NOT NULL,
    seq bigint NOT NULL CONSTRAINT field_event_seq_positive CHECK (seq > 0),
    id uuid NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    signature bytea NOT NULL CONSTRAINT field_event_signature_length CHECK (length(signature) = 64),
    digest bytea NOT NULL CONSTRAINT field_event_digest_length CHECK (length(digest) = 32),
    received_at timestamptz NOT NULL,
    happened_at timestamptz NOT NULL,
    answer text NOT NULL,
    flags text[] NOT NULL DEFAULT '{}',
    CONSTRAINT field_event_pkey PRIMARY KEY (stage, branch, device, seq)
) PARTITION BY LIST (stage);

-- What became of an event that was kept waiting (a gap was filled, a case was decided); the newest row counts.
CREATE TABLE field_answer (
    stage integer NOT NULL,
    branch integer NOT NULL,
    device uuid NOT NULL,
    seq bigint NOT NULL,
    number smallint NOT NULL,
    answer text NOT NULL,
    answered_at timestamptz NOT NULL,
    CONSTRAINT field_answer_pkey PRIMARY KEY (stage, branch, device, seq, number),
    CONSTRAINT field_answer_event_fkey FOREIGN KEY (stage, branch, device, seq) REFERENCES field_event (stage, branch, device, seq)
) PARTITION BY LIST (stage);

-- Which family is on which work list. A family is on at most one live list: that keeps two officers apart, not the phones.
CREATE TABLE field_assignment (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    lease uuid NOT NULL,
    position integer NOT NULL,
    live boolean NOT NULL DEFAULT true,
    CONSTRAINT field_assignment_pkey PRIMARY KEY (stage, branch, entitlement, lease),
    CONSTRAINT field_assignment_entitlement_fkey FOREIGN KEY (stage, branch, entitlement) REFERENCES danom_entitlement (stage, branch, id)
) PARTITION BY LIST (stage);
CREATE UNIQUE INDEX field_assignment_one_live_lease ON field_assignment (stage, branch, entitlement) WHERE live;
-- The work list of a lease, in its order.
CREATE INDEX field_assignment_of_lease ON field_assignment (lease, position);

-- A phone may speak before it has its first work list: its shift, its cash. Such events belong to no stage.
CREATE TABLE field_event_s0 PARTITION OF field_event FOR VALUES IN (0);
CREATE TABLE field_answer_s0 PARTITION OF field_answer FOR VALUES IN (0);
