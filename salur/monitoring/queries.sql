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

-- name: realisation
-- Allocated, paid, failed and geotagged per nation, region, branch, kecamatan or village, now or as of a past moment.
-- Whole days come from the tallies; the part of the last day up to the moment is counted from that day's facts.
-- known: count what was recorded by then; else (history loaded later) what happened by then.
-- version: only the families of the list up to that version, in the allocation and in what was done for them.
WITH RECURSIVE above AS (
    SELECT id AS office, id AS ancestor, parent_id, kind FROM offices_office
    UNION ALL
    SELECT above.office, o.id, o.parent_id, o.kind FROM above JOIN offices_office AS o ON o.id = above.parent_id
),
branch AS (
    SELECT o.id, o.code, o.name, (
            SELECT ancestor FROM above WHERE above.office = o.id AND above.kind = 'REGION' LIMIT 1
        ) AS region,
        ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date AS day_limit,
        ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date::timestamp AT TIME ZONE o.timezone AS day_starts,
        o.timezone
    FROM offices_office AS o
    WHERE o.id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
),
allocation AS (
    SELECT t.branch, t.village, sum(t.lines) AS allocated, sum(t.amount_rp) AS amount_rp
    FROM danom_tally AS t
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
    GROUP BY t.branch, t.village
),
paid_days AS (
    SELECT t.branch, t.village, sum(t.paid) AS paid, sum(t.paid_rp) AS paid_rp, sum(t.failed) AS failed,
        sum(t.paid) FILTER (WHERE t.day = %(today)s::date) AS paid_today
    FROM payments_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit)
    GROUP BY t.branch, t.village
),
-- The part of the day that the moment cuts: facts between its local midnight and the moment.
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
geotag_days AS (
    SELECT t.branch, t.village, sum(t.geotagged) AS geotagged
    FROM evidence_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
        AND (%(as_of)s::timestamptz IS NULL OR CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit)
    GROUP BY t.branch, t.village
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
village AS (
    SELECT branch, village, sum(allocated) AS allocated, sum(amount_rp) AS amount_rp, sum(paid) AS paid, sum(paid_rp) AS paid_rp,
        sum(failed) AS failed, sum(paid_today) AS paid_today, sum(geotagged) AS geotagged
    FROM (
        SELECT branch, village, allocated, amount_rp, 0 AS paid, 0 AS paid_rp, 0 AS failed, 0 AS paid_today, 0 AS geotagged FROM allocation
        UNION ALL SELECT branch, village, 0, 0, paid, paid_rp, failed, coalesce(paid_today, 0), 0 FROM paid_days
        UNION ALL SELECT branch, village, 0, 0, paid, paid_rp, failed, paid, 0 FROM cut_families
        UNION ALL SELECT branch, village, 0, 0, 0, 0, 0, 0, geotagged FROM geotag_days
        UNION ALL SELECT branch, village, 0, 0, 0, 0, 0, 0, geotagged FROM geotag_cut
    ) AS parts
    WHERE village BETWEEN %(first_village)s AND %(last_village)s
    GROUP BY branch, village
),
grouped AS (
    SELECT CASE %(by)s::text
            WHEN 'nation' THEN 0
            WHEN 'region' THEN b.region
            WHEN 'branch' THEN b.id
            WHEN 'kecamatan' THEN v.village / 10000
            WHEN 'village' THEN v.village
        END AS key,
        sum(v.allocated) AS allocated, sum(v.amount_rp) AS amount_rp, sum(v.paid) AS paid, sum(v.paid_rp) AS paid_rp,
        sum(v.failed) AS failed, sum(v.paid_today) AS paid_today, sum(v.geotagged) AS geotagged
    FROM village AS v JOIN branch AS b ON b.id = v.branch
    GROUP BY 1
)
SELECT g.key, coalesce(o.code, a.code::text, '') AS code, coalesce(o.name, a.name, '') AS name,
    g.allocated::bigint, g.amount_rp::bigint, g.paid::bigint, g.paid_rp::bigint AS amount_paid_rp, g.failed::bigint,
    (g.allocated - g.paid - g.failed)::bigint AS open, g.paid_today::bigint, g.geotagged::bigint
FROM grouped AS g
LEFT JOIN offices_office AS o ON %(by)s::text IN ('region', 'branch') AND o.id = g.key
LEFT JOIN areas_area AS a ON %(by)s::text IN ('kecamatan', 'village') AND a.code = g.key
ORDER BY code

-- name: offices_by_code
-- Which of these offices there are.
SELECT code FROM offices_office WHERE code = ANY (%(codes)s::text[])

-- name: place
-- An office with the way to it from the top of the tree, and the branches below it.
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
    (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM below WHERE kind IN ('KC', 'KCU')) AS branches
FROM here

-- name: approved_versions
-- The versions of a stage's list that can be chosen, newest first, with what each brought.
SELECT version, name, approved_at FROM danom_batch
WHERE stage = %(stage)s AND approved_at IS NOT NULL
ORDER BY version DESC

-- name: days
-- What each day brought: families paid and houses geotagged, as realisation counts them; days run by the branch's own zone.
WITH branch AS (
    SELECT o.id, ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date AS day_limit
    FROM offices_office AS o
    WHERE o.id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL
),
part AS (
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
