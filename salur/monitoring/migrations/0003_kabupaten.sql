-- The tally of the boards knows the kabupaten too, so that the map of the nation adds up some thousand rows and not a million of villages.
LOCK TABLE danom_tally, payments_tally, evidence_tally IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM monitoring_change;
DELETE FROM monitoring_tally;
ALTER TABLE monitoring_change ADD COLUMN kabupaten integer NOT NULL;
ALTER TABLE monitoring_tally ADD COLUMN kabupaten integer NOT NULL, DROP CONSTRAINT monitoring_tally_pkey,
    ADD CONSTRAINT monitoring_tally_pkey PRIMARY KEY (stage, branch, kabupaten, version, day, recorded_day);

INSERT INTO monitoring_tally
SELECT stage, branch, version, day, recorded_day, sum(lines), sum(amount_rp), sum(paid), sum(paid_rp), sum(failed), sum(geotagged), kabupaten
FROM (
    SELECT stage, branch, village / 1000000 AS kabupaten, version, '-infinity'::date AS day, '-infinity'::date AS recorded_day, lines, amount_rp,
        0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS geotagged
    FROM danom_tally
    UNION ALL SELECT stage, branch, village / 1000000, version, day, recorded_day, 0, 0, paid, paid_rp, failed, 0 FROM payments_tally
    UNION ALL SELECT stage, branch, village / 1000000, version, day, recorded_day, 0, 0, 0, 0, 0, geotagged FROM evidence_tally
) AS part
GROUP BY stage, branch, kabupaten, version, day, recorded_day;

CREATE OR REPLACE FUNCTION monitoring_note_danom() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, '-infinity', '-infinity', sum(lines), sum(amount_rp), 0, 0, 0, 0, village / 1000000
        FROM after GROUP BY stage, branch, village / 1000000, version;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, '-infinity', '-infinity', -sum(lines), -sum(amount_rp), 0, 0, 0, 0, village / 1000000
        FROM before GROUP BY stage, branch, village / 1000000, version;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION monitoring_note_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, sum(paid), sum(paid_rp), sum(failed), 0, village / 1000000
        FROM after GROUP BY stage, branch, village / 1000000, version, day, recorded_day;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, -sum(paid), -sum(paid_rp), -sum(failed), 0, village / 1000000
        FROM before GROUP BY stage, branch, village / 1000000, version, day, recorded_day;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION monitoring_note_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, 0, 0, 0, sum(geotagged), village / 1000000
        FROM after GROUP BY stage, branch, village / 1000000, version, day, recorded_day;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, 0, 0, 0, -sum(geotagged), village / 1000000
        FROM before GROUP BY stage, branch, village / 1000000, version, day, recorded_day;
    END IF;
    RETURN NULL;
END $$;
