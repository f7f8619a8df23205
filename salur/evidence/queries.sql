-- name: prepare_posting
-- A stage just opened has no statistics; the planner may not turn look-ups into scans (see payments/queries.sql: prepare_posting).
SELECT set_config('enable_seqscan', 'off', true) AS seqscan, set_config('enable_bitmapscan', 'off', true) AS bitmapscan,
    set_config('plan_cache_mode', 'force_generic_plan', true) AS plan

-- name: record_geotags
-- Judge and write a batch of one branch's geotags, in the order of rules.Outcome; the first of a family counts in the tally.
WITH local AS (SELECT timezone AS zone FROM offices_office WHERE id = %(branch)s),
batch AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(entitlements)s::uuid[], %(officers)s::integer[], %(lats_e7)s::integer[], %(lons_e7)s::integer[],
        %(accuracies_dm)s::integer[], %(taken_at)s::timestamptz[], %(photos_sha256)s::bytea[]
    ) WITH ORDINALITY AS b(id, entitlement, officer, lat_e7, lon_e7, accuracy_dm, taken_at, photo_sha256, position)
),
judged AS MATERIALIZED (
    SELECT b.*, e.village, e.version, coalesce(g.revision + 1, 0)::smallint AS revision,
        CASE
            WHEN same.id IS NOT NULL
                THEN CASE WHEN (same.officer, same.lat_e7, same.lon_e7, same.taken_at) = (b.officer, b.lat_e7, b.lon_e7, b.taken_at)
                    AND same.photo_sha256 IS NOT DISTINCT FROM b.photo_sha256 THEN 'exists' ELSE 'exists_with_different_facts' END
            WHEN e.id IS NULL THEN 'unknown_entitlement'
            WHEN b.taken_at > %(at)s THEN 'taken_in_future'
            ELSE 'recordable'
        END AS outcome
    FROM batch AS b
    LEFT JOIN LATERAL (
        SELECT e.id, e.village, e.version FROM danom_entitlement AS e
        WHERE e.stage = %(stage)s AND e.branch = %(branch)s AND e.id = b.entitlement OFFSET 0
    ) AS e ON true
    LEFT JOIN LATERAL (
        SELECT g.revision FROM evidence_geotag AS g
        WHERE g.stage = %(stage)s AND g.branch = %(branch)s AND g.entitlement = b.entitlement ORDER BY g.revision DESC LIMIT 1
    ) AS g ON true
    LEFT JOIN LATERAL (
        SELECT s.* FROM evidence_geotag AS s
        WHERE s.stage = %(stage)s AND s.branch = %(branch)s AND s.entitlement = b.entitlement AND s.id = b.id LIMIT 1
    ) AS same ON true
),
recordable AS (
    SELECT DISTINCT ON (entitlement) * FROM judged WHERE outcome = 'recordable' ORDER BY entitlement, position
),
created AS (
    INSERT INTO evidence_geotag
        (stage, branch, entitlement, revision, id, officer, lat_e7, lon_e7, accuracy_dm, taken_at, recorded_at, photo_sha256)
    SELECT %(stage)s, %(branch)s, entitlement, revision, id, officer, lat_e7, lon_e7, accuracy_dm, taken_at, %(at)s, photo_sha256
    FROM recordable
    ON CONFLICT (stage, branch, entitlement, revision) DO NOTHING
    RETURNING entitlement, revision
),
written AS MATERIALIZED (SELECT recordable.* FROM recordable JOIN created USING (entitlement, revision)),
tallied AS (
    INSERT INTO evidence_tally (stage, branch, village, version, day, recorded_day, geotagged)
    SELECT %(stage)s, %(branch)s, village, version, (taken_at AT TIME ZONE local.zone)::date AS day, (%(at)s AT TIME ZONE local.zone)::date,
        count(*)
    FROM written, local
    WHERE revision = 0
    GROUP BY village, version, day, zone
    ORDER BY village, version, day
    ON CONFLICT (stage, branch, village, version, day, recorded_day) DO UPDATE
    SET geotagged = evidence_tally.geotagged + excluded.geotagged
)
SELECT CASE
        WHEN written.position IS NOT NULL THEN 'created'
        WHEN judged.outcome = 'recordable' THEN 'again'
        ELSE judged.outcome
    END AS outcome
FROM judged
LEFT JOIN written USING (position)
ORDER BY judged.position

-- name: recount_tally
-- Villages whose kept tally differs from a recount of first geotags.
WITH recounted AS (
    SELECT e.branch, e.village, e.version, (g.taken_at AT TIME ZONE o.timezone)::date AS day,
        (g.recorded_at AT TIME ZONE o.timezone)::date AS recorded_day, count(*) AS geotagged
    FROM evidence_geotag AS g
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (g.stage, g.branch, g.entitlement)
    JOIN offices_office AS o ON o.id = g.branch
    WHERE g.stage = %(stage)s AND g.revision = 0
    GROUP BY 1, 2, 3, 4, 5
),
kept AS (SELECT branch, village, version, day, recorded_day, geotagged FROM evidence_tally WHERE stage = %(stage)s)
SELECT coalesce(k.branch, r.branch) AS branch, coalesce(k.village, r.village) AS village, coalesce(k.version, r.version) AS version,
    coalesce(k.day, r.day) AS day, coalesce(k.recorded_day, r.recorded_day) AS recorded_day,
    coalesce(k.geotagged, 0)::integer AS geotagged, coalesce(r.geotagged, 0)::integer AS recounted_geotagged
FROM kept AS k
FULL JOIN recounted AS r USING (branch, village, version, day, recorded_day)
