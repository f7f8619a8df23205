-- Balances change with every batch of payments: room on the page keeps those updates within it (HOT), off the index.
CREATE TABLE ledger_account (
    stage integer NOT NULL,
    branch integer NOT NULL,
    code text NOT NULL CONSTRAINT ledger_account_code_form CHECK (code ~ '^[a-z-]+(/[0-9]+)?$'),
    debits_rp bigint NOT NULL DEFAULT 0,
    credits_rp bigint NOT NULL DEFAULT 0,
    CONSTRAINT ledger_account_pkey PRIMARY KEY (stage, branch, code)
) WITH (fillfactor = 50);

CREATE TABLE ledger_transfer (
    stage integer NOT NULL,
    branch integer NOT NULL,
    id uuid NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_rp bigint NOT NULL CONSTRAINT ledger_transfer_amount_positive CHECK (amount_rp > 0),
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT ledger_transfer_pkey PRIMARY KEY (stage, branch, id),
    CONSTRAINT ledger_transfer_two_accounts CHECK (debit <> credit)
) PARTITION BY LIST (stage);
