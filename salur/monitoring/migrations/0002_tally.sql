-- How far each branch is, day by day: what the boards of the nation, the regions and the branches add up, a thousandth of what the folders
-- below count by village. What moved since the last tidying stands in monitoring_change and is added to it (queries.sql: tidy).
-- day and recorded_day are '-infinity' for the list, which belongs to no day.
CREATE TABLE monitoring_tally (
    stage integer NOT NULL,
    branch integer NOT NULL,
    version integer NOT NULL,
    day date NOT NULL,
    recorded_day date NOT NULL,
    lines bigint NOT NULL,
    amount_rp bigint NOT NULL,
    paid bigint NOT NULL,
    paid_rp bigint NOT NULL,
    failed bigint NOT NULL,
    geotagged bigint NOT NULL,
    CONSTRAINT monitoring_tally_pkey PRIMARY KEY (stage, branch, version, day, recorded_day)
);

-- Only ever appended to by those who post, so that two who post for one branch never wait for each other here. No key: nobody looks one up.
CREATE TABLE monitoring_change (LIKE monitoring_tally);
-- Few rows and many of them dead: looked after early.
ALTER TABLE monitoring_change SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_threshold = 100000);
ALTER TABLE monitoring_tally SET (fillfactor = 70);

INSERT INTO monitoring_tally
SELECT stage, branch, version, day, recorded_day, sum(lines), sum(amount_rp), sum(paid), sum(paid_rp), sum(failed), sum(geotagged)
FROM (
    SELECT stage, branch, version, '-infinity'::date AS day, '-infinity'::date AS recorded_day, lines, amount_rp,
        0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS geotagged
    FROM danom_tally
    UNION ALL SELECT stage, branch, version, day, recorded_day, 0, 0, paid, paid_rp, failed, 0 FROM payments_tally
    UNION ALL SELECT stage, branch, version, day, recorded_day, 0, 0, 0, 0, 0, geotagged FROM evidence_tally
) AS part
GROUP BY stage, branch, version, day, recorded_day;

-- The folders below cannot call monitoring, so their tallies do, once a statement and in its transaction: a board shows what is committed.
CREATE FUNCTION monitoring_note_danom() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, '-infinity', '-infinity', sum(lines), sum(amount_rp), 0, 0, 0, 0 FROM after GROUP BY stage, branch, version;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, '-infinity', '-infinity', -sum(lines), -sum(amount_rp), 0, 0, 0, 0 FROM before GROUP BY stage, branch, version;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION monitoring_note_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, sum(paid), sum(paid_rp), sum(failed), 0
        FROM after GROUP BY stage, branch, version, day, recorded_day;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, -sum(paid), -sum(paid_rp), -sum(failed), 0
        FROM before GROUP BY stage, branch, version, day, recorded_day;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION monitoring_note_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, 0, 0, 0, sum(geotagged) FROM after GROUP BY stage, branch, version, day, recorded_day;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO monitoring_change
        SELECT stage, branch, version, day, recorded_day, 0, 0, 0, 0, 0, -sum(geotagged) FROM before GROUP BY stage, branch, version, day, recorded_day;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER monitoring_inserted AFTER INSERT ON danom_tally REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_danom();
CREATE TRIGGER monitoring_updated AFTER UPDATE ON danom_tally REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_danom();
CREATE TRIGGER monitoring_deleted AFTER DELETE ON danom_tally REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_danom();
CREATE TRIGGER monitoring_inserted AFTER INSERT ON payments_tally REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_payments();
CREATE TRIGGER monitoring_updated AFTER UPDATE ON payments_tally REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_payments();
CREATE TRIGGER monitoring_deleted AFTER DELETE ON payments_tally REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_payments();
CREATE TRIGGER monitoring_inserted AFTER INSERT ON evidence_tally REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_evidence();
CREATE TRIGGER monitoring_updated AFTER UPDATE ON evidence_tally REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_evidence();
CREATE TRIGGER monitoring_deleted AFTER DELETE ON evidence_tally REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION monitoring_note_evidence();
