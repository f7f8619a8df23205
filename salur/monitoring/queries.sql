-- name: list_in_force
-- The version of the list that counts at a moment, and whether the system knew the stage by then.
-- A moment before the first approval is history loaded later: then what was paid by then tells how much of the list was in force.
WITH approved AS (
    SELECT version, approved_at FROM danom_batch WHERE stage = %(stage)s AND approved_at IS NOT NULL
),
known AS (
    SELECT coalesce(%(as_of)s::timestamptz >= min(approved_at), true) AS known FROM approved
)
SELECT known.known,
    CASE
        WHEN %(as_of)s::timestamptz IS NULL THEN (SELECT max(version) FROM approved)
        WHEN known.known THEN (SELECT max(version) FROM approved WHERE approved_at <= %(as_of)s::timestamptz)
        ELSE greatest(
            (SELECT min(version) FROM approved),
            (
                SELECT max(t.version)
                FROM payments_tally AS t JOIN offices_office AS o ON o.id = t.branch
                WHERE t.stage = %(stage)s AND t.day <= (%(as_of)s::timestamptz AT TIME ZONE o.timezone)::date
            )
        )
    END AS version
FROM known

-- name: branch_days
-- Part of a statement about a past moment: the chosen branches with the day that the moment cuts, by the branch's own zone.
branch AS (
    SELECT o.id,
        ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date AS day_limit,
        ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date::timestamp AT TIME ZONE o.timezone AS day_starts
    FROM offices_office AS o
    WHERE o.id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
)

-- name: cut_day
-- Part of a statement about a past moment: what the day that it cuts brought up to it, by branch and village, counted from that day's facts.
-- Facts between the local midnight and the moment.
cut AS (
    SELECT p.stage, p.branch, p.entitlement, 1 AS paid, p.amount_rp AS paid_rp
    FROM payments_payment AS p JOIN branch AS b ON b.id = p.branch
    WHERE p.stage = %(stage)s AND %(as_of)s::timestamptz IS NOT NULL AND (
        (%(known)s AND p.recorded_at >= b.day_starts AND p.recorded_at <= %(as_of)s::timestamptz)
        OR (NOT %(known)s AND p.paid_at >= b.day_starts AND p.paid_at <= %(as_of)s::timestamptz)
    )
    UNION ALL
    SELECT v.stage, v.branch, v.entitlement, -1, -p.amount_rp
    FROM payments_void AS v
    JOIN payments_payment AS p USING (stage, branch, entitlement, round)
    JOIN branch AS b ON b.id = v.branch
    WHERE v.stage = %(stage)s AND %(as_of)s::timestamptz IS NOT NULL AND (
        (%(known)s AND v.recorded_at >= b.day_starts AND v.recorded_at <= %(as_of)s::timestamptz)
        OR (NOT %(known)s AND v.voided_at >= b.day_starts AND v.voided_at <= %(as_of)s::timestamptz)
    )
    UNION ALL
    SELECT f.stage, f.branch, f.entitlement, 0, 0
    FROM payments_failure AS f JOIN branch AS b ON b.id = f.branch
    WHERE f.stage = %(stage)s AND %(as_of)s::timestamptz IS NOT NULL AND (
        (%(known)s AND f.recorded_at >= b.day_starts AND f.recorded_at <= %(as_of)s::timestamptz)
        OR (NOT %(known)s AND f.visited_at >= b.day_starts AND f.visited_at <= %(as_of)s::timestamptz)
    )
),
-- Failed is a state, not a sum: for the families touched in the cut part, failed at the moment minus failed at its midnight.
cut_families AS (
    SELECT e.branch, e.village, c.paid, c.paid_rp, at_moment.failed::integer - at_midnight.failed::integer AS failed
    FROM (SELECT stage, branch, entitlement, sum(paid) AS paid, sum(paid_rp) AS paid_rp FROM cut GROUP BY 1, 2, 3) AS c
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (c.stage, c.branch, c.entitlement) AND e.version <= %(version)s
    JOIN branch AS b ON b.id = c.branch
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM payments_failure AS f
            WHERE (f.stage, f.branch, f.entitlement) = (c.stage, c.branch, c.entitlement)
                AND CASE WHEN %(known)s THEN f.recorded_at ELSE f.visited_at END <= %(as_of)s::timestamptz
        ) AND NOT EXISTS (
            SELECT FROM payments_payment AS p
            WHERE (p.stage, p.branch, p.entitlement) = (c.stage, c.branch, c.entitlement)
                AND CASE WHEN %(known)s THEN p.recorded_at ELSE p.paid_at END <= %(as_of)s::timestamptz
                AND NOT EXISTS (
                    SELECT FROM payments_void AS v
                    WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
                        AND CASE WHEN %(known)s THEN v.recorded_at ELSE v.voided_at END <= %(as_of)s::timestamptz
                )
        ) AS failed
    ) AS at_moment
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM payments_failure AS f
            WHERE (f.stage, f.branch, f.entitlement) = (c.stage, c.branch, c.entitlement)
                AND CASE WHEN %(known)s THEN f.recorded_at ELSE f.visited_at END < b.day_starts
        ) AND NOT EXISTS (
            SELECT FROM payments_payment AS p
            WHERE (p.stage, p.branch, p.entitlement) = (c.stage, c.branch, c.entitlement)
                AND CASE WHEN %(known)s THEN p.recorded_at ELSE p.paid_at END < b.day_starts
                AND NOT EXISTS (
                    SELECT FROM payments_void AS v
                    WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
                        AND CASE WHEN %(known)s THEN v.recorded_at ELSE v.voided_at END < b.day_starts
                )
        ) AS failed
    ) AS at_midnight
),
geotag_cut AS (
    SELECT e.branch, e.village, count(*) AS geotagged
    FROM evidence_geotag AS g
    JOIN branch AS b ON b.id = g.branch
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (g.stage, g.branch, g.entitlement) AND e.version <= %(version)s
    WHERE g.stage = %(stage)s AND g.revision = 0 AND %(as_of)s::timestamptz IS NOT NULL AND (
        (%(known)s AND g.recorded_at >= b.day_starts AND g.recorded_at <= %(as_of)s::timestamptz)
        OR (NOT %(known)s AND g.taken_at >= b.day_starts AND g.taken_at <= %(as_of)s::timestamptz)
    )
    GROUP BY e.branch, e.village
),
cut_day AS (
    SELECT branch, village, sum(paid)::bigint AS paid, sum(paid_rp)::bigint AS paid_rp, sum(failed)::bigint AS failed,
        sum(geotagged)::bigint AS geotagged
    FROM (
        SELECT branch, village, paid, paid_rp, failed, 0 AS geotagged FROM cut_families
        UNION ALL SELECT branch, village, 0, 0, 0, geotagged FROM geotag_cut
    ) AS part
    GROUP BY branch, village
)

-- name: by_office
-- Part of a statement: figures of branches (``sums``) by nation, region or branch, with what their phones say they have not sent yet.
up AS (
    SELECT s.branch, o.id AS ancestor, o.parent_id, o.kind FROM sums AS s JOIN offices_office AS o ON o.id = s.branch
    UNION ALL
    SELECT up.branch, o.id, o.parent_id, o.kind FROM up JOIN offices_office AS o ON o.id = up.parent_id WHERE up.kind <> 'REGION'
),
region AS (SELECT branch, ancestor AS region FROM up WHERE kind = 'REGION'),
phones AS (
    SELECT branch_id AS branch, sum(unsent) AS unsent FROM field_device
    WHERE revoked_at IS NULL AND (last_stage_id = %(stage)s OR last_stage_id IS NULL) AND unsent > 0
    GROUP BY branch_id
),
grouped AS (
    SELECT CASE %(by)s::text WHEN 'nation' THEN 0 WHEN 'region' THEN r.region WHEN 'branch' THEN s.branch END AS key,
        sum(s.allocated) AS allocated, sum(s.amount_rp) AS amount_rp, sum(s.paid) AS paid, sum(s.paid_rp) AS paid_rp,
        sum(s.failed) AS failed, sum(s.paid_today) AS paid_today, sum(s.geotagged) AS geotagged, sum(p.unsent) AS unsent
    FROM sums AS s LEFT JOIN region AS r ON r.branch = s.branch LEFT JOIN phones AS p ON p.branch = s.branch
    GROUP BY 1
)
SELECT g.key, coalesce(o.code, '') AS code, coalesce(o.name, '') AS name,
    g.allocated::bigint, g.amount_rp::bigint, g.paid::bigint, g.paid_rp::bigint AS amount_paid_rp, g.failed::bigint,
    (g.allocated - g.paid - g.failed)::bigint AS open, coalesce(g.paid_today, 0)::bigint AS paid_today, g.geotagged::bigint,
    coalesce(g.unsent, 0)::bigint AS unsent
FROM grouped AS g
LEFT JOIN offices_office AS o ON %(by)s::text IN ('region', 'branch') AND o.id = g.key
ORDER BY code

-- name: by_area
-- Part of a statement: figures of villages (``sums``) by kabupaten, kecamatan or village. What phones have not sent belongs to no village yet.
grouped AS (
    SELECT CASE %(by)s::text WHEN 'kabupaten' THEN s.village / 1000000 WHEN 'kecamatan' THEN s.village / 10000 WHEN 'village' THEN s.village END AS key,
        sum(s.allocated) AS allocated, sum(s.amount_rp) AS amount_rp, sum(s.paid) AS paid, sum(s.paid_rp) AS paid_rp,
        sum(s.failed) AS failed, sum(s.paid_today) AS paid_today, sum(s.geotagged) AS geotagged
    FROM sums AS s
    WHERE s.village BETWEEN %(first_village)s AND %(last_village)s
    GROUP BY 1
)
SELECT g.key, coalesce(a.code, g.key)::text AS code, coalesce(a.name, '') AS name,
    g.allocated::bigint, g.amount_rp::bigint, g.paid::bigint, g.paid_rp::bigint AS amount_paid_rp, g.failed::bigint,
    (g.allocated - g.paid - g.failed)::bigint AS open, coalesce(g.paid_today, 0)::bigint AS paid_today, g.geotagged::bigint,
    NULL::bigint AS unsent
FROM grouped AS g LEFT JOIN areas_area AS a ON a.code = g.key
ORDER BY code

-- name: realisation
-- Allocated, paid, failed, geotagged and unsent now, by nation, region or branch.
WITH RECURSIVE part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s
),
sums AS (
    SELECT branch, sum(lines) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp, sum(failed) AS failed,
        sum(paid) FILTER (WHERE day = %(today)s::date) AS paid_today, sum(geotagged) AS geotagged
    FROM part
    WHERE branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
    GROUP BY branch
),
-- include: monitoring.by_office

-- name: realisation_then
-- The same as of a past moment. Whole days come from the tally, the part of the last day up to the moment from that day's facts.
-- known: count what was recorded by then; else (history loaded later) what happened by then.
WITH RECURSIVE
-- include: monitoring.branch_days
, part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s
),
-- include: monitoring.cut_day
, sums AS (
    SELECT branch, sum(lines) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp, sum(failed) AS failed,
        sum(paid_today) AS paid_today, sum(geotagged) AS geotagged
    FROM (
        SELECT p.branch, p.lines, p.amount_rp, p.paid, p.paid_rp, p.failed, CASE WHEN p.day = %(today)s::date THEN p.paid ELSE 0 END AS paid_today,
            p.geotagged
        FROM part AS p JOIN branch AS b ON b.id = p.branch
        WHERE CASE WHEN %(known)s THEN p.recorded_day ELSE p.day END < b.day_limit
        UNION ALL SELECT branch, 0, 0, paid, paid_rp, failed, paid, geotagged FROM cut_day
    ) AS all_days
    GROUP BY branch
),
-- include: monitoring.by_office

-- name: realisation_of_kabupaten
-- The same by kabupaten of some branches (or of all), from the tally of the boards: a kabupaten's number stands for its villages.
WITH part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s
),
sums AS (
    SELECT kabupaten * 1000000::bigint AS village, sum(lines) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp,
        sum(failed) AS failed, sum(paid) FILTER (WHERE day = %(today)s::date) AS paid_today, sum(geotagged) AS geotagged
    FROM part
    WHERE branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
    GROUP BY kabupaten
),
-- include: monitoring.by_area

-- name: realisation_of_areas
-- Allocated, paid, failed and geotagged now, by kecamatan or village of some branches (or of all).
WITH sums AS (
    SELECT village, sum(allocated) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp, sum(failed) AS failed,
        sum(paid_today) AS paid_today, sum(geotagged) AS geotagged
    FROM (
        SELECT branch, village, version, lines AS allocated, amount_rp, 0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS paid_today, 0 AS geotagged
        FROM danom_tally WHERE stage = %(stage)s
        UNION ALL
        SELECT branch, village, version, 0, 0, paid, paid_rp, failed, CASE WHEN day = %(today)s::date THEN paid ELSE 0 END, 0
        FROM payments_tally WHERE stage = %(stage)s
        UNION ALL
        SELECT branch, village, version, 0, 0, 0, 0, 0, 0, geotagged FROM evidence_tally WHERE stage = %(stage)s
    ) AS part
    WHERE version <= %(version)s AND (branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
        AND village BETWEEN %(first_village)s AND %(last_village)s
    GROUP BY village
),
-- include: monitoring.by_area

-- name: realisation_of_areas_then
-- The same as of a past moment.
WITH
-- include: monitoring.branch_days
,
-- include: monitoring.cut_day
, sums AS (
    SELECT village, sum(allocated) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp, sum(failed) AS failed,
        sum(paid_today) AS paid_today, sum(geotagged) AS geotagged
    FROM (
        SELECT t.village, t.lines AS allocated, t.amount_rp, 0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS paid_today, 0 AS geotagged
        FROM danom_tally AS t JOIN branch AS b ON b.id = t.branch WHERE t.stage = %(stage)s AND t.version <= %(version)s
        UNION ALL
        SELECT t.village, 0, 0, t.paid, t.paid_rp, t.failed, CASE WHEN t.day = %(today)s::date THEN t.paid ELSE 0 END, 0
        FROM payments_tally AS t JOIN branch AS b ON b.id = t.branch
        WHERE t.stage = %(stage)s AND t.version <= %(version)s AND CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit
        UNION ALL
        SELECT t.village, 0, 0, 0, 0, 0, 0, t.geotagged
        FROM evidence_tally AS t JOIN branch AS b ON b.id = t.branch
        WHERE t.stage = %(stage)s AND t.version <= %(version)s AND CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit
        UNION ALL
        SELECT village, 0, 0, paid, paid_rp, failed, paid, geotagged FROM cut_day
    ) AS part
    GROUP BY village
),
-- include: monitoring.by_area

-- name: offices_by_code
-- Which of these offices there are.
SELECT code FROM offices_office WHERE code = ANY (%(codes)s::text[])

-- name: place
-- An office with the way to it from the top of the tree, the branches below it, what their phones say they have not sent yet; and an area's names.
WITH RECURSIVE here AS (
    SELECT * FROM offices_office WHERE code = %(office)s::text
),
way AS (
    SELECT id, code, name, kind, parent_id, 0 AS up FROM here
    UNION ALL
    SELECT o.id, o.code, o.name, o.kind, o.parent_id, way.up + 1 FROM offices_office AS o JOIN way ON o.id = way.parent_id
),
below AS (
    SELECT id, kind FROM here
    UNION ALL
    SELECT o.id, o.kind FROM offices_office AS o JOIN below ON o.parent_id = below.id
)
SELECT here.id, here.code, here.name, here.kind, here.timezone,
    (SELECT array_agg(id ORDER BY up DESC) FROM way) AS way_ids,
    (SELECT array_agg(code ORDER BY up DESC) FROM way) AS way_codes,
    (SELECT array_agg(name ORDER BY up DESC) FROM way) AS way_names,
    (SELECT array_agg(kind ORDER BY up DESC) FROM way) AS way_kinds,
    (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM below WHERE kind IN ('KC', 'KCU')) AS branches,
    (
        SELECT coalesce(sum(d.unsent), 0)::bigint FROM field_device AS d
        WHERE d.branch_id IN (SELECT id FROM below) AND d.revoked_at IS NULL
            AND (d.last_stage_id = %(stage)s OR d.last_stage_id IS NULL)
    ) AS unsent,
    (SELECT a.name FROM areas_area AS a WHERE a.code = %(area)s::bigint AND a.level IN (2, 3)) AS area_name,
    (SELECT a.name FROM areas_area AS a WHERE a.code = %(area)s::bigint / 100 AND a.level = 2) AS kabupaten_name
FROM here

-- name: approved_versions
-- The versions of a stage's list that can be chosen, newest first, with what each brought.
SELECT version, name, approved_at FROM danom_batch
WHERE stage = %(stage)s AND approved_at IS NOT NULL
ORDER BY version DESC

-- name: days_of_offices
-- What each day brought to some branches (or to all): families paid and houses geotagged, as realisation counts them; days run by the branch's zone.
WITH
-- include: monitoring.branch_days
, part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
)
SELECT p.day, sum(p.paid)::bigint AS paid, sum(p.paid_rp)::bigint AS paid_rp, sum(p.geotagged)::bigint AS geotagged
FROM part AS p JOIN branch AS b ON b.id = p.branch
WHERE %(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN p.recorded_day ELSE p.day END < b.day_limit
GROUP BY p.day ORDER BY p.day

-- name: days_of_areas
-- The same for the villages below an area.
WITH
-- include: monitoring.branch_days
, part AS (
    SELECT t.day, t.paid, t.paid_rp, 0 AS geotagged
    FROM payments_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s AND t.village BETWEEN %(first_village)s AND %(last_village)s
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit)
    UNION ALL
    SELECT t.day, 0, 0, t.geotagged
    FROM evidence_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s AND t.village BETWEEN %(first_village)s AND %(last_village)s
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit)
)
SELECT day, sum(paid)::bigint AS paid, sum(paid_rp)::bigint AS paid_rp, sum(geotagged)::bigint AS geotagged
FROM part GROUP BY day ORDER BY day

-- name: trends_of_offices
-- Families paid by day for each line of a board of regions or branches: what its small curve is drawn from.
WITH RECURSIVE
-- include: monitoring.branch_days
, part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
),
up AS (
    SELECT b.id AS branch, o.id AS ancestor, o.parent_id, o.kind FROM branch AS b JOIN offices_office AS o ON o.id = b.id WHERE %(by)s = 'region'
    UNION ALL
    SELECT up.branch, o.id, o.parent_id, o.kind FROM up JOIN offices_office AS o ON o.id = up.parent_id WHERE up.kind <> 'REGION'
),
daily AS (
    SELECT CASE %(by)s WHEN 'region' THEN r.ancestor ELSE p.branch END AS key, p.day, sum(p.paid) AS paid
    FROM part AS p JOIN branch AS b ON b.id = p.branch LEFT JOIN up AS r ON r.branch = p.branch AND r.kind = 'REGION'
    WHERE %(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN p.recorded_day ELSE p.day END < b.day_limit
    GROUP BY 1, 2
)
SELECT key, array_agg(day - %(first_day)s::date ORDER BY day) AS days, array_agg(paid::bigint ORDER BY day) AS paid FROM daily GROUP BY key

-- name: trends_of_kabupaten
-- The same for a board of kabupaten.
WITH
-- include: monitoring.branch_days
, part AS (
    SELECT * FROM monitoring_tally WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
    UNION ALL SELECT * FROM monitoring_change WHERE stage = %(stage)s AND version <= %(version)s AND day > '-infinity'
),
daily AS (
    SELECT p.kabupaten AS key, p.day, sum(p.paid) AS paid
    FROM part AS p JOIN branch AS b ON b.id = p.branch
    WHERE %(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN p.recorded_day ELSE p.day END < b.day_limit
    GROUP BY 1, 2
)
SELECT key, array_agg(day - %(first_day)s::date ORDER BY day) AS days, array_agg(paid::bigint ORDER BY day) AS paid FROM daily GROUP BY key

-- name: trends_of_areas
-- The same for a board of kecamatan or villages.
WITH
-- include: monitoring.branch_days
, daily AS (
    SELECT CASE %(by)s WHEN 'kabupaten' THEN t.village / 1000000 WHEN 'kecamatan' THEN t.village / 10000 ELSE t.village END AS key, t.day, sum(t.paid) AS paid
    FROM payments_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s AND t.village BETWEEN %(first_village)s AND %(last_village)s
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit)
    GROUP BY 1, 2
)
SELECT key, array_agg(day - %(first_day)s::date ORDER BY day) AS days, array_agg(paid::bigint ORDER BY day) AS paid FROM daily GROUP BY key

-- name: branch_codes
-- The branch of each village below an area that has families of a stage; of several the first.
SELECT DISTINCT ON (t.village) t.village, o.code
FROM danom_tally AS t JOIN offices_office AS o ON o.id = t.branch
WHERE t.stage = %(stage)s AND t.village BETWEEN %(first_village)s AND %(last_village)s
    AND (t.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
ORDER BY t.village, o.code

-- name: planned_days
-- Families by the day on which the published plans of some branches (or of all) first call them.
WITH part AS (
-- include: monitoring/outlook.parts
)
SELECT day, sum(families)::bigint AS families FROM part
WHERE village BETWEEN %(first_village)s AND %(last_village)s
GROUP BY day ORDER BY day

-- name: take_tidying
-- One tidies up at a time; who comes second need not.
SELECT pg_try_advisory_xact_lock(hashtext('monitoring tidy')) AS taken

-- name: tidy
-- What changed since goes into the tally; a board that looks meanwhile sees both before or both after.
WITH moved AS (DELETE FROM monitoring_change RETURNING *)
INSERT INTO monitoring_tally
SELECT stage, branch, version, day, recorded_day, sum(lines), sum(amount_rp), sum(paid), sum(paid_rp), sum(failed), sum(geotagged), kabupaten, sum(news)
FROM moved GROUP BY stage, branch, kabupaten, version, day, recorded_day
ON CONFLICT (stage, branch, kabupaten, version, day, recorded_day) DO UPDATE
SET lines = monitoring_tally.lines + excluded.lines, amount_rp = monitoring_tally.amount_rp + excluded.amount_rp,
    paid = monitoring_tally.paid + excluded.paid, paid_rp = monitoring_tally.paid_rp + excluded.paid_rp,
    failed = monitoring_tally.failed + excluded.failed, geotagged = monitoring_tally.geotagged + excluded.geotagged,
    news = monitoring_tally.news + excluded.news
RETURNING 1 AS one

-- name: news
-- What an open board's figures hang on, by branch: how many changes its tally has seen, and what its phones have not sent. The same twice, and
-- a board of these branches would say the same twice.
SELECT n.branch, n.news, coalesce(p.unsent, 0)::bigint AS unsent
FROM (
    SELECT branch, sum(news)::bigint AS news
    FROM (SELECT stage, branch, news FROM monitoring_tally UNION ALL SELECT stage, branch, news FROM monitoring_change) AS seen
    WHERE stage = (SELECT id FROM programmes_stage WHERE code = %(stage)s) GROUP BY branch
) AS n
LEFT JOIN (
    SELECT branch_id AS branch, sum(unsent) AS unsent FROM field_device WHERE revoked_at IS NULL AND unsent > 0 GROUP BY branch_id
) AS p ON p.branch = n.branch

-- name: waiting
-- How many changes wait to be tidied up, as far as the last look of the database's own statistics tells; exact while they are few.
SELECT count(*) AS waiting FROM (SELECT FROM monitoring_change LIMIT %(most)s) AS c

-- name: recount_tally
-- Days of branches where the tally of monitoring says something else than the tallies of danom, payments and evidence.
WITH kept AS (
    SELECT branch, kabupaten, version, day, recorded_day, sum(lines)::bigint AS lines, sum(amount_rp)::bigint AS amount_rp, sum(paid)::bigint AS paid, sum(paid_rp)::bigint AS paid_rp,
        sum(failed)::bigint AS failed, sum(geotagged)::bigint AS geotagged
    FROM (SELECT * FROM monitoring_tally UNION ALL SELECT * FROM monitoring_change) AS m
    WHERE stage = %(stage)s GROUP BY branch, kabupaten, version, day, recorded_day
),
counted AS (
    SELECT branch, kabupaten, version, day, recorded_day, sum(lines)::bigint AS lines, sum(amount_rp)::bigint AS amount_rp, sum(paid)::bigint AS paid, sum(paid_rp)::bigint AS paid_rp,
        sum(failed)::bigint AS failed, sum(geotagged)::bigint AS geotagged
    FROM (
        SELECT branch, village / 1000000 AS kabupaten, version, '-infinity'::date AS day, '-infinity'::date AS recorded_day, lines, amount_rp,
            0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS geotagged
        FROM danom_tally WHERE stage = %(stage)s
        UNION ALL SELECT branch, village / 1000000, version, day, recorded_day, 0, 0, paid, paid_rp, failed, 0 FROM payments_tally WHERE stage = %(stage)s
        UNION ALL SELECT branch, village / 1000000, version, day, recorded_day, 0, 0, 0, 0, 0, geotagged FROM evidence_tally WHERE stage = %(stage)s
    ) AS t
    GROUP BY branch, kabupaten, version, day, recorded_day
)
SELECT count(*) AS checked, count(*) FILTER (WHERE broken) AS broken,
    coalesce((array_agg('branch ' || branch || ' in ' || kabupaten || ' ' || day || ': ' || kept || ' kept, ' || counted || ' counted') FILTER (WHERE broken))[1:10], '{}') AS examples
FROM (
    SELECT branch, kabupaten, day,
        coalesce((k.lines, k.amount_rp, k.paid, k.paid_rp, k.failed, k.geotagged), (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint))
            IS DISTINCT FROM
        coalesce((c.lines, c.amount_rp, c.paid, c.paid_rp, c.failed, c.geotagged), (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint))
            AS broken,
        coalesce((k.lines, k.paid, k.failed, k.geotagged)::text, '-') AS kept, coalesce((c.lines, c.paid, c.failed, c.geotagged)::text, '-') AS counted
    FROM kept AS k FULL JOIN counted AS c USING (branch, kabupaten, version, day, recorded_day)
) AS compared

-- name: quotations
-- The last percentage published of each office of a stage, up to a day.
SELECT DISTINCT ON (q.office_id) q.office_id AS office, q.percent, q.source, q.date
FROM monitoring_quotation AS q
WHERE q.stage_id = %(stage)s AND q.date <= %(until)s
ORDER BY q.office_id, q.date DESC, q.id DESC

-- name: load_quotations
-- Keep published percentages; those kept already stay as they are.
INSERT INTO monitoring_quotation (stage_id, office_id, percent, source, date)
SELECT %(stage)s, o.id, q.percent, q.source, q.date
FROM unnest(%(offices)s::text[], %(percents)s::text[], %(sources)s::text[], %(dates)s::date[]) AS q (office, percent, source, date)
JOIN offices_office AS o ON o.code = q.office
ON CONFLICT DO NOTHING
RETURNING id

-- name: overview
-- Every stage with what is allocated and paid within a viewer's branches, newest first: the way in.
SELECT s.code, p.name AS programme, s.period_from, s.period_to, s.opens, s.deadline,
    coalesce(a.allocated, 0)::bigint AS allocated, coalesce(t.paid, 0)::bigint AS paid, coalesce(t.paid_rp, 0)::bigint AS paid_rp
FROM programmes_stage AS s
JOIN programmes_programme AS p ON p.id = s.programme_id
LEFT JOIN LATERAL (
    SELECT sum(d.lines) AS allocated FROM danom_tally AS d
    WHERE d.stage = s.id AND (d.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
) AS a ON true
LEFT JOIN LATERAL (
    SELECT sum(y.paid) AS paid, sum(y.paid_rp) AS paid_rp FROM payments_tally AS y
    WHERE y.stage = s.id AND (y.branch = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
) AS t ON true
ORDER BY s.opens DESC, s.code DESC
