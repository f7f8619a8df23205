-- A family as one stage's list names it: cut by stage like the entitlements, so that a new list's families are loaded beside the living
-- ones, with their keys built in one go (a million in 3 s instead of 11), and an old stage's names can go with it.
ALTER TABLE registry_family RENAME TO registry_family_before;
ALTER TABLE registry_family_before RENAME CONSTRAINT registry_family_pkey TO registry_family_before_pkey;
DROP INDEX registry_family_name;
CREATE TABLE registry_family (
    stage integer NOT NULL,
    branch integer NOT NULL,
    id uuid NOT NULL,
    nik_sealed bytea NOT NULL,
    kk_sealed bytea,
    kk_key uuid,
    key_version smallint NOT NULL,
    name text NOT NULL CONSTRAINT registry_family_name_given CHECK (name <> ''),
    birth_date date,
    sex char(1) CONSTRAINT registry_family_sex_known CHECK (sex IN ('L', 'P')),
    address text NOT NULL DEFAULT '',
    rt text NOT NULL DEFAULT '',
    rw text NOT NULL DEFAULT '',
    CONSTRAINT registry_family_pkey PRIMARY KEY (id, branch, stage)
) PARTITION BY LIST (stage);
CREATE INDEX registry_family_name ON registry_family (branch, name) INCLUDE (id) WHERE octet_length(name) < 1000;
