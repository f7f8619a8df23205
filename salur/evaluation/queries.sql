-- name: place
-- An office with the way to it from the top of the tree, the branches below it, and the offices below it with their parents.
WITH RECURSIVE here AS (
    SELECT * FROM offices_office WHERE code = %(office)s::text
),
way AS (
    SELECT id, parent_id, 0 AS up FROM here
    UNION ALL
    SELECT o.id, o.parent_id, way.up + 1 FROM offices_office AS o JOIN way ON o.id = way.parent_id
),
below AS (
    SELECT id, code, kind, NULL::text AS parent FROM here
    UNION ALL
    SELECT o.id, o.code, o.kind, below.code FROM offices_office AS o JOIN below ON o.parent_id = below.id
)
SELECT here.id, here.code, here.name, here.kind, here.timezone,
    (SELECT array_agg(id ORDER BY up DESC) FROM way) AS way_ids,
    (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM below WHERE kind IN ('KC', 'KCU')) AS branches,
    (SELECT array_agg(code ORDER BY code) FROM below WHERE kind <> 'KCP') AS codes,
    (SELECT array_agg(parent ORDER BY code) FROM below WHERE kind <> 'KCP') AS parents,
    (SELECT coalesce(array_agg(code), '{}') FROM below WHERE kind IN ('KC', 'KCU')) AS branch_codes
FROM here

-- name: regions
-- The regions that have a branch among those given (all when none are named), with how many.
WITH RECURSIVE above AS (
    SELECT o.id AS branch, o.parent_id FROM offices_office AS o
    WHERE o.kind IN ('KC', 'KCU') AND (o.id = ANY (%(branches)s::integer[]) OR %(branches)s::integer[] IS NULL)
    UNION ALL
    SELECT above.branch, o.parent_id FROM above JOIN offices_office AS o ON o.id = above.parent_id
)
SELECT r.code, r.name, count(*) AS branches
FROM above JOIN offices_office AS r ON r.id = above.parent_id AND r.kind = 'REGION'
GROUP BY r.id ORDER BY r.code

-- name: region_of
-- The region above an office, or the office itself when it is one.
WITH RECURSIVE way AS (
    SELECT id, code, kind, parent_id FROM offices_office WHERE id = %(office)s
    UNION ALL
    SELECT o.id, o.code, o.kind, o.parent_id FROM offices_office AS o JOIN way ON o.id = way.parent_id
)
SELECT code FROM way WHERE kind = 'REGION'

-- name: days
-- What each day brought to each branch, as realisation counts it: families paid and houses located, by the branch's own days.
WITH branch AS (
    SELECT o.id, ((%(as_of)s::timestamptz + interval '1 microsecond') AT TIME ZONE o.timezone)::date AS day_limit
    FROM offices_office AS o
    WHERE o.id = ANY (%(branches)s::integer[])
),
part AS (
    SELECT t.branch, t.day, t.paid, 0 AS geotagged
    FROM payments_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
        AND CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit
    UNION ALL
    SELECT t.branch, t.day, 0, t.geotagged
    FROM evidence_tally AS t JOIN branch AS b ON b.id = t.branch
    WHERE t.stage = %(stage)s AND t.version <= %(version)s
        AND CASE WHEN %(known)s THEN t.recorded_day ELSE t.day END < b.day_limit
)
SELECT branch, day, sum(paid)::bigint AS paid, sum(geotagged)::bigint AS geotagged
FROM part GROUP BY branch, day
HAVING sum(paid) <> 0 OR sum(geotagged) <> 0
ORDER BY branch, day

-- name: productivity
-- Families paid on each channel and terrain, and the officers' days that belong to it: those with most of their payments there.
-- Terrain is what the register of areas tells: the seventh digit of a village's code is 1 for a kelurahan and 2 for a desa.
WITH branch AS (
    SELECT id, timezone FROM offices_office WHERE id = ANY (%(branches)s::integer[])
),
visited AS (
    SELECT p.branch, p.officer, (p.paid_at AT TIME ZONE b.timezone)::date AS day, p.channel, e.village, count(*) AS families
    FROM branch AS b
    JOIN payments_payment AS p ON p.stage = %(stage)s AND p.branch = b.id
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
    LEFT JOIN payments_void AS v ON (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
        AND CASE WHEN %(known)s THEN v.recorded_at ELSE v.voided_at END <= %(as_of)s::timestamptz
    WHERE v.id IS NULL AND e.version <= %(version)s AND CASE WHEN %(known)s THEN p.recorded_at ELSE p.paid_at END <= %(as_of)s::timestamptz
    GROUP BY 1, 2, 3, 4, 5
),
sorted AS (
    SELECT v.branch, v.officer, v.day, k.by, k.key, sum(v.families) AS families
    FROM visited AS v
    LEFT JOIN areas_area AS a ON a.code = v.village
    CROSS JOIN LATERAL (
        VALUES ('channel', v.channel::text),
            ('terrain', CASE WHEN a.online IS FALSE THEN 'no_signal' WHEN v.village / 1000 %% 10 = 1 THEN 'town' ELSE 'village' END)
    ) AS k(by, key)
    GROUP BY v.branch, v.officer, v.day, k.by, k.key
),
officer_day AS (
    SELECT branch, by, key, families, sum(families) OVER of_day AS day_families, row_number() OVER (of_day ORDER BY families DESC, key) AS place
    FROM sorted
    WINDOW of_day AS (PARTITION BY branch, officer, day, by)
)
SELECT branch, by, key, sum(families)::bigint AS families, count(*) FILTER (WHERE place = 1) AS officer_days,
    coalesce(sum(day_families) FILTER (WHERE place = 1), 0)::bigint AS day_families
FROM officer_day
GROUP BY branch, by, key
ORDER BY branch, by, key

-- name: unpaid
-- Families without a standing payment, by the reason of their last visit; `not_visited` where there was none.
SELECT e.branch, coalesce(f.reason, 'not_visited') AS reason, count(*) AS families
FROM danom_entitlement AS e
LEFT JOIN LATERAL (
    SELECT f.reason FROM payments_failure AS f
    WHERE (f.stage, f.branch, f.entitlement) = (e.stage, e.branch, e.id)
        AND CASE WHEN %(known)s THEN f.recorded_at ELSE f.visited_at END <= %(as_of)s::timestamptz
    ORDER BY f.visited_at DESC, f.id DESC LIMIT 1
) AS f ON true
WHERE e.stage = %(stage)s AND e.branch = ANY (%(branches)s::integer[]) AND e.version <= %(version)s
    AND NOT EXISTS (
        SELECT FROM payments_payment AS p
        WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id)
            AND CASE WHEN %(known)s THEN p.recorded_at ELSE p.paid_at END <= %(as_of)s::timestamptz
            AND NOT EXISTS (
                SELECT FROM payments_void AS v
                WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round)
                    AND CASE WHEN %(known)s THEN v.recorded_at ELSE v.voided_at END <= %(as_of)s::timestamptz
            )
    )
GROUP BY e.branch, reason
ORDER BY e.branch, families DESC, reason

-- name: cash
-- Counts of vaults and floats between two moments, and what differed from the books: a bag has no stages, so the stage's days tell.
SELECT branch_id AS branch, count(*) AS counts, count(*) FILTER (WHERE counted_rp <> expected_rp) AS differing,
    coalesce(sum(expected_rp - counted_rp) FILTER (WHERE counted_rp < expected_rp), 0)::bigint AS short_rp,
    coalesce(sum(counted_rp - expected_rp) FILTER (WHERE counted_rp > expected_rp), 0)::bigint AS over_rp
FROM custody_count
WHERE branch_id = ANY (%(branches)s::integer[]) AND counted_at BETWEEN %(since)s::timestamptz AND %(as_of)s::timestamptz
GROUP BY branch_id

-- name: cases
-- Cases of a stage by branch as of a moment, open and decided.
SELECT c.branch, count(*) FILTER (WHERE last.act IS DISTINCT FROM 'decided') AS open, count(*) FILTER (WHERE last.act = 'decided') AS decided
FROM cases_case AS c
LEFT JOIN LATERAL (
    SELECT act FROM cases_event AS e
    WHERE e.case_id = c.id AND e.act <> 'noted' AND e.at <= %(as_of)s::timestamptz ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE c.stage = %(stage)s AND c.branch = ANY (%(branches)s::integer[]) AND c.opened_at <= %(as_of)s::timestamptz
GROUP BY c.branch

-- name: hires
-- The officers hired from outside who paid a family, visited one in vain or located a house in a stage up to a moment, by branch.
SELECT b.id AS branch, count(*) AS hires
FROM offices_office AS b
JOIN offices_officer AS f ON f.branch_id = b.id AND f.kind = 'external'
WHERE b.id = ANY (%(branches)s::integer[]) AND f.id IN (
    SELECT p.officer FROM payments_payment AS p
    WHERE p.stage = %(stage)s AND p.branch = ANY (%(branches)s::integer[])
        AND CASE WHEN %(known)s THEN p.recorded_at ELSE p.paid_at END <= %(as_of)s::timestamptz
    UNION
    SELECT x.officer FROM payments_failure AS x
    WHERE x.stage = %(stage)s AND x.branch = ANY (%(branches)s::integer[])
        AND CASE WHEN %(known)s THEN x.recorded_at ELSE x.visited_at END <= %(as_of)s::timestamptz
    UNION
    SELECT g.officer FROM evidence_geotag AS g
    WHERE g.stage = %(stage)s AND g.branch = ANY (%(branches)s::integer[])
        AND CASE WHEN %(known)s THEN g.recorded_at ELSE g.taken_at END <= %(as_of)s::timestamptz
)
GROUP BY b.id

-- name: complaints
-- Complaints by branch as of a moment: those that name the stage, and those of its days that name none.
SELECT c.branch_id AS branch, count(*) AS received, count(*) FILTER (WHERE last.step = 'answered') AS answered,
    count(*) FILTER (WHERE CASE WHEN last.step = 'answered' THEN last.at ELSE %(as_of)s::timestamptz END > c.due_at) AS late
FROM oversight_complaint AS c
JOIN LATERAL (
    SELECT step, at FROM oversight_complaint_step AS s
    WHERE s.complaint_id = c.id AND s.at <= %(as_of)s::timestamptz ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE c.branch_id = ANY (%(branches)s::integer[]) AND c.received_at <= %(as_of)s::timestamptz
    AND (c.stage_id = %(stage)s OR c.stage_id IS NULL AND c.received_at >= %(since)s::timestamptz)
GROUP BY c.branch_id

-- name: notes
-- What branches say helped and hindered, as it stands: notes that no later one stands for.
SELECT n.id, o.code AS branch, n.branch_id, n.side, n.tag, n.text, n.written_by, n.written_at
FROM evaluation_note AS n
JOIN offices_office AS o ON o.id = n.branch_id
WHERE n.stage_id = %(stage)s AND n.branch_id = ANY (%(branches)s::integer[]) AND n.text <> ''
    AND NOT EXISTS (SELECT FROM evaluation_note AS later WHERE later.replaces_id = n.id)
ORDER BY n.side, n.tag, o.code, n.written_at

-- name: published
-- What was published of offices up to a day: percentages (monitoring's quotations) and counts, as printed.
SELECT o.code AS office, o.name, 'paid_percent' AS measure, q.percent AS printed, q.source, q.date
FROM monitoring_quotation AS q JOIN offices_office AS o ON o.id = q.office_id
WHERE q.stage_id = %(stage)s AND q.date <= %(until)s AND o.code = ANY (%(offices)s::text[])
UNION ALL
SELECT o.code, o.name, f.measure, f.printed, f.source, f.date
FROM evaluation_figure AS f JOIN offices_office AS o ON o.id = f.office_id
WHERE f.stage_id = %(stage)s AND f.date <= %(until)s AND o.code = ANY (%(offices)s::text[])
ORDER BY date, source, office, measure

-- name: load_figures
-- Keep published counts; those kept already stay as they are.
INSERT INTO evaluation_figure (stage_id, office_id, measure, printed, source, date)
SELECT %(stage)s, o.id, f.measure, f.printed, f.source, f.date
FROM unnest(%(offices)s::text[], %(measures)s::text[], %(printed)s::text[], %(sources)s::text[], %(dates)s::date[])
    AS f (office, measure, printed, source, date)
JOIN offices_office AS o ON o.code = f.office
ON CONFLICT DO NOTHING
RETURNING id

-- name: earlier_stages
-- The stages of the same programme that opened before, the latest first.
SELECT e.id, e.code, e.period_from, e.period_to
FROM programmes_stage AS s JOIN programmes_stage AS e ON e.programme_id = s.programme_id AND e.opens < s.opens
WHERE s.id = %(stage)s
    AND EXISTS (SELECT FROM danom_tally AS t WHERE t.stage = e.id AND t.branch = ANY (%(branches)s::integer[]))
ORDER BY e.opens DESC LIMIT %(limit)s

-- name: offices_by_code
-- Which of these offices there are.
SELECT code FROM offices_office WHERE code = ANY (%(codes)s::text[])

-- name: recount_notes
-- Notes that stand for another one, and whether that is of the same branch and stage.
SELECT n.id, n.replaces_id AS replaces, (n.branch_id, n.stage_id) <> (before.branch_id, before.stage_id) AS broken
FROM evaluation_note AS n JOIN evaluation_note AS before ON before.id = n.replaces_id
WHERE n.stage_id = %(stage)s
