
CREATE TEMP TABLE summed ON COMMIT DROP AS
SELECT stage, branch, version, day, recorded_day, sum(lines) AS lines, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp,
    sum(failed) AS failed, sum(geotagged) AS geotagged
FROM (SELECT * FROM monitoring_tally UNION ALL SELECT * FROM monitoring_change) AS t GROUP BY stage, branch, version, day, recorded_day;
DELETE FROM monitoring_change;
DELETE FROM monitoring_tally;
ALTER TABLE monitoring_change DROP COLUMN kabupaten;
ALTER TABLE monitoring_tally DROP COLUMN kabupaten;
ALTER TABLE monitoring_tally ADD CONSTRAINT monitoring_tally_pkey PRIMARY KEY (stage, branch, version, day, recorded_day);
INSERT INTO monitoring_tally SELECT * FROM summed;
