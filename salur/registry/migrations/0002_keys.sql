-- The versions of the key that seals numbers, from 2 on: random, and sealed itself with a key that comes from the secret file, so that a
-- dump without that file opens nothing. Version 1 comes from the secret file alone and needs no row.
CREATE TABLE registry_key (
    version smallint NOT NULL,
    key_sealed bytea NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT registry_key_pkey PRIMARY KEY (version),
    CONSTRAINT registry_key_after_the_first CHECK (version > 1)
);
