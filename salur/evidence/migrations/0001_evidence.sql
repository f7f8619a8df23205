CREATE TABLE evidence_geotag (
    stage integer NOT NULL,
    branch integer NOT NULL,
    entitlement uuid NOT NULL,
    revision smallint NOT NULL CONSTRAINT evidence_geotag_revision_not_negative CHECK (revision >= 0),
    id uuid NOT NULL,
    officer integer NOT NULL,
    lat_e7 integer NOT NULL CONSTRAINT evidence_geotag_lat_on_earth CHECK (lat_e7 BETWEEN -900000000 AND 900000000),
    lon_e7 integer NOT NULL CONSTRAINT evidence_geotag_lon_on_earth CHECK (lon_e7 BETWEEN -1800000000 AND 1800000000),
    accuracy_dm integer CONSTRAINT evidence_geotag_accuracy_not_negative CHECK (accuracy_dm >= 0),
    taken_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    photo_sha256 bytea CONSTRAINT evidence_geotag_photo_is_sha256 CHECK (length(photo_sha256) = 32),
    CONSTRAINT evidence_geotag_pkey PRIMARY KEY (stage, branch, entitlement, revision),
    CONSTRAINT evidence_geotag_not_in_future CHECK (taken_at <= recorded_at),
    CONSTRAINT evidence_geotag_entitlement_fkey FOREIGN KEY (stage, branch, entitlement) REFERENCES danom_entitlement (stage, branch, id)
) PARTITION BY LIST (stage);

-- Figures as of a past moment read one day's rows: they lie together, so a few numbers per block are index enough.
CREATE INDEX evidence_geotag_recorded_at ON evidence_geotag USING brin (recorded_at) WITH (pages_per_range = 16);

-- Dated changes by village, as payments_tally.
CREATE TABLE evidence_tally (
    stage integer NOT NULL,
    branch integer NOT NULL,
    village bigint NOT NULL,
    version integer NOT NULL,
    day date NOT NULL,
    recorded_day date NOT NULL,
    geotagged integer NOT NULL DEFAULT 0,
    CONSTRAINT evidence_tally_pkey PRIMARY KEY (stage, branch, village, version, day, recorded_day)
) PARTITION BY LIST (stage);
