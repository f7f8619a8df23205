-- id is the keyed hash of the NIK (registry/rules.py): identity and search share one index. Numbers are sealed, never in clear.
CREATE TABLE registry_family (
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
    CONSTRAINT registry_family_pkey PRIMARY KEY (id, branch)
);
